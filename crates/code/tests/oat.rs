//! OAT files of every version of the table, written from the platform's sources, and what is done with others.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use bytes::Kind;
use code::{Fidelity, Program};
use common::{dex, oat, patch, u32_at};

const FIRST: &str = "/system/app/Shapes/Shapes.apk";
const SECOND: &str = "/system/app/Shapes/Shapes.apk:classes2.dex";

/// Two files, the second of which is no multiple of four long.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut second = dex::write("035", &[dex::class("Lsecond/Only;", "Ljava/lang/Object;", &[]).method("run")]);
    second.extend([0, 0]);
    let len = second.len() as u32;
    patch(&mut second, 32, &len.to_le_bytes());
    vec![(FIRST, common::fixture("shapes-035.dex")), (SECOND, second)]
}

fn has_both(program: &Program) -> bool {
    let code = |class, name| {
        let method = program.find_method(class, name, "()V")?;
        program.code_item(program.definition(method)?.1.code?).ok()
    };
    code("Lshapes/Code;", "run").is_some() && code("Lsecond/Only;", "run").is_some()
}

#[test]
fn every_version_of_the_table_gives_its_dex_files() {
    for version in [7, 8, 39, 45, 64, 79, 88] {
        for is_64 in [false, true] {
            let program = common::program(&[oat::elf(&oat::oat(version, &files()), is_64)]);
            assert_eq!(common::problems(&program), [""; 0], "{version} {is_64}");
            let paths: Vec<_> = program.files().iter().map(|file| file.path.as_str()).collect();
            assert_eq!(paths, [format!("0!{FIRST}"), format!("0!{SECOND}")]);
            assert_eq!(program.files()[0].fidelity, Fidelity::ByteIdentical, "{version}");
            assert_eq!(&*program.files()[0].bytes, files()[0].1);
            assert!(has_both(&program), "{version} {is_64}");
        }
    }
}

#[test]
fn a_quickened_file_keeps_the_checksum_of_its_original_without_complaint() {
    let mut all = files();
    let at = all[0].1.windows(2).rposition(|pair| pair == [0x0e, 0]).unwrap();
    all[0].1[at] = 0x73;
    let quick = common::program(&[oat::elf(&oat::oat(64, &all), false)]);
    assert_eq!(common::problems(&quick), [""; 0]);
    let loose = common::program(&[all[0].1.clone()]);
    assert_eq!(loose.problems[0].1, bytes::Error::checksum("checksum", 8));
}

#[test]
fn an_unknown_version_is_searched_and_named() {
    for version in [46, 87, 123] {
        let program = common::program(&[oat::elf(&oat::oat(version, &files()), true)]);
        assert!(has_both(&program));
        let expected = format!("0: oat version (dex files found by scan) at 0x1004: {version:#x} is not supported");
        assert_eq!(common::problems(&program), [expected]);
        assert!(program.files()[0].path.starts_with("0!dex@0x1"));
    }
}

#[test]
fn an_unknown_version_without_dex_files_is_unsupported() {
    // None of the table, on either side of its rows.
    for version in [123, 132, 200, 219, 276] {
        let program = common::program(&[oat::elf(&oat::oat(version, &[]), true)]);
        assert_eq!(program.files().len(), 0);
        assert_eq!(common::problems(&program), [format!("0: oat version at 0x1004: {version:#x} is not supported")]);
    }
}

#[test]
fn damage_is_told_with_its_offset_and_the_rest_is_still_found() {
    let good = oat::elf(&oat::oat(64, &files()), false);
    let key_values = 0x1000 + 68;
    let list = key_values + 4 + u32_at(&good, key_values) as usize;
    let pointer = list + 4 + FIRST.len() + 4;
    let name = good.windows(7).rposition(|seven| seven == b"oatdata").unwrap();
    let cases: [(usize, &[u8], &str); 9] = [
        (4, &[3], "oat file (dex files found by scan) at 0x4: corrupt"),
        (5, &[2], "oat version (dex files found by scan) at 0x5: 0x2 is not supported"),
        (32, &[0xff, 0xff, 0xff], "oat file (dex files found by scan) at 0xffffff: needs 160 bytes, 0 left"),
        (46, &[8, 0], "oat file (dex files found by scan) at"),
        (0x1000, b"tao", "oat file (dex files found by scan) at 0x1000: corrupt"),
        (0x1000 + 20, &[0], "oat file (dex files found by scan) at 0x1014: corrupt"),
        (list, &[0xff; 4], &format!("oat file (dex files found by scan) at {list:#x}: corrupt")),
        (pointer, &[1], &format!("oat file (dex files found by scan) at {pointer:#x}: corrupt")),
        (name, b"x", "oat file (dex files found by scan) at 0x0: corrupt"),
    ];
    for (at, damage, expected) in cases {
        let mut file = good.clone();
        patch(&mut file, at, damage);
        let program = common::program(&[file]);
        let told = common::problems(&program);
        assert!(told[0].strip_prefix("0: ").unwrap().starts_with(expected), "{at:#x}: {told:?}");
        assert!(has_both(&program), "{at:#x}");
    }
}

#[test]
fn a_second_record_for_the_same_bytes_is_refused() {
    let good = oat::oat(88, &files());
    let list = 68 + 4 + u32_at(&good, 68) as usize;
    let first = list + 4 + FIRST.len() + 4;
    let second = first + 4 + 8 + 4 + SECOND.len() + 4;
    let mut file = good.clone();
    let same = u32_at(&good, first);
    patch(&mut file, second, &same.to_le_bytes());
    let program = common::program(&[oat::elf(&file, false)]);
    let offset = 0x1000 + second;
    assert_eq!(common::problems(&program), [format!("0: oat file (dex files found by scan) at {offset:#x}: corrupt")]);
    assert!(has_both(&program), "the second file is found by its header");
}

#[test]
fn a_cut_file_gives_what_is_left() {
    let file = oat::elf(&oat::oat(64, &files()), false);
    let second_dex = file.windows(4).rposition(|four| four == b"dex\n").unwrap();
    let program = common::program(&[file[..second_dex + 100].to_vec()]);
    assert_eq!(program.files().len(), 1);
    assert!(program.find_method("Lshapes/Code;", "run", "()V").is_some());
    assert!(!program.problems.is_empty());
}

#[test]
fn other_content_is_unsupported() {
    for content in [&b"PK\x03\x04...."[..], b"cdex001\0", b"version https://git"] {
        let program = common::program(&[content.to_vec()]);
        assert_eq!(program.files().len(), 0);
        let (_, error) = &program.problems[0];
        assert_eq!((error.what, error.offset), ("magic of a code file", 0));
        let magic = u32::from_be_bytes(content[..4].try_into().unwrap());
        assert_eq!(error.kind, Kind::Unsupported(magic.into()));
    }
    let empty = common::program(&[Vec::new()]);
    assert_eq!(common::problems(&empty), ["0: magic at 0x0: needs 4 bytes, 0 left"]);
}
