//! What the tests of this crate share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;

use bytes::{Budget, ByteSource, Limits};
use firmware::{FileKind, Firmware, FirmwareFile, PropertyFile};
use packages::Package;

/// Bytes of a committed fixture.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/packages").join(name);
    let source = ByteSource::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    source.to_vec(&budget(), "fixture").unwrap()
}

/// Text of a committed fixture.
pub(crate) fn fixture_text(name: &str) -> String {
    String::from_utf8(fixture(name)).unwrap()
}

/// A fresh budget for one file.
pub(crate) fn budget() -> Budget {
    Budget::new(Limits::FILE)
}

/// A file of a device.
pub(crate) fn file(path: &str, bytes: Vec<u8>) -> FirmwareFile {
    entry(path, FileKind::File(ByteSource::from_bytes(bytes)))
}

/// Any entry of a device.
pub(crate) fn entry(path: &str, kind: FileKind) -> FirmwareFile {
    FirmwareFile { path: path.to_owned(), container: String::new(), kind, attributes: firmware::Attributes::default() }
}

/// A device of these files and properties.
pub(crate) fn firmware(mut files: Vec<FirmwareFile>, properties: &[(&str, &str)]) -> Firmware {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let entries = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let properties = vec![PropertyFile { path: "/system/build.prop".to_owned(), entries }];
    Firmware { files, properties, ..Firmware::default() }
}

/// The package in a file's bytes.
pub(crate) fn open(bytes: Vec<u8>) -> Package {
    packages::open_package(&file("/system/app/App/App.apk", bytes), &budget())
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    /// Starts a sequence.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// `bytes` with a few bytes replaced, or cut.
pub(crate) fn mutated(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    const NASTY: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 0x20];
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        let run = 1 + dice.below(4);
        for byte in bytes.iter_mut().skip(at).take(run) {
            *byte = if dice.below(2) == 0 { NASTY[dice.below(8)] } else { dice.below(256) as u8 };
        }
    }
    if dice.below(8) == 0 {
        bytes.truncate(dice.below(bytes.len()));
    }
    bytes
}
