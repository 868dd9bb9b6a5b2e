//! The packing of RAR 2.9 to 4: matches in a window with tables that follow the last ones, or PPMd. Written from the notes on the format
//! in the manual of libarchive and from the layout facts of unrar, unpack30.cpp.

use bytes::{ByteSource, Error, Result};

use super::{
    bits::{Bits, Code, StreamBits},
    programs::Programs,
    window::Window,
};
use crate::{
    Sink,
    ppmd::{self, Ppmd, RarCoder, RarRange},
};

/// Symbols of the tables: lengths of codes, literals and lengths, distances, low bits of distances, lengths of repeated matches.
const LENGTHS: usize = 20;
const LITERALS: usize = 299;
const DISTANCES: usize = 60;
const LOW_DISTANCES: usize = 17;
const REPEATED: usize = 28;
const TABLE_LEN: usize = LITERALS + DISTANCES + LOW_DISTANCES + REPEATED;
/// So often the low bits of the last distance are used again once the code says so.
const LOW_REPEATS: u32 = 15;
/// Behind this byte PPMd gives something else than a byte, unless the archive names another one.
const ESCAPE: u8 = 2;
const MIB: u32 = 1 << 20;
/// Short matches of two bytes: distances and their bits.
const SHORT: [(usize, u32); 8] = [(0, 2), (4, 2), (8, 3), (16, 4), (32, 5), (64, 6), (128, 6), (192, 6)];

struct Tables {
    literals: Code,
    distances: Code,
    low_distances: Code,
    repeated: Code,
}

/// How a block is packed.
enum Block {
    Matches(Box<Tables>),
    Ppmd(RarCoder),
}

/// Unpacks the files of a solid group one after the other; what was unpacked before is the window of what follows.
pub struct Rar4Decoder {
    window: Window,
    block: Option<Block>,
    /// Lengths of the codes of the last tables: those of the next ones are differences to them.
    lengths: [u8; TABLE_LEN],
    /// Whether the next file goes on with these tables.
    goes_on: bool,
    distances: [usize; 4],
    last_len: usize,
    low_distance: usize,
    low_repeats: u32,
    model: Option<Ppmd>,
    escape: u8,
    programs: Programs,
}

impl Rar4Decoder {
    /// A decoder with a window of `window_len` bytes, of which no more than `unpacked_len` are ever filled.
    pub fn new(window_len: u64, unpacked_len: u64) -> Result<Self> {
        Ok(Self {
            window: Window::new(window_len, unpacked_len)?,
            block: None,
            lengths: [0; TABLE_LEN],
            goes_on: false,
            distances: [0; 4],
            last_len: 0,
            low_distance: 0,
            low_repeats: 0,
            model: None,
            escape: ESCAPE,
            programs: Programs::default(),
        })
    }

    /// Unpacks the next file, of `unpacked_len` bytes, and gives it to `sink` piece by piece.
    pub fn file(&mut self, packed: &ByteSource, unpacked_len: u64, sink: &mut Sink<'_>) -> Result<()> {
        self.window.begin(unpacked_len);
        if packed.is_empty() {
            return self.window.end(0, sink);
        }
        let mut bits = StreamBits::new(packed);
        let block = self.block.take().filter(|block| self.goes_on && matches!(block, Block::Matches(_)));
        let mut block = match block {
            Some(block) => block,
            None => self.block(&mut bits)?,
        };
        loop {
            let is_over = match &mut block {
                Block::Matches(tables) => self.matches(tables, &mut bits, sink)?,
                Block::Ppmd(coder) => {
                    let mut coder = *coder;
                    self.ppmd(&mut coder, &mut bits, sink)?
                }
            };
            if is_over {
                break;
            }
            block = self.block(&mut bits)?;
        }
        self.block = Some(block);
        self.window.end(packed.len(), sink)
    }

    /// Reads how the next block is packed.
    fn block(&mut self, bits: &mut StreamBits<'_>) -> Result<Block> {
        bits.align()?;
        if bits.peek()? >> 31 != 0 {
            return Ok(Block::Ppmd(self.model(bits)?));
        }
        (self.low_distance, self.low_repeats) = (0, 0);
        self.goes_on = true;
        // The first bit is zero; the second tells whether the last lengths count.
        if bits.take(2)? == 0 {
            self.lengths = [0; TABLE_LEN];
        }
        let code = Code::of_lengths::<LENGTHS>(bits)?;
        let mut at = 0_usize;
        while at < TABLE_LEN {
            let symbol = code.next(bits)?;
            let before = at.checked_sub(1).and_then(|before| self.lengths.get(before)).copied();
            let (value, count) = match symbol {
                16 => (before, bits.take(3)?.saturating_add(3)),
                17 => (before, bits.take(7)?.saturating_add(11)),
                18 => (Some(0), bits.take(3)?.saturating_add(3)),
                19 => (Some(0), bits.take(7)?.saturating_add(11)),
                // Below sixteen, as is what it is added to.
                difference => (self.lengths.get(at).map(|length| length.wrapping_add(difference as u8) & 15), 1),
            };
            let value = value.ok_or_else(|| bits.corrupt("RAR table"))?;
            let end = at.saturating_add(count as usize).min(TABLE_LEN);
            self.lengths.get_mut(at..end).unwrap_or_default().fill(value);
            at = end;
        }
        let mut rest = self.lengths.as_slice();
        let mut part = |len: usize| {
            let (head, tail) = rest.split_at(len.min(rest.len()));
            rest = tail;
            Code::new(head)
        };
        let (literals, distances) = (part(LITERALS), part(DISTANCES));
        let low_distances = part(LOW_DISTANCES);
        Ok(Block::Matches(Box::new(Tables { literals, distances, low_distances, repeated: part(REPEATED) })))
    }

