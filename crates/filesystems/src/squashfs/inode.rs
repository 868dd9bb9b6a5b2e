//! One inode: a head that all have, then what its type needs. Fourteen types: seven kinds of files, each in a short and
//! in a long form, which has attributes.

use bytes::{Error, Result};

use super::{metadata::Position, volume::Volume};
use crate::{
    record::{Record, to_usize},
    walk::PATH_LEN_MAX,
};

const HEAD_LEN: usize = 16;
/// Long forms of the types follow the short ones.
const LONG: u16 = 7;
/// No fragment, or no attributes.
const NONE: u32 = u32::MAX;

/// An inode in memory.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    /// The place of its block of metadata in the image.
    pub(super) offset: u64,
    /// The low twelve bits of the mode.
    pub(super) permissions: u16,
    /// Places in the table of ids.
    pub(super) uid_index: u16,
    pub(super) gid_index: u16,
    pub(super) links_count: u32,
    /// Place in the table of attributes.
    pub(super) attributes: Option<u32>,
    pub(super) kind: Kind,
}

/// What an inode describes.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Directory { listing: Position, len: u64 },
    File(File),
    Symlink(Vec<u8>),
    Special,
}

/// Where the contents of a file are.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) start: u64,
    pub(super) size: u64,
    /// Number in the table of fragments and place there.
    pub(super) fragment: Option<(u32, u32)>,
    /// Where the lengths of its blocks are listed.
    pub(super) lengths: Position,
}

impl Inode {
    /// Reads the inode that `reference` names.
    pub(super) fn read(volume: &Volume, reference: u64) -> Result<Self> {
        let mut position = Position::of(volume.superblock.inode_table, reference);
        let offset = position.block;
        volume.budget.spend_nodes(1, "inode", offset)?;
        let head = volume.metadata(&mut position, HEAD_LEN, "inode")?;
        let head = Record::new(&head, offset);
        let stored_type = head.u16(0, "inode_type")?;
        let is_long = stored_type > LONG;
        let short_type = if is_long { stored_type.saturating_sub(LONG) } else { stored_type };
        let mut inode = Self {
            offset,
            permissions: head.u16(2, "mode")? & 0o7777,
            uid_index: head.u16(4, "uid")?,
            gid_index: head.u16(6, "guid")?,
            links_count: 1,
            attributes: None,
            kind: Kind::Special,
        };
        match (short_type, is_long) {
            (1, false) => inode.directory(volume, &mut position)?,
            (1, true) => inode.long_directory(volume, &mut position)?,
            (2, false) => inode.file(volume, &mut position)?,
            (2, true) => inode.long_file(volume, &mut position)?,
            (3, _) => inode.symlink(volume, &mut position, is_long)?,
            (4 | 5, _) => inode.special(volume, &mut position, 8, is_long)?,
            (6 | 7, _) => inode.special(volume, &mut position, 4, is_long)?,
            _ => return Err(Error::corrupt("inode_type", offset)),
        }
        Ok(inode)
    }

    fn directory(&mut self, volume: &Volume, position: &mut Position) -> Result<()> {
        let bytes = volume.metadata(position, 16, "folder inode")?;
        let record = Record::new(&bytes, self.offset);
        let (block, within) = (record.u32(0, "start_block")?, record.u16(10, "offset")?);
        self.links_count = record.u32(4, "nlink")?;
        self.listing(volume, block, within, u64::from(record.u16(8, "file_size")?));
        Ok(())
    }

    fn long_directory(&mut self, volume: &Volume, position: &mut Position) -> Result<()> {
        let bytes = volume.metadata(position, 24, "folder inode")?;
        let record = Record::new(&bytes, self.offset);
        let (block, within) = (record.u32(8, "start_block")?, record.u16(18, "offset")?);
        self.links_count = record.u32(0, "nlink")?;
        self.attributes = Some(record.u32(20, "xattr")?).filter(|&index| index != NONE);
        self.listing(volume, block, within, u64::from(record.u32(4, "file_size")?));
        Ok(())
    }

    /// The stored length of a folder counts three bytes that are not there.
    fn listing(&mut self, volume: &Volume, block: u32, within: u16, stored_len: u64) {
        let block = volume.superblock.folder_table.saturating_add(u64::from(block));
        let listing = Position { block, within: usize::from(within) };
        self.kind = Kind::Directory { listing, len: stored_len.saturating_sub(3) };
    }

    fn file(&mut self, volume: &Volume, position: &mut Position) -> Result<()> {
        let bytes = volume.metadata(position, 16, "file inode")?;
        let record = Record::new(&bytes, self.offset);
        let fragment = (record.u32(4, "fragment")?, record.u32(8, "offset")?);
        self.kind = Kind::File(File {
            start: u64::from(record.u32(0, "start_block")?),
            size: u64::from(record.u32(12, "file_size")?),
            fragment: Some(fragment).filter(|&(number, _)| number != NONE),
            lengths: *position,
        });
        Ok(())
    }

    fn long_file(&mut self, volume: &Volume, position: &mut Position) -> Result<()> {
        let bytes = volume.metadata(position, 40, "file inode")?;
        let record = Record::new(&bytes, self.offset);
        let fragment = (record.u32(28, "fragment")?, record.u32(32, "offset")?);
        let size = record.u64(8, "file_size")?;
        if i64::try_from(size).is_err() {
            return Err(Error::corrupt("file_size", self.offset));
        }
        self.links_count = record.u32(24, "nlink")?;
        self.attributes = Some(record.u32(36, "xattr")?).filter(|&index| index != NONE);
        self.kind = Kind::File(File {
            start: record.u64(0, "start_block")?,
            size,
            fragment: Some(fragment).filter(|&(number, _)| number != NONE),
            lengths: *position,
        });
        Ok(())
    }

    fn symlink(&mut self, volume: &Volume, position: &mut Position, is_long: bool) -> Result<()> {
        let bytes = volume.metadata(position, 8, "link inode")?;
        let record = Record::new(&bytes, self.offset);
        self.links_count = record.u32(0, "nlink")?;
        let len = to_usize(u64::from(record.u32(4, "symlink_size")?));
        if len == 0 || len > PATH_LEN_MAX {
            return Err(Error::corrupt("symlink_size", self.offset));
        }
        let mut target = volume.metadata(position, len, "link target")?;
        target.truncate(target.iter().position(|&byte| byte == 0).unwrap_or(len));
        self.kind = Kind::Symlink(target);
        self.trailing_attributes(volume, position, is_long)
    }

    fn special(&mut self, volume: &Volume, position: &mut Position, len: usize, is_long: bool) -> Result<()> {
        let bytes = volume.metadata(position, len, "inode")?;
        self.links_count = Record::new(&bytes, self.offset).u32(0, "nlink")?;
        self.trailing_attributes(volume, position, is_long)
    }

    fn trailing_attributes(&mut self, volume: &Volume, position: &mut Position, is_long: bool) -> Result<()> {
        if is_long {
            let bytes = volume.metadata(position, 4, "xattr")?;
            self.attributes = Some(Record::new(&bytes, self.offset).u32(0, "xattr")?).filter(|&index| index != NONE);
        }
        Ok(())
    }
}
