//! The contents of files: blocks of equal length, each packed or not, and the end perhaps in a fragment that holds the
//! ends of many.

use bytes::{ByteSource, Error, Result};

use super::{
    inode::{File, Inode},
    metadata::Position,
    volume::Volume,
};
use crate::{
    record::{Record, to_usize},
    runs::{Packed, Runs},
};

/// In a length: the block is stored as it is.
const STORED: u32 = 1 << 24;
const FRAGMENT_LEN: usize = 16;
/// Lengths of blocks read at once.
const LENGTHS_AT_ONCE: u64 = 64;
/// Lengths of blocks that cost a node of the budget.
const LENGTHS_PER_NODE: u64 = 8;

/// The contents as one readable range, and what is wrong with them.
pub(super) fn file(volume: &Volume, inode: &Inode, file: &File) -> (ByteSource, Option<Error>) {
    let mut runs = Runs::new(&volume.source, &volume.budget, file.size);
    let mapped = map(volume, inode, file, &mut runs);
    runs.into_source(&volume.store, mapped)
}

fn map(volume: &Volume, inode: &Inode, file: &File, runs: &mut Runs<'_>) -> Result<()> {
    let block_size = u64::from(volume.superblock.block_size);
    // With a fragment the last block is not whole and is in it.
    let count = if file.fragment.is_some() { file.size / block_size } else { file.size.div_ceil(block_size) };
    let mut lengths = file.lengths;
    let (mut at, mut offset, mut done) = (0_u64, file.start, 0_u64);
    while done < count {
        let batch = count.saturating_sub(done).min(LENGTHS_AT_ONCE);
        volume.budget.spend_nodes(batch.div_ceil(LENGTHS_PER_NODE), "block lengths", inode.offset)?;
        let bytes = volume.metadata(&mut lengths, to_usize(batch.saturating_mul(4)), "block lengths")?;
        for chunk in bytes.chunks_exact(4) {
            let stored = Record::new(chunk, inode.offset).u32(0, "block length")?;
            let len = block_size.min(file.size.saturating_sub(at));
            let packed_len = stored & !STORED;
            add(volume, runs, stored, (at, len), offset, None)?;
            offset = offset.saturating_add(u64::from(packed_len));
            at = at.saturating_add(len);
        }
        done = done.saturating_add(batch);
    }
    let Some((number, within)) = file.fragment else { return Ok(()) };
    let rest = file.size.saturating_sub(at);
    match fragment(volume, number) {
        Ok((start, stored)) => add(volume, runs, stored, (at, rest), start, Some(within)),
        Err(error) => runs.missing(at, rest, error),
    }
}

/// Adds the bytes `(at, len)` of a file. They are a block of the stored length `stored` at `offset`, or `within` a
/// fragment there.
fn add(
    volume: &Volume,
    runs: &mut Runs<'_>,
    stored: u32,
    (at, len): (u64, u64),
    offset: u64,
    within: Option<u32>,
) -> Result<()> {
    let skip = within.unwrap_or(0);
    let superblock = &volume.superblock;
    let packed_len = stored & !STORED;
    if packed_len == 0 {
        // A hole: `Runs` fills up to what comes next.
        return Ok(());
    }
    let end = u64::from(skip).saturating_add(len);
    if packed_len > superblock.block_size || end > u64::from(superblock.block_size) {
        return runs.missing(at, len, Error::corrupt("block length", offset));
    }
    if stored & STORED != 0 {
        if end > u64::from(packed_len) {
            return runs.missing(at, len, Error::corrupt("stored block", offset));
        }
        return runs.stored(at, offset.saturating_add(u64::from(skip)), len);
    }
    // A fragment is unpacked whole, for the other ends in it. `len` is at most a block here.
    let unpacked_len = if within.is_some() { superblock.block_size } else { len as u32 };
    let method = superblock.method;
    runs.packed(at, len, Packed { offset, len: packed_len, skip, unpacked_len, method, is_padded: false })
}

/// Where the fragment `number` is, and its stored length.
fn fragment(volume: &Volume, number: u32) -> Result<(u64, u32)> {
    let table = volume.superblock.fragment_table;
    if number >= volume.superblock.fragments {
        return Err(Error::corrupt("fragment", table));
    }
    let mut position = Position::of_entry(volume, table, u64::from(number), 16)?;
    let bytes = volume.metadata(&mut position, FRAGMENT_LEN, "fragment entry")?;
    let record = Record::new(&bytes, position.block);
    let stored = record.u32(8, "fragment size")?;
    if stored & !STORED == 0 {
        return Err(Error::corrupt("fragment size", position.block));
    }
    Ok((record.u64(0, "fragment start")?, stored))
}
