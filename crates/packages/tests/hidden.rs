//! Code in places where the platform does not look for it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod support;

use bytes::{Budget, ByteSource, Limits};

/// An archive of stored members.
fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let offset = out.len() as u32;
        let sum = crc32(bytes);
        let fields = |out: &mut Vec<u8>| {
            out.extend([10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.extend(sum.to_le_bytes());
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend((name.len() as u16).to_le_bytes());
            out.extend([0, 0]);
        };
        out.extend(b"PK\x03\x04");
        fields(&mut out);
        out.extend(name.as_bytes());
        out.extend(bytes);
        directory.extend(b"PK\x01\x02\x0a\x00");
        fields(&mut directory);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    let count = (members.len() as u16).to_le_bytes();
    out.extend(count);
    out.extend(count);
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// CRC-32 as PKWARE's note has it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

fn dex() -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/code/shapes-035.dex");
    ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

fn masked(bytes: &[u8], key: u8) -> Vec<u8> {
    masked_with(bytes, &[key])
}

fn masked_with(bytes: &[u8], key: &[u8]) -> Vec<u8> {
    bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

#[test]
fn code_is_found_with_the_way_to_it() {
    let dex = dex();
    let jar = archive(&[("classes.dex", dex.clone()), ("META-INF/MANIFEST.MF", b"x".to_vec())]);
    let picture = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![7; 70_000], dex.clone(), vec![9; 50]].concat();
    let bytes = archive(&[
        ("classes.dex", dex.clone()),
        ("assets/plugin.jar", jar.clone()),
        ("assets/payload.bin", masked(&dex, 0x5a)),
        ("assets/packed.dat", masked(&jar, 0xa7)),
        ("res/raw/more", dex.clone()),
        ("res/drawable/logo.png", picture),
        ("lib/armeabi/libplain.so", [b"\x7fELF".to_vec(), vec![1; 300]].concat()),
        ("assets/text.txt", b"dex dex dex dex\n035 ".repeat(100)),
    ]);
    let package = support::open(bytes);
    assert_eq!(package.code_files.len(), 1);
    let ways: Vec<_> =
        package.hidden_files.iter().map(|file| file.path.strip_prefix("/system/app/App/App.apk!").unwrap()).collect();
    let expected = [
        "assets/plugin.jar!classes.dex",
        "assets/payload.bin!xor-0x5a",
        "assets/packed.dat!xor-0xa7!classes.dex",
        "res/raw/more",
        "res/drawable/logo.png!dex@0x11178",
    ];
    assert_eq!(ways, expected);
    for file in &package.hidden_files {
        assert_eq!(file.source.to_vec(&support::budget(), "found").unwrap(), dex, "{}", file.path);
    }
    assert_eq!(package.natives.len(), 1);
    assert!(package.file_names.contains(&"libplain.so".to_owned()));
    assert!(package.sealed.is_empty());
}

#[test]
fn a_mask_of_several_bytes_is_found_by_what_every_header_holds() {
    let dex = dex();
    for key in [&b"k3"[..], b"key", b"\0\0\0\x01", b"seven77", b"twelve bytes", b"sixteen bytes ok"] {
        let package = support::open(archive(&[("classes.dex", dex.clone()), ("assets/a.bin", masked_with(&dex, key))]));
        let [file] = package.hidden_files.as_slice() else { panic!("{key:?}: {:?}", package.hidden_files) };
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(file.path.ends_with(&format!("!assets/a.bin!xor-0x{digits}")), "{}", file.path);
        assert_eq!(file.source.to_vec(&support::budget(), "found").unwrap(), dex);
    }
    // Longer than what is known of a header.
    let key = b"a key of seventeen";
    let package = support::open(archive(&[("classes.dex", dex.clone()), ("assets/a.bin", masked_with(&dex, key))]));
    assert!(package.hidden_files.is_empty());
}

#[test]
fn what_is_wrong_with_a_carried_manifest_is_told_of_what_is_carried() {
    let plugin = archive(&[("AndroidManifest.xml", vec![3; 40]), ("classes.dex", dex())]);
    let package = support::open(archive(&[("classes.dex", dex()), ("assets/plugin.apk", plugin)]));
    let [carried] = package.carried.as_slice() else { panic!("{:?}", package.carried) };
    assert!(carried.path.ends_with("!assets/plugin.apk"), "{}", carried.path);
    assert!(
        carried.problems.iter().any(|problem| problem.starts_with("AndroidManifest.xml: ")),
        "{:?}",
        carried.problems
    );
    assert!(package.problems.iter().all(|problem| !problem.contains("plugin.apk")), "{:?}", package.problems);
    assert_eq!(package.hidden_files.len(), 1, "its code is found all the same");
}

#[test]
fn cipher_text_is_named_and_media_are_not() {
    let mut dice = support::Dice::new(7);
    let noise: Vec<u8> = (0..70_000).map(|_| dice.below(256) as u8).collect();
    let media = [b"OggS".to_vec(), noise.clone()].concat();
    let text: Vec<u8> = b"Plain text is not spread like that. ".repeat(3000);
    let package = support::open(archive(&[("assets/a.bin", noise), ("assets/b.ogg", media), ("assets/c", text)]));
    assert_eq!(package.sealed, ["/system/app/App/App.apk!assets/a.bin (70000 bytes)"]);
}

#[test]
fn archives_in_archives_end_somewhere() {
    let mut inner = archive(&[("classes.dex", dex())]);
    for _ in 0..8 {
        inner = archive(&[("next.zip", inner)]);
    }
    let package = support::open(inner);
    assert!(package.hidden_files.is_empty());
    assert!(package.problems.iter().any(|text| text.contains("archive in an archive")), "{:?}", package.problems);
}

/// Packages with code in all the places, in a thousand damaged copies each: no panic, and what is told as code begins like it.
#[test]
fn damaged_packages_are_searched_to_an_end() {
    let mut dice = support::Dice::new(0x5ea1);
    for name in ["archived.apk", "masked.apk", "appended.apk", "sealed.apk"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hidden").join(name);
        let good = ByteSource::open(&path).unwrap().to_vec(&support::budget(), "fixture").unwrap();
        for _ in 0..1000 {
            let bytes = support::mutated(&good, &mut dice);
            let package = support::open(bytes);
            let has = |found: &packages::CodeFile, magic: &[u8]| found.source.has(0, magic);
            assert!(package.hidden_files.iter().all(|found| has(found, b"dex\n")), "{name}");
            assert!(package.natives.is_empty(), "{name}");
        }
    }
}
