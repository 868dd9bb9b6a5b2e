//! The superblock: the first 96 bytes.

use bytes::{ByteSource, Error, Result};
use codecs::Method;

use crate::record::Record;

const LEN: usize = 96;
const MAGIC: &[u8] = b"hsqs";
/// The mark as a big-endian machine wrote it before version 4.
const MAGIC_BIG_ENDIAN: &[u8] = b"sqsh";
const VERSION: u16 = 4;
const BLOCK_SIZE_LOG_MIN: u16 = 12;
/// Blocks have at most 1 MiB.
const BLOCK_SIZE_LOG_MAX: u16 = 20;
/// A table that is not there.
pub(super) const NOWHERE: u64 = u64::MAX;

/// What the reader needs from the superblock, checked.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    /// Bytes per block of a file: 4 KiB to 1 MiB.
    pub(super) block_size: u32,
    pub(super) method: Method,
    pub(super) fragments: u32,
    pub(super) ids: u16,
    pub(super) root: u64,
    pub(super) id_table: u64,
    pub(super) attribute_table: u64,
    pub(super) inode_table: u64,
    pub(super) folder_table: u64,
    pub(super) fragment_table: u64,
}

/// Whether `source` looks like squashfs.
pub(super) fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC) || source.has(0, MAGIC_BIG_ENDIAN)
}

impl Superblock {
    /// Reads and checks the superblock.
    pub(super) fn read(source: &ByteSource) -> Result<Self> {
        let bytes = source.array::<LEN>(0, "superblock")?;
        let record = Record::new(&bytes, 0);
        if bytes.starts_with(MAGIC_BIG_ENDIAN) {
            return Err(Error::unsupported("s_magic", 0, u64::from(record.u32(0, "s_magic")?)));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(Error::corrupt("s_magic", 0));
        }
        let version = record.u16(28, "s_major")?;
        if version != VERSION {
            return Err(Error::unsupported("s_major", 28, u64::from(version)));
        }
        let block_size_log = record.u16(22, "block_log")?;
        let block_size = record.u32(12, "block_size")?;
        if !(BLOCK_SIZE_LOG_MIN..=BLOCK_SIZE_LOG_MAX).contains(&block_size_log) || block_size != 1 << block_size_log {
            return Err(Error::corrupt("block_size", 12));
        }
        let method = match record.u16(20, "compression")? {
            1 => Method::Zlib,
            2 => Method::Lzma,
            3 => Method::Lzo,
            4 => Method::Xz,
            5 => Method::Lz4,
            6 => Method::Zstd,
            other => return Err(Error::unsupported("compression", 20, u64::from(other))),
        };
        Ok(Self {
            block_size,
            method,
            fragments: record.u32(16, "fragments")?,
            ids: record.u16(26, "no_ids")?,
            root: record.u64(32, "root_inode")?,
            id_table: record.u64(48, "id_table_start")?,
            attribute_table: record.u64(56, "xattr_id_table_start")?,
            inode_table: record.u64(64, "inode_table_start")?,
            folder_table: record.u64(72, "directory_table_start")?,
            fragment_table: record.u64(80, "fragment_table_start")?,
        })
    }
}
