//! The OAT header and the list of DEX files in it.
//!
//! Met in compiled code of Android 5.0 to 7.1, whose OAT files hold the DEX files whole; from 8.0 on these are in a VDEX
//! file beside. Written from `oat.h` and `oat_file.cc` of each of those versions of the platform.

use bytes::{ByteSource, Cursor, Error, Limit, Result};

use super::{DexRange, MAX_DEX_FILES};

const MAGIC: [u8; 4] = *b"oat\n";
const DEX_FILE_COUNT: u64 = 20;
/// Path names on the device; the platform allows 4096 bytes.
const MAX_LOCATION: u32 = 4096;
// Offsets in a DEX header.
const DEX_FILE_SIZE: u64 = 32;
const DEX_CLASS_COUNT: u64 = 96;
const DEX_HEADER_BYTES: u32 = 0x70;

/// What differs from version to version.
struct Version {
    /// The number in the magic.
    number: u64,
    /// Where the size of the key-value store is; the store follows, then the DEX files.
    key_values: u64,
    tail: Tail,
}

/// What follows each record of a DEX file.
#[derive(Clone, Copy)]
enum Tail {
    /// The offset of each class, as many as the DEX file defines.
    ClassOffsets,
    /// This many bytes.
    Fixed(u64),
}

/// Every version read so far; a new one is a new row.
const VERSIONS: [Version; 5] = [
    // Android 5.0 and 5.1: eleven entry points.
    Version { number: 39, key_values: 80, tail: Tail::ClassOffsets },
    Version { number: 45, key_values: 80, tail: Tail::ClassOffsets },
    // Android 6.0: eight entry points.
    Version { number: 64, key_values: 68, tail: Tail::ClassOffsets },
    // Android 7.0 and 7.1: the offsets moved out of the list, beside a look-up table.
    Version { number: 79, key_values: 68, tail: Tail::Fixed(8) },
    Version { number: 88, key_values: 68, tail: Tail::Fixed(8) },
];

/// The version of the OAT data at `start`; an error if there is none.
fn version(source: &ByteSource, start: u64) -> Result<&'static Version> {
    let [m0, m1, m2, m3, digits @ .., end] = source.array::<8>(start, "oat magic")?;
    if [m0, m1, m2, m3] != MAGIC || end != 0 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::corrupt("oat magic", start));
    }
    // Three decimal digits.
    let number = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    let unknown = Error::unsupported("oat version", start.saturating_add(4), number);
    VERSIONS.iter().find(|version| version.number == number).ok_or(unknown)
}

/// Lists the DEX files of the OAT data at `start` into `found`; what was found before an error stays.
pub(super) fn list(source: &ByteSource, start: u64, found: &mut Vec<DexRange>) -> Result<()> {
    let version = version(source, start)?;
    let count_offset = start.saturating_add(DEX_FILE_COUNT);
    let count = u32::from_le_bytes(source.array(count_offset, "dex_file_count")?);
    if count == 0 {
        return Err(Error::corrupt("dex_file_count", count_offset));
    }
    let size_offset = start.saturating_add(version.key_values);
    let size = u32::from_le_bytes(source.array(size_offset, "key_value_store_size")?);
    let mut at = size_offset.saturating_add(4).saturating_add(size.into());
    for _ in 0..count {
        if found.len() >= MAX_DEX_FILES {
            return Err(Error::limit(Limit::Nodes, "dex_file_count", count_offset));
        }
        at = record(source, start, at, version.tail, found)?;
    }
    Ok(())
}

/// Reads the record at `at`; where the next one is.
fn record(source: &ByteSource, start: u64, at: u64, tail: Tail, found: &mut Vec<DexRange>) -> Result<u64> {
    let length = u32::from_le_bytes(source.array(at, "dex_file_location_size")?);
    if length == 0 || length > MAX_LOCATION {
        return Err(Error::corrupt("dex_file_location_size", at));
    }
    let location = source.slice(at.saturating_add(4), length.into(), "dex_file_location")?;
    // At most 4096 bytes, checked above.
    let mut name = vec![0; length as usize];
    location.read(0, &mut name, "dex_file_location")?;
    let after_name = at.saturating_add(4).saturating_add(length.into());
    let numbers = source.array::<8>(after_name, "dex_file_location_checksum")?;
    let mut cursor = Cursor::new(&numbers, after_name);
    cursor.u32_le("dex_file_location_checksum")?;
    let pointer = cursor.offset();
    let offset = start.saturating_add(cursor.u32_le("dex_file_offset")?.into());
    let len = dex_len(source, offset).map_err(|_| Error::corrupt("dex_file_offset", pointer))?;
    let range = DexRange { location: Some(String::from_utf8_lossy(&name).into_owned()), offset, len };
    if found.iter().any(|known| known.overlaps(&range)) {
        return Err(Error::corrupt("dex_file_offset", pointer));
    }
    found.push(range);
    let tail_bytes = match tail {
        Tail::Fixed(bytes) => bytes,
        Tail::ClassOffsets => {
            let count = source.array(offset.saturating_add(DEX_CLASS_COUNT), "class_defs_size")?;
            u64::from(u32::from_le_bytes(count)).saturating_mul(4)
        }
    };
    Ok(after_name.saturating_add(8).saturating_add(tail_bytes))
}

/// Length of the DEX file at `offset`, if there is one and it is whole.
pub(super) fn dex_len(source: &ByteSource, offset: u64) -> Result<u64> {
    if !source.has(offset, &crate::dex::MAGIC) {
        return Err(Error::corrupt("dex magic", offset));
    }
    let size_offset = offset.saturating_add(DEX_FILE_SIZE);
    let size = u32::from_le_bytes(source.array(size_offset, "file_size")?);
    if size < DEX_HEADER_BYTES {
        return Err(Error::corrupt("file_size", size_offset));
    }
    source.slice(offset, size.into(), "dex file")?;
    Ok(size.into())
}
