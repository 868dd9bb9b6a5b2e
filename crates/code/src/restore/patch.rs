//! The instructions of one method.

use bytes::Cursor;

use super::Kept;
use crate::body::{instruction_units, payload_units};

/// Index of no member.
const NO_INDEX: u16 = u16::MAX;
const NOP: u8 = 0x00;
const RETURN_VOID: u8 = 0x0e;
const CHECK_CAST: u8 = 0x1f;
const RETURN_VOID_NO_BARRIER: u8 = 0x73;

/// How many instructions of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) restored: u32,
    pub(crate) unknown: u32,
}

impl Count {
    pub(crate) const fn add(&mut self, other: Self) {
        self.restored = self.restored.saturating_add(other.restored);
        self.unknown = self.unknown.saturating_add(other.unknown);
    }
}

/// The opcode that was rewritten to this one.
pub(crate) const fn original(opcode: u8) -> Option<u8> {
    Some(match opcode {
        // iget, iget-wide, iget-object, iput, iput-wide, iput-object.
        0xe3..=0xe5 => 0x52 + (opcode - 0xe3),
        0xe6..=0xe8 => 0x59 + (opcode - 0xe6),
        // invoke-virtual, invoke-virtual/range.
        0xe9 => 0x6e,
        0xea => 0x74,
        // iput and iget of boolean, byte, char, short.
        0xeb..=0xee => 0x5c + (opcode - 0xeb),
        0xef..=0xf2 => 0x55 + (opcode - 0xef),
        _ => return None,
    })
}

/// What is kept, being read.
enum Reader<'a> {
    Nothing,
    Pairs(Cursor<'a>),
    Indices(&'a [u8]),
}

impl Reader<'_> {
    /// A payload starts like a `nop`, and the compiler took it for one.
    fn skip_payload(&mut self) {
        if let Self::Indices(rest) = self {
            *rest = rest.get(2..).unwrap_or_default();
        }
    }

    /// The index for the instruction at `address`; of a `nop` there need not be one.
    fn next(&mut self, address: u32) -> Option<u16> {
        match self {
            Self::Nothing => None,
            Self::Pairs(cursor) => {
                let mut ahead = *cursor;
                let at = ahead.uleb128("quickened pc").ok()?;
                let index = ahead.uleb128("quickened index").ok()?;
                if at != address {
                    return None;
                }
                *cursor = ahead;
                u16::try_from(index).ok()
            }
            Self::Indices(rest) => {
                let (index, tail) = rest.split_first_chunk()?;
                *rest = tail;
                Some(u16::from_le_bytes(*index))
            }
        }
    }
}

/// Restores the instructions in `code`.
pub(super) fn method(code: &mut [u8], kept: Kept<'_>) -> Count {
    let mut reader = match kept {
        Kept::Nothing => Reader::Nothing,
        Kept::Pairs(bytes) => Reader::Pairs(Cursor::new(bytes, 0)),
        Kept::Indices([]) => Reader::Nothing,
        Kept::Indices(bytes) => Reader::Indices(bytes),
    };
    let mut count = Count::default();
    // A method has fewer than 2^32 code units.
    let end = (code.len() / 2) as u32;
    let mut address = 0_u32;
    while address < end {
        if let Some(units) = payload_units(code, address) {
            reader.skip_payload();
            address = address.saturating_add(units);
            continue;
        }
        let position = address as usize * 2;
        let Some(opcode) = code.get(position).copied() else { break };
        let mut units = instruction_units(opcode);
        if opcode == NOP {
            units = cast(code, position, address, &mut reader, &mut count);
        } else if let Some(instruction) = code.get_mut(position..position.saturating_add(units as usize * 2)) {
            restore(instruction, opcode, address, &mut reader, &mut count);
        }
        address = address.saturating_add(units.max(1));
    }
    count
}

