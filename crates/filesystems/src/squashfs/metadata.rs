//! Metadata: blocks of up to 8 KiB, each behind two bytes that tell its length and whether it is packed. What is in them
//! runs on from block to block.

use std::sync::Arc;

use bytes::{Error, Result};
use codecs::Block;

use super::volume::Volume;
use crate::{
    record::{len64, to_usize},
    runs::Packed,
};

/// What a block of metadata unpacks to.
const BLOCK_LEN: u32 = 8192;
const HEADER_LEN: u64 = 2;
/// In the header: the block is stored as it is.
const STORED: u16 = 0x8000;
/// Cost of a block in nodes of the budget: one for each KiB.
const BLOCK_COST: u64 = 8;

/// A byte of metadata: the place of its block in the image, and where in the block it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) block: u64,
    pub(super) within: usize,
}

impl Position {
    /// The byte `reference` of the table that starts at `table`: 16 bits say where in a block, the others which block.
    pub(super) fn of(table: u64, reference: u64) -> Self {
        Self { block: table.saturating_add(reference >> 16), within: to_usize(reference & 0xFFFF) }
    }

    /// The entry `index` of a table of entries of `entry_len` bytes, each block of which has a pointer at `pointers`.
    pub(super) fn of_entry(volume: &Volume, pointers: u64, index: u64, entry_len: u64) -> Result<Self> {
        let per_block = u64::from(BLOCK_LEN).checked_div(entry_len).unwrap_or(1).max(1);
        let pointer_at = pointers.saturating_add((index / per_block).saturating_mul(8));
        let block = u64::from_le_bytes(volume.source.array(pointer_at, "table pointer")?);
        Ok(Self { block, within: to_usize((index % per_block).saturating_mul(entry_len)) })
    }
}

impl Volume {
    /// The `len` bytes at `position`, which moves behind them. `len` is never more than a value of an attribute.
    pub(super) fn metadata(&self, position: &mut Position, len: usize, what: &'static str) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len.min(to_usize(u64::from(BLOCK_LEN))));
        while bytes.len() < len {
            let (block, next) = self.metadata_block(position.block, what)?;
            let rest = block.get(position.within..).ok_or(Error::corrupt(what, position.block))?;
            if rest.is_empty() {
                // Blocks that are not the last are full.
                if len64(block.len()) < u64::from(BLOCK_LEN) {
                    return Err(Error::corrupt(what, position.block));
                }
                *position = Position { block: next, within: 0 };
                continue;
            }
            let taken = rest.get(..len.saturating_sub(bytes.len())).unwrap_or(rest);
            bytes.extend_from_slice(taken);
            position.within = position.within.saturating_add(taken.len());
        }
        Ok(bytes)
    }

    /// The unpacked block of metadata at `offset`, and where the next one is.
    fn metadata_block(&self, offset: u64, what: &'static str) -> Result<(Arc<Vec<u8>>, u64)> {
        let header = u16::from_le_bytes(self.source.array(offset, what)?);
        let start = offset.saturating_add(HEADER_LEN);
        let len = u32::from(header & !STORED);
        let next = start.saturating_add(u64::from(len));
        if len == 0 || len > BLOCK_LEN {
            return Err(Error::corrupt(what, offset));
        }
        let method = self.superblock.method;
        let packed = Packed { offset: start, len, skip: 0, unpacked_len: BLOCK_LEN, method, is_padded: false };
        let is_stored = header & STORED != 0;
        let key = if is_stored { Block { offset: start, len, ..Block::default() } } else { packed.key() };
        if let Some(block) = self.store.kept(key) {
            return Ok((block, next));
        }
        self.budget.spend_nodes(BLOCK_COST, what, offset)?;
        if is_stored {
            let mut bytes = vec![0; to_usize(u64::from(len))];
            self.source.read(start, &mut bytes, what)?;
            let block = Arc::new(bytes);
            self.store.keep(key, &block);
            return Ok((block, next));
        }
        Ok((self.store.block(&packed, 1)?, next))
    }
}
