//! Code units to instructions: a linear sweep over one method, as the platform's verifier does it.
//!
//! Written from the documents "Dalvik bytecode" and "Dalvik executable instruction formats". Nothing here fails: what is
//! no instruction becomes a [`Decoded::bad`] one, and the sweep goes on at the next code unit.

use super::{
    format::{self, Format},
    payload,
};
use crate::RawCode;

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
    pub(crate) instructions: Vec<Decoded>,
    /// Index of the instruction that starts at an address; [`NO_INSTRUCTION`] inside of one.
    starts: Vec<u32>,
    /// Number of instructions as the document counts them: without payloads, with each `move-result`.
    pub(crate) count: u32,
}

const NO_INSTRUCTION: u32 = u32::MAX;

/// Format and length of each opcode: looked up for every instruction of every method.
#[allow(
    clippy::indexing_slicing,
    reason = "worked out when the program is built, where a panic is an error of the build"
)]
const LAYOUTS: [(Format, u32); 256] = {
    let mut layouts = [(Format::Reserved, 1); 256];
    let mut opcode = 0;
    while opcode < layouts.len() {
        let format = Format::of(opcode as u8);
        layouts[opcode] = (format, format.units());
        opcode += 1;
    }
    layouts
};

impl Sweep {
    /// Decodes a method from its first code unit to its last. The caller has bounded the number of code units.
    pub(crate) fn new(code: &RawCode<'_>) -> Self {
        let unit_count = code.unit_count();
        let mut sweep = Self { starts: vec![NO_INSTRUCTION; unit_count as usize], ..Self::default() };
        sweep.instructions.reserve(unit_count as usize / 2);
        let mut address = 0;
        while address < unit_count {
            let (decoded, is_payload) = decode(code, address, unit_count);
            sweep.count = sweep.count.saturating_add(u32::from(!is_payload));
            address = decoded.next.max(address.saturating_add(1));
            sweep.push(decoded);
        }
        sweep
    }

    fn push(&mut self, decoded: Decoded) {
        if format::is_move_result(decoded.opcode)
            && let Some(call) = self.instructions.last_mut()
            && format::has_result(call.opcode)
            && !call.bad
            && call.next == decoded.address
            && call.result.is_none()
        {
            call.result = Some((decoded.a, decoded.opcode == 0x0b));
            call.next = decoded.next;
            return;
        }
        // Fewer than code units, which are counted in 32 bits.
        let index = self.instructions.len() as u32;
        if let Some(start) = self.starts.get_mut(decoded.address as usize) {
            *start = index;
        }
        self.instructions.push(decoded);
    }

    /// Index of the instruction that starts at `address`.
    pub(crate) fn at(&self, address: u32) -> Option<u32> {
        self.starts.get(address as usize).copied().filter(|&index| index != NO_INSTRUCTION)
    }

    /// Index of the first instruction that starts at `address` or later.
    pub(crate) fn at_or_after(&self, address: u32) -> u32 {
        // Addresses rise with the index; the count fits as in `push`.
        self.at(address)
            .unwrap_or_else(|| self.instructions.partition_point(|decoded| decoded.address < address) as u32)
    }
}

impl Decoded {
    /// Where a jump leads: address plus distance. `None` if this is no jump or it leads out of 32 bits.
    pub(crate) fn target(&self) -> Option<u32> {
        u32::try_from(i64::from(self.address).checked_add(self.literal)?).ok()
    }
}

/// One instruction, and whether it is a payload.
fn decode(code: &RawCode<'_>, address: u32, unit_count: u32) -> (Decoded, bool) {
    let unit = |at: u32| address.checked_add(at).and_then(|address| code.unit(address)).unwrap_or(0);
    let first = unit(0);
    let [opcode, high] = first.to_le_bytes();
    let mut decoded = Decoded { address, next: 0, opcode, bad: false, a: 0, b: 0, c: 0, literal: 0, result: None };
    // Payloads begin like a `nop` that is not zero above.
    if opcode == 0
        && high != 0
        && let Some(units) = payload::units(code, address)
    {
        decoded.bad = true;
        decoded.next = address.saturating_add(units).min(unit_count);
        return (decoded, true);
    }
    let (format, units) = LAYOUTS.get(usize::from(opcode)).copied().unwrap_or((Format::Reserved, 1));
    let end = address.saturating_add(units);
    decoded.next = end.min(unit_count);
    if format == Format::Reserved || end > unit_count {
        decoded.bad = true;
        return (decoded, false);
    }
    operands(&mut decoded, format, u16::from(high), unit);
    (decoded, false)
}

fn operands(decoded: &mut Decoded, format: Format, high: u16, unit: impl Fn(u32) -> u16) {
    let (low_nibble, high_nibble) = (high & 0xf, high >> 4);
    let signed = |value: u16| i64::from(value.cast_signed());
    let signed_byte = |value: u16| i64::from((value as u8).cast_signed());
    let double = |at: u32| u32::from(unit(at)) | u32::from(unit(at.saturating_add(1))) << 16;
    match format {
        Format::F10x | Format::Reserved => {}
        Format::F12x => (decoded.a, decoded.b) = (low_nibble, high_nibble),
        // The upper four bits, sign-extended.
        Format::F11n => (decoded.a, decoded.literal) = (low_nibble, signed_byte(high) >> 4),
        Format::F11x => decoded.a = high,
        Format::F10t => decoded.literal = signed_byte(high),
        Format::F20t => decoded.literal = signed(unit(1)),
        Format::F22x | Format::F21c => (decoded.a, decoded.b) = (high, unit(1)),
        Format::F21t | Format::F21s => (decoded.a, decoded.literal) = (high, signed(unit(1))),
        Format::F21h => {
            let shift = if decoded.opcode == 0x19 { 48 } else { 16 };
            (decoded.a, decoded.literal) = (high, signed(unit(1)) << shift);
        }
        Format::F23x => (decoded.a, decoded.b, decoded.c) = (high, unit(1) & 0xff, unit(1) >> 8),
        Format::F22b => (decoded.a, decoded.b, decoded.literal) = (high, unit(1) & 0xff, signed_byte(unit(1) >> 8)),
        Format::F22t | Format::F22s => {
            (decoded.a, decoded.b, decoded.literal) = (low_nibble, high_nibble, signed(unit(1)));
        }
        Format::F22c => (decoded.a, decoded.b, decoded.c) = (low_nibble, high_nibble, unit(1)),
        Format::F30t => decoded.literal = i64::from(double(1).cast_signed()),
        Format::F32x => (decoded.a, decoded.b) = (unit(1), unit(2)),
        Format::F31i | Format::F31t => (decoded.a, decoded.literal) = (high, i64::from(double(1).cast_signed())),
        Format::F31c => (decoded.a, decoded.literal) = (high, i64::from(double(1))),
        Format::F35c | Format::F45cc => {
            (decoded.a, decoded.b) = (high_nibble, unit(1));
            // Registers C to F, then G from the first unit.
            decoded.literal = i64::from(unit(2)) | i64::from(low_nibble) << 16;
        }
        Format::F3rc | Format::F4rcc => (decoded.a, decoded.b, decoded.c) = (high, unit(1), unit(2)),
        Format::F51l => {
            decoded.a = high;
            decoded.literal = (u64::from(double(1)) | u64::from(double(3)) << 32).cast_signed();
        }
    }
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
            let format = Format::of(opcode as u8);
            let units = if format == Format::Reserved { 0 } else { format.units() };
            assert_eq!(units, expected.to_digit(10).unwrap(), "opcode {opcode:02x}");
        }
    }
}
