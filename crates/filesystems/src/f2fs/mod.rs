//! F2FS, the file system of flash storage: user data since about 2014, and system partitions of some makers since 2021,
//! packed and read-only. Written from the Linux kernel's "Flash-Friendly File System (F2FS)" and the structures in
//! `include/linux/f2fs_fs.h`.
//!
//! Blocks are found through nodes, nodes through the node address table, and the table through a checkpoint, of which
//! there are two: the newer one that was written to its end counts.

mod attributes;
mod checkpoint;
mod content;
mod directory;
mod inode;
mod nodes;
mod packed;
mod superblock;
mod volume;

use bytes::{Budget, ByteSource, Result};

use crate::{Format, Tree};

/// F2FS.
pub const FORMAT: Format = Format {
    name: "f2fs",
    probe: superblock::probe,
    read,
    references: &[
        "Linux kernel documentation, \"Flash-Friendly File System (F2FS)\": https://docs.kernel.org/filesystems/f2fs.html",
        "Linux kernel, include/linux/f2fs_fs.h: the structures on disk",
        "capabilities(7), for the value of security.capability",
    ],
    limitations: &[
        "Encrypted files and folders (fscrypt) are reported, not decrypted.",
        "What was synced after the last checkpoint is not rolled forward.",
        "Images of several devices are refused. Checksums are not compared.",
    ],
};

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    Ok(crate::walk::walk(&mut volume::Volume::open(source, budget)?))
}
