//! The header of a 7z archive: where the packed streams are, how each is unpacked, how it is cut into members, and their
//! names. Every length is bounded by the header's own.

use std::ops::Range;

use bytes::{Budget, Cursor, Error, Result};

/// What a byte in front of a part of the header says that it is.
mod id {
    pub(super) const END: u8 = 0;
    pub(super) const HEADER: u8 = 1;
    pub(super) const ARCHIVE_PROPERTIES: u8 = 2;
    pub(super) const ADDITIONAL_STREAMS: u8 = 3;
    pub(super) const MAIN_STREAMS: u8 = 4;
    pub(super) const FILES: u8 = 5;
    pub(super) const PACK_INFO: u8 = 6;
    pub(super) const UNPACK_INFO: u8 = 7;
    pub(super) const SUBSTREAMS: u8 = 8;
    pub(super) const SIZE: u8 = 9;
    pub(super) const CRC: u8 = 10;
    pub(super) const FOLDER: u8 = 11;
    pub(super) const UNPACK_SIZE: u8 = 12;
    pub(super) const PART_COUNT: u8 = 13;
    pub(super) const EMPTY_STREAM: u8 = 14;
    pub(super) const EMPTY_FILE: u8 = 15;
    pub(super) const NAMES: u8 = 17;
    pub(super) const ATTRIBUTES: u8 = 21;
    pub(super) const PACKED_HEADER: u8 = 23;
}

/// Where streams count from.
const STREAMS_BASE: u64 = 32;
/// Steps of one stream; tools write up to four.
const CODERS_MAX: u64 = 8;
/// Streams that all steps of one stream take; BCJ2 takes four.
const INPUTS_MAX: u64 = 32;
/// In attributes: the upper half is a Unix mode.
const HAS_UNIX_MODE: u32 = 0x8000;

/// A header: the files, or where the header proper is packed.
pub(super) enum Header {
    Plain(Vec<Stream>, Vec<File>),
    Packed(Vec<Stream>),
}

/// A packed stream.
#[derive(Default, Clone)]
pub(super) struct Stream {
    /// Where it starts, or the first of its pieces.
    pub(super) offset: u64,
    /// Places and lengths of its pieces: one, unless a step takes several.
    pub(super) packed: Vec<(u64, u64)>,
    /// Steps of unpacking, in the order they are made. The last one makes the members.
    pub(super) coders: Vec<Coder>,
    pub(super) crc32: Option<u32>,
    /// Lengths of the members in it, and their checksums.
    pub(super) parts: Vec<(u64, Option<u32>)>,
}

/// A step of unpacking.
#[derive(Default, Clone)]
pub(super) struct Coder {
    pub(super) method: u64,
    pub(super) properties: Vec<u8>,
    pub(super) unpacked_len: u64,
    /// What it takes.
    pub(super) inputs: Vec<Input>,
}

/// What a step takes.
#[derive(Clone, Copy)]
pub(super) enum Input {
    /// A piece of the packed stream.
    Packed(usize),
    /// What an earlier step made.
    Made(usize),
}

/// A member.
#[derive(Default)]
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) mode: Option<u32>,
    pub(super) has_stream: bool,
    pub(super) is_folder: bool,
}

