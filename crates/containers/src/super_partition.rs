//! Dynamic partitions: one large partition, `super`, that holds `system`, `vendor`, `product` and others as lists of
//! extents. Met on devices since Android 10, as `super.img` (raw, sparse or in chunks) and, on devices that were
//! updated to it, spread over older partitions. Written from AOSP system/core, fs_mgr/liblp/include/liblp/metadata_format.h
//! and fs_mgr/liblp/reader.cpp.

use bytes::{Budget, ByteSource, Cursor, Error, Kind, Piece, Result};
use sha2::{Digest, Sha256};

use crate::{
    Child, Format, Opened, Problem,
    layout::{Layout, partly},
    text::until_zero,
};

/// A super partition as a container of logical partitions.
pub static FORMAT: Format = Format {
    name: "super",
    probe,
    open,
    references: &[
        "AOSP system/core, fs_mgr/liblp/include/liblp/metadata_format.h",
        "AOSP system/core, fs_mgr/liblp/reader.cpp",
    ],
    limitations: &[
        "extents on another block device are reported, unless the images of all devices are given together",
        "of several slots the first whose partitions have extents is read; snapshots of updates that were not merged are not applied",
    ],
};

const GEOMETRY_MAGIC: u32 = 0x616c_4467;
const HEADER_MAGIC: u32 = 0x414c_5030;
/// The first block is kept free for a boot sector.
const RESERVED_LEN: u64 = 4096;
const GEOMETRY_LEN: u64 = 4096;
const SECTOR_LEN: u64 = 512;
/// Largest metadata of one slot: the library's own bound for tables is far below it.
const METADATA_LEN_MAX: u32 = 4 << 20;
/// Slots: devices have two or three.
const SLOTS_MAX: u32 = 16;
const TARGET_LINEAR: u32 = 0;
const TARGET_ZERO: u32 = 1;
/// `LP_PARTITION_ATTR_DISABLED`.
const ATTRIBUTE_DISABLED: u32 = 1 << 2;

fn probe(source: &ByteSource) -> bool {
    let magic = GEOMETRY_MAGIC.to_le_bytes();
    // Images of metadata alone begin with the geometry.
    [RESERVED_LEN, RESERVED_LEN + GEOMETRY_LEN, 0].iter().any(|&offset| source.has(offset, &magic))
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    open_with(source, &|_| None, budget)
}

/// The partition names of the block devices that the partitions in `source` lie on, `source` itself first.
pub fn devices(source: &ByteSource, budget: &Budget) -> Result<Vec<Vec<u8>>> {
    Ok(find(source, budget)?.devices)
}

/// Opens the metadata in `source`; `device` gives the images of the other block devices by their partition names.
pub fn open_with(source: &ByteSource, device: &dyn Fn(&[u8]) -> Option<ByteSource>, budget: &Budget) -> Result<Opened> {
    let metadata = find(source, budget)?;
    let devices: Vec<Option<ByteSource>> = metadata
        .devices
        .iter()
        .enumerate()
        .map(|(index, name)| if index == 0 { Some(source.clone()) } else { device(name) })
        .collect();
    let Opened { mut children, mut problems } = Opened::default();
    for partition in &metadata.partitions {
        let run = metadata.extents.get(partition.extents.clone());
        let extents = run.ok_or(Error::corrupt("first_extent_index", partition.offset));
        let mut missing = None;
        let disk = extents.and_then(|extents| {
            // Every partition may name all extents.
            budget.spend_nodes(extents.len() as u64, "num_extents", partition.offset)?;
            disk(extents, &devices, &mut missing)
        });
        let name = partition.name.clone();
        if let Some(error) = missing {
            problems.push(Problem { name: name.clone(), error });
        }
        match disk {
            // The other slot's partitions have a name and nothing else.
            Ok(source) if source.is_empty() => {}
            Ok(source) => children.push(Child { name, source, mode: None }),
            Err(error) => problems.push(Problem { name, error }),
        }
    }
    Ok(Opened { children, problems })
}

/// One logical partition. Bytes that are not there are missing, and the first reason goes to `missing`.
fn disk(extents: &[Extent], devices: &[Option<ByteSource>], missing: &mut Option<Error>) -> Result<ByteSource> {
    let mut layout = Layout::default();
    let mut len = 0_u64;
    for extent in extents {
        let piece = match extent.kind {
            TARGET_ZERO => Piece::zeros(extent.len),
            TARGET_LINEAR => match stored(extent, devices) {
                Ok((source, error)) => {
                    *missing = missing.or(error);
                    Piece::Stored(source)
                }
                Err(error) => {
                    missing.get_or_insert(error);
                    Piece::Missing(error, extent.len)
                }
            },
            other => return Err(Error::unsupported("target_type", extent.offset, u64::from(other))),
        };
        layout.put(len, piece)?;
        len = len.checked_add(extent.len).ok_or(Error::corrupt("num_sectors", extent.offset))?;
    }
    Ok(layout.into_source(len, None))
}

