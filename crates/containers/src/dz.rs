//! Images `*.dz`, inside `kdz` packages: packed chunks of partitions with the sectors they go to. No document is public; written from the layout that
//! public extractors agree on (kdztools; the extractor by I. Garzon), minor versions 0 and 1.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Cursor, Error, Extents, Piece, Result};
use codecs::{Codec, PackedMember, Wrapping};

use crate::{
    Child, Format, Opened, Problem,
    text::{image_name, until_zero},
};

/// Image of packed chunks: one child `<partition>.img` for each partition.
pub static FORMAT: Format = Format {
    name: "dz",
    probe,
    open,
    references: &["layout facts of kdztools, dz.py, and of the KDZ extractor by I. Garzon"],
    limitations: &[
        "the MD5 of the chunks' headers, of each chunk and of the whole are not verified (the CRC-32 of each chunk is)",
    ],
};

const MAGIC: [u8; 4] = [0x32, 0x96, 0x18, 0x74];
const CHUNK_MAGIC: [u8; 4] = [0x30, 0x12, 0x95, 0x78];
const HEADER_LEN: u64 = 512;
const MINOR_AT: u64 = 8;
const COUNT_AT: u64 = 192;
const COMPRESSION_AT: u64 = 213;
const UFS_AT: u64 = 337;
/// Most chunks; real images have a few hundred.
const CHUNKS_MAX: u32 = 1 << 16;

fn probe(source: &ByteSource) -> bool {
    source.has(0, &MAGIC)
}

struct Header {
    count: u32,
    codec: Codec,
    sector_len: u64,
    chunk_header_len: u64,
}

impl Header {
    fn read(source: &ByteSource) -> Result<Self> {
        let field = |at, what| source.array(at, what).map(u32::from_le_bytes);
        let minor = field(MINOR_AT, "minor version")?;
        let count = field(COUNT_AT, "number of chunks")?;
        if count > CHUNKS_MAX {
            return Err(Error::corrupt("number of chunks", COUNT_AT));
        }
        let compression = source.array::<9>(COMPRESSION_AT, "compression")?.map(|byte| byte.to_ascii_lowercase());
        // By number or by name; the oldest images leave the field empty and are zlib.
        let codec = match compression {
            [0 | 1, 0, ..] => Codec::Deflate(Wrapping::Zlib),
            [4, 0, ..] => Codec::Zstd,
            name if name.starts_with(b"zlib") => Codec::Deflate(Wrapping::Zlib),
            name if name.starts_with(b"zstd") => Codec::Zstd,
            [first, ..] => return Err(Error::unsupported("compression", COMPRESSION_AT, u64::from(first))),
        };
        // Flash on the UFS bus has longer sectors than that on the eMMC bus.
        let sector_len = if minor > 0 && field(UFS_AT, "is_ufs")? != 0 { 4096 } else { 512 };
        let chunk_header_len = if minor == 0 { 124 } else { 512 };
        Ok(Self { count, codec, sector_len, chunk_header_len })
    }
}

struct Chunk {
    partition: Vec<u8>,
    unpacked_len: u64,
    data_offset: u64,
    data_len: u64,
    place: Place,
}

/// Where a chunk goes; all zero in the first version, whose partitions have one chunk each.
#[derive(Default)]
struct Place {
    start_sector: u64,
    sector_count: u64,
    medium: u32,
    crc32: Option<u32>,
    partition_sector: u64,
}

impl Chunk {
    fn read(source: &ByteSource, offset: u64, header: &Header) -> Result<Self> {
        let is_first_version = header.chunk_header_len < HEADER_LEN;
        let bytes = source.array::<124>(offset, "chunk header")?;
        let mut cursor = Cursor::new(&bytes, offset);
        if cursor.array("chunk magic")? != CHUNK_MAGIC {
            return Err(Error::corrupt("chunk magic", offset));
        }
        let partition = until_zero(cursor.take(32, "partition")?);
        cursor.take(64, "name of the chunk")?;
        let unpacked_len = u64::from(cursor.u32_le("unpacked length")?);
        let data_len = u64::from(cursor.u32_le("packed length")?);
        let place = if is_first_version { Place::default() } else { Place::read(source, offset.saturating_add(124))? };
        let data_offset = offset.saturating_add(header.chunk_header_len);
        Ok(Self { partition, unpacked_len, data_offset, data_len, place })
    }

