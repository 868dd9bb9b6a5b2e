//! What the walk has found so far, and the steps that put files on the device.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use bytes::{Base, Budget, ByteSource, Error};
use containers::FileSet;
use filesystems::{EntryKind, Problem};
use findings::{Coverage, Outcome};

use crate::{
    Attributes, FileKind, Firmware, FirmwareFile, Input, Older, Progress, folder,
    layers::{Member, Origin},
    listing::{self, Absent},
    names::{self, joined, shown},
    partitions, properties,
    shape::{self, Shape},
    tree::Tree,
};

/// What the user names in one call.
pub(crate) static INPUTS: FileSet = FileSet {
    name: "several inputs",
    what: "All files and folders of one call are one device: an update and the images that it lacks, a package in several archives, partitions one by \
           one. Files among them may be a set as above. What `--base` names is the device before the update.",
    references: &["no document: this is how the program is called"],
    limitations: &[
        "of a path that several of them have the file found first is kept, folders before files; how many there were is told",
    ],
};

/// A node of the walk: where it is, and what the nodes inside it have as container.
pub(crate) struct Node {
    pub(crate) container: String,
    pub(crate) path: String,
    pub(crate) kind: &'static str,
    pub(crate) inside: String,
}

impl Node {
    /// A container or image called `name` inside `outer`.
    pub(crate) fn layer(outer: &str, name: &str, kind: &'static str) -> Self {
        Self { container: outer.to_owned(), path: name.to_owned(), kind, inside: joined(outer, name) }
    }

    /// A folder called `name` inside `outer`. It is no layer: what is in it has the same container.
    pub(crate) fn folder(outer: &str, name: &str) -> Self {
        Self { container: outer.to_owned(), path: name.to_owned(), kind: "folder", inside: outer.to_owned() }
    }
}

/// What the walk has found so far.
pub(crate) struct Walk<'a> {
    pub(crate) files: BTreeMap<String, FirmwareFile>,
    pub(crate) coverage: Vec<Coverage>,
    /// Images of partitions, as they are on the device, by the names of the partitions.
    images: BTreeMap<String, ByteSource>,
    /// Files of the device that an update is made for.
    pub(crate) before: &'a [FirmwareFile],
    progress: &'a dyn Fn(Progress<'_>),
}

