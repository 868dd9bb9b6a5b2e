//! Streams: packed bytes that say themselves where they end, unpacked from front to back.

use std::io::{self, BufRead, Read};

use brotli_decompressor::{BrotliDecoderParameter, Decompressor};
use bytes::{Budget, ByteSource, Error, Limit, Result, Spool};
use bzip2::{Decompress, Status};
use ruzstd::decoding::StreamingDecoder;

use crate::{
    Filter, Method, Wrapping, filter, inflate_each,
    input::{Input, Output},
    len64, lz4_frame, lzma, lzop,
    member::MEMORY_LEN_MAX,
    ppmd, unpack_block,
};

/// Bytes unpacked at a time.
const WINDOW_LEN: usize = 64 << 10;
/// Longest block that is packed on its own.
const BLOCK_LEN_MAX: u64 = 64 << 20;
const ZSTD_MARK: u32 = 0xfd2f_b528;
/// Frames of user data in Zstandard and LZ4: sixteen marks from this one on.
const SKIPPABLE_MARK: u32 = 0x184d_2a50;

/// How a stream is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Deflate in one of its wrappings.
    Deflate(Wrapping),
    /// xz, one or more streams.
    Xz,
    /// The .lzma format.
    LzmaAlone,
    /// LZMA without a header: what a header would say is known from elsewhere.
    Lzma {
        /// The properties, as one byte.
        properties: u8,
        /// Length of the dictionary.
        dictionary_len: u32,
        /// Length of what it unpacks to.
        unpacked_len: u64,
    },
    /// LZMA2 without a header.
    Lzma2 {
        /// Length of the dictionary.
        dictionary_len: u32,
    },
    /// PPMd, variant H, with the range coder of 7z: no header either.
    Ppmd {
        /// Bytes that a context has at most.
        order: u8,
        /// Memory of the model.
        memory_len: u32,
        /// Length of what it unpacks to.
        unpacked_len: u64,
    },
    /// bzip2, one or more streams.
    Bzip2,
    /// Zstandard, one or more frames.
    Zstd,
    /// LZ4, one or more frames, of the present or of the legacy format.
    Lz4,
    /// Brotli. It has no mark.
    Brotli,
    /// The file format of lzop(1).
    Lzop,
    /// One block whose unpacked length is known from elsewhere.
    Block(Method),
    /// Nothing is packed, but a filter was laid over the bytes.
    Filter(Filter),
}

impl Codec {
    /// The codec whose mark `source` begins with.
    #[must_use]
    pub fn identify(source: &ByteSource) -> Option<Self> {
        let [a, b, c, ..] = source.array::<4>(0, "mark").ok()?;
        let word = u32::from_le_bytes(source.array(0, "mark").ok()?);
        match (a, b, c) {
            (0x1f, 0x8b, 8) => Some(Self::Deflate(Wrapping::Gzip)),
            (b'B', b'Z', b'h') => Some(Self::Bzip2).filter(|_| {
                source.has(4, &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
                    || source.has(4, &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90])
            }),
            _ if word == ZSTD_MARK => Some(Self::Zstd),
            _ if word == lz4_frame::FRAME_MARK || word == lz4_frame::LEGACY_MARK => Some(Self::Lz4),
            _ if source.has(0, lzma::XZ_MARK) => Some(Self::Xz),
            _ if source.has(0, lzop::MARK) => Some(Self::Lzop),
            _ if looks_like_lzma(source) => Some(Self::LzmaAlone),
            _ => None,
        }
    }
}

/// The .lzma format has no mark: these are the properties that every encoder writes, a dictionary of a round length, and
/// a length that is unknown or plausible; the range coder's first byte is always zero.
fn looks_like_lzma(source: &ByteSource) -> bool {
    let Ok([0x5d, 0, 0, d, e, rest @ ..]) = source.array::<14>(0, "lzma header") else { return false };
    let dictionary_len = u32::from_le_bytes([0, 0, d, e]);
    let [len @ .., first] = rest;
    let unpacked_len = u64::from_le_bytes(len);
    let is_round = dictionary_len >= 1 << 16 && (dictionary_len & (dictionary_len - 1)).count_ones() <= 1;
    is_round && first == 0 && (unpacked_len == u64::MAX || unpacked_len < 1 << 38)
}

