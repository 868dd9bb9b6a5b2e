//! Images that lie in one known place, of every file system but ext4, which has tests of its own: the problem must name the
//! right path and field, and everything else must stay as it was.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Kind, Limits};
use filesystems::{EntryKind, FORMATS, Tree};

/// An image under the knife.
struct Patient {
    format: &'static filesystems::Format,
    bytes: Vec<u8>,
}

impl Patient {
    fn new(case: &str) -> Self {
        let name = case.split('/').next().unwrap();
        let format = FORMATS.iter().copied().find(|format| format.name == name).unwrap();
        Self { format, bytes: common::image(case) }
    }

    fn u16(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes(self.bytes[at..at + 2].try_into().unwrap()))
    }

    fn u32(&self, at: usize) -> usize {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap()) as usize
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        self.bytes[at..at + value.len()].copy_from_slice(value);
    }

    fn find(&self, needle: &[u8]) -> usize {
        self.bytes.windows(needle.len()).position(|window| window == needle).unwrap()
    }

    fn read_within(&self, limits: Limits) -> bytes::Result<Tree> {
        (self.format.read)(&ByteSource::from_bytes(self.bytes.clone()), &Budget::new(limits))
    }

    fn read(&self) -> Tree {
        self.read_within(Limits::FIRMWARE).unwrap()
    }

    fn refused(&self) -> (Kind, &'static str) {
        let error = self.read_within(Limits::FIRMWARE).unwrap_err();
        (error.kind, error.what)
    }
}

/// Path and field of every problem.
fn told(tree: &Tree) -> Vec<(String, &'static str)> {
    let path = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    tree.problems.iter().map(|problem| (path(&problem.path), problem.error.what)).collect()
}

fn expected(lines: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    lines.iter().map(|(path, what)| ((*path).to_owned(), *what)).collect()
}

/// What each path is, and its contents if they can be read.
fn contents(tree: &Tree) -> BTreeMap<String, Option<Vec<u8>>> {
    let content = |kind: &EntryKind| match kind {
        EntryKind::File(source) if source.len() > 4 << 20 => None,
        EntryKind::File(source) => source.to_vec(&Budget::new(Limits::FILE), "file").ok(),
        EntryKind::Symlink(target) => Some(target.clone()),
        EntryKind::Directory | EntryKind::Special => Some(Vec::new()),
    };
    let path = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    tree.entries.iter().map(|entry| (path(&entry.path), content(&entry.kind))).collect()
}

/// Everything outside of `paths` reads as in the healthy image.
fn unharmed(case: &str, tree: &Tree, paths: &[&str]) {
    let (healthy, sick) = (contents(&Patient::new(case).read()), contents(tree));
    let harmed = |path: &str| paths.iter().any(|harmed| path == *harmed || path.starts_with(&format!("{harmed}/")));
    for (path, content) in healthy.iter().filter(|(path, _)| !harmed(path)) {
        assert!(sick.get(path) == Some(content), "{case}: {path}");
    }
}

