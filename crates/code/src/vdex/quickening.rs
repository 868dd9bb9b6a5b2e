//! What VDEX files keep about rewritten instructions, in the three forms there were.
//!
//! Met in Android 8.0, 8.1 and 9 to 11. Written from `vdex_file.cc`, `quicken_info.h` and `compact_offset_table.cc` of
//! those versions of the platform.

use bytes::Cursor;
use rustc_hash::FxHashMap;

use super::header::Form;
use crate::restore::{Kept, MethodPlace, Quickening};

/// Methods that share an entry of the table's index.
const METHODS_PER_BLOCK: u32 = 16;

/// What is kept, seen from one DEX file.
pub(super) struct Stored<'a> {
    bytes: &'a [u8],
    form: Form,
    /// Where the next method's entry is: they are in the order of all files.
    next: usize,
    /// Offset of the entry of each code item.
    by_code_item: FxHashMap<u32, u32>,
    /// Start of the file's table of methods.
    table: u32,
}

impl<'a> Stored<'a> {
    pub(super) fn new(bytes: &'a [u8], form: Form) -> Self {
        Self { bytes, form, next: 0, by_code_item: FxHashMap::default(), table: 0 }
    }

    /// Turns to the file at position `index` of `count`; `table` is the number in front of it.
    pub(super) fn turn_to(&mut self, index: usize, count: usize, table: u32) {
        self.table = table;
        if self.form == Form::ByCodeItem {
            self.by_code_item = self.code_items(index, count).unwrap_or_default();
        }
    }

    /// The table of the file at position `index`: at the very end there is the start of each file's table.
    fn code_items(&self, index: usize, count: usize) -> Option<FxHashMap<u32, u32>> {
        let starts_at = self.bytes.len().checked_sub(count.checked_mul(4)?)?;
        let start_of = |index: usize| word(self.bytes, starts_at.saturating_add(index.saturating_mul(4)));
        let start = start_of(index)? as usize;
        let end = if index.saturating_add(1) < count { start_of(index.saturating_add(1))? as usize } else { starts_at };
        let pairs = self.bytes.get(start..end)?.as_chunks::<8>().0;
        Some(pairs.iter().filter_map(|pair| Some((word(pair, 0)?, word(pair, 4)?))).collect())
    }

    /// The bytes at `offset`, after their length in 32 bits.
    fn sized(&self, offset: usize) -> Option<&'a [u8]> {
        let len = word(self.bytes, offset)? as usize;
        let start = offset.checked_add(4)?;
        self.bytes.get(start..start.checked_add(len)?)
    }

    fn in_order(&mut self) -> Option<&'a [u8]> {
        let kept = self.sized(self.next)?;
        self.next = self.next.saturating_add(4).saturating_add(kept.len());
        Some(kept)
    }

    fn by_method(&self, method: u32) -> Option<&'a [u8]> {
        let offset = self.offset_of(method)?;
        // Zero would stand for none, so offsets are one too high.
        let mut cursor = Cursor::at(self.bytes, u64::from(offset).checked_sub(1)?, "quickening info").ok()?;
        let count = cursor.uleb128("quickening info size").ok()?;
        cursor.take((count as usize).checked_mul(2)?, "quickening info").ok()
    }

    /// Looks a method up in the file's table: blocks of sixteen, each with a mask and the distances of those it names.
    fn offset_of(&self, method: u32) -> Option<u32> {
        let table = self.table as usize;
        let minimum = word(self.bytes, table)?;
        let index_at = word(self.bytes, table.checked_add(4)?)? as usize;
        let blocks = table.checked_add(8)?;
        let entry = blocks.checked_add(index_at)?.checked_add((method / METHODS_PER_BLOCK) as usize * 4)?;
        let block = blocks.checked_add(word(self.bytes, entry)? as usize)?;
        let mut cursor = Cursor::at(self.bytes, block as u64, "offset block").ok()?;
        let mask = u16::from_be_bytes(cursor.array("offset mask").ok()?);
        let bit = method % METHODS_PER_BLOCK;
        if mask >> bit & 1 == 0 {
            return None;
        }
        let mut offset = minimum;
        for _ in 0..(mask & ((2_u32 << bit) - 1) as u16).count_ones() {
            // Methods may share entries: a step back is written as a distance past 2^32.
            offset = offset.wrapping_add(cursor.uleb128("offset distance").ok()?);
        }
        Some(offset)
    }
}

impl Quickening for Stored<'_> {
    fn kept(&mut self, place: MethodPlace) -> Kept<'_> {
        match self.form {
            Form::InOrder => self.in_order().map_or(Kept::Nothing, Kept::Pairs),
            Form::ByCodeItem => {
                let offset = self.by_code_item.get(&place.code_offset);
                offset.and_then(|&offset| self.sized(offset as usize)).map_or(Kept::Nothing, Kept::Indices)
            }
            Form::ByMethod => self.by_method(place.method).map_or(Kept::Nothing, Kept::Indices),
            Form::Nothing => Kept::Nothing,
        }
    }
}

/// The little-endian number at `at`.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}
