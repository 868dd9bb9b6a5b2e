//! LZMA in its two file formats: xz, and the older .lzma without checks. Met as packed ramdisks, data of block updates,
//! operations of payloads and firmware archives, and block by block in file systems.
//!
//! The decoder is our own: what dominates the time of opening such an image is worth one that unpacks straight to where
//! the bytes are wanted ([docs/benchmarks.md](../../../../docs/benchmarks.md#opening-images)).

mod check;
mod lzma1;
mod lzma2;
mod model;
mod range;
mod window;
mod xz;

use std::io::{self, Read};

use bytes::{ByteSource, Error, Limit, Result};

use self::{lzma1::Lzma, lzma2::Lzma2, model::Properties};
use crate::{
    input::{Input, Output},
    len64,
    stream::Why,
};

/// Longest dictionary: four times that of the strongest preset of xz(1). Half of it again is taken, so that little is
/// moved, once so much was unpacked.
const DICTIONARY_LEN_MAX: u32 = 256 << 20;
/// Longest dictionary of a block of a file system: that of the strongest preset of xz(1).
const BLOCK_DICTIONARY_LEN_MAX: u32 = 64 << 20;
/// Length of the header of `.lzma` files: properties, dictionary length, unpacked length.
const HEADER_LEN: usize = 13;
/// Most bytes given away at a time.
const PIECE_LEN: usize = 64 << 10;

pub(crate) const XZ_MARK: &[u8] = b"\xfd7zXZ\0";

/// A stream that unpacks piece by piece.
trait Pieces {
    /// The next bytes; none at the end.
    fn next_piece(&mut self) -> io::Result<&[u8]>;
}

/// What no packer writes.
fn corrupt() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Gives all pieces to `output`.
fn drain(stream: &mut dyn Pieces, output: &mut Output<'_>) -> std::result::Result<(), Why> {
    loop {
        let piece = stream.next_piece().map_err(Why::Decoder)?;
        if piece.is_empty() {
            return Ok(());
        }
        for part in piece.chunks(PIECE_LEN) {
            output.put(part, "packed stream", 0).map_err(Why::Output)?;
        }
    }
}

fn check_dictionary(dictionary_len: u32) -> Result<()> {
    if dictionary_len > DICTIONARY_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "lzma dictionary", 0));
    }
    Ok(())
}

/// One xz stream after the other, with zero padding between them.
pub(crate) fn xz(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    loop {
        xz::stream(input, output, DICTIONARY_LEN_MAX)?;
        while input.peek_u32() == Some(0) {
            input.skip(4);
        }
        if !input.has_next(XZ_MARK) {
            return Ok(());
        }
    }
}

/// One .lzma stream.
pub(crate) fn alone(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    let mut header = [0; HEADER_LEN];
    input.read_exact(&mut header).map_err(|error| input.told(&error, "lzma header"))?;
    let [properties, rest @ ..] = header;
    let (dictionary_len, unpacked_len) = split(rest);
    check_dictionary(dictionary_len)?;
    bare(input, output, properties, dictionary_len, unpacked_len)
}

/// One LZMA2 stream without a header.
pub(crate) fn lzma2(input: &mut Input<'_>, output: &mut Output<'_>, dictionary_len: u32) -> Result<()> {
    // A dictionary longer than all of the output is never used up.
    let dictionary_len = dictionary_len.min(bound(output.len_max));
    check_dictionary(dictionary_len)?;
    let result = drain(&mut Lzma2::new(&mut *input, dictionary_len), output);
    result.map_err(|why| why.told(input, "lzma2 stream"))
}

/// The longest dictionary that so many bytes need.
fn bound(unpacked_len: u64) -> u32 {
    u32::try_from(unpacked_len).unwrap_or(u32::MAX)
}

/// One LZMA stream without a header.
pub(crate) fn bare(
    input: &mut Input<'_>,
    output: &mut Output<'_>,
    properties: u8,
    dictionary_len: u32,
    unpacked_len: u64,
) -> Result<()> {
    let dictionary_len = dictionary_len.min(bound(output.len_max));
    check_dictionary(dictionary_len)?;
    let properties = Properties::new(properties).ok_or(Error::corrupt("lzma header", 0))?;
    let mut stream = Lzma::new(&mut *input, properties, dictionary_len, known(unpacked_len));
    let result = drain(&mut stream, output);
    result.map_err(|why| why.told(input, "lzma stream"))
}

/// All ones say that the length is not known: a mark ends the stream.
fn known(unpacked_len: u64) -> Option<u64> {
    Some(unpacked_len).filter(|&len| len != u64::MAX)
}

fn split(rest: [u8; 12]) -> (u32, u64) {
    let [a, b, c, d, unpacked_len @ ..] = rest;
    (u32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(unpacked_len))
}

/// Unpacks a block with the header of `.lzma` files to `unpacked`, until that is full.
pub(crate) fn block(packed: &[u8], unpacked: &mut [u8]) -> Result<usize> {
    let needed = HEADER_LEN.saturating_add(5);
    let Some((&[properties, rest @ ..], stream)) = packed.split_first_chunk::<HEADER_LEN>() else {
        return Err(Error::truncated("LZMA header", 0, len64(needed), len64(packed.len())));
    };
    let Some((&head, stream)) = stream.split_first_chunk() else {
        return Err(Error::truncated("LZMA block", 0, len64(needed), len64(packed.len())));
    };
    let properties = Properties::new(properties).ok_or(Error::corrupt("LZMA properties", 0))?;
    let (_, unpacked_len) = split(rest);
    lzma1::unpack(properties, head, stream, known(unpacked_len), unpacked)
}

/// The same for an LZMA stream whose first byte, otherwise zero, holds the inverted properties. It has no end mark, and
/// perhaps more than is wanted.
pub(crate) fn micro_block(packed: &[u8], unpacked: &mut [u8]) -> Result<usize> {
    let Some((&[inverted, a, b, c, d], stream)) = packed.split_first_chunk() else {
        return Err(Error::truncated("LZMA properties", 0, 5, len64(packed.len())));
    };
    let properties = Properties::new(!inverted).ok_or(Error::corrupt("LZMA properties", 0))?;
    lzma1::unpack(properties, [0, a, b, c, d], stream, None, unpacked)
}

/// The same for an xz stream; what it has beyond the length of `unpacked` is not wanted.
pub(crate) fn xz_block(packed: &[u8], unpacked: &mut [u8]) -> Result<usize> {
    let source = ByteSource::from_bytes(packed.to_vec());
    let (mut len, mut is_full) = (0_usize, false);
    let mut sink = |bytes: &[u8]| {
        let rest = unpacked.get_mut(len..).unwrap_or_default();
        let (target, left) = rest.split_at_mut(bytes.len().min(rest.len()));
        target.copy_from_slice(bytes.get(..target.len()).unwrap_or_default());
        len = len.saturating_add(target.len());
        // Behind the last byte come the check and the end; what is longer is of no interest.
        is_full = left.is_empty() && target.len() < bytes.len();
        if is_full { Err(Error::limit(Limit::UnpackedBytes, "xz block", 0)) } else { Ok(()) }
    };
    let mut output = Output { sink: &mut sink, len: 0, len_max: u64::MAX };
    let result = xz::stream(&mut Input::new(&source), &mut output, BLOCK_DICTIONARY_LEN_MAX);
    if is_full { Ok(len) } else { result.map(|()| len) }
}
