//! squashfs 4.0, met in older `odm`, `oem` and carrier partitions, in recovery images and in many other devices. Written
//! from the Linux kernel's "Squashfs 4.0 Filesystem" and the structures in `fs/squashfs/squashfs_fs.h`.
//!
//! Everything is packed: files in blocks, their ends together in fragments, and the tables of inodes, folders and
//! attributes in blocks of 8 KiB. What is read is unpacked when somebody reads it.

mod attributes;
mod content;
mod directory;
mod inode;
mod metadata;
mod superblock;
mod volume;

use bytes::{Budget, ByteSource, Result};

use crate::{Format, Tree};

/// squashfs.
pub const FORMAT: Format = Format {
    name: "squashfs",
    probe: superblock::probe,
    read,
    references: &[
        "Linux kernel documentation, \"Squashfs 4.0 Filesystem\": https://docs.kernel.org/filesystems/squashfs.html",
        "Linux kernel, fs/squashfs/squashfs_fs.h: the structures on disk",
        "capabilities(7), for the value of security.capability",
    ],
    limitations: &[
        "Versions before 4.0, and images of big-endian machines, are named and refused.",
        "Vendors' own compressors are named and refused.",
    ],
};

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    Ok(volume::walk(volume::Volume::open(source, budget)?))
}
