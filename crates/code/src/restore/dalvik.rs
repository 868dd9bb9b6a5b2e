//! The instructions that the Dalvik virtual machine wrote into its optimised files.
//!
//! Met up to Android 4.4. Some only say more about what they name (a volatile field, an empty constructor): these become
//! what they were. The others name a number: an offset of a field, a position in a table of methods, an intrinsic. They
//! become the quickened instructions of the later virtual machine, of equal layout, so that everything above knows one
//! set; what that set cannot tell is kept beside. Written from `Optimize.cpp` and `DexOpcodes.h` of that platform.

use super::patch::Count;
use crate::{
    body::{instruction_units, payload_units},
    dex::{Header, Table},
    program::{Special, SpecialKind},
};

/// The number of an instruction that is explained beside.
pub(crate) const EXPLAINED_BESIDE: u16 = u16::MAX;
const INVOKE_DIRECT: u8 = 0x70;
const RETURN_VOID: u8 = 0x0e;
const THROW: u8 = 0x27;
/// `invoke-virtual-quick`, and with a range.
const QUICK_CALL: u8 = 0xe9;
const QUICK_RANGE_CALL: u8 = 0xea;

/// iget, iput, sget, sput: of a field of one word. Six more follow each, for the other types.
const WORDS: [u8; 4] = [0x52, 0x59, 0x60, 0x67];

/// Length in code units.
const fn units(opcode: u8) -> u32 {
    match opcode {
        0xe3..=0xeb | 0xed | 0xf2..=0xf7 | 0xfc..=0xfe => 2,
        0xee..=0xf0 | 0xf8..=0xfb => 3,
        0xec | 0xf1 | 0xff => 1,
        _ => instruction_units(opcode),
    }
}

/// What an instruction was that names a volatile field.
const fn volatile(opcode: u8) -> Option<u8> {
    Some(match opcode {
        // iget, iput, sget, sput.
        0xe3 => 0x52,
        0xe4 => 0x59,
        0xe5 => 0x60,
        0xe6 => 0x67,
        // iget-object, iget-wide, iput-wide, sget-wide, sput-wide.
        0xe7 => 0x54,
        0xe8 => 0x53,
        0xe9 => 0x5a,
        0xea => 0x61,
        0xeb => 0x68,
        // iput-object, sget-object, sput-object.
        0xfc => 0x5b,
        0xfd => 0x62,
        0xfe => 0x69,
        _ => return None,
    })
}

/// The kind of each field of a file, by index: how far behind the instruction for words that for its type is.
pub(super) fn field_kinds(bytes: &[u8], header: &Header) -> Vec<u8> {
    const FIELD_BYTES: usize = 8;
    let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word) as usize);
    let entry = |table: Table, index: usize| (index < table.count as usize).then(|| table.offset as usize + 4 * index);
    let kind = |field: &[u8; FIELD_BYTES]| {
        let string = word(entry(header.types, u16::from_le_bytes([field[2], field[3]]).into())?)?;
        let text = word(entry(header.strings, string)?)?;
        // The length of a type with one letter is one byte.
        match bytes.get(text..)?.first_chunk::<2>()? {
            [1, b'Z'] => Some(3),
            [1, b'B'] => Some(4),
            [1, b'C'] => Some(5),
            [1, b'S'] => Some(6),
            _ => None,
        }
    };
    let table = bytes.get(header.fields.offset as usize..).unwrap_or_default().as_chunks::<FIELD_BYTES>().0;
    // Indices of instructions have 16 bits.
    let named = table.iter().take((header.fields.count as usize).min(1 << 16));
    named.map(|field| kind(field).unwrap_or(0)).collect()
}

/// Rewrites the instructions in `code`, which starts at `start` of the file.
pub(super) fn method(code: &mut [u8], start: u32, kinds: &[u8], special: &mut Vec<Special>) -> Count {
    let mut count = Count::default();
    // A method has fewer than 2^32 code units.
    let end = (code.len() / 2) as u32;
    let mut address = 0_u32;
    while address < end {
        if let Some(units) = payload_units(code, address) {
            address = address.saturating_add(units);
            continue;
        }
        let position = address as usize * 2;
        let Some(opcode) = code.get(position).copied() else { break };
        let length = units(opcode);
        if let Some(instruction) = code.get_mut(position..position.saturating_add(length as usize * 2)) {
            // Below the length of the file.
            let place = start.saturating_add(address.saturating_mul(2));
            rewrite(instruction, opcode, place, (kinds, special), &mut count);
        }
        address = address.saturating_add(length);
    }
    count
}

