//! ext2, ext3 and ext4: the file system of Android's system, vendor and data partitions until EROFS and F2FS took over
//! around 2021, and still that of APEX payloads. Written from kernel.org, "ext4 Data Structures and Algorithms".
//!
//! Reading is forgiving where the kernel is not: checksums are not compared, and everything that can be reached is
//! listed. What cannot be read stays in the tree as far as something is known of it: a file with a lost part is a
//! [`File`](crate::EntryKind::File) that fails to read there, a link without a target is an empty
//! [`Symlink`](crate::EntryKind::Symlink), and beside each stands a [`Problem`](crate::Problem).

mod attributes;
mod block_map;
mod content;
mod directory;
mod extent_tree;
mod inode;
mod superblock;
mod volume;
mod walk;

use bytes::{Budget, ByteSource, Result};

use crate::{Format, Tree, contents::Store};

/// ext2, ext3 and ext4.
pub const FORMAT: Format = Format {
    name: "ext4",
    probe: superblock::probe,
    read,
    references: &[
        "Linux kernel documentation, \"ext4 Data Structures and Algorithms\": https://www.kernel.org/doc/html/latest/filesystems/ext4/",
        "ext4(5) and debugfs(8) of e2fsprogs, for features and their numbers",
        "capabilities(7), for the value of security.capability",
    ],
    limitations: &[
        "Encrypted files, folders and links (fscrypt) are reported, not decrypted; encrypted folders are not listed.",
        "A journal that was not replayed is reported, not replayed: the tree may be older than the last write.",
        "Checksums are not compared.",
        "A damaged superblock is not replaced by one of its copies.",
        "fs-verity signatures are not checked; compressed ext2 (e2compr) and external journals are refused.",
    ],
};

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    let superblock = superblock::Superblock::read(source)?;
    let store = Store::new(source.clone());
    Ok(walk::walk(volume::Volume { source: source.clone(), superblock, budget: budget.clone(), store }))
}