impl<'a> Walk<'a> {
    pub(crate) fn new(before: &'a [FirmwareFile], progress: &'a dyn Fn(Progress<'_>)) -> Self {
        Self { files: BTreeMap::new(), coverage: Vec::new(), images: BTreeMap::new(), before, progress }
    }

    /// Keeps the image of a partition, unless there is one: what is around an image comes before what is in it.
    pub(crate) fn keep_image(&mut self, name: &str, source: &ByteSource) {
        self.images.entry(partitions::base_name(name)).or_insert_with(|| source.clone());
    }

    /// What `inputs` are before an update, and what of them could not be read.
    pub(crate) fn older(mut self, inputs: &[Input], budget: &Budget) -> Older {
        self.inputs(inputs, budget);
        self.coverage.retain(|line| line.outcome.is_hole());
        let files = self.files.into_values().collect();
        Older { images: Base::new(self.images), files, holes: self.coverage }
    }

    pub(crate) fn run(mut self, inputs: &[Input], budget: &Budget) -> Firmware {
        self.inputs(inputs, budget);
        self.apexes(budget);
        let properties = properties::read_all(&mut self, budget);
        self.coverage.sort();
        self.coverage.dedup();
        Firmware { files: self.files.into_values().collect(), properties, coverage: self.coverage }
    }

    fn inputs(&mut self, inputs: &[Input], budget: &Budget) {
        let mut loose = Vec::new();
        for input in inputs {
            let name = input.name();
            if bytes::host::is_folder(&input.path) {
                self.folder(input, &name, budget);
                continue;
            }
            match ByteSource::open(&input.path) {
                Ok(source) => loose.push(Member { name: name.into_bytes(), source, partition: None }),
                Err(error) => self.cover("", &name, "input", Outcome::Unread(error.to_string())),
            }
        }
        self.members(loose, "", Origin::Input, budget);
    }

    /// A folder of this computer. It adds nothing to the container of what is in it.
    fn folder(&mut self, input: &Input, name: &str, budget: &Budget) {
        let node = Node::folder("", name);
        self.enter(&node);
        match folder::read(&input.path, budget) {
            Ok(tree) => self.tree(tree, &node, budget),
            Err(error) => self.cover("", name, "folder", Outcome::Unread(error.to_string())),
        }
    }

    /// A tree of any origin: a partition, a dump, or loose files.
    pub(crate) fn tree(&mut self, mut tree: Tree, node: &Node, budget: &Budget) {
        let mut prefix = Vec::new();
        if let Some(wrapper) = shape::wrapper(&tree) {
            let mut inner = tree.take_below(&wrapper);
            inner.problems.append(&mut tree.problems);
            (tree, prefix) = (inner, wrapper);
        }
        let count = tree.entries.len();
        tree = self.update(tree, node, budget);
        let mut list = Absent::of(&tree, budget).unwrap_or_else(|error| {
            self.cover(&node.inside, listing::NAME, "file", Outcome::Unread(error.to_string()));
            Absent::default()
        });
        let shape = shape::of(&tree);
        if shape == Shape::Partition {
            let name = if prefix.is_empty() { node.path.as_bytes() } else { &prefix };
            let name = partitions::by_folder(&shown(names::last_component(name))).unwrap_or("system");
            self.mount(tree, name, list, node);
            return;
        }
        if shape == Shape::Dump {
            self.dump(&mut tree, &mut list, node);
        }
        for path in &list.paths {
            self.cover(&node.inside, &shown(path), "file", Outcome::Unread(list.reason.clone()));
        }
        self.problems(&tree.problems, node, None);
        let read = format!("{count} {}", if count == 1 { "entry" } else { "entries" });
        self.cover(&node.container, &node.path, node.kind, outcome(read, &tree.problems, list.paths.len()));
        self.leftovers(tree, &prefix, shape == Shape::Dump, node, budget);
    }

    /// Mounts every folder that is a partition, and those of unpacked ramdisks as the images they come from are mounted.
    fn dump(&mut self, tree: &mut Tree, list: &mut Absent, node: &Node) {
        let paths = tree.entries.iter().map(|entry| &entry.path).chain(&list.paths);
        let mut folders: Vec<Vec<u8>> = paths
            .map(|path| names::first_component(path))
            .filter(|name| partitions::by_folder(&shown(name)).is_some())
            .map(<[u8]>::to_vec)
            .collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            let text = shown(&folder);
            let inner = tree.take_below(&folder);
            let absent = list.take_below(&folder);
            if let Some(partition) = partitions::by_folder(&text) {
                self.mount(inner, partition, absent, &Node::folder(&node.inside, &text));
            }
        }
        let paths = tree.entries.iter().map(|entry| &entry.path).chain(&list.paths);
        let ramdisks: BTreeSet<_> = paths.filter_map(|path| partitions::ramdisk_folder(path)).collect();
        for (folder, image) in ramdisks {
            let (inner, absent) = (tree.take_below(&folder), list.take_below(&folder));
            self.mount(inner, &image, absent, &Node::folder(&node.inside, &shown(&folder)));
        }
    }

    /// Puts a partition's files on the device: those of `tree`, and as missing those of `absent`.
    pub(crate) fn mount(&mut self, mut tree: Tree, partition: &str, absent: Absent, node: &Node) {
        // The system partition of later devices is the root of the device and holds `system` as a folder.
        let is_root = partition == "system" && shape::is_system_as_root(&tree);
        let base = if is_root { String::new() } else { format!("/{partition}") };
        let mut mounted = Mounted { base, ..Mounted::default() };
        for entry in tree.entries {
            let path = match names::normal(&entry.path) {
                Some(path) if !path.is_empty() => format!("{}/{}", mounted.base, shown(&path)),
                // Folders are not files; a file that cannot be named on the device is a hole, not nothing.
                _ => {
                    if !matches!(entry.kind, EntryKind::Directory) {
                        let error = Error::corrupt("name that leaves its container", 0);
                        tree.problems.push(Problem { path: entry.path, error });
                    }
                    continue;
                }
            };
            let kind = match entry.kind {
                EntryKind::Directory | EntryKind::Special => continue,
                EntryKind::Symlink(target) => FileKind::Symlink(shown(&target)),
                EntryKind::File(source) if listing::is_lfs_pointer(&source) => {
                    self.absent(&path, listing::LFS_POINTER.to_owned(), &mut mounted, node);
                    continue;
                }
                EntryKind::File(source) => FileKind::File(source),
            };
            let container = node.inside.clone();
            mounted.add(self.put(FirmwareFile { path, container, kind, attributes: entry.attributes }));
        }
        for path in absent.paths {
            let path = format!("{}/{}", mounted.base, shown(&path));
            self.absent(&path, absent.reason.clone(), &mut mounted, node);
        }
        self.problems(&tree.problems, node, Some(&mounted.base));
        let outcome = outcome(mounted.text(), &tree.problems, mounted.absent);
        self.cover(&node.container, &node.path, node.kind, outcome);
        (self.progress)(Progress::Files(self.files.len()));
    }

