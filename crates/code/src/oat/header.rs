//! The OAT header and the list of DEX files in it.
//!
//! Met in compiled code since Android 4.4. Up to 7.1 OAT files hold the DEX files whole; from 8.0 on these are in a VDEX file
//! beside. Written from `oat.h` and `oat_file.cc` of each of those versions of the platform.

use bytes::{ByteSource, Cursor, Error, Limit, Result};

use crate::{
    program::Quickener,
    scan::{DexRange, MAX_DEX_FILES, dex_len},
};

const MAGIC: [u8; 4] = *b"oat\n";
/// Path names on the device; the platform allows 4096 bytes.
const MAX_LOCATION: u32 = 4096;
/// Offset in a DEX header.
const DEX_CLASS_COUNT: u64 = 96;

/// What differs from version to version.
struct Version {
    /// The numbers in the magic, first and last.
    numbers: (u64, u64),
    place: Place,
}

/// Where the DEX files are.
#[derive(Clone, Copy)]
enum Place {
    /// In the OAT data.
    Inside {
        /// Where their number is.
        count: u64,
        /// Where the size of what follows the fixed header is; then come the records of the DEX files.
        variable: u64,
        tail: Tail,
    },
    /// In a VDEX file.
    Beside,
}

/// What follows the location, the checksum and the offset in each record of a DEX file.
#[derive(Clone, Copy)]
enum Tail {
    /// The offset of each class, as many as the DEX file defines. Nothing is kept of what was quickened.
    ClassOffsets(Quickener),
    /// Where the offsets of the classes are, and where a look-up table is.
    Pointers,
}

const fn inside(first: u64, last: u64, count: u64, variable: u64, tail: Tail) -> Version {
    Version { numbers: (first, last), place: Place::Inside { count, variable, tail } }
}

const fn beside(first: u64, last: u64) -> Version {
    Version { numbers: (first, last), place: Place::Beside }
}

/// Every version that a release of the platform wrote, oldest first; a new one is a new row.
const VERSIONS: [Version; 14] = [
    // Android 4.4: no features and no key-value store, but the location of the image.
    inside(7, 8, 16, 60, Tail::ClassOffsets(Quickener::ArtWords)),
    // Android 5.0 and 5.1: eleven entry points.
    inside(39, 39, 20, 80, Tail::ClassOffsets(Quickener::ArtWords)),
    inside(45, 45, 20, 80, Tail::ClassOffsets(Quickener::ArtWords)),
    // Android 6.0: eight entry points.
    inside(64, 64, 20, 68, Tail::ClassOffsets(Quickener::ArtPacked)),
    // Android 7.0 and 7.1: the offsets moved out of the list.
    inside(79, 79, 20, 68, Tail::Pointers),
    inside(88, 88, 20, 68, Tail::Pointers),
    // Android 8.0, 8.1, 9, 10, 11.
    beside(124, 124),
    beside(131, 131),
    beside(138, 138),
    beside(170, 170),
    beside(183, 183),
    // Android 12, 13 and later.
    beside(195, 195),
    beside(199, 199),
    beside(220, 275),
];

/// What the header tells of the DEX files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// They are listed.
    Inside { quickener: Quickener },
    /// They are listed, and what was rewritten in them is kept.
    InsideWithKept,
    /// They are in a VDEX file. Offset and value of the version.
    Beside { version: (u64, u64) },
}

/// The version of the OAT data at `start`, and its number; an error if there is none.
fn version(source: &ByteSource, start: u64) -> Result<(&'static Version, u64)> {
    let [m0, m1, m2, m3, digits @ .., end] = source.array::<8>(start, "oat magic")?;
    if [m0, m1, m2, m3] != MAGIC || end != 0 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::corrupt("oat magic", start));
    }
    // Three decimal digits.
    let number = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    let unknown = Error::unsupported("oat version", start.saturating_add(4), number);
    let known = VERSIONS.iter().find(|version| (version.numbers.0..=version.numbers.1).contains(&number));
    known.map(|version| (version, number)).ok_or(unknown)
}

/// Lists the DEX files of the OAT data at `start` into `found`; what was found before an error stays.
pub(super) fn list(source: &ByteSource, start: u64, found: &mut Vec<DexRange>) -> Result<List> {
    let (version, number) = version(source, start)?;
    let Place::Inside { count, variable, tail } = version.place else {
        return Ok(List::Beside { version: (start.saturating_add(4), number) });
    };
    let count_offset = start.saturating_add(count);
    let count = u32::from_le_bytes(source.array(count_offset, "dex_file_count")?);
    if count == 0 {
        return Err(Error::corrupt("dex_file_count", count_offset));
    }
    let size_offset = start.saturating_add(variable);
    let size = u32::from_le_bytes(source.array(size_offset, "key_value_store_size")?);
    let mut at = size_offset.saturating_add(4).saturating_add(size.into());
    for _ in 0..count {
        if found.len() >= MAX_DEX_FILES {
            return Err(Error::limit(Limit::Nodes, "dex_file_count", count_offset));
        }
        at = record(source, start, at, tail, found)?;
    }
    Ok(match tail {
        Tail::ClassOffsets(quickener) => List::Inside { quickener },
        Tail::Pointers => List::InsideWithKept,
    })
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
    let (len, _) = dex_len(source, offset).map_err(|_| Error::corrupt("dex_file_offset", pointer))?;
    let after = after_name.saturating_add(8);
    let (classes, tail_bytes) = match tail {
        Tail::Pointers => (Some(u32::from_le_bytes(source.array(after, "class_offsets_offset")?)), 8),
        Tail::ClassOffsets(_) => {
            let count = source.array(offset.saturating_add(DEX_CLASS_COUNT), "class_defs_size")?;
            (None, u64::from(u32::from_le_bytes(count)).saturating_mul(4))
        }
    };
    let location = Some(String::from_utf8_lossy(&name).into_owned());
    let range = DexRange { location, offset, len, classes, compact: false };
    if found.iter().any(|known| known.overlaps(&range)) {
        return Err(Error::corrupt("dex_file_offset", pointer));
    }
    found.push(range);
    Ok(after.saturating_add(tail_bytes))
}
