//! Code items: registers, instructions and exception tables of one method.
//!
//! Met once per method body. Written from the "Dalvik Executable format" document, `code_item` to
//! `encoded_catch_handler`.

use bytes::{Cursor, Error, Limit, Result};

use crate::{CodeItem, DexFile, Program, TypeId};

/// Handlers of all tries of one method together; the platform's compilers stay below a thousandth of it. Without it
/// 65,535 tries could each name the same list of a million handlers.
const MAX_HANDLERS: usize = 1 << 18;

/// A code item, located and checked, not yet decoded.
#[derive(Debug, Clone)]
pub struct RawCode<'a> {
    /// Number of registers.
    pub registers: u16,
    /// How many of them, the last ones, hold the parameters on entry.
    pub ins: u16,
    /// Registers needed for outgoing arguments.
    pub outs: u16,
    /// The instructions: two bytes, little-endian, per 16-bit code unit. The length is even.
    pub instructions: &'a [u8],
    /// Ranges with exception handlers, in order, without overlap.
    pub tries: Vec<Try>,
    /// Offset of the code item in its file.
    pub offset: u64,
    /// Offset of the first instruction in its file; unit `n` is at `instructions_offset + 2 * n`.
    pub instructions_offset: u64,
}

impl RawCode<'_> {
    /// Number of 16-bit code units.
    #[must_use]
    pub fn unit_count(&self) -> u32 {
        // The count was a `u32` in the file.
        (self.instructions.len() / 2) as u32
    }

    /// The code unit at `address`.
    #[must_use]
    pub fn unit(&self, address: u32) -> Option<u16> {
        let start = usize::try_from(address).ok()?.checked_mul(2)?;
        let pair = self.instructions.get(start..)?.first_chunk::<2>()?;
        Some(u16::from_le_bytes(*pair))
    }
}

/// A range of instructions with exception handlers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// First code unit covered.
    pub start_unit: u32,
    /// One past the last code unit covered; within the instructions.
    pub end_unit: u32,
    /// Exception type (`None`: every type) and the code unit of the handler, in the order they are tried. Addresses are
    /// within the instructions.
    pub handlers: Vec<(Option<TypeId>, u32)>,
}

impl Program {
    /// Locates and checks the code of a method.
    pub fn code_item(&self, item: CodeItem) -> Result<RawCode<'_>> {
        let offset = u64::from(item.offset);
        let file = self.files.get(item.file as usize).ok_or(Error::corrupt("file of code_item", offset))?;
        if file.maps.refused_code.contains(&item.offset) {
            return Err(Error::limit(Limit::Nodes, "code_item", offset));
        }
        read(file, offset)
    }
}

/// About how many bytes the code item at `offset` has; zero if there is none.
pub(super) fn len(file: &[u8], offset: u32) -> u64 {
    let Ok(mut cursor) = Cursor::at(file, offset.into(), "code_item") else { return 0 };
    let (Ok([_, _, _, tries]), Ok([_, units])) = (halves(&mut cursor), words(&mut cursor)) else { return 0 };
    let claimed = u64::from(units).saturating_mul(2).saturating_add(u64::from(tries).saturating_mul(8));
    claimed.min(cursor.rest().len() as u64)
}

fn halves(cursor: &mut Cursor<'_>) -> Result<[u16; 4]> {
    let mut next = || cursor.u16_le("code_item");
    Ok([next()?, next()?, next()?, next()?])
}

fn words(cursor: &mut Cursor<'_>) -> Result<[u32; 2]> {
    Ok([cursor.u32_le("code_item")?, cursor.u32_le("code_item")?])
}

