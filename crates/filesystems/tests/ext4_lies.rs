//! Ext images that lie in one known place: the problem must be of the right kind, name the right path and the right
//! byte, and leave everything else as it was.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeSet;

use bytes::{Budget, ByteSource, Error, Kind, Limit, Limits};
use filesystems::{EntryKind, Problem, Tree, ext4};

/// An image under the knife, with just enough knowledge of the format to find the place.
struct Patient(Vec<u8>);

impl Patient {
    fn new(case: &str) -> Self {
        Self(common::image(&format!("ext4/{case}")))
    }

    fn u16(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes(self.0[at..at + 2].try_into().unwrap()))
    }

    fn u32(&self, at: usize) -> usize {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap()) as usize
    }

    fn put_u32(&mut self, at: usize, value: usize) {
        self.0[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
    }

    fn block_size(&self) -> usize {
        1024 << self.u32(1024 + 0x18)
    }

    /// Offset of the descriptor of `group`, right for the groups of the first block of descriptors.
    fn descriptor(&self, group: usize) -> usize {
        let size = if self.u32(1024 + 0x60) & 0x80 == 0 { 32 } else { self.u16(1024 + 0xFE) };
        self.block_size().max(2048) + group * size
    }

    fn inode(&self, number: usize) -> usize {
        let per_group = self.u32(1024 + 0x28);
        let size = if self.u32(1024 + 0x4C) == 0 { 128 } else { self.u16(1024 + 0x58) };
        let table = self.u32(self.descriptor((number - 1) / per_group) + 8);
        table * self.block_size() + (number - 1) % per_group * size
    }

    /// Offset of the folder entry `name`, found by its length and bytes.
    fn entry(&self, name: &str) -> usize {
        let is_entry = |at: &usize| {
            self.0[at + 8..].starts_with(name.as_bytes())
                && usize::from(self.0[at + 6]) == name.len()
                && self.0[at + 7] <= 7
                && self.u32(*at) < 4096
                && self.u16(at + 4) >= 8 + name.len()
        };
        (0..self.0.len() - 8 - name.len()).step_by(4).find(is_entry).unwrap()
    }

    /// Offset of the inode of the file `name`.
    fn inode_of(&self, name: &str) -> usize {
        self.inode(self.u32(self.entry(name)))
    }

    fn read_within(self, limits: Limits) -> bytes::Result<Tree> {
        (ext4::FORMAT.read)(&ByteSource::from_bytes(self.0), &Budget::new(limits))
    }

    fn read(self) -> Tree {
        self.read_within(Limits::FIRMWARE).unwrap()
    }
}

fn problem(path: &str, error: Error) -> Problem {
    Problem { path: path.as_bytes().to_vec(), error }
}

fn paths(tree: &Tree) -> BTreeSet<String> {
    tree.entries.iter().map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect()
}

/// The paths of the healthy image which `tree` has not.
fn lost(case: &str, tree: &Tree) -> Vec<String> {
    paths(&Patient::new(case).read()).difference(&paths(tree)).cloned().collect()
}

fn contents(tree: &Tree, path: &str) -> bytes::Result<Vec<u8>> {
    let entry = tree.entries.iter().find(|entry| entry.path == path.as_bytes()).unwrap();
    let EntryKind::File(source) = &entry.kind else { panic!("{path} is a file") };
    source.to_vec(&Budget::new(Limits::FILE), "file")
}

#[test]
fn a_folder_that_contains_its_ancestor_is_listed_once() {
    let mut patient = Patient::new("aosp");
    let (at, above) = (patient.entry("e"), patient.u32(patient.entry("folders")));
    patient.put_u32(at, above);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("folders/a/b/c/d/e", Error::corrupt("folder reached twice", at as u64))]);
    assert_eq!(lost("aosp", &tree), ["folders/a/b/c/d/e/deep.txt"]);
}

#[test]
fn a_folder_that_contains_the_root_is_listed_once() {
    let mut patient = Patient::new("ext2_block_map");
    let at = patient.entry("e");
    patient.put_u32(at, 2);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("folders/a/b/c/d/e", Error::corrupt("folder reached twice", at as u64))]);
}

