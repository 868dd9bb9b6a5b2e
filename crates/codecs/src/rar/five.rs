//! The packing of RAR 5: blocks with tables of their own. Written from the technical note "RAR 5.0 archive format" and, for what is
//! packed, from the layout facts of unrar, unpack50.cpp.

use bytes::{ByteSource, Error, Result};

use super::{
    bits::{Bits, BlockBits, Code},
    filters::Kind,
    window::Window,
};
use crate::Sink;

/// Symbols of the tables: lengths of codes, literals and lengths, distances, low bits of distances, lengths of repeated matches.
const LENGTHS: usize = 20;
const LITERALS: usize = 306;
const DISTANCES: usize = 64;
const LOW_DISTANCES: usize = 16;
const REPEATED: usize = 44;
const TABLE_LEN: usize = LITERALS + DISTANCES + LOW_DISTANCES + REPEATED;

#[derive(Default)]
struct Tables {
    literals: Code,
    distances: Code,
    low_distances: Code,
    repeated: Code,
}

/// Unpacks the files of a solid group one after the other; what was unpacked before is the window of what follows.
pub struct RarDecoder {
    window: Window,
    tables: Option<Tables>,
    distances: [usize; 4],
    last_len: usize,
}

impl RarDecoder {
    /// A decoder with a window of `window_len` bytes, of which no more than `unpacked_len` are ever filled.
    pub fn new(window_len: u64, unpacked_len: u64) -> Result<Self> {
        let window = Window::new(window_len, unpacked_len)?;
        Ok(Self { window, tables: None, distances: [0; 4], last_len: 0 })
    }

    /// Unpacks the next file, of `unpacked_len` bytes, and gives it to `sink` piece by piece.
    pub fn file(&mut self, packed: &ByteSource, unpacked_len: u64, sink: &mut Sink<'_>) -> Result<()> {
        self.window.begin(unpacked_len);
        let mut at = 0_u64;
        while !self.window.is_full() {
            let (block, flags, next) = block(packed, at)?;
            let mut bits = BlockBits::new(&block, usize::from(flags & 7).saturating_add(1), at);
            if flags & 0x80 != 0 {
                self.tables = Some(tables(&mut bits)?);
            }
            self.block(&mut bits, sink)?;
            if flags & 0x40 != 0 {
                break;
            }
            at = next;
        }
        self.window.end(packed.len(), sink)
    }

    fn block(&mut self, bits: &mut BlockBits<'_>, sink: &mut Sink<'_>) -> Result<()> {
        let Some(tables) = self.tables.take() else { return Err(bits.corrupt("RAR block without tables")) };
        while !bits.is_at_end() && !self.window.is_full() {
            if self.window.is_due() {
                self.window.give(sink)?;
            }
            match tables.literals.next(bits)? {
                literal @ 0..256 => self.window.push(literal as u8),
                256 => self.filter(bits)?,
                257 => {
                    if self.last_len > 0 {
                        self.copy(bits)?;
                    }
                }
                repeated @ 258..262 => {
                    // The distance that is used again becomes the first.
                    let used = self.distances.get_mut(..repeated.saturating_sub(257)).unwrap_or_default();
                    used.rotate_right(1);
                    let slot = tables.repeated.next(bits)?;
                    self.last_len = length(slot, bits)?;
                    self.copy(bits)?;
                }
                slot => {
                    let len = length(slot.saturating_sub(262), bits)?;
                    let distance = distance(&tables, bits)?;
                    self.distances.rotate_right(1);
                    let [first, ..] = &mut self.distances;
                    *first = distance;
                    // Far matches are worth it only if they are long.
                    let bonus = [0x100, 0x2000, 0x40000].iter().filter(|&&far| distance > far).count();
                    self.last_len = len.saturating_add(bonus);
                    self.copy(bits)?;
                }
            }
        }
        self.tables = Some(tables);
        Ok(())
    }

    /// Repeats as many bytes as the last match had, from its distance before.
    fn copy(&mut self, bits: &BlockBits<'_>) -> Result<()> {
        let [distance, ..] = self.distances;
        if self.window.copy(self.last_len, distance) { Ok(()) } else { Err(bits.corrupt("RAR distance")) }
    }

