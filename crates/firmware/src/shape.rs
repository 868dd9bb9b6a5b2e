//! What a tree is: the root of a partition, a dump with one folder per partition, or loose files.

use filesystems::EntryKind;

use crate::{
    names::{below, first_component, shown},
    partitions,
    tree::Tree,
};

/// What the roots of partitions hold.
const ROOT_MARKS: &[&[u8]] = &[b"app", b"priv-app", b"framework", b"etc", b"lib", b"lib64", b"bin", b"overlay", b"usr"];

/// What a tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The tree itself is a partition.
    Partition,
    /// Some folders of the root are partitions.
    Dump,
    /// Neither.
    Loose,
}

/// Decides the shape of `tree`.
pub(crate) fn of(tree: &Tree) -> Shape {
    shape_below(tree, b"")
}

/// The folder around everything that a packed or cloned dump often has, if what is inside it has a shape.
pub(crate) fn wrapper(tree: &Tree) -> Option<Vec<u8>> {
    let mut prefix: Vec<u8> = Vec::new();
    if shape_below(tree, &prefix) != Shape::Loose {
        return None;
    }
    // One folder more each time: bounded by the depth of the tree's first path.
    loop {
        let next = only_folder(tree, &prefix)?;
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        prefix.extend_from_slice(&next);
        if shape_below(tree, &prefix) != Shape::Loose {
            return Some(prefix);
        }
    }
}

/// The one folder that everything below `prefix` is in.
fn only_folder(tree: &Tree, prefix: &[u8]) -> Option<Vec<u8>> {
    let inner = |path| below(path, prefix).filter(|inner: &&[u8]| !inner.is_empty());
    let first = tree.entries.iter().find_map(|entry| inner(&entry.path))?;
    let folder = first_component(first).to_vec();
    let all = tree.entries.iter().filter_map(|entry| inner(&entry.path).map(|path| (path, &entry.kind)));
    let mut all = all.peekable();
    all.peek()?;
    all.all(|(path, kind)| {
        first_component(path) == folder && (path.len() > folder.len() || matches!(kind, EntryKind::Directory))
    })
    .then_some(folder)
}

fn shape_below(tree: &Tree, prefix: &[u8]) -> Shape {
    let (mut has_properties, mut marks, mut strong, mut is_dump) = (false, 0_usize, false, false);
    let mut has_system_properties = false;
    let mut last_mark: &[u8] = b"";
    for entry in &tree.entries {
        let Some(path) = below(&entry.path, prefix).filter(|path| !path.is_empty()) else { continue };
        let first = first_component(path);
        has_properties |= path == b"build.prop";
        has_system_properties |= matches!(path, b"system/build.prop" | b"system/system/build.prop");
        if first != last_mark && ROOT_MARKS.contains(&first) && path.len() > first.len() {
            marks = marks.saturating_add(1);
            strong |= matches!(first, b"app" | b"priv-app" | b"framework");
            last_mark = first;
        }
        is_dump = is_dump || (path.len() > first.len() && is_partition_folder(first, below(path, first)));
    }
    // A system-as-root tree also has `etc`, `bin` and so on beside `system`, as links or folders.
    if has_system_properties {
        Shape::Dump
    } else if has_properties && marks > 0 || marks >= 2 && strong && !is_dump {
        Shape::Partition
    } else if is_dump {
        Shape::Dump
    } else {
        Shape::Loose
    }
}

/// Whether a folder of this name with this path in it is a partition beyond doubt.
fn is_partition_folder(name: &[u8], inner: Option<&[u8]>) -> bool {
    let Some(partition) = partitions::by_folder(&shown(name)) else { return false };
    let Some(inner) = inner else { return false };
    let first = first_component(inner);
    // Folders named data or cache can be anything; the others are partitions if they hold what partitions hold.
    !matches!(partition, "data" | "cache" | "custom" | "version" | "factory" | "hidden" | "reserve")
        && (inner == b"build.prop" || ROOT_MARKS.contains(&first) || (partition == "system" && first == b"system"))
}

/// Whether this tree of the system partition is mounted at the root of the device and holds `system` as a folder.
pub(crate) fn is_system_as_root(tree: &Tree) -> bool {
    let mut has_own_marks = false;
    let mut has_inner_marks = false;
    for entry in &tree.entries {
        has_own_marks |= matches!(entry.path.as_slice(), b"build.prop" | b"framework" | b"priv-app");
        if let Some(inner) = below(&entry.path, b"system") {
            has_inner_marks |= inner == b"build.prop" || ROOT_MARKS.contains(&first_component(inner));
        }
    }
    has_inner_marks && !has_own_marks
}
