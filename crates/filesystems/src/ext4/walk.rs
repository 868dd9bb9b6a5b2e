//! From the root folder down to every file: folders in order, children by name, each folder once.

use std::{
    collections::{BTreeMap, BTreeSet},
    vec,
};

use bytes::{Error, Limit};

use super::{
    attributes, content,
    directory::{self, DirectoryEntry},
    inode::{FileType, Inode},
    superblock,
    volume::{InodeTable, Volume},
};
use crate::{Attributes, Entry, EntryKind, Problem, Tree};

const ROOT_INODE: u32 = 2;
/// The longest path a kernel takes (`PATH_MAX`).
const PATH_LEN_MAX: usize = 4096;
/// All paths, labels and link targets of one image together: a folder's name is in every path below it, and a link
/// with many names is kept under each.
const TEXT_LEN_MAX: usize = 256 << 20;

/// Lists everything below the root folder of `volume`.
pub(super) fn walk(volume: &Volume) -> Tree {
    walk_within(volume, TEXT_LEN_MAX)
}

fn walk_within(volume: &Volume, text_len_max: usize) -> Tree {
    let mut walk = Walk {
        volume,
        inodes: InodeTable::default(),
        tree: Tree::default(),
        seen: BTreeSet::new(),
        linked: BTreeMap::new(),
        text_left: text_len_max,
    };
    if let Some(error) = volume.superblock.unreplayed_journal() {
        walk.problem(&[], error);
    }
    if let Err(error) = walk.all() {
        walk.problem(&[], error);
    }
    walk.tree
}

struct Walk<'a> {
    volume: &'a Volume,
    inodes: InodeTable,
    tree: Tree,
    /// Folders that were listed.
    seen: BTreeSet<u32>,
    /// What inodes with several names are.
    linked: BTreeMap<u32, Found>,
    /// What is left of [`TEXT_LEN_MAX`].
    text_left: usize,
}

/// A folder whose children are being visited.
struct Folder {
    path: Vec<u8>,
    children: vec::IntoIter<DirectoryEntry>,
}

/// What an inode turned out to be.
#[derive(Clone)]
struct Found {
    kind: EntryKind,
    attributes: Attributes,
    errors: Vec<Error>,
    /// For folders.
    inline_data: Option<(u64, usize)>,
}