#[test]
fn an_extent_node_that_points_to_itself_ends_and_the_rest_of_the_file_is_read() {
    let mut patient = Patient::new("deep_extents");
    // Root (in the inode) -> node of depth 1 -> leaves.
    let node_block = patient.u32(patient.inode_of("deep.bin") + 40 + 12 + 4);
    let node = node_block * 1024;
    assert_eq!(patient.u16(node + 6), 1);
    let second_leaf_starts = patient.u32(node + 24) * 1024;
    patient.put_u32(node + 12 + 4, node_block);
    let tree = patient.read();
    let error = Error::corrupt("extent node reached twice", node as u64 + 12 + 4);
    assert_eq!(tree.problems, [problem("deep.bin", error)]);
    assert!(lost("deep_extents", &tree).is_empty());

    let whole = contents(&Patient::new("deep_extents").read(), "deep.bin").unwrap();
    let entry = tree.entries.iter().find(|entry| entry.path == b"deep.bin").unwrap();
    let EntryKind::File(source) = &entry.kind else { panic!("a file") };
    assert_eq!(source.len(), whole.len() as u64);
    assert_eq!(source.array::<1>(second_leaf_starts as u64 - 1, "lost"), Err(error));
    let mut rest = vec![0; whole.len() - second_leaf_starts];
    source.read(second_leaf_starts as u64, &mut rest, "rest").unwrap();
    assert_eq!(rest, whole[second_leaf_starts..]);
}

#[test]
fn an_extent_node_of_the_wrong_depth_is_corrupt() {
    let mut patient = Patient::new("deep_extents");
    let root_entry = patient.inode_of("deep.bin") + 40 + 12 + 4;
    let leaf = patient.u32(patient.u32(root_entry) * 1024 + 12 + 4);
    patient.put_u32(root_entry, leaf);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("deep.bin", Error::corrupt("eh_depth", leaf as u64 * 1024 + 6))]);
}

#[test]
fn an_extent_node_named_twice_is_read_once() {
    let mut patient = Patient::new("deep_extents");
    let node = patient.u32(patient.inode_of("deep.bin") + 40 + 12 + 4) * 1024;
    let first_leaf = patient.u32(node + 12 + 4);
    patient.put_u32(node + 24 + 4, first_leaf);
    let tree = patient.read();
    let error = Error::corrupt("extent node reached twice", node as u64 + 24 + 4);
    assert_eq!(tree.problems, [problem("deep.bin", error)]);
}

#[test]
fn a_pointer_block_that_points_to_itself_is_read_once() {
    let mut patient = Patient::new("ext2_block_map");
    let at = patient.inode_of("triple_indirect.bin") + 40 + 14 * 4;
    let block = patient.u32(at);
    patient.put_u32(block * 1024, block);
    let tree = patient.read();
    let error = Error::corrupt("pointer block reached twice", block as u64 * 1024);
    assert_eq!(tree.problems, [problem("triple_indirect.bin", error)]);
    assert!(lost("ext2_block_map", &tree).is_empty());
}

#[test]
fn an_inode_table_outside_the_image_loses_only_its_own_group() {
    let mut patient = Patient::new("meta_bg");
    let group = (patient.u32(patient.entry("some")) - 1) / patient.u32(1024 + 0x28);
    let at = patient.descriptor(group) + 8;
    patient.put_u32(at, 0x7FFF_FFFF);
    let tree = patient.read();
    assert!((1..32).contains(&group) && !tree.problems.is_empty());
    for Problem { error: Error { kind, what, offset }, .. } in &tree.problems {
        assert_eq!((*kind, *what), (Kind::Truncated { needed: 256, available: 0 }, "inode"));
        assert!((0x7FFF_FFFF * 1024..0x8000_0000 * 1024 + (1 << 20)).contains(offset));
    }
    let troubled: BTreeSet<_> = tree.problems.iter().map(|problem| problem.path.clone()).collect();
    for path in lost("meta_bg", &tree) {
        let mut above = path.match_indices('/').map(|(at, _)| &path.as_bytes()[..at]);
        assert!(troubled.contains(path.as_bytes()) || above.any(|above| troubled.contains(above)), "{path}");
    }
    assert!(paths(&tree).contains("bin/toybox"), "the other groups are read");
}

#[test]
fn without_the_inode_table_of_the_root_the_image_as_a_whole_is_a_problem() {
    let mut patient = Patient::new("aosp");
    let at = patient.descriptor(0) + 8;
    patient.put_u32(at, 0x7FFF_FFFF);
    let tree = patient.read();
    // The root folder is inode 2: the second of the table.
    assert_eq!(tree.problems, [problem("", Error::truncated("inode", 0x7FFF_FFFF * 4096 + 256, 256, 0))]);
    assert!(tree.entries.is_empty());
}