    /// Notes a filter; its range starts somewhere behind what was made so far.
    fn filter(&mut self, bits: &mut BlockBits<'_>) -> Result<()> {
        let (start, len) = (u64::from(number(bits)?), u64::from(number(bits)?));
        let kind = match bits.take(3)? {
            0 => Kind::Delta { channels: (bits.take(5)? as usize).saturating_add(1) },
            1 => Kind::X86 { jumps: false, wraps: true },
            2 => Kind::X86 { jumps: true, wraps: true },
            3 => Kind::Arm,
            _ => return Err(bits.corrupt("RAR filter")),
        };
        if self.window.filter(kind, start, len) { Ok(()) } else { Err(bits.corrupt("RAR filter")) }
    }
}

/// The block at `at`: its bytes, its flags and where the next one starts.
fn block(packed: &ByteSource, at: u64) -> Result<(Vec<u8>, u8, u64)> {
    let [flags, sum] = packed.array(at, "RAR block header")?;
    let size_len = flags >> 3 & 3;
    let mut size = [0; 4];
    let (used, _) = size.split_at_mut(usize::from(size_len).saturating_add(1));
    packed.read(at.saturating_add(2), used, "RAR block size")?;
    let made = size.iter().fold(0x5a ^ flags, |sum, byte| sum ^ byte);
    if size_len == 3 || made != sum {
        return Err(Error::checksum("RAR block header", at));
    }
    let start = at.saturating_add(3).saturating_add(u64::from(size_len));
    let len = u32::from_le_bytes(size);
    if len == 0 {
        return Err(Error::corrupt("RAR block size", at));
    }
    // At most 16 MiB, and not before they are known to be there.
    let range = packed.slice(start, u64::from(len), "RAR block")?;
    let mut bytes = vec![0; len as usize];
    range.read(0, &mut bytes, "RAR block")?;
    Ok((bytes, flags, start.saturating_add(u64::from(len))))
}

fn tables(bits: &mut BlockBits<'_>) -> Result<Tables> {
    let code = Code::of_lengths::<LENGTHS>(bits)?;
    let mut table: Vec<u8> = Vec::with_capacity(TABLE_LEN);
    while table.len() < TABLE_LEN {
        let symbol = code.next(bits)?;
        let (value, count) = match symbol {
            16 => (table.last().copied(), bits.take(3)?.saturating_add(3)),
            17 => (table.last().copied(), bits.take(7)?.saturating_add(11)),
            18 => (Some(0), bits.take(3)?.saturating_add(3)),
            19 => (Some(0), bits.take(7)?.saturating_add(11)),
            // Below sixteen.
            len => (Some(len as u8), 1),
        };
        let value = value.ok_or_else(|| bits.corrupt("RAR table"))?;
        table.resize(table.len().saturating_add(count as usize).min(TABLE_LEN), value);
    }
    let mut rest = table.as_slice();
    let mut part = |len: usize| {
        let (head, tail) = rest.split_at(len.min(rest.len()));
        rest = tail;
        Code::new(head)
    };
    let (literals, distances) = (part(LITERALS), part(DISTANCES));
    Ok(Tables { literals, distances, low_distances: part(LOW_DISTANCES), repeated: part(REPEATED) })
}

/// A length by its slot.
fn length(slot: usize, bits: &mut BlockBits<'_>) -> Result<usize> {
    if slot < 8 {
        return Ok(slot.saturating_add(2));
    }
    // Slots end at 44: at most ten more bits.
    let count = (slot / 4).saturating_sub(1).min(16) as u32;
    let more = bits.take(count)? as usize;
    Ok(((4 | (slot & 3)) << count).saturating_add(more).saturating_add(2))
}

fn distance(tables: &Tables, bits: &mut BlockBits<'_>) -> Result<usize> {
    let slot = tables.distances.next(bits)?;
    if slot < 4 {
        return Ok(slot.saturating_add(1));
    }
    // Slots end at 64: at most thirty more bits, so that all of it fits.
    let count = (slot / 2).saturating_sub(1).min(30) as u32;
    let start = ((2 | (slot as u64 & 1)) << count).saturating_add(1);
    let more = if count < 4 {
        u64::from(bits.take(count)?)
    } else {
        let high = if count > 4 { u64::from(bits.take(count.saturating_sub(4))?) << 4 } else { 0 };
        high.saturating_add(tables.low_distances.next(bits)? as u64)
    };
    usize::try_from(start.saturating_add(more)).map_err(|_| bits.corrupt("RAR distance"))
}

/// A number of one to four bytes.
fn number(bits: &mut BlockBits<'_>) -> Result<u32> {
    let count = bits.take(2)?.saturating_add(1);
    let mut bytes = [0; 4];
    for byte in bytes.iter_mut().take(count as usize) {
        *byte = bits.take(8)? as u8;
    }
    Ok(u32::from_le_bytes(bytes))
}
