//! Writers of files for tests, each from the format's document: they give what no tool of the distribution gives
//! (containers, OAT files of every version, files of any size and shape).

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

pub mod dex;
pub mod oat;
pub mod quick;

use std::path::PathBuf;

use bytes::{Budget, ByteSource, Limits};
use code::{InputFile, Program};

/// A file of `fixtures/code`.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/code").join(name);
    let source = ByteSource::open(&path).unwrap();
    source.to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

/// A program from files in memory, named `0`, `1` and so on.
pub fn program(files: &[Vec<u8>]) -> Program {
    let input = |(index, bytes): (usize, &Vec<u8>)| InputFile {
        path: index.to_string(),
        source: ByteSource::from_bytes(bytes.clone()),
    };
    let files: Vec<InputFile> = files.iter().enumerate().map(input).collect();
    Program::build(&files, &Budget::new(Limits::FILE))
}

/// The problems as text: `path: what at offset: kind`.
pub fn problems(program: &Program) -> Vec<String> {
    program.problems.iter().map(|(path, error)| format!("{path}: {error}")).collect()
}

/// Overwrites bytes at `at`.
pub fn patch(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The little-endian number at `at`.
pub fn u32_at(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}