#[test]
fn an_inode_number_past_the_last_is_corrupt() {
    let mut patient = Patient::new("ext2_block_map");
    let entry = patient.entry("e");
    patient.put_u32(entry, 4_000_000_000);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("folders/a/b/c/d/e", Error::corrupt("inode number", entry as u64))]);
}

#[test]
fn an_absurd_number_of_inodes_allocates_nothing() {
    let mut patient = Patient::new("aosp");
    patient.put_u32(1024, 0xFFFF_FFFF);
    let entry = patient.entry("tiny.txt");
    patient.put_u32(entry, 0xFFFF_FFFF);
    let (per_group, len) = (patient.u32(1024 + 0x28), patient.0.len());
    let descriptor = patient.descriptor(0xFFFF_FFFE / per_group) + 8;
    let tree = patient.read();
    let error = Error::truncated("bg_inode_table_lo", descriptor as u64, 4, 0);
    assert!(descriptor > len);
    assert_eq!(tree.problems, [problem("etc/tiny.txt", error)]);
    assert_eq!(lost("aosp", &tree), ["etc/tiny.txt"]);
}

#[test]
fn a_huge_sparse_file_is_a_range_of_zeros_and_a_negative_size_is_corrupt() {
    let mut patient = Patient::new("aosp");
    let inode = patient.inode_of("tiny.txt");
    patient.put_u32(inode + 108, 0x3FFF_FFFF);
    let tree = patient.read();
    assert_eq!(tree.problems, []);
    let entry = tree.entries.iter().find(|entry| entry.path == b"etc/tiny.txt").unwrap();
    let EntryKind::File(source) = &entry.kind else { panic!("a file") };
    assert_eq!(source.len(), (0x3FFF_FFFF << 32) + 4);
    assert_eq!(source.array::<8>(0, "head"), Ok(*b"tiny\0\0\0\0"));
    assert_eq!(source.array::<8>(source.len() - 8, "tail"), Ok([0; 8]));

    let mut patient = Patient::new("aosp");
    patient.put_u32(inode + 108, 0x8000_0000);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("etc/tiny.txt", Error::corrupt("i_size_high", inode as u64 + 108))]);
    assert_eq!(lost("aosp", &tree), ["etc/tiny.txt"]);
}

#[test]
fn a_folder_of_four_gigabytes_of_holes_is_one_problem() {
    let mut patient = Patient::new("aosp");
    let inode = patient.inode_of("some");
    patient.put_u32(inode + 4, 0xFFFF_F000);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("folders/some", Error::corrupt("hole in a folder", inode as u64))]);
    assert!(lost("aosp", &tree).is_empty());
}

#[test]
fn incompatible_features_are_refused_with_their_bits_and_names() {
    let mut patient = Patient::new("aosp");
    let features = patient.u32(1024 + 0x60);
    for (bits, name) in [
        (0x8000_0000, "s_feature_incompat"),
        (0x8000_0001, "feature compression (e2compr)"),
        (0x8, "feature journal_dev, a journal of another image"),
        (0x1000, "feature dirdata, data in folder entries"),
    ] {
        patient.put_u32(1024 + 0x60, features | bits);
        let source = ByteSource::from_bytes(patient.0.clone());
        assert!((ext4::FORMAT.probe)(&source));
        let error = (ext4::FORMAT.read)(&source, &Budget::new(Limits::FIRMWARE)).unwrap_err();
        assert_eq!(error, Error::unsupported(name, 1024 + 0x60, bits as u64));
    }
}

#[test]
fn a_journal_that_was_not_replayed_is_reported_and_the_files_are_read() {
    let mut patient = Patient::new("modern");
    let features = patient.u32(1024 + 0x60);
    patient.put_u32(1024 + 0x60, features | 0x4);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("", Error::unsupported("journal to be replayed", 1024 + 0x60, 4))]);
    assert!(lost("modern", &tree).is_empty());
}

#[test]
fn what_is_encrypted_says_so() {
    let mut patient = Patient::new("aosp");
    let mut expected = Vec::new();
    for (path, name) in [("bin/ls", "ls"), ("build.prop", "build.prop"), ("folders/a/b", "b")] {
        let at = patient.inode_of(name) + 32;
        let flags = patient.u32(at);
        patient.put_u32(at, flags | 0x800);
        expected.push(problem(path, Error { kind: Kind::Encrypted, what: "i_flags", offset: at as u64 }));
    }
    let tree = patient.read();
    assert_eq!(tree.problems, expected);
    assert_eq!(contents(&tree, "build.prop"), Err(expected[1].error));
    assert!(lost("aosp", &tree).iter().all(|path| path.starts_with("folders/a/b/")));
    assert_eq!(lost("aosp", &tree).len(), 4);
}

