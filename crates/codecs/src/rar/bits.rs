//! Bits of a block or a stream, the highest of each byte first, and the codes that are made of them.

use bytes::{ByteSource, Error, Result};

use crate::len64;

/// Longest code.
const CODE_LEN_MAX: usize = 15;

/// Bits from somewhere.
pub(super) trait Bits {
    /// The next 32 bits; zeros behind the last byte.
    fn peek(&mut self) -> Result<u32>;

    /// Goes on by `count` bits, at most 32.
    fn skip(&mut self, count: u32) -> Result<()>;

    fn corrupt(&self, what: &'static str) -> Error;

    /// Takes `count` bits, at most 32.
    fn take(&mut self, count: u32) -> Result<u32> {
        let value = self.peek()?.checked_shr(32_u32.saturating_sub(count)).unwrap_or(0);
        self.skip(count)?;
        Ok(value)
    }
}

/// The bits of a block that is in memory.
pub(super) struct BlockBits<'a> {
    bytes: &'a [u8],
    /// Number of the next bit, and of the first one behind the block.
    at: usize,
    end: usize,
    /// Where the block starts, for errors.
    offset: u64,
}

impl<'a> BlockBits<'a> {
    /// The block `bytes`, of whose last byte `last_bits` count.
    pub(super) const fn new(bytes: &'a [u8], last_bits: usize, offset: u64) -> Self {
        let end = bytes.len().saturating_sub(1).saturating_mul(8).saturating_add(last_bits);
        Self { bytes, at: 0, end, offset }
    }

    /// Whether all of the block was taken.
    pub(super) const fn is_at_end(&self) -> bool {
        self.at >= self.end
    }
}

impl Bits for BlockBits<'_> {
    #[inline]
    fn peek(&mut self) -> Result<u32> {
        let mut word = [0; 8];
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        for (target, &byte) in word.iter_mut().zip(rest.iter().take(5)) {
            *target = byte;
        }
        // Of eight bytes the first five are set; the shift is below eight, so the upper half has 32 bits that count.
        Ok(((u64::from_be_bytes(word) << (self.at % 8)) >> 32) as u32)
    }

    #[inline]
    fn skip(&mut self, count: u32) -> Result<()> {
        self.at = self.at.saturating_add(count as usize);
        // A block may not be read past its end: what stands there is another one.
        if self.at > self.end { Err(self.corrupt("RAR block")) } else { Ok(()) }
    }

    fn corrupt(&self, what: &'static str) -> Error {
        Error::corrupt(what, self.offset)
    }
}

/// Bytes of a stream that are in memory.
const WINDOW_LEN: usize = 32 << 10;

/// The bits of a stream.
pub(crate) struct StreamBits<'a> {
    source: &'a ByteSource,
    window: Vec<u8>,
    /// The next byte of the window, how many of it are filled, and where in the source the first one behind them is.
    next: usize,
    filled: usize,
    behind: u64,
    /// Bits that were read and not taken, from the highest on, and how many. What stands below them means nothing.
    held: u64,
    count: u32,
}

impl<'a> StreamBits<'a> {
    pub(super) fn new(source: &'a ByteSource) -> Self {
        Self { source, window: vec![0; WINDOW_LEN], next: 0, filled: 0, behind: 0, held: 0, count: 0 }
    }

    /// Where the next byte is.
    pub(crate) fn offset(&self) -> u64 {
        let ahead = self.filled.saturating_sub(self.next).saturating_add((self.count / 8) as usize);
        self.behind.saturating_sub(len64(ahead))
    }

    /// Takes the next eight bits.
    pub(crate) fn byte(&mut self) -> Result<u8> {
        self.take(8).map(|byte| byte as u8)
    }

    /// Goes on to the next whole byte.
    pub(super) fn align(&mut self) -> Result<()> {
        self.skip(self.count % 8)
    }

    /// Holds 32 bits, if there are so many.
    #[inline(never)]
    fn fill(&mut self) -> Result<()> {
        while self.count <= 56 {
            if self.next >= self.filled {
                self.next = 0;
                self.filled = self.source.read_some(self.behind, &mut self.window)?;
                self.behind = self.behind.saturating_add(len64(self.filled));
            }
            let Some(&byte) = self.window.get(self.next).filter(|_| self.next < self.filled) else { break };
            self.next = self.next.saturating_add(1);
            // The shift is 0 to 56.
            self.held |= u64::from(byte) << 56_u32.saturating_sub(self.count);
            self.count = self.count.saturating_add(8);
        }
        Ok(())
    }
}