    fn unpacked(&self, source: &ByteSource, codec: Codec, budget: &Budget) -> Result<ByteSource> {
        budget.spend_bytes(self.unpacked_len, "unpacked length", self.data_offset)?;
        let packed = source.slice(self.data_offset, self.data_len, "packed length")?;
        let (packed_offset, unpacked_len, crc32) = (self.data_offset, self.unpacked_len, self.place.crc32);
        Ok(PackedMember { packed, packed_offset, codec, unpacked_len, crc32 }.into_piece())
    }
}

impl Place {
    fn read(source: &ByteSource, offset: u64) -> Result<Self> {
        let bytes = source.array::<32>(offset, "place of the chunk")?;
        let mut cursor = Cursor::new(&bytes, offset);
        let start_sector = u64::from(cursor.u32_le("start sector")?);
        let sector_count = u64::from(cursor.u32_le("sector count")?);
        let medium = cursor.u32_le("medium")?;
        let crc32 = Some(cursor.u32_le("CRC-32")?);
        cursor.take(12, "unique id, sparse, UBI")?;
        let partition_sector = u64::from(cursor.u32_le("sector of the partition")?);
        Ok(Self { start_sector, sector_count, medium, crc32, partition_sector })
    }
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let header = Header::read(source)?;
    let mut opened = Opened::default();
    let mut partitions: BTreeMap<(u32, Vec<u8>), usize> = BTreeMap::new();
    let mut chunks: Vec<Vec<Chunk>> = Vec::new();
    let mut offset = HEADER_LEN;
    for _ in 0..header.count {
        let read =
            budget.spend_nodes(1, "number of chunks", offset).and_then(|()| Chunk::read(source, offset, &header));
        let chunk = match read {
            Ok(chunk) => chunk,
            Err(error) => {
                // Without its length nothing behind it can be found.
                opened.problems.push(Problem { name: Vec::new(), error });
                break;
            }
        };
        offset = chunk.data_offset.saturating_add(chunk.data_len);
        let number = *partitions.entry((chunk.place.medium, chunk.partition.clone())).or_insert(chunks.len());
        match chunks.get_mut(number) {
            Some(partition) => partition.push(chunk),
            None => chunks.push(vec![chunk]),
        }
    }
    for chunks in chunks {
        let name = chunks.first().map(|chunk| image_name(&chunk.partition)).unwrap_or_default();
        let mut missing = None;
        match partition(source, &chunks, &header, &mut missing, budget) {
            Ok(source) => opened.children.push(Child { name: name.clone(), source, mode: None }),
            Err(error) => missing = Some(error),
        }
        opened.problems.extend(missing.map(|error| Problem { name, error }));
    }
    Ok(opened)
}

/// The chunks of a partition at their sectors. A chunk that cannot be read leaves its own bytes missing; the first reason goes
/// to `missing`.
fn partition(
    source: &ByteSource,
    chunks: &[Chunk],
    header: &Header,
    missing: &mut Option<Error>,
    budget: &Budget,
) -> Result<ByteSource> {
    let first = chunks.first().map_or(0, |chunk| match chunk.place.partition_sector {
        0 => chunk.place.start_sector,
        sector => sector.min(chunk.place.start_sector),
    });
    let mut disk = Extents::default();
    for chunk in chunks {
        // Sectors are 32-bit numbers: times at most 4096 there is no overflow.
        let start = chunk.place.start_sector.saturating_sub(first) * header.sector_len;
        let gap = start.checked_sub(disk.len()).ok_or(Error::corrupt("start sector", chunk.data_offset))?;
        disk.push(Piece::zeros(gap));
        disk.push(match chunk.unpacked(source, header.codec, budget) {
            Ok(bytes) => Piece::Stored(bytes),
            Err(error) => {
                missing.get_or_insert(error);
                Piece::Missing(error, chunk.unpacked_len)
            }
        });
    }
    if let Some(last) = chunks.last() {
        let sectors = last.place.start_sector.saturating_sub(first) + last.place.sector_count;
        disk.push(Piece::zeros((sectors * header.sector_len).saturating_sub(disk.len())));
    }
    Ok(disk.into_source())
}