#[test]
fn a_folder_block_that_lies_does_not_stop_its_siblings() {
    let mut patient = Patient::new("htree");
    // The second entry of some block of the folder: the first one stands.
    let name = format!("003_{}", "n".repeat(111));
    let block = patient.entry(&name) / 1024 * 1024;
    let at = block + patient.u16(block + 4) + 4;
    patient.0[at] = 3;
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("folders/many", Error::corrupt("rec_len", at as u64))]);
    let lost = lost("htree", &tree);
    assert!(!lost.is_empty() && lost.len() < 10, "{lost:?}");
    assert!(lost.iter().all(|path| path.starts_with("folders/many/")), "{lost:?}");
}

#[test]
fn a_folder_in_its_inode_without_the_rest_of_its_names_says_so() {
    let mut patient = Patient::new("inline_folder");
    let inode = patient.inode_of("folder");
    let size = patient.u32(inode + 4);
    assert!(size > 60, "the folder goes on in an attribute");
    let name = patient.0[inode + 128..inode + 512].windows(4).position(|window| window == b"data").unwrap();
    patient.0[inode + 128 + name..inode + 132 + name].copy_from_slice(b"lost");
    let tree = patient.read();
    let error = Error::truncated("system.data", inode as u64 + 100, size as u64 - 60, 0);
    assert_eq!(tree.problems, [problem("folder", error)]);
    assert!(!lost("inline_folder", &tree).is_empty());
}

#[test]
fn a_name_that_would_lead_elsewhere_is_refused() {
    let mut patient = Patient::new("aosp");
    let at = patient.entry("tiny.txt") + 8;
    patient.0[at..at + 8].copy_from_slice(b"../x.txt");
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("etc", Error::corrupt("name", at as u64))]);
    assert_eq!(lost("aosp", &tree), ["etc/tiny.txt"]);
}

#[test]
fn a_name_given_twice_is_reported_and_both_are_listed() {
    let mut patient = Patient::new("aosp");
    let at = patient.entry("setuid");
    let twin = patient.entry("toybox").max(at);
    patient.0[at + 8..at + 14].copy_from_slice(b"toybox");
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("bin/toybox", Error::corrupt("name given twice", twin as u64))]);
    assert_eq!(tree.entries.iter().filter(|entry| entry.path == b"bin/toybox").count(), 2);
}

#[test]
fn attributes_that_lie_leave_the_file_readable() {
    let mut patient = Patient::new("aosp");
    let inode = patient.inode_of("build.prop");
    let entry = inode + 128 + patient.u16(inode + 128) + 4;
    assert_eq!(&patient.0[entry + 16..entry + 23], b"selinux");
    patient.put_u32(entry + 8, 70_000);
    let value = entry + patient.u16(entry + 2);
    let tree = patient.read();
    let left = inode + 256 - value;
    let error = Error::truncated("attribute value", value as u64, 70_000, left as u64);
    assert_eq!(tree.problems, [problem("build.prop", error)]);
    assert_eq!(contents(&tree, "build.prop").map(|bytes| bytes.len()), Ok(1460));
}

#[test]
fn a_file_behind_the_end_of_the_image_names_the_first_lost_byte() {
    let mut patient = Patient::new("aosp");
    let inode = patient.inode_of("large.txt");
    // One extent: the image ends within it.
    assert_eq!(patient.u16(inode + 42), 1);
    let start = patient.u32(inode + 40 + 12 + 8) * 4096;
    let (size, cut) = (patient.u32(inode + 4), start + 100_000);
    patient.0.truncate(cut);
    let tree = patient.read();
    let error = Error::truncated("file data", cut as u64, (size - 100_000) as u64, 0);
    assert!(tree.problems.contains(&problem("etc/large.txt", error)), "{:?}", tree.problems);
    assert_eq!(contents(&tree, "etc/large.txt"), Err(error));
    let entry = tree.entries.iter().find(|entry| entry.path == b"etc/large.txt").unwrap();
    let EntryKind::File(source) = &entry.kind else { panic!("a file") };
    assert_eq!(source.len(), size as u64);
    assert!(source.array::<4096>(100_000 - 4096, "before the cut").is_ok());
}

#[test]
fn a_budget_that_runs_out_is_reported() {
    let limits = Limits { nodes: 60, ..Limits::FIRMWARE };
    let tree = Patient::new("aosp").read_within(limits).unwrap();
    assert!(!tree.entries.is_empty() && tree.entries.len() < 60);
    assert!(tree.problems.iter().any(|problem| problem.error.kind == Kind::Limit(Limit::Nodes)));
}

