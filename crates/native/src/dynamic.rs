//! The dynamic table: needed libraries and symbols, as the platform's linker finds them. Written from the System V ABI and, for the
//! number of symbols of a GNU hash table, from the platform's linker.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{
    Elf, Symbol,
    elf::{text_at, word},
};

/// Most entries of the table; real ones have some forty.
const ENTRIES_MAX: u64 = 4096;
/// Longest table of names, and most symbols; the largest libraries of a browser have half of that.
const NAMES_LEN_MAX: u64 = 32 << 20;
const SYMBOLS_MAX: u64 = 1 << 20;

/// Type of a symbol that is a function.
const FUNCTION: u8 = 2;

#[derive(Default)]
struct Table {
    needed: Vec<u64>,
    soname: Option<u64>,
    names: u64,
    names_len: u64,
    symbols: u64,
    hash: u64,
    gnu_hash: u64,
    all: BTreeMap<u64, u64>,
}

impl Table {
    fn read(source: &ByteSource, (offset, len): (u64, u64), is_64: bool, budget: &Budget) -> Result<Self> {
        let mut table = Self::default();
        let entry_len: u64 = if is_64 { 16 } else { 8 };
        for number in 0..(len / entry_len).min(ENTRIES_MAX) {
            // At most 4096 entries of 16 bytes.
            let at = offset.saturating_add(number * entry_len);
            budget.spend_nodes(1, "dynamic table", at)?;
            let mut bytes = vec![0; if is_64 { 16 } else { 8 }];
            source.read(at, &mut bytes, "dynamic table")?;
            let mut cursor = Cursor::new(&bytes, at);
            let (tag, value) = (word(&mut cursor, is_64, "d_tag")?, word(&mut cursor, is_64, "d_val")?);
            if tag != 0 {
                table.all.entry(tag).or_insert(value);
            }
            match tag {
                0 => break,
                1 => table.needed.push(value),
                4 => table.hash = value,
                5 => table.names = value,
                6 => table.symbols = value,
                10 => table.names_len = value,
                14 => table.soname = Some(value),
                0x6fff_fef5 => table.gnu_hash = value,
                _ => {}
            }
        }
        Ok(table)
    }
}

/// Fills in what the dynamic table says.
pub(crate) fn read(source: &ByteSource, place: (u64, u64), elf: &mut Elf, budget: &Budget) -> Result<()> {
    let mut table = Table::read(source, place, elf.is_64, budget)?;
    elf.dynamic = std::mem::take(&mut table.all);
    let names_offset = elf.file_offset(table.names).ok_or(Error::corrupt("DT_STRTAB", place.0))?;
    let symbols_offset = elf.file_offset(table.symbols).ok_or(Error::corrupt("DT_SYMTAB", place.0))?;
    if table.names_len > NAMES_LEN_MAX {
        return Err(Error::corrupt("DT_STRSZ", place.0));
    }
    let names = source.slice(names_offset, table.names_len, "DT_STRSZ")?.to_vec(budget, "DT_STRTAB")?;
    elf.needed = table.needed.iter().map(|&at| text_at(&names, at)).collect();
    elf.soname = table.soname.map(|at| text_at(&names, at));
    let count = count(source, &table, elf, budget)?;
    if count > SYMBOLS_MAX {
        return Err(Error::corrupt("number of symbols", place.0));
    }
    let entry_len: u64 = if elf.is_64 { 24 } else { 16 };
    // At most 2^20 entries of 24 bytes.
    let bytes = source.slice(symbols_offset, count * entry_len, "DT_SYMTAB")?.to_vec(budget, "DT_SYMTAB")?;
    budget.spend_nodes(count, "DT_SYMTAB", symbols_offset)?;
    let mut cursor = Cursor::new(&bytes, symbols_offset);
    while !cursor.is_empty() {
        let (name, info, section, address) = symbol(&mut cursor, elf.is_64)?;
        let (binding, text) = (info >> 4, text_at(&names, u64::from(name)));
        if text.is_empty() || !matches!(binding, 1 | 2) {
            continue;
        }
        let name_offset = names_offset.saturating_add(u64::from(name));
        let symbol = Symbol { name: text, name_offset, address, is_function: info & 0xf == FUNCTION };
        if section == 0 { elf.imports.push(symbol) } else { elf.exports.push(symbol) }
    }
    Ok(())
}

/// Name, info, section and address of a symbol; the classes order them differently.
fn symbol(cursor: &mut Cursor<'_>, is_64: bool) -> Result<(u32, u8, u16, u64)> {
    let name = cursor.u32_le("st_name")?;
    if is_64 {
        let info = cursor.u8("st_info")?;
        cursor.u8("st_other")?;
        let (section, address) = (cursor.u16_le("st_shndx")?, cursor.u64_le("st_value")?);
        cursor.u64_le("st_size")?;
        Ok((name, info, section, address))
    } else {
        let address = u64::from(cursor.u32_le("st_value")?);
        cursor.u32_le("st_size")?;
        let info = cursor.u8("st_info")?;
        cursor.u8("st_other")?;
        Ok((name, info, cursor.u16_le("st_shndx")?, address))
    }
}

/// The number of symbols. No table says it outright: a SysV hash table has a chain for each symbol, a GNU one ends with the last
/// chain of its last bucket.
fn count(source: &ByteSource, table: &Table, elf: &Elf, budget: &Budget) -> Result<u64> {
    if let Some(hash) = elf.file_offset(table.hash).filter(|_| table.hash != 0) {
        return source.array(hash.saturating_add(4), "nchain").map(u32::from_le_bytes).map(u64::from);
    }
    let Some(hash) = elf.file_offset(table.gnu_hash).filter(|_| table.gnu_hash != 0) else {
        return Err(Error::corrupt("DT_HASH", 0));
    };
    let bytes = source.array::<16>(hash, "GNU hash table")?;
    let mut cursor = Cursor::new(&bytes, hash);
    let buckets = u64::from(cursor.u32_le("nbuckets")?);
    let first = u64::from(cursor.u32_le("symoffset")?);
    let bloom_len = u64::from(cursor.u32_le("bloom_size")?).saturating_mul(elf.word_len() as u64);
    let buckets_at = hash.saturating_add(16).saturating_add(bloom_len);
    if buckets > SYMBOLS_MAX {
        return Err(Error::corrupt("nbuckets", hash));
    }
    // At most 2^20 buckets of four bytes.
    let table = source.slice(buckets_at, buckets * 4, "buckets")?.to_vec(budget, "buckets")?;
    let chunks = table.as_chunks::<4>().0.iter();
    let last = chunks.map(|&bucket| u64::from(u32::from_le_bytes(bucket))).max().unwrap_or(0);
    let Some(mut number) = last.checked_sub(first) else { return Ok(first) };
    let chains_at = buckets_at.saturating_add(buckets * 4);
    loop {
        let at = chains_at.saturating_add(number.saturating_mul(4));
        budget.spend_nodes(1, "hash chain", at)?;
        number = number.saturating_add(1);
        if u32::from_le_bytes(source.array(at, "hash chain")?) & 1 != 0 {
            return Ok(first.saturating_add(number));
        }
    }
}
