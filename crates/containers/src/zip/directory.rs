//! The central directory (APPNOTE 4.3.12) and the ZIP64 extra field (4.5.3).

use bytes::{Budget, ByteSource, Cursor, Error, Limit, Result};

use super::end_record::EndRecord;
use crate::Problem;

/// A central directory longer than this is not read: four million records of the usual length.
pub(super) const DIRECTORY_LEN_MAX: u64 = 256 << 20;

/// One record of the central directory.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) name: Vec<u8>,
    pub(super) made_by: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) packed_len: u64,
    pub(super) unpacked_len: u64,
    pub(super) external_attributes: u32,
    pub(super) local_header_offset: u64,
    /// Where this record is, for messages.
    pub(super) offset: u64,
}

/// Every record that can be read. A broken one ends the list: nothing tells where the next would start.
pub(super) fn read(source: &ByteSource, end: &EndRecord, budget: &Budget) -> Result<(Vec<Record>, Vec<Problem>)> {
    if end.directory_len > DIRECTORY_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "size of the central directory", end.offset));
    }
    let directory = source.slice(end.directory_offset, end.directory_len, "central directory")?;
    let bytes = directory.to_vec(budget, "central directory")?;
    let mut cursor = Cursor::new(&bytes, end.directory_offset);
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    // Records behind the declared count are read as well: hiding one must not work. A digital signature (4.3.13) ends
    // the directory.
    while !cursor.is_empty() && !cursor.rest().starts_with(b"PK\x05\x05") {
        let offset = cursor.offset();
        budget.spend_nodes(1, "central directory record", offset)?;
        match record(&mut cursor) {
            Ok(record) => records.push(record),
            Err(error) => {
                problems.push(Problem { name: Vec::new(), error });
                break;
            }
        }
    }
    // The 16-bit count of an archive with more members is its low half for writers that know no ZIP64.
    let found = records.len() as u64;
    if problems.is_empty() && found != end.count && found & 0xffff != end.count {
        problems.push(Problem { name: Vec::new(), error: Error::corrupt("total entries", end.offset) });
    }
    Ok((records, problems))
}

fn record(cursor: &mut Cursor<'_>) -> Result<Record> {
    let offset = cursor.offset();
    if cursor.array("central file header signature")? != *b"PK\x01\x02" {
        return Err(Error::corrupt("central file header signature", offset));
    }
    let made_by = cursor.u16_le("version made by")?;
    cursor.take(2, "version needed")?;
    let flags = cursor.u16_le("general purpose bit flag")?;
    let method = cursor.u16_le("compression method")?;
    cursor.take(4, "modification time")?;
    let crc32 = cursor.u32_le("crc-32")?;
    let packed_len = cursor.u32_le("compressed size")?;
    let unpacked_len = cursor.u32_le("uncompressed size")?;
    let name_len = cursor.u16_le("file name length")?;
    let extra_len = cursor.u16_le("extra field length")?;
    let comment_len = cursor.u16_le("file comment length")?;
    let disk = cursor.u16_le("disk number start")?;
    cursor.take(2, "internal file attributes")?;
    let external_attributes = cursor.u32_le("external file attributes")?;
    let local_header_offset = cursor.u32_le("relative offset of local header")?;
    let name = cursor.take(usize::from(name_len), "file name")?.to_vec();
    let extra_offset = cursor.offset();
    let extra = cursor.take(usize::from(extra_len), "extra field")?;
    cursor.take(usize::from(comment_len), "file comment")?;
    let wide = Wide { unpacked_len, packed_len, local_header_offset, disk }.widen(extra, extra_offset)?;
    Ok(Record {
        name,
        made_by,
        flags,
        method,
        crc32,
        packed_len: wide.packed_len,
        unpacked_len: wide.unpacked_len,
        external_attributes,
        local_header_offset: wide.local_header_offset,
        offset,
    })
}

/// Fields that move to the ZIP64 extra field when they do not fit, in the order they are stored there.
struct Wide {
    unpacked_len: u32,
    packed_len: u32,
    local_header_offset: u32,
    disk: u16,
}

struct Widened {
    unpacked_len: u64,
    packed_len: u64,
    local_header_offset: u64,
}

impl Wide {
    fn widen(&self, extra: &[u8], offset: u64) -> Result<Widened> {
        let mut widened = Widened {
            unpacked_len: u64::from(self.unpacked_len),
            packed_len: u64::from(self.packed_len),
            local_header_offset: u64::from(self.local_header_offset),
        };
        let full = u32::MAX;
        if self.unpacked_len != full && self.packed_len != full && self.local_header_offset != full {
            return Ok(widened);
        }
        let Some((field, at)) = extra_field(extra, offset, 1) else {
            // Without the field the value may be what it says.
            return Ok(widened);
        };
        let mut cursor = Cursor::new(field, at);
        if self.unpacked_len == full {
            widened.unpacked_len = cursor.u64_le("ZIP64 uncompressed size")?;
        }
        if self.packed_len == full {
            widened.packed_len = cursor.u64_le("ZIP64 compressed size")?;
        }
        if self.local_header_offset == full {
            widened.local_header_offset = cursor.u64_le("ZIP64 offset of local header")?;
        }
        if self.disk == u16::MAX && cursor.rest().len() >= 4 {
            cursor.take(4, "ZIP64 disk number")?;
        }
        Ok(widened)
    }
}

/// The extra field `wanted`, and its offset. Signing tools pad extra fields with bytes that are no fields: whatever
/// cannot be read ends the search.
fn extra_field(extra: &[u8], offset: u64, wanted: u16) -> Option<(&[u8], u64)> {
    let mut cursor = Cursor::new(extra, offset);
    loop {
        let id = cursor.u16_le("extra field id").ok()?;
        let len = cursor.u16_le("extra field size").ok()?;
        let at = cursor.offset();
        let field = cursor.take(usize::from(len), "extra field").ok()?;
        if id == wanted {
            return Some((field, at));
        }
    }
}
