//! LZO1X with runs of zeros ("LZO-RLE"), as newer kernels pack blocks. Written from the Linux kernel's documentation, "LZO stream format as
//! understood by Linux's LZO decompressor".

use bytes::{Error, Result};

use crate::len64;

/// First byte of a stream whose second byte is its version.
const VERSION_MARK: u8 = 17;
/// Shortest stream that can have one.
const VERSIONED_LEN_MIN: usize = 5;
/// What stands for "four literals or more" where the number of literals before an instruction decides what it is.
const MANY: usize = 4;
const ZERO_RUN_LEN_MIN: usize = 4;

/// Unpacks `packed` to `unpacked`; how many bytes there were.
pub(crate) fn unpack(packed: &[u8], unpacked: &mut [u8]) -> Result<usize> {
    let mut stream = Stream { packed, next: 0, unpacked, made: 0 };
    let mut has_zero_runs = false;
    if packed.len() >= VERSIONED_LEN_MIN && packed.first() == Some(&VERSION_MARK) {
        (stream.next, has_zero_runs) = (1, stream.packed.get(1).is_some_and(|&version| version > 0));
        stream.next = 2;
    }
    let mut literals = 0;
    if let Some(&first) = packed.get(stream.next).filter(|&&first| first > VERSION_MARK) {
        stream.next = stream.next.saturating_add(1);
        let count = usize::from(first - VERSION_MARK);
        stream.literals(count)?;
        literals = count.min(MANY);
    }
    loop {
        let code = usize::from(stream.byte()?);
        if code < 16 && literals == 0 {
            let count = stream.long(code, 15)?.saturating_add(3);
            stream.literals(count)?;
            literals = MANY;
            continue;
        }
        let (distance, len);
        (distance, len, literals) = match code {
            0..16 => {
                let low = (code >> 2) | usize::from(stream.byte()?) << 2;
                if literals == MANY { (low + 0x801, 3, code & 3) } else { (low + 1, 2, code & 3) }
            }
            16..32 => {
                let is_zero_run =
                    has_zero_runs && code & 8 != 0 && stream.peek_pair().is_some_and(|pair| pair >= 0xfffc);
                if is_zero_run {
                    let pair = stream.pair()?;
                    let count = (code & 7) | usize::from(stream.byte()?) << 3;
                    stream.zeros(count + ZERO_RUN_LEN_MIN)?;
                    literals = pair & 3;
                    stream.literals(literals)?;
                    continue;
                }
                let len = stream.long(code & 7, 7)?.saturating_add(2);
                let pair = stream.pair()?;
                let distance = (code & 8) << 11 | pair >> 2;
                if distance == 0 {
                    return if len == 3 { Ok(stream.made) } else { Err(stream.corrupt()) };
                }
                (distance + 0x4000, len, pair & 3)
            }
            32..64 => {
                let len = stream.long(code & 31, 31)?.saturating_add(2);
                let pair = stream.pair()?;
                ((pair >> 2) + 1, len, pair & 3)
            }
            _ => {
                let low = (code >> 2 & 7) | usize::from(stream.byte()?) << 3;
                (low + 1, (code >> 5) + 1, code & 3)
            }
        };
        stream.repeat(distance, len)?;
        stream.literals(literals)?;
    }
}

struct Stream<'a> {
    packed: &'a [u8],
    next: usize,
    unpacked: &'a mut [u8],
    made: usize,
}

impl Stream<'_> {
    fn corrupt(&self) -> Error {
        Error::corrupt("LZO block", len64(self.next))
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.packed.get(self.next).ok_or_else(|| self.corrupt())?;
        self.next = self.next.saturating_add(1);
        Ok(byte)
    }

    fn peek_pair(&self) -> Option<usize> {
        let pair = self.packed.get(self.next..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*pair)))
    }

    fn pair(&mut self) -> Result<usize> {
        let pair = self.peek_pair().ok_or_else(|| self.corrupt())?;
        self.next = self.next.saturating_add(2);
        Ok(pair)
    }

    /// A length: `short`, or if that is zero what follows, as zeros for 255 each, the rest, and `base`.
    fn long(&mut self, short: usize, base: usize) -> Result<usize> {
        if short > 0 {
            return Ok(short);
        }
        let mut len = base;
        loop {
            match self.byte()? {
                0 => len = len.saturating_add(255),
                last => return Ok(len.saturating_add(usize::from(last))),
            }
        }
    }

    /// The place for `len` bytes more, with what stands before it.
    fn room(&mut self, len: usize) -> Result<(&mut [u8], &mut [u8])> {
        let error = self.corrupt();
        let (before, behind) = self.unpacked.split_at_mut_checked(self.made).ok_or(error)?;
        let room = behind.get_mut(..len).ok_or(error)?;
        self.made = self.made.saturating_add(len);
        Ok((before, room))
    }

    fn literals(&mut self, count: usize) -> Result<()> {
        let end = self.next.saturating_add(count);
        let literals = self.packed.get(self.next..end).ok_or_else(|| self.corrupt())?;
        self.room(count)?.1.copy_from_slice(literals);
        self.next = end;
        Ok(())
    }

    fn zeros(&mut self, count: usize) -> Result<()> {
        self.room(count)?.1.fill(0);
        Ok(())
    }

    /// What stands `distance` before is there again; what was written by it too.
    fn repeat(&mut self, distance: usize, len: usize) -> Result<()> {
        let error = self.corrupt();
        let start = self.made;
        self.room(len)?;
        let from = start.checked_sub(distance).ok_or(error)?;
        let mut done = 0_usize;
        while done < len {
            let step = distance.saturating_add(done).min(len.saturating_sub(done));
            self.unpacked.copy_within(from..from.saturating_add(step), start.saturating_add(done));
            done = done.saturating_add(step);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails loudly")]

    use super::*;

    fn unpacked(packed: &[u8], len: usize) -> Result<Vec<u8>> {
        let mut target = vec![0xee; len];
        let made = unpack(packed, &mut target)?;
        target.truncate(made);
        Ok(target)
    }

    #[test]
    fn runs_of_zeros_have_an_instruction_of_their_own_in_version_1() {
        // Version, three literals, a run of 4 + (2 | 3 << 3) zeros with one literal behind it, the end.
        let packed = [&[17, 1, 20][..], b"abc", &[0x1a, 0xfd, 0xff, 3], b"d", &[17, 0, 0]].concat();
        let expected = [&b"abc"[..], &[0; 30], b"d"].concat();
        assert_eq!(unpacked(&packed, 34), Ok(expected.clone()));
        assert_eq!(unpacked(&packed, 40), Ok(expected));
        assert!(unpacked(&packed, 33).is_err());
        for len in 0..packed.len() {
            assert!(unpacked(packed.get(..len).unwrap(), 34).is_err(), "{len}");
        }
        // In version 0 the same is a match that reaches back to before the start.
        let old = [&[17, 0][..], packed.get(2..).unwrap()].concat();
        assert!(unpacked(&old, 34).is_err());
    }
}
