//! Download packages `*.pac` for Unisoc (Spreadtrum) chips. Written from the structures of BinPack.h as published with the chip
//! maker's download tool: `BIN_PACKET_INFO_T` and `FILE_T`, versions BP_R1.0.0 and BP_R2.0.1.
//!
//! Text is UTF-16. The second version puts the upper halves of lengths and offsets where the first one has unused text, so
//! that packages may be longer than 4 GiB.

use bytes::{Budget, ByteSource, Cursor, Error, Result};
use codecs::{Crc16, Crc16Kind};

use crate::{Child, Format, Opened, Problem, text::utf16_until_zero};

/// Unisoc download package: one child for each file.
pub static FORMAT: Format = Format {
    name: "pac",
    probe,
    open,
    references: &["BinPack.h of the Spreadtrum download tool (BIN_PACKET_INFO_T, FILE_T), BP_R1.0.0 and BP_R2.0.1"],
    limitations: &["entries that are operations and not files (erase, reset) are left out"],
};

/// `BP_R` in UTF-16.
const VERSION_MARK: &[u8] = b"B\0P\0_\0R\0";
/// `BP_R1`, whose lengths have 32 bits.
const FIRST_VERSION: &[u8] = b"BP_R1";
const HEADER_LEN: u64 = 2124;
/// Where the two checksums stand: everything before is covered by the first, everything behind by the second.
const CHECKSUMS_AT: u64 = 2120;
const ENTRY_LEN: u64 = 2580;
/// Longest entry that is believed: `dwSize` of an entry is its own length, and later versions may extend it.
const ENTRY_LEN_MAX: u64 = 1 << 16;

fn probe(source: &ByteSource) -> bool {
    source.has(0, VERSION_MARK) && source.len() >= HEADER_LEN
}

struct Header {
    is_first_version: bool,
    len: u64,
    count: u32,
    entries_offset: u64,
    head_checksum: u16,
    body_checksum: u16,
}

impl Header {
    fn read(bytes: &[u8; HEADER_LEN as usize]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes, 0);
        let version = utf16_until_zero(cursor.take(44, "szVersion")?);
        let is_first_version = version.starts_with(FIRST_VERSION);
        let high = cursor.u32_le("dwHiSize")?;
        let low = cursor.u32_le("dwLoSize")?;
        let len = wide(if is_first_version { 0 } else { high }, low);
        cursor.take(1024, "szPrdName, szPrdVersion")?;
        let count = cursor.u32_le("nFileCount")?;
        let entries_offset = u64::from(cursor.u32_le("dwFileOffset")?);
        let mut cursor = Cursor::at(bytes, CHECKSUMS_AT, "wCRC1")?;
        let (head_checksum, body_checksum) = (cursor.u16_le("wCRC1")?, cursor.u16_le("wCRC2")?);
        Ok(Self { is_first_version, len, count, entries_offset, head_checksum, body_checksum })
    }
}

struct Entry {
    len: u64,
    name: Vec<u8>,
    data_offset: u64,
    data_len: u64,
}

impl Entry {
    fn read(source: &ByteSource, offset: u64, is_first_version: bool) -> Result<Self> {
        let bytes = source.array::<{ ENTRY_LEN as usize }>(offset, "entry")?;
        let mut cursor = Cursor::new(&bytes, offset);
        let len = u64::from(cursor.u32_le("dwSize of an entry")?);
        if !(ENTRY_LEN..=ENTRY_LEN_MAX).contains(&len) {
            return Err(Error::corrupt("dwSize of an entry", offset));
        }
        let id = utf16_until_zero(cursor.take(512, "szFileID")?);
        let file_name = utf16_until_zero(cursor.take(512, "szFileName")?);
        cursor.take(504, "szReserved")?;
        let (high_len, high_offset) = (cursor.u32_le("dwHiFileSize")?, cursor.u32_le("dwHiDataOffset")?);
        let low_len = cursor.u32_le("dwLoFileSize")?;
        cursor.take(8, "nFileFlag, nCheckFlag")?;
        let low_offset = cursor.u32_le("dwLoDataOffset")?;
        let half = |high| if is_first_version { 0 } else { high };
        let name = if file_name.is_empty() { id } else { file_name };
        let (data_offset, data_len) = (wide(half(high_offset), low_offset), wide(half(high_len), low_len));
        Ok(Self { len, name, data_offset, data_len })
    }
}

/// A number whose halves are stored apart.
fn wide(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let head = source.array(0, "package header")?;
    let header = Header::read(&head)?;
    let mut opened = Opened::default();
    opened.problems.extend(contradictions(source, &head, &header));
    let mut offset = header.entries_offset;
    for _ in 0..header.count {
        let read = budget
            .spend_nodes(1, "nFileCount", offset)
            .and_then(|()| Entry::read(source, offset, header.is_first_version));
        let entry = match read {
            Ok(entry) => entry,
            Err(error) => {
                // Without its length nothing behind it can be found.
                opened.problems.push(Problem { name: Vec::new(), error });
                break;
            }
        };
        offset = offset.saturating_add(entry.len);
        if entry.data_len == 0 {
            continue;
        }
        match source.slice(entry.data_offset, entry.data_len, "dwLoFileSize") {
            Ok(source) => opened.children.push(Child { name: entry.name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name: entry.name, error }),
        }
    }
    Ok(opened)
}

/// What the package says of itself and is not so: its length, or a checksum.
fn contradictions(source: &ByteSource, head: &[u8], header: &Header) -> Option<Problem> {
    let problem = |error| Some(Problem { name: Vec::new(), error });
    if header.len > source.len() {
        return problem(Error::truncated("dwLoSize", 48, header.len, source.len()));
    }
    let mut checksum = Crc16::new(Crc16Kind::Arc);
    checksum.update(head.get(..CHECKSUMS_AT as usize).unwrap_or_default());
    if checksum.value() != header.head_checksum {
        return problem(Error::checksum("wCRC1", CHECKSUMS_AT));
    }
    // Tools that put a package together again leave the second checksum empty.
    if header.body_checksum == 0 {
        return None;
    }
    match body_checksum(source, header.len) {
        Ok(checksum) if checksum == header.body_checksum => None,
        Ok(_) => problem(Error::checksum("wCRC2", CHECKSUMS_AT.saturating_add(2))),
        Err(error) => problem(error),
    }
}

fn body_checksum(source: &ByteSource, end: u64) -> Result<u16> {
    let mut checksum = Crc16::new(Crc16Kind::Arc);
    let mut window = vec![0; 256 << 10];
    let body = source.slice(HEADER_LEN, end.saturating_sub(HEADER_LEN), "dwLoSize")?;
    let mut offset = 0;
    while offset < body.len() {
        let count = body.read_some(offset, &mut window)?;
        checksum.update(window.get(..count).unwrap_or_default());
        offset = offset.saturating_add(count as u64);
    }
    Ok(checksum.value())
}
