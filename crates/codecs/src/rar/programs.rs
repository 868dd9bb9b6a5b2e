//! Filters of versions 2.9 to 4: programs for a small machine, stored in the archive. Nothing of them is run: archivers write six, which
//! are known by their lengths and checksums, and another one is told as not supported.

use bytes::{Error, Result};

use super::{
    bits::{Bits, BlockBits},
    filters::Kind,
};

/// Filters of one group of files.
const PROGRAMS_MAX: usize = 1024;
/// Longest program, as the format bounds it.
const PROGRAM_LEN_MAX: u32 = 0x1_0000;
/// Memory of the small machine: no range is longer.
const RANGE_LEN_MAX: u32 = 0x4_0000;
/// Channels of sound that an archiver tells apart.
const CHANNELS_MAX: u32 = 1024;
const WHAT: &str = "RAR filter";

/// A program that was stored once, and the length of the range that it was last for.
struct Program {
    crc32: u32,
    code_len: usize,
    last_len: u32,
}

/// The programs of a group of files, by number.
#[derive(Default)]
pub(super) struct Programs {
    known: Vec<Program>,
    last: usize,
}

/// A filter, where its range starts behind what was made so far, and the length of that.
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) start: u64,
    pub(super) len: u64,
}

impl Programs {
    /// Reads one call: `flags` say what follows in `bytes`.
    pub(super) fn call(&mut self, flags: u8, bytes: &[u8], offset: u64) -> Result<Call> {
        let corrupt = Error::corrupt(WHAT, offset);
        let mut bits = BlockBits::new(bytes, 8, offset);
        let place = if flags & 0x80 == 0 {
            self.last
        } else {
            match number(&mut bits)? {
                0 => {
                    self.known.clear();
                    0
                }
                place => (place.wrapping_sub(1)) as usize,
            }
        };
        if place > self.known.len() || place >= PROGRAMS_MAX {
            return Err(corrupt);
        }
        self.last = place;
        let mut start = u64::from(number(&mut bits)?);
        if flags & 0x40 != 0 {
            start = start.saturating_add(258);
        }
        let known_len = self.known.get(place).map_or(0, |program| program.last_len);
        let len = if flags & 0x20 != 0 { number(&mut bits)? } else { known_len };
        let mut registers = [0; 7];
        if flags & 0x10 != 0 {
            let set = bits.take(7)?;
            for (place, register) in registers.iter_mut().enumerate() {
                if set >> place & 1 != 0 {
                    *register = number(&mut bits)?;
                }
            }
        }
        if place == self.known.len() {
            self.known.push(program(&mut bits)?);
        }
        if len > RANGE_LEN_MAX {
            return Err(corrupt);
        }
        let program = self.known.get_mut(place).ok_or(corrupt)?;
        program.last_len = len;
        Ok(Call { kind: program.kind(registers, offset)?, start, len: u64::from(len) })
    }
}

impl Program {
    /// What the program does with what it is given in its registers.
    fn kind(&self, registers: [u32; 7], offset: u64) -> Result<Kind> {
        let [first, second, ..] = registers;
        let channels = Some(first).filter(|count| (1..=CHANNELS_MAX).contains(count));
        let channels = channels.map(|count| count as usize).ok_or(Error::corrupt(WHAT, offset));
        Ok(match (self.code_len, self.crc32) {
            (53, 0xad57_6887) => Kind::X86 { jumps: false, wraps: false },
            (57, 0x3cd7_e57e) => Kind::X86 { jumps: true, wraps: false },
            (120, 0x3769_893f) => Kind::Itanium,
            (29, 0x0e06_077d) => Kind::Delta { channels: channels? },
            // The row is given with a pixel more.
            (149, 0x1c2c_5dc8) => match first.checked_sub(3) {
                Some(row_len) if row_len <= RANGE_LEN_MAX && second <= 2 => {
                    Kind::Picture { row_len: row_len as usize, red: second as usize }
                }
                _ => return Err(Error::corrupt(WHAT, offset)),
            },
            (216, 0xbc85_e701) => Kind::Sound { channels: channels? },
            _ => return Err(Error::unsupported("RAR filter with a program of its own", offset, u64::from(self.crc32))),
        })
    }
}

/// A program that is stored here for the first time. Its bytes give zero together, by exclusive or; one of which that does not hold
/// is left out by the packager's own program.
fn program(bits: &mut BlockBits<'_>) -> Result<Program> {
    let len = number(bits)?;
    if len == 0 || len >= PROGRAM_LEN_MAX {
        return Err(bits.corrupt(WHAT));
    }
    let code: Vec<u8> = (0..len).map(|_| bits.take(8).map(|byte| byte as u8)).collect::<Result<_>>()?;
    if code.iter().fold(0, |sum, byte| sum ^ byte) != 0 {
        return Err(Error::checksum(WHAT, 0));
    }
    Ok(Program { crc32: crate::crc32(&code), code_len: code.len(), last_len: 0 })
}

/// A number of four, eight, sixteen or 32 bits, or a small negative one.
fn number(bits: &mut BlockBits<'_>) -> Result<u32> {
    Ok(match bits.take(2)? {
        0 => bits.take(4)?,
        1 => match bits.take(4)? {
            0 => 0xffff_ff00 | bits.take(8)?,
            high => high << 4 | bits.take(4)?,
        },
        2 => bits.take(16)?,
        _ => bits.take(32)?,
    })
}
