//! The two range coders under PPMd: which part of the range the packed bytes point into.

use bytes::{Error, Result};

use super::byte;
use crate::{input::Input, rar::StreamBits};

/// What a model asks of a range coder. Totals are those of frequencies and below 2^16.
pub(crate) trait Range {
    /// Where in a range of `total` parts the packed bytes point.
    fn threshold(&mut self, total: u32) -> u32;
    /// Takes the `len` parts from `start` on.
    fn take(&mut self, start: u32, len: u32) -> Result<()>;
    /// Takes the first `zero_len` of `1 << total_bits` parts, or the others; whether it was the others.
    fn bit(&mut self, zero_len: u32, total_bits: u32) -> Result<bool>;
    /// What the packed bytes say is impossible.
    fn corrupt(&self, what: &'static str) -> Error;
}

/// Below this a range takes another byte.
const TOP: u32 = 1 << 24;
/// Below this the range of RAR is cut so that no carry can come.
const BOTTOM: u32 = 1 << 15;
const WHAT: &str = "PPMd stream";

/// The range coder of 7z: that of LZMA.
pub(super) struct SevenZipRange<'a, 'b> {
    input: &'a mut Input<'b>,
    range: u32,
    code: u32,
}

impl<'a, 'b> SevenZipRange<'a, 'b> {
    pub(super) fn new(input: &'a mut Input<'b>) -> Result<Self> {
        let [zero, code @ ..] = input.take::<5>(WHAT)?;
        if zero != 0 {
            return Err(Error::corrupt(WHAT, 0));
        }
        Ok(Self { input, range: u32::MAX, code: u32::from_be_bytes(code) })
    }

    fn normalize(&mut self) -> Result<()> {
        // Two bytes at most: a range is divided by less than 2^16.
        while self.range < TOP && self.range > 0 {
            self.code = self.code << 8 | u32::from(byte(self.input, WHAT)?);
            self.range <<= 8;
        }
        Ok(())
    }
}

impl Range for SevenZipRange<'_, '_> {
    fn threshold(&mut self, total: u32) -> u32 {
        self.range /= total.max(1);
        self.code.checked_div(self.range).unwrap_or(u32::MAX)
    }

    fn take(&mut self, start: u32, len: u32) -> Result<()> {
        self.code = self.code.wrapping_sub(start.wrapping_mul(self.range));
        self.range = self.range.wrapping_mul(len);
        self.normalize()
    }

    fn bit(&mut self, zero_len: u32, total_bits: u32) -> Result<bool> {
        let bound = (self.range >> total_bits).wrapping_mul(zero_len);
        let is_one = self.code >= bound;
        if is_one {
            self.code = self.code.wrapping_sub(bound);
            self.range = self.range.wrapping_sub(bound);
        } else {
            self.range = bound;
        }
        self.normalize()?;
        Ok(is_one)
    }

    fn corrupt(&self, what: &'static str) -> Error {
        Error::corrupt(what, self.input.offset())
    }
}

/// Where the range coder of RAR stands between two symbols. It has no carry: D. Subbotin, 1999.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RarCoder {
    low: u32,
    /// How far behind `low` the packed bytes point.
    code: u32,
    range: u32,
}

impl RarCoder {
    pub(crate) fn new(bits: &mut StreamBits<'_>) -> Result<Self> {
        let mut code = 0;
        for _ in 0..4 {
            code = code << 8 | u32::from(bits.byte()?);
        }
        Ok(Self { low: 0, code, range: u32::MAX })
    }
}

/// The range coder of RAR and where its bytes come from.
pub(crate) struct RarRange<'a, 'b> {
    pub(crate) coder: &'a mut RarCoder,
    pub(crate) bits: &'a mut StreamBits<'b>,
}

impl Range for RarRange<'_, '_> {
    fn threshold(&mut self, total: u32) -> u32 {
        self.coder.range /= total.max(1);
        self.coder.code.checked_div(self.coder.range).unwrap_or(u32::MAX)
    }

    fn take(&mut self, start: u32, len: u32) -> Result<()> {
        let coder = &mut *self.coder;
        let start = start.wrapping_mul(coder.range);
        coder.low = coder.low.wrapping_add(start);
        coder.code = coder.code.wrapping_sub(start);
        coder.range = coder.range.wrapping_mul(len);
        loop {
            if coder.low ^ coder.low.wrapping_add(coder.range) >= TOP {
                if coder.range >= BOTTOM {
                    return Ok(());
                }
                coder.range = 0_u32.wrapping_sub(coder.low) & (BOTTOM - 1);
            }
            // Each turn takes a byte, so it ends with the packed bytes.
            coder.code = coder.code << 8 | u32::from(self.bits.byte()?);
            coder.range <<= 8;
            coder.low <<= 8;
        }
    }

    fn bit(&mut self, zero_len: u32, total_bits: u32) -> Result<bool> {
        let total = 1 << total_bits;
        let is_one = self.threshold(total) >= zero_len;
        if is_one {
            self.take(zero_len, total.wrapping_sub(zero_len))?;
        } else {
            self.take(0, zero_len)?;
        }
        Ok(is_one)
    }

    fn corrupt(&self, what: &'static str) -> Error {
        Error::corrupt(what, self.bits.offset())
    }
}
