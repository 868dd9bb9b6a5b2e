//! The superblock: 1,024 bytes at offset 1,024 of every ext2, ext3 and ext4 image. Written from kernel.org, "ext4 Data
//! Structures and Algorithms", section "The Super Block".

use bytes::{ByteSource, Error, Result};

use crate::record::Record;

/// Where the superblock starts.
pub(super) const OFFSET: u64 = 1024;
const LEN: usize = 1024;
const MAGIC: u16 = 0xEF53;
const MAGIC_AT: u64 = OFFSET + 0x38;
/// Blocks are `1024 << 6` bytes at most.
const LOG_BLOCK_SIZE_MAX: u32 = 6;
const INODE_SIZE_OLD: u16 = 128;

const COMPAT_SPARSE_SUPER2: u32 = 0x200;
const RO_COMPAT_SPARSE_SUPER: u32 = 0x1;

/// Directory entries hold a type.
const INCOMPAT_FILETYPE: u32 = 0x2;
/// The journal was not replayed.
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_META_BG: u32 = 0x10;
const INCOMPAT_EXTENTS: u32 = 0x40;
const INCOMPAT_64BIT: u32 = 0x80;
/// Multiple mount protection: of no interest to a reader.
const INCOMPAT_MMP: u32 = 0x100;
const INCOMPAT_FLEX_BG: u32 = 0x200;
/// Large attribute values have inodes of their own.
const INCOMPAT_EA_INODE: u32 = 0x400;
const INCOMPAT_CSUM_SEED: u32 = 0x2000;
const INCOMPAT_LARGEDIR: u32 = 0x4000;
const INCOMPAT_INLINE_DATA: u32 = 0x8000;
const INCOMPAT_ENCRYPT: u32 = 0x10000;
/// Lookups ignore case; names are stored as written.
const INCOMPAT_CASEFOLD: u32 = 0x20000;

/// What is known by name and not read.
const INCOMPAT_NAMED: [(u32, &str); 3] = [
    (0x1, "feature compression (e2compr)"),
    (0x8, "feature journal_dev, a journal of another image"),
    (0x1000, "feature dirdata, data in folder entries"),
];

/// Everything a reader must know about and does. Bits of the other two feature sets never hinder reading.
const INCOMPAT_KNOWN: u32 = INCOMPAT_FILETYPE
    | INCOMPAT_RECOVER
    | INCOMPAT_META_BG
    | INCOMPAT_EXTENTS
    | INCOMPAT_64BIT
    | INCOMPAT_MMP
    | INCOMPAT_FLEX_BG
    | INCOMPAT_EA_INODE
    | INCOMPAT_CSUM_SEED
    | INCOMPAT_LARGEDIR
    | INCOMPAT_INLINE_DATA
    | INCOMPAT_ENCRYPT
    | INCOMPAT_CASEFOLD;

/// What the reader needs from the superblock, checked.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    /// Bytes per block: 1,024 to 65,536, a power of two.
    pub(super) block_size: u32,
    /// Inode numbers run from 1 to this.
    pub(super) inodes_count: u32,
    /// Never zero.
    pub(super) inodes_per_group: u32,
    /// Bytes per inode: a power of two from 128 to the block size.
    pub(super) inode_size: u16,
    blocks_per_group: u32,
    first_data_block: u32,
    /// Bytes per group descriptor: a power of two from 32 to 1,024.
    descriptor_size: u16,
    first_meta_group: u32,
    backup_groups: [u32; 2],
    compat: u32,
    incompat: u32,
    ro_compat: u32,
}

/// Whether `source` looks like ext2, ext3 or ext4: the mark is only two bytes long, the block size makes it sure.
pub(super) fn probe(source: &ByteSource) -> bool {
    let Ok(bytes) = source.array::<LEN>(OFFSET, "superblock") else { return false };
    let record = Record::new(&bytes, OFFSET);
    record.u16(0x38, "s_magic") == Ok(MAGIC)
        && record.u32(0x18, "s_log_block_size").is_ok_and(|log| log <= LOG_BLOCK_SIZE_MAX)
}

