//! Quickened files in every container that keeps what was done, held against the files before they were quickened: the
//! header's SHA-1 is the oracle, which the reader does not write.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use bytes::{Budget, ByteSource, Limits};
use code::{Fidelity, InputFile, Program};
use common::{
    oat,
    quick::{self, Quickened},
};

/// Real compiler's output with fields, virtual calls, casts, switches and exceptions.
fn originals() -> Vec<Vec<u8>> {
    vec![common::fixture("../flows/flows.dex"), common::fixture("shapes-035.dex")]
}

fn quickened(casts: bool) -> Vec<Quickened> {
    originals().iter().map(|file| quick::quicken(file, casts)).collect()
}

/// The program of an app from files with these names.
fn program(files: &[(&str, Vec<u8>)]) -> Program {
    let inputs: Vec<InputFile> = files
        .iter()
        .map(|(path, bytes)| InputFile { path: (*path).to_owned(), source: ByteSource::from_bytes(bytes.clone()) })
        .collect();
    Program::build(&inputs, &Budget::new(Limits::FILE))
}

/// Every body as text, in the order of the classes.
fn bodies(program: &Program) -> Vec<String> {
    let methods = program.classes().iter().flat_map(|class| &class.methods);
    methods.filter(|method| method.code.is_some()).map(|method| program.body_text(method.method)).collect()
}

fn plain() -> Program {
    let files = originals();
    program(&[("classes.dex", files[0].clone()), ("classes2.dex", files[1].clone())])
}

/// The same in packed form has no SHA-1 to hold against.
fn assert_same(program: &Program, name: &str) {
    assert_eq!(common::problems(program), [""; 0], "{name}");
    let plain = plain();
    assert_eq!(program.classes().len(), plain.classes().len(), "{name}");
    let (found, expected) = (bodies(program), bodies(&plain));
    assert!(found.len() > 100);
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_writer_changes_much() {
    let count: usize = quickened(true).iter().flat_map(|(_, methods)| methods).map(|method| method.pairs.len()).sum();
    assert!(count > 500, "{count}");
    let casts = quickened(true)
        .iter()
        .flat_map(|(_, methods)| methods.clone())
        .any(|method| method.pairs.windows(2).any(|pairs| pairs[0].0 == pairs[1].0));
    assert!(casts);
}

#[test]
fn every_version_of_vdex_files_is_restored_byte_for_byte() {
    for version in [6, 10, 19, 21] {
        let program = program(&[("X.vdex", quick::vdex(version, &quickened(true)))]);
        assert_same(&program, &format!("vdex {version}"));
        for (file, original) in program.files().iter().zip(originals()) {
            assert_eq!(file.fidelity, Fidelity::ByteIdentical, "vdex {version}");
            assert_eq!(*file.bytes, original, "vdex {version}");
        }
        let paths: Vec<_> = program.files().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["X.vdex!classes.dex", "X.vdex!classes2.dex"]);
    }
}

#[test]
fn a_vdex_file_of_android_12_holds_its_files_as_they_were() {
    let files: Vec<Quickened> = originals().into_iter().map(|file| (file, Vec::new())).collect();
    let program = program(&[("X.vdex", quick::vdex(27, &files))]);
    assert_same(&program, "vdex 27");
    assert!(program.files().iter().all(|file| file.fidelity == Fidelity::ByteIdentical));
}

#[test]
fn android_7_keeps_what_it_quickened_where_code_would_be() {
    let quickened = quickened(false);
    let files =
        [("/system/app/X.apk", quickened[0].0.clone()), ("/system/app/X.apk:classes2.dex", quickened[1].0.clone())];
    let kept: Vec<_> = quickened.iter().map(|(_, methods)| methods.clone()).collect();
    for version in [79, 88] {
        for is_64 in [false, true] {
            let program = program(&[("X.odex", oat::elf(&oat::oat_with(version, &files, &kept), is_64))]);
            assert_same(&program, &format!("oat {version}"));
            assert!(program.files().iter().all(|file| file.fidelity == Fidelity::ByteIdentical), "oat {version}");
        }
    }
}

