//! Sources whose digest is known from elsewhere and compared when they are read.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::{ByteSource, Error, ReadAt, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256, digest::Output};

/// Bytes hashed at a time.
const WINDOW_LEN: usize = 64 << 10;

/// A digest that bytes must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Sha256([u8; 32]),
    Sha1([u8; 20]),
    Crc32(u32),
}

impl Expected {
    /// Whether `source` has it. Reads everything.
    pub(crate) fn is_of(self, source: &ByteSource) -> Result<bool> {
        Ok(match self {
            Self::Sha256(digest) => digest_of::<Sha256>(source)?[..] == digest,
            Self::Sha1(digest) => digest_of::<Sha1>(source)?[..] == digest,
            Self::Crc32(sum) => {
                let mut checksum = codecs::Crc32::default();
                each(source, &mut |bytes| checksum.update(bytes))?;
                checksum.value() == sum
            }
        })
    }
}

fn digest_of<D: Digest>(source: &ByteSource) -> Result<Output<D>> {
    let mut hash = D::new();
    each(source, &mut |bytes| hash.update(bytes))?;
    Ok(hash.finalize())
}

/// Gives all of `source` to `sink`, piece by piece.
fn each(source: &ByteSource, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
    let mut window = vec![0; WINDOW_LEN];
    let mut offset = 0;
    while offset < source.len() {
        let count = source.read_some(offset, &mut window)?;
        sink(window.get(..count).unwrap_or_default());
        offset = offset.saturating_add(count as u64);
    }
    Ok(())
}

/// `source`, of which nothing is given out before all of it matched `expected`. For pieces of megabytes: the first read
/// reads everything. `error` is what a mismatch is told as.
pub(crate) fn verified(source: ByteSource, expected: Expected, error: Error) -> ByteSource {
    ByteSource::new(Arc::new(Verified {
        source,
        expected,
        error,
        state: Mutex::new(None),
        is_good: AtomicBool::new(false),
    }))
}

struct Verified {
    source: ByteSource,
    expected: Expected,
    error: Error,
    state: Mutex<Option<Result<()>>>,
    is_good: AtomicBool,
}

impl Verified {
    fn check(&self) -> Result<()> {
        if self.is_good.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = *state {
            return result;
        }
        let result = self.expected.is_of(&self.source);
        let result = result.and_then(|is_of| if is_of { Ok(()) } else { Err(self.error) });
        self.is_good.store(result.is_ok(), Ordering::Release);
        *state = Some(result);
        result
    }
}

impl ReadAt for Verified {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn stored_at(&self, offset: u64) -> u64 {
        self.source.stored_from(offset)
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        self.check()?;
        self.source.read(offset, target, "verified bytes")
    }
}

/// `source`, whose digest is compared if somebody reads it from front to back: see [`codecs::verified_in_passing`].
pub(crate) fn verified_in_passing(source: ByteSource, sha256: [u8; 32], error: Error) -> ByteSource {
    codecs::verified_in_passing(source, Sha256InPassing { hash: Sha256::new(), expected: sha256 }, error)
}

#[derive(Clone)]
struct Sha256InPassing {
    hash: Sha256,
    expected: [u8; 32],
}

impl codecs::Checksum for Sha256InPassing {
    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    fn is_right(&self) -> bool {
        self.hash.clone().finalize()[..] == self.expected
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails loudly")]

    use super::*;

    #[test]
    fn a_digest_that_differs_is_an_error_of_the_first_read_or_of_the_last() {
        let bytes = ByteSource::from_bytes(b"tidewaiter".to_vec());
        let good: [u8; 32] = Sha256::digest(b"tidewaiter").into();
        let error = Error::checksum("digest", 7);
        let other = Expected::Sha1(Sha1::digest(b"tidewaiter").into());
        for right in [Expected::Sha256(good), other] {
            assert_eq!(&verified(bytes.clone(), right, error).array::<4>(0, "x").unwrap(), b"tide");
        }
        for wrong in [Expected::Sha256([0; 32]), Expected::Sha1([0; 20])] {
            assert_eq!(verified(bytes.clone(), wrong, error).array::<4>(0, "x"), Err(error));
        }
        for sum in [good, [0; 32]] {
            let source = verified_in_passing(bytes.clone(), sum, error);
            for _ in 0..2 {
                assert_eq!(&source.array::<4>(0, "x").unwrap(), b"tide");
                assert_eq!(source.array::<6>(4, "x").is_ok(), sum == good);
            }
            // Who looks elsewhere first, and then reads all of it, is told all the same.
            assert_eq!(&source.array::<5>(5, "x").unwrap(), b"aiter");
            assert_eq!(source.array::<10>(0, "x").is_ok(), sum == good);
        }
    }
}
