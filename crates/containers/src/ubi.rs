//! UBI images: volumes spread over erase blocks of raw flash memory. Met on devices with NAND memory, around UBIFS. Written
//! from the structures in the Linux kernel's `drivers/mtd/ubi/ubi-media.h`. Numbers are big-endian.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Cursor, Error, Piece, Result};

use crate::{Child, Format, Opened, Problem, layout::Layout};

/// UBI: one child for each volume.
pub static FORMAT: Format = Format {
    name: "ubi",
    probe,
    open,
    references: &["Linux kernel, drivers/mtd/ubi/ubi-media.h"],
    limitations: &[
        "of two copies of a block the newer one is read, whether it was written to its end or not",
        "a volume of which no block is there counts as empty, as tools write it: an image that was cut behind a block is not always told",
        "fastmaps are not read; checksums of headers are compared, those of data are not",
    ],
};

const BLOCK_MAGIC: &[u8] = b"UBI#";
const VOLUME_MAGIC: &[u8] = b"UBI!";
const HEADER_LEN: usize = 64;
/// Erase blocks: 16 KiB to 4 MiB.
const BLOCK_LEN_LOGS: std::ops::RangeInclusive<u32> = 14..=22;
/// The volume that holds the table of volumes, and the first of those that are not the user's.
const TABLE_VOLUME: u32 = 0x7fff_efff;
const RECORD_LEN: usize = 172;
const NAME_LEN_MAX: usize = 127;

fn probe(source: &ByteSource) -> bool {
    source.has(0, BLOCK_MAGIC)
}

/// The length of an erase block: where the second one starts.
fn block_len(source: &ByteSource) -> u64 {
    let lens = BLOCK_LEN_LOGS.map(|log| 1_u64 << log);
    lens.into_iter().find(|&len| source.has(len, BLOCK_MAGIC)).unwrap_or(source.len())
}

/// The checksum as the kernel makes it: without the last inversion.
fn checksum(bytes: &[u8]) -> u32 {
    !codecs::crc32(bytes)
}

/// A block of a volume.
struct Block {
    sequence: u64,
    offset: u64,
    len: u64,
}

