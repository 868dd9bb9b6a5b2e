//! Streams made by gzip(1) and zlib, and damaged copies of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

use bytes::{Budget, ByteSource, Kind, Limit, Limits};
use codecs::{Codec, PackedMember, Wrapping, crc32, inflate};

/// `printf 'tide tide tide tide\n' | gzip -n9`, and the same with a name, as gzip 1.12 writes them.
const GZIP: &[u8] = include_bytes!("tide.gz");
const NAMED: &[u8] = include_bytes!("named.gz");
const TEXT: &[u8] = b"tide tide tide tide\n";

fn budget() -> Budget {
    Budget::new(Limits::FILE)
}

fn gunzip(bytes: &[u8]) -> bytes::Result<Vec<u8>> {
    inflate(&ByteSource::from_bytes(bytes.to_vec()), Wrapping::Gzip, 1 << 20, &budget())
}

/// The bare stream inside [`GZIP`].
fn raw() -> ByteSource {
    ByteSource::from_bytes(GZIP[10..GZIP.len() - 8].to_vec())
}

#[test]
fn gzip_members_are_read_one_after_the_other_with_names_and_padding() {
    assert_eq!(gunzip(GZIP).unwrap(), TEXT);
    assert_eq!(gunzip(NAMED).unwrap(), TEXT);
    assert_eq!(gunzip(&[GZIP, NAMED, &[0; 20]].concat()).unwrap(), [TEXT, TEXT].concat());
}

#[test]
fn every_changed_byte_of_a_gzip_trailer_and_every_cut_is_an_error() {
    for at in GZIP.len() - 8..GZIP.len() {
        let mut bytes = GZIP.to_vec();
        bytes[at] ^= 0x10;
        assert!(matches!(gunzip(&bytes).unwrap_err().kind, Kind::Checksum | Kind::Corrupt));
    }
    for len in 0..GZIP.len() {
        assert!(matches!(gunzip(&GZIP[..len]).unwrap_err().kind, Kind::Truncated { .. }), "{len}");
    }
}

#[test]
fn output_stops_at_its_bound_and_at_the_budget() {
    let bound = inflate(&raw(), Wrapping::Raw, 19, &budget());
    assert_eq!(bound.unwrap_err().kind, Kind::Limit(Limit::UnpackedBytes));
    let poor = Budget::new(Limits { unpacked_bytes: 19, ..Limits::FILE });
    assert_eq!(inflate(&raw(), Wrapping::Raw, 20, &poor).unwrap_err().kind, Kind::Limit(Limit::UnpackedBytes));
    assert_eq!(inflate(&raw(), Wrapping::Raw, 20, &budget()).unwrap(), TEXT);
}

fn member(unpacked_len: u64, crc32: u32) -> ByteSource {
    let (packed, codec) = (raw(), Codec::Deflate(Wrapping::Raw));
    PackedMember { packed, packed_offset: 1000, codec, unpacked_len, crc32: Some(crc32) }.into_source()
}

#[test]
fn a_member_is_what_it_declares_or_an_error_with_an_offset_of_the_archive() {
    let good = member(20, crc32(TEXT));
    assert_eq!(&good.array::<4>(5, "x").unwrap(), b"tide");
    assert_eq!(good.array::<5>(16, "x").unwrap_err().kind, Kind::Truncated { needed: 5, available: 4 });
    for (len, sum, kind) in [
        (19, crc32(TEXT), Kind::Corrupt),
        (21, crc32(TEXT), Kind::Truncated { needed: 21, available: 20 }),
        (1 << 40, crc32(TEXT), Kind::Truncated { needed: 1 << 40, available: 20 }),
        (20, 0, Kind::Checksum),
    ] {
        let error = member(len, sum).array::<1>(0, "x").unwrap_err();
        assert_eq!(error.kind, kind);
        assert!((1000..1020).contains(&error.offset), "{error}");
    }
}

#[test]
fn a_long_member_is_spooled_and_readable_at_any_offset() {
    // Stored blocks of deflate: a final one of length zero ends the stream.
    let block: Vec<u8> = (0..60_000_u32).map(|at| (at % 251) as u8).collect();
    let blocks = (codecs::MEMORY_LEN_MAX / 60_000 + 2) as usize;
    let mut stream = Vec::new();
    for _ in 0..blocks {
        stream.extend([0, 0x60, 0xea, 0x9f, 0x15]);
        stream.extend(&block);
    }
    stream.extend([1, 0, 0, 0xff, 0xff]);
    let unpacked_len = blocks as u64 * 60_000;
    let packed = ByteSource::from_bytes(stream);
    let source =
        PackedMember { packed, packed_offset: 0, codec: Codec::Deflate(Wrapping::Raw), unpacked_len, crc32: None };
    let source = source.into_source();
    for at in [0, 59_999, 60_000, unpacked_len - 1] {
        assert_eq!(u64::from(source.array::<1>(at, "x").unwrap()[0]), at % 60_000 % 251);
    }
}
