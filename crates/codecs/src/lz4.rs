//! The beginning of an LZ4 block. EROFS and others read only as much of a block as they need, or end a block with
//! padding instead of telling its length; the library wants whole blocks. Written from the LZ4 project's "LZ4 Block
//! Format Description".

use bytes::{Error, Result};

use crate::len64;

/// Matches are at least this long.
const MATCH_LEN_MIN: usize = 4;
/// This value of a four-bit length says that more follows.
const LEN_CONTINUES: usize = 15;

/// Unpacks until `unpacked` is full or `packed` ends; the number of bytes produced. What follows in `packed` once
/// `unpacked` is full is not looked at.
pub(crate) fn unpack_prefix(packed: &[u8], unpacked: &mut [u8]) -> Result<usize> {
    let mut input = Input { bytes: packed, at: 0 };
    let mut len = 0_usize;
    while len < unpacked.len() {
        let token = usize::from(input.byte()?);
        let literals_len = input_len(&mut input, token >> 4)?;
        let literals = input.take(literals_len, unpacked.len().saturating_sub(len))?;
        let end = len.saturating_add(literals.len());
        unpacked.get_mut(len..end).ok_or(input.corrupt())?.copy_from_slice(literals);
        len = end;
        if len == unpacked.len() || input.at == packed.len() {
            break;
        }
        let distance = usize::from(input.byte()?) | (usize::from(input.byte()?) << 8);
        let match_len = input_len(&mut input, token & LEN_CONTINUES)?.saturating_add(MATCH_LEN_MIN);
        let end = len.saturating_add(match_len).min(unpacked.len());
        if distance == 0 || distance > len {
            return Err(input.corrupt());
        }
        // A match may reach into itself: each step copies what is there already, twice as much as the one before.
        let start = len.saturating_sub(distance);
        while len < end {
            let step = len.saturating_sub(start).min(end.saturating_sub(len));
            unpacked.copy_within(start..start.saturating_add(step), len);
            len = len.saturating_add(step);
        }
    }
    Ok(len)
}

/// A length of four bits, continued in further bytes if they are all set.
fn input_len(input: &mut Input<'_>, short: usize) -> Result<usize> {
    let mut len = short;
    if short == LEN_CONTINUES {
        loop {
            let more = input.byte()?;
            len = len.saturating_add(usize::from(more));
            if more != u8::MAX {
                break;
            }
        }
    }
    Ok(len)
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or(Error::truncated("LZ4 block", len64(self.at), 1, 0))?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    /// The next `len` bytes, or as many as are wanted of them.
    fn take(&mut self, len: usize, wanted: usize) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = len.min(wanted);
        let taken = rest
            .get(..len)
            .ok_or_else(|| Error::truncated("LZ4 literals", len64(self.at), len64(len), len64(rest.len())))?;
        self.at = self.at.saturating_add(len);
        Ok(taken)
    }

    fn corrupt(&self) -> Error {
        Error::corrupt("LZ4 match", len64(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "tide" and a match of eight at distance four, then "water" as last literals.
    const BLOCK: &[u8] = b"\x44tide\x04\x00\x50water";

    #[test]
    fn any_prefix_of_a_block_is_unpacked_and_padding_behind_it_is_not_read() {
        let whole = b"tidetidetidewater";
        for len in 0..=whole.len() {
            let mut unpacked = vec![0; len];
            assert_eq!(unpack_prefix(BLOCK, &mut unpacked), Ok(len));
            assert_eq!(unpacked, whole[..len]);
            let padded = [BLOCK, &[0; 9]].concat();
            assert_eq!(unpack_prefix(&padded, &mut unpacked), Ok(len));
        }
        assert_eq!(unpack_prefix(BLOCK, &mut [0; 40]), Ok(whole.len()));
    }

    #[test]
    fn a_match_before_the_start_and_cut_blocks_are_errors() {
        assert_eq!(unpack_prefix(b"\x10t\x02\x00", &mut [0; 9]), Err(Error::corrupt("LZ4 match", 4)));
        assert_eq!(unpack_prefix(b"\x10t\x00\x00", &mut [0; 9]), Err(Error::corrupt("LZ4 match", 4)));
        assert_eq!(unpack_prefix(b"\x40ti", &mut [0; 9]), Err(Error::truncated("LZ4 literals", 1, 4, 2)));
        assert_eq!(unpack_prefix(b"\xf0", &mut [0; 9]), Err(Error::truncated("LZ4 block", 1, 1, 0)));
    }
}
