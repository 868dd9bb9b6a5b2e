//! The header of a DEX file, and the headers of a version 041 container.
//!
//! Met at the start of every DEX file; a container holds several, one after the other, which share one data section.
//! Written from the "Dalvik Executable format" document, `header_item`.

use bytes::{Cursor, Error, Result};

/// `dex\n`.
pub(crate) const MAGIC: [u8; 4] = *b"dex\n";
/// The versions that were ever accepted by a device of this reader's concern. 036 was written by some makers' tools.
const VERSIONS: std::ops::RangeInclusive<u64> = 35..=41;
/// From this version on a file is a container.
const CONTAINER_VERSION: u64 = 41;
/// Bytes of a header before and since containers.
const HEADER_BYTES: u32 = 0x70;
const CONTAINER_HEADER_BYTES: u32 = 0x78;
const LITTLE_ENDIAN: u32 = 0x1234_5678;
const BIG_ENDIAN: u32 = 0x7856_3412;

/// A table: number of entries and where it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) count: u32,
    pub(crate) offset: u32,
    /// Where the header says so, for problems.
    pub(crate) field_offset: u64,
}

/// What the header says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where the header is in the file.
    pub(crate) at: u32,
    pub(crate) checksum: u32,
    pub(crate) file_size: u32,
    /// Whether the file is a container; offsets count from the start of the container either way.
    pub(crate) container: bool,
    pub(crate) strings: Table,
    pub(crate) types: Table,
    pub(crate) prototypes: Table,
    pub(crate) fields: Table,
    pub(crate) methods: Table,
    pub(crate) classes: Table,
}

impl Header {
    /// Reads the header `at` bytes into `file`.
    pub(crate) fn read(file: &[u8], at: u32) -> Result<Self> {
        let start = u64::from(at);
        let mut cursor = Cursor::at(file, start, "dex header")?;
        let version = version(&mut cursor)?;
        let container = version >= CONTAINER_VERSION;
        let checksum = cursor.u32_le("checksum")?;
        cursor.array::<20>("signature")?;
        let file_size = cursor.u32_le("file_size")?;
        let size_offset = cursor.offset();
        let header_size = cursor.u32_le("header_size")?;
        if header_size < if container { CONTAINER_HEADER_BYTES } else { HEADER_BYTES } {
            return Err(Error::corrupt("header_size", size_offset));
        }
        let endian_offset = cursor.offset();
        match cursor.u32_le("endian_tag")? {
            LITTLE_ENDIAN => {}
            BIG_ENDIAN => return Err(Error::unsupported("endian_tag", endian_offset, u64::from(BIG_ENDIAN))),
            _ => return Err(Error::corrupt("endian_tag", endian_offset)),
        }
        cursor.u32_le("link_size")?;
        cursor.u32_le("link_off")?;
        cursor.u32_le("map_off")?;
        let strings = table(&mut cursor)?;
        let types = table(&mut cursor)?;
        let prototypes = table(&mut cursor)?;
        let fields = table(&mut cursor)?;
        let methods = table(&mut cursor)?;
        let classes = table(&mut cursor)?;
        Ok(Self { at, checksum, file_size, container, strings, types, prototypes, fields, methods, classes })
    }

    /// Whether every table starts within `len` bytes: a header found by search that says otherwise is no header.
    pub(crate) fn tables_are_within(&self, len: u64) -> bool {
        [self.strings, self.types, self.prototypes, self.fields, self.methods, self.classes]
            .iter()
            .all(|table| table.count == 0 || u64::from(table.offset) < len)
    }

    /// Where the next header of a container starts; `None` after the last one.
    pub(crate) fn next(&self, file_len: u64) -> Option<u32> {
        // A size below a header would lead back into this header, or forward by a byte at a time.
        if !self.container || self.file_size < CONTAINER_HEADER_BYTES {
            return None;
        }
        let next = self.at.checked_add(self.file_size)?;
        (u64::from(next).saturating_add(u64::from(CONTAINER_HEADER_BYTES)) <= file_len).then_some(next)
    }
}

/// The magic and the version, both checked.
fn version(cursor: &mut Cursor<'_>) -> Result<u64> {
    let magic_offset = cursor.offset();
    let [m0, m1, m2, m3, digits @ .., end] = cursor.array::<8>("magic")?;
    if [m0, m1, m2, m3] != MAGIC || end != 0 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::corrupt("magic", magic_offset));
    }
    // Three decimal digits.
    let version = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    if !VERSIONS.contains(&version) {
        return Err(Error::unsupported("dex version", magic_offset.saturating_add(4), version));
    }
    Ok(version)
}

fn table(cursor: &mut Cursor<'_>) -> Result<Table> {
    let field_offset = cursor.offset();
    Ok(Table { count: cursor.u32_le("table size")?, offset: cursor.u32_le("table offset")?, field_offset })
}

/// Adler-32, as the header's checksum over everything after it.
pub(crate) fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // The most bytes whose sums stay below 2^32.
    const RUN: usize = 5552;
    let (mut low, mut high) = (1_u32, 0_u32);
    for run in bytes.chunks(RUN) {
        for &byte in run {
            low += u32::from(byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler32_matches_the_published_example() {
        // RFC 1950's algorithm on the example every description uses.
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(b""), 1);
    }

    #[test]
    fn a_header_is_refused_at_the_field_that_is_wrong() {
        let mut good = vec![0_u8; 0x78];
        good[..8].copy_from_slice(b"dex\n035\0");
        good[36..40].copy_from_slice(&0x70_u32.to_le_bytes());
        good[40..44].copy_from_slice(&LITTLE_ENDIAN.to_le_bytes());
        assert!(Header::read(&good, 0).is_ok());
        let with = |at: usize, bytes: &[u8]| {
            let mut file = good.clone();
            file[at..at + bytes.len()].copy_from_slice(bytes);
            Header::read(&file, 0).unwrap_err()
        };
        assert_eq!(with(0, b"cdex"), Error::corrupt("magic", 0));
        assert_eq!(with(4, b"034"), Error::unsupported("dex version", 4, 34));
        assert_eq!(with(4, b"042"), Error::unsupported("dex version", 4, 42));
        assert_eq!(with(36, &[0x6f, 0, 0, 0]), Error::corrupt("header_size", 36));
        assert_eq!(with(4, b"041"), Error::corrupt("header_size", 36));
        assert_eq!(with(40, &[0x12, 0x34, 0x56, 0x78]), Error::unsupported("endian_tag", 40, 0x7856_3412));
        assert_eq!(with(40, &[0; 4]), Error::corrupt("endian_tag", 40));
        assert_eq!(Header::read(&good[..50], 0), Err(Error::truncated("link_off", 48, 4, 2)));
        assert_eq!(Header::read(&good, 200).unwrap_err(), Error::truncated("dex header", 200, 1, 0));
    }
}
