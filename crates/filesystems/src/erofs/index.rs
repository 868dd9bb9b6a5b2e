//! The index of a packed file: for each logical cluster of the file, whether a packed cluster starts in it, where in it,
//! and in which block of the image. Eight bytes for each, or packs of two or sixteen with a bit field for each and one
//! block address for all.

use bytes::{ByteSource, Error, Result};

use super::{
    inode::{Inode, Layout},
    volume::Volume,
};
use crate::record::{Record, len64, to_usize};

/// In front of the index stand its settings.
pub(super) const SETTINGS_LEN: u64 = 8;
/// The long index starts behind eight more bytes.
const LONG_INDEX_GAP: u64 = 8;
const LONG_ENTRY_LEN: u64 = 8;
/// Packs of two entries of four bytes.
const PAIR_LEN: u64 = 8;
/// Packs of sixteen entries of two bytes. They are aligned to their length.
const SIXTEEN_LEN: u64 = 32;
/// The last bytes of a pack are the block address.
const ADDRESS_LEN: usize = 4;

/// A lookback distance with this bit is a number of blocks instead.
const BLOCK_COUNT_FLAG: u32 = 0x800;
/// A packed cluster that others use only the beginning of.
const PARTIAL_FLAG: u16 = 0x8000;

/// Bytes of the index read at once.
const WINDOW_LEN: u64 = 4096;
/// Bytes of the index that cost a node of the budget.
const BYTES_PER_NODE: u64 = 64;

/// What the index says about one logical cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cluster {
    /// A packed cluster starts `start` bytes into it.
    Head { kind: Head, start: u32, block: u32, is_partial: bool },
    /// It continues what started before; if it is the first to do so it may tell how many blocks that has.
    Rest { blocks: Option<u32> },
}

/// How a packed cluster is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// Not at all.
    Plain,
    /// With the first algorithm of the file.
    First,
    /// With the second.
    Second,
}

impl Head {
    /// `None`: a cluster that continues.
    const fn of(bits: u32) -> Option<Self> {
        match bits & 3 {
            0 => Some(Self::Plain),
            1 => Some(Self::First),
            2 => None,
            _ => Some(Self::Second),
        }
    }
}

/// Where the index is and how it is written.
pub(super) struct Index<'a> {
    volume: &'a Volume,
    start: u64,
    /// Logical clusters.
    pub(super) count: u64,
    cluster_size_log: u8,
    form: Form,
    has_big_clusters: bool,
    window_at: u64,
    window: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Form {
    Long,
    /// Pairs, then packs of sixteen, then pairs again.
    Compact {
        pairs_before: u64,
        in_sixteens: u64,
    },
}

/// A pack in the image, and which of its entries is meant.
struct Pack {
    offset: u64,
    len: u64,
    entries: u32,
    index: u32,
}

impl<'a> Index<'a> {
    /// The index of `inode`, whose logical clusters are two to `cluster_size_log` bytes long.
    pub(super) fn new(
        volume: &'a Volume,
        inode: &Inode,
        cluster_size_log: u8,
        has_two_byte_entries: bool,
        has_big_clusters: bool,
    ) -> Self {
        let settings = inode.end().next_multiple_of(SETTINGS_LEN);
        let start = settings.saturating_add(SETTINGS_LEN);
        let count = inode.size.div_ceil(1 << cluster_size_log);
        let (start, form) = if inode.layout == Layout::Packed {
            (start.saturating_add(LONG_INDEX_GAP), Form::Long)
        } else {
            // Pairs until the first place where a pack of sixteen may stand; the last pack of sixteen must be full.
            let until_aligned = SIXTEEN_LEN.saturating_sub(start % SIXTEEN_LEN) % SIXTEEN_LEN;
            let pairs_before = until_aligned >> 2;
            let left = count.saturating_sub(pairs_before);
            let in_sixteens = if has_two_byte_entries { left & !15 } else { 0 };
            (start, Form::Compact { pairs_before, in_sixteens })
        };
        Self { volume, start, count, cluster_size_log, form, has_big_clusters, window_at: 0, window: Vec::new() }
    }

