//! The entries of a folder, read in stored order. The index blocks of a hashed folder look like empty ones to such a
//! reader; that is how the format was made. Written from kernel.org, "ext4 Data Structures and Algorithms", section
//! "Directory Entries".

use bytes::{Error, Result};

use super::{
    content,
    inode::{BLOCK_LEN, Inode},
    volume::Volume,
};
use crate::{
    record::{Record, len64},
    runs::Place,
    walk::Listing,
};

/// Inode number, record length, name length, type.
const HEADER_LEN: usize = 8;

/// Reads the folder `inode`, whose inline data, if it has any, continues at `inline_data` of the image.
pub(super) fn read(volume: &Volume, inode: &Inode, inline_data: Option<(u64, usize)>) -> Listing {
    let mut reader = Reader { volume, listing: Listing::default() };
    let result =
        if inode.has_inline_data() { reader.read_inline(inode, inline_data) } else { reader.read_blocks(inode) };
    reader.listing.errors.extend(result.err());
    reader.listing
}

struct Reader<'a> {
    volume: &'a Volume,
    listing: Listing,
}

impl Reader<'_> {
    /// Inline: the first four bytes are the parent's inode number, entries follow; "." and ".." are not stored.
    fn read_inline(&mut self, inode: &Inode, more: Option<(u64, usize)>) -> Result<()> {
        let size = usize::try_from(inode.size).unwrap_or(usize::MAX);
        let head_len = size.min(BLOCK_LEN).saturating_sub(4);
        let head = inode.block_record()?.tail(4, "inline folder")?;
        let head = Record::new(head.bytes(0, head_len, "inline folder")?, head.offset_of(0));
        self.read_records(head);
        let tail_len = size.saturating_sub(BLOCK_LEN);
        let (offset, len) = more.unwrap_or((head.offset_of(head.len()), 0));
        if tail_len > len {
            self.listing.errors.push(Error::truncated("system.data", offset, len64(tail_len), len64(len)));
        }
        // At most 64 KiB: a value lies within an inode or a block.
        let mut tail = vec![0; len];
        self.volume.source.read(offset, &mut tail, "system.data")?;
        self.read_records(Record::new(&tail, offset));
        Ok(())
    }

    fn read_blocks(&mut self, inode: &Inode) -> Result<()> {
        let block_size = self.volume.block_size();
        let size = inode.size.checked_next_multiple_of(block_size).unwrap_or(inode.size);
        let (mut runs, mapped) = content::runs(self.volume, inode, size);
        if let Err(error) = mapped {
            runs.abandon(error);
        }
        let (runs, error) = runs.finish();
        self.listing.errors.extend(error);
        for run in runs {
            match run.place {
                Place::Stored(start) => {
                    let mut offset = start;
                    for _ in 0..run.len.checked_div(block_size).unwrap_or(0) {
                        let block = self.volume.block_at(offset, "folder block")?;
                        self.read_records(block.record());
                        offset = offset.saturating_add(block_size);
                    }
                }
                Place::Hole => self.listing.errors.push(Error::corrupt("hole in a folder", inode.offset)),
                // Noted when the runs were found.
                Place::Missing(_) | Place::Packed(_) => {}
            }
        }
        Ok(())
    }

    /// Reads the entries of one block. A record that lies ends the block; the other blocks still stand.
    fn read_records(&mut self, block: Record<'_>) {
        let mut at = 0;
        while at < block.len() {
            match self.read_record(block, at) {
                Ok(next) => at = next,
                Err(error) => {
                    self.listing.errors.push(error);
                    return;
                }
            }
        }
    }

    /// Reads the record at `at`; where the next one starts.
    fn read_record(&mut self, block: Record<'_>, at: usize) -> Result<usize> {
        let offset = block.offset_of(at);
        let inode = block.u32(at, "inode")?;
        let record_len = record_len(block.u16(at.saturating_add(4), "rec_len")?, block.len());
        let name_len = usize::from(block.u8(at.saturating_add(6), "name_len")?);
        let next = at.saturating_add(record_len);
        if record_len < HEADER_LEN || !record_len.is_multiple_of(4) || next > block.len() {
            return Err(Error::corrupt("rec_len", block.offset_of(at.saturating_add(4))));
        }
        if inode == 0 {
            return Ok(next);
        }
        if name_len == 0 || HEADER_LEN.saturating_add(name_len) > record_len {
            return Err(Error::corrupt("name_len", block.offset_of(at.saturating_add(6))));
        }
        let name = block.bytes(at.saturating_add(HEADER_LEN), name_len, "name")?;
        let name_offset = block.offset_of(at.saturating_add(HEADER_LEN));
        self.listing.add(&self.volume.budget, name, u64::from(inode), offset, name_offset)?;
        Ok(next)
    }
}

/// A record length in bytes: in blocks of 64 KiB the lowest two bits, otherwise zero, continue upwards, and a record as
/// long as the block is written as 65,535 or 0.
fn record_len(stored: u16, block_len: usize) -> usize {
    const LARGEST_BLOCK: usize = 1 << 16;
    match usize::from(stored) {
        0 | 0xFFFF if block_len == LARGEST_BLOCK => LARGEST_BLOCK,
        len if block_len == LARGEST_BLOCK => (len & 0xFFFC) | ((len & 3) << 16),
        len => len,
    }
}

#[cfg(test)]
mod tests {
    use super::record_len;

    #[test]
    fn record_lengths_of_the_largest_blocks_continue_in_the_lowest_bits() {
        assert_eq!(record_len(4096, 4096), 4096);
        assert_eq!(record_len(0, 4096), 0);
        for (stored, len) in [(0, 65_536), (0xFFFF, 65_536), (65_524, 65_524), (12, 12), (1, 65_536)] {
            assert_eq!(record_len(stored, 65_536), len, "{stored}");
        }
    }
}
