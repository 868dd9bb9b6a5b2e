//! From the root folder down to every file: folders in order, children by name, each folder once. The same for every
//! file system; what differs is how inodes and names are stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    vec,
};

use bytes::{Budget, ByteSource, Error, Limit, Result};

use crate::{
    Attributes, Entry, EntryKind, Problem, Tree,
    record::{len64, to_usize},
};

/// The longest path a kernel takes (`PATH_MAX`).
pub(crate) const PATH_LEN_MAX: usize = 4096;
/// The longest name a kernel takes (`NAME_MAX`).
pub(crate) const NAME_LEN_MAX: usize = 255;
/// Bytes of a name that cost a node of the budget beside the entry's own.
const NAME_LEN_PER_NODE: usize = 64;
/// All paths, labels and link targets of one image together, those of problems too: a folder's name is in every path below
/// it, and a link with many names is kept under each.
const TEXT_LEN_MAX: usize = 256 << 20;

/// What an inode describes, where it is told as in `st_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileType {
    Regular,
    Directory,
    Symlink,
    Special,
}

impl FileType {
    /// By the upper four bits of a mode.
    pub(crate) const fn of_mode(mode: u16) -> Option<Self> {
        match mode >> 12 {
            0x8 => Some(Self::Regular),
            0x4 => Some(Self::Directory),
            0xA => Some(Self::Symlink),
            0x1 | 0x2 | 0x6 | 0xC => Some(Self::Special),
            _ => None,
        }
    }
}

/// The target of a symbolic link that is stored as a file of `size` bytes would be; `size` stands at `size_at`.
pub(crate) fn link_target(
    size: u64,
    size_at: u64,
    contents: impl FnOnce() -> (ByteSource, Option<Error>),
) -> Result<Vec<u8>> {
    if size == 0 || size > len64(PATH_LEN_MAX) {
        return Err(Error::corrupt("i_size", size_at));
    }
    let (source, error) = contents();
    if let Some(error) = error {
        return Err(error);
    }
    // Bounded above.
    let mut target = vec![0; to_usize(size)];
    source.read(0, &mut target, "link target")?;
    target.truncate(target.iter().position(|&byte| byte == 0).unwrap_or(target.len()));
    Ok(target)
}

/// A file system that can be walked. Inodes have numbers, whatever they are called in the format's document; the same
/// number is the same file.
pub(crate) trait Volume {
    /// An inode in memory.
    type Inode;

    /// The number of the root folder and the byte that names it.
    fn root(&self) -> (u64, u64);

    /// Reads the inode `number`, which a structure at `named_at` names.
    fn inode(&mut self, number: u64, named_at: u64) -> Result<Self::Inode>;

    /// Says what an inode is.
    fn examine(&mut self, inode: &Self::Inode) -> Found;

    /// Lists the folder `inode`.
    fn list(&mut self, inode: &Self::Inode) -> Listing;
}

/// What an inode turned out to be.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) kind: EntryKind,
    pub(crate) attributes: Attributes,
    pub(crate) errors: Vec<Error>,
    /// Whether there may be other names for it.
    pub(crate) has_other_names: bool,
    /// Whether it is a folder whose names can be read.
    pub(crate) is_listable: bool,
}

/// A name and the inode it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: Vec<u8>,
    pub(crate) inode: u64,
    /// Byte offset of the entry in the image.
    pub(crate) offset: u64,
}

/// What a folder holds.
#[derive(Default)]
pub(crate) struct Listing {
    /// In any order; entries of the same name in stored order. Without "." and "..".
    pub(crate) names: Vec<Name>,
    /// Why some may be missing.
    pub(crate) errors: Vec<Error>,
}

impl Listing {
    /// Adds the entry at `offset`, whose `name` stands at `name_offset`; fails only if the budget does.
    pub(crate) fn add(
        &mut self,
        budget: &Budget,
        name: &[u8],
        inode: u64,
        offset: u64,
        name_offset: u64,
    ) -> Result<()> {
        if matches!(name, b"." | b"..") {
            return Ok(());
        }
        let cost = name.len().checked_div(NAME_LEN_PER_NODE).unwrap_or(0).saturating_add(1);
        budget.spend_nodes(len64(cost), "folder entry", offset)?;
        if name.is_empty() || name.len() > NAME_LEN_MAX || name.iter().any(|&byte| byte == b'/' || byte == 0) {
            // Nobody can name such a file on the phone; as a path it would point elsewhere.
            self.errors.push(Error::corrupt("name", name_offset));
        } else {
            self.names.push(Name { name: name.to_vec(), inode, offset });
        }
        Ok(())
    }
}

