//! Files that are not on the device themselves but hold it: images, archives, split images, loose packages.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Error};
use containers::FileSet;
use filesystems::EntryKind;
use findings::Outcome;

use crate::{
    Attributes, FileKind, FirmwareFile, images,
    listing::{self, Absent, is_lfs_pointer},
    names::{self, shown},
    partitions::{self, ImageName, looks_like_image},
    shape::{self, Shape},
    tree::Tree,
    unsupported,
    walk::{Node, Walk},
};

/// Files shorter than this that no format claims and no name makes likely are not told of.
const UNKNOWN_LEN_MIN: u64 = 1 << 20;
/// Partitions and members of packages that are known to hold no apps; not reading them is no hole.
const WITHOUT_APPS: &[&str] = &[
    "boot",
    "recovery",
    "init_boot",
    "vendor_boot",
    "vendor_kernel_boot",
    "dtbo",
    "dtb",
    "vbmeta",
    "vbmeta_system",
    "vbmeta_vendor",
    "logo",
    "splash",
    "lk",
    "lk2",
    "uboot",
    "preloader",
    "bootloader",
    "tee",
    "tz",
    "trustzone",
    "md1img",
    "modem",
    "radio",
    "nvram",
    "secro",
    "persist",
    "misc",
    "kernel",
    "ramdisk",
    "sdcard",
    "cache",
    "super_empty",
];

/// Mark of an Android sparse image.
const SPARSE_MAGIC: &[u8] = &[0x3a, 0xff, 0x26, 0xed];

/// A file outside of every partition: its path in the container or folder, and its bytes.
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) source: ByteSource,
    /// The partition it makes, if a description beside it says so; else its name decides.
    pub(crate) partition: Option<String>,
}

/// Where members come from: it decides which of them must be told of if no format claims them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The user named the file.
    Input,
    /// They are in an archive or folder without partitions.
    Package,
    /// They are beside the partitions of a dump.
    Dump,
    /// They are partitions, by the container they are in.
    Partitions,
}

/// Sparse images in chunks.
pub(crate) static CHUNKS: FileSet = FileSet {
    name: "chunks",
    what: "Sparse images that are numbered: `system.img_sparsechunk.0`, `system.img_sparsechunk1`, `super_1.img`, `super.1.ABCD.img`. Each says where \
           its blocks go; together they are one image. A gap in the numbers is told.",
    references: &["AOSP system/core, libsparse/sparse_format.h, and the names that packages have"],
    limitations: &[
        "that the last chunk is not there cannot be known from the others, each of which leaves out what the others hold: its blocks are empty",
    ],
};

/// What a file outside of every partition turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It holds other files, or says so.
    Layer,
    /// It is a file of the device itself: a package or code.
    Loose,
    /// It belongs to a package beside it, if there is one.
    Native,
    /// No format claims it.
    Nothing,
}

