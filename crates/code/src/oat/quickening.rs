//! What Android 7 keeps about rewritten instructions.
//!
//! Met in OAT files of versions 079 and 088: a method that was rewritten and not compiled has an empty code, and where the
//! table of its registers would be there are pairs of instruction address and index. Written from `oat.h`, `oat_file.cc`,
//! `oat_quick_method_header.h` and `dex_to_dex_compiler.cc` of those versions of the platform.

use bytes::{Budget, ByteSource, Result};

use crate::restore::{Kept, MethodPlace, Quickening};

/// Which methods of a class have compiled code: all, those in a bit set, none.
const ALL: u16 = 0;
const SOME: u16 = 1;
/// Bytes of the header in front of compiled code; the distance back to the table is first, the code's size last.
const METHOD_HEADER_BYTES: u32 = 20;
const CODE_SIZE: u32 = 16;

/// The OAT data, in memory.
pub(super) struct Compiled {
    bytes: Vec<u8>,
}

impl Compiled {
    pub(super) fn read(source: &ByteSource, start: u64, budget: &Budget) -> Result<Self> {
        let data = source.slice(start, source.len().saturating_sub(start), "oat data")?;
        Ok(Self { bytes: data.to_vec(budget, "oat data")? })
    }

    /// What is kept about the file whose list of classes is at `classes`.
    pub(super) const fn of_file(&self, classes: u32) -> OfFile<'_> {
        OfFile { bytes: self.bytes.as_slice(), classes }
    }
}

/// What is kept about one DEX file.
pub(super) struct OfFile<'a> {
    bytes: &'a [u8],
    classes: u32,
}

impl<'a> OfFile<'a> {
    fn word(&self, at: u32) -> Option<u32> {
        self.bytes.get(at as usize..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
    }

    /// Offset of the compiled code of a method, without the bit that tells the instruction set.
    fn code(&self, place: MethodPlace) -> Option<u32> {
        let class = self.word(self.classes.checked_add(place.class.checked_mul(4)?)?)?;
        // The status takes the lower half.
        let kind = (self.word(class)? >> 16) as u16;
        let after = class.checked_add(4)?;
        let entry = match kind {
            ALL => after.checked_add(place.position.checked_mul(4)?)?,
            SOME => {
                let set_bytes = self.word(after)?;
                let set = after.checked_add(4)?;
                let index = self.rank(set, set_bytes, place.position)?;
                set.checked_add(set_bytes)?.checked_add(index.checked_mul(4)?)?
            }
            _ => return None,
        };
        self.word(entry).map(|code| code & !1).filter(|&code| code != 0)
    }

    /// How many bits are set before `position`, if it is set itself.
    fn rank(&self, set: u32, set_bytes: u32, position: u32) -> Option<u32> {
        let start = set as usize;
        let bits = self.bytes.get(start..start.checked_add(set_bytes as usize)?)?;
        let (whole, bit) = ((position / 8) as usize, position % 8);
        let byte = *bits.get(whole)?;
        if byte >> bit & 1 == 0 {
            return None;
        }
        let before = bits.get(..whole)?.iter().map(|byte| byte.count_ones()).sum::<u32>();
        Some(before.saturating_add((u32::from(byte) & ((1 << bit) - 1)).count_ones()))
    }

    fn pairs(&self, place: MethodPlace) -> Option<&'a [u8]> {
        let code = self.code(place)?;
        let header = code.checked_sub(METHOD_HEADER_BYTES)?;
        let back = self.word(header)?;
        let is_empty = self.word(header.checked_add(CODE_SIZE)?)? == 0;
        if back == 0 || !is_empty {
            return None;
        }
        // Where the pairs end is not said; the header is behind them.
        self.bytes.get(code.checked_sub(back)? as usize..header as usize)
    }
}

impl Quickening for OfFile<'_> {
    fn kept(&mut self, place: MethodPlace) -> Kept<'_> {
        self.pairs(place).map_or(Kept::Nothing, Kept::Pairs)
    }
}
