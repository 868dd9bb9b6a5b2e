//! Finds DEX files by their header, where no list of them can be read.
//!
//! Met with compiled code of makers who changed the platform's format, and with files cut or damaged before the list.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Limit, Result};

use crate::{
    Program,
    dex::{self, Header},
    restore::{self, NothingKept},
};

/// DEX files in one OAT or VDEX file; the class path of a phone has about thirty.
pub(crate) const MAX_DEX_FILES: usize = 1024;
// Offsets in a DEX header, and its length.
const DEX_FILE_SIZE: u64 = 32;
const DEX_HEADER_BYTES: u32 = 0x70;

/// A DEX file inside another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DexRange {
    /// Path of the file it was compiled from, on the device; `None` if it was found by its header.
    pub(crate) location: Option<String>,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    /// Where the file's list of its compiled classes is, counted from the start of the OAT data.
    pub(crate) classes: Option<u32>,
    pub(crate) compact: bool,
}

impl DexRange {
    /// DEX files in one file never share bytes.
    pub(crate) const fn overlaps(&self, other: &Self) -> bool {
        self.offset < other.offset.saturating_add(other.len) && other.offset < self.offset.saturating_add(self.len)
    }

    /// Path for proofs.
    pub(crate) fn path(&self, outer: &str) -> String {
        match &self.location {
            Some(location) => format!("{outer}!{location}"),
            None => format!("{outer}!dex@{:#x}", self.offset),
        }
    }
}

/// Length of the DEX file at `offset`, if there is one and it is whole, and whether it is a compact one.
pub(crate) fn dex_len(source: &ByteSource, offset: u64) -> Result<(u64, bool)> {
    let compact = source.has(offset, &dex::COMPACT_MAGIC);
    if !compact && !source.has(offset, &dex::MAGIC) {
        return Err(Error::corrupt("dex magic", offset));
    }
    let size_offset = offset.saturating_add(DEX_FILE_SIZE);
    let size = u32::from_le_bytes(source.array(size_offset, "file_size")?);
    if size < DEX_HEADER_BYTES {
        return Err(Error::corrupt("file_size", size_offset));
    }
    source.slice(offset, size.into(), "dex file")?;
    Ok((size.into(), compact))
}

/// Adds the files that were found, as they are.
pub(crate) fn add(
    program: &mut Program,
    source: &ByteSource,
    path: &str,
    found: &[DexRange],
    budget: &Budget,
) -> Result<()> {
    for range in found {
        let path = range.path(path);
        // The data of a compact file may be behind others.
        let len = if range.compact { source.len().saturating_sub(range.offset) } else { range.len };
        let mut bytes = source.slice(range.offset, len, "dex file")?.to_vec(budget, "dex file")?;
        match Header::read(&bytes, 0) {
            Ok(header) => {
                let fidelity = restore::restore(&mut bytes, &header, false, &mut NothingKept);
                dex::add(program, &Arc::from(bytes), &path, fidelity);
            }
            Err(error) => program.problems.push((path, error)),
        }
    }
    Ok(())
}

/// Read at once; a multiple of the alignment of DEX files.
const CHUNK_BYTES: usize = 1 << 20;
/// DEX files start at multiples of four.
const ALIGNMENT: usize = 4;
/// Places that look like the start of a DEX file and may be no such thing; a hostile file has them every four bytes.
const MAX_CANDIDATES: usize = 1 << 16;

/// Adds every whole DEX file that does not overlap one of `found`.
pub(crate) fn scan(source: &ByteSource, found: &mut Vec<DexRange>) -> Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    // Nothing starts before this: it is inside a file found already.
    let mut free = 0_u64;
    let mut candidates = 0_usize;
    for start in (0..source.len()).step_by(CHUNK_BYTES) {
        let count = source.read_some(start, &mut chunk)?;
        let words = chunk.get(..count).unwrap_or_default().as_chunks::<ALIGNMENT>().0;
        for (index, _) in words.iter().enumerate().filter(|(_, word)| [dex::MAGIC, dex::COMPACT_MAGIC].contains(*word))
        {
            let offset = start.saturating_add((index as u64).saturating_mul(ALIGNMENT as u64));
            if offset < free {
                continue;
            }
            candidates = candidates.saturating_add(1);
            if candidates > MAX_CANDIDATES {
                return Err(Error::limit(Limit::Nodes, "dex headers found by scan", offset));
            }
            let Some(range) = candidate(source, offset) else { continue };
            free = offset.saturating_add(range.len);
            keep(found, range)?;
        }
    }
    Ok(())
}

/// The DEX file at `offset`, if its header makes sense.
fn candidate(source: &ByteSource, offset: u64) -> Option<DexRange> {
    let (len, compact) = dex_len(source, offset).ok()?;
    // The longest header; the last file may be shorter.
    let mut header = [0; 0x88];
    let count = source.read_some(offset, &mut header).ok()?;
    Header::read(header.get(..count)?, 0).ok().filter(|header| header.tables_are_within(len))?;
    Some(DexRange { location: None, offset, len, classes: None, compact })
}

/// Adds `range`, unless it is known already.
fn keep(found: &mut Vec<DexRange>, range: DexRange) -> Result<()> {
    if found.len() >= MAX_DEX_FILES {
        return Err(Error::limit(Limit::Nodes, "dex files found by scan", range.offset));
    }
    if !found.iter().any(|known| known.overlaps(&range)) {
        found.push(range);
    }
    Ok(())
}
