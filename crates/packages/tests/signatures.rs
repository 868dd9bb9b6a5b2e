//! Signers against `apksigner`, and signatures that do not hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "helpers of tests"
)]

mod support;

use packages::Package;
use support::{fixture, fixture_text, open};

const SIGNED: [&str; 15] = [
    "v1-rsa1024-sha1",
    "v1-rsa1024-md5",
    "v1-rsa2048-sha256",
    "v1-dsa1024-sha1",
    "v1-p256-sha256",
    "v12-rsa1024",
    "v123-rsa2048",
    "v23-rsa4096",
    "v2-rsa2048",
    "v2-dsa1024",
    "v2-p521",
    "v23-p256",
    "v3-p384",
    "v12-two-signers",
    "image-platform",
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The values behind `key` in the oracle's output.
fn values(text: &str, key: &str) -> Vec<String> {
    let mut values: Vec<String> =
        text.lines().filter_map(|line| Some(line.split_once(key)?.1.trim().to_owned())).collect();
    values.sort();
    values
}

fn schemes(text: &str) -> Vec<u8> {
    let holds = |scheme: &u8| {
        text.contains(&format!("Verified using v{scheme} scheme"))
            && text.lines().any(|line| line.contains(&format!("using v{scheme} scheme")) && line.ends_with("true"))
    };
    (1..=3).filter(holds).collect()
}

#[test]
fn signers_are_those_that_apksigner_verifies() {
    for name in SIGNED {
        let oracle = fixture_text(&format!("{name}.apk.signers"));
        assert!(oracle.starts_with("Verifies"), "{name}: the oracle must verify");
        let package = open(fixture(&format!("{name}.apk")));
        let mut certificates: Vec<String> =
            package.signers.iter().map(|signer| hex(&signer.certificate_sha256)).collect();
        certificates.sort();
        assert_eq!(certificates, values(&oracle, "certificate SHA-256 digest: "), "{name}");
        let mut subjects: Vec<String> = package.signers.iter().map(|signer| signer.subject.clone()).collect();
        subjects.sort();
        assert_eq!(subjects, values(&oracle, "certificate DN: "), "{name}");
        for signer in &package.signers {
            assert_eq!(signer.verified, Ok(()), "{name}");
            assert_eq!(signer.schemes, schemes(&oracle), "{name}");
        }
        assert_eq!(package.problems, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn after_a_change_of_key_the_new_one_stands_first_and_the_old_one_is_kept() {
    let oracle = fixture_text("v123-rotated.apk.signers");
    let package = open(fixture("v123-rotated.apk"));
    let [new, old] = package.signers.as_slice() else { panic!("two signers") };
    assert_eq!([hex(&new.certificate_sha256)].as_slice(), values(&oracle, "certificate SHA-256 digest: "));
    assert_eq!((&new.schemes, &new.verified), (&vec![3], &Ok(())));
    assert_eq!((&old.schemes, &old.verified), (&vec![1, 2], &Ok(())));
}

/// The file with one byte changed where `needle` starts.
fn with_change(name: &str, needle: &[u8]) -> Package {
    let mut bytes = fixture(name);
    let at = bytes.windows(needle.len()).position(|window| window == needle).expect("needle is in the file");
    bytes[at] ^= 0x20;
    open(bytes)
}

fn reason(package: &Package) -> String {
    package.signers.first().expect("certificate is kept").verified.clone().expect_err("must not verify")
}

#[test]
fn a_changed_member_breaks_every_scheme_and_keeps_the_certificate() {
    let cases = [
        ("v1-rsa1024-sha1.apk", "v1: member classes.dex: digest does not match"),
        ("v1-rsa1024-md5.apk", "v1: member classes.dex: digest does not match"),
        ("v2-rsa2048.apk", "v2: digest of the contents does not match"),
        ("v3-p384.apk", "v3: digest of the contents does not match"),
        ("v123-rsa2048.apk", "v3: digest of the contents does not match"),
    ];
    for (name, expected) in cases {
        let package = with_change(name, b"stand-in");
        assert_eq!(reason(&package), expected, "{name}");
        assert_eq!(package.name, "org.example.tide", "{name}: the rest is still read");
    }
    let package = with_change("v123-rsa2048.apk", b"stand-in");
    for scheme in ["v1: ", "v2: "] {
        assert!(package.problems.iter().any(|problem| problem.starts_with(scheme)), "{scheme}");
    }
}

#[test]
fn any_byte_changed_in_a_file_signed_by_scheme_2_breaks_it() {
    let good = fixture("v2-rsa2048.apk");
    let word = |id: u32| {
        let at = good.windows(4).position(|window| window == id.to_le_bytes());
        at.unwrap_or(good.len())
    };
    // What nothing covers: the length of the scheme's pair in the block, and the padding pair that aligns the block.
    let scheme = word(0x7109_871a);
    let padding = word(0x4272_6577) - 8;
    let magic = good.windows(16).position(|window| window == b"APK Sig Block 42").expect("signing block");
    let mut checked = 0;
    for at in (0..good.len()).filter(|at| *at < padding || *at >= magic).step_by(3) {
        if (scheme - 8..scheme).contains(&at) {
            continue;
        }
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let package = open(bytes);
        assert!(package.signers.iter().all(|signer| signer.verified.is_err()), "byte {at:#x}");
        checked += 1;
    }
    assert!(checked > 800, "{checked}");
}

#[test]
fn a_signature_taken_out_of_the_file_is_noticed() {
    // Without its magic the signing block is not found, but the older scheme promised it.
    for name in ["v12-rsa1024.apk", "v123-rsa2048.apk"] {
        let package = with_change(name, b"APK Sig Block 42");
        assert!(reason(&package).contains("was taken out of the file"), "{name}: {}", reason(&package));
    }
    // Scheme 3 renamed to an id nobody knows: scheme 2 promised it.
    let mut needle = 0xf053_68c0_u32.to_le_bytes().to_vec();
    needle.truncate(4);
    let package = with_change("v123-rsa2048.apk", &needle);
    assert_eq!(reason(&package), "v2: signature of scheme 3 was taken out of the file");
}

#[test]
fn a_changed_signature_file_or_block_of_scheme_1_does_not_verify() {
    // Stored members only: rewrite the archive without compression, then change the signature files.
    let good = fixture("v1-rsa1024-sha1.apk");
    assert!(open(stored(&good, &|_, _| {})).signers[0].verified.is_ok(), "repacking alone changes nothing");
    let cases: [(&str, &str); 4] = [
        ("META-INF/MANIFEST.MF", "digest does not match"),
        ("META-INF/CERT.SF", "message digest of the signed attributes does not match"),
        ("META-INF/CERT.RSA", "signature does not match the public key"),
        ("AndroidManifest.xml", "member AndroidManifest.xml: digest does not match"),
    ];
    for (name, expected) in cases {
        let package = open(stored(&good, &|member, bytes| {
            if member == name {
                let last = bytes.len() - 8;
                bytes[last] ^= 1;
            }
        }));
        assert!(reason(&package).contains(expected), "{name}: {}", reason(&package));
    }
}

#[test]
fn a_member_that_no_signature_covers_is_noticed_and_a_compiled_away_classes_file_is_told() {
    let good = fixture("v1-rsa1024-sha1.apk");
    let mut members = unpacked(&good);
    members.push(("classes2.dex".to_owned(), b"dex\n035\0added".to_vec()));
    assert_eq!(reason(&open(packed(&members))), "v1: member classes2.dex is not signed");

    let without = |name: &str| -> Vec<_> { unpacked(&good).into_iter().filter(|(member, _)| member != name).collect() };
    let package = open(packed(&without("classes.dex")));
    assert_eq!(package.signers[0].verified, Ok(()));
    assert!(package.problems.iter().any(|problem| problem.contains("classes.dex is signed but was taken out")));
    let package = open(packed(&without("resources.arsc")));
    assert_eq!(reason(&package), "v1: member resources.arsc is signed but absent");
}

fn unpacked(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let source = bytes::ByteSource::from_bytes(bytes.to_vec());
    let archive = containers::zip::Archive::read(&source, &support::budget()).unwrap();
    let read = |member: &containers::zip::Member| {
        (String::from_utf8(member.name.clone()).unwrap(), member.source.to_vec(&support::budget(), "member").unwrap())
    };
    archive.members.iter().map(read).collect()
}

fn stored(bytes: &[u8], change: &dyn Fn(&str, &mut Vec<u8>)) -> Vec<u8> {
    let mut members = unpacked(bytes);
    for (name, bytes) in &mut members {
        change(name, bytes);
    }
    packed(&members)
}

/// A ZIP archive of stored members.
fn packed(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let offset = u32::try_from(file.len()).unwrap();
        let len = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
        // Checksums of stored members are not compared, by the platform neither.
        let common = [&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[0; 4], &len, &len, &name_len, &[0, 0]].concat();
        file.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), bytes].concat());
        directory.extend(
            [b"PK\x01\x02\x0a\x00", common.as_slice(), &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat(),
        );
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let (len, offset) = (u32::try_from(directory.len()).unwrap(), u32::try_from(file.len()).unwrap());
    let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &len.to_le_bytes(), &offset.to_le_bytes(), &[0, 0]].concat();
    [file, directory, end].concat()
}