impl Walk<'_> {
    /// What remains of a tree after its partitions were mounted.
    pub(crate) fn leftovers(&mut self, tree: Tree, prefix: &[u8], is_dump: bool, node: &Node, budget: &Budget) {
        let mut folders: Vec<(Vec<u8>, bool)> = Vec::new();
        let mut members = Vec::new();
        for entry in tree.entries {
            let folder = names::first_component(&entry.path);
            let is_nested = folder.len() < entry.path.len();
            if folder == b"META-INF" {
                continue;
            }
            if is_nested && is_dump && folders.last().is_none_or(|(last, _)| last != folder) {
                folders.push((folder.to_vec(), false));
            }
            if let EntryKind::File(source) = entry.kind {
                let mut name = prefix.to_vec();
                if !name.is_empty() {
                    name.push(b'/');
                }
                name.extend_from_slice(&entry.path);
                members.push(Member { name, source, partition: None });
            }
        }
        // Folders of a dump that are no partition: unpacked boot images, device trees, notes of the dump tool.
        folders.sort();
        folders.dedup();
        for (folder, _) in folders {
            self.cover(&node.inside, &shown(&folder), "folder", Outcome::Unknown);
        }
        let origin = if is_dump { Origin::Dump } else { Origin::Package };
        self.members(members, &node.inside, origin, budget);
    }

    /// Opens what can be opened among `members`, which together are one package or folder.
    pub(crate) fn members(&mut self, members: Vec<Member>, outer: &str, origin: Origin, budget: &Budget) {
        let members = self.volumes(members, outer);
        let members = self.sets(members, outer, budget);
        let members = self.split_images(members, outer, budget);
        let members = self.spread_partitions(members, outer, budget);
        let mut native = Vec::new();
        let mut has_loose = false;
        for member in members {
            match self.member(&member, outer, origin, budget) {
                Claim::Loose => {
                    has_loose = true;
                    self.loose(&member, outer);
                }
                Claim::Native => native.push(member),
                Claim::Layer | Claim::Nothing => {}
            }
        }
        for member in native {
            if has_loose && origin != Origin::Dump {
                self.loose(&member, outer);
            } else if origin == Origin::Input {
                self.unclaimed(&member.source, &shown(&member.name), outer, origin);
            }
        }
    }

    /// Merges images that come in several files; gives the members that are not part of one.
    fn split_images(&mut self, members: Vec<Member>, outer: &str, budget: &Budget) -> Vec<Member> {
        let mut groups: BTreeMap<Vec<u8>, Vec<(u64, ByteSource)>> = BTreeMap::new();
        let mut others = Vec::new();
        for member in members {
            match chunk_name(&member.name).filter(|_| member.source.has(0, SPARSE_MAGIC)) {
                Some((whole, number)) => groups.entry(whole.to_vec()).or_default().push((number, member.source)),
                None => others.push(member),
            }
        }
        for (whole, mut chunks) in groups {
            chunks.sort_by_key(|(number, _)| *number);
            self.split_image(&shown(&whole), &chunks, outer, budget);
        }
        others
    }

    fn split_image(&mut self, name: &str, chunks: &[(u64, ByteSource)], outer: &str, budget: &Budget) {
        let node = Node::layer(outer, name, containers::android_sparse::FORMAT.name);
        self.enter(&node);
        let numbers: Vec<u64> = chunks.iter().map(|(number, _)| *number).collect();
        let sources: Vec<ByteSource> = chunks.iter().map(|(_, source)| source.clone()).collect();
        // Chunks are counted from 0, by some tools from 1. A gap leaves a part of the disk empty that is not.
        let first = numbers.first().copied().unwrap_or(0);
        let is_whole = first <= 1 && numbers.iter().zip(first..).all(|(number, expected)| *number == expected);
        if !is_whole {
            let reason = "numbers of the chunks have a gap".to_owned();
            self.cover(outer, name, CHUNKS.name, Outcome::Partial(vec![reason]));
        }
        match containers::android_sparse::merge(&sources, budget) {
            Ok(opened) => self.unwrapped(opened, None, &node, Origin::Package, budget),
            Err(error) => self.cover(outer, name, node.kind, Outcome::Unread(error.to_string())),
        }
    }

    /// A file that is on the device as it is. Two of the same name are kept apart by a number.
    fn loose(&mut self, member: &Member, outer: &str) {
        let name = shown(&member.name);
        let mut path = format!("/{name}");
        let mut number = 2_u32;
        while self.files.contains_key(&path) {
            path = format!("/{number}/{name}");
            number = number.saturating_add(1);
        }
        let kind = FileKind::File(member.source.clone());
        self.cover(outer, &path, "file", Outcome::Read("1 file".to_owned()));
        self.put(FirmwareFile { path, container: outer.to_owned(), kind, attributes: Attributes::default() });
    }

    fn member(&mut self, member: &Member, outer: &str, origin: Origin, budget: &Budget) -> Claim {
        let (source, name) = (&member.source, shown(&member.name));
        if is_lfs_pointer(source) {
            self.cover(outer, &name, "file", Outcome::Unread(listing::LFS_POINTER.to_owned()));
            return Claim::Layer;
        }
        let is_nested = member.name.contains(&b'/');
        if origin == Origin::Dump && is_nested && !looks_like_image(&name) {
            return Claim::Nothing;
        }
        if is_code(source) {
            return Claim::Loose;
        }
        if source.has(0, b"\x7fELF") {
            return Claim::Native;
        }
        self.signer(source, &name, outer);
        if self.image(member, &name, outer, budget) {
            return Claim::Layer;
        }
        if let Some(format) = containers::identify(source) {
            return self.container(format, member, outer, origin, budget);
        }
        self.unclaimed(source, &name, outer, origin);
        Claim::Nothing
    }

    /// Mounts a member if it is a file system. Whether it is one.
    fn image(&mut self, member: &Member, name: &str, outer: &str, budget: &Budget) -> bool {
        let source = &member.source;
        let Some(format) = filesystems::identify(source) else { return false };
        self.keep_image(member.partition.as_deref().unwrap_or(name), source);
        let node = Node::layer(outer, name, format.name);
        self.enter(&node);
        let read = budget.deeper("image").and_then(|budget| (format.read)(source, &budget));
        match read {
            Ok(tree) => {
                let tree = Tree { entries: tree.entries, problems: tree.problems };
                let partition = match partitions::by_image(member.partition.as_deref().unwrap_or(name)) {
                    ImageName::Partition(partition) => partition.to_owned(),
                    // A system image by another name; anything else is mounted under the name it has.
                    ImageName::Other(_) if shape::of(&tree) != Shape::Loose => "system".to_owned(),
                    ImageName::Other(stem) => stem,
                };
                self.keep_image(&partition, source);
                self.mount(tree, &partition, Absent::default(), &node);
            }
            Err(error) => self.cover(outer, name, format.name, Outcome::Unread(error.to_string())),
        }
        true
    }

    fn container(
        &mut self,
        format: &'static containers::Format,
        member: &Member,
        outer: &str,
        origin: Origin,
        budget: &Budget,
    ) -> Claim {
        let (source, name) = (&member.source, &shown(&member.name));
        let node = Node::layer(outer, name, format.name);
        let opened = budget.deeper("container").and_then(|deeper| Ok(((format.open)(source, &deeper)?, deeper)));
        let (opened, deeper) = match opened {
            Ok(opened) => opened,
            // An app with a broken archive is still an app: whoever reads packages tells what is wrong with it.
            Err(_) if is_package_name(name) => return Claim::Loose,
            Err(error) => {
                self.cover(outer, name, format.name, Outcome::Unread(error.to_string()));
                return Claim::Layer;
            }
        };
        if format.name == containers::zip::FORMAT.name && (is_package_name(name) || is_package(&opened)) {
            return Claim::Loose;
        }
        self.enter(&node);
        let is_signed = [&containers::verified_boot::FORMAT, &containers::verified_boot::FOOTER_FORMAT];
        if is_signed.iter().any(|signed| signed.name == format.name) || images::is_boot_image(format.name) {
            self.keep_image(member.partition.as_deref().unwrap_or(name), source);
        }
        if format.name == containers::verified_boot::FORMAT.name {
            // Its signer was told above; nothing else is in it.
        } else if images::is_disk(format.name) {
            self.disk(opened, &node, &deeper);
        } else if images::is_boot_image(format.name) {
            self.boot_image(opened, member.partition.as_deref(), &node, &deeper);
        } else if is_wrapper(&opened) {
            self.unwrapped(opened, member.partition.as_deref(), &node, origin, &deeper);
        } else {
            self.tree(Tree::of_container(opened, &deeper), &node, &deeper);
        }
        Claim::Layer
    }

    /// What a container stores in another form: the disk of a sparse image, the image behind a header. It has the
    /// container's name and place: a way of storing is no layer.
    pub(crate) fn unwrapped(
        &mut self,
        opened: containers::Opened,
        partition: Option<&str>,
        node: &Node,
        origin: Origin,
        budget: &Budget,
    ) {
        let problems: Vec<String> = opened.problems.iter().map(|problem| problem.error.to_string()).collect();
        let is_whole = problems.is_empty();
        if !is_whole {
            self.cover(&node.container, &node.path, node.kind, Outcome::Partial(problems));
        }
        for child in opened.children {
            let (name, partition) = (node.path.clone().into_bytes(), partition.map(ToOwned::to_owned));
            let member = Member { name, source: child.source, partition };
            match self.member(&member, &node.container, origin, budget) {
                Claim::Loose => self.loose(&member, &node.container),
                Claim::Native => self.unclaimed(&member.source, &node.path, &node.container, origin),
                Claim::Nothing => continue,
                Claim::Layer => {}
            }
            if is_whole {
                let read = Outcome::Read(format!("{} bytes", member.source.len()));
                self.cover(&node.container, &node.path, node.kind, read);
            }
        }
    }

    /// Tells of a file that no format claims, if it may hold a part of the device.
    fn unclaimed(&mut self, source: &ByteSource, name: &str, outer: &str, origin: Origin) {
        let likely = looks_like_image(name) || origin == Origin::Partitions;
        if likely {
            self.keep_image(name, source);
        }
        let stem = partitions::by_image(name);
        let is_partition = likely && matches!(stem, ImageName::Partition(_));
        let holds_no_apps = matches!(&stem, ImageName::Other(stem) if WITHOUT_APPS.contains(&stem.as_str()));
        let mark = unsupported::identify(source).filter(|_| !holds_no_apps || origin == Origin::Input);
        let is_large = source.len() >= UNKNOWN_LEN_MIN && !name.contains('/');
        if let Some(format) = mark {
            self.cover(outer, name, format.name, Outcome::Unread(format.reason()));
        } else if source.is_empty() && (is_partition || origin == Origin::Input) {
            let reason = Error::truncated("file", 0, 1, 0).to_string();
            self.cover(outer, name, "file", Outcome::Unread(reason));
        } else if is_partition || origin == Origin::Input {
            self.cover(outer, name, "file", Outcome::Unread("no format claims what is at 0x0".to_owned()));
        } else if !source.is_empty() && (likely || is_large) {
            self.cover(outer, name, "file", Outcome::Unknown);
        }
    }
}

