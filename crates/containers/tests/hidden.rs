//! What a package must not be able to hide: parts that its tables leave out, ends that are cut where nothing else shows it,
//! and costs that small tables run up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

mod common;

use bytes::{Budget, ByteSource, Error, Kind, Limit, Limits};
use containers::{Format, Opened, super_partition, tar, verified_boot};
use sha2::{Digest, Sha256};

fn bytes_of(format: &str, name: &str) -> Vec<u8> {
    common::load(format, name).to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

fn opened(format: &Format, bytes: Vec<u8>) -> Opened {
    (format.open)(&ByteSource::from_bytes(bytes), &common::budget(Limits::FILE)).unwrap()
}

fn errors(opened: &Opened) -> Vec<Error> {
    opened.problems.iter().map(|problem| problem.error).collect()
}

#[test]
fn an_archive_that_was_cut_right_behind_a_member_says_so() {
    let whole = bytes_of("tar", "ustar.tar");
    let count = opened(&tar::FORMAT, whole.clone()).children.len();
    // The last block that says something, and with it every member, stays.
    let end = whole.chunks(512).rposition(|block| block.iter().any(|&byte| byte != 0)).unwrap() + 1;
    let cut = opened(&tar::FORMAT, whole[..end * 512].to_vec());
    assert_eq!(cut.children.len(), count);
    assert_eq!(errors(&cut), [Error::truncated("end of the archive", end as u64 * 512, 512, 0)]);
}

#[test]
fn a_long_name_that_cannot_be_read_leaves_the_members_before_it() {
    let mut bytes = bytes_of("tar", "ustar.tar");
    let before = opened(&tar::FORMAT, bytes.clone()).children.len();
    let end = bytes.chunks(512).rposition(|block| block.iter().any(|&byte| byte != 0)).unwrap() + 1;
    // A GNU long name of more than a megabyte.
    let mut block = [0_u8; 512];
    block[..8].copy_from_slice(b"longlink");
    block[124..135].copy_from_slice(b"00010000000");
    block[156] = b'L';
    block[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum::<u32>() + 8 * 32;
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block[155] = b' ';
    bytes.truncate(end * 512);
    bytes.extend(block);
    let opened = opened(&tar::FORMAT, bytes);
    assert_eq!(opened.children.len(), before);
    assert_eq!(errors(&opened)[0].kind, Kind::Limit(Limit::UnpackedBytes));
}

/// A gzip member that stores `bytes` as they are.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    packed.extend(len.to_le_bytes());
    packed.extend((!len).to_le_bytes());
    packed.extend(bytes);
    packed.extend(codecs::crc32(bytes).to_le_bytes());
    packed.extend(u32::from(len).to_le_bytes());
    packed
}

#[test]
fn what_follows_a_ramdisk_is_read_or_told() {
    let format = &containers::cpio::FORMAT;
    let ramdisk = bytes_of("cpio", "ramdisk.cpio");
    let alone = opened(format, ramdisk.clone());
    let last = alone.children.last().unwrap().name.clone();
    // As the kernel takes it: zeros, then another archive, packed or not.
    let packed = opened(format, [&ramdisk[..], &[0; 70_000], &gzip(&ramdisk)].concat());
    assert!(packed.problems.is_empty(), "{:?}", packed.problems);
    assert_eq!(packed.children.len(), 2 * alone.children.len());
    assert_eq!(packed.children.last().unwrap().name, last);
    let junk = opened(format, [&ramdisk[..], b"hidden"].concat());
    let told = Error::corrupt("what follows a cpio archive", ramdisk.len() as u64);
    assert_eq!((junk.children.len(), errors(&junk)), (alone.children.len(), vec![told]));
    // An archive in an archive in an archive, deeper than kernels are given.
    let empty = format!("070701{}{:08x}{:08x}TRAILER!!!\0\0\0\0", "00000000".repeat(11), 11, 0);
    let mut deep = ramdisk.clone();
    for _ in 0..20 {
        deep = [empty.as_bytes(), &gzip(&deep)].concat();
    }
    let deep = opened(format, deep);
    assert_eq!(errors(&deep).last().map(|error| error.kind), Some(Kind::Limit(Limit::Depth)));
}

#[test]
fn a_chunk_that_is_not_there_is_told_of_its_partition() {
    let bytes = bytes_of("dz", "zlib.dz");
    let whole = opened(&containers::dz::FORMAT, bytes.clone());
    let cut = opened(&containers::dz::FORMAT, bytes[..bytes.len() - 8].to_vec());
    assert!(whole.problems.is_empty());
    assert_eq!(cut.children.len(), whole.children.len());
    assert!(matches!(errors(&cut)[..], [Error { kind: Kind::Truncated { .. }, what: "packed length", .. }]), "{cut:?}");
    assert_eq!(cut.problems[0].name, b"system.img");
}

#[test]
fn a_description_that_breaks_off_is_told_and_the_files_before_stand() {
    let bytes = bytes_of("ofp", "small-pages.ofp");
    let footer = bytes.len() - 512;
    let field = |at: usize| u32::from_le_bytes(bytes[footer + at..footer + at + 4].try_into().unwrap()) as usize;
    let (start, len) = (field(0x14) * 512, field(0x18));
    let whole = opened(&containers::ofp::FORMAT, bytes.clone());
    let mut broken = bytes.clone();
    broken[start + len * 2 / 3..start + len * 2 / 3 + 32].fill(0xaa);
    let broken = opened(&containers::ofp::FORMAT, broken);
    assert!(whole.problems.is_empty() && broken.children.len() < whole.children.len());
    assert!(errors(&broken).iter().any(|error| error.what == "description"), "{broken:?}");
}

#[test]
fn an_encrypted_update_that_is_cut_is_told() {
    let bytes = bytes_of("ozip", "update.ozip");
    let cut = opened(&containers::ozip::FORMAT, bytes[..bytes.len() - 600].to_vec());
    assert!(matches!(errors(&cut)[..], [Error { kind: Kind::Truncated { .. }, what: "length", .. }]), "{cut:?}");
}

#[test]
fn ramdisks_that_the_table_of_a_vendor_image_leaves_out_are_told() {
    let mut bytes = bytes_of("vendor_boot_image", "version-4.img");
    // One entry of two.
    bytes[2116..2120].copy_from_slice(&1_u32.to_le_bytes());
    let one = opened(&containers::boot_image::VENDOR_FORMAT, bytes.clone());
    assert_eq!(errors(&one), [Error::corrupt("ramdisk that no entry of the table names", 4096)]);
    // More entries than the table has room for.
    bytes[2116..2120].copy_from_slice(&3_u32.to_le_bytes());
    let source = ByteSource::from_bytes(bytes);
    let error = (containers::boot_image::VENDOR_FORMAT.open)(&source, &Budget::new(Limits::FILE)).unwrap_err();
    assert_eq!((error.kind, error.what), (Kind::Truncated { needed: 324, available: 216 }, "vendor_ramdisk_table"));
}

#[test]
fn entries_behind_more_zeros_than_usual_are_found() {
    let bytes = bytes_of("update_app", "UPDATE.APP");
    let format = &containers::update_app::FORMAT;
    let count = opened(format, bytes.clone()).children.len();
    let twice = opened(format, [&bytes[..], &[0; 5000], &bytes[92..]].concat());
    assert_eq!((twice.children.len(), errors(&twice)), (2 * count, vec![]));
    let noise = opened(format, [&bytes[..], &[0; 5000], &[7; 200]].concat());
    assert_eq!(errors(&noise), [Error::corrupt("magic of an entry", bytes.len() as u64 + 5000)]);
}

#[test]
fn a_footer_cannot_cut_off_the_image_it_stands_behind() {
    let image = bytes_of("avb_footer", "odm.img");
    let footer = image.len() - 64;
    for (at, value) in [(12, 0_u64), (12, u64::MAX), (20, 0)] {
        // A large image, of which the footer says that it is nothing, or that its signature stands in front.
        let mut bytes = vec![1; 8 << 20];
        bytes.extend(&image[footer..]);
        let footer = bytes.len() - 64;
        bytes[footer + 12..footer + 20].copy_from_slice(&(7_u64 << 20).to_be_bytes());
        bytes[footer + 20..footer + 28].copy_from_slice(&(7_u64 << 20).to_be_bytes());
        assert!(opened(&verified_boot::FOOTER_FORMAT, bytes.clone()).problems.is_empty());
        bytes[footer + at..footer + at + 8].copy_from_slice(&value.to_be_bytes());
        let opened = opened(&verified_boot::FOOTER_FORMAT, bytes);
        assert_eq!(errors(&opened)[0].what, "original_image_size", "{at} {value}");
        assert_eq!(opened.children[0].source.len(), 8 << 20);
    }
}

#[test]
fn a_partition_that_a_dump_holds_in_part_is_read_in_part() {
    let bytes = bytes_of("gpt", "disk.img");
    let whole = opened(&containers::gpt::FORMAT, bytes.clone());
    let cut = opened(&containers::gpt::FORMAT, bytes[..51 * 512].to_vec());
    let third = &cut.children[1];
    assert_eq!(cut.problems[0].name, third.name);
    assert_eq!(third.source.array::<512>(0, "x"), whole.children[1].source.array::<512>(0, "x"));
    assert!(third.source.array::<1>(512, "x").is_err());
}

#[test]
fn tables_of_a_disk_that_lead_back_or_nowhere_end_and_the_other_partitions_are_read() {
    let bytes = bytes_of("mbr", "disk.img");
    let read = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        let opened = opened(&containers::mbr::FORMAT, bytes);
        let names = opened.children.iter().map(|child| String::from_utf8_lossy(&child.name).into_owned());
        (names.collect::<Vec<_>>(), errors(&opened).iter().map(|error| error.what).collect::<Vec<_>>())
    };
    let all = ["partition1", "partition2", "partition5", "partition6"];
    assert_eq!(read(&|_| {}), (all.map(str::to_owned).to_vec(), vec![]));
    // The second entry of the first table in the extended partition says where the second table is.
    let link = 24 * 512 + 446 + 16;
    assert!(matches!(bytes[link + 4], 0x05 | 0x0f));
    let (names, told) = read(&|bytes| bytes[link + 8..link + 12].fill(0));
    assert_eq!((names.as_slice(), told.as_slice()), (&all.map(str::to_owned)[..3], &["place of the next table"][..]));
    let (names, told) = read(&|bytes| bytes[link + 8..link + 12].fill(0x11));
    assert_eq!((names.as_slice(), told.as_slice()), (&all.map(str::to_owned)[..3], &["boot signature"][..]));
    // A dump that ends inside of the last partition, and one whose first table overlaps itself.
    let (names, told) = read(&|bytes| bytes.truncate(55 * 512));
    assert_eq!((names.len(), told.as_slice()), (4, &["partition"][..]));
    let mut overlapping = bytes.clone();
    overlapping[446 + 12..446 + 16].copy_from_slice(&100_u32.to_le_bytes());
    assert!(!(containers::mbr::FORMAT.probe)(&ByteSource::from_bytes(overlapping)));
}