impl Walk<'_> {
    /// Visits everything; fails if there is no root folder or a limit ends the walk early.
    fn all(&mut self) -> Result<(), Error> {
        let named_at = superblock::OFFSET;
        let root = match self.inodes.read(self.volume, ROOT_INODE, named_at) {
            Ok(root) if root.file_type == FileType::Directory => root,
            Ok(root) => return Err(Error::corrupt("root folder", root.offset)),
            Err(error) => return Err(error),
        };
        if let Some(error) = root.encrypted() {
            return Err(error);
        }
        self.seen.insert(ROOT_INODE);
        let mut errors = Vec::new();
        let inline_data = attributes::read(self.volume, &root, &mut errors).inline_data;
        for error in errors {
            self.problem(&[], error);
        }
        let mut stack = vec![self.list(Vec::new(), &root, inline_data)];
        // Deeper than `PATH_LEN_MAX` allows names it never grows.
        while let Some(folder) = stack.last_mut() {
            let Some(child) = folder.children.next() else {
                stack.pop();
                continue;
            };
            let path = join(&folder.path, &child.name);
            let inner = self.visit(path, &child)?;
            stack.extend(inner);
        }
        Ok(())
    }

    /// Adds the entry `path`; the folder to descend into, if it is one.
    fn visit(&mut self, path: Vec<u8>, child: &DirectoryEntry) -> Result<Option<Folder>, Error> {
        let number = child.inode;
        if let Some(found) = self.linked.get(&number).cloned() {
            self.add(path, child, &found)?;
            return Ok(None);
        }
        let inode = match self.inodes.read(self.volume, number, child.offset) {
            Ok(inode) => inode,
            Err(error) => {
                self.problem(&path, error);
                return Ok(None);
            }
        };
        let found = self.examine(&inode);
        self.add(path.clone(), child, &found)?;
        if inode.file_type != FileType::Directory {
            if inode.links_count > 1 {
                self.linked.insert(number, found);
            }
            return Ok(None);
        }
        if inode.encrypted().is_some() {
            return Ok(None);
        }
        if !self.seen.insert(number) {
            self.problem(&path, Error::corrupt("folder reached twice", child.offset));
            return Ok(None);
        }
        if path.len() >= PATH_LEN_MAX {
            self.problem(&path, Error::limit(Limit::Depth, "path", child.offset));
            return Ok(None);
        }
        Ok(Some(self.list(path, &inode, found.inline_data)))
    }

    /// Reads the names in a folder.
    fn list(&mut self, path: Vec<u8>, inode: &Inode, inline_data: Option<(u64, usize)>) -> Folder {
        let listing = directory::read(self.volume, inode, inline_data);
        for error in listing.errors {
            self.problem(&path, error);
        }
        for pair in listing.entries.windows(2) {
            if let [first, second] = pair
                && first.name == second.name
            {
                self.problem(&join(&path, &second.name), Error::corrupt("name given twice", second.offset));
            }
        }
        Folder { path, children: listing.entries.into_iter() }
    }

    fn examine(&self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let extended = attributes::read(self.volume, inode, &mut errors);
        let kind = match inode.file_type {
            FileType::Directory => {
                errors.extend(inode.encrypted());
                EntryKind::Directory
            }
            FileType::Special => EntryKind::Special,
            FileType::Regular => {
                let (source, error) = content::file(self.volume, inode, extended.inline_data);
                errors.extend(error);
                EntryKind::File(source)
            }
            FileType::Symlink => {
                let target = content::symlink(self.volume, inode, extended.inline_data);
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
            selinux_label: extended.selinux_label,
            capabilities: extended.capabilities,
        };
        Found { kind, attributes, errors, inline_data: extended.inline_data }
    }

    /// Adds an entry; fails if there is too much text.
    fn add(&mut self, path: Vec<u8>, child: &DirectoryEntry, found: &Found) -> Result<(), Error> {
        for &error in &found.errors {
            self.problem(&path, error);
        }
        let target_len = if let EntryKind::Symlink(target) = &found.kind { target.len() } else { 0 };
        let label_len = found.attributes.selinux_label.as_ref().map_or(0, Vec::len);
        let text_len = path.len().saturating_add(target_len).saturating_add(label_len);
        let too_much = Error::limit(Limit::Nodes, "paths, labels and link targets", child.offset);
        self.text_left = self.text_left.checked_sub(text_len).ok_or(too_much)?;
        self.tree.entries.push(Entry { path, kind: found.kind.clone(), attributes: found.attributes.clone() });
        Ok(())
    }

    fn problem(&mut self, path: &[u8], error: Error) {
        self.tree.problems.push(Problem { path: path.to_vec(), error });
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use bytes::{Budget, ByteSource, Limits};

    use super::*;
    use crate::ext4::superblock::Superblock;

    #[test]
    fn paths_labels_and_targets_are_bounded_together() {
        let packed = include_bytes!("../../../../fixtures/filesystems/ext4/aosp/image.gz");
        let mut image = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut image).unwrap();
        let source = ByteSource::from_bytes(image);
        let superblock = Superblock::read(&source).unwrap();
        let volume = Volume { source, superblock, budget: Budget::new(Limits::FILE) };
        let text = |entry: &Entry| {
            let target = if let EntryKind::Symlink(target) = &entry.kind { target.len() } else { 0 };
            entry.path.len() + target + entry.attributes.selinux_label.as_ref().map_or(0, Vec::len)
        };
        let whole = walk(&volume);
        let all: usize = whole.entries.iter().map(text).sum();
        assert!(walk_within(&volume, all).problems.is_empty());
        let cut = walk_within(&volume, all - 1);
        assert_eq!(cut.entries.len(), whole.entries.len() - 1);
        assert!(matches!(cut.problems.as_slice(), [problem] if problem.path.is_empty()));
    }
}
