//! The digest of an APK's contents in schemes 2 and 3: over chunks of 1 MiB of everything but the signing block itself.

use std::collections::BTreeMap;

use bytes::{ByteSource, Error, Result};
use containers::zip::Archive;

use super::keys::{Hash, Hasher};
use crate::window::for_each_window;

const CHUNK_LEN: u64 = 1 << 20;
/// Longest end record: 22 bytes and a comment.
const END_LEN_MAX: u64 = 22 + 0xffff;

/// Computes each digest when it is first asked for.
pub(super) struct ContentDigests<'a> {
    source: &'a ByteSource,
    block_start: u64,
    directory: u64,
    end: u64,
    known: BTreeMap<Hash, Result<Vec<u8>>>,
}

impl<'a> ContentDigests<'a> {
    /// Of `source`, whose signing block starts at `block_start`.
    pub(super) const fn new(source: &'a ByteSource, archive: &Archive, block_start: u64) -> Self {
        let (directory, end) = (archive.central_directory_offset, archive.end_record_offset);
        Self { source, block_start, directory, end, known: BTreeMap::new() }
    }

    /// The digest of the contents.
    pub(super) fn digest(&mut self, hash: Hash) -> Result<Vec<u8>> {
        if let Some(known) = self.known.get(&hash) {
            return known.clone();
        }
        let computed = self.compute(hash);
        self.known.insert(hash, computed.clone());
        computed
    }

    fn compute(&self, hash: Hash) -> Result<Vec<u8>> {
        let members = self.source.slice(0, self.block_start, "members")?;
        let len = self.end.checked_sub(self.directory).ok_or(Error::corrupt("central directory", self.directory))?;
        let directory = self.source.slice(self.directory, len, "central directory")?;
        let sections = [members, directory, self.end_record()?];
        let count: u64 = sections.iter().map(|section| section.len().div_ceil(CHUNK_LEN)).sum();
        let mut whole = Hasher::new(hash);
        whole.update(&[0x5a]);
        whole.update(&low_half(count));
        for section in sections {
            let mut offset = 0;
            while offset < section.len() {
                let len = CHUNK_LEN.min(section.len().saturating_sub(offset));
                let chunk = section.slice(offset, len, "chunk")?;
                let mut hasher = Hasher::new(hash);
                hasher.update(&[0xa5]);
                hasher.update(&low_half(len));
                for_each_window(&chunk, &mut |window| hasher.update(window))?;
                whole.update(&hasher.finish());
                offset = offset.saturating_add(len);
            }
        }
        Ok(whole.finish())
    }

    /// The end record as if the signing block were not there: the central directory starts where the block does.
    fn end_record(&self) -> Result<ByteSource> {
        let len = self.source.len().saturating_sub(self.end);
        if len > END_LEN_MAX {
            return Err(Error::corrupt("end of central directory", self.end));
        }
        let mut record = vec![0; usize::try_from(len).unwrap_or(0)];
        self.source.read(self.end, &mut record, "end of central directory")?;
        let field = record.get_mut(16..20).ok_or(Error::truncated("end of central directory", self.end, 22, len))?;
        field.copy_from_slice(&low_half(self.block_start));
        Ok(ByteSource::from_bytes(record))
    }
}

/// The low 32 bits, as the format stores lengths and counts.
fn low_half(value: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = value.to_le_bytes();
    [a, b, c, d]
}
