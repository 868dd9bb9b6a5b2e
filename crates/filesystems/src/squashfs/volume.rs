//! A squashfs image with what all its inodes share, as the walk over every file system asks for it.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};

use super::{
    attributes::{self, Table},
    content, directory,
    inode::{Inode, Kind},
    metadata::Position,
    superblock::Superblock,
};
use crate::{
    Attributes, EntryKind, Problem, Tree,
    contents::Store,
    record::to_usize,
    walk::{self, Found, Listing},
};

/// The image, what its superblock says, and what reading it may cost.
pub(super) struct Volume {
    pub(super) source: ByteSource,
    pub(super) superblock: Superblock,
    pub(super) budget: Budget,
    pub(super) store: Arc<Store>,
    /// Where attributes are.
    pub(super) attributes: Result<Option<Table>>,
    /// Users and groups, by the index that inodes hold.
    ids: Result<Vec<u32>>,
}

impl Volume {
    pub(super) fn open(source: &ByteSource, budget: &Budget) -> Result<Self> {
        let mut volume = Self {
            source: source.clone(),
            superblock: Superblock::read(source)?,
            budget: budget.clone(),
            store: Store::new(source.clone()),
            attributes: Ok(None),
            ids: Ok(Vec::new()),
        };
        volume.attributes = attributes::table(&volume);
        volume.ids = volume.read_ids();
        Ok(volume)
    }

    fn read_ids(&self) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        for index in 0..u64::from(self.superblock.ids) {
            // Blocks of ids are full but the last: each has its own pointer.
            let mut position = Position::of_entry(self, self.superblock.id_table, index, 4)?;
            let bytes = self.metadata(&mut position, 4, "id table")?;
            ids.extend(bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)));
        }
        Ok(ids)
    }

    /// The user or group at `index`. That the whole table cannot be read is told once.
    fn id(&self, index: u16, inode_at: u64, errors: &mut Vec<Error>) -> Option<u32> {
        let ids = self.ids.as_ref().ok()?;
        let id = ids.get(to_usize(u64::from(index))).copied();
        if id.is_none() {
            errors.push(Error::corrupt("id index", inode_at));
        }
        id
    }
}

/// Lists everything below the root folder of `volume`.
pub(super) fn walk(mut volume: Volume) -> Tree {
    let shared = [volume.attributes.as_ref().err().copied(), volume.ids.as_ref().err().copied()];
    let mut tree = walk::walk(&mut volume);
    let problems = shared.into_iter().flatten().map(|error| Problem { path: Vec::new(), error });
    tree.problems.splice(0..0, problems);
    tree
}

impl walk::Volume for Volume {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        // The field that names it.
        (self.superblock.root, 32)
    }

    fn inode(&mut self, number: u64, _named_at: u64) -> Result<Inode> {
        Inode::read(self, number)
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let mut security = Attributes::default();
        if let (Some(index), Ok(_)) = (inode.attributes, &self.attributes) {
            errors.extend(attributes::read(self, index, &mut security).err());
        }
        let kind = match &inode.kind {
            Kind::Directory { .. } => EntryKind::Directory,
            Kind::File(file) => {
                let (source, error) = content::file(self, inode, file);
                errors.extend(error);
                EntryKind::File(source)
            }
            Kind::Symlink(target) => EntryKind::Symlink(target.clone()),
            Kind::Special => EntryKind::Special,
        };
        let attributes = Attributes {
            mode: Some(inode.permissions),
            uid: self.id(inode.uid_index, inode.offset, &mut errors),
            gid: self.id(inode.gid_index, inode.offset, &mut errors),
            ..security
        };
        Found { kind, attributes, errors, has_other_names: inode.links_count > 1, is_listable: true }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        match inode.kind {
            Kind::Directory { listing, len } => directory::read(self, listing, len),
            _ => Listing::default(),
        }
    }
}