/// Metadata of `slots` slots with a partition for each name, each made of all `extents`.
fn metadata(names: &[&str], extents: usize) -> Vec<u8> {
    let mut tables = Vec::new();
    for name in names {
        let mut entry = [0_u8; 52];
        entry[..name.len()].copy_from_slice(name.as_bytes());
        entry[44..48].copy_from_slice(&(extents as u32).to_le_bytes());
        tables.extend(entry);
    }
    let extents_at = tables.len();
    for _ in 0..extents {
        let mut entry = [0_u8; 24];
        entry[0] = 1;
        entry[8] = 1;
        tables.extend(entry);
    }
    let mut header = vec![0_u8; 128];
    header[..4].copy_from_slice(&0x414c_5030_u32.to_le_bytes());
    header[4] = 10;
    header[8] = 128;
    header[44..48].copy_from_slice(&(tables.len() as u32).to_le_bytes());
    header[48..80].copy_from_slice(&Sha256::digest(&tables));
    let end = tables.len();
    for (at, fields) in [(0, names.len(), 52), (extents_at, extents, 24), (end, 0, 48), (end, 0, 64)].iter().enumerate()
    {
        for (index, field) in [fields.0, fields.1, fields.2].into_iter().enumerate() {
            let at = 80 + at * 12 + index * 4;
            header[at..at + 4].copy_from_slice(&(field as u32).to_le_bytes());
        }
    }
    let digest = Sha256::digest(&header);
    header[12..44].copy_from_slice(&digest);
    [header, tables].concat()
}