/// Lists everything below the root folder of `volume`.
pub(crate) fn walk<V: Volume>(volume: &mut V) -> Tree {
    walk_within(volume, TEXT_LEN_MAX)
}

pub(crate) fn walk_within<V: Volume>(volume: &mut V, text_len_max: usize) -> Tree {
    let mut walk =
        Walk { volume, tree: Tree::default(), seen: BTreeSet::new(), linked: BTreeMap::new(), text_left: text_len_max };
    if let Err(error) = walk.all() {
        walk.tree.problems.push(Problem { path: Vec::new(), error });
    }
    walk.tree
}

struct Walk<'a, V> {
    volume: &'a mut V,
    tree: Tree,
    /// Folders that were listed.
    seen: BTreeSet<u64>,
    /// What inodes with several names are.
    linked: BTreeMap<u64, Found>,
    /// What is left of [`TEXT_LEN_MAX`].
    text_left: usize,
}

/// A folder whose children are being visited.
struct Folder {
    path: Vec<u8>,
    children: vec::IntoIter<Name>,
}

impl<V: Volume> Walk<'_, V> {
    /// Visits everything; fails if there is no root folder or a limit ends the walk early.
    fn all(&mut self) -> Result<()> {
        let (number, named_at) = self.volume.root();
        let root = self.volume.inode(number, named_at)?;
        let found = self.volume.examine(&root);
        let is_folder = matches!(found.kind, EntryKind::Directory);
        let has_errors = !found.errors.is_empty();
        for error in found.errors {
            self.problem(&[], error)?;
        }
        if !is_folder {
            return Err(Error::corrupt("root folder", named_at));
        }
        if !found.is_listable {
            return if has_errors { Ok(()) } else { Err(Error::corrupt("root folder", named_at)) };
        }
        self.seen.insert(number);
        let mut stack = vec![self.list(Vec::new(), &root)?];
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
    fn visit(&mut self, path: Vec<u8>, child: &Name) -> Result<Option<Folder>> {
        let number = child.inode;
        if let Some(found) = self.linked.get(&number).cloned() {
            self.add(path, child, &found)?;
            return Ok(None);
        }
        let inode = match self.volume.inode(number, child.offset) {
            Ok(inode) => inode,
            Err(error) => {
                self.problem(&path, error)?;
                return Ok(None);
            }
        };
        let found = self.volume.examine(&inode);
        self.add(path.clone(), child, &found)?;
        if !matches!(found.kind, EntryKind::Directory) {
            if found.has_other_names {
                self.linked.insert(number, found);
            }
            return Ok(None);
        }
        if !found.is_listable {
            return Ok(None);
        }
        if !self.seen.insert(number) {
            self.problem(&path, Error::corrupt("folder reached twice", child.offset))?;
            return Ok(None);
        }
        if path.len() >= PATH_LEN_MAX {
            self.problem(&path, Error::limit(Limit::Depth, "path", child.offset))?;
            return Ok(None);
        }
        self.list(path, &inode).map(Some)
    }

    /// Reads the names in a folder; fails if there is too much to tell of them.
    fn list(&mut self, path: Vec<u8>, inode: &V::Inode) -> Result<Folder> {
        let Listing { mut names, errors } = self.volume.list(inode);
        for error in errors {
            self.problem(&path, error)?;
        }
        names.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in names.windows(2) {
            if let [first, second] = pair
                && first.name == second.name
            {
                self.problem(&join(&path, &second.name), Error::corrupt("name given twice", second.offset))?;
            }
        }
        Ok(Folder { path, children: names.into_iter() })
    }

    /// Adds an entry; fails if there is too much text.
    fn add(&mut self, path: Vec<u8>, child: &Name, found: &Found) -> Result<()> {
        for &error in &found.errors {
            self.problem(&path, error)?;
        }
        let target_len = if let EntryKind::Symlink(target) = &found.kind { target.len() } else { 0 };
        let label_len = found.attributes.selinux_label.as_ref().map_or(0, Vec::len);
        self.spend_text(path.len().saturating_add(target_len).saturating_add(label_len), child.offset)?;
        self.tree.entries.push(Entry { path, kind: found.kind.clone(), attributes: found.attributes.clone() });
        Ok(())
    }

    /// Tells a problem; fails if there is too much text. A lie can be told of every entry, each with a path as long as can be.
    fn problem(&mut self, path: &[u8], error: Error) -> Result<()> {
        self.spend_text(path.len(), error.offset)?;
        self.tree.problems.push(Problem { path: path.to_vec(), error });
        Ok(())
    }

    fn spend_text(&mut self, len: usize, offset: u64) -> Result<()> {
        let too_much = Error::limit(Limit::Nodes, "paths, labels and link targets", offset);
        self.text_left = self.text_left.checked_sub(len).ok_or(too_much)?;
        Ok(())
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of links, each with a target of four bytes.
    struct Links(Budget);

    impl Volume for Links {
        type Inode = u64;

        fn root(&self) -> (u64, u64) {
            (0, 0)
        }

        fn inode(&mut self, number: u64, _: u64) -> Result<u64> {
            Ok(number)
        }

        fn examine(&mut self, &number: &u64) -> Found {
            let kind = if number == 0 { EntryKind::Directory } else { EntryKind::Symlink(b"file".to_vec()) };
            let attributes = Attributes { selinux_label: Some(b"u:r".to_vec()), ..Attributes::default() };
            Found { kind, attributes, errors: Vec::new(), has_other_names: false, is_listable: true }
        }

        fn list(&mut self, _: &u64) -> Listing {
            let mut listing = Listing::default();
            for number in 1..=9 {
                listing.add(&self.0, format!("{number}").as_bytes(), number, 0, 0).unwrap();
            }
            listing
        }
    }

    #[test]
    fn paths_labels_and_targets_are_bounded_together() {
        let links = || Links(Budget::new(bytes::Limits::FILE));
        // A name, a label and a target: eight bytes each.
        let whole = walk_within(&mut links(), 9 * 8);
        assert!(whole.problems.is_empty() && whole.entries.len() == 9);
        let cut = walk_within(&mut links(), 9 * 8 - 1);
        assert_eq!(cut.entries.len(), 8);
        assert!(matches!(cut.problems.as_slice(), [problem] if problem.path.is_empty()));
    }

    /// A folder of names whose inodes cannot be read.
    struct Lost(Budget);

    impl Volume for Lost {
        type Inode = u64;

        fn root(&self) -> (u64, u64) {
            (0, 0)
        }

        fn inode(&mut self, number: u64, named_at: u64) -> Result<u64> {
            if number == 0 { Ok(number) } else { Err(Error::corrupt("inode", named_at)) }
        }

        fn examine(&mut self, _: &u64) -> Found {
            let (kind, attributes, errors) = (EntryKind::Directory, Attributes::default(), Vec::new());
            Found { kind, attributes, errors, has_other_names: false, is_listable: true }
        }

        fn list(&mut self, _: &u64) -> Listing {
            let mut listing = Listing::default();
            for number in 1..=100 {
                listing.add(&self.0, format!("{number:0200}").as_bytes(), number, 7, 0).unwrap();
            }
            listing
        }
    }

    #[test]
    fn paths_of_problems_are_bounded_as_well() {
        let budget = Budget::new(bytes::Limits::FILE);
        let cut = walk_within(&mut Lost(budget), 10 * 200);
        assert_eq!(cut.problems.len(), 11);
        let last = cut.problems.last().unwrap();
        assert_eq!((last.path.as_slice(), last.error.kind), (&b""[..], bytes::Kind::Limit(Limit::Nodes)));
    }

    #[test]
    fn names_that_would_be_paths_are_told_and_dropped() {
        let (mut listing, budget) = (Listing::default(), Budget::new(bytes::Limits::FILE));
        let long = [b'n'; NAME_LEN_MAX + 1];
        for name in [b"..".as_slice(), b".", b"a/b", b"a\0", b"", b"fine", &long, &long[1..]] {
            listing.add(&budget, name, 1, 7, 8).unwrap();
        }
        assert_eq!(listing.names.len(), 2);
        assert_eq!(listing.errors, [Error::corrupt("name", 8); 4]);
    }
}