/// An ext2 image without features in which every folder holds one folder with a name of 255 bytes.
fn chain_of_folders(count: usize) -> Patient {
    const FIRST_DATA: usize = 2048;
    let mut image = Patient(vec![0; (FIRST_DATA + count + 1) * 1024]);
    image.put_u32(1024, count + 20);
    image.put_u32(1024 + 0x28, count + 20);
    image.put_u32(1024 + 0x38, 0xEF53);
    image.put_u32(2048 + 8, 3);
    for index in 0..=count {
        let number = if index == 0 { 2 } else { index + 11 };
        let (inode, block) = (3 * 1024 + (number - 1) * 128, FIRST_DATA + index);
        image.put_u32(inode, 0o040_755);
        image.put_u32(inode + 4, 1024);
        image.put_u32(inode + 40, block);
        image.put_u32(block * 1024, if index == count { 0 } else { index + 12 });
        image.put_u32(block * 1024 + 4, 1024 | 255 << 16);
        image.0[block * 1024 + 8..block * 1024 + 263].fill(b'n');
    }
    image
}

#[test]
fn a_chain_of_folders_ends_at_the_longest_path_a_kernel_takes() {
    assert_eq!(chain_of_folders(15).read().problems, []);
    let tree = chain_of_folders(10_000).read();
    let [Problem { path, error }] = tree.problems.as_slice() else { panic!("{}", tree.problems.len()) };
    assert_eq!((path.len(), error.kind), (4095 + 256, Kind::Limit(Limit::Depth)));
    assert_eq!(tree.entries.len(), 17);
}

#[test]
fn a_link_target_longer_than_a_block_is_corrupt() {
    let mut patient = Patient::new("aosp");
    let inode = patient.inode_of("link_300");
    patient.put_u32(inode + 4, 4097);
    let tree = patient.read();
    assert_eq!(tree.problems, [problem("bin/link_300", Error::corrupt("i_size_lo", inode as u64 + 4))]);
    let entry = tree.entries.iter().find(|entry| entry.path == b"bin/link_300").unwrap();
    assert!(matches!(&entry.kind, EntryKind::Symlink(target) if target.is_empty()));
}

#[test]
fn upper_halves_of_block_numbers_count() {
    let mut patient = Patient::new("modern");
    let at = patient.descriptor(0);
    let table = patient.u32(at + 8) as u64;
    patient.put_u32(at + 0x28, 1);
    let error = Error::truncated("inode", ((1 << 32) + table) * 4096 + 256, 256, 0);
    assert_eq!(patient.read().problems, [problem("", error)]);

    let mut patient = Patient::new("aosp");
    let inode = patient.inode_of("tiny.txt");
    patient.0[inode + 118] = 1;
    let error = Error::truncated("attribute block", (1 << 32) * 4096, 4096, 0);
    assert_eq!(patient.read().problems, [problem("etc/tiny.txt", error)]);
}

#[test]
fn a_label_in_an_inode_that_is_none_for_values_is_told_and_the_file_is_read() {
    let mut patient = Patient::new("ea_inode");
    let named_at = (patient.inode_of("large_label.txt")..).step_by(4);
    // The entry names inode 14, which holds nothing but the label.
    let named_at = named_at.take(64).find(|&at| patient.u32(at) == 14 && patient.u32(at + 4) == 1024).unwrap();
    let corrupt = || problem("large_label.txt", Error::corrupt("e_value_inum", named_at as u64));
    // A file of somebody else, the value's flag off, another length, an inode that cannot be.
    for change in [
        |patient: &mut Patient, at: usize| patient.put_u32(at, 12),
        |patient: &mut Patient, _| {
            let flags = patient.inode(14) + 34;
            patient.0[flags] = 0x8;
        },
        |patient: &mut Patient, at: usize| patient.put_u32(at + 4, 1023),
    ] {
        let mut patient = Patient(patient.0.clone());
        change(&mut patient, named_at);
        let tree = patient.read();
        assert_eq!(tree.problems, [corrupt()]);
        assert!(
            tree.entries
                .iter()
                .all(|entry| entry.path != b"large_label.txt" || entry.attributes.selinux_label.is_none())
        );
        assert!(lost("ea_inode", &tree).is_empty());
    }
    patient.put_u32(named_at, 0x7fff_ffff);
    assert_eq!(patient.read().problems, [problem("large_label.txt", Error::corrupt("inode number", named_at as u64))]);
}