/// A super partition with these copies of metadata: those of all slots, then their backups.
fn super_image(copies: &[Vec<u8>]) -> ByteSource {
    let copy_len = copies.iter().map(Vec::len).max().unwrap().next_multiple_of(4096);
    let mut geometry = vec![0_u8; 52];
    geometry[..4].copy_from_slice(&0x616c_4467_u32.to_le_bytes());
    geometry[4] = 52;
    geometry[40..44].copy_from_slice(&(copy_len as u32).to_le_bytes());
    geometry[44..48].copy_from_slice(&(copies.len() as u32 / 2).to_le_bytes());
    let digest = Sha256::digest(&geometry);
    geometry[8..40].copy_from_slice(&digest);
    geometry.resize(4096, 0);
    let mut image = [vec![0; 4096], geometry.clone(), geometry].concat();
    for copy in copies {
        let mut copy = copy.clone();
        copy.resize(copy_len, 0);
        image.extend(copy);
    }
    ByteSource::from_bytes(image)
}

#[test]
fn partitions_that_all_name_all_extents_cost_what_they_make() {
    let names: Vec<String> = (0..500).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let copy = metadata(&names, 5000);
    let budget = Budget::new(Limits { nodes: 100_000, ..Limits::FILE });
    let opened = super_partition::open_with(&super_image(&[copy.clone(), copy]), &|_| None, &budget).unwrap();
    assert!(opened.children.len() < 20);
    assert_eq!(opened.problems.last().unwrap().error.kind, Kind::Limit(Limit::Nodes));
}

#[test]
fn the_copy_of_a_slot_comes_before_another_slot() {
    let mut damaged = metadata(&["right"], 1);
    damaged[130] ^= 1;
    let image =
        super_image(&[damaged, metadata(&["other_slot"], 1), metadata(&["right"], 1), metadata(&["other_slot"], 1)]);
    let opened = (super_partition::FORMAT.open)(&image, &Budget::new(Limits::FILE)).unwrap();
    assert_eq!(opened.children[0].name, b"right");
}

#[test]
fn blocks_of_a_frame_that_stays_packed_are_counted() {
    let source = ByteSource::open(&common::fixtures().join("../codecs/sized.lz4")).unwrap();
    let budget = Budget::new(Limits { nodes: 0, ..Limits::FILE });
    let error = (containers::packed::LZ4.open)(&source, &budget).unwrap_err();
    assert_eq!((error.kind, error.what), (Kind::Limit(Limit::Nodes), "lz4 block"));
}
