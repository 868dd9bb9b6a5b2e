//! LZMA in its two file formats: xz, and the older .lzma without checks. Met as packed ramdisks, data of block updates,
//! operations of payloads and firmware archives. The decoder is a library; here are its bounds.

use std::io::Read;

use bytes::{Error, Limit, Result};
use lzma_rust2::{Lzma2Reader, LzmaReader, XzReader};

use crate::input::{Input, Output};

/// Longest dictionary: four times that of the strongest preset of xz(1).
pub(crate) const DICTIONARY_LEN_MAX: u32 = 256 << 20;
/// What a decoder may allocate, in KiB: the dictionary and its tables.
pub(crate) const MEMORY_KIB_MAX: u32 = (DICTIONARY_LEN_MAX >> 10) + 1024;

pub(crate) const XZ_MARK: &[u8] = b"\xfd7zXZ\0";

pub(crate) fn check_dictionary(dictionary_len: u32) -> Result<()> {
    if dictionary_len > DICTIONARY_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "lzma dictionary", 0));
    }
    Ok(())
}

/// One xz stream after the other, with zero padding between them.
pub(crate) fn xz(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    loop {
        let result = crate::stream::drain(&mut XzReader::new_mem_limit(&mut *input, false, MEMORY_KIB_MAX), output);
        result.map_err(|why| why.told(input, "xz stream"))?;
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
    let mut header = [0; 13];
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
    let result = crate::stream::drain(&mut Lzma2Reader::new(&mut *input, dictionary_len, None), output);
    result.map_err(|why| why.told(input, "lzma2 stream"))
}

/// The longest dictionary that so many bytes need; LZMA has none of less than 4 KiB.
fn bound(unpacked_len: u64) -> u32 {
    u32::try_from(unpacked_len).unwrap_or(u32::MAX).max(4096)
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
    let reader = LzmaReader::new_with_props(&mut *input, unpacked_len, properties, dictionary_len, None);
    let mut reader = reader.map_err(|_| Error::corrupt("lzma header", 0))?;
    // What was made before an error counts.
    reader.set_defer_errors(true);
    let result = crate::stream::drain(&mut reader, output);
    result.map_err(|why| why.told(input, "lzma stream"))
}

fn split(rest: [u8; 12]) -> (u32, u64) {
    let [a, b, c, d, unpacked_len @ ..] = rest;
    (u32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(unpacked_len))
}
