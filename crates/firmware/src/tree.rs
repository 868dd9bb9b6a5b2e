//! A tree of files, wherever it comes from: a folder of this computer, the members of an archive, a file system image.

use bytes::{Budget, ByteSource, Error};
use filesystems::{Attributes, Entry, EntryKind};

use crate::names::{below, normal};

/// Longest target of a symbolic link, as Linux has it.
const SYMLINK_LEN_MAX: u64 = 4096;
const TYPE_MASK: u32 = 0o170_000;
const TYPE_SYMLINK: u32 = 0o120_000;

/// Files, folders and links with paths relative to a root, and what could not be read.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) entries: Vec<Entry>,
    pub(crate) problems: Vec<filesystems::Problem>,
}

impl Tree {
    /// The members of an archive. Modes in an archive are those of the computer that packed it, not of the device, so
    /// only the file type is taken from them.
    pub(crate) fn of_container(opened: containers::Opened, budget: &Budget) -> Self {
        let mut tree = Self::default();
        for problem in opened.problems {
            tree.problems.push(filesystems::Problem { path: problem.name, error: problem.error });
        }
        for child in opened.children {
            let Some(path) = normal(&child.name) else {
                let error = Error::corrupt("name that leaves its container", 0);
                tree.problems.push(filesystems::Problem { path: child.name, error });
                continue;
            };
            let is_symlink = child.mode.is_some_and(|mode| mode & TYPE_MASK == TYPE_SYMLINK);
            let kind = if child.name.ends_with(b"/") {
                EntryKind::Directory
            } else if is_symlink {
                match symlink_target(&child.source, budget) {
                    Ok(target) => EntryKind::Symlink(target),
                    Err(error) => {
                        tree.problems.push(filesystems::Problem { path, error });
                        continue;
                    }
                }
            } else {
                EntryKind::File(child.source)
            };
            tree.entries.push(Entry { path, kind, attributes: Attributes::default() });
        }
        tree
    }

    /// What is below `folder`, with paths relative to it.
    pub(crate) fn take_below(&mut self, folder: &[u8]) -> Self {
        let mut taken = Self::default();
        let entries = std::mem::take(&mut self.entries);
        for mut entry in entries {
            match below(&entry.path, folder) {
                Some(inner) => {
                    entry.path = inner.to_vec();
                    taken.entries.push(entry);
                }
                None => self.entries.push(entry),
            }
        }
        let problems = std::mem::take(&mut self.problems);
        for mut problem in problems {
            match below(&problem.path, folder) {
                Some(inner) => {
                    problem.path = inner.to_vec();
                    taken.problems.push(problem);
                }
                None => self.problems.push(problem),
            }
        }
        taken
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &[u8]) -> Option<&ByteSource> {
        self.entries.iter().find_map(|entry| match &entry.kind {
            EntryKind::File(source) if entry.path == path => Some(source),
            _ => None,
        })
    }
}

fn symlink_target(source: &ByteSource, budget: &Budget) -> bytes::Result<Vec<u8>> {
    if source.len() > SYMLINK_LEN_MAX {
        return Err(Error::corrupt("target of a symbolic link", 0));
    }
    source.to_vec(budget, "target of a symbolic link")
}
