//! Update packages `UPDATE.APP`. Met inside update archives of 2011 to 2020. No document is public; written from the layout that public
//! tools agree on (splituapp, split_updata.pl): 92 bytes of zeros, then entries of a header, a list of checksums and the data.
//!
//! Each block of the data has a CRC-16/X-25, which is held against the bytes whenever they are read.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Cursor, Error, ReadAt, Result};
use codecs::{Crc16Kind, crc16};

use crate::{
    Child, Format, Opened, Problem, padding,
    text::{image_name, until_zero},
};

/// Update package: one child `<partition>.img` for each entry.
pub static FORMAT: Format = Format {
    name: "update_app",
    probe,
    open,
    references: &["layout facts of splituapp and split_updata.pl"],
    limitations: &["the checksum of an entry's header and the signature entries are not verified"],
};

const MAGIC: [u8; 4] = [0x55, 0xaa, 0x5a, 0xa5];
/// Empty bytes in front of the first entry.
const LEADING_LEN: u64 = 92;
/// Length of an entry's header without the checksums behind it.
const HEADER_LEN: u64 = 98;
/// Entries and padding are aligned to this.
const ALIGNMENT: u64 = 4;
/// Longest block that is read to check it.
const BLOCK_LEN_MAX: u16 = 1 << 15;
const CHECKSUM_LEN: u64 = 2;

fn probe(source: &ByteSource) -> bool {
    source.has(LEADING_LEN, &MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut opened = Opened::default();
    let mut offset = LEADING_LEN;
    loop {
        // Tools align entries and fill up with zeros; some leave more of them than the alignment asks for.
        match padding::end(source, offset)? {
            Some(next) if source.has(next, &MAGIC) => offset = next,
            // Too short for an entry.
            Some(next) if source.len().saturating_sub(next) < HEADER_LEN => return Ok(opened),
            Some(next) => {
                opened.problems.push(Problem { name: Vec::new(), error: Error::corrupt("magic of an entry", next) });
                return Ok(opened);
            }
            None => return Ok(opened),
        }
        let entry = budget.spend_nodes(1, "entry", offset).and_then(|()| Entry::read(source, offset));
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                opened.problems.push(Problem { name: Vec::new(), error });
                return Ok(opened);
            }
        };
        let name = image_name(&entry.partition);
        match entry.data(source) {
            Ok(source) => opened.children.push(Child { name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
        let end = entry.data_offset.saturating_add(entry.data_len);
        offset = end.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX);
    }
}

struct Entry {
    partition: Vec<u8>,
    block_len: u16,
    checksums_offset: u64,
    data_offset: u64,
    data_len: u64,
}

impl Entry {
    fn read(source: &ByteSource, offset: u64) -> Result<Self> {
        let bytes = source.array::<{ HEADER_LEN as usize }>(offset, "entry")?;
        let mut cursor = Cursor::new(&bytes, offset);
        cursor.take(4, "magic")?;
        let header_len = u64::from(cursor.u32_le("header length")?);
        cursor.take(16, "hardware, sequence")?;
        let data_len = u64::from(cursor.u32_le("data length")?);
        cursor.take(32, "date, time")?;
        let partition = until_zero(cursor.take(32, "type")?);
        cursor.take(2, "header checksum")?;
        let block_len = cursor.u16_le("block length")?;
        if header_len < HEADER_LEN {
            return Err(Error::corrupt("header length", offset.saturating_add(4)));
        }
        let data_offset = offset.saturating_add(header_len);
        Ok(Self { partition, block_len, checksums_offset: offset.saturating_add(HEADER_LEN), data_offset, data_len })
    }

    /// The data, with its checksums if there is one for every block.
    fn data(&self, source: &ByteSource) -> Result<ByteSource> {
        let data = source.slice(self.data_offset, self.data_len, "data length")?;
        let checksums_len = self.data_offset.saturating_sub(self.checksums_offset);
        if checksums_len == 0 {
            return Ok(data);
        }
        let (block_len, what_offset) = (u64::from(self.block_len), self.checksums_offset.saturating_sub(4));
        let is_sane = self.block_len > 0 && self.block_len <= BLOCK_LEN_MAX;
        // Twice a count of at most 2^32 blocks: no overflow.
        if !is_sane || data.len().div_ceil(block_len) * CHECKSUM_LEN != checksums_len {
            return Err(Error::corrupt("block length", what_offset));
        }
        let checksums = source.slice(self.checksums_offset, checksums_len, "block checksums")?;
        let checksums_offset = self.checksums_offset;
        Ok(ByteSource::new(Arc::new(Checked { data, checksums, checksums_offset, block_len })))
    }
}

/// Data whose blocks are checked as they are read.
struct Checked {
    data: ByteSource,
    checksums: ByteSource,
    checksums_offset: u64,
    block_len: u64,
}

impl ReadAt for Checked {
    fn len(&self) -> u64 {
        self.data.len()
    }

    fn stored_at(&self, offset: u64) -> u64 {
        self.data.stored_from(offset)
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        let mut block = vec![0; usize::try_from(self.block_len).unwrap_or_default()];
        let (mut offset, mut target) = (offset, target);
        while !target.is_empty() {
            let number = offset / self.block_len;
            let start = number.saturating_mul(self.block_len);
            let count = self.data.read_some(start, &mut block)?;
            let bytes = block.get(..count).unwrap_or_default();
            let at = number.saturating_mul(CHECKSUM_LEN);
            let stored = u16::from_le_bytes(self.checksums.array(at, "block checksum")?);
            if stored != crc16(Crc16Kind::X25, bytes) {
                return Err(Error::checksum("block checksum", self.checksums_offset.saturating_add(at)));
            }
            let within = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            let part = bytes.get(within..).unwrap_or_default();
            let run = part.len().min(target.len());
            if run == 0 {
                return Err(Error::truncated("data", offset, target.len() as u64, 0));
            }
            let (head, tail) = target.split_at_mut(run);
            head.copy_from_slice(part.get(..run).unwrap_or_default());
            offset = offset.saturating_add(run as u64);
            target = tail;
        }
        Ok(())
    }
}
