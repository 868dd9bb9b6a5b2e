//! BCJ2, what 7-Zip does to programs for x86 before they are packed: the addresses of calls and of jumps are made absolute and go into
//! a stream each, and a fourth stream says of each instruction whether its address went there. Met in 7z archives, around flashing
//! tools. Written from Methods.txt and the comments of Bcj2.h of the LZMA SDK.

use std::io::BufRead as _;

use bytes::{ByteSource, Error, Result};

use crate::{Sink, input::Input, len64, made_when_read};

const WHAT: &str = "BCJ2 stream";
/// Bytes given away at a time.
const PIECE_LEN: usize = 64 << 10;
const CALL: u8 = 0xe8;
const JUMP: u8 = 0xe9;
/// Below this the range takes another byte.
const RANGE_MIN: u32 = 1 << 24;
/// Bits of a probability, and how slowly it follows what was seen.
const PROBABILITY_BITS: u32 = 11;
const ADAPTATION_SHIFT: u32 = 5;

/// What the four streams make together: `len` bytes, made when they are first read. They are the program without the addresses, the
/// addresses of calls, those of jumps, and the marks.
#[must_use]
pub fn bcj2(streams: [ByteSource; 4], len: u64) -> ByteSource {
    made_when_read(len, move |sink| unpack(&streams, len, sink))
}

fn unpack(streams: &[ByteSource; 4], len: u64, sink: &mut Sink<'_>) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    let [program, calls, jumps, marks] = streams.each_ref().map(Input::new);
    let mut marks = Marks::new(marks)?;
    let (mut program, mut calls, mut jumps) = (program, calls, jumps);
    let mut made = Made { piece: Vec::with_capacity(PIECE_LEN), len: 0, left: len, sink };
    let mut before = 0;
    loop {
        let (in_front, instruction) = up_to_branch(&mut program, &mut made, before)?;
        before = instruction;
        if made.left == 0 {
            return made.give();
        }
        if !is_branch(in_front, instruction) || !marks.is_absolute(in_front, instruction)? {
            continue;
        }
        let addresses = if instruction == CALL { &mut calls } else { &mut jumps };
        let absolute = u32::from_be_bytes(addresses.take(WHAT)?);
        // Addresses count from behind the instruction, and wrap as those of the processor do.
        let relative = absolute.wrapping_sub((made.len as u32).wrapping_add(4)).to_le_bytes();
        made.put(&relative)?;
        before = relative[3];
    }
}

/// Calls, jumps, and jumps on a condition.
const fn is_branch(before: u8, byte: u8) -> bool {
    byte & 0xfe == CALL || (before == 0x0f && byte & 0xf0 == 0x80)
}

/// Gives what comes next of the program, up to and with a branch; the last two bytes of it.
fn up_to_branch(program: &mut Input<'_>, made: &mut Made<'_, '_>, mut before: u8) -> Result<(u8, u8)> {
    if let Err(error) = program.fill_buf() {
        return Err(program.told(&error, WHAT));
    }
    let available = program.fill_buf().unwrap_or_default();
    let limit = available.len().min(usize::try_from(made.left).unwrap_or(usize::MAX));
    let available = available.get(..limit).unwrap_or_default();
    let mut last = before;
    let end = available.iter().position(|&byte| {
        (before, last) = (last, byte);
        is_branch(before, last)
    });
    let run = available.get(..end.map_or(limit, |end| end.saturating_add(1))).unwrap_or_default();
    if run.is_empty() {
        return Err(Error::truncated(WHAT, program.offset(), made.left, 0));
    }
    made.put(run)?;
    let count = run.len();
    program.consume(count);
    Ok((before, last))
}

/// What was made, a piece at a time.
struct Made<'a, 'b> {
    piece: Vec<u8>,
    len: u64,
    left: u64,
    sink: &'a mut Sink<'b>,
}

impl Made<'_, '_> {
    /// Adds `bytes`, or what of them there is room for.
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let count = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.piece.extend_from_slice(bytes.get(..count).unwrap_or_default());
        self.len = self.len.saturating_add(len64(count));
        self.left = self.left.saturating_sub(len64(count));
        if self.piece.len() >= PIECE_LEN { self.give() } else { Ok(()) }
    }

    fn give(&mut self) -> Result<()> {
        (self.sink)(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
}

/// The marks: bits whose probabilities adapt, packed as LZMA packs them.
struct Marks<'a> {
    input: Input<'a>,
    range: u32,
    code: u32,
    /// Of calls by the byte in front of them, of jumps, of jumps on a condition.
    probabilities: [u16; 258],
}

impl<'a> Marks<'a> {
    fn new(mut input: Input<'a>) -> Result<Self> {
        let [zero, code @ ..] = input.take::<5>(WHAT)?;
        if zero != 0 {
            return Err(Error::corrupt(WHAT, 0));
        }
        let probabilities = [1 << (PROBABILITY_BITS - 1); 258];
        Ok(Self { input, range: u32::MAX, code: u32::from_be_bytes(code), probabilities })
    }

    fn is_absolute(&mut self, before: u8, instruction: u8) -> Result<bool> {
        let place = match instruction {
            CALL => usize::from(before),
            JUMP => 256,
            _ => 257,
        };
        let Some(probability) = self.probabilities.get_mut(place) else { return Ok(false) };
        if self.range < RANGE_MIN {
            let [byte] = self.input.take(WHAT)?;
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(byte);
        }
        // A probability has eleven bits, so the bound stays below the range.
        let bound = (self.range >> PROBABILITY_BITS).wrapping_mul(u32::from(*probability));
        let is_absolute = self.code >= bound;
        if is_absolute {
            self.range = self.range.wrapping_sub(bound);
            self.code = self.code.wrapping_sub(bound);
            *probability = probability.wrapping_sub(*probability >> ADAPTATION_SHIFT);
        } else {
            self.range = bound;
            let distance = (1_u16 << PROBABILITY_BITS).wrapping_sub(*probability);
            *probability = probability.wrapping_add(distance >> ADAPTATION_SHIFT);
        }
        Ok(is_absolute)
    }
}