/// Counts the instructions in `code` that name a number.
pub(super) fn count(code: &[u8]) -> Count {
    let mut count = Count::default();
    // A method has fewer than 2^32 code units.
    let end = (code.len() / 2) as u32;
    let mut address = 0_u32;
    while address < end {
        let opcode = code.get(address as usize * 2).copied().unwrap_or(NOP);
        if let Some(units) = payload_units(code, address) {
            address = address.saturating_add(units);
            continue;
        }
        count.unknown = count.unknown.saturating_add(u32::from(original(opcode).is_some()));
        address = address.saturating_add(instruction_units(opcode).max(1));
    }
    count
}

/// Restores one instruction.
fn restore(instruction: &mut [u8], opcode: u8, address: u32, reader: &mut Reader<'_>, count: &mut Count) {
    let [first, _, low, high, ..] = instruction else {
        if let ([first, ..], RETURN_VOID_NO_BARRIER) = (instruction, opcode) {
            // Not kept, as it stands for nothing else.
            *first = RETURN_VOID;
        }
        return;
    };
    let Some(original) = original(opcode) else { return };
    match reader.next(address).filter(|&index| index != NO_INDEX) {
        Some(index) => {
            *first = original;
            [*low, *high] = index.to_le_bytes();
            count.restored = count.restored.saturating_add(1);
        }
        None => count.unknown = count.unknown.saturating_add(1),
    }
}

/// A `nop`, which may have been half a `check-cast` that cannot fail: then its register and its type are kept, in this
/// order. Length of the instruction.
fn cast(code: &mut [u8], position: usize, address: u32, reader: &mut Reader<'_>, count: &mut Count) -> u32 {
    const UNITS: u32 = 2;
    let Some(register) = reader.next(address).filter(|&index| index != NO_INDEX) else { return 1 };
    let Some(ty) = reader.next(address) else { return 1 };
    let instruction = code.get_mut(position..).and_then(|tail| tail.first_chunk_mut::<4>());
    // Only two `nop` are a cast's remains.
    let (Some(instruction @ [0, 0, 0, 0]), Ok(register)) = (instruction, u8::try_from(register)) else { return 1 };
    let [low, high] = ty.to_le_bytes();
    *instruction = [CHECK_CAST, register, low, high];
    count.restored = count.restored.saturating_add(1);
    UNITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    /// iget-quick, two nops, invoke-virtual-quick, return-void-no-barrier.
    const QUICK: [u16; 8] = [0x10e3, 8, 0, 0, 0x10e9, 11, 2, 0x0073];
    const PLAIN: [u16; 8] = [0x1052, 300, 0x051f, 7, 0x106e, 1, 2, 0x000e];

    #[test]
    fn pairs_and_indices_give_the_same_instructions() {
        let pairs = [0, 0xac, 2, 2, 5, 2, 7, 4, 1];
        let indices = bytes(&[300, 5, 7, 1]);
        for kept in [Kept::Pairs(&pairs), Kept::Indices(&indices)] {
            let mut code = bytes(&QUICK);
            assert_eq!(method(&mut code, kept), Count { restored: 3, unknown: 0 });
            assert_eq!(code, bytes(&PLAIN));
        }
    }

    #[test]
    fn without_an_index_an_instruction_stays_and_is_counted() {
        let mut code = bytes(&QUICK);
        assert_eq!(method(&mut code, Kept::Nothing), Count { restored: 0, unknown: 2 });
        assert_eq!(code[..14], bytes(&QUICK)[..14]);
        // A pair of another address is for another instruction.
        let mut code = bytes(&QUICK);
        assert_eq!(method(&mut code, Kept::Pairs(&[4, 1])), Count { restored: 1, unknown: 1 });
    }

    #[test]
    fn a_real_nop_stays_and_payloads_are_no_instructions() {
        let mut code = bytes(&[0, 0x0300, 2, 1, 0, 0x00e3, 0x10e3, 8]);
        let indices = bytes(&[NO_INDEX, NO_INDEX, 9]);
        assert_eq!(method(&mut code, Kept::Indices(&indices)), Count { restored: 1, unknown: 0 });
        assert_eq!(code, bytes(&[0, 0x0300, 2, 1, 0, 0x00e3, 0x1052, 9]));
    }
}