    /// Begins a block of PPMd, with a new model or the last one.
    fn model(&mut self, bits: &mut StreamBits<'_>) -> Result<RarCoder> {
        let flags = bits.byte()?;
        let is_new = flags & 0x20 != 0;
        let mebibytes = if is_new { u32::from(bits.byte()?).saturating_add(1) } else { 0 };
        if flags & 0x40 != 0 {
            self.escape = bits.byte()?;
        }
        if is_new {
            let order = u32::from(flags & 0x1f).saturating_add(1);
            let order = if order > 16 { order.saturating_sub(16).saturating_mul(3).saturating_add(16) } else { order };
            self.model = None;
            self.model = Some(ppmd::model(order, mebibytes.saturating_mul(MIB), bits.offset())?);
        }
        if self.model.is_none() {
            return Err(bits.corrupt("PPMd block without a model"));
        }
        RarCoder::new(bits)
    }

    /// Unpacks a block of matches; whether the file ends with it.
    fn matches(&mut self, tables: &Tables, bits: &mut StreamBits<'_>, sink: &mut Sink<'_>) -> Result<bool> {
        loop {
            if self.window.is_due() {
                self.window.give(sink)?;
            }
            let symbol = match tables.literals.next(bits) {
                // Of a file that has all its bytes the mark of the end may be missing.
                Err(_) if self.window.is_full() => return Ok(true),
                symbol => symbol?,
            };
            match symbol {
                256 => return self.end(bits),
                257 => {
                    let flags = bits.byte()?;
                    let len = call_len(flags, || bits.byte())?;
                    let code: Vec<u8> = (0..len).map(|_| bits.byte()).collect::<Result<_>>()?;
                    self.call(flags, &code, bits.offset())?;
                }
                _ if self.window.is_full() => return Ok(true),
                literal @ 0..256 => self.window.push(literal as u8),
                258 => {
                    if self.last_len > 0 {
                        self.copy(bits)?;
                    }
                }
                repeated @ 259..263 => {
                    // The distance that is used again becomes the first.
                    let used = self.distances.get_mut(..repeated.saturating_sub(258)).unwrap_or_default();
                    used.rotate_right(1);
                    let slot = tables.repeated.next(bits)?;
                    self.last_len = length(slot, bits)?.saturating_add(2);
                    self.copy(bits)?;
                }
                short @ 263..271 => {
                    let (start, count) = SHORT.get(short.saturating_sub(263)).copied().unwrap_or_default();
                    let distance = start.saturating_add(bits.take(count)? as usize).saturating_add(1);
                    self.last_len = 2;
                    self.copy_from(distance, bits)?;
                }
                slot => {
                    let len = length(slot.saturating_sub(271), bits)?.saturating_add(3);
                    let distance = self.distance(tables, bits)?;
                    // Far matches are worth it only if they are long.
                    let bonus = [0x2000, 0x40000].iter().filter(|&&far| distance >= far).count();
                    self.last_len = len.saturating_add(bonus);
                    self.copy_from(distance, bits)?;
                }
            }
        }
    }

    fn copy_from(&mut self, distance: usize, bits: &StreamBits<'_>) -> Result<()> {
        self.distances.rotate_right(1);
        let [first, ..] = &mut self.distances;
        *first = distance;
        self.copy(bits)
    }

    /// Repeats as many bytes as the last match had, from its distance before.
    fn copy(&mut self, bits: &StreamBits<'_>) -> Result<()> {
        let [distance, ..] = self.distances;
        if self.window.copy(self.last_len, distance) { Ok(()) } else { Err(bits.corrupt("RAR distance")) }
    }

    fn distance(&mut self, tables: &Tables, bits: &mut StreamBits<'_>) -> Result<usize> {
        let slot = tables.distances.next(bits)?;
        let (start, count) = distance_slot(slot);
        let start = start.saturating_add(1);
        if slot < 10 {
            return Ok(start.saturating_add(bits.take(count)? as usize));
        }
        let high = if count > 4 { (bits.take(count.saturating_sub(4))? as usize) << 4 } else { 0 };
        if self.low_repeats > 0 {
            self.low_repeats = self.low_repeats.saturating_sub(1);
        } else {
            match tables.low_distances.next(bits)? {
                16 => self.low_repeats = LOW_REPEATS,
                low => self.low_distance = low,
            }
        }
        Ok(start.saturating_add(high).saturating_add(self.low_distance))
    }

