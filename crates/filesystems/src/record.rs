//! Fields at fixed places of a structure already in memory. Which byte order a field has is said by the method that
//! reads it.

use bytes::{Cursor, Error, Result};

/// A structure in memory and its place in the image, so that errors can name the byte that is wrong.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    bytes: &'a [u8],
    offset: u64,
}

impl<'a> Record<'a> {
    /// `bytes`, which start at `offset` of the image.
    pub(crate) const fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self { bytes, offset }
    }

    /// Place in the image of the byte `at` of the structure.
    pub(crate) fn offset_of(self, at: usize) -> u64 {
        self.offset.saturating_add(len64(at))
    }

    /// Number of bytes.
    pub(crate) const fn len(self) -> usize {
        self.bytes.len()
    }

    /// The `len` bytes from `at`.
    pub(crate) fn bytes(self, at: usize, len: usize, what: &'static str) -> Result<&'a [u8]> {
        self.cursor(at, what)?.take(len, what)
    }

    /// The part from `at` to the end.
    pub(crate) fn tail(self, at: usize, what: &'static str) -> Result<Self> {
        Ok(Self { bytes: self.cursor(at, what)?.rest(), offset: self.offset_of(at) })
    }

    /// The `len` bytes from `at` as a structure of their own.
    pub(crate) fn part(self, at: usize, len: usize, what: &'static str) -> Result<Self> {
        Ok(Self { bytes: self.bytes(at, len, what)?, offset: self.offset_of(at) })
    }

    /// The byte at `at`.
    pub(crate) fn u8(self, at: usize, what: &'static str) -> Result<u8> {
        self.cursor(at, what)?.u8(what)
    }

    /// The little-endian 16-bit number at `at`.
    pub(crate) fn u16(self, at: usize, what: &'static str) -> Result<u16> {
        self.cursor(at, what)?.u16_le(what)
    }

    /// The little-endian 32-bit number at `at`.
    pub(crate) fn u32(self, at: usize, what: &'static str) -> Result<u32> {
        self.cursor(at, what)?.u32_le(what)
    }

    /// The little-endian 64-bit number at `at`.
    pub(crate) fn u64(self, at: usize, what: &'static str) -> Result<u64> {
        self.cursor(at, what)?.u64_le(what)
    }

    fn cursor(self, at: usize, what: &'static str) -> Result<Cursor<'a>> {
        let offset = self.offset_of(at);
        let rest = self.bytes.get(at..).ok_or(Error::truncated(what, offset, 1, 0))?;
        Ok(Cursor::new(rest, offset))
    }
}

/// `usize` is at most 64 bits on every platform this is built for.
pub(crate) fn len64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// A length that is known to fit into memory as a `usize`; one that does not is longer than anything there is.
pub(crate) fn to_usize(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// The number whose lower half is `low` and whose upper half is `high`.
pub(crate) const fn join32(low: u32, high: u32) -> u64 {
    // Widening only; `u64::from` is not const.
    (low as u64) | ((high as u64) << 32)
}
