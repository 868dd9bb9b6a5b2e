//! Optimised Dalvik files: a DEX file whose instructions were rewritten for one device's class path.
//!
//! Met beside apps and jars up to Android 4.4, whose archives then have no `classes.dex`. Written from `DexFile.h`,
//! `DexOptData.cpp` and `Optimize.cpp` of that platform's virtual machine.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{
    Program,
    dex::{self, Header},
    program::Quickener,
    restore,
};

/// `dey\n`.
pub(crate) const MAGIC: [u8; 4] = *b"dey\n";
/// The only version that a release of the platform wrote.
const VERSION: [u8; 4] = *b"036\0";

/// Where the place of the list of dependencies is.
const DEPENDENCIES: u64 = 16;
/// Files in the list; the class path of a phone has about twenty.
const DEPENDENCIES_MAX: u32 = 1024;
/// Longest path in the list; the platform allows 4096 bytes.
const PATH_LEN_MAX: u32 = 4096;
/// Bytes of the digest after each path.
const DIGEST_BYTES: u64 = 20;

/// The paths of the files that `source`, if it is an optimised file, was optimised against: the boot class path of its
/// device, in order; of a file that is in the boot class path itself, those before it. What was read before damage stays.
#[must_use]
pub fn class_path(source: &ByteSource) -> Vec<String> {
    let mut paths = Vec::new();
    if source.has(0, &MAGIC) {
        // What is missing only leaves instructions unknown.
        let _ = dependencies(source, &mut paths);
    }
    paths
}

fn dependencies(source: &ByteSource, paths: &mut Vec<String>) -> Result<()> {
    let start = u64::from(u32::from_le_bytes(source.array(DEPENDENCIES, "depsOffset")?));
    // Time, checksum and build come first.
    let count_offset = start.saturating_add(12);
    let count = u32::from_le_bytes(source.array(count_offset, "numDeps")?);
    let mut at = count_offset.saturating_add(4);
    for _ in 0..count.min(DEPENDENCIES_MAX) {
        let len = u32::from_le_bytes(source.array(at, "dependency length")?);
        if len > PATH_LEN_MAX {
            return Err(Error::corrupt("dependency length", at));
        }
        let mut name = vec![0; len as usize];
        at = at.saturating_add(4);
        source.read(at, &mut name, "dependency")?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        paths.push(String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned());
        at = at.saturating_add(len.into()).saturating_add(DIGEST_BYTES);
    }
    Ok(())
}

/// Adds the DEX file in the optimised file `source` to the program. What follows it (names of the files it depends on,
/// tables for quick look-up) is not needed.
pub(crate) fn add(program: &mut Program, source: &ByteSource, path: &str, budget: &Budget) -> Result<()> {
    let header = source.array::<16>(0, "optimised header")?;
    let mut cursor = Cursor::new(&header, 0);
    cursor.u32_le("magic")?;
    let version = cursor.array::<4>("version")?;
    if version != VERSION {
        return Err(Error::unsupported("version of an optimised file", 4, u32::from_be_bytes(version).into()));
    }
    let start = cursor.u32_le("dexOffset")?;
    let length_offset = cursor.offset();
    let claimed = u64::from(cursor.u32_le("dexLength")?);
    // A cut file still gives what is there.
    let len = claimed.min(source.len().saturating_sub(start.into()));
    if len < claimed {
        let error = Error::truncated("dexLength", length_offset, claimed, len);
        program.problems.push((path.to_owned(), error));
    }
    let path = format!("{path}!classes.dex");
    let mut bytes = source.slice(start.into(), len, "dex file")?.to_vec(budget, "dex file")?;
    match Header::read(&bytes, 0) {
        Ok(header) => {
            let (fidelity, special) = restore::restore_dalvik(&mut bytes, &header);
            let first = program.files.len();
            dex::add(program, &Arc::from(bytes), &path, fidelity);
            if let Some(file) = program.files.get_mut(first) {
                file.quickener = Some(Quickener::Dalvik);
                file.special = special;
            }
        }
        Err(error) => program.problems.push((path, error)),
    }
    Ok(())
}
