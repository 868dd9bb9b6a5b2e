//! Formats that hold other bytes: archives, vendor packages, disk images.
//!
//! To add one: write `src/<name>.rs` with a `FORMAT`, then name it twice below. The compiler complains about a `FORMAT`
//! that is not listed, and `tests/formats.rs` about one without a fixture.

pub mod android_sparse;
pub mod block_update;
pub mod boot_image;
mod bsdiff;
pub mod burn_package;
mod cipher;
pub mod cpio;
mod digest;
pub mod dz;
pub mod file_patch;
pub mod gpt;
pub mod image_header;
pub mod imagewty;
mod imgdiff;
pub mod kdz;
mod layout;
pub mod magic_prefix;
pub mod mbr;
pub mod md5_trailer;
pub mod nb0;
pub mod ofp;
pub mod ofp_mtk;
pub mod ozip;
pub mod pac;
pub mod packed;
mod padding;
pub mod payload;
pub mod piv_prefix;
pub mod protobuf;
pub mod rar;
pub mod rkaf;
pub mod rkfw;
pub mod seven_zip;
pub mod signed_image;
pub mod sin;
pub mod super_partition;
pub mod tar;
mod text;
pub mod ubi;
pub mod update_app;
pub mod verified_boot;
pub mod zip;

use bytes::{Budget, ByteSource, Result};

/// Every container format that can be opened, in the order they are tried.
pub const FORMATS: &[&Format] = &[
    &android_sparse::FORMAT,
    &image_header::FORMAT,
    &signed_image::FORMAT,
    &piv_prefix::FORMAT,
    &magic_prefix::FORMAT,
    &pac::FORMAT,
    &update_app::FORMAT,
    &rkfw::FORMAT,
    &rkaf::FORMAT,
    &imagewty::FORMAT,
    &burn_package::FORMAT,
    &kdz::FORMAT,
    &md5_trailer::FORMAT,
    &ozip::FORMAT,
    &dz::FORMAT,
    &sin::FORMAT,
    &verified_boot::FOOTER_FORMAT,
    &payload::FORMAT,
    &super_partition::FORMAT,
    &gpt::FORMAT,
    &boot_image::FORMAT,
    &boot_image::VENDOR_FORMAT,
    &verified_boot::FORMAT,
    &cpio::FORMAT,
    &tar::FORMAT,
    &packed::GZIP,
    &packed::XZ,
    &packed::LZMA,
    &packed::BZIP2,
    &packed::ZSTD,
    &packed::LZ4,
    &packed::LZOP,
    &ubi::FORMAT,
    &seven_zip::FORMAT,
    &rar::FORMAT,
    &zip::FORMAT,
    // A mark of two bytes that boot sectors of file systems have as well.
    &mbr::FORMAT,
    // Marks at the end, and none at all: after all that have one where they begin.
    &ofp::FORMAT,
    &ofp_mtk::FORMAT,
    &nb0::FORMAT,
];

/// What a container format is, and how to open it.
pub struct Format {
    /// Stable name, used in paths, reports, fixtures and fuzz corpora.
    pub name: &'static str,
    /// Whether the bytes are of this format. Must be cheap and read little.
    pub probe: fn(&ByteSource) -> bool,
    /// Reads the table of contents. The children are ranges, not copies.
    pub open: fn(&ByteSource, &Budget) -> Result<Opened>,
    /// Documents this was written from.
    pub references: &'static [&'static str],
    /// What is knowingly not read. Shown in `docs/formats.md`.
    pub limitations: &'static [&'static str],
}

/// Packages of several files that are one thing together and have no mark of their own. Whoever has the files calls their
/// modules; they are listed here so that `docs/formats.md` tells of them, with those that `firmware` puts together by itself.
pub const FILE_SETS: &[&FileSet] = &[&block_update::SET];

/// A package of several files.
pub struct FileSet {
    /// Stable name.
    pub name: &'static str,
    /// What makes files such a set, and what is made of them.
    pub what: &'static str,
    /// Documents this was written from.
    pub references: &'static [&'static str],
    /// What is knowingly not read. Shown in `docs/formats.md`.
    pub limitations: &'static [&'static str],
}

/// What a container turned out to hold.
#[derive(Debug, Default)]
pub struct Opened {
    /// The children, in the order of the container.
    pub children: Vec<Child>,
    /// Members that could not be read; the others still stand.
    pub problems: Vec<Problem>,
}

/// One named source inside a container.
#[derive(Debug, Clone)]
pub struct Child {
    /// Name as written in the container, not yet trusted as a path.
    pub name: Vec<u8>,
    /// Its bytes.
    pub source: ByteSource,
    /// Unix mode and file type bits, if the container stores them.
    pub mode: Option<u32>,
}

/// A member that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name as written in the container.
    pub name: Vec<u8>,
    /// Why.
    pub error: bytes::Error,
}

/// The first format that recognises `source`.
#[must_use]
pub fn identify(source: &ByteSource) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| (format.probe)(source))
}