impl Superblock {
    /// Reads and checks the superblock.
    pub(super) fn read(source: &ByteSource) -> Result<Self> {
        let bytes = source.array::<LEN>(OFFSET, "superblock")?;
        let record = Record::new(&bytes, OFFSET);
        if record.u16(0x38, "s_magic")? != MAGIC {
            return Err(Error::corrupt("s_magic", MAGIC_AT));
        }
        let log_block_size = record.u32(0x18, "s_log_block_size")?;
        if log_block_size > LOG_BLOCK_SIZE_MAX {
            return Err(Error::corrupt("s_log_block_size", record.offset_of(0x18)));
        }
        let incompat = record.u32(0x60, "s_feature_incompat")?;
        let unknown = incompat & !INCOMPAT_KNOWN;
        if unknown != 0 {
            let named = INCOMPAT_NAMED.iter().find(|(bit, _)| unknown & bit != 0);
            let what = named.map_or("s_feature_incompat", |&(_, name)| name);
            return Err(Error::unsupported(what, record.offset_of(0x60), u64::from(unknown)));
        }
        let superblock = Self {
            block_size: 1024 << log_block_size,
            inodes_count: record.u32(0, "s_inodes_count")?,
            inodes_per_group: record.u32(0x28, "s_inodes_per_group")?,
            inode_size: inode_size(record)?,
            blocks_per_group: record.u32(0x20, "s_blocks_per_group")?,
            first_data_block: record.u32(0x14, "s_first_data_block")?,
            descriptor_size: descriptor_size(record, incompat)?,
            first_meta_group: record.u32(0x104, "s_first_meta_bg")?,
            backup_groups: [record.u32(0x24C, "s_backup_bgs")?, record.u32(0x250, "s_backup_bgs")?],
            compat: record.u32(0x5C, "s_feature_compat")?,
            incompat,
            ro_compat: record.u32(0x64, "s_feature_ro_compat")?,
        };
        if superblock.inodes_per_group == 0 {
            return Err(Error::corrupt("s_inodes_per_group", record.offset_of(0x28)));
        }
        if u32::from(superblock.inode_size) > superblock.block_size {
            return Err(Error::corrupt("s_inode_size", record.offset_of(0x58)));
        }
        Ok(superblock)
    }

    /// Why the tree may be older than what was last written: changes still wait in the journal.
    pub(super) fn unreplayed_journal(&self) -> Option<Error> {
        let bits = self.incompat & INCOMPAT_RECOVER;
        (bits != 0).then(|| Error::unsupported("journal to be replayed", OFFSET + 0x60, u64::from(bits)))
    }

    /// Whether directories' lengths have an upper half.
    pub(super) const fn has_large_directories(&self) -> bool {
        self.incompat & INCOMPAT_LARGEDIR != 0
    }

    /// Whether group descriptors hold upper halves.
    pub(super) const fn is_64bit(&self) -> bool {
        self.descriptor_size >= 64
    }

    /// Byte offset of block `block`.
    pub(super) fn offset_of_block(&self, block: u64) -> u64 {
        block.saturating_mul(u64::from(self.block_size))
    }

    /// Byte offset of the descriptor of `group`.
    pub(super) fn offset_of_descriptor(&self, group: u32) -> u64 {
        // Both sizes are powers of two and a block holds at least one descriptor.
        let per_block = (self.block_size / u32::from(self.descriptor_size)).max(1);
        let table_block = group / per_block;
        let within = u64::from(group % per_block).saturating_mul(u64::from(self.descriptor_size));
        let block = if self.incompat & INCOMPAT_META_BG == 0 || table_block < self.first_meta_group {
            // The table starts behind the superblock, which is block 1 only if blocks are as small as itself.
            u64::from(self.block_size == 1024).saturating_add(1).saturating_add(u64::from(table_block))
        } else {
            self.meta_group_block(table_block.saturating_mul(per_block))
        };
        self.offset_of_block(block).saturating_add(within)
    }

    /// The block of descriptors of a meta block group, which starts with group `first`.
    fn meta_group_block(&self, first: u32) -> u64 {
        let start = u64::from(first).saturating_mul(u64::from(self.blocks_per_group));
        start.saturating_add(u64::from(self.first_data_block)).saturating_add(u64::from(self.has_superblock(first)))
    }

    /// Whether `group` starts with a copy of the superblock.
    fn has_superblock(&self, group: u32) -> bool {
        if group == 0 {
            return true;
        }
        if self.compat & COMPAT_SPARSE_SUPER2 != 0 {
            return self.backup_groups.contains(&group);
        }
        group == 1
            || self.ro_compat & RO_COMPAT_SPARSE_SUPER == 0
            || [3, 5, 7].into_iter().any(|base| is_power_of(base, group))
    }
}

fn inode_size(record: Record<'_>) -> Result<u16> {
    if record.u32(0x4C, "s_rev_level")? == 0 {
        return Ok(INODE_SIZE_OLD);
    }
    let size = record.u16(0x58, "s_inode_size")?;
    if size < INODE_SIZE_OLD || !size.is_power_of_two() {
        return Err(Error::corrupt("s_inode_size", record.offset_of(0x58)));
    }
    Ok(size)
}

fn descriptor_size(record: Record<'_>, incompat: u32) -> Result<u16> {
    if incompat & INCOMPAT_64BIT == 0 {
        return Ok(32);
    }
    let size = record.u16(0xFE, "s_desc_size")?;
    if !(64..=1024).contains(&size) || !size.is_power_of_two() {
        return Err(Error::corrupt("s_desc_size", record.offset_of(0xFE)));
    }
    Ok(size)
}

/// Whether `value` is `base` to a power of at least one.
fn is_power_of(base: u32, value: u32) -> bool {
    let mut power = base;
    while power < value {
        match power.checked_mul(base) {
            Some(next) => power = next,
            None => return false,
        }
    }
    power == value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_recognised() {
        assert!(is_power_of(3, 3) && is_power_of(3, 27) && is_power_of(7, 49) && is_power_of(5, 1_220_703_125));
        assert!(!is_power_of(3, 1) && !is_power_of(3, 12) && !is_power_of(5, u32::MAX));
    }
}
