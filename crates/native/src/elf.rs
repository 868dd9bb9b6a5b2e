//! ELF files: header, segments, sections. Written from the System V ABI (gABI 4.3 draft) and its supplements for the processors
//! that Android runs on.
//!
//! Like the platform's linker this goes by segments and the dynamic table; sections are read beside them and may be missing or
//! false.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::dynamic;

const MAGIC: [u8; 4] = *b"\x7fELF";
const LITTLE_ENDIAN: u8 = 1;
/// Most segments and sections; files of the platform have up to a dozen and up to fifty.
const SEGMENTS_MAX: u16 = 1024;
const SECTIONS_MAX: u16 = 4096;
/// Longest table of names of sections.
const NAMES_LEN_MAX: u64 = 1 << 20;
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const ARM_INDEX: u32 = 0x7000_0001;
const FRAME_HEADER: u32 = 0x6474_e550;
const EXECUTABLE: u32 = 1;

/// The processor a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// 32-bit ARM, with Thumb.
    Arm,
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit x86.
    X86,
    /// 64-bit x86.
    X86_64,
    /// Any other, by its number.
    Other(u16),
}

/// An ELF file: its tables. The contents stay where they are.
#[derive(Debug)]
pub struct Elf {
    /// Whether addresses have 64 bits.
    pub is_64: bool,
    /// The processor.
    pub machine: Machine,
    /// What is loaded, in file order.
    pub segments: Vec<Segment>,
    /// What the file says of its parts; nothing if the table is gone.
    pub sections: Vec<Section>,
    /// Libraries that must be loaded with it.
    pub needed: Vec<String>,
    /// The library's own name.
    pub soname: Option<String>,
    /// Names that other libraries must provide.
    pub imports: Vec<Symbol>,
    /// Names that others may use.
    pub exports: Vec<Symbol>,
    /// Where the program starts; zero in a library.
    pub entry: u64,
    /// The dynamic table, by tag: of tags that come once, the value.
    pub(crate) dynamic: BTreeMap<u64, u64>,
    /// Address and length of the table that says how to unwind each function.
    pub(crate) unwind: Option<(Unwind, u64, u64)>,
    /// Tables that could not be read; the others still stand.
    pub problems: Vec<Error>,
}

/// Kinds of tables for unwinding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwind {
    /// `.ARM.exidx`
    ArmIndex,
    /// `.eh_frame_hdr`
    FrameHeader,
}

/// A loaded part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Where it is in the file.
    pub offset: u64,
    /// How much of it is in the file.
    pub len: u64,
    /// Where it is in memory.
    pub address: u64,
    /// Whether it holds instructions.
    pub is_executable: bool,
}

/// A part of the file as its maker named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `.rodata`
    pub name: String,
    /// Where it is in the file.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
}

/// A name of the dynamic symbol table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// The name.
    pub name: String,
    /// Where the name stands in the file.
    pub name_offset: u64,
    /// Its address; of an import, zero.
    pub address: u64,
    /// Whether it is a function, as the table says.
    pub is_function: bool,
}

impl Elf {
    /// Whether the file is one.
    #[must_use]
    pub fn probe(source: &ByteSource) -> bool {
        source.has(0, &MAGIC)
    }

    /// Reads the tables of a file.
    pub fn read(source: &ByteSource, budget: &Budget) -> Result<Self> {
        let header = Header::read(source)?;
        let mut elf = Self {
            is_64: header.is_64,
            machine: header.machine,
            segments: Vec::new(),
            sections: Vec::new(),
            needed: Vec::new(),
            soname: None,
            imports: Vec::new(),
            exports: Vec::new(),
            entry: header.entry,
            dynamic: BTreeMap::new(),
            unwind: None,
            problems: Vec::new(),
        };
        let dynamic = header.segments(source, budget, &mut elf)?;
        if let Err(error) = header.sections(source, budget, &mut elf.sections) {
            elf.problems.push(error);
        }
        if let Some(dynamic) = dynamic
            && let Err(error) = dynamic::read(source, dynamic, &mut elf, budget)
        {
            elf.problems.push(error);
        }
        Ok(elf)
    }