fn read(file: &DexFile, offset: u64) -> Result<RawCode<'_>> {
    let mut cursor = Cursor::at(&file.bytes, offset, "code_item")?;
    let registers = cursor.u16_le("registers_size")?;
    let ins_offset = cursor.offset();
    let ins = cursor.u16_le("ins_size")?;
    if ins > registers {
        return Err(Error::corrupt("ins_size", ins_offset));
    }
    let outs = cursor.u16_le("outs_size")?;
    let try_count = cursor.u16_le("tries_size")?;
    cursor.u32_le("debug_info_off")?;
    let unit_count = cursor.u32_le("insns_size")?;
    let instructions_offset = cursor.offset();
    let len = usize::try_from(unit_count).unwrap_or(usize::MAX).saturating_mul(2);
    let instructions = cursor.take(len, "insns")?;
    let mut tries = Vec::new();
    if try_count > 0 {
        if unit_count % 2 == 1 {
            cursor.u16_le("padding")?;
        }
        tries = read_tries(file, cursor, try_count, unit_count)?;
    }
    Ok(RawCode { registers, ins, outs, instructions, tries, offset, instructions_offset })
}

fn read_tries(file: &DexFile, mut cursor: Cursor<'_>, count: u16, unit_count: u32) -> Result<Vec<Try>> {
    const TRY_ITEM_BYTES: usize = 8;
    let mut items = cursor;
    cursor.take(usize::from(count).saturating_mul(TRY_ITEM_BYTES), "tries")?;
    let list = cursor;
    let mut tries = Vec::with_capacity(usize::from(count));
    let mut handler_count = 0_usize;
    let mut previous_end = 0;
    for _ in 0..count {
        let start_offset = items.offset();
        let start_unit = items.u32_le("start_addr")?;
        let length_offset = items.offset();
        let length = items.u16_le("insn_count")?;
        let handler_offset = items.u16_le("handler_off")?;
        // The platform refuses tries that are out of order, overlap, are empty or reach past the instructions.
        if start_unit < previous_end {
            return Err(Error::corrupt("start_addr", start_offset));
        }
        let end_unit = start_unit.saturating_add(u32::from(length));
        if length == 0 || end_unit > unit_count {
            return Err(Error::corrupt("insn_count", length_offset));
        }
        previous_end = end_unit;
        let handlers = read_handlers(file, list, handler_offset, unit_count, &mut handler_count)?;
        tries.push(Try { start_unit, end_unit, handlers });
    }
    Ok(tries)
}

/// One `encoded_catch_handler`, `at` bytes into the list.
fn read_handlers(
    file: &DexFile,
    mut cursor: Cursor<'_>,
    at: u16,
    unit_count: u32,
    total: &mut usize,
) -> Result<Vec<(Option<TypeId>, u32)>> {
    cursor.take(usize::from(at), "handler_off")?;
    let size_offset = cursor.offset();
    let size = cursor.sleb128("encoded_catch_handler size")?;
    let typed = usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX);
    // A typed handler takes at least two bytes, so a count past the rest of the file is a lie; nothing is allocated.
    if typed > cursor.rest().len() / 2 {
        return Err(Error::corrupt("encoded_catch_handler size", size_offset));
    }
    *total = total.saturating_add(typed).saturating_add(1);
    if *total > MAX_HANDLERS {
        return Err(Error::limit(Limit::Nodes, "encoded_catch_handler", size_offset));
    }
    let mut handlers = Vec::with_capacity(typed.saturating_add(1));
    for _ in 0..typed {
        let type_offset = cursor.offset();
        let index = cursor.uleb128("handler type_idx")?;
        let ty = usize::try_from(index).ok().and_then(|index| file.maps.types.get(index));
        let ty = *ty.ok_or(Error::corrupt("handler type_idx", type_offset))?;
        handlers.push((Some(ty), read_address(&mut cursor, "handler addr", unit_count)?));
    }
    if size <= 0 {
        handlers.push((None, read_address(&mut cursor, "catch_all_addr", unit_count)?));
    }
    Ok(handlers)
}

fn read_address(cursor: &mut Cursor<'_>, what: &'static str, unit_count: u32) -> Result<u32> {
    let offset = cursor.offset();
    let address = cursor.uleb128(what)?;
    if address >= unit_count { Err(Error::corrupt(what, offset)) } else { Ok(address) }
}