/// Blocks by volume and place in it.
type Volumes = BTreeMap<u32, BTreeMap<u32, Block>>;

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let len = block_len(source);
    let mut opened = Opened::default();
    let mut volumes = Volumes::new();
    let mut at = 0_u64;
    let mut block_max = 0_u64;
    while at < source.len() {
        budget.spend_nodes(1, "erase block", at)?;
        match block(source, at, len) {
            Ok(Some((volume, number, block))) => {
                block_max = block_max.max(block.len);
                let place = volumes.entry(volume).or_default();
                if place.get(&number).is_none_or(|known| known.sequence < block.sequence) {
                    place.insert(number, block);
                }
            }
            Ok(None) => {}
            Err(error) if at == 0 => return Err(error),
            Err(error) => opened.problems.push(Problem { name: Vec::new(), error }),
        }
        at = at.saturating_add(len.max(1));
    }
    if let Some(error) = cut(source, len) {
        opened.problems.push(Problem { name: Vec::new(), error });
    }
    let table = table(source, &volumes);
    for (volume, blocks) in volumes.iter().filter(|(volume, _)| **volume < TABLE_VOLUME) {
        let named = table.get(volume).cloned();
        let (name, count) = named.unwrap_or_else(|| (format!("volume_{volume}").into_bytes(), 0));
        match assembled(source, blocks, block_max, count) {
            Ok((source, error)) => {
                opened.problems.extend(error.map(|error| Problem { name: name.clone(), error }));
                opened.children.push(Child { name, source, mode: None });
            }
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    Ok(opened)
}

/// Tools write whole blocks, two of them with the table of volumes.
fn cut(source: &ByteSource, block_len: u64) -> Option<Error> {
    let last = source.len().checked_rem(block_len).unwrap_or(0);
    let start = source.len().saturating_sub(last);
    if source.len() <= block_len {
        Some(Error::truncated("second copy of the volume table", source.len(), HEADER_LEN as u64, 0))
    } else {
        (last > 0).then(|| Error::truncated("erase block", start, block_len, last))
    }
}

/// The volume and the place of the erase block at `at`; nothing for one that holds none.
fn block(source: &ByteSource, at: u64, len: u64) -> Result<Option<(u32, u32, Block)>> {
    let head = source.array::<HEADER_LEN>(at, "erase counter header")?;
    if head.iter().all(|&byte| byte == 0xff) {
        return Ok(None);
    }
    let mut cursor = header(&head, at, BLOCK_MAGIC, "erase counter header")?;
    cursor.take(12, "ec")?;
    let [volume_at, data_at] = [be32(&mut cursor, "vid_hdr_offset")?, be32(&mut cursor, "data_offset")?].map(u64::from);
    if data_at > len || volume_at > len {
        return Err(Error::corrupt("data_offset", at.saturating_add(20)));
    }
    let offset = at.saturating_add(volume_at);
    let head = source.array::<HEADER_LEN>(offset, "volume identifier header")?;
    if head.iter().all(|&byte| byte == 0xff) {
        return Ok(None);
    }
    let mut cursor = header(&head, offset, VOLUME_MAGIC, "volume identifier header")?;
    cursor.take(4, "version, vol_type, copy_flag, compat")?;
    let (volume, number) = (be32(&mut cursor, "vol_id")?, be32(&mut cursor, "lnum")?);
    cursor.take(12, "data_size, used_ebs")?;
    let padding = u64::from(be32(&mut cursor, "data_pad")?);
    cursor.take(8, "data_crc")?;
    let sequence = u64::from_be_bytes(cursor.array("sqnum")?);
    let len = len.saturating_sub(data_at).checked_sub(padding).ok_or(Error::corrupt("data_pad", offset))?;
    Ok(Some((volume, number, Block { sequence, offset: at.saturating_add(data_at), len })))
}

/// A header behind its mark, if its checksum is right.
fn header<'a>(head: &'a [u8; HEADER_LEN], at: u64, magic: &[u8], what: &'static str) -> Result<Cursor<'a>> {
    let (body, sum) = head.split_last_chunk::<4>().ok_or(Error::corrupt(what, at))?;
    let mut cursor = Cursor::new(body, at);
    if cursor.take(4, what)? != magic {
        return Err(Error::corrupt(what, at));
    }
    if checksum(body) != u32::from_be_bytes(*sum) {
        return Err(Error::checksum(what, at.saturating_add(60)));
    }
    Ok(cursor)
}

fn be32(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u32> {
    cursor.array(what).map(u32::from_be_bytes)
}

/// Names of the volumes, and how many blocks they have, as far as the table says them.
fn table(source: &ByteSource, volumes: &Volumes) -> BTreeMap<u32, (Vec<u8>, u32)> {
    let table = volumes.get(&TABLE_VOLUME).and_then(|blocks| blocks.values().next());
    let Some(table) = table else { return BTreeMap::new() };
    let name = |number: u32| {
        let at = table.offset.saturating_add(u64::from(number).saturating_mul(RECORD_LEN as u64));
        let record = source.array::<RECORD_LEN>(at, "volume table record").ok()?;
        let (body, sum) = record.split_last_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes([*body.get(14)?, *body.get(15)?]));
        let is_record = checksum(body) == u32::from_be_bytes(*sum) && (1..=NAME_LEN_MAX).contains(&len);
        let name = body.get(16..16_usize.saturating_add(len)).filter(|_| is_record)?;
        Some((name.to_vec(), u32::from_be_bytes(*body.first_chunk()?)))
    };
    volumes.keys().filter_map(|&number| Some((number, name(number)?))).collect()
}

/// The volume, its blocks at their places. A block that is nowhere was erased.
fn assembled(
    source: &ByteSource,
    blocks: &BTreeMap<u32, Block>,
    block_len: u64,
    count: u32,
) -> Result<(ByteSource, Option<Error>)> {
    let mut layout = Layout::default();
    let mut missing = None;
    let mut end = 0_u64;
    for (&number, block) in blocks {
        let start = u64::from(number).saturating_mul(block_len);
        // What lies between is erased flash.
        if start > end {
            layout.put(end, Piece::Fill([0xff; 4], start.saturating_sub(end)))?;
        }
        let available = source.len().saturating_sub(block.offset).min(block.len);
        layout.put(start, Piece::Stored(source.slice(block.offset, available, "erase block")?))?;
        if available < block.len {
            let error = Error::truncated("erase block", block.offset, block.len, available);
            missing.get_or_insert(error);
            layout.put(start.saturating_add(available), Piece::Missing(error, block.len.saturating_sub(available)))?;
        }
        end = start.saturating_add(block.len);
    }
    let len = u64::from(count).saturating_mul(block_len);
    if len > end {
        layout.put(end, Piece::Fill([0xff; 4], len.saturating_sub(end)))?;
        end = len;
    }
    Ok((layout.into_source(end, None), missing))
}
