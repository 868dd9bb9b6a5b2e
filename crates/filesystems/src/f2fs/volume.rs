//! An F2FS image, its nodes by number, and how the walk over every file system asks for them.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Kind, Result};

use super::{
    attributes,
    checkpoint::Checkpoint,
    content, directory,
    inode::Inode,
    superblock::{BLOCK_LEN, SEGMENT_BLOCKS, Superblock},
};
use crate::{
    Attributes, EntryKind,
    contents::Store,
    record::len64,
    walk::{self, FileType, Found, Listing},
};

/// Entries of the node address table in a block, and their length.
const ENTRIES_PER_BLOCK: u64 = 455;
const ENTRY_LEN: u64 = 9;

/// The image, what its superblock says, and what reading it may cost.
pub(super) struct Image {
    pub(super) source: ByteSource,
    pub(super) superblock: Superblock,
    pub(super) budget: Budget,
    pub(super) store: Arc<Store>,
}

impl Image {
    /// Byte offset of block `block`.
    pub(super) const fn offset_of(block: u64) -> u64 {
        block.saturating_mul(BLOCK_LEN as u64)
    }

    /// Reads one block of metadata, which costs a node of the budget for each KiB.
    pub(super) fn block(&self, block: u64, what: &'static str) -> Result<Vec<u8>> {
        let offset = Self::offset_of(block);
        self.budget.spend_nodes(len64(BLOCK_LEN) >> 10, what, offset)?;
        let mut bytes = vec![0; BLOCK_LEN];
        self.source.read(offset, &mut bytes, what)?;
        Ok(bytes)
    }
}

/// The image and its checkpoint.
pub(super) struct Volume {
    pub(super) image: Image,
    checkpoint: Checkpoint,
}

impl Volume {
    pub(super) fn open(source: &ByteSource, budget: &Budget) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        let store = Store::new(source.clone());
        let image = Image { source: source.clone(), superblock, budget: budget.clone(), store };
        let checkpoint = Checkpoint::read(&image)?;
        Ok(Self { image, checkpoint })
    }

    /// The block that holds node `number`.
    fn block_of_node(&self, number: u32) -> Result<u64> {
        if let Some(&block) = self.checkpoint.journal.get(&number) {
            return Ok(u64::from(block));
        }
        let index = u64::from(number) / ENTRIES_PER_BLOCK;
        // The table is written twice, segment by segment.
        let segment = (index / SEGMENT_BLOCKS).saturating_mul(SEGMENT_BLOCKS.saturating_mul(2));
        let copy = if self.checkpoint.is_second_copy(index) { SEGMENT_BLOCKS } else { 0 };
        let table = self.image.superblock.node_table_block;
        let block = table.saturating_add(segment).saturating_add(index % SEGMENT_BLOCKS).saturating_add(copy);
        let within = (u64::from(number) % ENTRIES_PER_BLOCK).saturating_mul(ENTRY_LEN);
        let entry_at = Image::offset_of(block).saturating_add(within);
        let [_, _, _, _, _, b0, b1, b2, b3] = self.image.source.array::<9>(entry_at, "node address")?;
        Ok(u64::from(u32::from_le_bytes([b0, b1, b2, b3])))
    }

    /// Reads node `number`, which belongs to inode `owner`; its byte offset in the image.
    pub(super) fn node(&self, number: u32, owner: u32) -> Result<(Vec<u8>, u64)> {
        let block = self.block_of_node(number)?;
        let offset = Image::offset_of(block);
        if block == 0 || block == u64::from(u32::MAX) {
            return Err(Error::corrupt("node address", offset));
        }
        let bytes = self.image.block(block, "node")?;
        // The last bytes of a node are its number and its inode's.
        let footer = crate::record::Record::new(&bytes, offset).part(BLOCK_LEN - 24, 24, "node footer")?;
        if footer.u32(0, "nid")? != number || footer.u32(4, "ino")? != owner {
            return Err(Error::corrupt("node footer", footer.offset_of(0)));
        }
        Ok((bytes, offset))
    }
}

impl walk::Volume for Volume {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        (u64::from(self.image.superblock.root), self.image.superblock.offset.saturating_add(96))
    }

    fn inode(&mut self, number: u64, _named_at: u64) -> Result<Inode> {
        // Names hold 32 bits.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let (bytes, offset) = self.node(number, number)?;
        Inode::parse(bytes, offset, number, self.image.superblock.has_flexible_attributes())
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let security = attributes::read(self, inode, &mut errors);
        let encrypted = inode.is_encrypted().then_some(Error {
            kind: Kind::Encrypted,
            what: "i_advise",
            offset: inode.offset.saturating_add(2),
        });
        let kind = match (inode.file_type, encrypted) {
            (FileType::Directory, _) => EntryKind::Directory,
            (FileType::Special, _) => EntryKind::Special,
            (FileType::Regular, Some(error)) => EntryKind::File(crate::runs::unreadable(error, inode.size)),
            (FileType::Regular, None) => {
                let (source, error) = content::file(self, inode);
                errors.extend(error);
                EntryKind::File(source)
            }
            (FileType::Symlink, Some(_)) => EntryKind::Symlink(Vec::new()),
            (FileType::Symlink, None) => EntryKind::Symlink(content::symlink(self, inode).unwrap_or_else(|error| {
                errors.push(error);
                Vec::new()
            })),
        };
        errors.extend(encrypted);
        let attributes =
            Attributes { mode: Some(inode.permissions), uid: Some(inode.uid), gid: Some(inode.gid), ..security };
        let is_listable = encrypted.is_none();
        Found { kind, attributes, errors, has_other_names: inode.links_count > 1, is_listable }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        directory::read(self, inode)
    }
}
