//! Just enough of ELF to find the OAT data in a shared object.
//!
//! Met as `X.odex`, `boot.oat` and their kin since Android 5: the compiler wraps its output in an ELF file whose dynamic
//! symbol `oatdata` marks the start. Written from the System V ABI, "Object Files" and "Program Loading".

use bytes::{ByteSource, Cursor, Error, Limit, Result};

/// `\x7fELF`.
pub(crate) const MAGIC: [u8; 4] = *b"\x7fELF";

// A compiled file has about fifteen sections, four segments and eight symbols.
const MAX_SECTIONS: u16 = 1024;
const MAX_SEGMENTS: u16 = 1024;
const MAX_SYMBOLS: u64 = 4096;

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const LOADED: u32 = 1;
const DYNAMIC_SYMBOLS: u32 = 11;
const OAT_DATA: &[u8] = b"oatdata\0";

/// The two widths of ELF.
#[derive(Clone, Copy)]
struct Width {
    is_64: bool,
}

struct Section {
    kind: u32,
    offset: u64,
    size: u64,
    link: u32,
}

struct Segment {
    offset: u64,
    address: u64,
    size: u64,
}

/// Offset in the file of what the dynamic symbol `oatdata` names.
pub(crate) fn oat_data(source: &ByteSource) -> Result<u64> {
    let identity = source.array::<16>(0, "e_ident")?;
    let [_, _, _, _, class, data, ..] = identity;
    let width = match class {
        1 => Width { is_64: false },
        CLASS_64 => Width { is_64: true },
        _ => return Err(Error::corrupt("ei_class", 4)),
    };
    if data != LITTLE_ENDIAN {
        return Err(Error::unsupported("ei_data", 5, data.into()));
    }
    let segments = width.segments(source)?;
    let sections = width.sections(source)?;
    let (address, offset) = width.oat_data_address(source, &sections)?;
    let loaded = segments.iter().find_map(|segment| {
        let within = address.checked_sub(segment.address)?;
        (within < segment.size).then(|| segment.offset.saturating_add(within))
    });
    loaded.ok_or(Error::corrupt("oatdata st_value", offset))
}

/// A table of `count` entries of `size` bytes, as the header gives it. An entry too small for its fields is refused.
fn table(source: &ByteSource, offset: u64, size: u16, count: u16, least: u16, what: &'static str) -> Result<Vec<u8>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if size < least {
        return Err(Error::corrupt(what, offset));
    }
    // At most 1024 entries of at most 64 KiB.
    let mut bytes = vec![0; usize::from(size).saturating_mul(usize::from(count))];
    source.read(offset, &mut bytes, what)?;
    Ok(bytes)
}

impl Width {
    /// A number as wide as an address.
    fn word(self, cursor: &mut Cursor<'_>, what: &'static str) -> Result<u64> {
        if self.is_64 { cursor.u64_le(what) } else { cursor.u32_le(what).map(u64::from) }
    }

    const fn pick<T: Copy>(self, narrow: T, wide: T) -> T {
        if self.is_64 { wide } else { narrow }
    }

    fn segments(self, source: &ByteSource) -> Result<Vec<Segment>> {
        let (offset, size, count) = self.table_place(source, self.pick(28, 32), self.pick(42, 54), "e_phoff")?;
        if count > MAX_SEGMENTS {
            return Err(Error::limit(Limit::Nodes, "e_phnum", self.pick(44, 56)));
        }
        let bytes = table(source, offset, size, count, self.pick(32, 56), "program header")?;
        let mut segments = Vec::new();
        for entry in bytes.chunks_exact(usize::from(size).max(1)) {
            let mut cursor = Cursor::new(entry, offset);
            let kind = cursor.u32_le("p_type")?;
            if self.is_64 {
                cursor.u32_le("p_flags")?;
            }
            let file_offset = self.word(&mut cursor, "p_offset")?;
            let address = self.word(&mut cursor, "p_vaddr")?;
            self.word(&mut cursor, "p_paddr")?;
            let size = self.word(&mut cursor, "p_filesz")?;
            if kind == LOADED {
                segments.push(Segment { offset: file_offset, address, size });
            }
        }
        Ok(segments)
    }

    fn sections(self, source: &ByteSource) -> Result<Vec<Section>> {
        let (offset, size, count) = self.table_place(source, self.pick(32, 40), self.pick(46, 58), "e_shoff")?;
        if count > MAX_SECTIONS {
            return Err(Error::limit(Limit::Nodes, "e_shnum", self.pick(48, 60)));
        }
        let bytes = table(source, offset, size, count, self.pick(40, 64), "section header")?;
        let mut sections = Vec::new();
        for entry in bytes.chunks_exact(usize::from(size).max(1)) {
            let mut cursor = Cursor::new(entry, offset);
            cursor.u32_le("sh_name")?;
            let kind = cursor.u32_le("sh_type")?;
            self.word(&mut cursor, "sh_flags")?;
            self.word(&mut cursor, "sh_addr")?;
            let offset = self.word(&mut cursor, "sh_offset")?;
            let size = self.word(&mut cursor, "sh_size")?;
            sections.push(Section { kind, offset, size, link: cursor.u32_le("sh_link")? });
        }
        Ok(sections)
    }

    /// Where a header table is: its offset, the size of an entry, the number of entries.
    fn table_place(self, source: &ByteSource, at: u64, sizes_at: u64, what: &'static str) -> Result<(u64, u16, u16)> {
        let offset = source.array::<8>(at, what)?;
        let offset = self.word(&mut Cursor::new(&offset, at), what)?;
        let [s0, s1, c0, c1] = source.array::<4>(sizes_at, what)?;
        Ok((offset, u16::from_le_bytes([s0, s1]), u16::from_le_bytes([c0, c1])))
    }

    /// Address of `oatdata`, and where the symbol says so.
    fn oat_data_address(self, source: &ByteSource, sections: &[Section]) -> Result<(u64, u64)> {
        let symbol_bytes = self.pick(16_u64, 24);
        for section in sections.iter().filter(|section| section.kind == DYNAMIC_SYMBOLS) {
            let Some(names) = sections.get(section.link as usize) else { continue };
            for index in 0..(section.size / symbol_bytes).min(MAX_SYMBOLS) {
                let offset = section.offset.saturating_add(index.saturating_mul(symbol_bytes));
                let mut symbol = [0; 24];
                let (symbol, _) = symbol.split_at_mut(self.pick(16, 24));
                source.read(offset, symbol, "dynamic symbol")?;
                let mut cursor = Cursor::new(symbol, offset);
                let name = cursor.u32_le("st_name")?;
                if self.is_64 {
                    cursor.u32_le("st_info")?;
                }
                let value_offset = cursor.offset();
                let value = self.word(&mut cursor, "st_value")?;
                if source.has(names.offset.saturating_add(name.into()), OAT_DATA) {
                    return Ok((value, value_offset));
                }
            }
        }
        Err(Error::corrupt("dynamic symbol oatdata", 0))
    }
}
