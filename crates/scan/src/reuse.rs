//! Results of apps that were analysed before: by what they were made from, so that a kept result and a new one are equal.

use bytes::{Budget, Limits};
use knowledge::Knowledge;
use packages::Package;
use sha2::{Digest, Sha256};
use store::{Key, KeyBuilder};

use crate::app_libraries::Library;

/// Digest of the sources of everything that decides what is found in an app.
const SOURCES: &str = env!("TIDEWAITER_SOURCES");

/// Bytes of a code file that are read at once.
const PIECE_LEN: usize = 1 << 20;

/// What the result of analysing `package` depends on; nothing if its code cannot be read through, since what is missing
/// today may be there tomorrow. `world` is what the rest of the image adds.
pub(crate) fn key(package: &Package, libraries: &[Library<'_>], knowledge: &Knowledge, world: &[u8]) -> Option<Key> {
    let mut key = KeyBuilder::new();
    key.part(SOURCES.as_bytes()).part(knowledge.digest().as_bytes()).part(world);
    key.part(package.path.as_bytes()).part(package.name.as_bytes()).part(&package.sha256);
    // Plain data without addresses: its debug text is as good as its bytes.
    key.part(format!("{:?}", package.components).as_bytes());
    key.part(format!("{:?} {}", package.application_class, package.has_code).as_bytes());
    // Hidden code is inside of the package, and so in its digest; without one nothing is known.
    if !package.hidden_files.is_empty() && package.sha256 == [0; 32] {
        return None;
    }
    for library in libraries {
        key.part(library.path.as_bytes()).part(&digest(library.source)?);
    }
    for file in &package.code_files {
        key.part(file.path.as_bytes()).part(&digest(&file.source)?);
    }
    Some(key.finish())
}

pub(crate) fn digest(source: &bytes::ByteSource) -> Option<[u8; 32]> {
    let budget = Budget::new(Limits::FILE);
    let mut digest = Sha256::new();
    let mut at = 0;
    while at < source.len() {
        let len = (source.len() - at).min(u64::try_from(PIECE_LEN).unwrap_or(u64::MAX));
        digest.update(source.slice(at, len, "code file").ok()?.to_vec(&budget, "code file").ok()?);
        at += len;
    }
    Some(digest.finalize().into())
}
