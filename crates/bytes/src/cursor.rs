//! A forward reader over bytes already in memory.

use crate::{Error, Result};

/// Reads forward through a slice and knows where in the source it stands. No method can panic.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    offset: u64,
}

macro_rules! little_endian {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, what: &'static str) -> Result<$type> {
            self.array(what).map(<$type>::from_le_bytes)
        }
    )*};
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which start at `offset` of the source.
    #[must_use]
    pub const fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self { rest: bytes, offset }
    }

    /// A cursor that starts `at` bytes into `bytes`; `what` names what is expected there.
    pub fn at(bytes: &'a [u8], at: u64, what: &'static str) -> Result<Self> {
        let rest = usize::try_from(at).ok().and_then(|start| bytes.get(start..));
        rest.map(|rest| Self { rest, offset: at }).ok_or(Error::truncated(what, at, 1, 0))
    }

    /// Offset of the next byte, in the source.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes not yet taken.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything was taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes `len` bytes for the field `what`.
    pub fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8]> {
        let Some((head, tail)) = self.rest.split_at_checked(len) else {
            return Err(Error::truncated(what, self.offset, len64(len), len64(self.rest.len())));
        };
        self.rest = tail;
        self.offset = self.offset.saturating_add(len64(len));
        Ok(head)
    }

    /// Takes `N` bytes for the field `what`.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let Some((head, tail)) = self.rest.split_first_chunk::<N>() else {
            return Err(Error::truncated(what, self.offset, len64(N), len64(self.rest.len())));
        };
        self.rest = tail;
        self.offset = self.offset.saturating_add(len64(N));
        Ok(*head)
    }

    little_endian! {
        /// Takes one byte.
        u8: u8;
        /// Takes a little-endian `u16`.
        u16_le: u16;
        /// Takes a little-endian `u32`.
        u32_le: u32;
        /// Takes a little-endian `u64`.
        u64_le: u64;
        /// Takes a little-endian `i32`.
        i32_le: i32;
    }

    /// Takes an unsigned LEB128 of at most five bytes, as DEX files use it.
    pub fn uleb128(&mut self, what: &'static str) -> Result<u32> {
        let start = self.offset;
        let mut value = 0_u64;
        for shift in [0_u32, 7, 14, 21, 28] {
            let byte = self.u8(what)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // Bits past 32 are dropped, as the platform's reader does.
                return Ok((value & 0xffff_ffff) as u32);
            }
        }
        Err(Error::corrupt(what, start))
    }

    /// Takes a signed LEB128 of at most five bytes.
    pub fn sleb128(&mut self, what: &'static str) -> Result<i32> {
        let start = self.offset;
        let mut value = 0_i64;
        for shift in [0_u32, 7, 14, 21, 28] {
            let byte = self.u8(what)?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let unused = 64_u32.saturating_sub(shift.saturating_add(7));
                return Ok(((value << unused) >> unused) as i32);
            }
        }
        Err(Error::corrupt(what, start))
    }
}

/// `usize` is at most 64 bits on every platform this is built for.
#[must_use]
pub(crate) fn len64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leb128_follows_the_dex_document() {
        let cases: [(&[u8], u32, i32); 5] = [
            (&[0x00], 0, 0),
            (&[0x01], 1, 1),
            (&[0x7f], 127, -1),
            (&[0x80, 0x7f], 16256, -128),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], u32::MAX, -1),
        ];
        for (bytes, unsigned, signed) in cases {
            assert_eq!(Cursor::new(bytes, 0).uleb128("u"), Ok(unsigned));
            assert_eq!(Cursor::new(bytes, 0).sleb128("s"), Ok(signed));
        }
    }

    #[test]
    fn an_endless_leb128_is_corrupt_and_a_cut_one_truncated() {
        assert_eq!(Cursor::new(&[0x80; 9], 7).uleb128("u"), Err(Error::corrupt("u", 7)));
        assert_eq!(Cursor::new(&[0x80], 7).uleb128("u"), Err(Error::truncated("u", 8, 1, 0)));
    }
}
