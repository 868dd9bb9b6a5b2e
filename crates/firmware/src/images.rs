//! Containers whose members are no files of the device but whole partitions, boot images, and the modules that the
//! device mounts itself (APEX).

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource};
use containers::{
    FileSet, Opened,
    protobuf::Message,
    super_partition,
    verified_boot::{self, Vbmeta},
};
use findings::Outcome;

use crate::{
    FileKind,
    layers::{Member, Origin},
    listing::Absent,
    names::{joined, shown},
    partitions,
    tree::Tree,
    walk::{Node, Walk},
};

/// Logical partitions on several block devices.
pub(crate) static SPREAD: FileSet = FileSet {
    name: "spread super",
    what: "An image that begins with the table of logical partitions, as super does, and images of the other block devices that the table names, by \
           their names: the partitions lie on all of them. Met where a device was updated to logical partitions.",
    references: &["AOSP system/core, fs_mgr/liblp/include/liblp/metadata_format.h"],
    limitations: &["partitions with a part on a block device that is not there are told as such"],
};

/// Modules that a device mounts at every start.
pub(crate) static APEX: FileSet = FileSet {
    name: "apex",
    what: "Files of the device named `.apex` and `.capex`: the image in them is mounted below /apex under the name in its manifest, as the device \
           does; a packed one (`original_apex`) is unpacked first.",
    references: &["AOSP system/apex, docs and proto/apex_manifest.proto"],
    limitations: &[
        "signatures and hash trees are not verified",
        "of two versions of a module the one found first stands, not the newer one",
    ],
};

/// Containers of partitions, by the names of their formats.
const DISKS: &[&str] = &["payload", "super", "gpt", "mbr", "ubi"];
/// Containers of a kernel and its ramdisks.
const BOOT_IMAGES: &[&str] = &["boot_image", "vendor_boot_image"];
/// How many wrappers a ramdisk may have: a header of its maker, a packed stream, another one.
const RAMDISK_LAYERS_MAX: u32 = 4;
/// Longest manifest of an APEX that is read; real ones have some hundred bytes.
const APEX_MANIFEST_LEN_MAX: u64 = 1 << 20;

/// Kind of the lines that tell of a signer.
const VBMETA: &str = "vbmeta";

/// A signer in words: the algorithm, the key as avbtool shows keys, and what is switched off.
fn told(vbmeta: &Vbmeta) -> String {
    let mut text = match vbmeta.key_sha1 {
        Some(key) => {
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}, key {key}", vbmeta.algorithm)
        }
        None => "not signed".to_owned(),
    };
    for (bit, words) in [(1, "hash trees switched off"), (2, "verification switched off")] {
        if vbmeta.flags & bit != 0 {
            text.push_str(", ");
            text.push_str(words);
        }
    }
    text
}

pub(crate) fn is_disk(format: &str) -> bool {
    DISKS.contains(&format)
}

pub(crate) fn is_boot_image(format: &str) -> bool {
    BOOT_IMAGES.contains(&format)
}