/// Unpacks `source` into memory: at most `unpacked_len_max` bytes, and as many as the budget still has.
pub fn unpack(source: &ByteSource, codec: Codec, unpacked_len_max: u64, budget: &Budget) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    unpack_each(source, codec, unpacked_len_max, &mut |bytes| {
        budget.spend_bytes(len64(bytes.len()), "packed stream", 0)?;
        unpacked.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok(unpacked)
}

/// Unpacks `source` piece by piece, giving each piece to `sink`; the number of bytes made. Fails before a piece would
/// pass `unpacked_len_max`. What follows the last stream and is none is padding.
pub fn unpack_each(
    source: &ByteSource,
    codec: Codec,
    unpacked_len_max: u64,
    sink: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let mut input = Input::new(source);
    let mut output = Output { sink, len: 0, len_max: unpacked_len_max };
    match codec {
        Codec::Deflate(wrapping) => {
            return Ok(inflate_each(source, wrapping, unpacked_len_max, output.sink)?.unpacked_len);
        }
        Codec::Xz => lzma::xz(&mut input, &mut output)?,
        Codec::LzmaAlone => lzma::alone(&mut input, &mut output)?,
        Codec::Lzma { properties, dictionary_len, unpacked_len } => {
            lzma::bare(&mut input, &mut output, properties, dictionary_len, unpacked_len)?;
        }
        Codec::Lzma2 { dictionary_len } => lzma::lzma2(&mut input, &mut output, dictionary_len)?,
        Codec::Ppmd { order, memory_len, unpacked_len } => {
            ppmd::seven_zip(&mut input, &mut output, order, memory_len, unpacked_len)?;
        }
        Codec::Bzip2 => bzip2(&mut input, &mut output)?,
        Codec::Zstd => zstd(&mut input, &mut output)?,
        Codec::Lz4 => lz4_frame::frames(&mut input, &mut output)?,
        Codec::Lzop => lzop::stream(&mut input, &mut output)?,
        Codec::Brotli => {
            let mut decoder = Decompressor::new(&mut input, WINDOW_LEN);
            // RFC 7932 ends at windows of 16 MiB; the library's extension to 1 GiB is no part of any update.
            decoder.set_parameter(BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
            let result = drain(&mut decoder, &mut output);
            drop(decoder);
            result.map_err(|why| why.told(&input, "brotli stream"))?;
        }
        Codec::Block(codec) => block(source, codec, &mut output)?,
        Codec::Filter(filter) => filter::undo(&mut input, &mut output, filter)?,
    }
    Ok(output.len)
}

/// A block knows no end of its own: its bound is its length.
fn block(source: &ByteSource, codec: Method, output: &mut Output<'_>) -> Result<()> {
    if source.len() > BLOCK_LEN_MAX || output.len_max > BLOCK_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "packed block", 0));
    }
    // Both lengths are below the bound, which fits.
    let mut packed = vec![0; usize::try_from(source.len()).unwrap_or(0)];
    source.read(0, &mut packed, "packed block")?;
    let mut unpacked = vec![0; usize::try_from(output.len_max).unwrap_or(0)];
    let made = unpack_block(codec, &packed, &mut unpacked)?;
    output.put(unpacked.get(..made).unwrap_or_default(), "packed block", 0)
}

/// Why a stream could not be unpacked to its end.
pub(crate) enum Why {
    /// The decoder says so.
    Decoder(io::Error),
    /// The sink or the bound says so.
    Output(Error),
}

impl Why {
    pub(crate) fn told(self, input: &Input<'_>, what: &'static str) -> Error {
        match self {
            Self::Decoder(error) => input.told(&error, what),
            Self::Output(error) => error,
        }
    }
}

/// Moves everything that `decoder` makes to `output`.
pub(crate) fn drain(decoder: &mut dyn Read, output: &mut Output<'_>) -> std::result::Result<(), Why> {
    let mut window = vec![0; WINDOW_LEN];
    loop {
        let count = decoder.read(&mut window).map_err(Why::Decoder)?;
        if count == 0 {
            return Ok(());
        }
        output.put(window.get(..count).unwrap_or_default(), "packed stream", 0).map_err(Why::Output)?;
    }
}

