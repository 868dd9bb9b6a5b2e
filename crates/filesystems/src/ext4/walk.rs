//! Inodes and folders of an ext image, as the walk over every file system asks for them.

use bytes::Result;

use super::{
    attributes, content, directory,
    inode::Inode,
    superblock,
    volume::{InodeTable, Volume},
};
use crate::{
    Attributes, EntryKind, Problem, Tree,
    walk::{self, FileType, Found, Listing},
};

const ROOT_INODE: u64 = 2;

/// Lists everything below the root folder of `volume`.
pub(super) fn walk(volume: Volume) -> Tree {
    let journal = volume.superblock.unreplayed_journal();
    let mut tree = walk::walk(&mut Reader { volume, inodes: InodeTable::default() });
    if let Some(error) = journal {
        tree.problems.insert(0, Problem { path: Vec::new(), error });
    }
    tree
}

struct Reader {
    volume: Volume,
    inodes: InodeTable,
}

impl walk::Volume for Reader {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        (ROOT_INODE, superblock::OFFSET)
    }

    fn inode(&mut self, number: u64, named_at: u64) -> Result<Inode> {
        // Names hold 32 bits.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.inodes.read(&self.volume, number, named_at)
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let extended = attributes::read(&self.volume, inode, &mut errors);
        let kind = match inode.file_type {
            FileType::Directory => {
                errors.extend(inode.encrypted());
                EntryKind::Directory
            }
            FileType::Special => EntryKind::Special,
            FileType::Regular => {
                let (source, error) = content::file(&self.volume, inode, extended.inline_data);
                errors.extend(error);
                EntryKind::File(source)
            }
            FileType::Symlink => {
                let target = content::symlink(&self.volume, inode, extended.inline_data);
                EntryKind::Symlink(target.unwrap_or_else(|error| {
                    errors.push(error);
                    Vec::new()
                }))
            }
        };
        let attributes = Attributes {
            mode: Some(inode.permissions),
            uid: Some(inode.uid),
            gid: Some(inode.gid),
            ..extended.security
        };
        let is_listable = inode.encrypted().is_none();
        Found { kind, attributes, errors, has_other_names: inode.links_count > 1, is_listable }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        // What is wrong with the attributes was told when the inode was examined.
        let inline_data = attributes::read(&self.volume, inode, &mut Vec::new()).inline_data;
        directory::read(&self.volume, inode, inline_data)
    }
}
