//! Code units to instructions: a linear sweep over one method, as the platform's verifier does it.
//!
//! Written from the documents "Dalvik bytecode" and "Dalvik executable instruction formats". Nothing here fails: what is
//! no instruction becomes a [`Decoded::bad`] one, and the sweep goes on at the next code unit.

use super::{
    encoding::{Encoding, WIDE_UNITS},
    format, payload,
};
use crate::RawCode;

const UNIT_BYTES: usize = 2;

/// An instruction, its operands as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoded {
    /// Address of its first code unit.
    pub(crate) address: u32,
    /// Address after it, and after the `move-result` folded into it.
    pub(crate) next: u32,
    pub(crate) opcode: u8,
    /// A payload, a reserved opcode, or an instruction that the method's end cuts off.
    pub(crate) bad: bool,
    /// The first operand; of calls the number of argument registers.
    pub(crate) a: u16,
    /// The second operand; of calls the index.
    pub(crate) b: u16,
    /// The third operand; of calls by range the first register.
    pub(crate) c: u16,
    /// Literal, distance of a jump, 32-bit index; of calls with a list the registers, four bits each.
    pub(crate) literal: i64,
    /// The `move-result` that follows: its register and whether it takes a wide value.
    pub(crate) result: Option<(u16, bool)>,
}

/// All instructions of a method.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// In the order of their addresses.
    pub(crate) instructions: Vec<Decoded>,
    /// Number of instructions as the document counts them: without payloads, with each `move-result`.
    pub(crate) count: u32,
}

impl Sweep {
    /// Decodes a method from its first code unit to its last. The caller has bounded the number of code units.
    pub(crate) fn new(code: &RawCode<'_>) -> Self {
        // Instructions have two units and more on average, and the shortest methods two instructions.
        let mut instructions = Vec::with_capacity((code.unit_count() as usize / 2).saturating_add(2));
        let (mut payloads, mut folded) = (0_u32, 0_u32);
        let (mut rest, mut address) = (code.instructions, 0);
        while rest.len() >= UNIT_BYTES {
            let units = first_units(rest);
            let decoded = match payload::units_at(units, rest.len()) {
                Some(length) => {
                    payloads = payloads.saturating_add(1);
                    Decoded::bad(address, length, rest)
                }
                None => Decoded::instruction(address, units, rest),
            };
            // All addresses are bounded by the number of code units.
            let used = decoded.next.wrapping_sub(address) as usize;
            rest = rest.get(used.wrapping_mul(UNIT_BYTES)..).unwrap_or_default();
            address = decoded.next;
            if format::is_move_result(decoded.opcode) && fold(instructions.last_mut(), &decoded) {
                folded = folded.saturating_add(1);
            } else {
                instructions.push(decoded);
            }
        }
        // Fewer than code units, which are counted in 32 bits.
        let count = (instructions.len() as u32).saturating_add(folded).saturating_sub(payloads);
        Self { instructions, count }
    }

    /// Index of the instruction that starts at `address`.
    pub(crate) fn at(&self, address: u32) -> Option<u32> {
        // Fewer than code units, which are counted in 32 bits.
        self.instructions.binary_search_by_key(&address, |decoded| decoded.address).ok().map(|index| index as u32)
    }

    /// Index of the first instruction that starts at `address` or later.
    pub(crate) fn at_or_after(&self, address: u32) -> u32 {
        // As in `at`.
        self.instructions.partition_point(|decoded| decoded.address < address) as u32
    }
}

/// Makes a `move-result` part of the call right before it.
fn fold(before: Option<&mut Decoded>, decoded: &Decoded) -> bool {
    let Some(call) = before.filter(|call| {
        Encoding::get(call.opcode).has_result && !call.bad && call.next == decoded.address && call.result.is_none()
    }) else {
        return false;
    };
    call.result = Some((decoded.a, decoded.opcode == 0x0b));
    call.next = decoded.next;
    true
}

impl Decoded {
    /// Something at the start of `rest` that is no instruction; of at most `length` units.
    fn bad(address: u32, length: u32, rest: &[u8]) -> Self {
        // Cannot be more than the code units of the method, which are counted in 32 bits.
        let left = (rest.len() / UNIT_BYTES) as u32;
        let opcode = rest.first().copied().unwrap_or(0);
        let next = address.saturating_add(length.min(left));
        Self { address, next, opcode, bad: true, a: 0, b: 0, c: 0, literal: 0, result: None }
    }

