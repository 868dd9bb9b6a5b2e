//! LZMA and xz: our decoder against a decoder of others, over whatever a packer can choose and over damaged streams; and
//! streams of xz(1), each with other settings (`fixtures/codecs/lzma`).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

use std::{
    fs,
    io::{Read, Write},
    path::Path,
};

use bytes::{Budget, ByteSource, Limits};
use codecs::{Codec, Method, Wrapping, unpack, unpack_block, unpack_each};
use lzma_rust2::{
    CheckType, EncodeMode, FilterConfig, FilterType, Lzma2Reader, Lzma2Writer, LzmaOptions, LzmaReader, LzmaWriter,
    MfType, XzOptions, XzReader, XzWriter,
};

fn budget() -> Budget {
    Budget::new(Limits::FILE)
}

fn source(bytes: &[u8]) -> ByteSource {
    ByteSource::from_bytes(bytes.to_vec())
}

fn fixture(name: &str) -> ByteSource {
    ByteSource::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/codecs").join(name)).unwrap()
}

/// A xorshift generator: the same sequence in every run of the test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    /// Bytes with everything in them that a packer tells apart: noise, runs, repetitions near and far, tables of numbers.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let count = 1 + self.roll(700);
            match self.roll(6) {
                0 => bytes.extend((0..count).map(|_| self.roll(256) as u8)),
                1 => bytes.extend(std::iter::repeat_n(self.roll(256) as u8, count)),
                2 => bytes.extend((0..count).map(|n| (n / 4) as u8 * u8::from(n % 4 == 0))),
                3 => bytes.extend((0..count).map(|_| b"tide waiter"[self.roll(11)])),
                _ => {
                    let from = self.roll(bytes.len());
                    let period = 1 + self.roll(bytes.len() - from).min(40 * count);
                    let repeated: Vec<u8> = bytes.iter().skip(from).take(period).copied().collect();
                    bytes.extend(repeated.iter().cycle().take(count));
                }
            }
        }
        bytes.truncate(len);
        bytes
    }

    fn options(&mut self) -> LzmaOptions {
        let mut options = LzmaOptions::with_preset(self.roll(7) as u32);
        options.lc = self.roll(5) as u32;
        options.lp = self.roll(5 - options.lc as usize) as u32;
        options.pb = self.roll(5) as u32;
        options.dict_size = [4096, 4096 + 16 * self.roll(1000) as u32, 1 << 16, 1 << 20][self.roll(4)];
        options.mode = if self.roll(2) == 0 { EncodeMode::Fast } else { EncodeMode::Normal };
        options.mf = if self.roll(2) == 0 { MfType::Hc4 } else { MfType::Bt4 };
        options.nice_len = 8 + self.roll(266) as u32;
        options
    }
}

fn properties(options: &LzmaOptions) -> u8 {
    ((options.pb * 5 + options.lp) * 9 + options.lc) as u8
}

#[test]
fn every_setting_of_a_packer_is_read_as_a_stream_and_as_a_block() {
    let mut dice = Dice(0x1234_5678_9abc);
    for turn in 0..80 {
        let len = dice.roll(40_000);
        let bytes = dice.bytes(len);
        let options = dice.options();
        let (dictionary_len, what) = (options.dict_size, format!("turn {turn}"));
        let mut writer = Lzma2Writer::new(
            Vec::new(),
            lzma_rust2::Lzma2Options { lzma_options: options.clone(), ..Default::default() },
        );
        writer.write_all(&bytes).unwrap();
        let packed = writer.finish().unwrap();
        let codec = Codec::Lzma2 { dictionary_len };
        assert!(unpack(&source(&packed), codec, 1 << 20, &budget()).unwrap() == bytes, "{what}: {options:?}");

        let is_marked = dice.roll(2) == 0;
        let mut writer = LzmaWriter::new_no_header(Vec::new(), &options, is_marked).unwrap();
        writer.write_all(&bytes).unwrap();
        let packed = writer.finish().unwrap();
        let unpacked_len = if is_marked { u64::MAX } else { bytes.len() as u64 };
        let codec = Codec::Lzma { properties: properties(&options), dictionary_len, unpacked_len };
        assert!(unpack(&source(&packed), codec, 1 << 20, &budget()).unwrap() == bytes, "{what}: {options:?}");

        let mut head = vec![properties(&options)];
        head.extend(dictionary_len.to_le_bytes());
        head.extend(unpacked_len.to_le_bytes());
        let block = [head, packed.clone()].concat();
        let mut unpacked = vec![0xee; bytes.len() + dice.roll(2) * 100];
        assert_eq!(unpack_block(Method::Lzma, &block, &mut unpacked).unwrap(), bytes.len(), "{what}: {options:?}");
        assert!(unpacked[..bytes.len()] == bytes, "{what}: {options:?}");

        // Less than all of it is as good.
        let mut micro = packed;
        micro[0] = !properties(&options);
        let mut unpacked = vec![0; dice.roll(bytes.len() + 1)];
        assert_eq!(unpack_block(Method::MicroLzma, &micro, &mut unpacked).unwrap(), unpacked.len(), "{what}");
        assert!(unpacked == bytes[..unpacked.len()], "{what}: {options:?}");
    }
}