    /// Byte offset of what follows the index.
    pub(super) fn end(&self) -> u64 {
        let last = self.count.saturating_sub(1);
        match self.form {
            Form::Long => self.start.saturating_add(self.count.saturating_mul(LONG_ENTRY_LEN)),
            Form::Compact { pairs_before, in_sixteens } => {
                let pack = self.pack(last, pairs_before, in_sixteens);
                pack.offset.saturating_add(pack.len)
            }
        }
    }

    /// The logical cluster `number`; ask for them in order.
    pub(super) fn cluster(&mut self, number: u64) -> Result<Cluster> {
        match self.form {
            Form::Long => self.long(number),
            Form::Compact { pairs_before, in_sixteens } => {
                let pack = self.pack(number, pairs_before, in_sixteens);
                self.compact(&pack)
            }
        }
    }

    fn long(&mut self, number: u64) -> Result<Cluster> {
        let offset = self.start.saturating_add(number.saturating_mul(LONG_ENTRY_LEN));
        let cluster_size = 1_u64 << self.cluster_size_log;
        let has_big_clusters = self.has_big_clusters;
        let entry = Record::new(self.bytes(offset, LONG_ENTRY_LEN)?, offset);
        let advise = entry.u16(0, "di_advise")?;
        let Some(kind) = Head::of(u32::from(advise)) else {
            let distance = u32::from(entry.u16(4, "delta")?);
            return Ok(Cluster::Rest { blocks: block_count(distance, has_big_clusters) });
        };
        let start = u32::from(entry.u16(2, "di_clusterofs")?);
        if u64::from(start) >= cluster_size {
            return Err(Error::corrupt("di_clusterofs", entry.offset_of(2)));
        }
        let is_partial = advise & PARTIAL_FLAG != 0;
        Ok(Cluster::Head { kind, start, block: entry.u32(4, "blkaddr")?, is_partial })
    }

    /// The pack that has the entry of logical cluster `number`.
    fn pack(&self, number: u64, pairs_before: u64, in_sixteens: u64) -> Pack {
        let sixteens_end = pairs_before.saturating_add(in_sixteens);
        if number >= pairs_before && number < sixteens_end {
            let within = number.saturating_sub(pairs_before);
            let start = self.start.saturating_add(pairs_before.saturating_mul(4));
            let offset = start.saturating_add((within >> 4).saturating_mul(SIXTEEN_LEN));
            return Pack { offset, len: SIXTEEN_LEN, entries: 16, index: (within & 15) as u32 };
        }
        // Entries of two bytes save two bytes each.
        let saved = if number < pairs_before { 0 } else { in_sixteens.saturating_mul(2) };
        let at = self.start.saturating_add(number.saturating_mul(4).saturating_sub(saved));
        // Pairs are aligned to their length; the index starts at a multiple of eight.
        Pack { offset: at & !(PAIR_LEN - 1), len: PAIR_LEN, entries: 2, index: ((at >> 2) & 1) as u32 }
    }

    fn compact(&mut self, pack: &Pack) -> Result<Cluster> {
        let cluster_size_log = u32::from(self.cluster_size_log);
        let has_big_clusters = self.has_big_clusters;
        let bytes = self.bytes(pack.offset, pack.len)?;
        let address_at = bytes.len().saturating_sub(ADDRESS_LEN);
        let record = Record::new(bytes, pack.offset);
        let base = record.u32(address_at, "blkaddr")?;
        // A bit field has room for a block count, or for a place in a logical cluster.
        let low_bits = cluster_size_log.max(BLOCK_COUNT_FLAG.trailing_zeros().saturating_add(1));
        // The fields share what the address leaves: 14 bits in sixteens, 16 in pairs.
        let field_bits = (u32::try_from(address_at).unwrap_or(0) << 3).checked_div(pack.entries).unwrap_or(0);
        if low_bits.saturating_add(2) > field_bits {
            return Err(Error::corrupt("h_clusterbits", pack.offset));
        }
        let field = |index: u32| Field::read(record, index.saturating_mul(field_bits), low_bits);
        let this = field(pack.index)?;
        let Some(kind) = this.kind else {
            return Ok(Cluster::Rest { blocks: block_count(this.low, has_big_clusters) });
        };
        if this.low >> cluster_size_log != 0 {
            return Err(Error::corrupt("clusterofs", pack.offset));
        }
        let blocks_before = blocks_before(pack.index, has_big_clusters, pack.offset, field)?;
        let block = base.wrapping_add(blocks_before);
        Ok(Cluster::Head { kind, start: this.low, block, is_partial: false })
    }

