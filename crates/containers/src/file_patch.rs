//! Patches of single files, as scripts of updates apply them (`apply_patch`). Met in incremental updates up to Android 4.4.
//! Written from AOSP bootable/recovery, applypatch/applypatch.cpp.
//!
//! A script names several patches for one file, each for another state of the file, which its SHA-1 tells.

use bytes::{Budget, ByteSource, Error, Kind, Limit, Result};

use crate::{
    bsdiff::patched,
    digest::{self, Expected},
    imgdiff,
};

/// Longest file that is patched: a device patches in memory.
const FILE_LEN_MAX: u64 = 512 << 20;

/// The file of `len` bytes and digest `sha1` that one of `patches` makes of `old`. Reads all of `old` to find out which; what the
/// patch makes is made when somebody reads it.
pub fn apply(
    old: &ByteSource,
    patches: &[([u8; 20], ByteSource)],
    len: u64,
    sha1: [u8; 20],
    budget: &Budget,
) -> Result<ByteSource> {
    budget.spend_bytes(old.len(), "file to be patched", 0)?;
    if Expected::Sha1(sha1).is_of(old)? {
        // A device that was updated already keeps the file.
        return Ok(old.clone());
    }
    if len > FILE_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "patched file", 0));
    }
    budget.spend_bytes(len, "patched file", 0)?;
    for (before, patch) in patches {
        if !Expected::Sha1(*before).is_of(old)? {
            continue;
        }
        let made = if patch.has(0, imgdiff::MAGIC) {
            let (chunks, old) = (imgdiff::Chunks::read(patch, budget)?, old.clone());
            codecs::made_when_read(len, move |sink| chunks.apply(&old, sink))
        } else {
            patched(old.clone(), patch, len)?
        };
        return Ok(digest::verified(made, Expected::Sha1(sha1), Error::checksum("patched file", 0)));
    }
    Err(Error { kind: Kind::BaseRequired, what: "another state of the file", offset: 0 })
}
