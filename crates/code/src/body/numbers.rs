//! Arithmetic opcodes.
//!
//! Written from the document "Dalvik bytecode".

use crate::{BinaryOp, NumberKind, UnaryOp};

/// The operation of `neg-int` to `int-to-short`.
pub(crate) fn unary(opcode: u8) -> Option<UnaryOp> {
    use NumberKind::{Double, Float, Int, Long};
    Some(match opcode {
        0x7b => UnaryOp::Negate(Int),
        0x7c => UnaryOp::Not(Int),
        0x7d => UnaryOp::Negate(Long),
        0x7e => UnaryOp::Not(Long),
        0x7f => UnaryOp::Negate(Float),
        0x80 => UnaryOp::Negate(Double),
        0x81 => UnaryOp::Convert(Int, Long),
        0x82 => UnaryOp::Convert(Int, Float),
        0x83 => UnaryOp::Convert(Int, Double),
        0x84 => UnaryOp::Convert(Long, Int),
        0x85 => UnaryOp::Convert(Long, Float),
        0x86 => UnaryOp::Convert(Long, Double),
        0x87 => UnaryOp::Convert(Float, Int),
        0x88 => UnaryOp::Convert(Float, Long),
        0x89 => UnaryOp::Convert(Float, Double),
        0x8a => UnaryOp::Convert(Double, Int),
        0x8b => UnaryOp::Convert(Double, Long),
        0x8c => UnaryOp::Convert(Double, Float),
        0x8d => UnaryOp::ToByte,
        0x8e => UnaryOp::ToChar,
        0x8f => UnaryOp::ToShort,
        _ => return None,
    })
}

/// Whether the result takes two registers.
pub(crate) fn is_wide(op: UnaryOp) -> bool {
    let (UnaryOp::Negate(kind) | UnaryOp::Not(kind) | UnaryOp::Convert(_, kind)) = op else { return false };
    matches!(kind, NumberKind::Long | NumberKind::Double)
}

/// The operation of `cmpl-float` to `cmp-long` and of `add-int` to `rem-double`.
pub(crate) fn binary(opcode: u8) -> Option<(BinaryOp, NumberKind)> {
    use NumberKind::{Double, Float, Int, Long};
    Some(match opcode {
        0x2d => (BinaryOp::Compare, Float),
        0x2e => (BinaryOp::CompareGreater, Float),
        0x2f => (BinaryOp::Compare, Double),
        0x30 => (BinaryOp::CompareGreater, Double),
        0x31 => (BinaryOp::Compare, Long),
        0x90..=0x9a => (arithmetic(opcode - 0x90), Int),
        0x9b..=0xa5 => (arithmetic(opcode - 0x9b), Long),
        0xa6..=0xaa => (arithmetic(opcode - 0xa6), Float),
        0xab..=0xaf => (arithmetic(opcode - 0xab), Double),
        _ => return None,
    })
}

fn arithmetic(number: u8) -> BinaryOp {
    match number {
        0 => BinaryOp::Add,
        1 => BinaryOp::Subtract,
        2 => BinaryOp::Multiply,
        3 => BinaryOp::Divide,
        4 => BinaryOp::Remainder,
        5 => BinaryOp::And,
        6 => BinaryOp::Or,
        7 => BinaryOp::Xor,
        8 => BinaryOp::ShiftLeft,
        9 => BinaryOp::ShiftRight,
        _ => BinaryOp::ShiftRightUnsigned,
    }
}

/// The operation of `add-int/lit16` to `ushr-int/lit8`; `None` for `rsub-int`.
pub(crate) fn literal(opcode: u8) -> Option<BinaryOp> {
    match opcode {
        0xd0..=0xd7 => (opcode != 0xd1).then(|| arithmetic(opcode - 0xd0)),
        0xd8..=0xe2 => (opcode != 0xd9).then(|| arithmetic(opcode - 0xd8)),
        _ => None,
    }
}
