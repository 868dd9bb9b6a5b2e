//! VDEX files: the DEX files that the platform's compiler was given, and what it needs to undo what it did to them.
//!
//! Met beside the OAT file of an app or of a jar since Android 8; since Android 12 usually without DEX files, which then
//! are in the archive. Written from `vdex_file.h` and `vdex_file.cc` of each version of the platform.

mod header;
mod quickening;

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Limit, Result};

use crate::{
    Fidelity, Program,
    dex::{self, Header},
    restore, scan,
};
use header::Layout;
use quickening::Stored;

/// `vdex`.
pub(crate) const MAGIC: [u8; 4] = *b"vdex";
/// DEX files in one VDEX file; the largest app of a phone has about twenty.
const MAX_DEX_FILES: usize = 1024;
/// DEX files start at multiples of this.
const ALIGNMENT: u64 = 4;
/// Offset of a DEX file's length in its header.
const FILE_SIZE: u64 = 32;

/// A DEX file in the bytes of the VDEX file.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    len: u64,
    /// The number in front of it, where the version has one.
    table: u32,
    compact: bool,
}

/// Adds every DEX file in the VDEX file `source` to the program, restored as far as the file keeps what that needs. Of an
/// unknown version the DEX files are searched for, and that is a problem.
pub(crate) fn add(program: &mut Program, source: &ByteSource, path: &str, budget: &Budget) -> Result<()> {
    let layout = match header::read(source) {
        Ok(layout) => layout,
        Err(reason) => return add_scanned(program, source, path, reason, budget),
    };
    let mut places = Vec::new();
    if let Err(error) = list(source, &layout, &mut places) {
        program.problems.push((path.to_owned(), error));
    }
    let kept =
        match source.slice(layout.kept.start, layout.kept.end.saturating_sub(layout.kept.start), "quickening info") {
            Ok(kept) => kept.to_vec(budget, "quickening info")?,
            Err(error) => {
                program.problems.push((path.to_owned(), error));
                Vec::new()
            }
        };
    let mut stored = Stored::new(&kept, layout.version.form);
    let mut compact = Compact::default();
    for (index, place) in places.iter().enumerate() {
        let path = format!("{path}!{}", dex_name(index));
        stored.turn_to(index, places.len(), place.table);
        let added = if place.compact {
            compact.add(source, &path, *place, &layout, &mut stored, budget)
        } else {
            add_plain(program, source, &path, *place, &layout, &mut stored, budget)
        };
        if let Err(error) = added {
            program.problems.push((path, error));
        }
    }
    compact.finish(program);
    Ok(())
}

fn add_plain(
    program: &mut Program,
    source: &ByteSource,
    path: &str,
    place: Place,
    layout: &Layout,
    stored: &mut Stored<'_>,
    budget: &Budget,
) -> Result<()> {
    let mut file = source.slice(place.start, place.len, "dex file")?.to_vec(budget, "dex file")?;
    let header = Header::read(&file, 0)?;
    let fidelity = restore::restore(&mut file, &header, layout.version.marked, stored);
    dex::add(program, &Arc::from(file), path, fidelity);
    Ok(())
}

/// Compact DEX files: their data is behind all of them, so they are read from the bytes of the whole VDEX file.
#[derive(Default)]
struct Compact {
    bytes: Vec<u8>,
    files: Vec<(String, Header, Fidelity)>,
}

impl Compact {
    fn add(
        &mut self,
        source: &ByteSource,
        path: &str,
        place: Place,
        layout: &Layout,
        stored: &mut Stored<'_>,
        budget: &Budget,
    ) -> Result<()> {
        if self.bytes.is_empty() {
            self.bytes = source.to_vec(budget, "vdex file")?;
        }
        let start = u32::try_from(place.start).map_err(|_| Error::corrupt("dex file", place.start))?;
        let header = Header::read(&self.bytes, start)?;
        let fidelity = restore::restore(&mut self.bytes, &header, layout.version.marked, stored);
        self.files.push((path.to_owned(), header, fidelity));
        Ok(())
    }

    fn finish(self, program: &mut Program) {
        let bytes: Arc<[u8]> = Arc::from(self.bytes);
        for (path, header, fidelity) in self.files {
            dex::add_one(program, &bytes, &header, &path, fidelity);
        }
    }
}

/// Lists the DEX files one after the other; what was found before an error stays.
fn list(source: &ByteSource, layout: &Layout, places: &mut Vec<Place>) -> Result<()> {
    let mut at = layout.dex.start;
    for _ in 0..layout.count {
        if places.len() >= MAX_DEX_FILES {
            return Err(Error::limit(Limit::Nodes, "number_of_dex_files", at));
        }
        let preheader = layout.version.preheader_bytes();
        let table = if preheader > 0 { u32::from_le_bytes(source.array(at, "quicken_table_off")?) } else { 0 };
        let start = at.saturating_add(preheader);
        let compact = source.has(start, &dex::COMPACT_MAGIC);
        if !compact && !source.has(start, &dex::MAGIC) {
            return Err(Error::corrupt("dex magic", start));
        }
        let size_offset = start.saturating_add(FILE_SIZE);
        let len = u64::from(u32::from_le_bytes(source.array(size_offset, "file_size")?));
        let end = start.saturating_add(len);
        if len <= FILE_SIZE || end > layout.dex.end {
            return Err(Error::corrupt("file_size", size_offset));
        }
        source.slice(start, len, "dex file")?;
        places.push(Place { start, len, table, compact });
        at = end.next_multiple_of(ALIGNMENT);
    }
    Ok(())
}

/// The name of a DEX file by its position, as in an archive.
fn dex_name(index: usize) -> String {
    if index == 0 { "classes.dex".to_owned() } else { format!("classes{}.dex", index.saturating_add(1)) }
}

/// Adds what looks like a DEX file, for want of a list.
fn add_scanned(program: &mut Program, source: &ByteSource, path: &str, reason: Error, budget: &Budget) -> Result<()> {
    let mut found = Vec::new();
    scan::scan(source, &mut found)?;
    if found.is_empty() {
        return Err(reason);
    }
    program.problems.push((path.to_owned(), Error { what: "vdex version (dex files found by scan)", ..reason }));
    scan::add(program, source, path, &found, budget)
}
