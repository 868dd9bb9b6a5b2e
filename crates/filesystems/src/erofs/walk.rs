//! Inodes and folders of an EROFS image, as the walk over every file system asks for them.

use bytes::Result;

use super::{attributes, content, directory, inode::Inode, superblock, volume::Volume};
use crate::{
    Attributes, EntryKind, Problem, Tree,
    walk::{self, FileType, Found, Listing},
};

/// Lists everything below the root folder of `volume`.
pub(super) fn walk(mut volume: Volume) -> Tree {
    let errors = std::mem::take(&mut volume.errors);
    let mut tree = walk::walk(&mut volume);
    let shared = errors.into_iter().map(|error| Problem { path: Vec::new(), error });
    tree.problems.splice(0..0, shared);
    tree
}

impl walk::Volume for Volume {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        (self.superblock.root, superblock::OFFSET)
    }

    fn inode(&mut self, number: u64, _named_at: u64) -> Result<Inode> {
        Self::inode(self, number)
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let security = attributes::read(self, inode, &mut errors);
        let kind = match inode.file_type {
            FileType::Directory => EntryKind::Directory,
            FileType::Special => EntryKind::Special,
            FileType::Regular => {
                let (source, error) = content::file(self, inode);
                errors.extend(error);
                EntryKind::File(source)
            }
            FileType::Symlink => EntryKind::Symlink(content::symlink(self, inode).unwrap_or_else(|error| {
                errors.push(error);
                Vec::new()
            })),
        };
        let attributes =
            Attributes { mode: Some(inode.permissions), uid: Some(inode.uid), gid: Some(inode.gid), ..security };
        Found { kind, attributes, errors, has_other_names: inode.links_count > 1, is_listable: true }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        directory::read(self, inode)
    }
}
