//! The contents of files and folders and the targets of links, in whichever way an inode stores them.

use bytes::{ByteSource, Error, Result};

use super::{
    clusters,
    inode::{Inode, Layout},
    volume::Volume,
};
use crate::{runs::Runs, walk::link_target};

/// A chunk with this address is a hole.
const HOLE: u32 = u32::MAX;
const CHUNK_BITS: u32 = 0x1F;
/// Chunks have entries of eight bytes, with a device; otherwise of four.
const CHUNK_INDEXES: u32 = 0x20;
const CHUNK_FORMAT_KNOWN: u32 = CHUNK_BITS | CHUNK_INDEXES;
/// Entries of the chunk table that cost a node of the budget.
const ENTRIES_PER_NODE: u64 = 8;

/// The contents as one readable range, and what is wrong with them.
pub(super) fn file(volume: &Volume, inode: &Inode) -> (ByteSource, Option<Error>) {
    if matches!(inode.layout, Layout::Packed | Layout::PackedCompact) {
        return clusters::file(volume, inode);
    }
    let mut runs = Runs::new(&volume.source, &volume.budget, inode.size);
    let mapped = match inode.layout {
        Layout::Chunked => chunks(volume, inode, &mut runs),
        _ => flat(volume, inode, &mut runs),
    };
    runs.into_source(&volume.store, mapped)
}

/// In one piece, perhaps with its last block behind the inode.
fn flat(volume: &Volume, inode: &Inode, runs: &mut Runs<'_>) -> Result<()> {
    let block_size = volume.superblock.block_size();
    let start = volume.superblock.offset_of_block(u64::from(inode.place));
    if inode.layout == Layout::Flat {
        return runs.stored(0, start, inode.size);
    }
    let in_blocks = inode.size.saturating_sub(1) & !block_size.saturating_sub(1);
    runs.stored(0, start, in_blocks)?;
    runs.stored(in_blocks, inode.end(), inode.size.saturating_sub(in_blocks))
}

/// In chunks: a table behind the inode says where each is.
fn chunks(volume: &Volume, inode: &Inode, runs: &mut Runs<'_>) -> Result<()> {
    let superblock = &volume.superblock;
    let format = inode.place & 0xFFFF;
    if format & !CHUNK_FORMAT_KNOWN != 0 {
        let unknown = u64::from(format & !CHUNK_FORMAT_KNOWN);
        return Err(Error::unsupported("chunk format", inode.offset.saturating_add(16), unknown));
    }
    // At most 2^47 bytes.
    let chunk_size = superblock.block_size() << (format & CHUNK_BITS);
    let has_devices = format & CHUNK_INDEXES != 0;
    let entry_len: u64 = if has_devices { 8 } else { 4 };
    let mut entry_at = inode.end().next_multiple_of(entry_len);
    let mut at = 0_u64;
    while runs.wants(at) {
        if (at / chunk_size).is_multiple_of(ENTRIES_PER_NODE) {
            volume.budget.spend_nodes(1, "chunk table", entry_at)?;
        }
        let (device, block) = if has_devices {
            let [_, _, d0, d1, b0, b1, b2, b3] = volume.source.array::<8>(entry_at, "chunk index")?;
            (u16::from_le_bytes([d0, d1]), u32::from_le_bytes([b0, b1, b2, b3]))
        } else {
            (0, u32::from_le_bytes(volume.source.array(entry_at, "chunk index")?))
        };
        let len = chunk_size.min(inode.size.saturating_sub(at));
        if device != 0 && superblock.extra_devices != 0 && block != HOLE {
            let error =
                Error::unsupported("contents on a further device", entry_at.saturating_add(2), u64::from(device));
            runs.missing(at, len, error)?;
        } else if block != HOLE {
            runs.stored(at, superblock.offset_of_block(u64::from(block)), len)?;
        }
        entry_at = entry_at.saturating_add(entry_len);
        at = at.saturating_add(chunk_size);
    }
    Ok(())
}

/// The target of a symbolic link.
pub(super) fn symlink(volume: &Volume, inode: &Inode) -> Result<Vec<u8>> {
    link_target(inode.size, inode.offset.saturating_add(8), || file(volume, inode))
}