impl Header {
    /// Reads the header in `bytes`, which start at `offset` of the archive.
    pub(super) fn read(bytes: &[u8], offset: u64, budget: &Budget) -> Result<Self> {
        let mut reader = Reader { cursor: Cursor::new(bytes, offset), budget };
        match reader.byte()? {
            id::PACKED_HEADER => Ok(Self::Packed(reader.streams()?)),
            id::HEADER => {
                let (mut streams, mut files) = (Vec::new(), Vec::new());
                loop {
                    match reader.byte()? {
                        id::END => return Ok(Self::Plain(streams, files)),
                        id::ARCHIVE_PROPERTIES => reader.archive_properties()?,
                        id::ADDITIONAL_STREAMS => drop(reader.streams()?),
                        id::MAIN_STREAMS => streams = reader.streams()?,
                        id::FILES => files = reader.files()?,
                        other => return Err(reader.unexpected(other)),
                    }
                }
            }
            other => Err(reader.unexpected(other)),
        }
    }
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    budget: &'a Budget,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8> {
        self.cursor.u8("property id")
    }

    fn unexpected(&self, id: u8) -> Error {
        Error::unsupported("property id", self.cursor.offset().saturating_sub(1), u64::from(id))
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        let id = self.byte()?;
        if id == wanted { Ok(()) } else { Err(self.unexpected(id)) }
    }

    /// A number of one to nine bytes: the high bits of the first say how many follow, which are the low ones.
    fn number(&mut self) -> Result<u64> {
        let first = self.cursor.u8("number")?;
        let count = first.leading_ones();
        let mut value = 0_u64;
        for index in 0..count {
            value |= u64::from(self.cursor.u8("number")?) << (8 * index);
        }
        // With eight bytes behind it the first has no bits of its own left; with seven none that counts.
        let own =
            first.checked_shl(count.saturating_add(1)).unwrap_or(0).checked_shr(count.saturating_add(1)).unwrap_or(0);
        Ok(value | u64::from(own).checked_shl(8 * count).unwrap_or(0))
    }

    /// A number of things, each of which takes at least `bits` bits of what follows.
    fn count(&mut self, bits: u64, what: &'static str) -> Result<u64> {
        let offset = self.cursor.offset();
        let count = self.number()?;
        let left = (self.cursor.rest().len() as u64).saturating_mul(8);
        if count.saturating_mul(bits) > left {
            return Err(Error::truncated(what, offset, count.saturating_mul(bits) / 8, left / 8));
        }
        self.budget.spend_nodes(count, what, offset)?;
        Ok(count)
    }

    fn numbers(&mut self, count: u64) -> Result<Vec<u64>> {
        (0..count).map(|_| self.number()).collect()
    }

    /// A bit for each of `count` things, the highest of a byte first.
    fn bits(&mut self, count: u64) -> Result<Vec<bool>> {
        let len = usize::try_from(count.div_ceil(8)).unwrap_or(usize::MAX);
        let bytes = self.cursor.take(len, "bit vector")?;
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0));
        Ok(bits.take(usize::try_from(count).unwrap_or(usize::MAX)).collect())
    }

    fn bits_or_all(&mut self, count: u64) -> Result<Vec<bool>> {
        if self.cursor.u8("AllAreDefined")? == 0 {
            return self.bits(count);
        }
        // Counts were held against what is left of the header.
        Ok(vec![true; usize::try_from(count).unwrap_or(0)])
    }

    fn digests(&mut self, count: u64) -> Result<Vec<Option<u32>>> {
        let defined = self.bits_or_all(count)?;
        defined.into_iter().map(|is_defined| is_defined.then(|| self.cursor.u32_le("CRC")).transpose()).collect()
    }

    fn archive_properties(&mut self) -> Result<()> {
        while self.byte()? != id::END {
            let len = self.number()?;
            self.cursor.take(usize::try_from(len).unwrap_or(usize::MAX), "archive property")?;
        }
        Ok(())
    }

    /// The packed streams, how they are unpacked, and what they are cut into.
    fn streams(&mut self) -> Result<Vec<Stream>> {
        let mut packed: Vec<(u64, u64)> = Vec::new();
        let mut streams: Vec<Stream> = Vec::new();
        let mut has_parts = false;
        loop {
            match self.byte()? {
                id::END => break,
                id::PACK_INFO => packed = self.pack_info()?,
                id::UNPACK_INFO => streams = self.unpack_info(&packed)?,
                id::SUBSTREAMS => {
                    self.parts(&mut streams)?;
                    has_parts = true;
                }
                other => return Err(self.unexpected(other)),
            }
        }
        if !has_parts {
            for stream in &mut streams {
                let len = stream.coders.last().map_or(0, |coder| coder.unpacked_len);
                stream.parts = vec![(len, stream.crc32)];
            }
        }
        Ok(streams)
    }

    /// Places and lengths of the packed streams.
    fn pack_info(&mut self) -> Result<Vec<(u64, u64)>> {
        let mut offset = self.number()?.saturating_add(STREAMS_BASE);
        let count = self.count(8, "NumPackStreams")?;
        let mut packed = Vec::new();
        loop {
            match self.byte()? {
                id::END => return Ok(packed),
                id::SIZE => {
                    for len in self.numbers(count)? {
                        packed.push((offset, len));
                        offset = offset.saturating_add(len);
                    }
                }
                id::CRC => drop(self.digests(count)?),
                other => return Err(self.unexpected(other)),
            }
        }
    }

    fn unpack_info(&mut self, packed: &[(u64, u64)]) -> Result<Vec<Stream>> {
        self.expect(id::FOLDER)?;
        let count = self.count(16, "NumFolders")?;
        self.expect(0)?;
        let mut streams = Vec::new();
        let mut packed = packed.iter();
        // The order in which the lengths of the steps are stored is another one than that in which they are made.
        let mut stored_orders = Vec::new();
        for _ in 0..count {
            let (coders, order, packed_count) = self.folder()?;
            let missing = Error::corrupt("NumPackStreams", self.cursor.offset());
            let own: Option<Vec<(u64, u64)>> = (0..packed_count).map(|_| packed.next().copied()).collect();
            let own = own.ok_or(missing)?;
            let (offset, _) = *own.first().ok_or(missing)?;
            streams.push(Stream { offset, packed: own, coders, ..Stream::default() });
            stored_orders.push(order);
        }
        self.expect(id::UNPACK_SIZE)?;
        for (stream, order) in streams.iter_mut().zip(&stored_orders) {
            for &place in order {
                let len = self.number()?;
                if let Some(coder) = stream.coders.get_mut(place) {
                    coder.unpacked_len = len;
                }
            }
        }
        loop {
            match self.byte()? {
                id::END => return Ok(streams),
                id::CRC => {
                    for (stream, crc32) in streams.iter_mut().zip(self.digests(count)?) {
                        stream.crc32 = crc32;
                    }
                }
                other => return Err(self.unexpected(other)),
            }
        }
    }

    /// The steps of a stream in the order they are made, for each step as stored its place in that order, and the number of packed
    /// streams.
    fn folder(&mut self) -> Result<(Vec<Coder>, Vec<usize>, usize)> {
        let offset = self.cursor.offset();
        let count = self.number()?;
        if count == 0 || count > CODERS_MAX {
            return Err(Error::corrupt("NumCoders", offset));
        }
        let (mut steps, mut inputs) = (Vec::new(), 0_u64);
        for _ in 0..count {
            let (coder, ins, outs) = self.coder()?;
            if outs != 1 {
                return Err(Error::unsupported("NumOutStreams", offset, outs));
            }
            let first = inputs;
            inputs = inputs.saturating_add(ins);
            if inputs > INPUTS_MAX {
                return Err(Error::corrupt("NumInStreams", offset));
            }
            steps.push((coder, first..inputs));
        }
        let mut bonds = Vec::new();
        for _ in 1..count {
            bonds.push((self.number()?, self.number()?));
        }
        let is_bound = |input: u64| bonds.iter().any(|bond| bond.0 == input);
        let packed_count = inputs.checked_sub(count - 1).ok_or(Error::corrupt("NumBindPairs", offset))?;
        let packed = if packed_count == 1 {
            (0..inputs).filter(|&input| !is_bound(input)).collect()
        } else {
            self.numbers(packed_count)?
        };
        let (coders, places) = in_order(steps, &bonds, &packed).ok_or(Error::corrupt("BindPairs", offset))?;
        Ok((coders, places, packed.len()))
    }

    /// A step, and how many streams go in and out.
    fn coder(&mut self) -> Result<(Coder, u64, u64)> {
        let flags = self.cursor.u8("coder flags")?;
        let id = self.cursor.take(usize::from(flags & 15), "CodecId")?;
        let method = id.iter().fold(0_u64, |method, &byte| method << 8 | u64::from(byte));
        let (ins, outs) = if flags & 0x10 != 0 { (self.number()?, self.number()?) } else { (1, 1) };
        let properties = if flags & 0x20 != 0 {
            let len = usize::try_from(self.number()?).unwrap_or(usize::MAX);
            self.cursor.take(len, "coder properties")?.to_vec()
        } else {
            Vec::new()
        };
        Ok((Coder { method, properties, ..Coder::default() }, ins, outs))
    }

    /// How streams are cut into members.
    fn parts(&mut self, streams: &mut [Stream]) -> Result<()> {
        let mut counts = vec![1; streams.len()];
        let mut id = self.byte()?;
        if id == id::PART_COUNT {
            for count in &mut counts {
                // The last part has no length of its own, and a part of no stream takes no byte.
                *count = self.number()?;
                self.budget.spend_nodes(*count, "NumUnPackStreams", self.cursor.offset())?;
            }
            id = self.byte()?;
        }
        let has_sizes = id == id::SIZE;
        for (stream, &count) in streams.iter_mut().zip(&counts) {
            let mut left = stream.coders.last().map_or(0, |coder| coder.unpacked_len);
            for _ in 1..count {
                let len = if has_sizes { self.number()? } else { 0 };
                left = left.checked_sub(len).ok_or(Error::corrupt("member size", self.cursor.offset()))?;
                stream.parts.push((len, None));
            }
            if count > 0 {
                stream.parts.push((left, stream.crc32.filter(|_| count == 1)));
            }
        }
        if has_sizes {
            id = self.byte()?;
        }
        while id != id::END {
            if id != id::CRC {
                return Err(self.unexpected(id));
            }
            // Those of the members that are not alone in a stream with a checksum.
            let parts = streams.iter_mut().flat_map(|stream| &mut stream.parts);
            let unknown: Vec<&mut Option<u32>> =
                parts.map(|(_, crc32)| crc32).filter(|crc32| crc32.is_none()).collect();
            let digests = self.digests(unknown.len() as u64)?;
            for (part, crc32) in unknown.into_iter().zip(digests) {
                *part = crc32;
            }
            id = self.byte()?;
        }
        Ok(())
    }

    fn files(&mut self) -> Result<Vec<File>> {
        let count = self.count(1, "NumFiles")?;
        let mut files: Vec<File> = (0..count).map(|_| File { has_stream: true, ..File::default() }).collect();
        let mut empty = Vec::new();
        loop {
            let kind = self.byte()?;
            if kind == id::END {
                return Ok(files);
            }
            let len = usize::try_from(self.number()?).unwrap_or(usize::MAX);
            let offset = self.cursor.offset();
            let bytes = self.cursor.take(len, "file property")?;
            let mut property = Reader { cursor: Cursor::new(bytes, offset), budget: self.budget };
            match kind {
                id::EMPTY_STREAM => {
                    for ((number, file), is_empty) in files.iter_mut().enumerate().zip(property.bits(count)?) {
                        if is_empty {
                            (file.has_stream, file.is_folder) = (false, true);
                            empty.push(number);
                        }
                    }
                }
                id::EMPTY_FILE => {
                    for (number, is_file) in empty.iter().zip(property.bits(empty.len() as u64)?) {
                        if let Some(file) = files.get_mut(*number).filter(|_| is_file) {
                            file.is_folder = false;
                        }
                    }
                }
                id::NAMES => property.names(&mut files)?,
                id::ATTRIBUTES => property.attributes(&mut files)?,
                // Times, positions, padding.
                _ => {}
            }
        }
    }

    fn names(&mut self, files: &mut [File]) -> Result<()> {
        self.expect(0)?;
        for file in files {
            let mut units = Vec::new();
            loop {
                match u16::from_le_bytes(self.cursor.array("name")?) {
                    0 => break,
                    unit => units.push(unit),
                }
            }
            file.name = String::from_utf16_lossy(&units).into_bytes();
        }
        Ok(())
    }

    fn attributes(&mut self, files: &mut [File]) -> Result<()> {
        let defined = self.bits_or_all(files.len() as u64)?;
        self.expect(0)?;
        for (file, is_defined) in files.iter_mut().zip(defined) {
            if is_defined {
                let attributes = self.cursor.u32_le("attributes")?;
                file.mode = (attributes & HAS_UNIX_MODE != 0).then_some(attributes >> 16);
            }
        }
        Ok(())
    }
}

