//! Split and broken Android sparse images.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test fails loudly")]

mod common;

use std::fs;

use bytes::{Budget, ByteSource, Kind, Limits};
use containers::android_sparse::{FORMAT, merge};
use sha2::{Digest, Sha256};

fn budget() -> Budget {
    Budget::new(Limits::FILE)
}

fn chunks() -> Vec<ByteSource> {
    (0..3).map(|number| common::load("android_sparse", &format!("system.img_sparsechunk.{number}"))).collect()
}

fn read(source: &ByteSource) -> Vec<u8> {
    source.to_vec(&budget(), "disk").unwrap()
}

#[test]
fn chunks_merge_to_the_disk_that_simg2img_writes_in_any_order() {
    let listing = fs::read_to_string(common::fixtures().join("android_sparse/merged.list")).unwrap();
    let mut sources = chunks();
    for _ in 0..3 {
        let opened = merge(&sources, &budget()).unwrap();
        assert!(opened.problems.is_empty());
        let bytes = read(&opened.children[0].source);
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(format!("{digest} {} - \n", bytes.len()), listing);
        sources.rotate_left(1);
    }
}

/// A sparse image of blocks of four bytes.
fn image(blocks: u32, chunks: &[(u16, u32, &[u8])]) -> ByteSource {
    let mut bytes = Vec::new();
    bytes.extend(0xed26_ff3a_u32.to_le_bytes());
    for field in [1_u16, 0, 28, 12] {
        bytes.extend(field.to_le_bytes());
    }
    for field in [4, blocks, chunks.len() as u32, 0] {
        bytes.extend(field.to_le_bytes());
    }
    for (kind, count, data) in chunks {
        bytes.extend(kind.to_le_bytes());
        bytes.extend([0; 2]);
        bytes.extend(count.to_le_bytes());
        bytes.extend((12 + data.len() as u32).to_le_bytes());
        bytes.extend(*data);
    }
    ByteSource::from_bytes(bytes)
}

const RAW: u16 = 0xcac1;
const FILL: u16 = 0xcac2;
const SKIP: u16 = 0xcac3;

#[test]
fn where_two_images_hold_the_same_blocks_the_later_one_is_read() {
    let first = image(6, &[(RAW, 5, b"aaaabbbbccccddddeeee"), (SKIP, 1, b"")]);
    let second = image(6, &[(SKIP, 1, b""), (RAW, 1, b"XXXX"), (SKIP, 1, b""), (FILL, 1, b"fill"), (SKIP, 2, b"")]);
    let opened = merge(&[first.clone(), second.clone()], &budget()).unwrap();
    assert_eq!(read(&opened.children[0].source), b"aaaaXXXXccccfilleeee\0\0\0\0");
    let opened = merge(&[second, first], &budget()).unwrap();
    assert_eq!(read(&opened.children[0].source), b"aaaabbbbccccddddeeee\0\0\0\0");
}

#[test]
fn a_cut_image_keeps_what_is_there_and_the_rest_is_missing_not_empty() {
    let whole = image(4, &[(FILL, 1, b"fill"), (RAW, 3, b"aaaabbbbcccc")]);
    let cut = whole.slice(0, whole.len() - 6, "cut").unwrap();
    let opened = (FORMAT.open)(&cut, &budget()).unwrap();
    let error = opened.problems[0].error;
    assert!(matches!(error.kind, Kind::Truncated { needed: 12, available: 6 }), "{error}");
    let disk = &opened.children[0].source;
    assert_eq!(disk.len(), 16);
    assert_eq!(&disk.array::<10>(0, "x").unwrap(), b"fillaaaabb");
    assert_eq!(disk.array::<1>(10, "x"), Err(error));
}

#[test]
fn an_image_that_describes_less_than_it_announces_is_not_empty_at_its_end() {
    let opened = (FORMAT.open)(&image(9, &[(FILL, 1, b"fill")]), &budget()).unwrap();
    assert_eq!(opened.problems[0].error.what, "total_blks");
    assert!(opened.children[0].source.array::<4>(32, "x").is_err());
}
