//! Folder entries: short names of eight and three characters, and in front of each, from its end to its start, the long name
//! if there is one.

use bytes::{Budget, Error, Result};

use super::ENTRY_LEN;
use crate::{
    record::{Record, len64},
    walk::Listing,
};

/// Attributes of an entry.
pub(super) const FOLDER: u8 = 0x10;
const LABEL: u8 = 0x08;
const LONG_NAME: u8 = 0x0F;
const ATTRIBUTES_MASK: u8 = 0x3F;
/// The first byte of an entry: nothing from here on; deleted; a name that begins with the byte for deleted.
const NOTHING: u8 = 0;
const DELETED: u8 = 0xE5;
const ESCAPED: u8 = 0x05;
/// In the number of a part of a long name: the last part, which comes first.
const LAST_PART: u8 = 0x40;
/// Parts of thirteen units: 255 units at most.
const PARTS_MAX: u8 = 20;
/// Where the units of a part stand.
const UNITS: [(usize, usize); 3] = [(1, 5), (14, 6), (28, 2)];
/// Letters of name and ending are small (an addition of later systems).
const SMALL_NAME: u8 = 0x08;
const SMALL_ENDING: u8 = 0x10;

/// Reads entries one after the other.
#[derive(Default)]
pub(super) struct Reader {
    /// The long name so far, its first unit last.
    units: Vec<u16>,
    /// The number of the part that must come next, and the checksum of the short name.
    expected: Option<(u8, u8)>,
}

impl Reader {
    /// Reads the entries in `bytes`, which stand at `offset` of the image; whether the folder ends there.
    pub(super) fn entries(
        &mut self,
        bytes: &[u8],
        offset: u64,
        budget: &Budget,
        listing: &mut Listing,
    ) -> Result<bool> {
        for (index, entry) in bytes.chunks_exact(ENTRY_LEN).enumerate() {
            let at = offset.saturating_add(len64(index.saturating_mul(ENTRY_LEN)));
            let record = Record::new(entry, at);
            let first = record.u8(0, "DIR_Name")?;
            let attributes = record.u8(11, "DIR_Attr")? & ATTRIBUTES_MASK;
            match first {
                NOTHING => return Ok(true),
                DELETED => self.drop_long(at, listing),
                _ if attributes == LONG_NAME => {
                    if let Err(error) = self.part(record) {
                        self.drop_long(at, listing);
                        listing.errors.push(error);
                    }
                }
                _ if attributes & LABEL != 0 => self.drop_long(at, listing),
                _ => {
                    let short = record.bytes(0, 11, "DIR_Name")?;
                    let name = self.long(short).unwrap_or(short_name(record, short)?);
                    self.drop_long(at, listing);
                    listing.add(budget, &name, at, at, at)?;
                }
            }
        }
        Ok(false)
    }

    /// A long name that no short name follows is told: its file may be hidden.
    fn drop_long(&mut self, at: u64, listing: &mut Listing) {
        self.units.clear();
        if self.expected.take().is_some() {
            listing.errors.push(Error::corrupt("long name without a short one", at));
        }
    }

    /// Takes a part of a long name.
    fn part(&mut self, record: Record<'_>) -> Result<()> {
        let corrupt = Error::corrupt("LDIR_Ord", record.offset_of(0));
        let (order, checksum) = (record.u8(0, "LDIR_Ord")?, record.u8(13, "LDIR_Chksum")?);
        let number = order & !LAST_PART;
        if order & LAST_PART != 0 {
            self.units.clear();
            self.expected = Some((number, checksum));
        }
        if number == 0 || number > PARTS_MAX || self.expected != Some((number, checksum)) {
            return Err(corrupt);
        }
        let mut units = Vec::new();
        for (at, count) in UNITS {
            for index in 0..count {
                units.push(record.u16(at.saturating_add(index.saturating_mul(2)), "LDIR_Name")?);
            }
        }
        self.units.extend(units.iter().rev());
        self.expected = Some((number.saturating_sub(1), checksum));
        Ok(())
    }

