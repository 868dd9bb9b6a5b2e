//! Blocks of an archive of versions 2 to 4 and what they say. Written from the technical note that came with them (`technote.txt`, "RAR
//! version 4.x - Technical information") and from the notes on the format in the manual of libarchive.

use bytes::{ByteSource, Cursor, Error, Result};

use super::block::{Block, File, Packing};

/// A block of its own, the same in every archive.
pub(super) const MAGIC: &[u8] = b"Rar!\x1a\x07\x00";
/// What every block has: checksum, type, flags and length.
const HEAD_LEN: u64 = 7;
const MARK: u8 = 0x72;
const ARCHIVE: u8 = 0x73;
const FILE: u8 = 0x74;
const SUBBLOCK: u8 = 0x7a;
const END: u8 = 0x7b;
/// Methods are counted from here.
const STORED: u8 = 0x30;
const METHOD_MAX: u8 = 0x35;
/// Versions of the packing: with PPMd and filters, and the same with another cipher.
const PACKING: u8 = 29;
const PACKING_WITH_CIPHER: u8 = 36;
const UNIX: u8 = 3;

/// The block at `offset`, and where the next one starts.
pub(super) fn read(source: &ByteSource, offset: u64) -> Result<(Block, u64)> {
    let head = source.array::<{ HEAD_LEN as usize }>(offset, "block header")?;
    let [_, _, kind, _, _, len @ ..] = head;
    let flags = u16::from_le_bytes([head[3], head[4]]);
    let len = u64::from(u16::from_le_bytes(len));
    if len < HEAD_LEN {
        return Err(Error::corrupt("HEAD_SIZE", offset));
    }
    let mut bytes = vec![0; usize::try_from(source.slice(offset, len, "block header")?.len()).unwrap_or(0)];
    source.read(offset, &mut bytes, "block header")?;
    // Of headers with a comment in them the sum is over what is before it.
    let has_comment = matches!(kind, ARCHIVE if flags & 2 != 0) || matches!(kind, FILE if flags & 8 != 0);
    let [a, b, ..] = head;
    // The low half of a CRC-32.
    let made = codecs::crc32(bytes.get(2..).unwrap_or_default()) as u16;
    if made != u16::from_le_bytes([a, b]) && kind != MARK && !has_comment {
        return Err(Error::checksum("HEAD_CRC", offset));
    }
    let mut cursor = Cursor::at(&bytes, HEAD_LEN, "block header")?;
    let data_at = offset.saturating_add(len);
    let has_data = flags & 0x8000 != 0 || kind == FILE || kind == SUBBLOCK;
    let data_len = if has_data { u64::from(cursor.u32_le("ADD_SIZE")?) } else { 0 };
    let mut next = data_at.saturating_add(data_len);
    let block = match kind {
        ARCHIVE if flags & 0x80 != 0 => Block::Encrypted,
        // Which volume it is stands at the end.
        ARCHIVE => Block::Archive { volume: None },
        FILE | SUBBLOCK => {
            let (mut file, data_len) = file(&mut cursor, flags, data_len, offset)?;
            next = data_at.checked_add(data_len).ok_or(Error::corrupt("PACK_SIZE", offset))?;
            if kind == SUBBLOCK {
                Block::Other
            } else {
                file.data = source.slice(data_at, data_len, "packed data")?;
                Block::File(file)
            }
        }
        END => {
            if flags & 2 != 0 {
                cursor.u32_le("checksum of the volume")?;
            }
            let volume = if flags & 8 != 0 { Some(u64::from(cursor.u16_le("volume number")?)) } else { None };
            Block::End { goes_on: flags & 1 != 0, volume }
        }
        _ => Block::Other,
    };
    Ok((block, next))
}

