//! From an input to a described firmware: every file with its place on the device, the device's identity, and one
//! line of coverage for every node.

mod folder;
mod images;
mod layers;
mod listing;
pub mod look;
mod names;
mod partitions;
mod properties;
mod sets;
mod shape;
mod tree;
mod unsupported;
mod update;
mod volumes;
mod walk;

use std::{collections::BTreeMap, path::PathBuf};

use bytes::{Base, Budget, ByteSource};
use containers::FileSet;
pub use filesystems::Attributes;
use findings::Coverage;

pub use names::{safe_relative_path, shown};

/// Sets of files that are put together here: beside each other in an archive, in a folder, or named together by the user. In the order
/// they are looked for.
pub const FILE_SETS: &[&FileSet] = &[
    &update::SCRIPT,
    &volumes::CUT,
    &volumes::RAR,
    &sets::SCATTER,
    &sets::RAWPROGRAM,
    &sets::FLASHFILE,
    &layers::CHUNKS,
    &images::SPREAD,
    &images::APEX,
    &walk::INPUTS,
];

/// Something the user names: a file or folder of this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
}

/// What the walk is doing, for a progress display.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A layer is being opened.
    Layer {
        /// The layers around it and its name, joined by `!`.
        path: &'a str,
        /// Name of its format.
        kind: &'a str,
    },
    /// So many files of the device are known.
    Files(usize),
}

/// Unfolds `inputs`, which together make one device. Whatever cannot be read is a line of coverage, never an error.
#[must_use]
pub fn unfold(inputs: &[Input], budget: &Budget) -> Firmware {
    unfold_with(inputs, budget, &|_| {})
}

/// Like [`unfold`], and tells `progress` what is being done.
#[must_use]
pub fn unfold_with(inputs: &[Input], budget: &Budget, progress: &dyn Fn(Progress<'_>)) -> Firmware {
    walk::Walk::new(&[], progress).run(inputs, budget)
}

/// What a device has before an update.
#[derive(Debug, Default)]
pub struct Older {
    /// The images of its partitions, for updates of blocks.
    pub images: Base,
    /// Its files, for updates of files.
    pub files: Vec<FirmwareFile>,
    /// A line of coverage for what of it could not be read: each of them may be a hole of the device after the update.
    pub holes: Vec<Coverage>,
}

/// Unfolds `inputs`, which together are what a device has before an update.
#[must_use]
pub fn older(inputs: &[Input], budget: &Budget, progress: &dyn Fn(Progress<'_>)) -> Older {
    walk::Walk::new(&[], progress).older(inputs, budget)
}

/// Like [`unfold_with`], for updates of a device that is at hand.
#[must_use]
pub fn unfold_over(inputs: &[Input], older: &Older, budget: &Budget, progress: &dyn Fn(Progress<'_>)) -> Firmware {
    let budget = budget.clone().with_base(older.images.clone());
    let mut firmware = walk::Walk::new(&older.files, progress).run(inputs, &budget);
    firmware.coverage.extend(older.holes.iter().cloned());
    firmware
}

/// Everything the walk found out.
#[derive(Debug, Default)]
pub struct Firmware {
    /// Every file and symbolic link, sorted by device path.
    pub files: Vec<FirmwareFile>,
    /// Build properties of every partition, in the order the platform loads them; the first definition of a key wins.
    pub properties: Vec<PropertyFile>,
    /// One line per layer, partition and problem, sorted.
    pub coverage: Vec<Coverage>,
}

/// One file of the device.
#[derive(Debug, Clone)]
pub struct FirmwareFile {
    /// Where it is on the device: `/system/app/Dialer/Dialer.apk`. A loose file is `/<name>`.
    pub path: String,
    /// The layers it was found in, from the outermost: `ota.zip!system.img`. The same file in another packing has
    /// another container and the same path.
    pub container: String,
    /// What it is.
    pub kind: FileKind,
    /// Owner, mode, label and capabilities, as far as known.
    pub attributes: Attributes,
}

/// What a device path leads to.
#[derive(Debug, Clone)]
pub enum FileKind {
    /// Bytes.
    File(ByteSource),
    /// A symbolic link and its target.
    Symlink(String),
    /// The input says the file exists (for instance in its own list of files) but does not hold it.
    Missing,
}

/// The build properties of one file.
#[derive(Debug, Clone, Default)]
pub struct PropertyFile {
    /// Device path of the file.
    pub path: String,
    /// The properties, in file order.
    pub entries: Vec<(String, String)>,
}

impl FirmwareFile {
    /// The bytes, of a file.
    #[must_use]
    pub const fn source(&self) -> Option<&ByteSource> {
        match &self.kind {
            FileKind::File(source) => Some(source),
            FileKind::Symlink(_) | FileKind::Missing => None,
        }
    }
}

impl Firmware {
    /// The value of a build property, as the platform would see it.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        let mut entries = self.properties.iter().flat_map(|file| &file.entries);
        entries.find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Every property, merged.
    #[must_use]
    pub fn merged_properties(&self) -> BTreeMap<&str, &str> {
        let mut merged = BTreeMap::new();
        for (key, value) in self.properties.iter().flat_map(|file| &file.entries) {
            merged.entry(key.as_str()).or_insert(value.as_str());
        }
        merged
    }
}

impl Input {
    /// The name the report calls it by: the last component of its path, so that the place on this computer is not part
    /// of the result.
    #[must_use]
    pub fn name(&self) -> String {
        let canonical = || self.path.components().next_back();
        let name = self.path.file_name().or_else(|| canonical().map(|component| component.as_os_str()));
        name.map(|name| shown(std::os::unix::ffi::OsStrExt::as_bytes(name))).unwrap_or_default()
    }
}
