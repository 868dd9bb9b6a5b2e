//! An EROFS image with what all its inodes share.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};

use super::{
    attributes::{self, Prefix},
    content,
    inode::Inode,
    superblock::{self, Superblock},
};
use crate::contents::Store;

/// The image, what its superblock says, and what reading it may cost.
pub(super) struct Volume {
    pub(super) source: ByteSource,
    pub(super) superblock: Superblock,
    pub(super) budget: Budget,
    pub(super) store: Arc<Store>,
    /// The contents of the inode that holds the ends of many files, if there is one.
    pub(super) packed: Result<ByteSource>,
    /// Long prefixes of attribute names.
    pub(super) prefixes: Result<Vec<Prefix>>,
    /// What is wrong with what all files share.
    pub(super) errors: Vec<Error>,
}

impl Volume {
    pub(super) fn open(source: &ByteSource, budget: &Budget) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        let mut volume = Self {
            source: source.clone(),
            store: Store::new(source.clone()),
            budget: budget.clone(),
            packed: Err(Error::corrupt("packed_nid", superblock::OFFSET.saturating_add(0x60))),
            prefixes: Ok(Vec::new()),
            errors: superblock.further_devices().into_iter().collect(),
            superblock,
        };
        volume.read_shared();
        Ok(volume)
    }

    fn read_shared(&mut self) {
        if self.superblock.packed != 0 {
            self.packed = self.inode(self.superblock.packed).map(|inode| {
                // Fragments of the packed inode itself would be looked for where nothing is yet.
                let (packed, error) = content::file(self, &inode);
                self.errors.extend(error);
                packed
            });
            self.errors.extend(self.packed.as_ref().err());
        }
        self.prefixes = attributes::prefixes(self);
        self.errors.extend(self.prefixes.as_ref().err());
    }

    /// Reads the inode `number`.
    pub(super) fn inode(&self, number: u64) -> Result<Inode> {
        let offset = self.superblock.offset_of_inode(number);
        self.budget.spend_nodes(1, "inode", offset)?;
        Inode::read(&self.source, offset)
    }

    /// Reads `len` bytes of metadata at `offset`, which costs a node of the budget for each KiB.
    pub(super) fn metadata(&self, offset: u64, len: usize, what: &'static str) -> Result<Vec<u8>> {
        let cost = u64::try_from(len >> 10).unwrap_or(u64::MAX);
        self.budget.spend_nodes(cost, what, offset)?;
        // Before the bytes are asked for: a length is up to 256 KiB, and the image may be shorter.
        self.source.slice(offset, crate::record::len64(len), what)?;
        let mut bytes = vec![0; len];
        self.source.read(offset, &mut bytes, what)?;
        Ok(bytes)
    }
}