/// Steps, each with the numbers of its inputs, in an order in which each finds what it takes; and the place of each in that order.
/// `bonds` tells inputs and the steps whose outputs they take, `packed` the inputs that take pieces of the packed stream. Nothing if
/// they take each other's outputs in a circle, or if not all of them lead to the last.
fn in_order(steps: Vec<(Coder, Range<u64>)>, bonds: &[(u64, u64)], packed: &[u64]) -> Option<(Vec<Coder>, Vec<usize>)> {
    let mut places: Vec<Option<usize>> = vec![None; steps.len()];
    let place_of = |places: &[Option<usize>], step: u64| *places.get(usize::try_from(step).ok()?)?;
    let mut coders = Vec::new();
    let mut last = 0;
    while coders.len() < steps.len() {
        let taken = |input: u64| match bonds.iter().find(|bond| bond.0 == input) {
            Some(&(_, step)) => place_of(&places, step).map(Input::Made),
            None => packed.iter().position(|&other| other == input).map(Input::Packed),
        };
        let mut ready = steps.iter().enumerate().filter(|(at, _)| places.get(*at).is_some_and(Option::is_none));
        let (at, coder, inputs) = ready.find_map(|(at, (coder, inputs))| {
            let taken: Option<Vec<Input>> = inputs.clone().map(taken).collect();
            taken.map(|taken| (at, coder, taken))
        })?;
        *places.get_mut(at)? = Some(coders.len());
        coders.push(Coder { inputs, ..coder.clone() });
        last = at as u64;
    }
    if bonds.iter().any(|bond| bond.1 == last) {
        return None;
    }
    Some((coders, places.into_iter().collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails loudly")]

    use bytes::Limits;

    use super::*;

    #[test]
    fn numbers_are_read_as_the_document_says() {
        let budget = Budget::new(Limits::FILE);
        let cases: [(&[u8], u64); 6] = [
            (&[0x7f], 0x7f),
            (&[0x81, 0x02], 0x102),
            (&[0xc1, 0x03, 0x02], 0x1_0203),
            (&[0xe1, 4, 3, 2], 0x102_0304),
            (&[0xfe, 7, 6, 5, 4, 3, 2, 1], 0x01_0203_0405_0607),
            (&[0xff, 8, 7, 6, 5, 4, 3, 2, 1], 0x0102_0304_0506_0708),
        ];
        for (bytes, expected) in cases {
            let mut reader = Reader { cursor: Cursor::new(bytes, 0), budget: &budget };
            assert_eq!(reader.number(), Ok(expected), "{bytes:?}");
            assert!(reader.cursor.is_empty());
        }
    }
}
