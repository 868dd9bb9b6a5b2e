//! The xz container: blocks of LZMA2, perhaps behind filters, each with a check, and an index of them. Written from "The .xz
//! File Format", 1.2.1.

use std::io::{self, Read};

use bytes::{Error, Limit, Result};

use super::{
    Pieces, XZ_MARK,
    check::{Check, Crc64},
    drain,
    lzma2::Lzma2,
};
use crate::{
    Filter, crc32, filter,
    input::{Input, Output},
    len64,
    stream::{self, Why},
};

/// Longest variable-length number: nine bytes of seven bits.
const NUMBER_LEN_MAX: u32 = 9;
const LZMA2: u64 = 0x21;

/// Unpacks one stream.
pub(super) fn stream(input: &mut Input<'_>, output: &mut Output<'_>, dictionary_len_max: u32) -> Result<()> {
    let start = input.offset();
    let header = input.take::<12>("xz stream header")?;
    let [mark @ .., first, kind, a, b, c, d] = header;
    if mark != XZ_MARK || crc32(&[first, kind]) != u32::from_le_bytes([a, b, c, d]) {
        return Err(Error::corrupt("xz stream header", start));
    }
    if first != 0 || Check::new(kind).is_none() {
        return Err(Error::unsupported("xz stream flags", start, u64::from(kind)));
    }
    let mut blocks = Blocks::default();
    loop {
        let at = input.offset();
        let [first] = input.take("xz block header")?;
        if first == 0 {
            break;
        }
        let header = Header::read(input, at, first, dictionary_len_max)?;
        blocks.add(block(input, output, &header, kind)?);
    }
    let index_len = index(input, &blocks)?;
    footer(input, index_len, [0, kind])
}

/// What stands before a block.
struct Header {
    at: u64,
    len: u64,
    packed_len: Option<u64>,
    unpacked_len: Option<u64>,
    /// In the order in which the packer laid them over the bytes.
    filters: Vec<Filter>,
    dictionary_len: u32,
}

impl Header {
    fn read(input: &mut Input<'_>, at: u64, first: u8, dictionary_len_max: u32) -> Result<Self> {
        const WHAT: &str = "xz block header";
        let corrupt = Error::corrupt(WHAT, at);
        let mut bytes = vec![0; usize::from(first).saturating_mul(4).saturating_add(4)];
        let (length, rest) = bytes.split_first_mut().ok_or(corrupt)?;
        *length = first;
        input.read_exact(rest).map_err(|error| input.told(&error, WHAT))?;
        let (fields, checksum) = bytes.split_last_chunk::<4>().ok_or(corrupt)?;
        if crc32(fields) != u32::from_le_bytes(*checksum) {
            return Err(Error::checksum(WHAT, at));
        }
        let mut fields = Fields(fields.get(1..).unwrap_or_default());
        let flags = fields.byte().ok_or(corrupt)?;
        if flags & 0x3c != 0 {
            return Err(Error::unsupported("xz block flags", at, u64::from(flags)));
        }
        let packed_len = if flags & 0x40 != 0 { Some(fields.number().ok_or(corrupt)?) } else { None };
        let unpacked_len = if flags & 0x80 != 0 { Some(fields.number().ok_or(corrupt)?) } else { None };
        let mut filters = Vec::new();
        for _ in 0..flags & 3 {
            let (id, properties) = fields.filter().ok_or(corrupt)?;
            filters.push(named(id, properties).ok_or_else(|| Error::unsupported("xz filter", at, id))?);
        }
        let dictionary_len = match fields.filter().ok_or(corrupt)? {
            (LZMA2, &[size]) => dictionary_len(size).ok_or(corrupt)?,
            (id, _) => return Err(Error::unsupported("xz filter", at, id)),
        };
        if fields.0.iter().any(|&byte| byte != 0) {
            return Err(corrupt);
        }
        if dictionary_len > dictionary_len_max {
            return Err(Error::limit(Limit::UnpackedBytes, "xz dictionary", at));
        }
        Ok(Self { at, len: len64(bytes.len()), packed_len, unpacked_len, filters, dictionary_len })
    }
}

/// A filter by its number. That addresses count from elsewhere than the start of the block, xz(1) writes only when asked to.
fn named(id: u64, properties: &[u8]) -> Option<Filter> {
    let filter = match (id, properties) {
        (3, &[distance]) => return Some(Filter::Delta(u16::from(distance).saturating_add(1))),
        (4, _) => Filter::X86,
        (5, _) => Filter::PowerPc,
        (6, _) => Filter::Itanium,
        (7, _) => Filter::Arm,
        (8, _) => Filter::ArmThumb,
        (9, _) => Filter::Sparc,
        (10, _) => Filter::Arm64,
        (11, _) => Filter::RiscV,
        _ => return None,
    };
    matches!(properties, [] | [0, 0, 0, 0]).then_some(filter)
}

/// Lengths are powers of two and one and a half times as much.
fn dictionary_len(size: u8) -> Option<u32> {
    match size {
        40 => Some(u32::MAX),
        0..40 => Some((2 | u32::from(size & 1)) << (u32::from(size) / 2).saturating_add(11)),
        _ => None,
    }
}