/// Whether the file holds Dalvik code as it is.
fn is_code(source: &ByteSource) -> bool {
    [&b"dex\n"[..], b"dey\n", b"cdex", b"vdex"].iter().any(|magic| source.has(0, magic))
}

fn is_package_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(".apk") || lower.ends_with(".jar")
}

/// Whether a container holds one thing that has no name of its own.
fn is_wrapper(opened: &containers::Opened) -> bool {
    matches!(opened.children.as_slice(), [only] if only.name.is_empty())
}

/// Whether an archive of another name is an app or a library all the same.
fn is_package(opened: &containers::Opened) -> bool {
    let names =
        opened.children.iter().map(|child| &child.name).chain(opened.problems.iter().map(|problem| &problem.name));
    let mut names = names.map(Vec::as_slice);
    names.any(|name| matches!(name, b"AndroidManifest.xml" | b"classes.dex"))
}

/// `system.img_sparsechunk.3`, `system.img.3` and `system.img_sparsechunk3` as the name of the whole and the number.
fn chunk_name(name: &[u8]) -> Option<(&[u8], u64)> {
    // `super_3.img` and `super.3.1f2e3d.img` as well: parts of one image by the names that only it has.
    let file = names::last_component(name);
    if let Some(rest) = file.strip_prefix(b"super").and_then(|rest| rest.strip_suffix(b".img")) {
        let digits: &[u8] = rest.strip_prefix(b"_").or_else(|| rest.strip_prefix(b"."))?;
        let digits = digits.split(|&byte| byte == b'.').next().unwrap_or_default();
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let whole = name.get(..name.len().checked_sub(file.len())?.checked_add(5)?)?;
        return Some((whole, number));
    }
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (stem, number) = name.split_at_checked(name.len().checked_sub(digits)?)?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    let dotless = stem.strip_suffix(b".");
    let plain = dotless.unwrap_or(stem);
    let whole = [&b"_sparsechunk"[..], b".sparsechunk", b"_chunk"].iter().find_map(|mark| plain.strip_suffix(*mark));
    whole.or(dotless).filter(|whole| !whole.is_empty()).map(|whole| (whole, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_chunks_lead_to_the_whole() {
        let whole = |name: &'static [u8], number| Some((name, number));
        let cases = [
            (&b"system.img_sparsechunk.12"[..], whole(b"system.img", 12)),
            (b"images/super.img.0", whole(b"images/super.img", 0)),
            (b"system.img_sparsechunk3", whole(b"system.img", 3)),
            (b"images/super_3.img", whole(b"images/super", 3)),
            (b"super.3.1f2e3d.img", whole(b"super", 3)),
            (b"super_empty.img", None),
            (b"super.img", None),
            (b"system2", None),
            (b"system.img", None),
            (b"7", None),
        ];
        for (name, expected) in cases {
            assert_eq!(chunk_name(name), expected, "{}", shown(name));
        }
    }
}
