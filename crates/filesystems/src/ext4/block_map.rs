//! Contents described by block pointers: twelve direct ones, then trees of one, two and three levels, as ext2 and ext3
//! write them. Written from kernel.org, "ext4 Data Structures and Algorithms", section "Direct/Indirect Block
//! Addressing".

use std::collections::BTreeSet;

use bytes::{Error, Kind, Result};

use super::{
    inode::Inode,
    volume::{Block, Volume},
};
use crate::{record::Record, runs::Runs};

/// Pointers in an inode.
const POINTERS: usize = 15;
/// The last of those that point to data.
const DIRECT_LAST: usize = 11;
const POINTER_LEN: usize = 4;

/// The runs of `inode`.
pub(super) fn map(volume: &Volume, inode: &Inode, runs: &mut Runs<'_>) -> Result<()> {
    let pointers = inode.block_record()?;
    let per_block = volume.block_size() >> 2;
    let mut walk = Walk { volume, runs, per_block, seen: BTreeSet::new() };
    let mut first = 0_u64;
    for slot in 0..POINTERS {
        // Twelve direct pointers, then one tree each of one, two and three levels.
        let level = slot.saturating_sub(DIRECT_LAST);
        walk.tree(pointers, slot.saturating_mul(POINTER_LEN), level, first)?;
        first = first.saturating_add(walk.span(level));
    }
    Ok(())
}

struct Walk<'a, 'b> {
    volume: &'a Volume,
    runs: &'a mut Runs<'b>,
    /// Pointers per block: at most 2^14.
    per_block: u64,
    /// Blocks that were read as pointers: one reached twice would unfold without end.
    seen: BTreeSet<u32>,
}

impl Walk<'_, '_> {
    /// File blocks a tree of `level` levels describes: at most 2^42.
    fn span(&self, level: usize) -> u64 {
        (0..level).fold(1, |span, _| self.per_block.saturating_mul(span))
    }

    /// Adds what the pointer at `at` of `pointers` describes, from file block `first` on. Calls itself with a falling
    /// `level`, so at most three deep.
    fn tree(&mut self, pointers: Record<'_>, at: usize, level: usize, first: u64) -> Result<()> {
        let block_size = self.volume.block_size();
        let start = first.saturating_mul(block_size);
        let pointer = pointers.u32(at, "block pointer")?;
        if pointer == 0 || !self.runs.wants(start) {
            return Ok(());
        }
        let Some(below) = level.checked_sub(1) else {
            let offset = self.volume.superblock.offset_of_block(u64::from(pointer));
            return self.runs.stored(start, offset, block_size);
        };
        let block = match self.pointers(pointer, pointers.offset_of(at)) {
            Ok(block) => block,
            Err(error) if matches!(error.kind, Kind::Limit(_)) => return Err(error),
            Err(error) => {
                let len = self.span(level).saturating_mul(block_size);
                return self.runs.missing(start, len, error);
            }
        };
        let mut first = first;
        for at in (0..block.bytes.len()).step_by(POINTER_LEN) {
            if !self.runs.wants(first.saturating_mul(block_size)) {
                break;
            }
            self.tree(block.record(), at, below, first)?;
            first = first.saturating_add(self.span(below));
        }
        Ok(())
    }

    fn pointers(&mut self, block: u32, named_at: u64) -> Result<Block> {
        if !self.seen.insert(block) {
            return Err(Error::corrupt("pointer block reached twice", named_at));
        }
        self.volume.block(u64::from(block), "pointer block")
    }
}
