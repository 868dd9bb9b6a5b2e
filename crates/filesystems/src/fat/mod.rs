//! FAT with 12, 16 and 32 bits, and long names: met in partitions for other processors (`modem`, `NON-HLOS.bin`), on memory
//! cards and in images for them. Written from Microsoft's "FAT32 File System Specification" 1.03, which describes all three.

mod names;
mod table;

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};

use crate::{
    Attributes, EntryKind, Format, Tree,
    contents::Store,
    record::{Record, len64, to_usize},
    runs::Runs,
    walk::{self, Found, Listing},
};
use names::Reader;
use table::{Table, Width};

/// FAT12, FAT16 and FAT32.
pub const FORMAT: Format = Format {
    name: "fat",
    probe: |source| Boot::read(source).is_ok(),
    read,
    references: &["Microsoft, \"FAT32 File System Specification\", 1.03: FAT12, FAT16 and FAT32"],
    limitations: &[
        "Owners and modes are not stored. exFAT is another format and not read.",
        "Bytes of short names beyond ASCII stay as they are: which code page they are in is not stored.",
        "Copies of the table are not read.",
    ],
};

const BOOT_LEN: usize = 512;
pub(super) const ENTRY_LEN: usize = 32;
/// Clusters are at most so long; the document allows 32 KiB, some tools write more.
const CLUSTER_LEN_MAX: u64 = 256 << 10;
/// So many clusters are the most that 12 bits count.
const CLUSTERS_MAX_12: u64 = 4084;

/// What the boot sector says, checked: it has no mark worth the name, so all of it must make sense.
#[derive(Debug, Clone, Copy)]
struct Boot {
    cluster_len: u64,
    table_at: u64,
    /// The root folder of 12 and 16 bits: where, and how long.
    root_at: u64,
    root_len: u64,
    /// Where the second cluster is, which is the first.
    data_at: u64,
    clusters: u64,
    width: Width,
    root_cluster: u32,
}

impl Boot {
    fn read(source: &ByteSource) -> Result<Self> {
        let bytes = source.array::<BOOT_LEN>(0, "boot sector")?;
        let record = Record::new(&bytes, 0);
        let corrupt = |what, at| Err(Error::corrupt(what, at));
        if !matches!(bytes.as_slice(), [0xEB, _, 0x90, ..] | [0xE9, ..]) || record.u16(510, "signature")? != 0xAA55 {
            return corrupt("signature", 510);
        }
        let sector_len = u64::from(record.u16(11, "BPB_BytsPerSec")?);
        if !sector_len.is_power_of_two() || !(512..=4096).contains(&sector_len) {
            return corrupt("BPB_BytsPerSec", 11);
        }
        let per_cluster = u64::from(record.u8(13, "BPB_SecPerClus")?);
        let cluster_len = per_cluster.saturating_mul(sector_len);
        if !per_cluster.is_power_of_two() || cluster_len > CLUSTER_LEN_MAX {
            return corrupt("BPB_SecPerClus", 13);
        }
        let (reserved, tables) =
            (u64::from(record.u16(14, "BPB_RsvdSecCnt")?), u64::from(record.u8(16, "BPB_NumFATs")?));
        let root_entries = u64::from(record.u16(17, "BPB_RootEntCnt")?);
        if reserved == 0 || !(1..=4).contains(&tables) || !matches!(record.u8(21, "BPB_Media")?, 0xF0 | 0xF8..) {
            return corrupt("BPB_Media", 21);
        }
        let short_or = |short, long, what| match u64::from(record.u16(short, what)?) {
            0 => record.u32(long, what).map(u64::from),
            sectors => Ok(sectors),
        };
        let sectors = short_or(19, 32, "BPB_TotSec")?;
        let table_sectors = short_or(22, 36, "BPB_FATSz")?;
        let root_sectors = root_entries.saturating_mul(len64(ENTRY_LEN)).div_ceil(sector_len);
        // Numbers of 32 bits and less: no overflow.
        let root_sector = reserved + tables * table_sectors;
        let data_sector = root_sector + root_sectors;
        let data_sectors = sectors.checked_sub(data_sector).filter(|_| table_sectors > 0);
        let clusters = data_sectors.and_then(|count| count.checked_div(per_cluster)).filter(|&clusters| clusters > 0);
        let Some(clusters) = clusters else { return corrupt("BPB_TotSec", 32) };
        // The document decides by the number of clusters alone; tools write small images with 32 bits, and systems take them.
        let is_32 = record.u16(22, "BPB_FATSz16")? == 0;
        let width = match clusters {
            _ if is_32 => Width::ThirtyTwo,
            0..=CLUSTERS_MAX_12 => Width::Twelve,
            _ => Width::Sixteen,
        };
        if is_32 != (root_entries == 0) || width.table_len(clusters) > table_sectors.saturating_mul(sector_len) {
            return corrupt("BPB_FATSz", 22);
        }
        Ok(Self {
            cluster_len,
            table_at: reserved * sector_len,
            root_at: root_sector * sector_len,
            root_len: root_entries * len64(ENTRY_LEN),
            data_at: data_sector * sector_len,
            clusters,
            width,
            root_cluster: if is_32 { record.u32(44, "BPB_RootClus")? } else { 0 },
        })
    }