    /// Where an address is in the file, if it is in what is loaded from there.
    #[must_use]
    pub fn file_offset(&self, address: u64) -> Option<u64> {
        let within = |segment: &&Segment| address.checked_sub(segment.address).is_some_and(|at| at < segment.len);
        let segment = self.segments.iter().find(within)?;
        segment.offset.checked_add(address.checked_sub(segment.address)?)
    }

    /// Where an offset of the file is in memory, if it is loaded.
    #[must_use]
    pub fn address(&self, offset: u64) -> Option<u64> {
        let within = |segment: &&Segment| offset.checked_sub(segment.offset).is_some_and(|at| at < segment.len);
        let segment = self.segments.iter().find(within)?;
        segment.address.checked_add(offset.checked_sub(segment.offset)?)
    }

    /// The first import of one of these names.
    #[must_use]
    pub fn import_of(&self, names: &[String]) -> Option<&Symbol> {
        self.imports.iter().find(|import| names.contains(&import.name))
    }

    /// Length of an address, in bytes.
    #[must_use]
    pub const fn word_len(&self) -> usize {
        if self.is_64 { 8 } else { 4 }
    }
}

struct Header {
    is_64: bool,
    machine: Machine,
    entry: u64,
    segments: Table,
    sections: Table,
    /// Number of the section with the names.
    names: u16,
}

struct Table {
    offset: u64,
    entry_len: u16,
    count: u16,
}

impl Table {
    /// Offset of an entry: products of 16-bit numbers cannot overflow.
    fn entry(&self, number: u16) -> u64 {
        self.offset.saturating_add(u64::from(self.entry_len) * u64::from(number))
    }
}

impl Header {
    fn read(source: &ByteSource) -> Result<Self> {
        let ident = source.array::<16>(0, "e_ident")?;
        let [_, _, _, _, class, order, ..] = ident;
        if !ident.starts_with(&MAGIC) {
            return Err(Error::corrupt("e_ident", 0));
        }
        let is_64 = match class {
            1 => false,
            2 => true,
            _ => return Err(Error::unsupported("EI_CLASS", 4, u64::from(class))),
        };
        if order != LITTLE_ENDIAN {
            return Err(Error::unsupported("EI_DATA", 5, u64::from(order)));
        }
        let mut bytes = vec![0; if is_64 { 48 } else { 36 }];
        source.read(16, &mut bytes, "ELF header")?;
        let mut cursor = Cursor::new(&bytes, 16);
        cursor.u16_le("e_type")?;
        let machine = match cursor.u16_le("e_machine")? {
            3 => Machine::X86,
            40 => Machine::Arm,
            62 => Machine::X86_64,
            183 => Machine::Aarch64,
            other => Machine::Other(other),
        };
        cursor.u32_le("e_version")?;
        let entry = word(&mut cursor, is_64, "e_entry")?;
        let (segments, sections) = (word(&mut cursor, is_64, "e_phoff")?, word(&mut cursor, is_64, "e_shoff")?);
        cursor.take(6, "e_flags, e_ehsize")?;
        let mut table = |offset| -> Result<Table> {
            Ok(Table { offset, entry_len: cursor.u16_le("entry size")?, count: cursor.u16_le("entry count")? })
        };
        let (segments, sections) = (table(segments)?, table(sections)?);
        let names = cursor.u16_le("e_shstrndx")?;
        if segments.count > SEGMENTS_MAX {
            return Err(Error::corrupt("e_phnum", 16));
        }
        Ok(Self { is_64, machine, entry, segments, sections, names })
    }