impl Bits for StreamBits<'_> {
    #[inline]
    fn peek(&mut self) -> Result<u32> {
        if self.count < 32 {
            self.fill()?;
        }
        Ok((self.held >> 32) as u32)
    }

    #[inline]
    fn skip(&mut self, count: u32) -> Result<()> {
        let Some(left) = self.count.checked_sub(count) else {
            return Err(Error::truncated("RAR stream", self.source.len(), 1, 0));
        };
        self.count = left;
        self.held <<= count;
        Ok(())
    }

    fn corrupt(&self, what: &'static str) -> Error {
        Error::corrupt(what, self.offset())
    }
}

/// A canonical code: symbols by length, then by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Code {
    /// For each length the first code behind those of this length, on the left of sixteen bits, and where its symbols start.
    ends: [u32; CODE_LEN_MAX + 1],
    starts: [usize; CODE_LEN_MAX + 1],
    symbols: Vec<u16>,
    /// For the next eight bits the length and symbol of the code that they begin with; length zero if it is longer.
    short: Vec<(u8, u16)>,
}

const SHORT_LEN: u32 = 8;

impl Code {
    /// The code in which symbol `n` has the length `lengths[n]`; zero is a symbol that is not there.
    pub(super) fn new(lengths: &[u8]) -> Self {
        let mut code = Self::default();
        let mut next = 0_u32;
        for len in 1..=CODE_LEN_MAX {
            let start = code.symbols.len();
            let symbols = lengths.iter().enumerate().filter(|&(_, &known)| usize::from(known) == len);
            // At most a few hundred symbols.
            code.symbols.extend(symbols.map(|(symbol, _)| symbol as u16));
            let count = code.symbols.len().saturating_sub(start) as u32;
            next = next.saturating_add(count.checked_shl(16_u32.saturating_sub(len as u32)).unwrap_or(0));
            if let (Some(end), Some(place)) = (code.ends.get_mut(len), code.starts.get_mut(len)) {
                (*end, *place) = (next, start);
            }
        }
        code.short = (0..1_u32 << SHORT_LEN)
            .map(|bits| match code.find(bits << (16 - SHORT_LEN)) {
                Some((len, symbol)) if len <= SHORT_LEN => (len as u8, symbol),
                _ => (0, 0),
            })
            .collect();
        code
    }

    /// Length and symbol of the code that `bits`, sixteen of them, begin with.
    fn find(&self, bits: u32) -> Option<(u32, u16)> {
        let mut before = 0_u32;
        for (len, (&end, &start)) in self.ends.iter().zip(&self.starts).enumerate().skip(1) {
            if bits < end {
                let index = bits.saturating_sub(before).checked_shr(16_u32.saturating_sub(len as u32)).unwrap_or(0);
                let symbol = self.symbols.get(start.saturating_add(index as usize))?;
                return Some((len as u32, *symbol));
            }
            before = end;
        }
        None
    }

    /// The code of `N` symbols whose lengths come next: four bits each. Fifteen, and how many zeros; none of them is a length of
    /// fifteen.
    pub(super) fn of_lengths<const N: usize>(bits: &mut impl Bits) -> Result<Self> {
        let mut lengths = Vec::with_capacity(N);
        while lengths.len() < N {
            match bits.take(4)? {
                15 => match bits.take(4)? {
                    0 => lengths.push(15),
                    count => lengths.resize(lengths.len().saturating_add(count as usize + 2).min(N), 0),
                },
                // Four bits.
                len => lengths.push(len as u8),
            }
        }
        Ok(Self::new(&lengths))
    }

    /// Takes the next symbol.
    #[inline]
    pub(super) fn next(&self, bits: &mut impl Bits) -> Result<usize> {
        let peeked = bits.peek()?;
        let (len, symbol) = match self.short.get((peeked >> (32 - SHORT_LEN)) as usize) {
            Some(&(len, symbol)) if len > 0 => (u32::from(len), symbol),
            _ => self.find(peeked >> 16).ok_or_else(|| bits.corrupt("RAR code"))?,
        };
        bits.skip(len)?;
        Ok(usize::from(symbol))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails loudly")]

    use super::*;

    #[test]
    fn codes_are_canonical_and_bits_end_where_the_block_does() {
        // RFC 1951, 3.2.2: lengths 3, 3, 3, 3, 3, 2, 4, 4 give the codes 010, 011, 100, 101, 110, 00, 1110, 1111.
        let code = Code::new(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let mut bits = BlockBits::new(&[0b0101_0000, 0b1110_1111], 8, 0);
        for symbol in [0, 2] {
            assert_eq!(code.next(&mut bits).unwrap(), symbol);
        }
        assert_eq!(code.next(&mut bits).unwrap(), 5);
        assert_eq!((code.next(&mut bits).unwrap(), code.next(&mut bits).unwrap()), (6, 7));
        assert!(bits.is_at_end() && code.next(&mut bits).is_err());
        assert!(Code::new(&[0; 8]).next(&mut BlockBits::new(&[0; 4], 8, 0)).is_err());
    }
}