    /// Byte offset of a cluster; clusters are counted from two.
    fn offset_of(&self, cluster: u32) -> u64 {
        let index = u64::from(cluster).saturating_sub(2);
        self.data_at.saturating_add(index.saturating_mul(self.cluster_len))
    }
}

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    let boot = Boot::read(source)?;
    let table = Table::new(source.clone(), budget.clone(), boot.table_at, boot.width, boot.clusters);
    let store = Store::new(source.clone());
    Ok(walk::walk(&mut Volume { source: source.clone(), budget: budget.clone(), store, boot, table }))
}

struct Volume {
    source: ByteSource,
    budget: Budget,
    store: Arc<Store>,
    boot: Boot,
    table: Table,
}

/// A folder entry. There are no inodes: its number is where it stands.
#[derive(Debug, Clone, Copy)]
struct Inode {
    offset: u64,
    is_folder: bool,
    first: u32,
    size: u64,
}

/// The root folder, which has no entry.
const ROOT: u64 = 0;

impl Volume {
    /// The contents of `size` bytes whose first cluster is `first`.
    fn contents(&mut self, inode: &Inode) -> (ByteSource, Option<Error>) {
        let budget = self.budget.clone();
        let source = self.source.clone();
        let mut runs = Runs::new(&source, &budget, inode.size);
        let mapped = self.map(inode, &mut runs);
        runs.into_source(&self.store, mapped)
    }

    fn map(&mut self, inode: &Inode, runs: &mut Runs<'_>) -> Result<()> {
        let mut cluster = inode.first;
        let mut at = 0_u64;
        while runs.wants(at) {
            if !self.table.holds(cluster) {
                // Free, bad, outside, or the end of the chain before that of the file.
                return runs.missing(at, u64::MAX, Error::corrupt("cluster of a chain", self.table.entry_at(cluster)));
            }
            runs.stored(at, self.boot.offset_of(cluster), self.boot.cluster_len)?;
            at = at.saturating_add(self.boot.cluster_len);
            if runs.wants(at) {
                cluster = self.table.next(cluster)?;
            }
        }
        Ok(())
    }

    /// Places and lengths of what a folder is stored in, and why there may be more.
    fn pieces(&mut self, inode: &Inode) -> (Vec<(u64, u64)>, Option<Error>) {
        if inode.offset == ROOT && self.boot.width != Width::ThirtyTwo {
            return (vec![(self.boot.root_at, self.boot.root_len)], None);
        }
        let mut pieces = Vec::new();
        let mut cluster = inode.first;
        // A chain that is longer than there are clusters is a circle.
        while len64(pieces.len()) <= self.boot.clusters {
            if self.table.is_end(cluster) && !pieces.is_empty() {
                return (pieces, None);
            }
            if !self.table.holds(cluster) {
                break;
            }
            let cost = self.budget.spend_nodes(self.boot.cluster_len.div_ceil(1024), "folder cluster", inode.offset);
            pieces.push((self.boot.offset_of(cluster), self.boot.cluster_len));
            match cost.and_then(|()| self.table.next(cluster)) {
                Ok(next) => cluster = next,
                Err(error) => return (pieces, Some(error)),
            }
        }
        (pieces, Some(Error::corrupt("cluster of a chain", self.table.entry_at(cluster))))
    }
}

impl walk::Volume for Volume {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        (ROOT, 0)
    }

    fn inode(&mut self, number: u64, _named_at: u64) -> Result<Inode> {
        if number == ROOT {
            return Ok(Inode { offset: ROOT, is_folder: true, first: self.boot.root_cluster, size: 0 });
        }
        let bytes = self.source.array::<ENTRY_LEN>(number, "folder entry")?;
        let record = Record::new(&bytes, number);
        let high = if self.boot.width == Width::ThirtyTwo { record.u16(20, "DIR_FstClusHI")? } else { 0 };
        let first = u32::from(record.u16(26, "DIR_FstClusLO")?) | u32::from(high) << 16;
        let is_folder = record.u8(11, "DIR_Attr")? & names::FOLDER != 0;
        Ok(Inode { offset: number, is_folder, first, size: u64::from(record.u32(28, "DIR_FileSize")?) })
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let kind = if inode.is_folder {
            EntryKind::Directory
        } else {
            let (source, error) = self.contents(inode);
            errors.extend(error);
            EntryKind::File(source)
        };
        Found { kind, attributes: Attributes::default(), errors, has_other_names: false, is_listable: true }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        let mut listing = Listing::default();
        let (pieces, error) = self.pieces(inode);
        listing.errors.extend(error);
        let mut reader = Reader::default();
        for (offset, len) in pieces {
            let mut bytes = vec![0; to_usize(len)];
            let count = self.source.read_some(offset, &mut bytes);
            let there = count.as_ref().copied().unwrap_or(0);
            let read = reader.entries(bytes.get(..there).unwrap_or_default(), offset, &self.budget, &mut listing);
            match read {
                Ok(true) => return listing,
                Ok(false) if len64(there) < len => {
                    let end = offset.saturating_add(len64(there));
                    listing.errors.push(Error::truncated("folder", end, len.saturating_sub(len64(there)), 0));
                    return listing;
                }
                Ok(false) => {}
                Err(error) => {
                    listing.errors.push(error);
                    return listing;
                }
            }
        }
        listing
    }
}
