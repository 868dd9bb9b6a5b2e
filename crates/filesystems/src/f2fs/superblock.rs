//! The superblock: at offset 1,024, and a copy 4 KiB behind it.

use bytes::{ByteSource, Error, Result};

use crate::record::Record;

/// Where the superblock and its copy start.
const OFFSETS: [u64; 2] = [1024, 4096 + 1024];
const LEN: usize = 3072;
const MAGIC: u32 = 0xF2F5_2010;
/// Only blocks of 4 KiB are read; the kernel allows as much as its page, so Android has no others.
pub(super) const BLOCK_LEN: usize = 4096;
const BLOCK_SIZE_LOG: u32 = 12;
/// Blocks of a segment: two to this.
const SEGMENT_BLOCKS_LOG: u32 = 9;
/// Blocks of a segment.
pub(super) const SEGMENT_BLOCKS: u64 = 1 << SEGMENT_BLOCKS_LOG;

const FEATURE_FLEXIBLE_INLINE_XATTR: u32 = 0x40;

/// What the reader needs from the superblock, checked.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    /// Where it starts in the image.
    pub(super) offset: u64,
    pub(super) root: u32,
    pub(super) checkpoint_block: u64,
    pub(super) node_table_block: u64,
    /// Blocks that a checkpoint has beside its first one.
    pub(super) checkpoint_payload: u32,
    features: u32,
}

/// Whether `source` looks like F2FS.
pub(super) fn probe(source: &ByteSource) -> bool {
    OFFSETS.iter().any(|&offset| source.has(offset, &MAGIC.to_le_bytes()))
}

impl Superblock {
    /// Reads and checks the superblock, or its copy if the first cannot be read.
    pub(super) fn read(source: &ByteSource) -> Result<Self> {
        let [first, second] = OFFSETS;
        Self::read_at(source, first).or_else(|error| Self::read_at(source, second).map_err(|_| error))
    }

    fn read_at(source: &ByteSource, offset: u64) -> Result<Self> {
        let bytes = source.array::<LEN>(offset, "superblock")?;
        let record = Record::new(&bytes, offset);
        if record.u32(0, "magic")? != MAGIC {
            return Err(Error::corrupt("magic", offset));
        }
        for (at, what, expected) in
            [(16, "log_blocksize", BLOCK_SIZE_LOG), (20, "log_blocks_per_seg", SEGMENT_BLOCKS_LOG)]
        {
            let value = record.u32(at, what)?;
            if value != expected {
                return Err(Error::unsupported(what, record.offset_of(at), u64::from(value)));
            }
        }
        // The second of eight devices has a name only if there is one.
        let second_device = record.u8(2201 + 68, "devs")?;
        if second_device != 0 {
            return Err(Error::unsupported("devs", record.offset_of(2201 + 68), 2));
        }
        Ok(Self {
            offset,
            root: record.u32(96, "root_ino")?,
            checkpoint_block: u64::from(record.u32(76, "cp_blkaddr")?),
            node_table_block: u64::from(record.u32(84, "nat_blkaddr")?),
            checkpoint_payload: record.u32(1664, "cp_payload")?,
            features: record.u32(2180, "feature")?,
        })
    }

    /// Whether inodes say how much room their attributes have.
    pub(super) const fn has_flexible_attributes(&self) -> bool {
        self.features & FEATURE_FLEXIBLE_INLINE_XATTR != 0
    }
}
