//! Streams packed by the tool of each format (`fixtures/codecs`), and damaged copies of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

use std::{fs, path::Path};

use bytes::{Budget, ByteSource, Kind, Limit, Limits};
use codecs::{Codec, Method, Wrapping, unpack, unpack_block, unpack_seekable};

fn budget() -> Budget {
    Budget::new(Limits::FILE)
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/codecs").join(name);
    ByteSource::open(&path).unwrap().to_vec(&budget(), "fixture").unwrap()
}

fn source(bytes: &[u8]) -> ByteSource {
    ByteSource::from_bytes(bytes.to_vec())
}

fn text() -> Vec<u8> {
    unpack(&source(&fixture("text.gz")), Codec::Deflate(Wrapping::Gzip), 1 << 20, &budget()).unwrap()
}

/// Every fixture, its codec and how often it holds the text.
fn streams() -> Vec<(String, Codec, usize)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/codecs");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut streams = Vec::new();
    for name in names.filter(|name| !name.ends_with(".sh") && name != "zlib" && name != "lzma") {
        let codec = match name.rsplit('.').next().unwrap() {
            "gz" => Codec::Deflate(Wrapping::Gzip),
            "xz" => Codec::Xz,
            "lzma" => Codec::LzmaAlone,
            "bz2" => Codec::Bzip2,
            "zst" => Codec::Zstd,
            "lz4" => Codec::Lz4,
            "br" => Codec::Brotli,
            "lzo" => Codec::Lzop,
            other => unreachable!("no codec for {other}"),
        };
        let count = if name.starts_with("twice") { 2 } else { 1 };
        streams.push((name, codec, count));
    }
    streams.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(streams.len() >= 15, "{streams:?}");
    streams
}

#[test]
fn every_stream_is_recognised_and_unpacks_to_the_text() {
    let text = text();
    for (name, codec, count) in streams() {
        let packed = source(&fixture(&name));
        // Brotli has no mark.
        assert_eq!(Codec::identify(&packed), Some(codec).filter(|codec| *codec != Codec::Brotli), "{name}");
        let unpacked = unpack(&packed, codec, 1 << 20, &budget()).unwrap();
        assert!(unpacked == text.repeat(count), "{name}: {} bytes", unpacked.len());
        let seekable = unpack_seekable(&packed, codec, &budget()).unwrap();
        assert_eq!(seekable.error, None, "{name}");
        assert_eq!(seekable.source.len(), unpacked.len() as u64, "{name}");
        let mut part = [0; 1000];
        seekable.source.read(65_000, &mut part, "part").unwrap();
        assert_eq!(part, text[65_000..66_000], "{name}");
        // Padding behind a stream is no part of it.
        if !matches!(codec, Codec::Brotli) {
            let padded = source(&[fixture(&name), vec![0; 64]].concat());
            assert_eq!(unpack(&padded, codec, 1 << 20, &budget()).unwrap().len(), unpacked.len(), "{name}");
        }
    }
}

#[test]
fn output_stops_at_its_bound_and_at_the_budget() {
    for (name, codec, _) in streams() {
        let packed = source(&fixture(&name));
        let limit = Kind::Limit(Limit::UnpackedBytes);
        assert_eq!(unpack(&packed, codec, 70_000, &budget()).unwrap_err().kind, limit, "{name}");
        let poor = Budget::new(Limits { unpacked_bytes: 70_000, ..Limits::FILE });
        assert_eq!(unpack(&packed, codec, 1 << 20, &poor).unwrap_err().kind, limit, "{name}");
    }
}

#[test]
fn a_cut_stream_is_truncated_and_gives_what_it_had() {
    let text = text();
    for (name, codec, count) in streams() {
        let whole = fixture(&name);
        let end = if count == 2 { whole.len() - whole.len() / 4 } else { whole.len() / 2 };
        let cut = source(&whole[..end]);
        let error = unpack(&cut, codec, 1 << 20, &budget()).unwrap_err();
        assert!(matches!(error.kind, Kind::Truncated { .. }), "{name}: {error}");
        // Some decoders give nothing of a block that they have in part.
        let Ok(seekable) = unpack_seekable(&cut, codec, &budget()) else { continue };
        let mut part = vec![0; 4096.min(usize::try_from(seekable.source.len()).unwrap())];
        seekable.source.read(0, &mut part, "part").unwrap();
        assert_eq!(part, text[..part.len()], "{name}");
        assert!(matches!(seekable.error, Some(error) if matches!(error.kind, Kind::Truncated { .. })), "{name}");
    }
}

/// A xorshift generator: the same sequence in every run of the test.
fn roll(state: &mut u64, sides: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % sides.max(1) as u64) as usize
}

#[test]
fn damaged_streams_are_errors_or_bytes_and_never_more_than_the_bound() {
    let mut state = 0x5eed_u64;
    for (name, codec, _) in streams() {
        let whole = fixture(&name);
        for _ in 0..50 {
            let mut bytes = whole.clone();
            for _ in 0..=roll(&mut state, 3) {
                let at = if roll(&mut state, 2) == 0 { roll(&mut state, 40) } else { roll(&mut state, bytes.len()) };
                bytes[at] = roll(&mut state, 256) as u8;
            }
            if let Ok(unpacked) = unpack(&source(&bytes), codec, 700_000, &budget()) {
                assert!(unpacked.len() <= 700_000);
            }
        }
    }
}