#[test]
fn compact_files_give_the_same_program() {
    let program = program(&[("X.vdex", quick::compact_vdex(&quickened(true)))]);
    assert_same(&program, "compact");
    for file in program.files() {
        assert!(matches!(file.fidelity, Fidelity::Restored { restored: 3.., unknown: 0 }), "{:?}", file.fidelity);
    }
}

#[test]
fn without_what_was_kept_instructions_are_unknown_and_counted() {
    let quickened = quickened(false);
    let count = |at: usize| quickened[at].1.iter().map(|method| method.pairs.len() as u32).sum();
    let files = [("first", quickened[0].0.clone()), ("second", quickened[1].0.clone())];
    for version in [8, 45, 64, 88] {
        let program = program(&[("X.odex", oat::elf(&oat::oat(version, &files), false))]);
        let found: Vec<_> = program.files().iter().map(|file| file.fidelity).collect();
        let expected = [Fidelity::AsFound { unknown: count(0) }, Fidelity::AsFound { unknown: count(1) }];
        assert_eq!(found, expected, "oat {version}");
    }
}

#[test]
fn an_oat_file_is_read_through_its_vdex_file() {
    let before_12 = [(124, 6), (131, 10), (138, 19), (170, 21), (183, 21)];
    let since_12 = [195, 199, 220, 230, 244, 259, 275].map(|oat_version| (oat_version, 27));
    for (oat_version, vdex_version) in before_12.into_iter().chain(since_12) {
        let files: Vec<Quickened> = match vdex_version {
            27 => originals().into_iter().map(|file| (file, Vec::new())).collect(),
            _ => quickened(true),
        };
        let oat = oat::elf(&oat::oat(oat_version, &[("X.apk", originals()[0].clone())]), true);
        let vdex = quick::vdex(vdex_version, &files);
        let both = program(&[("a/X.odex", oat.clone()), ("a/X.vdex", vdex.clone())]);
        assert_same(&both, &format!("oat {oat_version}"));
        let alone = program(&[("a/X.odex", oat), ("a/Y.vdex", vdex)]);
        let expected = format!("a/X.odex: oat file without its vdex file at 0x1004: {oat_version:#x} is not supported");
        assert_eq!(common::problems(&alone), [expected]);
    }
}

#[test]
fn a_vdex_file_of_an_unknown_version_is_searched_and_named() {
    let mut file = quick::vdex(6, &quickened(false));
    common::patch(&mut file, 4, b"099");
    let unknown = program(&[("X.vdex", file.clone())]);
    assert_eq!(
        common::problems(&unknown),
        ["X.vdex: vdex version (dex files found by scan) at 0x4: 0x63 is not supported"]
    );
    assert_eq!(unknown.files().len(), 2);
    assert!(unknown.files().iter().all(|file| matches!(file.fidelity, Fidelity::AsFound { .. })));
    file.truncate(30);
    assert_eq!(common::problems(&program(&[("X.vdex", file)])), ["X.vdex: vdex version at 0x4: 0x63 is not supported"]);
}

#[test]
fn a_vdex_file_without_dex_files_gives_nothing_and_no_problem() {
    let mut old = b"vdex019\x00000\0".to_vec();
    old.extend([1, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9]);
    for file in [old, quick::vdex(27, &[])] {
        let program = program(&[("X.vdex", file)]);
        assert_eq!((program.files().len(), program.problems.len()), (0, 0));
    }
}

#[test]
fn a_cut_vdex_file_gives_what_is_left() {
    let file = quick::vdex(19, &quickened(true));
    let second = file.windows(4).rposition(|four| four == b"dex\n").unwrap();
    let program = program(&[("X.vdex", file[..second + 100].to_vec())]);
    assert_eq!(program.files().len(), 1);
    let told = common::problems(&program);
    assert!(told.iter().any(|line| line.contains("dex file at")), "{told:?}");
    assert!(told.iter().any(|line| line.contains("quickening info at")), "{told:?}");
    assert!(matches!(program.files()[0].fidelity, Fidelity::AsFound { .. }), "never a wrong name");
}