fn stored(extent: &Extent, devices: &[Option<ByteSource>]) -> Result<(ByteSource, Option<Error>)> {
    let index = usize::try_from(extent.device).unwrap_or(usize::MAX);
    let device = devices.get(index).ok_or(Error::corrupt("target_source", extent.offset))?;
    let another = Error { kind: Kind::BaseRequired, what: "extent on another block device", offset: extent.offset };
    partly(device.as_ref().ok_or(another)?, extent.start, extent.len, "extent")
}

struct Geometry {
    metadata_len_max: u32,
    slots: u32,
}

impl Geometry {
    fn read(source: &ByteSource, offset: u64) -> Result<Self> {
        let bytes = source.array::<52>(offset, "LpMetadataGeometry")?;
        let mut cursor = Cursor::new(&bytes, offset);
        if cursor.u32_le("magic")? != GEOMETRY_MAGIC {
            return Err(Error::corrupt("geometry magic", offset));
        }
        let len = cursor.u32_le("struct_size")?;
        let checksum: [u8; 32] = cursor.array("checksum")?;
        let metadata_len_max = cursor.u32_le("metadata_max_size")?;
        let slots = cursor.u32_le("metadata_slot_count")?;
        if len != 52 {
            return Err(Error::unsupported("geometry struct_size", offset.saturating_add(4), u64::from(len)));
        }
        if digest_without(&bytes, 8) != checksum {
            return Err(Error::checksum("geometry checksum", offset.saturating_add(8)));
        }
        if metadata_len_max == 0 || metadata_len_max % 512 != 0 || metadata_len_max > METADATA_LEN_MAX {
            return Err(Error::corrupt("metadata_max_size", offset.saturating_add(40)));
        }
        if slots == 0 || slots > SLOTS_MAX {
            return Err(Error::corrupt("metadata_slot_count", offset.saturating_add(44)));
        }
        Ok(Self { metadata_len_max, slots })
    }
}

/// SHA-256 of `bytes` with the 32 bytes at `hole` taken as zeros: where the digest itself stands.
fn digest_without(bytes: &[u8], hole: usize) -> [u8; 32] {
    let (before, rest) = bytes.split_at_checked(hole).unwrap_or((bytes, &[]));
    let after = rest.get(32..).unwrap_or_default();
    Sha256::new().chain_update(before).chain_update([0; 32]).chain_update(after).finalize().into()
}

#[derive(Debug)]
struct Extent {
    len: u64,
    kind: u32,
    start: u64,
    device: u32,
    offset: u64,
}

#[derive(Debug)]
struct Partition {
    name: Vec<u8>,
    extents: std::ops::Range<usize>,
    offset: u64,
}

#[derive(Debug)]
struct Metadata {
    partitions: Vec<Partition>,
    extents: Vec<Extent>,
    devices: Vec<Vec<u8>>,
}