    /// The `len` bytes of the index at `offset`; a window is read at a time.
    fn bytes(&mut self, offset: u64, len: u64) -> Result<&[u8]> {
        let start = offset.checked_sub(self.window_at).map_or(usize::MAX, to_usize);
        let end = start.saturating_add(to_usize(len));
        if self.window.get(start..end).is_none() {
            let source: &ByteSource = &self.volume.source;
            // Small files have small indexes: only what is part of this one is paid for.
            let paid = self.end().saturating_sub(offset).min(WINDOW_LEN).div_ceil(BYTES_PER_NODE);
            self.volume.budget.spend_nodes(paid.max(1), "cluster index", offset)?;
            let available = source.len().saturating_sub(offset);
            if available < len {
                return Err(Error::truncated("cluster index", offset, len, available));
            }
            self.window = vec![0; to_usize(WINDOW_LEN.min(available))];
            source.read(offset, &mut self.window, "cluster index")?;
            self.window_at = offset;
        }
        let start = offset.checked_sub(self.window_at).map_or(usize::MAX, to_usize);
        let end = start.saturating_add(to_usize(len));
        let available = len64(self.window.len());
        self.window.get(start..end).ok_or(Error::truncated("cluster index", offset, len, available))
    }
}

/// A distance to the head that counts blocks instead.
fn block_count(distance: u32, has_big_clusters: bool) -> Option<u32> {
    (has_big_clusters && distance & BLOCK_COUNT_FLAG != 0).then_some(distance & !BLOCK_COUNT_FLAG)
}

/// One bit field of a pack: a number, and above it what it means.
struct Field {
    low: u32,
    kind: Option<Head>,
}

impl Field {
    fn read(record: Record<'_>, at_bit: u32, low_bits: u32) -> Result<Self> {
        let at = usize::try_from(at_bit >> 3).unwrap_or(usize::MAX);
        // Fields have sixteen bits or less and end before the address, so four bytes from any of them exist.
        let word = record.u32(at, "cluster index")? >> (at_bit & 7);
        Ok(Self { low: word & ((1 << low_bits) - 1), kind: Head::of(word >> low_bits) })
    }
}

/// How many blocks lie between the address of a pack and the packed cluster that starts at its entry `index`: those of
/// the clusters that started before it in the pack.
fn blocks_before(index: u32, has_big_clusters: bool, offset: u64, field: impl Fn(u32) -> Result<Field>) -> Result<u32> {
    // Without big clusters the address is that of the last cluster before the pack.
    let mut blocks = u32::from(!has_big_clusters);
    let mut left = index;
    while let Some(previous) = left.checked_sub(1) {
        left = previous;
        let Field { low, kind } = field(left)?;
        if kind.is_some() {
            blocks = blocks.saturating_add(1);
        } else if !has_big_clusters {
            // It says how far back its head is, perhaps before the pack.
            match left.checked_sub(low) {
                Some(head) => {
                    left = head;
                    blocks = blocks.saturating_add(1);
                }
                None => break,
            }
        } else if low & BLOCK_COUNT_FLAG != 0 {
            // Its head is right before it.
            blocks = blocks.saturating_add(low & !BLOCK_COUNT_FLAG);
            left = left.saturating_sub(1);
        } else if low <= 1 {
            return Err(Error::corrupt("delta", offset));
        } else {
            // To the one behind the head, which counts the blocks.
            left = left.saturating_sub(low.saturating_sub(2));
        }
    }
    Ok(blocks)
}
