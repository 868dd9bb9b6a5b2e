//! One inode: a block. Most of it is either addresses of the contents, or the contents themselves, or names, and behind
//! them attributes.

use bytes::{Error, Result};

use crate::{
    record::{Record, len64},
    walk::FileType,
};

const ADDRESSES_AT: usize = 360;
/// Words of four bytes that hold addresses.
const ADDRESSES: usize = 923;
/// Room that attributes have if nothing else is said, in words.
const ATTRIBUTES_DEFAULT: usize = 50;
/// The first word of inline contents is not used.
const INLINE_RESERVED: usize = 1;
/// Numbers of five nodes with further addresses follow.
const NODES_AT: usize = ADDRESSES_AT + ADDRESSES * 4;

const ADVISE_ENCRYPTED: u8 = 0x4;
const INLINE_ATTRIBUTES: u8 = 0x1;
const INLINE_DATA: u8 = 0x2;
const INLINE_NAMES: u8 = 0x4;
const EXTRA_FIELDS: u8 = 0x20;
const FLAG_PACKED: u32 = 0x4;
/// Clusters of 4 to 256 blocks.
const CLUSTER_LOG_MIN: u8 = 2;
const CLUSTER_LOG_MAX: u8 = 8;

/// How a packed file is packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    pub(super) algorithm: u8,
    /// Blocks of a cluster: 4 to 256.
    pub(super) cluster_blocks: usize,
}

/// An inode in memory.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    bytes: Vec<u8>,
    /// Byte offset of the inode in the image.
    pub(super) offset: u64,
    pub(super) number: u32,
    pub(super) file_type: FileType,
    /// The low twelve bits of `i_mode`.
    pub(super) permissions: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) links_count: u32,
    /// Length of the contents, at most `i64::MAX`.
    pub(super) size: u64,
    /// The node with further attributes, or 0.
    pub(super) attribute_node: u32,
    pub(super) packing: Option<Packing>,
    advise: u8,
    inline: u8,
    /// Words before the first address, and words of attributes behind the last.
    words_before: usize,
    words_behind: usize,
}

impl Inode {
    /// Reads the inode `bytes`, which lie at `offset` of the image.
    pub(super) fn parse(bytes: Vec<u8>, offset: u64, number: u32, has_flexible_attributes: bool) -> Result<Self> {
        let record = Record::new(&bytes, offset);
        let mode = record.u16(0, "i_mode")?;
        let file_type = FileType::of_mode(mode).ok_or(Error::corrupt("i_mode", offset))?;
        let size = record.u64(16, "i_size")?;
        if i64::try_from(size).is_err() {
            return Err(Error::corrupt("i_size", record.offset_of(16)));
        }
        let inline = record.u8(3, "i_inline")?;
        let has_extra = inline & EXTRA_FIELDS != 0;
        let extra_len = if has_extra { usize::from(record.u16(ADDRESSES_AT, "i_extra_isize")?) } else { 0 };
        let words_behind = if has_flexible_attributes && has_extra {
            usize::from(record.u16(ADDRESSES_AT + 2, "i_inline_xattr_size")?)
        } else if inline & (INLINE_ATTRIBUTES | INLINE_NAMES) != 0 {
            ATTRIBUTES_DEFAULT
        } else {
            0
        };
        let words_before = extra_len >> 2;
        if !extra_len.is_multiple_of(4) || words_before.saturating_add(words_behind) >= ADDRESSES {
            return Err(Error::corrupt("i_extra_isize", record.offset_of(ADDRESSES_AT)));
        }
        let is_packed = record.u32(80, "i_flags")? & FLAG_PACKED != 0 && file_type == FileType::Regular && has_extra;
        let packing = if is_packed { Some(packing(record, extra_len)?) } else { None };
        Ok(Self {
            offset,
            number,
            file_type,
            permissions: mode & 0o7777,
            uid: record.u32(4, "i_uid")?,
            gid: record.u32(8, "i_gid")?,
            links_count: record.u32(12, "i_links")?,
            size,
            attribute_node: record.u32(76, "i_xattr_nid")?,
            packing,
            advise: record.u8(2, "i_advise")?,
            inline,
            words_before,
            words_behind,
            bytes,
        })
    }

    /// Whether nobody without the key can read contents and names.
    pub(super) const fn is_encrypted(&self) -> bool {
        self.advise & ADVISE_ENCRYPTED != 0
    }

    /// Whether the contents are in the inode.
    pub(super) const fn has_inline_data(&self) -> bool {
        self.inline & INLINE_DATA != 0
    }

    /// Whether the names of a folder are in the inode.
    pub(super) const fn has_inline_names(&self) -> bool {
        self.inline & INLINE_NAMES != 0
    }

    /// The words for addresses, as a structure.
    pub(super) fn addresses(&self) -> Result<Record<'_>> {
        let words = ADDRESSES.saturating_sub(self.words_before).saturating_sub(self.words_behind);
        let at = ADDRESSES_AT.saturating_add(self.words_before.saturating_mul(4));
        Record::new(&self.bytes, self.offset).part(at, words.saturating_mul(4), "i_addr")
    }

    /// The same room as contents or names.
    pub(super) fn inline_area(&self) -> Result<Record<'_>> {
        self.addresses()?.tail(INLINE_RESERVED * 4, "inline data")
    }

    /// The attributes behind the addresses.
    pub(super) fn inline_attributes(&self) -> Result<&[u8]> {
        let words = if self.inline & INLINE_ATTRIBUTES == 0 { 0 } else { self.words_behind };
        let len = words.saturating_mul(4);
        Record::new(&self.bytes, self.offset).bytes(NODES_AT.saturating_sub(len), len, "inline attributes")
    }

    /// Byte offset of the attributes.
    pub(super) fn attributes_at(&self) -> u64 {
        let len = len64(self.words_behind.saturating_mul(4));
        self.offset.saturating_add(len64(NODES_AT)).saturating_sub(len)
    }

    /// The number of one of the five nodes with further addresses, or 0.
    pub(super) fn node(&self, index: usize) -> Result<u32> {
        Record::new(&self.bytes, self.offset).u32(NODES_AT.saturating_add(index.saturating_mul(4)), "i_nid")
    }
}

/// The fields that say how a file is packed; they are at the end of the extra ones.
fn packing(record: Record<'_>, extra_len: usize) -> Result<Packing> {
    if extra_len < 36 {
        return Err(Error::corrupt("i_extra_isize", record.offset_of(ADDRESSES_AT)));
    }
    let cluster_log = record.u8(393, "i_log_cluster_size")?;
    if !(CLUSTER_LOG_MIN..=CLUSTER_LOG_MAX).contains(&cluster_log) {
        return Err(Error::corrupt("i_log_cluster_size", record.offset_of(393)));
    }
    Ok(Packing { algorithm: record.u8(392, "i_compress_algorithm")?, cluster_blocks: 1 << cluster_log })
}
