//! Block updates among the members of an archive or folder: lists of commands and the data beside them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Budget, ByteSource, Error, Limit, Result};
use containers::block_update::{self, Over};
use filesystems::EntryKind;
use findings::Outcome;

use crate::{
    layers::Origin,
    names::shown,
    partitions,
    tree::Tree,
    walk::{Node, Walk},
};

const LIST_ENDING: &[u8] = b".transfer.list";
const DATA_ENDING: &[u8] = b".new.dat";
const PATCH_ENDING: &[u8] = b".patch.dat";

/// One block update: the names of its members.
struct Update {
    list: Vec<u8>,
    /// Name without number, and the parts by their numbers.
    data: Vec<u8>,
    parts: Vec<(u64, ByteSource)>,
}

impl Update {
    /// The partition's name. Some makers put a number behind it: `my_product.00011011.transfer.list`.
    fn partition(&self) -> String {
        let stem = shown(self.list.strip_suffix(LIST_ENDING).unwrap_or(&self.list));
        let numbered = stem.rsplit_once('.').filter(|(_, tail)| tail.bytes().all(|byte| byte.is_ascii_digit()));
        numbered.map_or_else(|| stem.clone(), |(name, _)| name.to_owned())
    }
}

impl Walk<'_> {
    /// Assembles every block update of `tree` and mounts the images. Gives the names of the data that was used; it and the
    /// lists are taken out of the tree.
    pub(crate) fn block_updates(&mut self, tree: &mut Tree, node: &Node, budget: &Budget) -> BTreeSet<Vec<u8>> {
        let mut used = BTreeSet::new();
        for update in find(tree) {
            let name = shown(&update.data);
            let layer = Node::layer(&node.inside, &name, "block_update");
            self.enter(&layer);
            match assemble(tree, &update, budget) {
                Ok(opened) => self.unwrapped(opened, Some(&update.partition()), &layer, Origin::Partitions, budget),
                Err(error) => self.cover(&node.inside, &name, "block_update", Outcome::Unread(error.to_string())),
            }
            let stem = update.list.strip_suffix(LIST_ENDING).unwrap_or(&update.list).to_vec();
            let patch = [&stem[..], PATCH_ENDING].concat();
            tree.entries.retain(|entry| {
                let is_part = entry.path.strip_prefix(&update.data[..]).is_some_and(|rest| part_number(rest).is_some());
                !is_part && entry.path != update.list && entry.path != patch
            });
            used.insert(update.data);
        }
        used
    }
}

/// The updates of a tree: each list with the data that has its name.
fn find(tree: &Tree) -> Vec<Update> {
    let mut files: BTreeMap<&[u8], &ByteSource> = BTreeMap::new();
    for entry in &tree.entries {
        if let EntryKind::File(source) = &entry.kind {
            files.insert(&entry.path, source);
        }
    }
    let lists = files.keys().filter_map(|path| path.strip_suffix(LIST_ENDING).map(|stem| (*path, stem)));
    let mut updates = Vec::new();
    for (list, stem) in lists {
        let start = [stem, DATA_ENDING].concat();
        // The plain name, one that says how it is packed, or either with a number.
        let mut parts: BTreeMap<Vec<u8>, Vec<(u64, ByteSource)>> = BTreeMap::new();
        for (path, source) in files.range(&start[..]..).take_while(|(path, _)| path.starts_with(&start)) {
            let digits = path.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            let whole = path.split_at(path.len().saturating_sub(digits)).0;
            let (name, rest) = match whole.strip_suffix(b".").filter(|_| digits > 0) {
                Some(name) => (name, path.get(name.len()..).unwrap_or_default()),
                None => (*path, &b""[..]),
            };
            if let Some(number) = part_number(rest) {
                parts.entry(name.to_vec()).or_default().push((number, (*source).clone()));
            }
        }
        if parts.is_empty() {
            // Its data is not there: every block that it makes is missing.
            let data = [stem, DATA_ENDING].concat();
            updates.push(Update { list: list.to_vec(), data, parts: Vec::new() });
        }
        for (data, mut parts) in parts {
            parts.sort_by_key(|(number, _)| *number);
            updates.push(Update { list: list.to_vec(), data, parts });
        }
    }
    updates
}

/// What stands behind the name of a part: nothing, or a dot and a number.
fn part_number(rest: &[u8]) -> Option<u64> {
    match rest.strip_prefix(b".") {
        Some(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        None => rest.is_empty().then_some(0),
    }
}

fn assemble(tree: &Tree, update: &Update, budget: &Budget) -> Result<containers::Opened> {
    let list = tree.file(&update.list).ok_or(Error::truncated("transfer list", 0, 1, 0))?;
    if list.len() > block_update::LIST_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "transfer list", 0));
    }
    let list = list.to_vec(budget, "transfer list")?;
    let first = update.parts.first().map_or(0, |(number, _)| *number);
    let is_whole = first <= 1 && update.parts.iter().zip(first..).all(|((number, _), expected)| *number == expected);
    let sources: Vec<ByteSource> = update.parts.iter().map(|(_, source)| source.clone()).collect();
    let (data, error) = block_update::new_data(&sources, &update.data, budget)?;
    let stem = update.list.strip_suffix(LIST_ENDING).unwrap_or(&update.list);
    let patches = tree.file(&[stem, PATCH_ENDING].concat()).cloned();
    let over = budget.base().of(&partitions::base_name(&update.partition())).map(|base| Over {
        base: base.clone(),
        patches: patches.unwrap_or_else(|| ByteSource::from_bytes(Vec::new())),
    });
    let mut opened = block_update::assemble(&list, &data, over.as_ref(), budget)?;
    let gap = (!is_whole).then_some(Error::corrupt("numbers of the parts have a gap", 0));
    let more = error.into_iter().chain(gap);
    opened.problems.extend(more.map(|error| containers::Problem { name: Vec::new(), error }));
    Ok(opened)
}
