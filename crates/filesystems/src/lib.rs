//! Formats that hold a tree of files.
//!
//! To add one: write `src/<name>.rs` (or a folder) with a `FORMAT`, then name it twice below.

pub mod cramfs;
pub mod erofs;
pub mod ext4;
pub mod f2fs;
pub mod fat;
pub mod romfs;
pub mod squashfs;
pub mod ubifs;
pub mod yaffs2;

mod contents;
mod record;
mod runs;
mod security;
mod walk;

use bytes::{Budget, ByteSource, Result};

/// Every file system that can be read from an image, in the order they are tried.
pub const FORMATS: &[&Format] = &[
    &erofs::FORMAT,
    &ext4::FORMAT,
    &f2fs::FORMAT,
    &squashfs::FORMAT,
    &cramfs::FORMAT,
    &romfs::FORMAT,
    &ubifs::FORMAT,
    &yaffs2::FORMAT,
    // The mark of the boot sector is weak: after all that have a better one.
    &fat::FORMAT,
];

/// A file system that can be read.
pub struct Format {
    /// Stable name, used in reports, fixtures and fuzz corpora.
    pub name: &'static str,
    /// Recognises the superblock.
    pub probe: fn(&ByteSource) -> bool,
    /// Lists every file, read-only. Contents stay ranges of the image until somebody reads them.
    pub read: fn(&ByteSource, &Budget) -> Result<Tree>,
    /// Documents this was written from.
    pub references: &'static [&'static str],
    /// What is knowingly not read.
    pub limitations: &'static [&'static str],
}

/// Every file of a file system, parents first, siblings by name.
#[derive(Debug, Default)]
pub struct Tree {
    /// The entries, without the root.
    pub entries: Vec<Entry>,
    /// What could not be read; the entries still stand.
    pub problems: Vec<Problem>,
}

/// One file, folder or link.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Path from the root without a leading slash, bytes as stored.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Owner, mode, label and capabilities, as far as the file system stores them.
    pub attributes: Attributes,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A file, readable but not yet read.
    File(ByteSource),
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A device, socket or pipe.
    Special,
}

/// Owner, mode, label and capabilities of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits (the low twelve).
    pub mode: Option<u16>,
    /// Owning user.
    pub uid: Option<u32>,
    /// Owning group.
    pub gid: Option<u32>,
    /// `security.selinux`, without its trailing zero.
    pub selinux_label: Option<Vec<u8>>,
    /// `security.capability`: the permitted set.
    pub capabilities: Option<u64>,
}

/// A path that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path from the root; empty for the file system as a whole.
    pub path: Vec<u8>,
    /// Why.
    pub error: bytes::Error,
}

/// The first file system that recognises `source`.
#[must_use]
pub fn identify(source: &ByteSource) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| (format.probe)(source))
}
