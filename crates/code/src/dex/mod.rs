//! Dalvik executables: DEX files of versions 035 to 041, and compact DEX files.
//!
//! Met as `classes.dex` in every app, inside OAT and VDEX files, and loose. Written from the "Dalvik Executable format" document.

mod class;
pub(crate) mod code_item;
pub(crate) mod fuel;
mod header;
mod mutf8;
mod read;
mod value;

use std::sync::Arc;

use bytes::{Error, Limit};

pub use code_item::{RawCode, Try};
pub use header::has_dex_checksum;
pub(crate) use header::{COMPACT_MAGIC, Header, MAGIC, Table, adler32};
pub(crate) use mutf8::units;

use crate::{Fidelity, Program};

/// Files in one container. A compiler fills each with tens of thousands of methods before it starts another.
const MAX_FILES: usize = 256;

/// Adds every DEX file in `bytes` to the program: one, or those of a container.
pub(crate) fn add(program: &mut Program, bytes: &Arc<[u8]>, path: &str, fidelity: Fidelity) {
    let len = bytes.len() as u64;
    let mut fuel = fuel::Fuel::for_file(len);
    let mut next = Some(0);
    let mut count = 0;
    while let Some(at) = next {
        let path = if at == 0 { path.to_owned() } else { format!("{path}!dex@{at:#x}") };
        if count == MAX_FILES {
            let error = Error::limit(Limit::Nodes, "dex files of a container", at.into());
            program.problems.push((path, error));
            return;
        }
        count += 1;
        match Header::read(bytes, at) {
            Ok(header) => {
                read::read(program, bytes, &header, &path, fidelity, &mut fuel);
                next = header.next(len);
            }
            Err(error) => {
                program.problems.push((path, error));
                return;
            }
        }
    }
}

/// Adds the one file whose header is `header` and whose data may be anywhere in `bytes`.
pub(crate) fn add_one(program: &mut Program, bytes: &Arc<[u8]>, header: &Header, path: &str, fidelity: Fidelity) {
    let mut fuel = fuel::Fuel::for_file(bytes.len() as u64);
    read::read(program, bytes, header, path, fidelity, &mut fuel);
}