#[test]
fn blocks_fill_their_target_and_no_more() {
    let text = text();
    // The strongest preset: a dictionary of 64 MiB.
    let lzma = fixture("one.lzma");
    let blocks = [
        (Method::Zstd, fixture("one.zst")),
        (Method::Xz, fixture("one.xz")),
        (Method::Lzma, lzma.clone()),
        // The first byte of a stream is zero; this format keeps the complement of the properties there.
        (Method::MicroLzma, [&[!lzma[0]][..], &lzma[14..]].concat()),
        (Method::Deflate, fixture("text.gz")[10..].to_vec()),
        (Method::Lz4, fixture("legacy.lz4")[8..].to_vec()),
    ];
    for (method, packed) in blocks {
        for len in [0, 1, 4096, 65_537, text.len()] {
            let mut target = vec![0; len];
            assert_eq!(unpack_block(method, &packed, &mut target), Ok(len), "{method:?}");
            assert!(target == text[..len], "{method:?} {len}");
        }
        let mut target = vec![0; text.len()];
        let cut = unpack_block(method, &packed[..packed.len() / 2], &mut target);
        assert!(cut.is_err(), "{method:?}: {cut:?}");
    }
}

#[test]
fn lzo_with_runs_of_zeros_reads_what_lzop_packed_and_bears_damage() {
    // The first of its blocks.
    let (text, lzop) = (text()[..256 << 10].to_vec(), fixture("one.lzo"));
    // Behind the header and its checksum: lengths unpacked and packed, the checksum of the unpacked bytes, the block.
    let at = 34 + usize::from(lzop[33]) + 4;
    let packed_len = u32::from_be_bytes(lzop[at + 4..at + 8].try_into().unwrap()) as usize;
    let packed = &lzop[at + 12..][..packed_len];
    let mut target = vec![0; text.len()];
    for method in [Method::Lzo, Method::LzoRle] {
        target.fill(0xee);
        assert_eq!(unpack_block(method, packed, &mut target), Ok(text.len()), "{method:?}");
        assert!(target == text, "{method:?}");
    }
    for end in (0..packed.len()).step_by(997) {
        assert!(unpack_block(Method::LzoRle, &packed[..end], &mut target[..]).is_err(), "{end}");
    }
    assert!(unpack_block(Method::LzoRle, packed, &mut vec![0; text.len() - 1]).is_err());
    let mut state = 0x5eed_u64;
    for _ in 0..2000 {
        let mut bytes = [&[17, 1][..], packed].concat();
        for _ in 0..=roll(&mut state, 3) {
            let at = roll(&mut state, bytes.len());
            bytes[at] = roll(&mut state, 256) as u8;
        }
        if let Ok(made) = unpack_block(Method::LzoRle, &bytes, &mut target) {
            assert!(made <= target.len());
        }
    }
}

#[test]
fn a_dictionary_longer_than_the_bound_is_refused_before_it_is_made() {
    let mut bytes = fixture("one.lzma");
    bytes[1..5].copy_from_slice(&0xffff_0000_u32.to_le_bytes());
    let error = unpack(&source(&bytes), Codec::LzmaAlone, 1 << 20, &budget()).unwrap_err();
    assert_eq!(error.kind, Kind::Limit(Limit::UnpackedBytes));
}

#[test]
fn a_brotli_window_beyond_the_document_is_refused() {
    // An empty stream whose header asks for the extension: a window of 2^30 bytes, then the last meta-block.
    let error = unpack(&source(&[0x11, 0xde]), Codec::Brotli, 1 << 20, &budget()).unwrap_err();
    assert_eq!(error.kind, Kind::Corrupt);
}

#[test]
fn an_xz_block_with_a_dictionary_beyond_the_bound_is_refused() {
    let mut xz = fixture("one.xz");
    // The stream header has twelve bytes; in the block's header the dictionary stands behind size, flags and filter.
    assert_eq!(xz[12..17], [2, 0, 0x21, 1, 0x1c]);
    xz[16] = 40;
    let sum = codecs::crc32(&xz[12..20]).to_le_bytes();
    xz[20..24].copy_from_slice(&sum);
    assert!(unpack_block(Method::Xz, &xz, &mut [0; 4096]).is_err());
}

#[test]
fn a_changed_byte_of_a_checksum_of_a_block_is_an_error() {
    // lzop: behind the header, the first block's lengths, then the checksum of its unpacked bytes.
    let mut lzop = fixture("one.lzo");
    let name_len = usize::from(lzop[33]);
    let at = 34 + name_len + 4 + 8;
    lzop[at] ^= 1;
    assert_eq!(unpack(&source(&lzop), Codec::Lzop, 1 << 20, &budget()).unwrap_err().kind, Kind::Checksum);
    // lz4: the last block's checksum stands before the end mark and the checksum of the content.
    let mut lz4 = fixture("sized.lz4");
    let at = lz4.len() - 12;
    lz4[at] ^= 1;
    assert_eq!(unpack(&source(&lz4), Codec::Lz4, 1 << 20, &budget()).unwrap_err().kind, Kind::Checksum);
    // Read block by block the same, and the other blocks are read.
    let blocks = unpack_seekable(&source(&lz4), Codec::Lz4, &budget()).unwrap().source;
    assert_eq!(blocks.array::<1>(blocks.len() - 1, "last").unwrap_err().kind, Kind::Checksum);
    assert_eq!(blocks.array::<100>(0, "first").unwrap(), text()[..100]);
    // That of the content is compared when all of it was read, wherever somebody looked before.
    let mut lz4 = fixture("sized.lz4");
    let at = lz4.len() - 1;
    for is_damaged in [false, true] {
        lz4[at] ^= u8::from(is_damaged);
        let content = unpack_seekable(&source(&lz4), Codec::Lz4, &budget()).unwrap().source;
        assert_eq!(content.array::<100>(1000, "elsewhere").unwrap(), text()[1000..1100]);
        let mut half = vec![0; text().len() / 2];
        content.read(0, &mut half, "front").unwrap();
        assert_eq!(content.read(half.len() as u64, &mut half.clone(), "back").is_err(), is_damaged);
    }
}
