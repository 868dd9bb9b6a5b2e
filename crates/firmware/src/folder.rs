//! A folder of this computer as a tree.

use std::path::Path;

use bytes::{
    Budget, ByteSource, Error, Limit, Result,
    host::{HostKind, list_folder},
};
use filesystems::{Attributes, Entry, EntryKind, Problem};

use crate::tree::Tree;

/// How deep folders may nest; the device's own paths are far below it.
const DEPTH_MAX: usize = 128;

/// Everything below `folder`, parents first, siblings by name. Modes and owners of the copy say nothing about the
/// device, so none are taken. The history a version control system keeps beside a dump is no part of the device.
pub(crate) fn read(folder: &Path, budget: &Budget) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut open = vec![(Vec::new(), list_folder(folder)?.into_iter())];
    while let Some((parent, siblings)) = open.last_mut() {
        let Some(entry) = siblings.next() else {
            open.pop();
            continue;
        };
        budget.spend_nodes(1, "file of a folder", 0)?;
        let mut path = parent.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        let kind = match entry.kind {
            HostKind::Directory if path == b".git" => continue,
            HostKind::Directory => {
                if open.len() >= DEPTH_MAX {
                    tree.problems.push(Problem { path, error: Error::limit(Limit::Depth, "folder", 0) });
                    continue;
                }
                match list_folder(&entry.path) {
                    Ok(children) => open.push((path.clone(), children.into_iter())),
                    Err(error) => tree.problems.push(Problem { path: path.clone(), error }),
                }
                EntryKind::Directory
            }
            HostKind::File => EntryKind::File(ByteSource::closed_file(entry.path, entry.len)),
            HostKind::Symlink(target) => EntryKind::Symlink(target),
            HostKind::Special => EntryKind::Special,
        };
        tree.entries.push(Entry { path, kind, attributes: Attributes::default() });
    }
    Ok(tree)
}
