//! Results on disk: one file for each, named by its key, checked by a digest when it is read.
//!
//! ```text
//! FOLDER/results/ab/cdef...   magic[8] sha256-of-payload[32] payload (postcard)
//! ```
//! A file is written beside its place and moved there whole, so a killed writer leaves no half result; two writers of the
//! same key write the same bytes. What cannot be read, is damaged, or was written by another version is no result: it is
//! made again.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::{Budget, ByteSource, Limits};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::Key;

/// First bytes of a result; the last one is the version of this layout.
const MAGIC: [u8; 8] = *b"TWRESLT\x01";
/// Bytes before the payload.
const HEADER_LEN: usize = 40;
/// Longest result that is kept: the facts of the largest apps have a few megabytes.
const RESULT_LEN_MAX: usize = 256 << 20;

/// Results in a folder.
#[derive(Debug)]
pub struct Results {
    folder: PathBuf,
    found: AtomicU64,
    made: AtomicU64,
    next: AtomicU64,
}

impl Results {
    /// The results below `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let folder = folder.join("results");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, found: AtomicU64::new(0), made: AtomicU64::new(0), next: AtomicU64::new(0) })
    }

    /// The result of `key`: kept, or made now and kept. That a result cannot be kept does not matter to who asks.
    pub fn get_or_make<T: Serialize + DeserializeOwned>(&self, key: Key, make: impl FnOnce() -> T) -> T {
        if let Some(result) = self.found(key) {
            return result;
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        let result = make();
        // A full disk costs time at the next scan, not this scan's answer.
        let _ = self.put(key, &result);
        result
    }

    /// A kept result of which only a name that is cheap to find is known, that of what it was read from ([`Self::note`]).
    #[must_use]
    pub fn get_noted<T: DeserializeOwned>(&self, cheap: Key) -> Option<T> {
        self.found(self.get(cheap)?)
    }

    /// Notes under a cheap name which result it stands for. Many cheap names may stand for one result.
    pub fn note(&self, cheap: Key, key: Key) {
        // As above: who cannot find it makes it again.
        let _ = self.put(cheap, &key);
    }

    fn found<T: DeserializeOwned>(&self, key: Key) -> Option<T> {
        let result = self.get(key)?;
        self.found.fetch_add(1, Ordering::Relaxed);
        Some(result)
    }

    /// How many results were found, and how many were made.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.found.load(Ordering::Relaxed), self.made.load(Ordering::Relaxed))
    }

    /// A kept result.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: Key) -> Option<T> {
        let source = ByteSource::open(&self.place(key)).ok()?;
        if source.len() > u64::try_from(RESULT_LEN_MAX).ok()? {
            return None;
        }
        let bytes = source.to_vec(&Budget::new(Limits::FILE), "stored result").ok()?;
        let (header, payload) = bytes.split_at_checked(HEADER_LEN)?;
        let (magic, digest) = header.split_at_checked(MAGIC.len())?;
        if magic != MAGIC || digest != Sha256::digest(payload).as_slice() {
            return None;
        }
        postcard::from_bytes(payload).ok()
    }

    /// Keeps a result.
    ///
    /// # Errors
    /// It cannot be written, or is too long.
    pub fn put<T: Serialize>(&self, key: Key, result: &T) -> io::Result<()> {
        let payload = postcard::to_allocvec(result).map_err(io::Error::other)?;
        if payload.len() > RESULT_LEN_MAX - HEADER_LEN {
            return Err(io::Error::other("the result is longer than what is kept"));
        }
        let place = self.place(key);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let beside = place.with_extension(format!("{}-{number}", std::process::id()));
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&Sha256::digest(&payload));
        bytes.extend_from_slice(&payload);
        fs::write(&beside, bytes)?;
        fs::rename(&beside, &place)
    }

    fn place(&self, key: Key) -> PathBuf {
        let hex = key.hex();
        let (first, rest) = hex.split_at(2);
        self.folder.join(first).join(rest)
    }
}
