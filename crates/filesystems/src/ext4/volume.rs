//! An ext2, ext3 or ext4 image, and its inodes by number. Written from kernel.org, "ext4 Data Structures and
//! Algorithms", sections "Block Group Descriptors" and "Inode Table".

use std::{collections::BTreeMap, sync::Arc};

use bytes::{Budget, ByteSource, Error, Result};

use super::{inode::Inode, superblock::Superblock};
use crate::{
    contents::Store,
    record::{Record, join32},
};

/// The image, what its superblock says, and what reading it may cost.
pub(super) struct Volume {
    pub(super) source: ByteSource,
    pub(super) superblock: Superblock,
    pub(super) budget: Budget,
    pub(super) store: Arc<Store>,
}

impl Volume {
    /// Bytes per block.
    pub(super) fn block_size(&self) -> u64 {
        u64::from(self.superblock.block_size)
    }

    /// Reads one block of metadata, which costs a node of the budget for each KiB.
    pub(super) fn block(&self, block: u64, what: &'static str) -> Result<Block> {
        self.block_at(self.superblock.offset_of_block(block), what)
    }

    /// Reads the block of metadata that starts at `offset` of the image, at the same price: a block of 64 KiB can hold
    /// thousands of pointers to nowhere.
    pub(super) fn block_at(&self, offset: u64, what: &'static str) -> Result<Block> {
        self.budget.spend_nodes(self.block_size() >> 10, what, offset)?;
        let mut bytes = vec![0; usize::try_from(self.superblock.block_size).unwrap_or(0)];
        self.source.read(offset, &mut bytes, what)?;
        Ok(Block { bytes, offset })
    }
}

/// A block of metadata in memory.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Byte offset in the image.
    pub(super) offset: u64,
}

impl Block {
    /// The block as a structure.
    pub(super) fn record(&self) -> Record<'_> {
        Record::new(&self.bytes, self.offset)
    }
}

/// Bytes of an inode table read at once: neighbours in a folder are mostly neighbours in the table.
const WINDOW_LEN: u64 = 16 << 10;

/// Finds inodes by number.
#[derive(Default)]
pub(super) struct InodeTable {
    /// Byte offset of each group's part of the table, as far as it was asked for.
    groups: BTreeMap<u32, u64>,
    window_start: u64,
    window: Vec<u8>,
}

impl InodeTable {
    /// Reads the inode `number`, which a structure at `named_at` names.
    pub(super) fn read(&mut self, volume: &Volume, number: u32, named_at: u64) -> Result<Inode> {
        let superblock = &volume.superblock;
        let Some(index) = number.checked_sub(1).filter(|_| number <= superblock.inodes_count) else {
            return Err(Error::corrupt("inode number", named_at));
        };
        // Never zero: checked by `Superblock::read`.
        let per_group = superblock.inodes_per_group.max(1);
        let table = self.table_of_group(volume, index / per_group)?;
        let within = u64::from(index % per_group).saturating_mul(u64::from(superblock.inode_size));
        let offset = table.saturating_add(within);
        let bytes = self.bytes(volume, offset, usize::from(superblock.inode_size))?;
        Inode::parse(bytes, offset, superblock.has_large_directories())
    }

    fn table_of_group(&mut self, volume: &Volume, group: u32) -> Result<u64> {
        if let Some(&offset) = self.groups.get(&group) {
            return Ok(offset);
        }
        let superblock = &volume.superblock;
        let at = superblock.offset_of_descriptor(group);
        let low = u32::from_le_bytes(volume.source.array(at.saturating_add(8), "bg_inode_table_lo")?);
        let high = if superblock.is_64bit() {
            u32::from_le_bytes(volume.source.array(at.saturating_add(0x28), "bg_inode_table_hi")?)
        } else {
            0
        };
        let offset = superblock.offset_of_block(join32(low, high));
        self.groups.insert(group, offset);
        Ok(offset)
    }

    fn bytes(&mut self, volume: &Volume, offset: u64, len: usize) -> Result<Vec<u8>> {
        if let Some(bytes) = self.inode_in_window(offset, len) {
            return Ok(bytes);
        }
        self.fill_window(volume, offset);
        if let Some(bytes) = self.inode_in_window(offset, len) {
            return Ok(bytes);
        }
        // The window reaches into bytes that cannot be read; perhaps this inode does not.
        let mut bytes = vec![0; len];
        volume.source.read(offset, &mut bytes, "inode")?;
        Ok(bytes)
    }

    fn fill_window(&mut self, volume: &Volume, offset: u64) {
        self.window_start = offset & !(WINDOW_LEN.saturating_sub(1));
        self.window = vec![0; usize::try_from(WINDOW_LEN).unwrap_or(0)];
        let read = volume.source.read_some(self.window_start, &mut self.window);
        self.window.truncate(read.unwrap_or(0));
    }

    fn inode_in_window(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        let start = usize::try_from(offset.checked_sub(self.window_start)?).ok()?;
        self.window.get(start..start.checked_add(len)?).map(<[u8]>::to_vec)
    }
}
