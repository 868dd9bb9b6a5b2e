//! Images `*.sin` of the third version, inside `ftf` packages, which are zip archives. No document is public; written from the layout that public
//! tools agree on (anyxperia_dumper, sinextract). Numbers are big-endian.
//!
//! A signed header is followed by a table (`MMCF`) of pieces, packed as LZ4 blocks or stored, with their places on the partition. What no
//! piece describes is erased flash.

use bytes::{Budget, ByteSource, Error, Extents, Piece, Result};
use codecs::{Codec, Method, PackedMember};

use crate::{Child, Format, Opened, Problem};

/// Signed image: one child without a name, the partition.
pub static FORMAT: Format = Format {
    name: "sin",
    probe,
    open,
    references: &["layout facts of anyxperia_dumper, sony_dump.c"],
    limitations: &[
        "versions 1 and 2 have no mark and are not recognised; later versions are archives and read as such",
        "signatures and digests are not verified",
    ],
};

const MAGIC: &[u8] = b"\x03SIN";
const HEADER_LEN_AT: u64 = 4;
const DATA_LEN_AT: u64 = 0x18;
const TABLE_MAGIC: &[u8] = b"MMCF";
const PACKED_MAGIC: &[u8; 4] = b"LZ4A";
const STORED_MAGIC: &[u8; 4] = b"ADDR";
/// `GPTP`, its length and the id of the partition stand in front of the pieces.
const PIECES_AT: u64 = 24;
/// Shortest record of a piece.
const RECORD_LEN_MIN: u64 = 32;
/// An LZ4 block cannot grow a byte to more than this many.
const LZ4_RATIO_MAX: u64 = 255;
/// Longest piece: it is unpacked in one go.
const PIECE_LEN_MAX: u64 = 64 << 20;
/// Longest partition that is filled up to the length its file system has.
const PARTITION_LEN_MAX: u64 = 64 << 30;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn u32_at(source: &ByteSource, offset: u64, what: &'static str) -> Result<u64> {
    source.array(offset, what).map(u32::from_be_bytes).map(u64::from)
}

fn u64_at(source: &ByteSource, offset: u64, what: &'static str) -> Result<u64> {
    source.array(offset, what).map(u64::from_be_bytes)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let header_len = u32_at(source, HEADER_LEN_AT, "header length")?;
    // Too little for a table, and for anything else that is worth a header.
    source.array::<4>(header_len, "data")?;
    let mut opened = Opened::default();
    let data = if source.has(header_len, TABLE_MAGIC) {
        let mut disk = Extents::default();
        if let Err(error) = pieces(source, header_len, &mut disk, budget) {
            opened.problems.push(Problem { name: Vec::new(), error });
        }
        let disk = disk.into_source();
        let rest = file_system_len(&disk).saturating_sub(disk.len());
        let mut whole = Extents::default();
        whole.push(Piece::Stored(disk));
        whole.push(Piece::zeros(rest));
        whole.into_source()
    } else {
        // Loaders and kernels: the data stands behind the header, or behind a block that is as long as the header says.
        let block_len = u32_at(source, DATA_LEN_AT, "data length")?;
        let is_data = header_len.saturating_add(block_len) == source.len();
        let start = if is_data { header_len } else { header_len.saturating_add(block_len) };
        source.slice(start, source.len().saturating_sub(start), "data")?
    };
    opened.children.push(Child { name: Vec::new(), source: data, mode: None });
    Ok(opened)
}

/// Puts every piece at its place.
fn pieces(source: &ByteSource, table: u64, disk: &mut Extents, budget: &Budget) -> Result<()> {
    let table_start = table.saturating_add(8);
    let table_end = table_start.saturating_add(u32_at(source, table.saturating_add(4), "length of the table")?);
    let mut offset = table_start.saturating_add(PIECES_AT);
    while offset < table_end {
        budget.spend_nodes(1, "piece", offset)?;
        let record = Record::read(source, offset)?;
        let gap = record.place.checked_sub(disk.len()).ok_or(Error::corrupt("place of the piece", offset))?;
        disk.push(Piece::Fill([0xff; 4], gap));
        let start = table_end.saturating_add(record.data_offset);
        let packed = source.slice(start, record.data_len, "piece")?;
        let Some(unpacked_len) = record.unpacked_len else {
            disk.push(Piece::Stored(packed));
            offset = offset.saturating_add(record.len);
            continue;
        };
        if unpacked_len > PIECE_LEN_MAX || unpacked_len > record.data_len.saturating_mul(LZ4_RATIO_MAX) {
            return Err(Error::corrupt("unpacked length of the piece", offset));
        }
        budget.spend_bytes(unpacked_len, "unpacked length of the piece", offset)?;
        let codec = Codec::Block(Method::Lz4);
        let member = PackedMember { packed, packed_offset: start, codec, unpacked_len, crc32: None };
        disk.push(Piece::Stored(member.into_source()));
        offset = offset.saturating_add(record.len);
    }
    Ok(())
}

struct Record {
    len: u64,
    data_offset: u64,
    data_len: u64,
    /// Length after unpacking, of a packed piece.
    unpacked_len: Option<u64>,
    place: u64,
}

impl Record {
    fn read(source: &ByteSource, offset: u64) -> Result<Self> {
        let kind = source.array::<4>(offset, "piece")?;
        let number = |at: u64, what| u64_at(source, offset.saturating_add(at), what);
        let len = u32_at(source, offset.saturating_add(4), "length of the record")?;
        if len < RECORD_LEN_MIN {
            return Err(Error::corrupt("length of the record", offset.saturating_add(4)));
        }
        let data_offset = number(8, "offset of the piece")?;
        let (unpacked_len, data_len, place) = match &kind {
            PACKED_MAGIC => (
                Some(number(16, "unpacked length of the piece")?),
                number(24, "length of the piece")?,
                number(32, "place of the piece")?,
            ),
            STORED_MAGIC => (None, number(16, "length of the piece")?, number(24, "place of the piece")?),
            _ => return Err(Error::unsupported("piece", offset, u64::from(u32::from_be_bytes(kind)))),
        };
        Ok(Self { len, data_offset, data_len, unpacked_len, place })
    }
}

/// The length that an ext file system says it has: the pieces end where its data does. Zero for anything else.
fn file_system_len(disk: &ByteSource) -> u64 {
    let field = |at| disk.array(at, "superblock").map(u32::from_le_bytes).unwrap_or(0);
    if !disk.has(1080, &[0x53, 0xef]) {
        return 0;
    }
    let len = u64::from(field(1028)).checked_mul(1024_u64.checked_shl(field(1048).min(6)).unwrap_or(0));
    len.filter(|&len| len <= PARTITION_LEN_MAX).unwrap_or(0)
}
