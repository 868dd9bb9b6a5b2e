//! YAFFS2, the file system of raw NAND flash in the first Android phones. Written from "How YAFFS Works" by Charles
//! Manning and the structures in YAFFS's `yaffs_guts.h` and `yaffs_packedtags2.c`.
//!
//! A log of pages: each has tags in its spare bytes that say whose it is (object), which part of it (chunk) and when it was
//! written (sequence number of its block, then order in the block). There is no superblock: the length of a page and of its
//! spare bytes is found by what makes sense of the first pages.

mod log;
mod pages;
mod volume;

use bytes::{Budget, ByteSource, Result};

use crate::{Format, Tree};

/// YAFFS2.
pub const FORMAT: Format = Format {
    name: "yaffs2",
    probe,
    read,
    references: &[
        "Charles Manning, \"How YAFFS Works\", 2012",
        "YAFFS, yaffs_guts.h: the header of an object, numbers of objects with a meaning",
        "YAFFS, yaffs_packedtags2.c: tags in the spare bytes",
        "YAFFS, yaffs_nameval.c: extended attributes behind the header",
    ],
    limitations: &[
        "Images must have their spare bytes, of lengths that are known (1024+32, 2048+64, 2048+128, 4096+128, 4096+224, 4096+256, \
         8192+256, 8192+448, 16384+512), with the tags at their start or behind the mark of bad blocks. Tags in the page itself \
         (inband), YAFFS1 and big-endian images are not recognised.",
        "Error correcting codes are not applied, and checkpoints not read: the whole log is.",
        "No length is stored: an image that was cut between two pages is told only by a last file that is too short.",
    ],
};

fn probe(source: &ByteSource) -> bool {
    pages::layout_of(source).is_some()
}

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    volume::read(source, budget)
}