/// What the folders in a circle hold is listed in one place, and told in the other.
fn is_told_as_circle(problems: &[(String, &'static str)]) {
    let is_in_circle = |path: &str| path.starts_with("folders/");
    assert!(problems.iter().any(|(path, _)| path == "folders/a/b/c/d/e/a"), "{problems:?}");
    assert!(problems.iter().all(|(path, what)| is_in_circle(path) && *what == "folder reached twice"), "{problems:?}");
}

// --- EROFS.

/// Byte offset of the inode of the file `name` in an EROFS image.
fn erofs_inode(patient: &Patient, name: &str) -> usize {
    let metadata = patient.u32(1024 + 0x28) << patient.bytes[1024 + 12];
    let len = patient.bytes.len();
    let places = (0..len - name.len()).filter(|&at| patient.bytes[at..].starts_with(name.as_bytes()));
    for place in places {
        // A block of a folder may start anywhere before: entries of 12 bytes, then the names.
        for start in (place.saturating_sub(4096)..place).rev().filter(|start| start % 4 == 0) {
            let table = patient.u16(start + 8);
            if table == 0 || !table.is_multiple_of(12) || start + table > place {
                continue;
            }
            for entry in (start..start + table).step_by(12) {
                let inode = metadata + 32 * patient.u32(entry);
                let is_it = patient.u16(entry + 8) == place - start && patient.u16(entry + 10) == 1;
                if is_it && inode + 64 < len && patient.u16(inode + 4) >> 12 == 8 {
                    return inode;
                }
            }
        }
    }
    panic!("no {name}");
}

#[test]
fn an_erofs_file_longer_than_its_clusters_is_told() {
    let case = "erofs/lz4";
    let mut patient = Patient::new(case);
    let inode = erofs_inode(&patient, "large.txt");
    let (size, is_extended) = (patient.u32(inode + 8), patient.bytes[inode] & 1 != 0);
    assert_eq!(size, 400_000, "{is_extended}");
    patient.put(inode + 8, &0x7fff_0000_u32.to_le_bytes());
    let tree = patient.read();
    let problems = told(&tree);
    assert!(matches!(&problems[..], [(path, _)] if path == "etc/large.txt"), "{problems:?}");
    unharmed(case, &tree, &["etc/large.txt"]);
}

#[test]
fn an_erofs_compressor_that_the_image_does_not_know_is_told() {
    let case = "erofs/lz4";
    let mut patient = Patient::new(case);
    let inode = erofs_inode(&patient, "large.txt");
    let len = if patient.bytes[inode] & 1 != 0 { 64 } else { 32 };
    let slots = patient.u16(inode + 2);
    let attributes = if slots == 0 { 0 } else { 12 + 4 * (slots - 1) };
    let settings = (inode + len + attributes).next_multiple_of(8);
    assert_eq!(patient.bytes[settings + 6], 0, "LZ4");
    patient.bytes[settings + 6] = 2;
    let tree = patient.read();
    assert_eq!(told(&tree), expected(&[("etc/large.txt", "h_algorithmtype")]));
    unharmed(case, &tree, &["etc/large.txt"]);
}

#[test]
fn erofs_images_with_features_that_are_not_known_are_refused_with_their_bits() {
    let mut patient = Patient::new("erofs/plain");
    let features = patient.u32(1024 + 0x50) as u32 | 0x4000_0000;
    patient.put(1024 + 0x50, &features.to_le_bytes());
    assert_eq!(patient.refused(), (Kind::Unsupported(0x4000_0000), "feature_incompat"));
    for (bit, name) in [
        (0x80, "feature 48bit, block addresses of 48 bits"),
        (0x100, "feature metabox, metadata in an inode of its own"),
    ] {
        let features = patient.u32(1024 + 0x50) as u32 & !0x4000_0000 | bit;
        patient.put(1024 + 0x50, &features.to_le_bytes());
        assert_eq!(patient.refused(), (Kind::Unsupported(bit.into()), name));
        patient.put(1024 + 0x50, &(features & !bit).to_le_bytes());
    }
    let mut patient = Patient::new("erofs/plain");
    patient.bytes[1024 + 12] = 40;
    assert_eq!(patient.refused(), (Kind::Corrupt, "blkszbits"));
}

#[test]
fn erofs_contents_on_further_devices_are_named_and_the_others_are_read() {
    let case = "erofs/chunked";
    let mut patient = Patient::new(case);
    let features = patient.u32(1024 + 0x50) as u32 | 8;
    patient.put(1024 + 0x50, &features.to_le_bytes());
    patient.put(1024 + 0x56, &1_u16.to_le_bytes());
    let inode = erofs_inode(&patient, "tiny.txt");
    let len = if patient.bytes[inode] & 1 != 0 { 64 } else { 32 };
    let slots = patient.u16(inode + 2);
    let table = inode + len + if slots == 0 { 0 } else { 12 + 4 * (slots - 1) };
    let (block, entry) = (patient.u32(table) as u32, table.next_multiple_of(8));
    // One chunk, with the device in front of its block.
    assert_eq!((patient.u16(inode) >> 1 & 7, patient.u32(inode + 16)), (4, 0));
    patient.put(inode + 16, &0x20_u32.to_le_bytes());
    patient.put(entry, &[0, 0, 1, 0]);
    patient.put(entry + 4, &block.to_le_bytes());
    let tree = patient.read();
    let told = told(&tree);
    let named = [("", "further devices with contents"), ("etc/tiny.txt", "contents on a further device")];
    assert_eq!(told, expected(&named));
    unharmed(case, &tree, &["etc/tiny.txt"]);
    // With no device named it is a chunk as any other.
    patient.put(entry + 2, &[0, 0]);
    unharmed(case, &patient.read(), &[]);
}

#[test]
fn an_erofs_root_that_is_no_folder_is_told() {
    let mut patient = Patient::new("erofs/plain");
    let file = erofs_inode(&patient, "build.prop");
    let block = 1 << patient.bytes[1024 + 12];
    let number = (file - patient.u32(1024 + 0x28) * block) / 32;
    patient.put(1024 + 14, &(number as u16).to_le_bytes());
    assert_eq!(told(&patient.read()), expected(&[("", "root folder")]));
}

// --- squashfs.

#[test]
fn squashfs_tables_that_are_not_there_are_told_once() {
    let case = "squashfs/gzip";
    for (at, what) in [(48, "table pointer"), (56, "attribute table")] {
        let mut patient = Patient::new(case);
        patient.put(at, &0x7fff_ffff_ffff_u64.to_le_bytes());
        let tree = patient.read();
        assert_eq!(told(&tree), expected(&[("", what)]));
        unharmed(case, &tree, &[]);
    }
    // Without the table of fragments the ends of files are lost, and nothing else.
    let mut patient = Patient::new(case);
    patient.put(80, &0x7fff_ffff_ffff_u64.to_le_bytes());
    let tree = patient.read();
    assert!(!tree.problems.is_empty() && told(&tree).iter().all(|(_, what)| *what == "table pointer"));
    let lost: Vec<String> = told(&tree).into_iter().map(|(path, _)| path).collect();
    unharmed(case, &tree, &lost.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn squashfs_counts_and_lengths_that_lie_are_refused() {
    for (at, value, what) in [(12, 4097_u32, "block_size"), (20, 9, "compression"), (28, 3, "s_major")] {
        let mut patient = Patient::new("squashfs/gzip");
        patient.put(at, &value.to_le_bytes()[..if at == 12 { 4 } else { 2 }]);
        assert_eq!(patient.refused().1, what);
    }
    // No fragments, though files have some.
    let mut patient = Patient::new("squashfs/gzip");
    patient.put(16, &0_u32.to_le_bytes());
    assert!(told(&patient.read()).iter().all(|(path, what)| *what == "fragment" && !path.is_empty()));
}

#[test]
fn a_squashfs_root_outside_of_its_table_is_told() {
    let mut patient = Patient::new("squashfs/plain");
    patient.put(32, &0x1234_5678_u64.to_le_bytes());
    let problems = told(&patient.read());
    assert!(matches!(&problems[..], [(path, "inode")] if path.is_empty()), "{problems:?}");
}

// --- F2FS.

/// Byte offset of the inode of the file whose name stands in it.
fn f2fs_inode(patient: &Patient, name: &str) -> usize {
    // `i_namelen` at 88 and `i_name` at 92 of a block.
    let is_it =
        |at: &usize| patient.u32(at + 88) == name.len() && patient.bytes[at + 92..].starts_with(name.as_bytes());
    (0..patient.bytes.len()).step_by(4096).rfind(is_it).unwrap()
}

#[test]
fn f2fs_checkpoints_are_taken_if_they_are_whole() {
    let case = "f2fs/plain";
    let start = Patient::new(case).u32(1024 + 76) * 4096;
    let version = |patient: &Patient, pack: usize| patient.u32(start + pack * 512 * 4096);
    let patient = Patient::new(case);
    let newer = usize::from(version(&patient, 1) > version(&patient, 0));
    // Both damaged: nothing can be found.
    let mut both = Patient::new(case);
    for pack in 0..2 {
        both.put(start + pack * 512 * 4096 + 136, &0xffff_ffff_u32.to_le_bytes());
    }
    assert_eq!(both.refused(), (Kind::Corrupt, "cp_pack_total_block_count"));
    // The newer one: the older one is taken, if it was ever written.
    let mut one = Patient::new(case);
    one.put(start + newer * 512 * 4096 + 136, &0xffff_ffff_u32.to_le_bytes());
    assert!(one.read_within(Limits::FIRMWARE).is_ok() || version(&patient, 1 - newer) == 0);
}

#[test]
fn an_f2fs_file_whose_node_is_another_one_is_told() {
    let case = "f2fs/plain";
    let mut patient = Patient::new(case);
    let inode = f2fs_inode(&patient, "large.txt");
    patient.put(inode + 4096 - 24, &0xdead_u32.to_le_bytes());
    let tree = patient.read();
    assert_eq!(told(&tree), expected(&[("etc/large.txt", "node footer")]));
    unharmed(case, &tree, &["etc/large.txt"]);
}

#[test]
fn f2fs_contents_outside_of_the_image_are_told() {
    let case = "f2fs/plain";
    let mut patient = Patient::new(case);
    let inode = f2fs_inode(&patient, "large.txt");
    let extra = if patient.bytes[inode + 3] & 0x20 != 0 { patient.u16(inode + 360) } else { 0 };
    patient.put(inode + 360 + extra + 8, &0x00ff_ffff_u32.to_le_bytes());
    let tree = patient.read();
    assert_eq!(told(&tree), expected(&[("etc/large.txt", "file data")]));
    unharmed(case, &tree, &["etc/large.txt"]);
    let entry = tree.entries.iter().find(|entry| entry.path == b"etc/large.txt").unwrap();
    let EntryKind::File(source) = &entry.kind else { panic!("a file") };
    // The third block is lost, those around it are not.
    assert!(source.array::<8192>(0, "x").is_ok() && source.array::<4096>(3 * 4096, "x").is_ok());
    assert!(source.array::<1>(2 * 4096, "x").is_err());
}

#[test]
fn an_f2fs_cluster_that_claims_more_than_it_has_is_told() {
    let case = "f2fs/lz4";
    let mut patient = Patient::new(case);
    let inode = f2fs_inode(&patient, "large.txt");
    let extra = patient.u16(inode + 360);
    let first = inode + 360 + extra;
    assert_eq!(patient.u32(first), 0xffff_fffe, "a packed cluster");
    let block = patient.u32(first + 4) * 4096;
    patient.put(block, &0x0fff_ffff_u32.to_le_bytes());
    let tree = patient.read();
    assert_eq!(told(&tree), expected(&[("etc/large.txt", "clen")]));
    unharmed(case, &tree, &["etc/large.txt"]);
}

// --- romfs.

#[test]
fn a_romfs_chain_that_comes_back_ends_and_the_rest_is_read() {
    let case = "romfs/plain";
    let mut patient = Patient::new(case);
    // The header of a file: what is next and its type, then its length and checksum, then its name.
    let header = patient.find(b"setuid\0") - 16;
    let kind = patient.bytes[header + 3] & 15;
    let back = u32::try_from(header).unwrap() | u32::from(kind);
    patient.put(header, &back.to_be_bytes());
    let tree = patient.read();
    assert_eq!(told(&tree), expected(&[("bin", "next filehdr")]));
    unharmed(case, &tree, &["bin"]);
}

#[test]
fn a_romfs_folder_in_itself_and_a_link_to_a_link_are_told() {
    let case = "romfs/plain";
    let mut patient = Patient::new(case);
    let (inner, outer) = (patient.find(b"e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") - 16, patient.find(b"folders\0") - 16);
    let first: [u8; 4] = patient.bytes[outer + 4..outer + 8].try_into().unwrap();
    patient.put(inner + 4, &first);
    let problems = told(&patient.read());
    is_told_as_circle(&problems);

    let mut patient = Patient::new(case);
    let link = patient.find(b"hard_link\0").min(patient.find(b"toybox\0")) - 16;
    let link = if patient.bytes[link + 3] & 7 == 0 {
        link
    } else {
        patient.find(b"hard_link\0").max(patient.find(b"toybox\0")) - 16
    };
    assert_eq!(patient.bytes[link + 3] & 7, 0, "a hard link");
    patient.put(link + 4, &u32::try_from(link).unwrap().to_be_bytes());
    let problems = told(&patient.read());
    assert!(matches!(&problems[..], [(path, "hard link")] if path.starts_with("bin/")), "{problems:?}");
}

#[test]
fn a_romfs_beginning_that_was_changed_is_told() {
    let mut patient = Patient::new("romfs/plain");
    patient.bytes[16] ^= 1;
    assert_eq!(told(&patient.read()), expected(&[("", "checksum")]));
}

// --- cramfs.

/// Byte offset of the cramfs inode of the file `name`.
fn cramfs_inode(patient: &Patient, name: &str) -> usize {
    let words = name.len().div_ceil(4);
    let is_it =
        |at: &usize| patient.bytes[at + 12..].starts_with(name.as_bytes()) && patient.u32(at + 8) & 0x3f == words;
    (0..patient.bytes.len() - 12 - name.len()).step_by(4).find(is_it).unwrap()
}

#[test]
fn cramfs_blocks_that_end_before_they_start_are_told() {
    let case = "cramfs/plain";
    let mut patient = Patient::new(case);
    let data = (patient.u32(cramfs_inode(&patient, "large.txt") + 8) >> 6) * 4;
    patient.put(data + 8, &0_u32.to_le_bytes());
    let tree = patient.read();
    // The tool stores equal contents once.
    let paths = ["etc/large.txt", "etc/large_copy.txt"];
    assert_eq!(told(&tree), expected(&paths.map(|path| (path, "block pointer"))));
    unharmed(case, &tree, &paths);
    let entry = tree.entries.iter().find(|entry| entry.path == b"etc/large.txt").unwrap();
    let EntryKind::File(source) = &entry.kind else { panic!("a file") };
    assert!(source.array::<8192>(0, "x").is_ok());
    assert!(source.array::<1>(2 * 4096, "x").is_err());
}

#[test]
fn a_cramfs_folder_in_itself_is_listed_once() {
    let case = "cramfs/plain";
    let mut patient = Patient::new(case);
    let (inner, outer) = (cramfs_inode(&patient, "e\0"), cramfs_inode(&patient, "folders"));
    let place = patient.u32(outer + 8) >> 6 << 6;
    let word = u32::try_from(place | patient.u32(inner + 8) & 0x3f).unwrap();
    patient.put(inner + 8, &word.to_le_bytes());
    let len: [u8; 3] = patient.bytes[outer + 4..outer + 7].try_into().unwrap();
    patient.put(inner + 4, &len);
    let problems = told(&patient.read());
    is_told_as_circle(&problems);
}

#[test]
fn cramfs_images_that_are_read_in_another_way_are_refused() {
    let mut patient = Patient::new("cramfs/plain");
    let flags = patient.u32(8) as u32 | 0x800;
    patient.put(8, &flags.to_le_bytes());
    assert_eq!(patient.refused(), (Kind::Unsupported(0x800), "flags"));
    let mut patient = Patient::new("cramfs/plain");
    patient.bytes[..4].reverse();
    assert_eq!(patient.refused().1, "magic");
}

// --- FAT.

/// Byte offset of the short entry of the file whose long name begins with `name`, and its first cluster.
fn fat_entry(patient: &Patient, short: &[u8; 11]) -> (usize, usize) {
    let at = patient.find(short);
    (at, patient.u16(at + 26))
}

#[test]
fn a_fat_chain_that_comes_back_or_leads_nowhere_is_told() {
    let case = "fat/sixteen";
    let table = |patient: &Patient| patient.u16(14) * patient.u16(11);
    let healthy = Patient::new(case);
    let (_, first) = fat_entry(&healthy, b"LARGE   TXT");
    for (value, path) in [(0_u16, "etc/large.txt"), (0xfff7, "etc/large.txt"), (0xffff, "etc/large.txt")] {
        let mut patient = Patient::new(case);
        let at = table(&patient) + 2 * (first + 4);
        patient.put(at, &value.to_le_bytes());
        let tree = patient.read();
        assert_eq!(told(&tree), expected(&[(path, "cluster of a chain")]), "{value:#x}");
        unharmed(case, &tree, &[path]);
    }
    // A folder whose chain is a circle.
    let (_, folder) = fat_entry(&healthy, b"MANY       ");
    let mut patient = Patient::new(case);
    let at = table(&patient) + 2 * folder;
    patient.put(at, &u16::try_from(folder).unwrap().to_le_bytes());
    let problems = told(&patient.read_within(Limits { nodes: 100_000, ..Limits::FIRMWARE }).unwrap());
    assert!(problems.iter().any(|(path, _)| path == "folders/many"), "{problems:?}");
}

#[test]
fn a_fat_folder_in_itself_is_listed_once() {
    let mut patient = Patient::new("fat/twelve");
    let (inner, _) = fat_entry(&patient, b"E          ");
    let (_, above) = fat_entry(&patient, b"FOLDERS    ");
    patient.put(inner + 26, &u16::try_from(above).unwrap().to_le_bytes());
    let problems = told(&patient.read());
    is_told_as_circle(&problems);
}

#[test]
fn boot_sectors_that_make_no_sense_are_no_fat() {
    for (at, value) in [(11, 3), (13, 3), (14, 0), (16, 0), (21, 1), (22, 1), (510, 0)] {
        let mut patient = Patient::new("fat/sixteen");
        patient.put(at, &[value, 0][..if matches!(at, 11 | 14 | 22) { 2 } else { 1 }]);
        assert!(!(patient.format.probe)(&ByteSource::from_bytes(patient.bytes.clone())), "{at}");
    }
}
