//! Blocks of a RAR 5 archive and what they say.

use bytes::{ByteSource, Cursor, Error, Kind, Limit, Result};

/// Longest header, as the format bounds it.
const HEADER_LEN_MAX: u64 = 2 << 20;

/// What a block is.
pub(super) enum Block {
    File(File),
    /// The archive goes on in another volume, or it does not.
    End {
        goes_on: bool,
    },
    /// Headers from here on are encrypted.
    Encrypted,
    /// The header of the archive, comments, recovery records and what later versions add.
    Other,
}

/// A member.
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) is_folder: bool,
    /// Mode and type of the file, if a Unix wrote it.
    pub(super) mode: Option<u32>,
    /// Nothing if the archive does not say it.
    pub(super) unpacked_len: Option<u64>,
    pub(super) crc32: Option<u32>,
    /// Version of the packing, method, whether it goes on from the member before, length of the dictionary.
    pub(super) version: u64,
    pub(super) method: u64,
    pub(super) is_solid: bool,
    pub(super) dictionary_len: u64,
    pub(super) is_encrypted: bool,
    /// Kind and target of a link.
    pub(super) link: Option<(u64, Vec<u8>)>,
    /// Whether its data is in other volumes too.
    pub(super) is_split: bool,
    pub(super) offset: u64,
    pub(super) data: ByteSource,
}

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
        2 => {
            let data = source.slice(data_at, data_len, "Data area");
            let is_split = flags & 0x18 != 0;
            Block::File(file(&mut cursor, extra_len, is_split, offset, data?)?)
        }
        4 => Block::Encrypted,
        5 => Block::End { goes_on: number(&mut cursor, "End of archive flags")? & 1 != 0 },
        _ => Block::Other,
    };
    Ok((block, next))
}

fn file(cursor: &mut Cursor<'_>, extra_len: u64, is_split: bool, offset: u64, data: ByteSource) -> Result<File> {
    const UNIX: u64 = 1;
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
    let mut file = File {
        name,
        is_folder: flags & 1 != 0,
        // Modes have sixteen bits.
        mode: (host == UNIX).then_some((attributes & 0xffff) as u32),
        unpacked_len: (flags & 8 == 0).then_some(unpacked_len),
        crc32,
        version: packing & 0x3f,
        method: packing >> 7 & 7,
        is_solid: packing & 0x40 != 0,
        dictionary_len: (128 << 10) << (packing >> 10 & 15),
        is_encrypted: false,
        link: None,
        is_split,
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
                file.link = Some((kind, text(&mut record, "Target name")?));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is told of bytes that nobody reads without a key.
pub(super) const fn encrypted(what: &'static str, offset: u64) -> Error {
    Error { kind: Kind::Encrypted, what, offset }
}
