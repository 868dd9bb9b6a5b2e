//! Packages `*.nb0`. Met as firmware that FIH made for several brands. No document is public; written from the layout that public tools
//! (nb0-unpack, Kaitai Struct descriptions) agree on: a count, entries of 64 bytes, then the files.
//!
//! There is no mark: a package is recognised by its table, whose last file must end where the package ends.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{Child, Format, Opened, Problem, text::until_zero};

/// Package: one child for each file.
pub static FORMAT: Format = Format {
    name: "nb0",
    probe,
    open,
    references: &["layout facts of nb0-unpack and of the Kaitai Struct description of nb0"],
    limitations: &[],
};

const COUNT_LEN: u64 = 4;
const ENTRY_LEN: u64 = 64;
const NAME_LEN: usize = 48;
/// Most files; real packages have up to a hundred.
const FILES_MAX: u32 = 1024;

fn probe(source: &ByteSource) -> bool {
    let Ok(count) = count(source) else { return false };
    let entry = |number| Entry::read(source, number, count).ok().filter(Entry::has_name);
    let (Some(first), Some(last)) = (entry(0), entry(count.saturating_sub(1))) else { return false };
    first.offset == data_offset(count) && last.offset.checked_add(last.len) == Some(source.len())
}

fn count(source: &ByteSource) -> Result<u32> {
    let count = u32::from_le_bytes(source.array(0, "number of files")?);
    if (1..=FILES_MAX).contains(&count) { Ok(count) } else { Err(Error::corrupt("number of files", 0)) }
}

/// At most 1024 entries of 64 bytes.
fn data_offset(count: u32) -> u64 {
    COUNT_LEN + u64::from(count) * ENTRY_LEN
}

struct Entry {
    field: [u8; NAME_LEN],
    offset: u64,
    len: u64,
}

impl Entry {
    fn read(source: &ByteSource, number: u32, count: u32) -> Result<Self> {
        let at = data_offset(number);
        let bytes = source.array::<{ ENTRY_LEN as usize }>(at, "entry")?;
        let mut cursor = Cursor::new(&bytes, at);
        let (low_offset, low_len) = (cursor.u32_le("offset")?, cursor.u32_le("length")?);
        let (high_offset, high_len) = (cursor.u32_le("offset")?, cursor.u32_le("length")?);
        let wide = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        // Offsets count from behind the table.
        let offset = wide(high_offset, low_offset).saturating_add(data_offset(count));
        Ok(Self { field: cursor.array("name")?, offset, len: wide(high_len, low_len) })
    }

    /// Whether the name is text and the rest of its field empty.
    fn has_name(&self) -> bool {
        let name = until_zero(&self.field);
        let rest = self.field.get(name.len()..).unwrap_or_default();
        !name.is_empty() && name.iter().all(u8::is_ascii_graphic) && rest.iter().all(|&byte| byte == 0)
    }
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let count = count(source)?;
    let mut opened = Opened::default();
    for number in 0..count {
        budget.spend_nodes(1, "number of files", data_offset(number))?;
        let entry = Entry::read(source, number, count)?;
        let name = until_zero(&entry.field);
        match source.slice(entry.offset, entry.len, "length") {
            Ok(source) => opened.children.push(Child { name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    Ok(opened)
}
