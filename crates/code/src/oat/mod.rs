//! OAT files: code compiled on the device or for it, with the DEX files it was compiled from.
//!
//! Met beside apps without a `classes.dex` of their own, from Android 5.0 to 7.1. Instructions in them may be quickened:
//! a field or method reference replaced by a number that means something to that device only.

mod elf;
mod header;
mod scan;

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Kind, Result};

pub(crate) use elf::MAGIC;

use crate::{Program, dex};

/// DEX files in one OAT file; the class path of a phone has about thirty.
const MAX_DEX_FILES: usize = 1024;

/// A DEX file inside an OAT file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DexRange {
    /// Path of the file it was compiled from, on the device; `None` if it was found by its header.
    location: Option<String>,
    offset: u64,
    len: u64,
}

impl DexRange {
    /// DEX files of one OAT file never share bytes.
    const fn overlaps(&self, other: &Self) -> bool {
        self.offset < other.offset.saturating_add(other.len) && other.offset < self.offset.saturating_add(self.len)
    }
}

/// Adds every DEX file in the OAT file `source` to the program. If the list of them cannot be read, the file is searched
/// for DEX headers, and the reason is a problem either way.
pub(crate) fn add(program: &mut Program, source: &ByteSource, path: &str, budget: &Budget) -> Result<()> {
    let mut found = Vec::new();
    let listed = elf::oat_data(source).and_then(|start| header::list(source, start, &mut found));
    if let Err(reason) = listed {
        let known = found.len();
        if let Err(error) = scan::scan(source, &mut found) {
            program.problems.push((path.to_owned(), error));
        }
        let what = if found.len() > known { found_by_scan(reason) } else { reason.what };
        program.problems.push((path.to_owned(), Error { what, ..reason }));
    }
    for range in found {
        let path = match &range.location {
            Some(location) => format!("{path}!{location}"),
            None => format!("{path}!dex@{:#x}", range.offset),
        };
        let bytes = source.slice(range.offset, range.len, "dex file")?.to_vec(budget, "dex file");
        match bytes {
            Ok(bytes) => dex::add(program, &Arc::from(bytes), &path, true),
            Err(error) => program.problems.push((path, error)),
        }
    }
    Ok(())
}

/// The same reason, with what came of it.
const fn found_by_scan(reason: Error) -> &'static str {
    match reason.kind {
        Kind::Unsupported(_) => "oat version (dex files found by scan)",
        _ => "oat file (dex files found by scan)",
    }
}
