//! The fixtures of `fixtures/containers`, found by walking the folders.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper fails loudly")]
#![allow(dead_code, reason = "no test binary needs all of it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::{Budget, ByteSource, Keys, Limits};

/// The folder with one folder per format.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/containers")
}

/// The fixtures of a format, without listings.
pub(crate) fn fixtures_of(format: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(fixtures().join(format))
        .unwrap_or_else(|error| panic!("no fixtures for {format}: {error}"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "list"))
        .collect();
    paths.sort();
    paths
}

/// One fixture in memory.
pub(crate) fn load(format: &str, name: &str) -> ByteSource {
    ByteSource::open(&fixtures().join(format).join(name)).unwrap()
}

/// A budget with the keys of the encrypted fixtures.
pub(crate) fn budget(limits: Limits) -> Budget {
    Budget::new(limits).with_keys(Keys::read(&fixtures().join("keys.txt")).unwrap())
}
