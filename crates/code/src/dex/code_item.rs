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
pub(super) fn len(file: &[u8], offset: u32, compact: bool) -> u64 {
    let Ok((sizes, cursor)) = sizes(file, offset.into(), compact) else { return 0 };
    let claimed = u64::from(sizes.units).saturating_mul(2).saturating_add(u64::from(sizes.tries).saturating_mul(8));
    claimed.min(cursor.rest().len() as u64)
}

/// The numbers at the start of a code item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) registers: u16,
    pub(crate) ins: u16,
    pub(crate) outs: u16,
    pub(crate) tries: u16,
    /// Number of 16-bit code units.
    pub(crate) units: u32,
}

/// The numbers of the code item at `offset`, and a cursor at its first instruction.
pub(crate) fn sizes(file: &[u8], offset: u64, compact: bool) -> Result<(Sizes, Cursor<'_>)> {
    if compact {
        return compact_sizes(file, offset);
    }
    let mut cursor = Cursor::at(file, offset, "code_item")?;
    let registers = cursor.u16_le("registers_size")?;
    let ins = cursor.u16_le("ins_size")?;
    let outs = cursor.u16_le("outs_size")?;
    let tries = cursor.u16_le("tries_size")?;
    cursor.u32_le("debug_info_off")?;
    let units = cursor.u32_le("insns_size")?;
    Ok((Sizes { registers, ins, outs, tries, units }, cursor))
}

/// The same of a packed code item, as `compact_dex_file.h` has it: four numbers of four bits and one of eleven; what they
/// are too small for is in front of them, one half-word for each of five flags.
fn compact_sizes(file: &[u8], offset: u64) -> Result<(Sizes, Cursor<'_>)> {
    let mut cursor = Cursor::at(file, offset, "code_item")?;
    let fields = cursor.u16_le("code_item fields")?;
    let count_and_flags = cursor.u16_le("code_item insns_count_and_flags")?;
    let mut before = offset;
    let mut more = |flag: u16| -> Result<u16> {
        if count_and_flags & flag == 0 {
            return Ok(0);
        }
        before = before.checked_sub(2).ok_or(Error::corrupt("code_item preheader", offset))?;
        Cursor::at(file, before, "code_item preheader")?.u16_le("code_item preheader")
    };
    const MORE_UNITS: u16 = 1 << 4;
    let low = u32::from(more(MORE_UNITS)?);
    let high = u32::from(more(MORE_UNITS)?);
    let registers = (fields >> 12).saturating_add(more(1)?);
    let ins = (fields >> 8 & 0xf).saturating_add(more(1 << 1)?);
    let outs = (fields >> 4 & 0xf).saturating_add(more(1 << 2)?);
    let tries = (fields & 0xf).saturating_add(more(1 << 3)?);
    let units = u32::from(count_and_flags >> 5).saturating_add(low | high << 16);
    // The parameters are not counted among the registers there.
    let registers = registers.checked_add(ins).ok_or(Error::corrupt("registers_size", offset))?;
    Ok((Sizes { registers, ins, outs, tries, units }, cursor))
}

fn read(file: &DexFile, offset: u64) -> Result<RawCode<'_>> {
    let (Sizes { registers, ins, outs, tries: try_count, units: unit_count }, mut cursor) =
        sizes(&file.bytes, offset, file.compact)?;
    if ins > registers {
        return Err(Error::corrupt("ins_size", offset.saturating_add(2)));
    }
    let instructions_offset = cursor.offset();
    let len = usize::try_from(unit_count).unwrap_or(usize::MAX).saturating_mul(2);
    let instructions = cursor.take(len, "insns")?;
    let mut tries = Vec::new();
    if try_count > 0 {
        // The table is aligned to four bytes.
        if cursor.offset() % 4 != 0 {
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
