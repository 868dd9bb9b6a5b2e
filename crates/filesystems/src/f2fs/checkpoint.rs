//! The checkpoint: which half of each block of the node address table counts, and the entries of the table that changed
//! last, which are in a journal instead.

use std::collections::BTreeMap;

use bytes::{Error, Result};

use super::{
    superblock::{BLOCK_LEN, SEGMENT_BLOCKS},
    volume::Image,
};
use crate::record::Record;

const FLAG_UNMOUNTED: u32 = 0x1;
const FLAG_COMPACT_SUMMARIES: u32 = 0x4;
const FLAG_FASTBOOT: u32 = 0x20;
const FLAG_LARGE_BITMAP: u32 = 0x400;
/// Where the bitmaps start, if nothing else is said.
const BITMAPS_AT: usize = 192;
/// Summaries of segments in a checkpoint: of data, and of data and nodes.
const DATA_SUMMARIES: u64 = 3;
const ALL_SUMMARIES: u64 = 6;
/// Behind the entries of a summary.
const JOURNAL_AT: usize = 512 * 7;
/// Number of a node, then its entry of the table.
const JOURNAL_ENTRY_LEN: usize = 13;
/// Most entries in a journal: what fits into it.
const JOURNAL_ENTRIES_MAX: u16 = 38;
/// Most blocks of a bitmap that follow the checkpoint: as many as a segment has.
const PAYLOAD_MAX: u32 = 512;

/// What the reader needs from the checkpoint.
#[derive(Debug)]
pub(super) struct Checkpoint {
    version: u64,
    /// One bit for each block of the node address table, the highest of a byte first: whether the second copy counts.
    bitmap: Vec<u8>,
    /// Blocks of nodes that are not in the table yet.
    pub(super) journal: BTreeMap<u32, u32>,
}

impl Checkpoint {
    /// The newer of the two checkpoints that are whole.
    pub(super) fn read(image: &Image) -> Result<Self> {
        let first = image.superblock.checkpoint_block;
        let one = Self::read_pack(image, first);
        let two = Self::read_pack(image, first.saturating_add(SEGMENT_BLOCKS));
        match (one, two) {
            (Ok(one), Ok(two)) => Ok(if two.version > one.version { two } else { one }),
            (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(only),
            (Err(error), Err(_)) => Err(error),
        }
    }

    fn read_pack(image: &Image, start: u64) -> Result<Self> {
        let block = image.block(start, "checkpoint")?;
        let record = Record::new(&block, Image::offset_of(start));
        let version = record.u64(0, "checkpoint_ver")?;
        let blocks = u64::from(record.u32(136, "cp_pack_total_block_count")?);
        if !(2..=SEGMENT_BLOCKS).contains(&blocks) {
            return Err(Error::corrupt("cp_pack_total_block_count", record.offset_of(136)));
        }
        // The last block repeats the first: it is written when all others are.
        let last_block = start.saturating_add(blocks).saturating_sub(1);
        let last = image.block(last_block, "checkpoint")?;
        if Record::new(&last, Image::offset_of(last_block)).u64(0, "checkpoint_ver")? != version {
            return Err(Error::corrupt("checkpoint_ver", record.offset_of(0)));
        }
        let flags = record.u32(132, "ckpt_flags")?;
        let summaries = start.saturating_add(u64::from(record.u32(140, "cp_pack_start_sum")?));
        let journal = if flags & FLAG_COMPACT_SUMMARIES != 0 {
            journal(image, summaries, 0)?
        } else {
            let has_nodes = flags & (FLAG_UNMOUNTED | FLAG_FASTBOOT) != 0;
            let count = if has_nodes { ALL_SUMMARIES } else { DATA_SUMMARIES };
            // The first of the summaries, which stand before the last block.
            let block = start.saturating_add(blocks).saturating_sub(count.saturating_add(1));
            journal(image, block, JOURNAL_AT)?
        };
        Ok(Self { version, bitmap: bitmap(image, start, record, flags)?, journal })
    }

    /// Whether the second copy of block `index` of the node address table counts.
    pub(super) fn is_second_copy(&self, index: u64) -> bool {
        let byte = usize::try_from(index >> 3).ok().and_then(|at| self.bitmap.get(at)).copied().unwrap_or(0);
        byte & (0x80 >> (index & 7)) != 0
    }
}

/// The bitmap of the node address table, which lies before or behind that of the segments.
fn bitmap(image: &Image, start: u64, record: Record<'_>, flags: u32) -> Result<Vec<u8>> {
    let len = usize::try_from(record.u32(160, "nat_ver_bitmap_bytesize")?).unwrap_or(usize::MAX);
    let segments_len = usize::try_from(record.u32(156, "sit_ver_bitmap_bytesize")?).unwrap_or(usize::MAX);
    let payload = image.superblock.checkpoint_payload;
    if payload > PAYLOAD_MAX {
        return Err(Error::corrupt("cp_payload", image.superblock.offset.saturating_add(1664)));
    }
    let at = if flags & FLAG_LARGE_BITMAP != 0 {
        // Behind a checksum, and perhaps running on in the blocks that follow.
        let mut whole = record.bytes(0, record.len(), "checkpoint")?.to_vec();
        for index in 1..=u64::from(payload) {
            whole.extend(image.block(start.saturating_add(index), "checkpoint payload")?);
        }
        let from = BITMAPS_AT.saturating_add(4);
        return Ok(Record::new(&whole, record.offset_of(0)).bytes(from, len, "version bitmap")?.to_vec());
    } else if payload > 0 {
        BITMAPS_AT
    } else {
        BITMAPS_AT.saturating_add(segments_len)
    };
    Ok(record.bytes(at, len, "version bitmap")?.to_vec())
}

/// The journal at `at` of a block: entries of the node address table.
fn journal(image: &Image, block: u64, at: usize) -> Result<BTreeMap<u32, u32>> {
    let bytes = image.block(block, "journal")?;
    debug_assert_eq!(bytes.len(), BLOCK_LEN);
    let record = Record::new(&bytes, Image::offset_of(block));
    let count = record.u16(at, "n_nats")?;
    if count > JOURNAL_ENTRIES_MAX {
        return Err(Error::corrupt("n_nats", record.offset_of(at)));
    }
    let mut entries = BTreeMap::new();
    for index in 0..usize::from(count) {
        let entry =
            record.tail(at.saturating_add(2).saturating_add(index.saturating_mul(JOURNAL_ENTRY_LEN)), "journal")?;
        entries.insert(entry.u32(0, "nid")?, entry.u32(9, "block_addr")?);
    }
    Ok(entries)
}