    /// A file the device has and the input does not hold.
    fn absent(&mut self, path: &str, reason: String, mounted: &mut Mounted, node: &Node) {
        self.cover(&node.inside, path, "file", Outcome::Unread(reason));
        let (container, attributes) = (node.inside.clone(), Attributes::default());
        self.put(FirmwareFile { path: path.to_owned(), container, kind: FileKind::Missing, attributes });
        mounted.absent = mounted.absent.saturating_add(1);
    }

    /// One line for each path that could not be read: a device path if it is below `base`, else a member's name.
    fn problems(&mut self, problems: &[Problem], node: &Node, base: Option<&str>) {
        for problem in problems.iter().filter(|problem| !problem.path.is_empty()) {
            let path = shown(&problem.path);
            let path = base.map_or(path.clone(), |base| format!("{base}/{path}"));
            self.cover(&node.inside, &path, "file", Outcome::Unread(problem.error.to_string()));
        }
    }

    /// Adds a file; a path that is already there keeps its first file, unless that one is missing. Whether it was new.
    pub(crate) fn put(&mut self, file: FirmwareFile) -> bool {
        match self.files.entry(file.path.clone()) {
            btree_map::Entry::Vacant(place) => {
                place.insert(file);
                true
            }
            btree_map::Entry::Occupied(mut place) if matches!(place.get().kind, FileKind::Missing) => {
                place.insert(file);
                true
            }
            btree_map::Entry::Occupied(_) => false,
        }
    }

    pub(crate) fn cover(&mut self, container: &str, path: &str, kind: &str, outcome: Outcome) {
        let (container, path, kind) = (container.to_owned(), path.to_owned(), kind.to_owned());
        self.coverage.push(Coverage { container, path, kind, outcome });
    }

    pub(crate) fn enter(&self, node: &Node) {
        (self.progress)(Progress::Layer { path: &joined(&node.container, &node.path), kind: node.kind });
    }
}

/// What mounting a partition did.
#[derive(Default)]
struct Mounted {
    /// Device path of the partition's root; empty for the root of the device.
    base: String,
    files: usize,
    /// Of these, how many paths were there before.
    again: usize,
    absent: usize,
}

impl Mounted {
    fn add(&mut self, is_new: bool) {
        self.files = self.files.saturating_add(1);
        self.again = self.again.saturating_add(usize::from(!is_new));
    }

    fn text(&self) -> String {
        let files = format!("{} {}", self.files, if self.files == 1 { "file" } else { "files" });
        if self.again == 0 { files } else { format!("{files}, {} of them found before", self.again) }
    }
}

/// Read, or read except for some: `problems` of the whole are told here, those with a path have their own line.
fn outcome(read: String, problems: &[Problem], absent: usize) -> Outcome {
    let named = problems.iter().filter(|problem| !problem.path.is_empty()).count();
    let whole = problems.iter().filter(|problem| problem.path.is_empty());
    let mut holes: Vec<String> = whole.map(|problem| problem.error.to_string()).collect();
    for (count, what) in [(named, "could not be read"), (absent, "absent")] {
        if count > 0 {
            holes.push(format!("{count} {what}"));
        }
    }
    if holes.is_empty() {
        return Outcome::Read(read);
    }
    holes.insert(0, format!("{read} read"));
    Outcome::Partial(holes)
}