/// The header of a member, and the length of its data, of which `low_len` is the lower half.
fn file(cursor: &mut Cursor<'_>, flags: u16, low_len: u64, offset: u64) -> Result<(File, u64)> {
    let mut unpacked_len = u64::from(cursor.u32_le("UNP_SIZE")?);
    let host = cursor.u8("HOST_OS")?;
    let crc32 = cursor.u32_le("FILE_CRC")?;
    cursor.u32_le("FTIME")?;
    let version = cursor.u8("UNP_VER")?;
    let method = cursor.u8("METHOD")?;
    let name_len = cursor.u16_le("NAME_SIZE")?;
    let attributes = cursor.u32_le("ATTR")?;
    let mut data_len = low_len;
    if flags & 0x100 != 0 {
        data_len |= u64::from(cursor.u32_le("HIGH_PACK_SIZE")?) << 32;
        unpacked_len |= u64::from(cursor.u32_le("HIGH_UNP_SIZE")?) << 32;
    }
    let stored_name = cursor.take(usize::from(name_len), "FILE_NAME")?;
    let name = if flags & 0x200 != 0 { unicode_name(stored_name) } else { stored_name.to_vec() };
    // Eight steps, of which the last says that it is a folder.
    let step = u32::from(flags >> 5 & 7);
    let file = File {
        name: name.into_iter().map(|byte| if byte == b'\\' { b'/' } else { byte }).collect(),
        is_folder: step == 7,
        // Modes have sixteen bits.
        mode: (host == UNIX).then_some(attributes & 0xffff),
        // All ones say that it is not known.
        unpacked_len: Some(unpacked_len).filter(|&len| len != u64::from(u32::MAX) && len != u64::MAX),
        crc32: Some(crc32),
        packing: match (version, method) {
            (_, STORED) => Packing::Stored,
            (PACKING | PACKING_WITH_CIPHER, STORED..=METHOD_MAX) => Packing::Four,
            _ => Packing::Unknown(u64::from(version)),
        },
        is_solid: flags & 0x10 != 0,
        dictionary_len: (64 << 10) << step.min(6),
        is_encrypted: flags & 4 != 0,
        link: None,
        is_continued: flags & 1 != 0,
        goes_on: flags & 2 != 0,
        offset,
        data: ByteSource::from_bytes(Vec::new()),
    };
    Ok((file, data_len))
}

/// A name in two forms: for programs that know one byte a letter, and behind a zero in steps that tell two bytes of each letter, with
/// reference to the first form. Without the second form the first is UTF-8.
fn unicode_name(stored: &[u8]) -> Vec<u8> {
    let Some(end) = stored.iter().position(|&byte| byte == 0) else { return stored.to_vec() };
    let (plain, packed) = stored.split_at(end);
    let units = unpacked_name(plain, packed.get(1..).unwrap_or_default()).unwrap_or_default();
    if units.is_empty() { plain.to_vec() } else { String::from_utf16_lossy(&units).into_bytes() }
}

/// The letters of a name; nothing if it ends within one.
fn unpacked_name(plain: &[u8], packed: &[u8]) -> Option<Vec<u16>> {
    let mut packed = packed.iter().copied();
    let mut units: Vec<u16> = Vec::new();
    let high = u16::from(packed.next()?) << 8;
    while let Some(steps) = packed.next() {
        for shift in [6, 4, 2, 0] {
            // The name may end before the four steps of a byte do.
            let Some(low) = packed.next() else { return Some(units) };
            match steps >> shift & 3 {
                0 => units.push(u16::from(low)),
                1 => units.push(high | u16::from(low)),
                2 => units.push(u16::from_le_bytes([low, packed.next()?])),
                _ => {
                    let correction = if low & 0x80 != 0 { Some(packed.next()?) } else { None };
                    // Two to 129 letters of the first form.
                    let from = plain.get(units.len()..).unwrap_or_default();
                    let letters = from.iter().take(usize::from(low & 0x7f).saturating_add(2));
                    units.extend(letters.map(|&letter| match correction {
                        Some(correction) => high | u16::from(letter.wrapping_add(correction)),
                        None => u16::from(letter),
                    }));
                }
            }
        }
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_two_forms_are_put_together() {
        // Two letters with the high byte 4, one plain, one with both bytes, then three of the first form.
        let stored = b"??a?txt\0\x04\x52\x3f\x40a\x16\x20\xc0\x01";
        assert_eq!(String::from_utf8_lossy(&unicode_name(stored)), "\u{43f}\u{440}a\u{2016}txt");
        assert_eq!(unicode_name("имя".as_bytes()), "имя".as_bytes());
    }
}