    /// The instruction at the start of `rest`, of which `units` are the first four.
    fn instruction(address: u32, units: u64, rest: &[u8]) -> Self {
        let [opcode, ..] = units.to_le_bytes();
        let encoding = Encoding::get(opcode);
        if encoding.reserved || rest.len() < usize::from(encoding.units).wrapping_mul(UNIT_BYTES) {
            return Self::bad(address, encoding.units.into(), rest);
        }
        let next = address.wrapping_add(encoding.units.into());
        let [a, b, c] = [encoding.a.of(units), encoding.b.of(units), encoding.c.of(units)];
        let mut literal = encoding.literal.of(units);
        if encoding.units == WIDE_UNITS {
            literal = rest.get(UNIT_BYTES..).and_then(|rest| rest.first_chunk()).map_or(0, |b| i64::from_le_bytes(*b));
        }
        Self { address, next, opcode, bad: false, a, b, c, literal, result: None }
    }

    /// Where a jump leads: address plus distance. `None` if this is no jump or it leads out of 32 bits.
    pub(crate) fn target(&self) -> Option<u32> {
        u32::try_from(i64::from(self.address).checked_add(self.literal)?).ok()
    }
}

/// The first four units of what is left of a method, the first lowest; zeros after its end.
pub(crate) fn first_units(rest: &[u8]) -> u64 {
    // One check of bounds for all of them, but for the last few of a method.
    if let Some(bytes) = rest.first_chunk() {
        return u64::from_le_bytes(*bytes);
    }
    rest.iter().rev().fold(0, |units, &byte| units << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(units: &[u16]) -> Vec<Decoded> {
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        Sweep::new(&raw(&bytes)).instructions
    }

    fn raw(instructions: &[u8]) -> RawCode<'_> {
        RawCode { registers: 16, ins: 0, outs: 0, instructions, tries: Vec::new(), offset: 0, instructions_offset: 16 }
    }

    #[test]
    fn literals_are_extended_as_the_document_says() {
        let decoded = sweep(&[
            0xf112, 0x0013, 0x8000, 0x0015, 0x8000, 0x0019, 0x4000, 0x0016, 0xffff, 0x0018, 1, 2, 3, 0x8004, 0x03d8,
            0xff02,
        ]);
        let literals: Vec<i64> = decoded.iter().map(|decoded| decoded.literal).collect();
        let wide = (0x8004_0003_0002_0001_u64).cast_signed();
        assert_eq!(literals, [-1, -32768, -0x8000_0000, 0x4000_0000_0000_0000, -1, wide, -1]);
        assert_eq!((decoded[6].a, decoded[6].b), (3, 2));
    }

    #[test]
    fn a_cut_off_instruction_and_a_reserved_opcode_are_bad_and_the_sweep_goes_on() {
        let decoded = sweep(&[0x003e, 0x000e, 0x006e, 0x0000]);
        let seen: Vec<_> = decoded.iter().map(|decoded| (decoded.address, decoded.next, decoded.bad)).collect();
        assert_eq!(seen, [(0, 1, true), (1, 2, false), (2, 4, true)]);
    }

    #[test]
    fn a_result_is_folded_into_the_call_before_it_only() {
        let decoded = sweep(&[0x0071, 0, 0, 0x020b, 0x030a, 0x000e]);
        let seen: Vec<_> = decoded.iter().map(|decoded| (decoded.opcode, decoded.next, decoded.result)).collect();
        assert_eq!(seen, [(0x71, 4, Some((2, true))), (0x0a, 5, None), (0x0e, 6, None)]);
    }

    #[test]
    fn every_opcode_has_the_length_the_document_gives() {
        // Lengths of the opcodes 00 to ff in code units; 0 where no version has one.
        let rows = [
            "1123123123111111",
            "1112322352232112",
            "2122333112333222",
            "2222222222222200",
            "0000222222222222",
            "2222222222222222",
            "2222222222222233",
            "3331333330011111",
            "1111111111111111",
            "2222222222222222",
            "2222222222222222",
            "1111111111111111",
            "1111111111111111",
            "2222222222222222",
            "2222222223322222",
            "2220000000443322",
        ];
        for (opcode, expected) in rows.concat().chars().enumerate() {
            let encoding = Encoding::get(opcode as u8);
            let units = if encoding.reserved { 0 } else { u32::from(encoding.units) };
            assert_eq!(units, expected.to_digit(10).unwrap(), "opcode {opcode:02x}");
        }
    }
}