/// Unpacks a block and checks it; its length without padding, and that of what it unpacks to.
fn block(input: &mut Input<'_>, output: &mut Output<'_>, header: &Header, kind: u8) -> Result<(u64, u64)> {
    const WHAT: &str = "xz stream";
    let (start, made_before) = (input.offset(), output.len);
    let Some(mut check) = Check::new(kind) else { return Err(Error::corrupt(WHAT, start)) };
    let result = {
        let (sink, len, len_max) = (&mut *output.sink, output.len, output.len_max);
        let mut checked = |bytes: &[u8]| {
            check.update(bytes);
            sink(bytes)
        };
        let mut checked = Output { sink: &mut checked, len, len_max };
        let result = unpack(input, &mut checked, header);
        output.len = checked.len;
        result
    };
    result.map_err(|why| why.told(input, WHAT))?;
    let packed_len = input.offset().saturating_sub(start);
    let unpacked_len = output.len.saturating_sub(made_before);
    let is_declared = |declared: Option<u64>, len: u64| declared.is_none_or(|declared| declared == len);
    if !is_declared(header.packed_len, packed_len) || !is_declared(header.unpacked_len, unpacked_len) {
        return Err(Error::corrupt("length of the xz block", header.at));
    }
    padding(input, packed_len)?;
    let at = input.offset();
    let expected = check.value();
    let mut stored = vec![0; expected.len()];
    input.read_exact(&mut stored).map_err(|error| input.told(&error, "xz check"))?;
    if stored != expected {
        return Err(Error::checksum("xz check", at));
    }
    let len = header.len.saturating_add(packed_len).saturating_add(len64(stored.len()));
    Ok((len, unpacked_len))
}

fn unpack(input: &mut Input<'_>, output: &mut Output<'_>, header: &Header) -> std::result::Result<(), Why> {
    let mut lzma2 = Lzma2::new(&mut *input, header.dictionary_len);
    if header.filters.is_empty() {
        return drain(&mut lzma2, output);
    }
    let mut reader: Box<dyn Read + '_> = Box::new(Reader { lzma2, piece: Vec::new(), taken: 0 });
    for &filter in header.filters.iter().rev() {
        reader = filter::reader(filter, reader);
    }
    stream::drain(&mut *reader, output)
}

/// What the filters read from.
struct Reader<R> {
    lzma2: Lzma2<R>,
    piece: Vec<u8>,
    /// How much of the piece was read.
    taken: usize,
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.piece.len() {
            self.piece.clear();
            self.piece.extend_from_slice(self.lzma2.next_piece()?);
            self.taken = 0;
        }
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(target.len());
        let (target, _) = target.split_at_mut(count);
        target.copy_from_slice(rest.get(..count).unwrap_or_default());
        self.taken = self.taken.saturating_add(count);
        Ok(count)
    }
}

/// Zeros behind a block of `len` bytes, up to a multiple of four.
fn padding(input: &mut Input<'_>, len: u64) -> Result<()> {
    for _ in len..len.checked_next_multiple_of(4).unwrap_or(len) {
        let at = input.offset();
        if input.take("xz padding")? != [0] {
            return Err(Error::corrupt("xz padding", at));
        }
    }
    Ok(())
}

/// The lengths of all blocks, as a checksum: there may be any number of them.
#[derive(Default, PartialEq, Eq)]
struct Blocks {
    count: u64,
    digest: u64,
}

impl Blocks {
    fn add(&mut self, (len, unpacked_len): (u64, u64)) {
        self.count = self.count.saturating_add(1);
        let mut crc = Crc64::default();
        for number in [self.digest, len, unpacked_len] {
            crc.update(&number.to_le_bytes());
        }
        self.digest = crc.value();
    }
}

/// Holds the index, whose first byte is read, against the blocks; its length.
fn index(input: &mut Input<'_>, blocks: &Blocks) -> Result<u64> {
    const WHAT: &str = "xz index";
    let start = input.offset().saturating_sub(1);
    let mut checksum = crate::Crc32::default();
    checksum.update(&[0]);
    let mut number = |input: &mut Input<'_>| {
        let mut value = 0;
        for place in 0..NUMBER_LEN_MAX {
            let [byte] = input.take(WHAT)?;
            checksum.update(&[byte]);
            value |= u64::from(byte & 0x7f) << place.saturating_mul(7);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::corrupt(WHAT, input.offset()))
    };
    let count = number(input)?;
    if count != blocks.count {
        return Err(Error::corrupt(WHAT, start));
    }
    let mut listed = Blocks::default();
    for _ in 0..count {
        let len = number(input)?;
        let unpacked_len = number(input)?;
        listed.add((len, unpacked_len));
    }
    while !input.offset().saturating_sub(start).is_multiple_of(4) {
        let byte = input.take(WHAT)?;
        checksum.update(&byte);
        if byte != [0] {
            return Err(Error::corrupt(WHAT, input.offset()));
        }
    }
    let stored = u32::from_le_bytes(input.take(WHAT)?);
    if stored != checksum.value() || listed != *blocks {
        return Err(Error::checksum(WHAT, start));
    }
    Ok(input.offset().saturating_sub(start))
}

fn footer(input: &mut Input<'_>, index_len: u64, flags: [u8; 2]) -> Result<()> {
    const WHAT: &str = "xz stream footer";
    let at = input.offset();
    let stored = u32::from_le_bytes(input.take(WHAT)?);
    let fields = input.take::<6>(WHAT)?;
    let [a, b, c, d, stored_flags @ ..] = fields;
    let stored_len = (u64::from(u32::from_le_bytes([a, b, c, d])).saturating_add(1)).saturating_mul(4);
    if crc32(&fields) != stored || stored_len != index_len || stored_flags != flags || input.take(WHAT)? != *b"YZ" {
        return Err(Error::corrupt(WHAT, at));
    }
    Ok(())
}

/// The fields of a block header.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..NUMBER_LEN_MAX {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << place.saturating_mul(7);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn filter(&mut self) -> Option<(u64, &'a [u8])> {
        let id = self.number()?;
        let len = usize::try_from(self.number()?).ok()?;
        let (properties, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some((id, properties))
    }
}
