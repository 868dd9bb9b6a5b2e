//! One inode: mode, owner, length, flags and the sixty bytes that say where the contents are. Written from kernel.org,
//! "ext4 Data Structures and Algorithms", section "Inode Table".

use bytes::{Error, Kind, Result};

use super::volume::Block;
use crate::{
    record::{Record, join32, len64},
    walk::FileType,
};

/// Bytes of the inode every revision has.
pub(super) const OLD_LEN: usize = 128;
const BLOCK_AT: usize = 40;
/// Length of `i_block`.
pub(super) const BLOCK_LEN: usize = 60;

const FLAG_ENCRYPTED: u32 = 0x800;
const FLAG_EXTENTS: u32 = 0x8_0000;
const FLAG_HOLDS_VALUE: u32 = 0x20_0000;
const FLAG_INLINE_DATA: u32 = 0x1000_0000;

/// An inode in memory.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    bytes: Vec<u8>,
    /// Byte offset of the inode in the image.
    pub(super) offset: u64,
    pub(super) file_type: FileType,
    /// The low twelve bits of `i_mode`.
    pub(super) permissions: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Length of the contents, at most `i64::MAX`.
    pub(super) size: u64,
    pub(super) links_count: u16,
    flags: u32,
    /// The block with further attributes, or 0.
    pub(super) attribute_block: u64,
}

impl Inode {
    /// Reads the inode `bytes`, which lie at `offset` of the image.
    pub(super) fn parse(bytes: Vec<u8>, offset: u64, large_directories: bool) -> Result<Self> {
        let record = Record::new(&bytes, offset);
        let mode = record.u16(0, "i_mode")?;
        let file_type = FileType::of_mode(mode).ok_or(Error::corrupt("i_mode", offset))?;
        let size_high = record.u32(108, "i_size_high")?;
        // In old folders these four bytes name an access list instead.
        let has_high = file_type == FileType::Regular || (file_type == FileType::Directory && large_directories);
        let size = join32(record.u32(4, "i_size_lo")?, if has_high { size_high } else { 0 });
        if i64::try_from(size).is_err() {
            return Err(Error::corrupt("i_size_high", record.offset_of(108)));
        }
        let owner = |low: u16, high: u16| u32::from(low) | (u32::from(high) << 16);
        Ok(Self {
            offset,
            file_type,
            permissions: mode & 0o7777,
            uid: owner(record.u16(2, "i_uid")?, record.u16(120, "l_i_uid_high")?),
            gid: owner(record.u16(24, "i_gid")?, record.u16(122, "l_i_gid_high")?),
            size,
            links_count: record.u16(26, "i_links_count")?,
            flags: record.u32(32, "i_flags")?,
            attribute_block: join32(
                record.u32(104, "i_file_acl_lo")?,
                u32::from(record.u16(118, "l_i_file_acl_high")?),
            ),
            bytes,
        })
    }

    /// The whole inode.
    pub(super) fn record(&self) -> Record<'_> {
        Record::new(&self.bytes, self.offset)
    }

    /// `i_block`: root of the extent tree, block pointers, a short link's target or the start of inline data.
    pub(super) fn block_record(&self) -> Result<Record<'_>> {
        let offset = self.offset.saturating_add(len64(BLOCK_AT));
        Ok(Record::new(self.record().bytes(BLOCK_AT, BLOCK_LEN, "i_block")?, offset))
    }

    /// `i_block` as the root of a tree of blocks.
    pub(super) fn root_block(&self) -> Result<Block> {
        let bytes = self.record().bytes(BLOCK_AT, BLOCK_LEN, "i_block")?.to_vec();
        Ok(Block { bytes, offset: self.offset.saturating_add(len64(BLOCK_AT)) })
    }

    /// Whether the contents are described by an extent tree.
    pub(super) const fn has_extents(&self) -> bool {
        self.flags & FLAG_EXTENTS != 0
    }

    /// Whether the contents are in the inode itself.
    pub(super) const fn has_inline_data(&self) -> bool {
        self.flags & FLAG_INLINE_DATA != 0
    }

    /// Whether the contents are the value of an attribute of other inodes.
    pub(super) const fn holds_value(&self) -> bool {
        self.flags & FLAG_HOLDS_VALUE != 0
    }

    /// The error that stands for contents or names nobody without the key can read.
    pub(super) fn encrypted(&self) -> Option<Error> {
        let offset = self.offset.saturating_add(32);
        (self.flags & FLAG_ENCRYPTED != 0).then_some(Error { kind: Kind::Encrypted, what: "i_flags", offset })
    }

    /// Whether the target of a link is in `i_block`.
    pub(super) fn is_fast_symlink(&self) -> bool {
        self.size < len64(BLOCK_LEN) && !self.has_extents() && !self.has_inline_data()
    }
}