/// The metadata of the first slot that describes anything. A slot that is damaged or was never written is no loss if another
/// copy says the same.
fn find(source: &ByteSource, budget: &Budget) -> Result<Metadata> {
    let primary = Geometry::read(source, RESERVED_LEN);
    let found = primary.map(|geometry| (geometry, RESERVED_LEN + 2 * GEOMETRY_LEN)).or_else(|_| {
        Geometry::read(source, RESERVED_LEN + GEOMETRY_LEN).map(|geometry| (geometry, RESERVED_LEN + 2 * GEOMETRY_LEN))
    });
    let (geometry, start) = match found {
        Ok(found) => found,
        // An image of metadata alone: the geometry once, one slot, no reserved block.
        Err(error) => match Geometry::read(source, 0) {
            Ok(geometry) => (Geometry { slots: 1, ..geometry }, GEOMETRY_LEN),
            Err(_) => return Err(error),
        },
    };
    let (slot_len, slots) = (u64::from(geometry.metadata_len_max), u64::from(geometry.slots));
    let mut first: Option<Metadata> = None;
    let mut first_error = None;
    // Primary copies of all slots stand before the backup copies; a device takes the copy of its slot before another slot.
    // All numbers are bounded above.
    for copy in (0..slots).flat_map(|slot| [slot, slot + slots]) {
        match Metadata::read(source, start + copy * slot_len, geometry.metadata_len_max, budget) {
            Ok(metadata) if metadata.partitions.iter().any(|partition| !partition.extents.is_empty()) => {
                first = Some(metadata);
                break;
            }
            Ok(metadata) => first = first.or(Some(metadata)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first.ok_or(first_error.unwrap_or(Error::corrupt("metadata", start)))
}

/// A table of the metadata.
#[derive(Clone, Copy)]
struct Table {
    offset: u32,
    count: u32,
    entry_len: u32,
}

impl Table {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        Ok(Self {
            offset: cursor.u32_le("table offset")?,
            count: cursor.u32_le("num_entries")?,
            entry_len: cursor.u32_le("entry_size")?,
        })
    }

    /// The entries, each with its offset in the source.
    fn entries<'a>(
        &self,
        tables: &'a [u8],
        base: u64,
        entry_len_min: u32,
    ) -> Result<impl Iterator<Item = Cursor<'a>> + use<'a>> {
        let corrupt = Error::corrupt("LpMetadataTableDescriptor", base);
        if self.entry_len < entry_len_min {
            return Err(corrupt);
        }
        // Three 32-bit numbers: no overflow in 64 bits.
        let (start, len) = (u64::from(self.offset), u64::from(self.count) * u64::from(self.entry_len));
        let start_index = usize::try_from(start).map_err(|_| corrupt)?;
        let rest = tables.get(start_index..).ok_or(corrupt)?;
        let bytes = usize::try_from(len).ok().and_then(|len| rest.get(..len)).ok_or(corrupt)?;
        let entry_len = self.entry_len;
        let base = base.saturating_add(start);
        let chunks = bytes.chunks_exact(usize::try_from(entry_len).map_err(|_| corrupt)?);
        Ok((0_u64..).zip(chunks).map(move |(index, entry)| {
            Cursor::new(entry, base.saturating_add(index.saturating_mul(u64::from(entry_len))))
        }))
    }
}

impl Metadata {
    fn read(source: &ByteSource, offset: u64, len_max: u32, budget: &Budget) -> Result<Self> {
        let fixed = source.array::<128>(offset, "LpMetadataHeader")?;
        let mut cursor = Cursor::new(&fixed, offset);
        if cursor.u32_le("magic")? != HEADER_MAGIC {
            return Err(Error::corrupt("metadata magic", offset));
        }
        let [major, _] = [cursor.array::<2>("major_version")?, cursor.array("minor_version")?].map(u16::from_le_bytes);
        if major != 10 {
            return Err(Error::unsupported("major_version", offset.saturating_add(4), u64::from(major)));
        }
        let header_len = cursor.u32_le("header_size")?;
        let header_checksum: [u8; 32] = cursor.array("header_checksum")?;
        let tables_len = cursor.u32_le("tables_size")?;
        let tables_checksum: [u8; 32] = cursor.array("tables_checksum")?;
        let [partitions, extents, _, devices] = [
            Table::read(&mut cursor)?,
            Table::read(&mut cursor)?,
            Table::read(&mut cursor)?,
            Table::read(&mut cursor)?,
        ];
        let whole_len = u64::from(header_len).saturating_add(u64::from(tables_len));
        if header_len < 128 || whole_len > u64::from(len_max) {
            return Err(Error::corrupt("header_size", offset.saturating_add(8)));
        }
        let whole = source.slice(offset, whole_len, "metadata")?.to_vec(budget, "metadata")?;
        // The header is a part of the whole.
        let (header, tables) = whole.split_at(usize::try_from(header_len).unwrap_or(0).min(whole.len()));
        if digest_without(header, 12) != header_checksum {
            return Err(Error::checksum("header_checksum", offset.saturating_add(12)));
        }
        if Sha256::digest(tables)[..] != tables_checksum {
            return Err(Error::checksum("tables_checksum", offset.saturating_add(48)));
        }
        let base = offset.saturating_add(u64::from(header_len));
        let mut metadata = Self { partitions: Vec::new(), extents: Vec::new(), devices: Vec::new() };
        for mut entry in partitions.entries(tables, base, 52)? {
            budget.spend_nodes(1, "LpMetadataPartition", entry.offset())?;
            metadata.add_partition(&mut entry)?;
        }
        for mut entry in extents.entries(tables, base, 24)? {
            budget.spend_nodes(1, "LpMetadataExtent", entry.offset())?;
            metadata.add_extent(&mut entry)?;
        }
        for mut entry in devices.entries(tables, base, 64)? {
            budget.spend_nodes(1, "LpMetadataBlockDevice", entry.offset())?;
            entry.take(24, "LpMetadataBlockDevice")?;
            metadata.devices.push(name(&mut entry)?);
        }
        Ok(metadata)
    }

    fn add_partition(&mut self, entry: &mut Cursor<'_>) -> Result<()> {
        let offset = entry.offset();
        let name = name(entry)?;
        let attributes = entry.u32_le("attributes")?;
        let first = usize::try_from(entry.u32_le("first_extent_index")?).unwrap_or(usize::MAX);
        let count = usize::try_from(entry.u32_le("num_extents")?).unwrap_or(usize::MAX);
        if attributes & ATTRIBUTE_DISABLED == 0 {
            self.partitions.push(Partition { name, extents: first..first.saturating_add(count), offset });
        }
        Ok(())
    }

    fn add_extent(&mut self, entry: &mut Cursor<'_>) -> Result<()> {
        let offset = entry.offset();
        let corrupt = Error::corrupt("LpMetadataExtent", offset);
        let len = entry.u64_le("num_sectors")?.checked_mul(SECTOR_LEN).ok_or(corrupt)?;
        let kind = entry.u32_le("target_type")?;
        let start = entry.u64_le("target_data")?.checked_mul(SECTOR_LEN).ok_or(corrupt)?;
        let device = entry.u32_le("target_source")?;
        self.extents.push(Extent { len, kind, start, device, offset });
        Ok(())
    }
}

/// A name of 36 bytes, filled up with zeros.
fn name(cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
    cursor.take(36, "name").map(until_zero)
}
