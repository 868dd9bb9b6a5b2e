//! OAT files: code compiled on the device or for it, with the DEX files it was compiled from.
//!
//! Met beside apps without a `classes.dex` of their own. From Android 4.4 to 7.1 the DEX files are inside; since 8.0 they
//! are in a VDEX file beside. Instructions in them may be quickened: a field or method reference replaced by a number that
//! means something to that device only. Android 7 keeps what they were, where the compiled code of a method would be.

mod elf;
mod header;
mod quickening;

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Kind, Result};

pub(crate) use elf::MAGIC;

use crate::{
    Program,
    dex::{self, Header},
    restore::{self, NothingKept},
    scan::{self, DexRange},
};
use header::List;
use quickening::Compiled;

/// What came of an OAT file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// Its DEX files are in the program.
    Inside,
    /// Its DEX files are in the VDEX file beside; `version` is its own.
    Beside {
        /// Offset and value.
        version: (u64, u64),
    },
}

/// Adds every DEX file in the OAT file `source` to the program. If the list of them cannot be read, the file is searched
/// for DEX headers, and the reason is a problem either way.
pub(crate) fn add(program: &mut Program, source: &ByteSource, path: &str, budget: &Budget) -> Result<Added> {
    let mut found = Vec::new();
    let mut compiled = None;
    let mut quickener = None;
    let listed = elf::oat_data(source).and_then(|start| {
        let list = header::list(source, start, &mut found)?;
        if list == List::InsideWithKept {
            compiled = Some(Compiled::read(source, start, budget)?);
        }
        Ok(list)
    });
    match listed {
        Ok(List::Beside { version }) => return Ok(Added::Beside { version }),
        Ok(List::Inside { quickener: by }) => quickener = Some(by),
        Ok(List::InsideWithKept) => {}
        Err(reason) => {
            let known = found.len();
            if let Err(error) = scan::scan(source, &mut found) {
                program.problems.push((path.to_owned(), error));
            }
            let what = if found.len() > known { found_by_scan(reason) } else { reason.what };
            program.problems.push((path.to_owned(), Error { what, ..reason }));
        }
    }
    for range in found {
        let path = range.path(path);
        let first = program.files.len();
        if let Err(error) = add_file(program, source, &path, &range, compiled.as_ref(), budget) {
            program.problems.push((path, error));
        }
        for file in program.files.iter_mut().skip(first) {
            file.quickener = quickener;
        }
    }
    Ok(Added::Inside)
}

fn add_file(
    program: &mut Program,
    source: &ByteSource,
    path: &str,
    range: &DexRange,
    compiled: Option<&Compiled>,
    budget: &Budget,
) -> Result<()> {
    let mut bytes = source.slice(range.offset, range.len, "dex file")?.to_vec(budget, "dex file")?;
    let header = Header::read(&bytes, 0)?;
    let fidelity = match (compiled, range.classes) {
        (Some(compiled), Some(classes)) => restore::restore(&mut bytes, &header, false, &mut compiled.of_file(classes)),
        _ => restore::restore(&mut bytes, &header, false, &mut NothingKept),
    };
    dex::add(program, &Arc::from(bytes), path, fidelity);
    Ok(())
}

/// The same reason, with what came of it.
const fn found_by_scan(reason: Error) -> &'static str {
    match reason.kind {
        Kind::Unsupported(_) => "oat version (dex files found by scan)",
        _ => "oat file (dex files found by scan)",
    }
}
