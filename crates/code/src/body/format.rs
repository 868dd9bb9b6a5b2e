//! Which layout each opcode has, which opcodes can throw, and which end a basic block.
//!
//! Written from the documents "Dalvik bytecode" and "Dalvik executable instruction formats" (versions 035 to 041), and
//! for the quickened opcodes from the opcode lists of ART 5.0 to 11 (`dex_instruction_list.h`).

/// Layout of an instruction, named as in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    F10x,
    F12x,
    F11n,
    F11x,
    F10t,
    F20t,
    F22x,
    F21t,
    F21s,
    F21h,
    F21c,
    F23x,
    F22b,
    F22t,
    F22s,
    F22c,
    F30t,
    F32x,
    F31i,
    F31t,
    F31c,
    F35c,
    F3rc,
    F51l,
    F45cc,
    F4rcc,
    /// No opcode of any version.
    Reserved,
}

impl Format {
    /// Length in code units.
    pub(crate) const fn units(self) -> u32 {
        match self {
            Self::F10x | Self::F12x | Self::F11n | Self::F11x | Self::F10t | Self::Reserved => 1,
            Self::F20t
            | Self::F22x
            | Self::F21t
            | Self::F21s
            | Self::F21h
            | Self::F21c
            | Self::F23x
            | Self::F22b
            | Self::F22t
            | Self::F22s
            | Self::F22c => 2,
            Self::F30t | Self::F32x | Self::F31i | Self::F31t | Self::F31c | Self::F35c | Self::F3rc => 3,
            Self::F45cc | Self::F4rcc => 4,
            Self::F51l => 5,
        }
    }

    /// The format of an opcode, quickened ones included.
    pub(crate) const fn of(opcode: u8) -> Self {
        match opcode {
            0x00 | 0x0e | 0x73 => Self::F10x,
            0x01 | 0x04 | 0x07 | 0x21 | 0x7b..=0x8f | 0xb0..=0xcf => Self::F12x,
            0x02 | 0x05 | 0x08 => Self::F22x,
            0x03 | 0x06 | 0x09 => Self::F32x,
            0x0a..=0x0d | 0x0f..=0x11 | 0x1d | 0x1e | 0x27 => Self::F11x,
            0x12 => Self::F11n,
            0x13 | 0x16 => Self::F21s,
            0x14 | 0x17 => Self::F31i,
            0x15 | 0x19 => Self::F21h,
            0x18 => Self::F51l,
            0x1a | 0x1c | 0x1f | 0x22 | 0x60..=0x6d | 0xfe | 0xff => Self::F21c,
            0x1b => Self::F31c,
            0x20 | 0x23 | 0x52..=0x5f | 0xe3..=0xe8 | 0xeb..=0xf2 => Self::F22c,
            0x24 | 0x6e..=0x72 | 0xe9 | 0xfc => Self::F35c,
            0x25 | 0x74..=0x78 | 0xea | 0xfd => Self::F3rc,
            0x26 | 0x2b | 0x2c => Self::F31t,
            0x28 => Self::F10t,
            0x29 => Self::F20t,
            0x2a => Self::F30t,
            0x2d..=0x31 | 0x44..=0x51 | 0x90..=0xaf => Self::F23x,
            0x32..=0x37 => Self::F22t,
            0x38..=0x3d => Self::F21t,
            0xd0..=0xd7 => Self::F22s,
            0xd8..=0xe2 => Self::F22b,
            0xfa => Self::F45cc,
            0xfb => Self::F4rcc,
            0x3e..=0x43 | 0x79 | 0x7a | 0xf3..=0xf9 => Self::Reserved,
        }
    }
}

/// How control leaves an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// To the next instruction.
    Next,
    /// To the target only.
    Goto,
    /// To the target or the next instruction.
    If,
    /// To a target of a table or the next instruction.
    Switch,
    /// Nowhere in this method.
    End,
}

/// How control leaves an instruction with this opcode.
pub(crate) const fn flow(opcode: u8) -> Flow {
    match opcode {
        0x28..=0x2a => Flow::Goto,
        0x32..=0x3d => Flow::If,
        0x2b | 0x2c => Flow::Switch,
        0x0e..=0x11 | 0x27 | 0x73 | 0x3e..=0x43 | 0x79 | 0x7a | 0xf3..=0xf9 => Flow::End,
        _ => Flow::Next,
    }
}

/// Whether the platform lets an instruction with this opcode throw.
pub(crate) const fn throws(opcode: u8) -> bool {
    matches!(
        opcode,
        0x1a..=0x27
            | 0x44..=0x72
            | 0x74..=0x78
            // Integer division and remainder; that of floating numbers cannot fail.
            | 0x93 | 0x94 | 0x9e | 0x9f | 0xb3 | 0xb4 | 0xbe | 0xbf | 0xd3 | 0xd4 | 0xdb | 0xdc
            | 0xe3..=0xff
            | 0x3e..=0x43 | 0x79 | 0x7a
    )
}

/// Whether a `move-result` may follow.
pub(crate) const fn has_result(opcode: u8) -> bool {
    matches!(opcode, 0x24 | 0x25 | 0x6e..=0x72 | 0x74..=0x78 | 0xe9 | 0xea | 0xfa..=0xfd)
}

/// `move-result`, `move-result-wide` and `move-result-object`.
pub(crate) const fn is_move_result(opcode: u8) -> bool {
    matches!(opcode, 0x0a..=0x0c)
}
