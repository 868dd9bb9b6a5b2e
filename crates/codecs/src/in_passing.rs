//! Checksums of a whole that is read piece by piece, compared by the way.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::{ByteSource, Error, ReadAt, Result};

use crate::len64;

/// A checksum in the making, and what it should be.
pub trait Checksum: Clone + Send + Sync + 'static {
    /// Goes on with `bytes`.
    fn update(&mut self, bytes: &[u8]);

    /// Whether that of all bytes so far is the expected one.
    fn is_right(&self) -> bool;
}

/// `source`, whose checksum, `fresh` so far, is made on the way by whoever reads it from front to back, and compared with its last
/// bytes: those are then `error` instead. Any other way of reading compares nothing. Whoever begins anew, with the first byte, begins
/// the checksum anew.
#[must_use]
pub fn verified_in_passing(source: ByteSource, fresh: impl Checksum, error: Error) -> ByteSource {
    let progress = Mutex::new((0, fresh.clone()));
    ByteSource::new(Arc::new(InPassing { source, fresh, error, next: AtomicU64::new(0), progress }))
}

struct InPassing<C> {
    source: ByteSource,
    fresh: C,
    error: Error,
    /// Where the checksum goes on; those who read elsewhere do not wait for each other.
    next: AtomicU64,
    /// The same, and the checksum.
    progress: Mutex<(u64, C)>,
}

impl<C: Checksum> ReadAt for InPassing<C> {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn stored_at(&self, offset: u64) -> u64 {
        self.source.stored_from(offset)
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        self.source.read(offset, target, "verified bytes")?;
        if offset != 0 && offset != self.next.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, checksum) = &mut *progress;
        if offset == 0 {
            (*next, *checksum) = (0, self.fresh.clone());
        }
        if *next != offset {
            return Ok(());
        }
        checksum.update(target);
        *next = next.saturating_add(len64(target.len()));
        self.next.store(*next, Ordering::Relaxed);
        if *next == self.source.len() && !checksum.is_right() {
            return Err(self.error);
        }
        Ok(())
    }
}
