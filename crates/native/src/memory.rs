//! A file as it lies in memory before its first instruction runs: words at addresses, with what the linker writes there. Written from
//! the System V ABI and its supplements for the processors that Android runs on.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Elf, Machine, elf::text_at, relocations};

/// Most relocations of one table that are read.
const RELOCATIONS_MAX: usize = 1 << 20;
/// Tags of the dynamic table.
const SYMBOLS: u64 = 6;
const NAMES: u64 = 5;
const CALLS: (u64, u64) = (23, 2);
const WITH_ADDEND: (u64, u64) = (7, 8);
const WITHOUT_ADDEND: (u64, u64) = (17, 18);

/// What the linker does at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Writes the address of a symbol, into the table of global offsets or anywhere.
    Offset,
    Symbol,
    /// Adds where the file lies to what is there, or to the addend.
    Relative,
    Other,
}

/// The file in memory.
pub(crate) struct Memory<'a> {
    pub(crate) elf: &'a Elf,
    bytes: &'a [u8],
    /// Pointers that relocations write, by the address they write to.
    pointers: BTreeMap<u64, u64>,
    /// What stands for a name, by the place that the linker writes its address to.
    linked: BTreeMap<u64, Linked>,
    /// Of these, the places that stubs of a linkage table go through.
    slots: BTreeSet<u64>,
    /// First and last place of the table of global offsets, as far as names stand in it.
    offsets: (u64, u64),
}

/// What the linker finds for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Linked {
    /// Another file has it.
    Import(String),
    /// The file itself has it, unless one that is loaded before has it too.
    Own(u64),
}

impl<'a> Memory<'a> {
    pub(crate) fn new(elf: &'a Elf, bytes: &'a [u8]) -> Self {
        let pointers = relocations::relative(elf, bytes);
        let mut memory =
            Self { elf, bytes, pointers, linked: BTreeMap::new(), slots: BTreeSet::new(), offsets: (u64::MAX, 0) };
        for table in [WITH_ADDEND, WITHOUT_ADDEND] {
            memory.table(table, table == WITH_ADDEND, false);
        }
        memory.table(CALLS, elf.is_64, true);
        memory
    }

    /// Reads one table of relocations; entries have addends in 64-bit files and none in 32-bit files.
    fn table(&mut self, (place, len): (u64, u64), has_addend: bool, is_calls: bool) {
        if has_addend != self.elf.is_64 {
            return;
        }
        let (Some(&address), Some(&len)) = (self.elf.dynamic.get(&place), self.elf.dynamic.get(&len)) else { return };
        let (word, words) = (self.elf.word_len(), if has_addend { 3 } else { 2 });
        let bytes = self.bytes_at(address);
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
        let table = bytes.get(..len).unwrap_or_default();
        for entry in table.chunks_exact(word.saturating_mul(words)).take(RELOCATIONS_MAX) {
            let mut words = entry.chunks_exact(word).map(little_endian);
            let (Some(at), Some(info)) = (words.next(), words.next()) else { continue };
            self.relocation(at, info, words.next(), is_calls);
        }
    }

    fn relocation(&mut self, at: u64, info: u64, addend: Option<u64>, is_calls: bool) {
        let (number, kind) = if self.elf.is_64 { (info >> 32, info & 0xffff_ffff) } else { (info >> 8, info & 0xff) };
        match kind_of(self.elf.machine, kind) {
            Kind::Relative => {
                if let Some(value) = addend.or_else(|| self.stored(at)) {
                    self.pointers.insert(at, value);
                }
            }
            Kind::Symbol | Kind::Offset => {
                if kind_of(self.elf.machine, kind) == Kind::Offset {
                    self.offsets = (self.offsets.0.min(at), self.offsets.1.max(at));
                }
                let Some((name, value)) = self.symbol(number) else { return };
                if is_calls {
                    self.slots.insert(at);
                }
                let value = if value == 0 { 0 } else { value.wrapping_add(addend.unwrap_or(0)) };
                match (value, is_calls) {
                    (0, _) if name.is_empty() => {}
                    (0, _) => drop(self.linked.insert(at, Linked::Import(name))),
                    (_, true) => drop(self.linked.insert(at, Linked::Own(value))),
                    (_, false) => drop(self.pointers.insert(at, value)),
                }
            }
            Kind::Other => {}
        }
    }

    /// Name and address of a symbol.
    fn symbol(&self, number: u64) -> Option<(String, u64)> {
        let dynamic = &self.elf.dynamic;
        let entry_len = if self.elf.is_64 { 24 } else { 16 };
        let at = dynamic.get(&SYMBOLS)?.checked_add(number.checked_mul(entry_len)?)?;
        let bytes = self.bytes_at(at);
        let name = little_endian(bytes.get(..4)?);
        let value = if self.elf.is_64 { bytes.get(8..16)? } else { bytes.get(4..8)? };
        let names = self.bytes_at(*dynamic.get(&NAMES)?);
        Some((text_at(names, name), little_endian(value)))
    }

    /// What the file holds from an address on, to the end of the file.
    pub(crate) fn bytes_at(&self, address: u64) -> &'a [u8] {
        let offset = self.elf.file_offset(address).and_then(|at| usize::try_from(at).ok());
        offset.and_then(|at| self.bytes.get(at..)).unwrap_or_default()
    }

    /// The word that the file holds at an address.
    pub(crate) fn stored(&self, address: u64) -> Option<u64> {
        self.bytes_at(address).get(..self.elf.word_len()).map(little_endian)
    }

    /// The pointer at an address of the data: as relocated, else as stored.
    pub(crate) fn pointer(&self, address: u64) -> Option<u64> {
        self.pointers.get(&address).copied().or_else(|| self.stored(address)).filter(|&value| value != 0)
    }

    /// What relocations write, without names.
    pub(crate) fn relocated(&self) -> impl Iterator<Item = u64> {
        self.pointers.values().copied()
    }

    /// What stands for the name whose address the linker writes to a place.
    pub(crate) fn linked(&self, address: u64) -> Option<&Linked> {
        self.linked.get(&address)
    }

    /// The same, of a place that stubs go through.
    pub(crate) fn slot(&self, address: u64) -> Option<&Linked> {
        self.linked(address).filter(|_| self.slots.contains(&address))
    }

    /// Whether an address is in the table of global offsets: code puts it together to find something else.
    pub(crate) const fn is_offset_table(&self, address: u64) -> bool {
        self.offsets.0 <= address && address <= self.offsets.1
    }

    /// Whether instructions may stand at an address.
    pub(crate) fn is_code(&self, address: u64) -> bool {
        let within =
            |segment: &&crate::Segment| address.checked_sub(segment.address).is_some_and(|at| at < segment.len);
        self.elf.segments.iter().find(within).is_some_and(|segment| segment.is_executable)
    }
}

const fn kind_of(machine: Machine, kind: u64) -> Kind {
    match (machine, kind) {
        (Machine::Arm, 21 | 22) | (Machine::X86 | Machine::X86_64, 6 | 7) | (Machine::Aarch64, 1025 | 1026) => {
            Kind::Offset
        }
        (Machine::Arm, 2) | (Machine::X86 | Machine::X86_64, 1) | (Machine::Aarch64, 257) => Kind::Symbol,
        (Machine::Arm, 23) | (Machine::X86 | Machine::X86_64, 8) | (Machine::Aarch64, 1027) => Kind::Relative,
        _ => Kind::Other,
    }
}

/// A number of up to eight bytes.
pub(crate) fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}
