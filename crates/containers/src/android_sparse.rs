//! Android sparse images. Met as `system.img` of fastboot and SP Flash packages, and split into
//! `system.img_sparsechunk.0` and so on. Written from AOSP system/core, libsparse/sparse_format.h.
//!
//! An image is a list of chunks that describe a disk from front to back. The disk is never written out: it is read
//! through the chunks.

use bytes::{Budget, ByteSource, Cursor, Error, Piece, Result};

use crate::{Child, Format, Opened, Problem, layout::Layout};

/// Android sparse image as a container: one child without a name, the disk.
pub static FORMAT: Format = Format {
    name: "android_sparse",
    probe,
    open,
    references: &["AOSP system/core, libsparse/sparse_format.h"],
    limitations: &["checksums (CRC32 chunks, the header's image checksum) are not verified"],
};

const MAGIC: [u8; 4] = [0x3a, 0xff, 0x26, 0xed];
const HEADER_LEN: u16 = 28;
const CHUNK_HEADER_LEN: u16 = 12;
const RAW: u16 = 0xcac1;
const FILL: u16 = 0xcac2;
const DONT_CARE: u16 = 0xcac3;
const CRC32: u16 = 0xcac4;

fn probe(source: &ByteSource) -> bool {
    source.has(0, &MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    merge(std::slice::from_ref(source), budget)
}

/// The disk described by several sparse images together: each is a sparse image of the whole disk and skips what the
/// others hold. Where two of them hold the same block the later one is read, as it would be flashed.
pub fn merge(sources: &[ByteSource], budget: &Budget) -> Result<Opened> {
    let mut disk = Disk::default();
    let mut problems = Vec::new();
    for source in sources {
        let header = Header::read(source)?;
        if let Err(error) = disk.add(source, &header, budget) {
            problems.push(Problem { name: Vec::new(), error });
        }
    }
    let child = Child { name: Vec::new(), source: disk.into_source(), mode: None };
    Ok(Opened { children: vec![child], problems })
}

struct Header {
    header_len: u16,
    chunk_header_len: u16,
    block_len: u32,
    block_count: u32,
    chunk_count: u32,
}

impl Header {
    fn read(source: &ByteSource) -> Result<Self> {
        let bytes = source.array::<28>(0, "sparse header")?;
        let mut cursor = Cursor::new(&bytes, 0);
        if cursor.array("magic")? != MAGIC {
            return Err(Error::corrupt("magic", 0));
        }
        let major_version = cursor.u16_le("major_version")?;
        cursor.u16_le("minor_version")?;
        let header_len = cursor.u16_le("file_hdr_sz")?;
        let chunk_header_len = cursor.u16_le("chunk_hdr_sz")?;
        let block_len = cursor.u32_le("blk_sz")?;
        let block_count = cursor.u32_le("total_blks")?;
        let chunk_count = cursor.u32_le("total_chunks")?;
        if major_version != 1 {
            return Err(Error::unsupported("major_version", 4, u64::from(major_version)));
        }
        if header_len < HEADER_LEN {
            return Err(Error::corrupt("file_hdr_sz", 8));
        }
        if chunk_header_len < CHUNK_HEADER_LEN {
            return Err(Error::corrupt("chunk_hdr_sz", 10));
        }
        if block_len == 0 || block_len % 4 != 0 {
            return Err(Error::corrupt("blk_sz", 12));
        }
        Ok(Self { header_len, chunk_header_len, block_len, block_count, chunk_count })
    }

    fn disk_len(&self) -> u64 {
        // Two 32-bit numbers cannot overflow 64 bits.
        u64::from(self.block_len) * u64::from(self.block_count)
    }
}

/// What a chunk adds to the disk.
struct Chunk {
    /// Its bytes; nothing for blocks that the image does not describe.
    piece: Option<Piece>,
    /// How far it moves the position on the disk.
    len: u64,
    /// Where the next chunk starts in the image.
    end: u64,
    /// The image ends inside the chunk: so much of it is there, and this error tells the rest.
    cut: Option<Error>,
}

impl Chunk {
    fn read(source: &ByteSource, offset: u64, header: &Header) -> Result<Self> {
        let bytes = source.array::<12>(offset, "chunk header")?;
        let mut cursor = Cursor::new(&bytes, offset);
        let kind = cursor.u16_le("chunk_type")?;
        cursor.u16_le("reserved1")?;
        // Two 32-bit numbers cannot overflow 64 bits.
        let len = u64::from(cursor.u32_le("chunk_sz")?) * u64::from(header.block_len);
        let total_len = u64::from(cursor.u32_le("total_sz")?);
        let data_offset = offset.saturating_add(u64::from(header.chunk_header_len));
        let Some(data_len) = total_len.checked_sub(u64::from(header.chunk_header_len)) else {
            return Err(Error::corrupt("total_sz", offset.saturating_add(8)));
        };
        let (expected_len, len) = match kind {
            RAW => (len, len),
            FILL => (4, len),
            DONT_CARE => (0, len),
            CRC32 => (4, 0),
            _ => return Err(Error::unsupported("chunk_type", offset, u64::from(kind))),
        };
        if data_len != expected_len {
            return Err(Error::corrupt("total_sz", offset.saturating_add(8)));
        }
        let mut chunk = Self { piece: None, len, end: data_offset.saturating_add(data_len), cut: None };
        if kind == FILL {
            chunk.piece = Some(Piece::Fill(source.array(data_offset, "fill value")?, len));
        } else if kind == RAW {
            let available = source.len().saturating_sub(data_offset).min(len);
            chunk.piece = Some(Piece::Stored(source.slice(data_offset, available, "raw chunk")?));
            if available < len {
                chunk.len = available;
                chunk.cut = Some(Error::truncated("raw chunk", data_offset, len, available));
            }
        }
        Ok(chunk)
    }
}

/// The disk that several images describe together.
#[derive(Default)]
struct Disk {
    layout: Layout,
    len: u64,
    /// From here on an image was broken: what no other image describes is missing, not empty.
    missing_from: Option<(u64, Error)>,
}

impl Disk {
    /// Adds the chunks of one image. After a broken chunk nothing more of this image is known.
    fn add(&mut self, source: &ByteSource, header: &Header, budget: &Budget) -> Result<()> {
        let mut position = 0;
        let result = self.add_chunks(source, header, budget, &mut position);
        self.len = self.len.max(header.disk_len()).max(position);
        if let Err(error) = result
            && self.missing_from.is_none_or(|(start, _)| start > position)
        {
            self.missing_from = Some((position, error));
        }
        result
    }

    fn add_chunks(&mut self, source: &ByteSource, header: &Header, budget: &Budget, position: &mut u64) -> Result<()> {
        let mut offset = u64::from(header.header_len);
        for _ in 0..header.chunk_count {
            budget.spend_nodes(1, "chunk", offset)?;
            let chunk = Chunk::read(source, offset, header)?;
            let end = position.checked_add(chunk.len).ok_or(Error::corrupt("chunk_sz", offset.saturating_add(4)))?;
            if let Some(piece) = chunk.piece.filter(|piece| !piece.is_empty()) {
                self.layout.put(*position, piece)?;
            }
            *position = end;
            if let Some(error) = chunk.cut {
                return Err(error);
            }
            offset = chunk.end;
        }
        // An image that describes less than it announces is cut as surely as one whose bytes end early.
        if *position == header.disk_len() { Ok(()) } else { Err(Error::corrupt("total_blks", 16)) }
    }

    fn into_source(self) -> ByteSource {
        self.layout.into_source(self.len, self.missing_from)
    }
}
