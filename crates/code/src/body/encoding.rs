//! Where the operands of an instruction are, as a table of shifts and masks: one row for each opcode.
//!
//! Written from the document "Dalvik executable instruction formats". Which format comes next cannot be foretold, so the
//! decoder has no branch on it; the same shifts and masks serve all of them.

use super::format::{Format, has_result};

/// Units of the one format whose literal reaches past the first four.
pub(crate) const WIDE_UNITS: u8 = 5;

/// An operand among the first four code units of an instruction, the first unit lowest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    shift: u8,
    mask: u16,
}

impl Field {
    const NONE: Self = Self { shift: 0, mask: 0 };

    const fn bits(shift: u8, count: u8) -> Self {
        Self { shift, mask: (u16::MAX as u32 >> 16_u32.saturating_sub(count as u32)) as u16 }
    }

    pub(crate) const fn of(self, units: u64) -> u16 {
        // The mask has no more bits.
        units.wrapping_shr(self.shift as u32) as u16 & self.mask
    }
}

/// A literal among the first four code units: signed, and moved up where the format says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Literal {
    /// To the left first, which cuts off what is above.
    cut: u8,
    /// Then to the right, which extends the sign.
    extend: u8,
    raise: u8,
    /// Four bits of the first unit that belong above sixteen others: the fifth register of a list.
    fifth: u16,
    mask: u64,
}

impl Literal {
    const NONE: Self = Self { cut: 0, extend: 0, raise: 0, fifth: 0, mask: 0 };

    const fn signed(from: u8, to: u8) -> Self {
        let cut = 64_u8.saturating_sub(to);
        Self { cut, extend: cut.saturating_add(from), raise: 0, fifth: 0, mask: u64::MAX }
    }

    pub(crate) const fn of(self, units: u64) -> i64 {
        // All shifts are below 64.
        let value = units.wrapping_shl(self.cut as u32).cast_signed().wrapping_shr(self.extend as u32).cast_unsigned();
        let fifth = (units & self.fifth as u64) << 8;
        (value & self.mask).wrapping_shl(self.raise as u32).cast_signed() | fifth.cast_signed()
    }
}

/// How an opcode is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    /// Length in code units.
    pub(crate) units: u8,
    /// No opcode of any version.
    pub(crate) reserved: bool,
    /// Whether a `move-result` may follow.
    pub(crate) has_result: bool,
    /// The operands of [`super::decode::Decoded`].
    pub(crate) a: Field,
    pub(crate) b: Field,
    pub(crate) c: Field,
    /// Of a format with [`WIDE_UNITS`] it is not here.
    pub(crate) literal: Literal,
}

impl Encoding {
    const RESERVED: Self = Self {
        units: 1,
        reserved: true,
        has_result: false,
        a: Field::NONE,
        b: Field::NONE,
        c: Field::NONE,
        literal: Literal::NONE,
    };

    /// That of an opcode.
    pub(crate) fn get(opcode: u8) -> &'static Self {
        ENCODINGS.get(usize::from(opcode)).unwrap_or(&Self::RESERVED)
    }

    const fn of(opcode: u8) -> Self {
        let format = Format::of(opcode);
        let (a, b, c) = registers_and_index(format);
        let literal = literal(format, opcode);
        let reserved = matches!(format, Format::Reserved);
        Self { units: format.units() as u8, reserved, has_result: has_result(opcode), a, b, c, literal }
    }
}

const fn registers_and_index(format: Format) -> (Field, Field, Field) {
    const LOW: Field = Field::bits(8, 4);
    const HIGH: Field = Field::bits(12, 4);
    const BOTH: Field = Field::bits(8, 8);
    const SECOND: Field = Field::bits(16, 16);
    const THIRD: Field = Field::bits(32, 16);
    const NONE: Field = Field::NONE;
    match format {
        Format::F10x | Format::F10t | Format::F20t | Format::F30t | Format::Reserved => (NONE, NONE, NONE),
        Format::F11n => (LOW, NONE, NONE),
        Format::F12x | Format::F22t | Format::F22s => (LOW, HIGH, NONE),
        Format::F22c => (LOW, HIGH, SECOND),
        Format::F11x
        | Format::F21t
        | Format::F21s
        | Format::F21h
        | Format::F31i
        | Format::F31t
        | Format::F31c
        | Format::F51l => (BOTH, NONE, NONE),
        Format::F22x | Format::F21c => (BOTH, SECOND, NONE),
        Format::F23x => (BOTH, Field::bits(16, 8), Field::bits(24, 8)),
        Format::F22b => (BOTH, Field::bits(16, 8), NONE),
        Format::F32x => (SECOND, THIRD, NONE),
        Format::F35c | Format::F45cc => (HIGH, SECOND, NONE),
        Format::F3rc | Format::F4rcc => (BOTH, SECOND, THIRD),
    }
}

const fn literal(format: Format, opcode: u8) -> Literal {
    const CONST_WIDE_HIGH16: u8 = 0x19;
    match format {
        Format::F11n => Literal::signed(12, 16),
        Format::F10t => Literal::signed(8, 16),
        Format::F20t | Format::F21t | Format::F21s | Format::F22t | Format::F22s => Literal::signed(16, 32),
        Format::F21h => Literal { raise: if opcode == CONST_WIDE_HIGH16 { 48 } else { 16 }, ..Literal::signed(16, 32) },
        Format::F22b => Literal::signed(24, 32),
        Format::F30t | Format::F31i | Format::F31t => Literal::signed(16, 48),
        Format::F31c => Literal { mask: 0xffff_ffff, ..Literal::signed(16, 48) },
        // Registers C to F, then G from the first unit.
        Format::F35c | Format::F45cc => Literal { mask: 0xffff, fifth: 0x0f00, ..Literal::signed(32, 48) },
        _ => Literal::NONE,
    }
}

/// All opcodes.
#[allow(
    clippy::indexing_slicing,
    reason = "worked out when the program is built, where a panic is an error of the build"
)]
static ENCODINGS: [Encoding; 256] = {
    let mut encodings = [Encoding::RESERVED; 256];
    let mut opcode = 0;
    while opcode < encodings.len() {
        encodings[opcode] = Encoding::of(opcode as u8);
        opcode += 1;
    }
    encodings
};
