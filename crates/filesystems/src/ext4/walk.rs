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
/// All paths of one image together: a chain of folders writes each name into every path below it.
const PATHS_LEN_MAX: usize = 256 << 20;

/// Lists everything below the root folder of `volume`.
pub(super) fn walk(volume: &Volume) -> Tree {
    let mut walk = Walk {
        volume,
        inodes: InodeTable::default(),
        tree: Tree::default(),
        seen: BTreeSet::new(),
        linked: BTreeMap::new(),
        paths_len: 0,
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
    /// Length of all paths so far.
    paths_len: usize,
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
        self.paths_len = self.paths_len.saturating_add(path.len());
        if self.paths_len > PATHS_LEN_MAX {
            return Err(Error::limit(Limit::Nodes, "length of all paths", child.offset));
        }
        let number = child.inode;
        if let Some(found) = self.linked.get(&number).cloned() {
            self.add(path, &found);
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
        self.add(path.clone(), &found);
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

    fn add(&mut self, path: Vec<u8>, found: &Found) {
        for &error in &found.errors {
            self.problem(&path, error);
        }
        self.tree.entries.push(Entry { path, kind: found.kind.clone(), attributes: found.attributes.clone() });
    }

    fn problem(&mut self, path: &[u8], error: Error) {
        self.tree.problems.push(Problem { path: path.to_vec(), error });
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}
