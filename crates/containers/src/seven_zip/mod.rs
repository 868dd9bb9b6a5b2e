//! 7z archives: flashing packages and dumps as people pass them on. Written from 7zFormat.txt and Methods.txt of the LZMA
//! SDK.
//!
//! Members lie side by side in a few packed streams ("folders" in the document). A stream is unpacked when somebody first
//! reads one of its members, and kept for the others.

mod header;

use bytes::{Budget, ByteSource, Error, Kind, Limit, Result};
use codecs::{Codec, Filter, PackedMember, Wrapping};

use crate::{
    Child, Format, Opened, Problem,
    digest::{self, Expected},
};
use header::{Coder, Header, Input, Stream};

/// 7z.
pub static FORMAT: Format = Format {
    name: "7z",
    probe,
    open,
    references: &["LZMA SDK, 7zFormat.txt", "LZMA SDK, Methods.txt"],
    limitations: &[
        "streams packed with LZMA, LZMA2, PPMd, Deflate and bzip2, or stored, are read, with the filters Delta and those for programs, \
         BCJ2 among them; others are reported with the number of their method",
        "PPMd with more than 256 MiB of memory is refused",
        "encrypted archives are reported, not read",
        "archives in several volumes are read if all volumes are given together (`X.7z.001` and so on)",
    ],
};

const MAGIC: &[u8] = b"7z\xbc\xaf\x27\x1c";
/// The filter for programs whose streams are several.
const BCJ2: u64 = 0x03_03_01_1b;
/// Where the header counts from.
const HEADER_BASE: u64 = 32;
/// Longest header, packed or not: one of a million members has less.
const HEADER_LEN_MAX: u64 = 64 << 20;
/// Headers may be packed, and the header of the packed header too: tools pack once.
const HEADERS_MAX: u32 = 4;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let field = |at| source.array(at, "start header").map(u64::from_le_bytes);
    let (offset, len) = (field(12)?.saturating_add(HEADER_BASE), field(20)?);
    let crc32 = u32::from_le_bytes(source.array(28, "NextHeaderCRC")?);
    let mut opened = Opened::default();
    if len == 0 {
        return Ok(opened);
    }
    let mut bytes = header_bytes(&source.slice(offset, len, "NextHeaderSize")?, budget)?;
    if codecs::crc32(&bytes) != crc32 {
        // What can be read of it is read all the same.
        opened.problems.push(Problem { name: Vec::new(), error: Error::checksum("NextHeaderCRC", 28) });
    }
    for _ in 0..HEADERS_MAX {
        match Header::read(&bytes, offset, budget)? {
            Header::Packed(streams) => {
                let stream = streams.first().ok_or(Error::corrupt("EncodedHeader", offset))?;
                bytes = header_bytes(&unpacked(source, stream, budget)?, budget)?;
                let crc32 = stream.parts.first().and_then(|part| part.1);
                if crc32.is_some_and(|crc32| crc32 != codecs::crc32(&bytes)) {
                    let error = Error::checksum("CRC of the EncodedHeader", stream.offset);
                    opened.problems.push(Problem { name: Vec::new(), error });
                }
            }
            Header::Plain(streams, files) => {
                members(source, &streams, files, &mut opened, budget);
                return Ok(opened);
            }
        }
    }
    Err(Error::limit(Limit::Depth, "EncodedHeader", offset))
}

fn header_bytes(source: &ByteSource, budget: &Budget) -> Result<Vec<u8>> {
    if source.len() > HEADER_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "NextHeaderSize", 20));
    }
    source.to_vec(budget, "header")
}

/// What a stream unpacks to, one step after the other; each is made when it is first read.
fn unpacked(source: &ByteSource, stream: &Stream, budget: &Budget) -> Result<ByteSource> {
    let offset = stream.offset;
    let mut made: Vec<ByteSource> = Vec::new();
    for coder in &stream.coders {
        let missing = Error::corrupt("BindPairs", offset);
        let taken = |input: &Input| match *input {
            Input::Made(at) => made.get(at).cloned().ok_or(missing),
            Input::Packed(at) => {
                let &(offset, len) = stream.packed.get(at).ok_or(missing)?;
                source.slice(offset, len, "packed stream")
            }
        };
        let taken: Vec<ByteSource> = coder.inputs.iter().map(taken).collect::<Result<_>>()?;
        made.push(step(coder, taken, offset, budget)?);
    }
    made.pop().ok_or(Error::corrupt("NumCoders", offset))
}