#[test]
fn a_dictionary_much_shorter_than_the_stream_slides_on() {
    let mut dice = Dice(77);
    let bytes = dice.bytes(3_000_000);
    for dict_size in [4096, 70_000] {
        let options = LzmaOptions { dict_size, ..LzmaOptions::with_preset(0) };
        let mut writer = Lzma2Writer::new(
            Vec::new(),
            lzma_rust2::Lzma2Options { lzma_options: options.clone(), ..Default::default() },
        );
        writer.write_all(&bytes).unwrap();
        let packed = writer.finish().unwrap();
        let codec = Codec::Lzma2 { dictionary_len: dict_size };
        let mut unpacked = Vec::new();
        let mut sink = |piece: &[u8]| {
            unpacked.extend_from_slice(piece);
            Ok(())
        };
        unpack_each(&source(&packed), codec, 1 << 30, &mut sink).unwrap();
        assert!(unpacked == bytes, "{dict_size}");
    }
}

#[test]
fn filters_checks_and_blocks_of_xz_are_read() {
    let mut dice = Dice(0x00ab_cdef);
    let filters = [
        FilterType::Delta,
        FilterType::BcjX86,
        FilterType::BcjArm,
        FilterType::BcjArmThumb,
        FilterType::BcjArm64,
        FilterType::BcjPpc,
        FilterType::BcjSparc,
        FilterType::BcjIa64,
        FilterType::BcjRiscv,
    ];
    let checks = [CheckType::None, CheckType::Crc32, CheckType::Crc64, CheckType::Sha256];
    for turn in 0..54 {
        let bytes = dice.bytes(60_000);
        let mut options = XzOptions { lzma_options: dice.options(), ..XzOptions::with_preset(1) };
        options.check_type = checks[turn % checks.len()];
        options.block_size = [None, std::num::NonZeroU64::new(30_000)][dice.roll(2)];
        if turn % 2 == 1 {
            let filter_type = filters[turn / 2 % filters.len()];
            let property = if filter_type == FilterType::Delta { 1 + dice.roll(256) as u32 } else { 0 };
            options.filters = vec![FilterConfig { filter_type, property }];
        }
        let what = format!("turn {turn}");
        let mut writer = XzWriter::new(Vec::new(), options).unwrap();
        writer.write_all(&bytes).unwrap();
        let packed = writer.finish().unwrap();
        assert!(unpack(&source(&packed), Codec::Xz, 1 << 20, &budget()).unwrap() == bytes, "{what}");
        let mut unpacked = vec![0; bytes.len()];
        assert_eq!(unpack_block(Method::Xz, &packed, &mut unpacked).unwrap(), bytes.len(), "{what}");
        assert!(unpacked == bytes, "{what}");
        // Whatever is changed, a check fails or a field is wrong; without a check only the fields are known.
        let mut damaged = packed.clone();
        let at = dice.roll(damaged.len());
        damaged[at] ^= 1 << dice.roll(8);
        let read = unpack(&source(&damaged), Codec::Xz, 1 << 20, &budget());
        assert!(turn % checks.len() == 0 || read.is_err(), "{what}: changed at {at}");
    }
}

