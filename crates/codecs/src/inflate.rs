//! Deflate (RFC 1951), bare or wrapped as zlib (RFC 1950) or gzip (RFC 1952). Met in zip members, gzip-packed ramdisks
//! and images.

use bytes::{Budget, ByteSource, Error, Limit, Result};
use flate2::{Decompress, FlushDecompress, Status};

use crate::{Crc32, len64};

/// Bytes read and produced at a time.
const WINDOW_LEN: usize = 64 << 10;

/// What stands around the deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// Nothing.
    Raw,
    /// A two-byte header and an Adler-32.
    Zlib,
    /// One or more gzip members, each with a CRC-32 and a length.
    Gzip,
}

/// How much was read and produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inflated {
    /// Bytes of the source that belong to the stream; more may follow.
    pub packed_len: u64,
    /// Bytes produced.
    pub unpacked_len: u64,
}

/// Unpacks `source` into memory: at most `unpacked_len_max` bytes, and as many as the budget still has.
pub fn inflate(source: &ByteSource, wrapping: Wrapping, unpacked_len_max: u64, budget: &Budget) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    inflate_each(source, wrapping, unpacked_len_max, &mut |bytes| {
        budget.spend_bytes(len64(bytes.len()), "deflate stream", 0)?;
        unpacked.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok(unpacked)
}

/// Unpacks `source` piece by piece, giving each piece to `sink`; fails before a piece would pass `unpacked_len_max`.
pub fn inflate_each(
    source: &ByteSource,
    wrapping: Wrapping,
    unpacked_len_max: u64,
    sink: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<Inflated> {
    let mut stream = Stream { source, position: 0, unpacked_len: 0, unpacked_len_max };
    match wrapping {
        Wrapping::Raw => stream.run(false, sink)?,
        Wrapping::Zlib => stream.run(true, sink)?,
        Wrapping::Gzip => loop {
            stream.gzip_member(sink)?;
            // What follows without a gzip mark is padding, as gzip(1) sees it.
            if !source.has(stream.position, &[0x1f, 0x8b]) {
                break;
            }
        },
    }
    Ok(Inflated { packed_len: stream.position, unpacked_len: stream.unpacked_len })
}

struct Stream<'a> {
    source: &'a ByteSource,
    position: u64,
    unpacked_len: u64,
    unpacked_len_max: u64,
}

impl Stream<'_> {
    /// Runs one deflate stream from `position` to its end mark.
    fn run(&mut self, zlib: bool, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut inflater = Decompress::new(zlib);
        let start = self.position;
        let mut input = vec![0; WINDOW_LEN];
        let mut output = vec![0; WINDOW_LEN];
        loop {
            self.position = start.saturating_add(inflater.total_in());
            let count = self.source.read_some(self.position, &mut input)?;
            let (given, _) = input.split_at(count.min(input.len()));
            let (read_before, made_before) = (inflater.total_in(), inflater.total_out());
            let status = inflater
                .decompress(given, &mut output, FlushDecompress::None)
                .map_err(|_| Error::corrupt("deflate stream", self.position))?;
            let made = inflater.total_out().saturating_sub(made_before);
            self.position = start.saturating_add(inflater.total_in());
            self.emit(&output, made, sink)?;
            if status == Status::StreamEnd {
                return Ok(());
            }
            if made == 0 && inflater.total_in() == read_before {
                // Neither read nor produced: the decoder wants bytes that are not there.
                return Err(Error::truncated("deflate stream", self.position, 1, 0));
            }
        }
    }

    fn emit(&mut self, output: &[u8], made: u64, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let unpacked_len = self.unpacked_len.saturating_add(made);
        if unpacked_len > self.unpacked_len_max {
            return Err(Error::limit(Limit::UnpackedBytes, "deflate stream", self.position));
        }
        self.unpacked_len = unpacked_len;
        let (made, _) = output.split_at(usize::try_from(made).unwrap_or(0).min(output.len()));
        if made.is_empty() { Ok(()) } else { sink(made) }
    }

    fn gzip_member(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.gzip_header()?;
        let unpacked_before = self.unpacked_len;
        let mut checksum = Crc32::default();
        self.run(false, &mut |bytes| {
            checksum.update(bytes);
            sink(bytes)
        })?;
        let trailer = self.position;
        let stored = u32::from_le_bytes(self.source.array(trailer, "gzip CRC32")?);
        let stored_len = u32::from_le_bytes(self.source.array(trailer.saturating_add(4), "gzip ISIZE")?);
        if stored != checksum.value() {
            return Err(Error::checksum("gzip CRC32", trailer));
        }
        // ISIZE is the length modulo 2^32.
        if u64::from(stored_len) != self.unpacked_len.saturating_sub(unpacked_before) & 0xffff_ffff {
            return Err(Error::corrupt("gzip ISIZE", trailer.saturating_add(4)));
        }
        self.position = trailer.saturating_add(8);
        Ok(())
    }

    /// Steps over the header: ten bytes, then up to four optional fields.
    fn gzip_header(&mut self) -> Result<()> {
        let [id1, id2, method, flags, ..] = self.source.array::<10>(self.position, "gzip header")?;
        if (id1, id2) != (0x1f, 0x8b) {
            return Err(Error::corrupt("gzip ID", self.position));
        }
        if method != 8 {
            return Err(Error::unsupported("gzip CM", self.position.saturating_add(2), u64::from(method)));
        }
        self.position = self.position.saturating_add(10);
        if flags & 4 != 0 {
            let extra_len = u16::from_le_bytes(self.source.array(self.position, "gzip XLEN")?);
            self.position = self.position.saturating_add(2).saturating_add(u64::from(extra_len));
        }
        // FNAME and FCOMMENT end with a zero byte.
        for flag in [8, 16] {
            if flags & flag != 0 {
                self.skip_text()?;
            }
        }
        if flags & 2 != 0 {
            self.position = self.position.saturating_add(2);
        }
        Ok(())
    }

    fn skip_text(&mut self) -> Result<()> {
        const TEXT_LEN_MAX: u64 = 64 << 10;
        let start = self.position;
        let mut window = [0; 256];
        while self.position.saturating_sub(start) < TEXT_LEN_MAX {
            let count = self.source.read_some(self.position, &mut window)?;
            let (given, _) = window.split_at(count.min(window.len()));
            match given.iter().position(|&byte| byte == 0) {
                Some(end) => {
                    self.position = self.position.saturating_add(len64(end)).saturating_add(1);
                    return Ok(());
                }
                None if given.is_empty() => return Err(Error::truncated("gzip text field", self.position, 1, 0)),
                None => self.position = self.position.saturating_add(len64(count)),
            }
        }
        Err(Error::corrupt("gzip text field", start))
    }
}
