//! Raw blocks, as file systems pack their files: a block is in memory, so is the place for what it unpacks to, and
//! that place is the bound. No library is given a length that the image declares.

use std::{cell::Cell, io::Read as _};

use bytes::{Error, Result};
use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::{len64, lz4, lzma, lzo_rle};

/// How a block is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// An LZ4 block that ends where the packed bytes do.
    Lz4,
    /// An LZ4 block with something behind it: its end is known only by what it unpacks to.
    Lz4Padded,
    /// LZO1X.
    Lzo,
    /// LZO1X with runs of zeros, as newer kernels pack with it.
    LzoRle,
    /// Deflate without anything around it (RFC 1951).
    Deflate,
    /// Deflate with a zlib header (RFC 1950).
    Zlib,
    /// An LZMA stream whose first byte, otherwise zero, holds the inverted properties: XZ Embedded's MicroLZMA.
    MicroLzma,
    /// LZMA with the thirteen-byte header of `.lzma` files.
    Lzma,
    /// An xz container.
    Xz,
    /// A Zstandard frame.
    Zstd,
}

/// Largest window of a Zstandard frame: with it a decoder's memory is bounded.
const ZSTD_WINDOW_LEN_MAX: u64 = 16 << 20;

/// Unpacks `packed` until `unpacked` is full or the block ends; the number of bytes produced. Offsets in errors count
/// from the start of `packed`.
pub fn unpack_block(method: Method, packed: &[u8], unpacked: &mut [u8]) -> Result<usize> {
    match method {
        Method::Lz4 => match lz4_flex::block::decompress_into(packed, unpacked) {
            Ok(len) => Ok(len),
            // The block may go on where `unpacked` ends.
            Err(_) => lz4::unpack_prefix(packed, unpacked),
        },
        Method::Lz4Padded => lz4::unpack_prefix(packed, unpacked),
        Method::Lzo => lzokay::decompress::decompress(packed, unpacked).map_err(|_| Error::corrupt("LZO block", 0)),
        Method::LzoRle => lzo_rle::unpack(packed, unpacked),
        Method::Deflate => inflate(packed, unpacked, false),
        Method::Zlib => inflate(packed, unpacked, true),
        Method::MicroLzma => lzma::micro_block(packed, unpacked),
        Method::Lzma => lzma::block(packed, unpacked),
        Method::Xz => lzma::xz_block(packed, unpacked),
        Method::Zstd => zstd(packed, unpacked),
    }
}

fn inflate(packed: &[u8], unpacked: &mut [u8], zlib: bool) -> Result<usize> {
    let mut inflater = Decompress::new(zlib);
    let corrupt = |inflater: &Decompress| Error::corrupt("deflate block", inflater.total_in());
    let status = inflater.decompress(packed, unpacked, FlushDecompress::Finish).map_err(|_| corrupt(&inflater))?;
    let len = usize::try_from(inflater.total_out()).unwrap_or(0);
    // A stream that neither ended nor filled its place wants bytes that are not there.
    if status != Status::StreamEnd && len < unpacked.len() {
        return Err(Error::truncated("deflate block", len64(packed.len()), 1, 0));
    }
    Ok(len)
}

thread_local! {
    static ZSTD_DECODER: Cell<Option<FrameDecoder>> = const { Cell::new(None) };
}

fn zstd(packed: &[u8], unpacked: &mut [u8]) -> Result<usize> {
    const WHAT: &str = "Zstandard block";
    let mut input = packed;
    // Its tables are larger than most blocks, so each thread keeps one.
    let mut decoder = ZSTD_DECODER.with(Cell::take).unwrap_or_default();
    decoder.set_max_window_size(ZSTD_WINDOW_LEN_MAX);
    decoder.init(&mut input).map_err(|_| Error::corrupt("Zstandard header", 0))?;
    let mut len = 0_usize;
    loop {
        if !decoder.is_finished() {
            let left = len64(packed.len().saturating_sub(input.len()));
            let step = decoder.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1));
            step.map_err(|_| Error::corrupt(WHAT, left))?;
        }
        // What a later block may refer to stays in the decoder until the frame ends.
        let rest = unpacked.get_mut(len..).unwrap_or_default();
        len = len.saturating_add(decoder.read(rest).map_err(|_| Error::corrupt(WHAT, 0))?);
        if len >= unpacked.len() || decoder.is_finished() {
            ZSTD_DECODER.with(|kept| kept.set(Some(decoder)));
            return Ok(len);
        }
    }
}
