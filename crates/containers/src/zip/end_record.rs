//! The end of central directory record, and that of ZIP64 (APPNOTE 4.3.14 to 4.3.16).

use bytes::{ByteSource, Cursor, Error, Result};

/// Length of the record without its comment.
const RECORD_LEN: u64 = 22;
/// The comment's length is a `u16`.
const COMMENT_LEN_MAX: u64 = 0xffff;
const RECORD_MARK: [u8; 4] = *b"PK\x05\x06";
const LOCATOR_MARK: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_LEN: u64 = 20;
const RECORD64_MARK: [u8; 4] = *b"PK\x06\x06";
/// Marks a central directory record.
const DIRECTORY_MARK: [u8; 4] = *b"PK\x01\x02";

/// Where the central directory is.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndRecord {
    /// Start of this record.
    pub(super) offset: u64,
    /// Declared number of members.
    pub(super) count: u64,
    /// Start of the central directory.
    pub(super) directory_offset: u64,
    /// Its length.
    pub(super) directory_len: u64,
    /// What to add to every stored offset: bytes that were put in front of the archive after it was made.
    pub(super) base: u64,
}

/// Finds the record from the end, as the platform does: a comment may itself contain a record, so the last one whose
/// comment ends with the source and whose directory is where it says is the one. Bytes behind the archive are accepted
/// only if no record fits exactly.
pub(super) fn find(source: &ByteSource) -> Result<EndRecord> {
    let tail_len = source.len().min(RECORD_LEN + COMMENT_LEN_MAX);
    let tail_start = source.len().saturating_sub(tail_len);
    let mut tail = vec![0; usize::try_from(tail_len).unwrap_or(0)];
    source.read(tail_start, &mut tail, "end of central directory")?;
    let mut inexact = None;
    let mut first_error = None;
    for at in (0..tail.len()).rev() {
        let Some(rest) = tail.get(at..).filter(|rest| rest.starts_with(&RECORD_MARK)) else { continue };
        // `at` is an index of `tail`, which is shorter than 2^17.
        let offset = tail_start.saturating_add(at as u64);
        match parse(source, rest, offset) {
            Ok((record, true)) => return Ok(record),
            Ok((record, false)) => inexact = inexact.or(Some(record)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let missing = Error::truncated("end of central directory record", source.len(), RECORD_LEN, 0);
    inexact.ok_or_else(|| first_error.unwrap_or(missing))
}

/// The record at `offset`, and whether its comment ends exactly with the source.
fn parse(source: &ByteSource, bytes: &[u8], offset: u64) -> Result<(EndRecord, bool)> {
    let mut cursor = Cursor::new(bytes, offset);
    cursor.take(4, "end of central directory signature")?;
    let disk = cursor.u16_le("number of this disk")?;
    cursor.take(2, "disk with the central directory")?;
    cursor.take(2, "entries on this disk")?;
    let mut count = u64::from(cursor.u16_le("total entries")?);
    let mut directory_len = u64::from(cursor.u32_le("size of the central directory")?);
    let mut stored_offset = u64::from(cursor.u32_le("offset of the central directory")?);
    let comment_len = u64::from(cursor.u16_le("comment length")?);
    let exact = offset.saturating_add(RECORD_LEN).saturating_add(comment_len) == source.len();
    let mut directory_end = offset;
    if let Some(record64) = find_64(source, offset)? {
        if count == 0xffff || directory_len == 0xffff_ffff || stored_offset == 0xffff_ffff {
            directory_end = record64.offset;
            (count, directory_len, stored_offset) = (record64.count, record64.directory_len, record64.directory_offset);
        }
    } else if disk != 0 && disk != 0xffff {
        return Err(Error::unsupported("number of this disk", offset.saturating_add(4), u64::from(disk)));
    }
    let (directory_offset, base) = locate(source, stored_offset, directory_len, directory_end, offset)?;
    Ok((EndRecord { offset, count, directory_offset, directory_len, base }, exact))
}

/// Where the directory is, and how far the whole archive was moved.
fn locate(source: &ByteSource, stored: u64, len: u64, end: u64, record: u64) -> Result<(u64, u64)> {
    let starts_at = |offset: u64| len == 0 || source.has(offset, &DIRECTORY_MARK);
    if stored.checked_add(len).is_some_and(|stop| stop <= end) && starts_at(stored) {
        return Ok((stored, 0));
    }
    let moved = end.checked_sub(len).filter(|&start| start >= stored && starts_at(start));
    moved
        .map(|start| (start, start.saturating_sub(stored)))
        .ok_or(Error::corrupt("offset of the central directory", record))
}

struct Record64 {
    offset: u64,
    count: u64,
    directory_len: u64,
    directory_offset: u64,
}

/// The ZIP64 record whose locator stands right before `record`.
fn find_64(source: &ByteSource, record: u64) -> Result<Option<Record64>> {
    let Some(locator) = record.checked_sub(LOCATOR_LEN).filter(|&at| source.has(at, &LOCATOR_MARK)) else {
        return Ok(None);
    };
    let stored = u64::from_le_bytes(source.array(locator.saturating_add(8), "ZIP64 record offset")?);
    // A moved archive leaves the record right before its locator: 56 bytes, if nothing extends it.
    let candidates = [Some(stored), locator.checked_sub(56)];
    let Some(offset) = candidates.into_iter().flatten().find(|&at| source.has(at, &RECORD64_MARK)) else {
        return Err(Error::corrupt("ZIP64 record offset", locator));
    };
    let bytes = source.array::<56>(offset, "ZIP64 end of central directory record")?;
    let mut cursor = Cursor::new(&bytes, offset);
    cursor.take(32, "ZIP64 end of central directory record")?;
    let count = cursor.u64_le("total entries")?;
    let directory_len = cursor.u64_le("size of the central directory")?;
    let directory_offset = cursor.u64_le("offset of the central directory")?;
    Ok(Some(Record64 { offset, count, directory_len, directory_offset }))
}
