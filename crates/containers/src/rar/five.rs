//! Blocks of a RAR 5 archive and what they say. Written from the technical note "RAR 5.0 archive format".

use bytes::{ByteSource, Cursor, Error, Limit, Result};

use super::block::{Block, File, Link, Packing};

pub(super) const MAGIC: &[u8] = b"Rar!\x1a\x07\x01\x00";
/// Methods: nothing was packed, up to packed best.
const STORED: u64 = 0;
const METHOD_MAX: u64 = 5;
/// Kinds of links.
const UNIX_SYMLINK: u64 = 1;
const HARD_LINK: u64 = 4;
const FILE_COPY: u64 = 5;

/// Longest header, as the format bounds it.
const HEADER_LEN_MAX: u64 = 2 << 20;

/// A number of seven bits a byte, the lowest first.
fn number(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8(what)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Error::corrupt(what, 0))
}

fn text(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Vec<u8>> {
    let len = number(cursor, what)?;
    Ok(cursor.take(usize::try_from(len).unwrap_or(usize::MAX), what)?.to_vec())
}

/// The block at `offset`, and where the next one starts.
pub(super) fn read(source: &ByteSource, offset: u64) -> Result<(Block, u64)> {
    let mut head = [0; 7];
    let count = source.read_some(offset, &mut head)?;
    let mut cursor = Cursor::new(head.get(..count).unwrap_or_default(), offset);
    let crc32 = cursor.u32_le("Header CRC32")?;
    let before = cursor.rest().len();
    let len = number(&mut cursor, "Header size")?;
    let size_len = (before - cursor.rest().len()) as u64;
    if len > HEADER_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "Header size", offset));
    }
    // Bounded above; the checksum is over the size too.
    let summed = source.slice(offset.saturating_add(4), size_len.saturating_add(len), "header")?;
    let mut bytes = vec![0; usize::try_from(summed.len()).unwrap_or(0)];
    summed.read(0, &mut bytes, "header")?;
    if codecs::crc32(&bytes) != crc32 {
        return Err(Error::checksum("Header CRC32", offset));
    }
    let mut cursor = Cursor::at(&bytes, size_len, "header")?;
    let kind = number(&mut cursor, "Header type")?;
    let flags = number(&mut cursor, "Header flags")?;
    let extra_len = if flags & 1 != 0 { number(&mut cursor, "Extra area size")? } else { 0 };
    let data_len = if flags & 2 != 0 { number(&mut cursor, "Data size")? } else { 0 };
    let data_at = offset.saturating_add(4).saturating_add(summed.len());
    let next = data_at.checked_add(data_len).ok_or(Error::corrupt("Data size", offset))?;
    let block = match kind {
        1 => {
            let archive_flags = number(&mut cursor, "Archive flags")?;
            // The first volume has no number.
            let volume = if archive_flags & 2 != 0 { number(&mut cursor, "Volume number")? } else { 0 };
            Block::Archive { volume: Some(volume).filter(|_| archive_flags & 1 != 0) }
        }
        2 => {
            let data = source.slice(data_at, data_len, "Data area");
            Block::File(file(&mut cursor, extra_len, flags, offset, data?)?)
        }
        4 => Block::Encrypted,
        5 => Block::End { goes_on: number(&mut cursor, "End of archive flags")? & 1 != 0, volume: None },
        _ => Block::Other,
    };
    Ok((block, next))
}

fn file(cursor: &mut Cursor<'_>, extra_len: u64, block_flags: u64, offset: u64, data: ByteSource) -> Result<File> {
    const UNIX: u64 = 1;
    let (is_continued, goes_on) = (block_flags & 8 != 0, block_flags & 0x10 != 0);
    let flags = number(cursor, "File flags")?;
    let unpacked_len = number(cursor, "Unpacked size")?;
    let attributes = number(cursor, "Attributes")?;
    if flags & 2 != 0 {
        cursor.u32_le("mtime")?;
    }
    let crc32 = if flags & 4 != 0 { Some(cursor.u32_le("Data CRC32")?) } else { None };
    let packing = number(cursor, "Compression information")?;
    let host = number(cursor, "Host OS")?;
    let name = text(cursor, "Name")?;
    let (version, method) = (packing & 0x3f, packing >> 7 & 7);
    let mut file = File {
        name,
        is_folder: flags & 1 != 0,
        // Modes have sixteen bits.
        mode: (host == UNIX).then_some((attributes & 0xffff) as u32),
        unpacked_len: (flags & 8 == 0).then_some(unpacked_len),
        crc32,
        packing: match (version, method) {
            (_, STORED) => Packing::Stored,
            (0, ..=METHOD_MAX) => Packing::Five,
            _ => Packing::Unknown(version),
        },
        is_solid: packing & 0x40 != 0,
        dictionary_len: (128 << 10) << (packing >> 10 & 15),
        is_encrypted: false,
        link: None,
        is_continued,
        goes_on,
        offset,
        data,
    };
    let extra = cursor.rest();
    let start = extra.len().saturating_sub(usize::try_from(extra_len).unwrap_or(usize::MAX));
    extras(&mut Cursor::new(extra.get(start..).unwrap_or_default(), offset), &mut file)?;
    Ok(file)
}

/// Records behind the fields: a length, a type, and what belongs to it.
fn extras(cursor: &mut Cursor<'_>, file: &mut File) -> Result<()> {
    while !cursor.rest().is_empty() {
        let len = number(cursor, "record size")?;
        let record = cursor.take(usize::try_from(len).unwrap_or(usize::MAX), "record")?;
        let mut record = Cursor::new(record, file.offset);
        match number(&mut record, "record type")? {
            1 => file.is_encrypted = true,
            5 => {
                let kind = number(&mut record, "Redirection type")?;
                number(&mut record, "Flags")?;
                let target = text(&mut record, "Target name")?;
                file.link = Some(match kind {
                    UNIX_SYMLINK => Link::Symbolic(target),
                    HARD_LINK | FILE_COPY => Link::Same(target),
                    other => Link::Unknown(other),
                });
            }
            _ => {}
        }
    }
    Ok(())
}
