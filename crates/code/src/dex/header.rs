//! The header of a DEX file, of a compact DEX file, and the headers of a version 041 container.
//!
//! Met at the start of every DEX file; a container holds several, one after the other, which share one data section.
//! Compact DEX files are met in VDEX files of Android 9 to 11; their data may be shared, behind all of them. Written from
//! the "Dalvik Executable format" document, `header_item`, and `compact_dex_file.h` of the platform.

use bytes::{Cursor, Error, Result};

/// `dex\n`.
pub(crate) const MAGIC: [u8; 4] = *b"dex\n";
/// The start of a compact DEX file.
pub(crate) const COMPACT_MAGIC: [u8; 4] = *b"cdex";
/// The only version of compact DEX files that the platform ever wrote.
const COMPACT_VERSION: u64 = 1;
/// The versions that were ever accepted by a device of this reader's concern. 036 was written by some makers' tools.
const VERSIONS: std::ops::RangeInclusive<u64> = 35..=41;
/// From this version on a file is a container.
const CONTAINER_VERSION: u64 = 41;
/// Bytes of a header before and since containers.
const HEADER_BYTES: u32 = 0x70;
const CONTAINER_HEADER_BYTES: u32 = 0x78;
/// Six numbers more: features, three about debug information, two about the data that is this file's own.
const COMPACT_HEADER_BYTES: u32 = 0x88;
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
    /// SHA-1 of everything after it.
    pub(crate) signature: [u8; 20],
    pub(crate) file_size: u32,
    /// Whether the file is a container; offsets count from the start of the container either way.
    pub(crate) container: bool,
    /// Whether code items are packed.
    pub(crate) compact: bool,
    /// What offsets of data count from; those of the tables above are counted from the start of the bytes already.
    pub(crate) data_base: u32,
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
        let (version, compact) = version(&mut cursor)?;
        let container = !compact && version >= CONTAINER_VERSION;
        let least = match (compact, container) {
            (true, _) => COMPACT_HEADER_BYTES,
            (false, true) => CONTAINER_HEADER_BYTES,
            (false, false) => HEADER_BYTES,
        };
        let checksum = cursor.u32_le("checksum")?;
        let signature = cursor.array::<20>("signature")?;
        let file_size = cursor.u32_le("file_size")?;
        let size_offset = cursor.offset();
        if cursor.u32_le("header_size")? < least {
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
        // Those of a compact file count from its header, the others from the start of the bytes.
        let tables_base = if compact { at } else { 0 };
        let mut table = || table(&mut cursor, tables_base);
        let (strings, types, prototypes) = (table()?, table()?, table()?);
        let (fields, methods, classes) = (table()?, table()?, table()?);
        let data = table()?;
        let data_base = if compact { data.offset } else { 0 };
        Ok(Self {
            at,
            checksum,
            signature,
            file_size,
            container,
            compact,
            data_base,
            strings,
            types,
            prototypes,
            fields,
            methods,
            classes,
        })
    }

    /// Where the data is that the file says is `offset` bytes into its data.
    pub(crate) const fn data(&self, offset: u32) -> u32 {
        self.data_base.saturating_add(offset)
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

/// The version, checked, and whether the file is a compact one.
fn version(cursor: &mut Cursor<'_>) -> Result<(u64, bool)> {
    let magic_offset = cursor.offset();
    let [m0, m1, m2, m3, digits @ .., end] = cursor.array::<8>("magic")?;
    let compact = [m0, m1, m2, m3] == COMPACT_MAGIC;
    if !(compact || [m0, m1, m2, m3] == MAGIC) || end != 0 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::corrupt("magic", magic_offset));
    }
    // Three decimal digits.
    let version = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    if if compact { version != COMPACT_VERSION } else { !VERSIONS.contains(&version) } {
        return Err(Error::unsupported("dex version", magic_offset.saturating_add(4), version));
    }
    Ok((version, compact))
}

fn table(cursor: &mut Cursor<'_>, base: u32) -> Result<Table> {
    let field_offset = cursor.offset();
    let (count, offset) = (cursor.u32_le("table size")?, cursor.u32_le("table offset")?);
    Ok(Table { count, offset: base.saturating_add(offset), field_offset })
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

/// Whether the length and the checksum that a DEX file says of itself hold for the beginning of `bytes`.
#[must_use]
pub fn has_dex_checksum(bytes: &[u8]) -> bool {
    let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word));
    // Behind the magic stand the checksum, a digest of twenty bytes, and the length of the file.
    let summed = word(32).and_then(|len| bytes.get(12..usize::try_from(len).ok()?));
    summed.is_some_and(|summed| word(8) == Some(adler32(summed)))
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
        assert_eq!(with(0, b"xdex"), Error::corrupt("magic", 0));
        assert_eq!(with(0, b"cdex"), Error::unsupported("dex version", 4, 35));
        assert_eq!(with(0, b"cdex001"), Error::corrupt("header_size", 36));
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