    /// Reads the segments; the place of the dynamic table, if there is one.
    fn segments(&self, source: &ByteSource, budget: &Budget, elf: &mut Elf) -> Result<Option<(u64, u64)>> {
        let mut dynamic = None;
        for number in 0..self.segments.count {
            let at = self.segments.entry(number);
            budget.spend_nodes(1, "program header", at)?;
            let mut bytes = vec![0; if self.is_64 { 56 } else { 32 }];
            source.read(at, &mut bytes, "program header")?;
            let mut cursor = Cursor::new(&bytes, at);
            let kind = cursor.u32_le("p_type")?;
            let early_flags = if self.is_64 { cursor.u32_le("p_flags")? } else { 0 };
            let offset = word(&mut cursor, self.is_64, "p_offset")?;
            let address = word(&mut cursor, self.is_64, "p_vaddr")?;
            word(&mut cursor, self.is_64, "p_paddr")?;
            let len = word(&mut cursor, self.is_64, "p_filesz")?;
            word(&mut cursor, self.is_64, "p_memsz")?;
            let flags = if self.is_64 { early_flags } else { cursor.u32_le("p_flags")? };
            // What the file does not hold is no part of the segment: loops over segments end with the file.
            let len = len.min(source.len().saturating_sub(offset));
            match kind {
                LOAD => elf.segments.push(Segment { offset, len, address, is_executable: flags & EXECUTABLE != 0 }),
                ARM_INDEX if self.machine == Machine::Arm => elf.unwind = Some((Unwind::ArmIndex, address, len)),
                FRAME_HEADER => elf.unwind = Some((Unwind::FrameHeader, address, len)),
                DYNAMIC => dynamic = Some((offset, len)),
                _ => {}
            }
        }
        Ok(dynamic)
    }

    fn sections(&self, source: &ByteSource, budget: &Budget, found: &mut Vec<Section>) -> Result<()> {
        if self.sections.count == 0 || self.sections.offset == 0 {
            return Ok(());
        }
        if self.sections.count > SECTIONS_MAX {
            return Err(Error::corrupt("e_shnum", 16));
        }
        let (_, names_offset, names_len) = self.section(source, self.names)?;
        if names_len > NAMES_LEN_MAX {
            return Err(Error::corrupt("length of the names of sections", self.sections.entry(self.names)));
        }
        let names = source.slice(names_offset, names_len, "names of sections")?.to_vec(budget, "names of sections")?;
        for number in 1..self.sections.count {
            budget.spend_nodes(1, "section header", self.sections.entry(number))?;
            let (name, offset, len) = self.section(source, number)?;
            found.push(Section { name: text_at(&names, u64::from(name)), offset, len });
        }
        Ok(())
    }

    /// Place of the name, offset and length of a section.
    fn section(&self, source: &ByteSource, number: u16) -> Result<(u32, u64, u64)> {
        let at = self.sections.entry(number);
        let mut bytes = vec![0; if self.is_64 { 40 } else { 24 }];
        source.read(at, &mut bytes, "section header")?;
        let mut cursor = Cursor::new(&bytes, at);
        let name = cursor.u32_le("sh_name")?;
        cursor.u32_le("sh_type")?;
        word(&mut cursor, self.is_64, "sh_flags")?;
        word(&mut cursor, self.is_64, "sh_addr")?;
        Ok((name, word(&mut cursor, self.is_64, "sh_offset")?, word(&mut cursor, self.is_64, "sh_size")?))
    }
}

/// An address or length of the file's class.
pub(crate) fn word(cursor: &mut Cursor<'_>, is_64: bool, what: &'static str) -> Result<u64> {
    if is_64 { cursor.u64_le(what) } else { cursor.u32_le(what).map(u64::from) }
}

/// The text in `table` that starts at `at` and ends before a zero byte.
pub(crate) fn text_at(table: &[u8], at: u64) -> String {
    let rest = usize::try_from(at).ok().and_then(|at| table.get(at..)).unwrap_or_default();
    String::from_utf8_lossy(rest.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}
