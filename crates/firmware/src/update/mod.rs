//! Updates: a ZIP whose script copies members to the device, as makers delivered up to Android 5, or whole images in
//! blocks, as after it.

mod blocks;
mod edify;
mod script;

use bytes::{Budget, Error, Limit, Result};
use containers::FileSet;
use filesystems::EntryKind;
use findings::Outcome;

use crate::{
    listing::Absent,
    names::{first_component, shown},
    tree::Tree,
    walk::{Node, Walk},
};

/// Updates that a script carries out.
pub(crate) static SCRIPT: FileSet = FileSet {
    name: "edify",
    what: "`META-INF/com/google/android/updater-script` and what it copies, links, names anew, deletes, patches and labels: the files that it makes are \
           put where it puts them, with owners, modes, labels and capabilities. Run on an empty device, or on that of `--base`.",
    references: &["AOSP bootable/recovery, edify/ and updater/install.cpp"],
    limitations: &[
        "programs that the script runs (`run_program`) are not run, and told",
        "conditions that only the device decides are followed both ways: what either makes is there",
        "files that are patched (`apply_patch`) need the older image (`--base`) and are reported without it",
    ],
};

const SCRIPT_NAME: &[u8] = b"META-INF/com/google/android/updater-script";
/// A longer script is not read; scripts of real updates stay below a megabyte.
const SCRIPT_LEN_MAX: u64 = 8 << 20;
const BASE_REQUIRED: &str = "incremental update: the image it applies to is required";

impl Walk<'_> {
    /// Runs the script of an update on an empty device, puts the result on the device, and gives what remains of the
    /// archive.
    pub(crate) fn update(&mut self, mut tree: Tree, node: &Node, budget: &Budget) -> Tree {
        let assembled = self.block_updates(&mut tree, node, budget);
        let Some(expression) = self.script(&tree, node, budget) else { return tree };
        let mut run = script::Run::new(&tree, self.before, budget);
        if let Err(error) = run.execute(&expression) {
            self.cover(&node.inside, &shown(SCRIPT_NAME), "edify", Outcome::Unread(error.to_string()));
        }
        let result = run.finish();
        tree.entries.retain(|entry| !result.used.contains(&entry.path));
        tree.entries.retain(|entry| first_component(&entry.path) != b"META-INF");
        for name in result.block_updates.difference(&assembled) {
            tree.entries.retain(|entry| entry.path != *name);
            let reason = "block update without its list or its data".to_owned();
            self.cover(&node.inside, &shown(name), "block_update", Outcome::Unread(reason));
        }
        let mut notes = result.notes;
        if !result.patched.is_empty() {
            notes.push(BASE_REQUIRED.to_owned());
        }
        let outcome = if notes.is_empty() {
            Outcome::Read(format!("{} calls", result.call_count))
        } else {
            Outcome::Partial(notes)
        };
        self.cover(&node.inside, &shown(SCRIPT_NAME), "edify", outcome);
        self.updated(result.device, result.patched, node);
        for file in result.kept {
            self.put(file);
        }
        tree
    }

    /// Mounts what the script made, one folder of the root after the other.
    fn updated(&mut self, entries: Vec<filesystems::Entry>, patched: Vec<Vec<u8>>, node: &Node) {
        let mut device = Tree { entries, problems: Vec::new() };
        let mut patched = Absent { paths: patched, reason: BASE_REQUIRED.to_owned() };
        let paths = device.entries.iter().map(|entry| &entry.path).chain(&patched.paths);
        let mut roots: Vec<Vec<u8>> = paths.map(|path| first_component(path).to_vec()).collect();
        roots.sort();
        roots.dedup();
        for root in roots {
            let (inner, absent) = (device.take_below(&root), patched.take_below(&root));
            if !inner.entries.is_empty() || !absent.paths.is_empty() {
                let name = shown(&root);
                self.mount(inner, &name, absent, &Node::folder(&node.inside, &name));
            }
        }
    }

    fn script(&mut self, tree: &Tree, node: &Node, budget: &Budget) -> Option<edify::Expression> {
        let source = tree.entries.iter().find_map(|entry| match &entry.kind {
            EntryKind::File(source) if entry.path == SCRIPT_NAME => Some(source),
            _ => None,
        })?;
        let parsed: Result<edify::Expression> = if source.len() > SCRIPT_LEN_MAX {
            Err(Error::limit(Limit::UnpackedBytes, "updater-script", 0))
        } else {
            source.to_vec(budget, "updater-script").and_then(|text| edify::parse(&text, budget))
        };
        let problem = match parsed {
            Ok(expression) => return Some(expression),
            Err(error) => error.to_string(),
        };
        self.cover(&node.inside, &shown(SCRIPT_NAME), "edify", Outcome::Unread(problem));
        None
    }
}
