//! Relative relocations with an addend, as 64-bit files have them: the file holds zeros where they write. Written from the System V ABI
//! and, for packed tables (`APS2`), from the platform's linker (bionic, linker/linker_reloc_iterators.h).

use std::collections::BTreeMap;

use crate::Elf;

const AARCH64_RELATIVE: u64 = 1027;
const X86_64_RELATIVE: u64 = 8;
const PACKED_MAGIC: &[u8] = b"APS2";
/// Most relocations that are read.
const RELOCATIONS_MAX: usize = 1 << 20;
const GROUPED_BY_INFO: i64 = 1;
const GROUPED_BY_OFFSET_DELTA: i64 = 2;
const GROUPED_BY_ADDEND: i64 = 4;
const GROUP_HAS_ADDEND: i64 = 8;

/// The values that relocations write, by the address they write to.
pub(crate) fn relative(elf: &Elf, bytes: &[u8]) -> BTreeMap<u64, u64> {
    let mut values = BTreeMap::new();
    if !elf.is_64 {
        return values;
    }
    for section in elf.sections.iter().filter(|section| section.name == ".rela.dyn") {
        let range = usize::try_from(section.offset).ok().zip(usize::try_from(section.len).ok());
        let table = range.and_then(|(start, len)| bytes.get(start..start.checked_add(len)?)).unwrap_or_default();
        match table.strip_prefix(PACKED_MAGIC) {
            // What follows a broken number is unknown; what stands before it holds.
            Some(packed) => drop(unpack(packed, &mut values)),
            None => plain(table, &mut values),
        }
    }
    values
}

fn plain(table: &[u8], values: &mut BTreeMap<u64, u64>) {
    for entry in table.as_chunks::<24>().0.iter().take(RELOCATIONS_MAX) {
        let mut words = entry.as_chunks::<8>().0.iter().map(|&word| u64::from_le_bytes(word));
        if let (Some(offset), Some(info), Some(addend)) = (words.next(), words.next(), words.next()) {
            put(values, offset, info, addend);
        }
    }
}

fn put(values: &mut BTreeMap<u64, u64>, offset: u64, info: u64, addend: u64) {
    if matches!(info & 0xffff_ffff, AARCH64_RELATIVE | X86_64_RELATIVE) {
        values.insert(offset, addend);
    }
}

/// Groups of relocations that share what their flags say; everything else is a difference to the one before.
fn unpack(packed: &[u8], values: &mut BTreeMap<u64, u64>) -> Option<()> {
    let mut rest = packed;
    let count = usize::try_from(number(&mut rest)?).ok()?.min(RELOCATIONS_MAX);
    let mut offset = number(&mut rest)?;
    let (mut info, mut addend, mut done) = (0_i64, 0_i64, 0_usize);
    while done < count {
        let group = usize::try_from(number(&mut rest)?).ok()?.min(count.saturating_sub(done));
        let flags = number(&mut rest)?;
        let has = |flag: i64| flags & flag != 0;
        let delta = if has(GROUPED_BY_OFFSET_DELTA) { number(&mut rest)? } else { 0 };
        if has(GROUPED_BY_INFO) {
            info = number(&mut rest)?;
        }
        if !has(GROUP_HAS_ADDEND) {
            addend = 0;
        } else if has(GROUPED_BY_ADDEND) {
            addend = addend.wrapping_add(number(&mut rest)?);
        }
        for _ in 0..group {
            offset = offset.wrapping_add(if has(GROUPED_BY_OFFSET_DELTA) { delta } else { number(&mut rest)? });
            if !has(GROUPED_BY_INFO) {
                info = number(&mut rest)?;
            }
            if has(GROUP_HAS_ADDEND) && !has(GROUPED_BY_ADDEND) {
                addend = addend.wrapping_add(number(&mut rest)?);
            }
            put(values, offset.cast_unsigned(), info.cast_unsigned(), addend.cast_unsigned());
        }
        // A group of nothing would never end.
        done = done.saturating_add(group.max(1));
    }
    Some(())
}

/// A signed LEB128 of at most ten bytes.
fn number(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= i64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let unused = 57_u32.saturating_sub(shift);
            return Some((value << unused) >> unused);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_group_gives_the_same_values_as_a_plain_table() {
        // Two relative relocations, at 0x1000 and 0x1008, of 0x40 and 0x20.
        let info = AARCH64_RELATIVE as u8;
        let packed = [2, 0xf8, 0x1f, 2, 0x0b, 8, info & 0x7f | 0x80, 8, 0xc0, 0, 0x60];
        let mut values = BTreeMap::new();
        assert_eq!(unpack(&packed, &mut values), Some(()));
        assert_eq!(values, BTreeMap::from([(0x1000, 0x40), (0x1008, 0x20)]));
        let mut table = Vec::new();
        for word in [0x1000_u64, AARCH64_RELATIVE, 0x40, 0x1008, AARCH64_RELATIVE, 0x20] {
            table.extend(word.to_le_bytes());
        }
        let mut plainly = BTreeMap::new();
        plain(&table, &mut plainly);
        assert_eq!(plainly, values);
        for end in 0..packed.len() {
            let _ = unpack(packed.get(..end).unwrap_or_default(), &mut BTreeMap::new());
        }
    }
}