    /// The long name, if it is whole and belongs to the name `short`.
    fn long(&mut self, short: &[u8]) -> Option<Vec<u8>> {
        let (left, checksum) = self.expected?;
        if left != 0 || checksum != sum(short) {
            return None;
        }
        self.expected = None;
        let units = self.units.iter().rev().copied().take_while(|&unit| unit != 0);
        let name = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        Some(name.collect::<String>().into_bytes())
    }
}

/// The checksum that ties a long name to its short one.
fn sum(short: &[u8]) -> u8 {
    short.iter().fold(0_u8, |sum, &byte| sum.rotate_right(1).wrapping_add(byte))
}

/// `NAME    EXT` as `NAME.EXT`.
fn short_name(record: Record<'_>, short: &[u8]) -> Result<Vec<u8>> {
    let case = record.u8(12, "DIR_NTRes")?;
    let (name, ending) = short.split_at_checked(8).unwrap_or((short, &[]));
    let trimmed = |part: &[u8], is_small: bool| {
        let len = part.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last.saturating_add(1));
        let mut part = part.get(..len).unwrap_or_default().to_vec();
        if is_small {
            part.make_ascii_lowercase();
        }
        part
    };
    let mut name = trimmed(name, case & SMALL_NAME != 0);
    if let Some(first) = name.first_mut().filter(|first| **first == ESCAPED) {
        *first = DELETED;
    }
    let ending = trimmed(ending, case & SMALL_ENDING != 0);
    if !ending.is_empty() {
        name.push(b'.');
        name.extend(ending);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use bytes::Limits;

    use super::*;

    fn short(name: &[u8; 11], attributes: u8, case: u8) -> [u8; 32] {
        let mut entry = [0; 32];
        entry[..11].copy_from_slice(name);
        (entry[11], entry[12]) = (attributes, case);
        entry
    }

    fn names(entries: &[[u8; 32]]) -> (Vec<String>, usize) {
        let (mut listing, budget) = (Listing::default(), Budget::new(Limits::FILE));
        Reader::default().entries(&entries.concat(), 0, &budget, &mut listing).unwrap();
        let names = listing.names.iter().map(|name| String::from_utf8_lossy(&name.name).into_owned());
        (names.collect(), listing.errors.len())
    }

    #[test]
    fn short_names_labels_deleted_entries_and_the_end_are_told_apart() {
        let entries = [
            short(b"A LABEL    ", LABEL, 0),
            short(b"README  TXT", 0, 0x18),
            short(b"\xE5ONE    BIN", 0, 0),
            short(b"FOLDER     ", FOLDER, 0),
            short(b".          ", FOLDER, 0),
            short(b"\x05BC        ", 0, 0),
            [0; 32],
            short(b"BEHIND     ", 0, 0),
        ];
        assert_eq!(names(&entries), (vec!["readme.txt".into(), "FOLDER".into(), "\u{fffd}BC".into()], 0));
    }

    #[test]
    fn a_long_name_belongs_to_the_short_one_behind_it_or_is_told() {
        let own = short(b"LONGNA~1TXT", 0, 0);
        let mut long = [0; 32];
        (long[0], long[11], long[13]) = (LAST_PART | 1, LONG_NAME, sum(b"LONGNA~1TXT"));
        for (at, unit) in [1, 3, 5, 7, 9, 14, 16].into_iter().zip("Lang.ß\0".encode_utf16()) {
            long[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        assert_eq!(names(&[long, own]), (vec!["Lang.ß".into()], 0));
        // Of another file; alone; with a part that is missing.
        assert_eq!(names(&[long, short(b"OTHER   TXT", 0, 0)]), (vec!["OTHER.TXT".into()], 1));
        assert_eq!(names(&[long, short(b"A LABEL    ", LABEL, 0), own]), (vec!["LONGNA~1.TXT".into()], 1));
        long[0] = LAST_PART | 2;
        assert_eq!(names(&[long, own]), (vec!["LONGNA~1.TXT".into()], 1));
    }
}