/// What a step makes of what it takes.
fn step(coder: &Coder, taken: Vec<ByteSource>, offset: u64, budget: &Budget) -> Result<ByteSource> {
    let unpacked_len = coder.unpacked_len;
    let packed = match <[ByteSource; 1]>::try_from(taken) {
        Ok([packed]) => packed,
        Err(taken) => {
            let streams = <[ByteSource; 4]>::try_from(taken).ok().filter(|_| coder.method == BCJ2);
            let streams = streams.ok_or(Error::unsupported("7z coder of several streams", offset, coder.method))?;
            budget.spend_bytes(unpacked_len, "unpack size", offset)?;
            return Ok(codecs::bcj2(streams, unpacked_len));
        }
    };
    let Some(codec) = codec(coder, offset)? else { return Ok(packed) };
    budget.spend_bytes(unpacked_len, "unpack size", offset)?;
    Ok(PackedMember { packed, packed_offset: offset, codec, unpacked_len, crc32: None }.into_row())
}

/// How a step is packed; nothing for bytes that are stored.
fn codec(coder: &Coder, offset: u64) -> Result<Option<Codec>> {
    let properties = coder.properties.as_slice();
    Ok(match (coder.method, properties) {
        (0, _) => None,
        (0x21, &[size]) => Some(Codec::Lzma2 { dictionary_len: dictionary_len(size, offset)? }),
        (0x03_01_01, &[properties, a, b, c, d]) => Some(Codec::Lzma {
            properties,
            dictionary_len: u32::from_le_bytes([a, b, c, d]),
            unpacked_len: coder.unpacked_len,
        }),
        (0x03_04_01, &[order, a, b, c, d]) => {
            Some(Codec::Ppmd { order, memory_len: u32::from_le_bytes([a, b, c, d]), unpacked_len: coder.unpacked_len })
        }
        (0x04_01_08, _) => Some(Codec::Deflate(Wrapping::Raw)),
        (0x04_02_02, _) => Some(Codec::Bzip2),
        (0x03, &[distance]) => Some(Codec::Filter(Filter::Delta(u16::from(distance).saturating_add(1)))),
        (method, _) if let Some(filter) = program_filter(method, properties) => Some(Codec::Filter(filter)),
        (0x06_f1_07_01, _) => {
            return Err(Error { kind: Kind::Encrypted, what: "7z AES-256", offset });
        }
        (other, _) => return Err(Error::unsupported("7z coder", offset, other)),
    })
}

/// The filter for programs that a method is; nothing for other methods, and for programs that do not start at the first address.
fn program_filter(method: u64, properties: &[u8]) -> Option<Filter> {
    let starts_at_zero = properties.iter().all(|&byte| byte == 0);
    let filter = match method {
        0x04 | 0x03_03_01_03 => Filter::X86,
        0x05 | 0x03_03_02_05 => Filter::PowerPc,
        0x06 | 0x03_03_04_01 => Filter::Itanium,
        0x07 | 0x03_03_05_01 => Filter::Arm,
        0x08 | 0x03_03_07_01 => Filter::ArmThumb,
        0x09 | 0x03_03_08_05 => Filter::Sparc,
        0x0a => Filter::Arm64,
        0x0b => Filter::RiscV,
        _ => return None,
    };
    Some(filter).filter(|_| starts_at_zero)
}

/// Lengths of dictionaries, by half powers of two.
fn dictionary_len(size: u8, offset: u64) -> Result<u32> {
    match size {
        0..=39 => Ok((2 | u32::from(size & 1)) << (size / 2 + 11)),
        40 => Ok(u32::MAX),
        _ => Err(Error::corrupt("LZMA2 dictionary", offset)),
    }
}

/// Gives each member its part of a stream.
fn members(source: &ByteSource, streams: &[Stream], files: Vec<header::File>, opened: &mut Opened, budget: &Budget) {
    let unpacked: Vec<Result<ByteSource>> = streams.iter().map(|stream| unpacked(source, stream, budget)).collect();
    let mut parts = streams.iter().zip(&unpacked).flat_map(|(stream, data)| {
        let mut start = 0_u64;
        stream.parts.iter().map(move |&(len, crc32)| {
            let part = data.as_ref().map_err(|&error| error).and_then(|data| data.slice(start, len, "member"));
            start = start.saturating_add(len);
            let error = Error::checksum("CRC of the member", stream.offset);
            part.map(|part| match crc32 {
                Some(crc32) => digest::verified(part, Expected::Crc32(crc32), error),
                None => part,
            })
        })
    });
    for file in files {
        let mut name = file.name;
        if !file.has_stream {
            if file.is_folder {
                name.push(b'/');
            }
            let source = ByteSource::from_bytes(Vec::new());
            opened.children.push(Child { name, source, mode: file.mode });
            continue;
        }
        let part = parts.next().unwrap_or(Err(Error::corrupt("NumUnPackStreams", HEADER_BASE)));
        match part {
            Ok(source) => opened.children.push(Child { name, source, mode: file.mode }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    if parts.next().is_some() {
        let error = Error::corrupt("stream that no file names", HEADER_BASE);
        opened.problems.push(Problem { name: Vec::new(), error });
    }
}
