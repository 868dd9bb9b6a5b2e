//! Finds DEX files by their header, where no list of them can be read.
//!
//! Met with compiled code of makers who changed the platform's format, and with files cut or damaged before the list.

use bytes::{ByteSource, Error, Limit, Result};

use super::{DexRange, MAX_DEX_FILES, header::dex_len};
use crate::dex;

/// Read at once; a multiple of the alignment of DEX files.
const CHUNK_BYTES: usize = 1 << 20;
/// DEX files start at multiples of four.
const ALIGNMENT: usize = 4;
/// Places that look like the start of a DEX file and may be no such thing; a hostile file has them every four bytes.
const MAX_CANDIDATES: usize = 1 << 16;

/// Adds every whole DEX file that does not overlap one of `found`.
pub(super) fn scan(source: &ByteSource, found: &mut Vec<DexRange>) -> Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    // Nothing starts before this: it is inside a file found already.
    let mut free = 0_u64;
    let mut candidates = 0_usize;
    for start in (0..source.len()).step_by(CHUNK_BYTES) {
        let count = source.read_some(start, &mut chunk)?;
        let words = chunk.get(..count).unwrap_or_default().as_chunks::<ALIGNMENT>().0;
        for (index, _) in words.iter().enumerate().filter(|(_, word)| **word == dex::MAGIC) {
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
            add(found, range)?;
        }
    }
    Ok(())
}

/// The DEX file at `offset`, if its header makes sense.
fn candidate(source: &ByteSource, offset: u64) -> Option<DexRange> {
    let len = dex_len(source, offset).ok()?;
    // The longest header; the last file may be shorter.
    let mut header = [0; 0x78];
    let count = source.read_some(offset, &mut header).ok()?;
    dex::Header::read(header.get(..count)?, 0).ok().filter(|header| header.tables_are_within(len))?;
    Some(DexRange { location: None, offset, len })
}

/// Adds `range`, unless it is known already.
fn add(found: &mut Vec<DexRange>, range: DexRange) -> Result<()> {
    if found.len() >= MAX_DEX_FILES {
        return Err(Error::limit(Limit::Nodes, "dex files of an oat file", range.offset));
    }
    if !found.iter().any(|known| known.overlaps(&range)) {
        found.push(range);
    }
    Ok(())
}
