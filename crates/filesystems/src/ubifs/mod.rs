//! UBIFS, the file system of raw flash memory behind UBI. Written from the structures in the Linux kernel's
//! `fs/ubifs/ubifs-media.h`.
//!
//! Everything is a node with a number that rises with time: inodes, names, blocks of contents. The index that leads a
//! kernel to the newest of each is not read; all nodes are looked at once, and of each the newest counts.

mod nodes;
mod volume;

use bytes::{Budget, ByteSource, Result};

use crate::{Format, Tree};

/// UBIFS.
pub const FORMAT: Format = Format {
    name: "ubifs",
    probe: nodes::probe,
    read,
    references: &[
        "Linux kernel, fs/ubifs/ubifs-media.h: the structures on disk",
        "capabilities(7), for the value of security.capability",
    ],
    limitations: &[
        "The newest node of each kind counts, whether the index leads there or not: what was cut off a file and written anew \
         later may show old contents.",
        "Encrypted files and names (fscrypt) and volumes with hashed keys of two kinds (double hash) are refused.",
    ],
};

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    volume::read(source, budget)
}