/// What another decoder makes of a stream, up to its error.
fn theirs(mut reader: impl Read) -> (Vec<u8>, bool) {
    let (mut bytes, mut window) = (Vec::new(), [0; 1]);
    loop {
        match reader.read(&mut window) {
            Ok(0) => return (bytes, true),
            Ok(_) if bytes.len() >= 1 << 20 => return (bytes, false),
            Ok(_) => bytes.push(window[0]),
            Err(_) => return (bytes, false),
        }
    }
}

/// What ours makes of it.
fn ours(packed: &[u8], codec: Codec) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    let result = unpack_each(&source(packed), codec, 1 << 20, &mut sink);
    (bytes, result.is_ok())
}

#[test]
fn damaged_streams_mean_the_same_to_both_decoders() {
    let mut dice = Dice(0x5eed);
    let (mut whole, mut broken) = (0, 0);
    for turn in 0..400 {
        let len = 100 + dice.roll(4000);
        let bytes = dice.bytes(len);
        let options = LzmaOptions { dict_size: 1 << 16, ..dice.options() };
        let is_lzma2 = turn % 2 == 0;
        let mut packed = if is_lzma2 {
            let mut writer = Lzma2Writer::new(
                Vec::new(),
                lzma_rust2::Lzma2Options { lzma_options: options.clone(), ..Default::default() },
            );
            writer.write_all(&bytes).unwrap();
            writer.finish().unwrap()
        } else {
            let mut writer = LzmaWriter::new_no_header(Vec::new(), &options, true).unwrap();
            writer.write_all(&bytes).unwrap();
            writer.finish().unwrap()
        };
        match dice.roll(3) {
            0 => packed.truncate(dice.roll(packed.len())),
            1 => {
                let at = dice.roll(packed.len());
                packed[at] = dice.roll(256) as u8;
            }
            _ => {
                let at = dice.roll(packed.len());
                packed[at] ^= 1 << dice.roll(8);
            }
        }
        let (their, our) = if is_lzma2 {
            let codec = Codec::Lzma2 { dictionary_len: 1 << 16 };
            (theirs(Lzma2Reader::new(packed.as_slice(), 1 << 16, None)), ours(&packed, codec))
        } else {
            let (props, unpacked_len) = (properties(&options), u64::MAX);
            let codec = Codec::Lzma { properties: props, dictionary_len: 1 << 16, unpacked_len };
            let reader = LzmaReader::new_with_props(packed.as_slice(), u64::MAX, props, 1 << 16, None);
            (reader.map_or((Vec::new(), false), theirs), ours(&packed, codec))
        };
        assert_eq!(their.1, our.1, "turn {turn}: one of them sees an error");
        // Both give bytes before an error in pieces of their own.
        let common = their.0.len().min(our.0.len());
        assert!(their.0[..common] == our.0[..common], "turn {turn}");
        assert!(!our.1 || their.0.len() == our.0.len(), "turn {turn}");
        if our.1 { whole += 1 } else { broken += 1 }
    }
    assert!(whole > 5 && broken > 100, "{whole} whole, {broken} broken");
}

#[test]
fn what_xz_writes_with_other_settings_is_the_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/codecs/lzma");
    let text = unpack(&fixture("text.gz"), Codec::Deflate(Wrapping::Gzip), 1 << 20, &budget()).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let packed = fixture(&format!("lzma/{name}"));
        let codec = if name.ends_with(".xz") { Codec::Xz } else { Codec::LzmaAlone };
        let unpacked = unpack(&packed, codec, 1 << 20, &budget()).unwrap();
        assert!(unpacked == text[..unpacked.len()] && unpacked.len() >= 20_000, "{name}: {} bytes", unpacked.len());
        if codec == Codec::Xz {
            let packed = packed.to_vec(&budget(), "fixture").unwrap();
            let (their, is_whole) = theirs(XzReader::new(packed.as_slice(), true));
            assert!(is_whole && their == unpacked, "{name}");
        }
        count += 1;
    }
    assert!(count >= 20, "{count}");
}