    /// What follows the mark of an end: tables for what is left of the file, or the end of the file.
    fn end(&mut self, bits: &mut StreamBits<'_>) -> Result<bool> {
        if bits.take(1)? != 0 {
            self.goes_on = false;
            return Ok(false);
        }
        // Whether the next file brings tables of its own.
        self.goes_on = bits.take(1)? == 0;
        Ok(true)
    }

    /// Notes a filter.
    fn call(&mut self, flags: u8, code: &[u8], offset: u64) -> Result<()> {
        let call = self.programs.call(flags, code, offset)?;
        let is_noted = self.window.filter(call.kind, call.start, call.len);
        if is_noted { Ok(()) } else { Err(Error::corrupt("RAR filter", offset)) }
    }

    /// Unpacks a block of PPMd; whether the file ends with it.
    fn ppmd(&mut self, coder: &mut RarCoder, bits: &mut StreamBits<'_>, sink: &mut Sink<'_>) -> Result<bool> {
        let Some(mut model) = self.model.take() else { return Err(bits.corrupt("PPMd block without a model")) };
        let mut range = RarRange { coder, bits };
        let is_over = self.symbols(&mut model, &mut range, sink)?;
        // A model that failed is of no use to the files that follow.
        self.model = Some(model);
        Ok(is_over)
    }

    fn symbols(&mut self, model: &mut Ppmd, range: &mut RarRange<'_, '_>, sink: &mut Sink<'_>) -> Result<bool> {
        loop {
            if self.window.is_due() {
                self.window.give(sink)?;
            }
            let next = |model: &mut Ppmd, range: &mut RarRange<'_, '_>| {
                model.symbol(range)?.ok_or_else(|| range.bits.corrupt("PPMd stream"))
            };
            let symbol = match next(model, range) {
                Err(_) if self.window.is_full() => return Ok(true),
                symbol => symbol?,
            };
            if symbol != self.escape {
                if self.window.is_full() {
                    return Ok(true);
                }
                self.window.push(symbol);
                continue;
            }
            let (len, distance) = match next(model, range)? {
                0 => return Ok(false),
                2 => return Ok(true),
                3 => {
                    let flags = next(model, range)?;
                    let len = call_len(flags, || next(model, range))?;
                    let code: Vec<u8> = (0..len).map(|_| next(model, range)).collect::<Result<_>>()?;
                    self.call(flags, &code, range.bits.offset())?;
                    continue;
                }
                4 => {
                    let distance = [0, next(model, range)?, next(model, range)?, next(model, range)?];
                    let len = usize::from(next(model, range)?).saturating_add(32);
                    (len, (u32::from_be_bytes(distance) as usize).saturating_add(2))
                }
                5 => (usize::from(next(model, range)?).saturating_add(4), 1),
                // The byte itself.
                _ if self.window.is_full() => return Ok(true),
                _ => {
                    self.window.push(symbol);
                    continue;
                }
            };
            if !self.window.copy(len, distance) {
                return Err(range.bits.corrupt("RAR distance"));
            }
        }
    }
}

/// How many bytes a call of a filter has: by its flags, or by one or two bytes behind them.
fn call_len(flags: u8, mut byte: impl FnMut() -> Result<u8>) -> Result<u32> {
    Ok(match flags & 7 {
        6 => u32::from(byte()?).saturating_add(7),
        7 => u32::from(byte()?) << 8 | u32::from(byte()?),
        len => u32::from(len).saturating_add(1),
    })
}

/// A length by its slot, less what is added to it.
fn length(slot: usize, bits: &mut StreamBits<'_>) -> Result<usize> {
    if slot < 8 {
        return Ok(slot);
    }
    // Slots end at 28: at most five more bits.
    let count = (slot / 4).saturating_sub(1).min(16) as u32;
    Ok(((4 | (slot & 3)) << count).saturating_add(bits.take(count)? as usize))
}

/// The distance at which a slot begins, and the bits behind it: up to sixteen as there are more, then fourteen slots of sixteen bits and
/// twelve of eighteen.
const fn distance_slot(slot: usize) -> (usize, u32) {
    match slot {
        0..4 => (slot, 0),
        4..34 => {
            let count = (slot / 2).saturating_sub(1) as u32;
            ((2 | (slot & 1)) << count, count)
        }
        34..48 => (slot.saturating_sub(32) << 16, 16),
        _ => (slot.saturating_sub(44) << 18, 18),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_distances_lie_side_by_side() {
        let mut next = 0;
        for slot in 0..DISTANCES {
            let (start, count) = distance_slot(slot);
            assert_eq!(start, next, "slot {slot}");
            next = start + (1 << count);
        }
        // Four mebibytes: the longest window.
        assert_eq!(next, 4 << 20);
    }
}