fn bzip2(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    const WHAT: &str = "bzip2 stream";
    let mut window = vec![0; WINDOW_LEN];
    loop {
        let mut decoder = Decompress::new(false);
        loop {
            let packed = match input.fill_buf() {
                Ok(packed) => packed,
                Err(error) => return Err(input.told(&error, WHAT)),
            };
            let is_end = packed.is_empty();
            let (read_before, made_before) = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress(packed, &mut window);
            let read = decoder.total_in().saturating_sub(read_before);
            let made = decoder.total_out().saturating_sub(made_before);
            input.consume(usize::try_from(read).unwrap_or(0));
            let status = status.map_err(|_| Error::corrupt(WHAT, input.offset()))?;
            let made = usize::try_from(made).unwrap_or(0);
            output.put(window.get(..made).unwrap_or_default(), WHAT, input.offset())?;
            match status {
                Status::StreamEnd => break,
                _ if made == 0 && read == 0 && is_end => return Err(Error::truncated(WHAT, input.offset(), 1, 0)),
                _ => {}
            }
        }
        if !input.has_next(b"BZh") {
            return Ok(());
        }
    }
}

fn zstd(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    let mut count = 0_u64;
    loop {
        match input.peek_u32() {
            Some(ZSTD_MARK) => zstd_frame(input, output)?,
            Some(mark) if mark & !15 == SKIPPABLE_MARK => {
                input.skip(4);
                let len = u32::from_le_bytes(input.take("zstd user data size")?);
                input.skip(u64::from(len));
            }
            _ if count > 0 => return Ok(()),
            _ => return Err(Error::corrupt("zstd magic", input.offset())),
        }
        count = count.saturating_add(1);
    }
}

fn zstd_frame(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    let mut decoder = match StreamingDecoder::new(&mut *input) {
        Ok(decoder) => decoder,
        Err(_) => return Err(input.told(&io::Error::other("header"), "zstd frame header")),
    };
    let result = drain(&mut decoder, output);
    let decoder = decoder.into_frame_decoder();
    result.map_err(|why| why.told(input, "zstd frame"))?;
    // The checksum is the low half of a hash that the decoder made on the way.
    let stored = decoder.get_checksum_from_data();
    if stored.is_some() && stored != decoder.get_calculated_checksum() {
        return Err(Error::checksum("zstd content checksum", input.offset()));
    }
    Ok(())
}

/// A whole stream made readable at any offset, and why it ends early if it does.
#[derive(Debug)]
pub struct Unpacked {
    /// What could be unpacked.
    pub source: ByteSource,
    /// Why there is no more of it.
    pub error: Option<Error>,
}

/// Makes a stream of unknown length readable at any offset. Frames of independent blocks stay packed until they are
/// read; anything else is unpacked now, into memory if it is short and into a temporary file if not, and paid for from
/// the budget.
pub fn unpack_seekable(source: &ByteSource, codec: Codec, budget: &Budget) -> Result<Unpacked> {
    if codec == Codec::Lz4
        && let Some(seekable) = lz4_frame::seekable(source, budget)
    {
        let seekable = seekable?;
        budget.spend_bytes(seekable.source.len(), "lz4 content size", 0)?;
        return Ok(seekable);
    }
    let mut kept = Kept::Memory(Vec::new());
    let result = unpack_each(source, codec, u64::MAX, &mut |bytes| {
        budget.spend_bytes(len64(bytes.len()), "packed stream", 0)?;
        kept.write(bytes)
    });
    let source = kept.into_source()?;
    match result {
        Err(error) if source.is_empty() => Err(error),
        result => Ok(Unpacked { source, error: result.err() }),
    }
}

/// Bytes in memory until they are too many.
enum Kept {
    Memory(Vec<u8>),
    Spool(Spool),
}

impl Kept {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Self::Memory(memory) = self {
            if len64(memory.len()).saturating_add(len64(bytes.len())) <= MEMORY_LEN_MAX {
                memory.extend_from_slice(bytes);
                return Ok(());
            }
            let mut spool = Spool::new()?;
            spool.write(memory)?;
            *self = Self::Spool(spool);
        }
        match self {
            Self::Spool(spool) => spool.write(bytes),
            Self::Memory(_) => Ok(()),
        }
    }

    fn into_source(self) -> Result<ByteSource> {
        match self {
            Self::Memory(mut memory) => {
                memory.shrink_to_fit();
                Ok(ByteSource::from_bytes(memory))
            }
            Self::Spool(spool) => spool.into_source(),
        }
    }
}
