//! One inode: 32 or 64 bytes, then its attributes, then what says where the contents are.

use bytes::{ByteSource, Error, Result};

use crate::{
    record::{Record, len64},
    walk::FileType,
};

/// Inodes start at multiples of this.
pub(super) const SLOT_LEN: u64 = 32;
const COMPACT_LEN: usize = 32;
const EXTENDED_LEN: usize = 64;
/// Length of the header of the attributes; each slot of four bytes comes on top of it.
pub(super) const ATTRIBUTES_HEADER_LEN: usize = 12;

/// How the contents are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// In one piece.
    Flat,
    /// In one piece, but the last block, which is behind the inode.
    FlatInline,
    /// In chunks of equal length.
    Chunked,
    /// Packed; the index has eight bytes per logical cluster.
    Packed,
    /// Packed; the index has four or two bytes per logical cluster.
    PackedCompact,
}

/// An inode in memory.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    /// Byte offset of the inode in the image.
    pub(super) offset: u64,
    pub(super) file_type: FileType,
    pub(super) layout: Layout,
    /// The low twelve bits of `i_mode`.
    pub(super) permissions: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) links_count: u32,
    /// Length of the contents, at most `i64::MAX`.
    pub(super) size: u64,
    /// First block, or the format of chunks.
    pub(super) place: u32,
    /// Length of the inode without what follows.
    len: usize,
    /// Length of the attributes behind it.
    pub(super) attributes_len: usize,
}

impl Inode {
    /// Reads the inode at `offset` of `source`.
    pub(super) fn read(source: &ByteSource, offset: u64) -> Result<Self> {
        let mut bytes = [0; EXTENDED_LEN];
        let count = source.read_some(offset, &mut bytes)?;
        let record = Record::new(bytes.get(..count).unwrap_or_default(), offset);
        let format = record.u16(0, "i_format")?;
        let is_extended = format & 1 != 0;
        let len = if is_extended { EXTENDED_LEN } else { COMPACT_LEN };
        let record = record.part(0, len, "inode")?;
        let layout = match (format >> 1) & 7 {
            0 => Layout::Flat,
            1 => Layout::Packed,
            2 => Layout::FlatInline,
            3 => Layout::PackedCompact,
            4 => Layout::Chunked,
            layout => return Err(Error::unsupported("i_format", offset, u64::from(layout))),
        };
        let mode = record.u16(4, "i_mode")?;
        let file_type = FileType::of_mode(mode).ok_or(Error::corrupt("i_mode", record.offset_of(4)))?;
        let size = if is_extended { record.u64(8, "i_size")? } else { u64::from(record.u32(8, "i_size")?) };
        if i64::try_from(size).is_err() {
            return Err(Error::corrupt("i_size", record.offset_of(8)));
        }
        let (uid, gid, links_count) = if is_extended {
            (record.u32(24, "i_uid")?, record.u32(28, "i_gid")?, record.u32(44, "i_nlink")?)
        } else {
            let narrow = |at, what| record.u16(at, what).map(u32::from);
            (narrow(24, "i_uid")?, narrow(26, "i_gid")?, narrow(6, "i_nlink")?)
        };
        let slots = usize::from(record.u16(2, "i_xattr_icount")?);
        let attributes_len =
            slots.checked_sub(1).map_or(0, |more| ATTRIBUTES_HEADER_LEN.saturating_add(more.saturating_mul(4)));
        Ok(Self {
            offset,
            file_type,
            layout,
            permissions: mode & 0o7777,
            uid,
            gid,
            links_count,
            size,
            place: record.u32(16, "i_u")?,
            len,
            attributes_len,
        })
    }

    /// Byte offset of the attributes.
    pub(super) fn attributes_at(&self) -> u64 {
        self.offset.saturating_add(len64(self.len))
    }

    /// Byte offset of what follows the attributes.
    pub(super) fn end(&self) -> u64 {
        self.attributes_at().saturating_add(len64(self.attributes_len))
    }
}