fn rewrite(
    instruction: &mut [u8],
    opcode: u8,
    place: u32,
    (kinds, special): (&[u8], &mut Vec<Special>),
    count: &mut Count,
) {
    let Some((first, rest)) = instruction.split_first_mut() else { return };
    if let Some(original) = volatile(opcode) {
        let index = u16::from_le_bytes([rest.get(1).copied().unwrap_or(0), rest.get(2).copied().unwrap_or(0)]);
        // Those for words were made from those for narrower fields as well.
        let kind = if WORDS.contains(&original) { kinds.get(usize::from(index)).copied().unwrap_or(0) } else { 0 };
        *first = original.saturating_add(kind);
        count.restored = count.restored.saturating_add(1);
        return;
    }
    match opcode {
        0xf1 => *first = RETURN_VOID,
        0xf0 => {
            // One register, as a range: its number is where that of a list is as well.
            let low = rest.get(3).copied().unwrap_or(u8::MAX);
            if low < 16 && rest.get(4) == Some(&0) {
                *first = INVOKE_DIRECT;
                set(rest, 0, 0x10);
            } else {
                *first = INVOKE_DIRECT + 6;
            }
            count.restored = count.restored.saturating_add(1);
        }
        // iget, iget-wide, iget-object, iput, iput-wide, iput-object by offset: in the same order.
        0xf2..=0xf7 => {
            *first = opcode - 0xf2 + 0xe3;
            count.unknown = count.unknown.saturating_add(1);
        }
        0xf8 | 0xf9 => {
            *first = opcode - 0xf8 + QUICK_CALL;
            count.unknown = count.unknown.saturating_add(1);
        }
        0xee | 0xef | 0xfa | 0xfb => {
            let number = u16::from_le_bytes([rest.get(1).copied().unwrap_or(0), rest.get(2).copied().unwrap_or(0)]);
            let kind = if opcode < 0xfa { SpecialKind::Intrinsic } else { SpecialKind::Super };
            special.push(Special { place, kind, number });
            *first = if opcode.is_multiple_of(2) { QUICK_CALL } else { QUICK_RANGE_CALL };
            let [low, high] = EXPLAINED_BESIDE.to_le_bytes();
            set(rest, 1, low);
            set(rest, 2, high);
            count.unknown = count.unknown.saturating_add(1);
        }
        // It always throws, whatever it was before; the register is of no meaning.
        0xed => {
            *first = THROW;
            rest.fill(0);
            count.unknown = count.unknown.saturating_add(1);
        }
        _ => {}
    }
}

fn set(bytes: &mut [u8], at: usize, value: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    #[test]
    fn what_only_says_more_becomes_what_it_was() {
        // iget-volatile, sput-volatile, sput-object-volatile, invoke-object-init/range {v3}, return-void-barrier
        let mut code = bytes(&[0x10e3, 7, 0x00e6, 2, 0x00fe, 8, 0x01f0, 9, 3, 0x00f1]);
        let mut special = Vec::new();
        // Of the fields that are named the third is a boolean.
        assert_eq!(method(&mut code, 0, &[0, 0, 3], &mut special), Count { restored: 4, unknown: 0 });
        assert_eq!(code, bytes(&[0x1052, 7, 0x006a, 2, 0x0069, 8, 0x1070, 9, 3, 0x000e]));
        assert_eq!(special, []);
    }

    #[test]
    fn numbers_become_quickened_instructions_and_the_rest_is_kept_beside() {
        // iput-object-quick, invoke-virtual-quick, execute-inline, invoke-super-quick/range, throw-verification-error
        let mut code = bytes(&[0x10f7, 8, 0x10f8, 5, 0, 0x20ee, 3, 0x10, 0x02fb, 11, 4, 0x01ed, 6]);
        let mut special = Vec::new();
        assert_eq!(method(&mut code, 100, &[], &mut special), Count { restored: 0, unknown: 5 });
        assert_eq!(code, bytes(&[0x10e8, 8, 0x10e9, 5, 0, 0x20e9, 0xffff, 0x10, 0x02ea, 0xffff, 4, 0x0027, 0]));
        let expected = [
            Special { place: 110, kind: SpecialKind::Intrinsic, number: 3 },
            Special { place: 116, kind: SpecialKind::Super, number: 11 },
        ];
        assert_eq!(special, expected);
    }
}
