//! EROFS, the read-only file system of Android's system, vendor and product partitions since about 2021. Written from
//! the Linux kernel's "EROFS - Enhanced Read-Only File System" and from the structures and their comments in
//! `fs/erofs/erofs_fs.h`.
//!
//! Files lie flat, with their tail behind the inode, in chunks, or packed in clusters. All of them become lists of
//! runs: packed clusters are unpacked when somebody reads them.

mod attributes;
mod clusters;
mod content;
mod directory;
mod index;
mod inode;
mod superblock;
mod volume;
mod walk;

use bytes::{Budget, ByteSource, Result};

use crate::{Format, Tree};

/// EROFS.
pub const FORMAT: Format = Format {
    name: "erofs",
    probe: superblock::probe,
    read,
    references: &[
        "Linux kernel documentation, \"EROFS - Enhanced Read-Only File System\": https://docs.kernel.org/filesystems/erofs.html",
        "Linux kernel, fs/erofs/erofs_fs.h: the structures on disk",
        "mkfs.erofs(1), for the names of features",
        "capabilities(7), for the value of security.capability",
    ],
    limitations: &[
        "Files whose blocks are on a further device are reported, not read.",
        "48-bit block addresses and metadata in an inode of its own (metabox) are refused.",
        "Checksums are not compared.",
    ],
};

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    Ok(walk::walk(volume::Volume::open(source, budget)?))
}