impl Walk<'_> {
    /// A container of partitions: each member ends as read, in part, or unread with the reason.
    pub(crate) fn disk(&mut self, opened: Opened, node: &Node, budget: &Budget) {
        let holes = opened.problems.len();
        for problem in opened.problems {
            let name = if problem.name.is_empty() { node.path.clone() } else { shown(&problem.name) };
            let container = if problem.name.is_empty() { &node.container } else { &node.inside };
            self.cover(container, &name, "partition", Outcome::Unread(problem.error.to_string()));
        }
        let count = opened.children.len();
        let read = format!("{count} {}", if count == 1 { "partition" } else { "partitions" });
        let outcome = if holes == 0 {
            Outcome::Read(read)
        } else {
            Outcome::Partial(vec![format!("{read} read"), format!("{holes} could not be read completely")])
        };
        self.cover(&node.container, &node.path, node.kind, outcome);
        let members =
            opened.children.into_iter().map(|child| Member { name: child.name, source: child.source, partition: None });
        self.members(members.collect(), &node.inside, Origin::Partitions, budget);
    }

    /// Opens logical partitions that are spread over several block devices, if the images of more than one are there; gives
    /// the members that are none of them. Met on devices that were updated to logical partitions.
    pub(crate) fn spread_partitions(&mut self, members: Vec<Member>, outer: &str, budget: &Budget) -> Vec<Member> {
        let mut members: Vec<Option<Member>> = members.into_iter().map(Some).collect();
        for number in 0..members.len() {
            let Some(first) = members.get(number).and_then(Option::as_ref) else { continue };
            if !(super_partition::FORMAT.probe)(&first.source) {
                continue;
            }
            // What is wrong with it is told where every member is opened.
            let Ok(devices) = super_partition::devices(&first.source, budget) else { continue };
            let place = |device: &[u8]| {
                let wanted = partitions::by_image(&shown(device));
                let is_it = |member: &Member| partitions::by_image(&shown(&member.name)) == wanted;
                members.iter().position(|member| member.as_ref().is_some_and(is_it)).filter(|&found| found != number)
            };
            let others: BTreeMap<Vec<u8>, usize> =
                devices.into_iter().skip(1).filter_map(|device| place(&device).map(|found| (device, found))).collect();
            if others.is_empty() {
                continue;
            }
            let node = Node::layer(outer, &shown(&first.name), super_partition::FORMAT.name);
            self.enter(&node);
            let source = |device: &[u8]| {
                let member = members.get(*others.get(device)?)?.as_ref()?;
                Some(member.source.clone())
            };
            let opened = budget.deeper("container").and_then(|deeper| {
                super_partition::open_with(&first.source, &source, &deeper).map(|opened| (opened, deeper))
            });
            for taken in others.values().chain([&number]) {
                if let Some(member) = members.get_mut(*taken) {
                    *member = None;
                }
            }
            match opened {
                Ok((opened, deeper)) => self.disk(opened, &node, &deeper),
                Err(error) => self.cover(outer, &node.path, node.kind, Outcome::Unread(error.to_string())),
            }
        }
        members.into_iter().flatten().collect()
    }

    /// Tells whose key a device would believe for this image, if it says so: in a footer, or as a vbmeta of its own.
    pub(crate) fn signer(&mut self, source: &ByteSource, name: &str, outer: &str) {
        let vbmeta = if source.has(0, b"AVB0") {
            Vbmeta::read(source)
        } else {
            match verified_boot::footer(source) {
                Ok(Some(footer)) => Vbmeta::read(&footer.vbmeta),
                Ok(None) => return,
                Err(error) => Err(error),
            }
        };
        let outcome = match vbmeta {
            Ok(vbmeta) => Outcome::Read(told(&vbmeta)),
            Err(error) => Outcome::Unread(error.to_string()),
        };
        self.cover(outer, name, VBMETA, outcome);
    }

    /// A boot image: its ramdisks are mounted below the image's name. Kernels and device trees hold no files.
    pub(crate) fn boot_image(&mut self, opened: Opened, partition: Option<&str>, node: &Node, budget: &Budget) {
        let partition = partitions::base_name(partition.unwrap_or(&node.path));
        let problems: Vec<String> =
            opened.problems.iter().map(|problem| format!("{}: {}", shown(&problem.name), problem.error)).collect();
        let parts: Vec<String> = opened.children.iter().map(|child| shown(&child.name)).collect();
        let outcome = if problems.is_empty() { Outcome::Read(parts.join(", ")) } else { Outcome::Partial(problems) };
        self.cover(&node.container, &node.path, node.kind, outcome);
        for child in opened.children.into_iter().filter(|child| child.name.starts_with(b"ramdisk")) {
            self.ramdisk(&child.source, &shown(&child.name), &partition, node, budget);
        }
    }

    fn ramdisk(&mut self, source: &ByteSource, name: &str, partition: &str, image: &Node, budget: &Budget) {
        let mut source = source.clone();
        for _ in 0..RAMDISK_LAYERS_MAX {
            let Some(format) = containers::identify(&source) else { break };
            let node = Node::layer(&image.inside, name, format.name);
            self.enter(&node);
            let opened = budget.deeper("ramdisk").and_then(|budget| (format.open)(&source, &budget));
            let mut opened = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    self.cover(&image.inside, name, format.name, Outcome::Unread(error.to_string()));
                    return;
                }
            };
            match opened.children.as_slice() {
                [only] if only.name.is_empty() => {
                    source = only.source.clone();
                    if !opened.problems.is_empty() {
                        let problems = opened.problems.drain(..).map(|problem| problem.error.to_string()).collect();
                        self.cover(&image.inside, name, format.name, Outcome::Partial(problems));
                    }
                }
                _ => {
                    self.mount(Tree::of_container(opened, budget), partition, Absent::default(), &node);
                    return;
                }
            }
        }
        self.cover(&image.inside, name, "ramdisk", Outcome::Unread("no format claims what is at 0x0".to_owned()));
    }

    /// Mounts what the device's modules hold, as the device does at every start. A module replaced by a packed one
    /// (`original_apex`) is unpacked first.
    pub(crate) fn apexes(&mut self, budget: &Budget) {
        let is_apex = |path: &str| path.ends_with(".apex") || path.ends_with(".capex");
        let found: Vec<(String, String, ByteSource)> = self
            .files
            .values()
            .filter_map(|file| match &file.kind {
                FileKind::File(source) if is_apex(&file.path) => {
                    Some((file.container.clone(), file.path.clone(), source.clone()))
                }
                _ => None,
            })
            .collect();
        for (container, path, source) in found {
            let name = path.trim_start_matches('/');
            let node = Node::layer(&container, name, "apex");
            self.enter(&node);
            if let Err(reason) = self.apex(&source, &node, budget) {
                self.cover(&container, name, "apex", Outcome::Unread(reason));
            }
        }
    }

    fn apex(&mut self, source: &ByteSource, node: &Node, budget: &Budget) -> Result<(), String> {
        let told = |error: bytes::Error| error.to_string();
        let budget = &budget.deeper("apex").map_err(told)?;
        let mut archive = containers::zip::Archive::read(source, budget).map_err(told)?;
        if let Some(original) = archive.member(b"original_apex") {
            archive = containers::zip::Archive::read(&original.source, budget).map_err(told)?;
        }
        let member = |name: &str| {
            let problem = || archive.problem(name.as_bytes()).map_or(format!("no {name} in it"), |e| e.to_string());
            archive.member(name.as_bytes()).map(|member| &member.source).ok_or_else(problem)
        };
        let manifest = member("apex_manifest.pb")?;
        if manifest.len() > APEX_MANIFEST_LEN_MAX {
            return Err("apex_manifest.pb is too long".to_owned());
        }
        let manifest = manifest.to_vec(budget, "apex_manifest.pb").map_err(told)?;
        let name =
            Message::new(&manifest, 0).bytes(1).map(shown).filter(|name| !name.is_empty() && !name.contains('/'));
        let name = name.ok_or("no name in apex_manifest.pb")?;
        let payload = member("apex_payload.img")?;
        let format = filesystems::identify(payload).ok_or("no file system claims apex_payload.img")?;
        let tree = (format.read)(payload, budget).map_err(told)?;
        let tree = Tree { entries: tree.entries, problems: tree.problems };
        let inside = Node {
            container: node.inside.clone(),
            path: "apex_payload.img".to_owned(),
            kind: format.name,
            inside: joined(&node.inside, "apex_payload.img"),
        };
        self.mount(tree, &format!("apex/{name}"), Absent::default(), &inside);
        Ok(())
    }
}
