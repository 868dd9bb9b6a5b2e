//! A folder for one test, the example device, and what must not depend on how a device is packed.

#![allow(dead_code, reason = "no test binary needs all of it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::{Budget, ByteSource, Limits};
use firmware::{FileKind, Firmware, Input, unfold};

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder for one test, removed at its end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidewaiter-test-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap_or_default();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.0)).unwrap_or_default();
        fs::write(&path, bytes).unwrap_or_default();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn unfolded(paths: &[PathBuf]) -> Firmware {
    let inputs: Vec<Input> = paths.iter().map(|path| Input { path: path.clone() }).collect();
    unfold(&inputs, &Budget::new(Limits::FIRMWARE))
}

pub(crate) fn gunzipped(name: &str) -> Vec<u8> {
    let source = ByteSource::open(&repository().join("fixtures/device").join(name)).unwrap_or_else(|_| missing(name));
    codecs::inflate(&source, codecs::Wrapping::Gzip, 64 << 20, &Budget::new(Limits::FILE)).unwrap_or_default()
}

pub(crate) fn missing(name: &str) -> ByteSource {
    assert!(name.is_empty(), "no fixture {name}");
    ByteSource::from_bytes(Vec::new())
}

/// Paths, contents and properties: everything that must not depend on the packing.
pub(crate) fn device(firmware: &Firmware) -> Vec<String> {
    let files = firmware.files.iter().map(|file| match &file.kind {
        FileKind::File(source) => {
            let bytes = source.to_vec(&Budget::new(Limits::FILE), "file").unwrap_or_default();
            format!("{} {} {:08x}", file.path, source.len(), codecs::crc32(&bytes))
        }
        FileKind::Symlink(target) => format!("{} -> {target}", file.path),
        FileKind::Missing => format!("{} missing", file.path),
    });
    let properties = firmware
        .properties
        .iter()
        .flat_map(|file| file.entries.iter().map(|(key, value)| format!("{}: {key}={value}", file.path)));
    files.chain(properties).collect()
}

pub(crate) fn holes(firmware: &Firmware) -> Vec<&findings::Coverage> {
    firmware.coverage.iter().filter(|line| line.outcome.is_hole()).collect()
}
