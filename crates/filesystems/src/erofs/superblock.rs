//! The superblock: 128 bytes at offset 1,024 of every EROFS image, and the settings of compressors behind it.

use bytes::{ByteSource, Error, Result};

use crate::record::Record;

/// Where the superblock starts.
pub(super) const OFFSET: u64 = 1024;
const LEN: usize = 128;
const MAGIC: u32 = 0xE0F5_E1E2;
const BLOCK_SIZE_LOG_MIN: u8 = 9;
/// Blocks are 64 KiB at most.
const BLOCK_SIZE_LOG_MAX: u8 = 16;

/// The table of long prefixes is in the image, not in the packed inode.
const COMPAT_PLAIN_XATTR_PREFIXES: u32 = 0x10;

/// Packed clusters are padded with zeros in front, so that they end where their blocks end.
const INCOMPAT_ZERO_PADDING: u32 = 0x1;
/// Settings of compressors are stored, and clusters may have several blocks.
const INCOMPAT_BIG_CLUSTERS: u32 = 0x2;
const INCOMPAT_CHUNKED_FILES: u32 = 0x4;
/// There may be further devices; the same bit allows a second compressor per file.
const INCOMPAT_DEVICE_TABLE: u32 = 0x8;
/// The last cluster of a file may lie behind its index.
const INCOMPAT_TAIL_PACKING: u32 = 0x10;
/// Ends of files may be in an inode that packs them; the same bit allows clusters to be shared.
const INCOMPAT_FRAGMENTS: u32 = 0x20;
const INCOMPAT_XATTR_PREFIXES: u32 = 0x40;

/// What is known by name and not read.
const INCOMPAT_NAMED: [(u32, &str); 2] =
    [(0x80, "feature 48bit, block addresses of 48 bits"), (0x100, "feature metabox, metadata in an inode of its own")];

/// Everything a reader must know about and does.
const INCOMPAT_KNOWN: u32 = INCOMPAT_ZERO_PADDING
    | INCOMPAT_BIG_CLUSTERS
    | INCOMPAT_CHUNKED_FILES
    | INCOMPAT_DEVICE_TABLE
    | INCOMPAT_TAIL_PACKING
    | INCOMPAT_FRAGMENTS
    | INCOMPAT_XATTR_PREFIXES;

/// What the reader needs from the superblock, checked.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    /// Blocks are two to this many bytes: 512 to 65,536.
    pub(super) block_size_log: u8,
    pub(super) root: u64,
    /// The inode that holds the ends of many files, or 0.
    pub(super) packed: u64,
    metadata_block: u32,
    attribute_block: u32,
    /// Bit n: clusters may be packed with algorithm n.
    pub(super) algorithms: u16,
    pub(super) prefix_count: u8,
    /// Byte offset of the table of long prefixes, in the image or in the packed inode.
    pub(super) prefixes_at: u64,
    pub(super) extra_devices: u16,
    compat: u32,
    incompat: u32,
}

/// Whether `source` looks like EROFS.
pub(super) fn probe(source: &ByteSource) -> bool {
    source.has(OFFSET, &MAGIC.to_le_bytes())
}

impl Superblock {
    /// Reads and checks the superblock.
    pub(super) fn read(source: &ByteSource) -> Result<Self> {
        let bytes = source.array::<LEN>(OFFSET, "superblock")?;
        let record = Record::new(&bytes, OFFSET);
        if record.u32(0, "magic")? != MAGIC {
            return Err(Error::corrupt("magic", OFFSET));
        }
        let incompat = record.u32(0x50, "feature_incompat")?;
        let unknown = incompat & !INCOMPAT_KNOWN;
        if unknown != 0 {
            let named = INCOMPAT_NAMED.iter().find(|(bit, _)| unknown & bit != 0);
            let what = named.map_or("feature_incompat", |&(_, name)| name);
            return Err(Error::unsupported(what, record.offset_of(0x50), u64::from(unknown)));
        }
        let block_size_log = record.u8(0x0C, "blkszbits")?;
        if !(BLOCK_SIZE_LOG_MIN..=BLOCK_SIZE_LOG_MAX).contains(&block_size_log) {
            return Err(Error::corrupt("blkszbits", record.offset_of(0x0C)));
        }
        let folder_block_size_log = record.u8(0x5A, "dirblkbits")?;
        if folder_block_size_log != 0 {
            let value = u64::from(folder_block_size_log);
            return Err(Error::unsupported("dirblkbits", record.offset_of(0x5A), value));
        }
        // Before settings of compressors were stored there was only algorithm 0, LZ4.
        let has_algorithms = incompat & INCOMPAT_BIG_CLUSTERS != 0;
        let algorithms = if has_algorithms { record.u16(0x54, "available_compr_algs")? } else { 1 };
        let has_devices = incompat & INCOMPAT_DEVICE_TABLE != 0;
        let has_prefixes = incompat & INCOMPAT_XATTR_PREFIXES != 0;
        Ok(Self {
            block_size_log,
            root: u64::from(record.u16(0x0E, "root_nid")?),
            packed: if incompat & INCOMPAT_FRAGMENTS == 0 { 0 } else { record.u64(0x60, "packed_nid")? },
            metadata_block: record.u32(0x28, "meta_blkaddr")?,
            attribute_block: record.u32(0x2C, "xattr_blkaddr")?,
            algorithms,
            prefix_count: if has_prefixes { record.u8(0x5B, "xattr_prefix_count")? } else { 0 },
            prefixes_at: u64::from(record.u32(0x5C, "xattr_prefix_start")?) << 2,
            extra_devices: if has_devices { record.u16(0x56, "extra_devices")? } else { 0 },
            compat: record.u32(0x08, "feature_compat")?,
            incompat,
        })
    }

    /// Bytes per block.
    pub(super) fn block_size(&self) -> u64 {
        1 << self.block_size_log
    }

    /// Byte offset of block `block`.
    pub(super) fn offset_of_block(&self, block: u64) -> u64 {
        block.saturating_mul(self.block_size())
    }

    /// Byte offset of inode `number`.
    pub(super) fn offset_of_inode(&self, number: u64) -> u64 {
        let start = self.offset_of_block(u64::from(self.metadata_block));
        start.saturating_add(number.saturating_mul(super::inode::SLOT_LEN))
    }

    /// Byte offset of the shared attribute `id`.
    pub(super) fn offset_of_attribute(&self, id: u32) -> u64 {
        self.offset_of_block(u64::from(self.attribute_block)).saturating_add(u64::from(id) << 2)
    }

    /// Whether packed clusters are padded in front.
    pub(super) const fn has_zero_padding(&self) -> bool {
        self.incompat & INCOMPAT_ZERO_PADDING != 0
    }

    /// Whether an old index may have settings in front of it.
    pub(super) const fn has_index_settings(&self) -> bool {
        self.incompat & (INCOMPAT_BIG_CLUSTERS | INCOMPAT_TAIL_PACKING | INCOMPAT_FRAGMENTS) != 0
    }

    /// Whether the table of long prefixes is in the packed inode.
    pub(super) const fn has_packed_prefixes(&self) -> bool {
        self.packed != 0 && self.compat & COMPAT_PLAIN_XATTR_PREFIXES == 0
    }

    /// Why some files cannot be read: their blocks are on another device.
    pub(super) fn further_devices(&self) -> Option<Error> {
        let count = u64::from(self.extra_devices);
        (count != 0).then(|| Error::unsupported("further devices with contents", OFFSET + 0x56, count))
    }
}
