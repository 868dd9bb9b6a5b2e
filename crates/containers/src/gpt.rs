//! Whole disks with a GUID partition table: dumps of a device's flash memory, read out by hardware or in a service mode.
//! Written from the UEFI Specification 2.10, chapter 5.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{Child, Format, Opened, Problem, layout::partly, text::utf16_until_zero};

/// A disk as a container of partitions.
pub static FORMAT: Format = Format {
    name: "gpt",
    probe,
    open,
    references: &["UEFI Specification 2.10, chapter 5, GUID Partition Table Disk Layout"],
    limitations: &[
        "the backup table at the end of the disk is read only if the first one is damaged",
        "disks with partition tables of single makers are not recognised",
    ],
};

const MAGIC: &[u8] = b"EFI PART";
/// Lengths of sectors: eMMC has 512, UFS 4096 bytes.
const SECTOR_LENS: [u64; 2] = [512, 4096];
/// Most entries: tables have 128, some of phones fewer.
const ENTRIES_MAX: u32 = 1024;
const ENTRY_LEN_MIN: u32 = 128;
const ENTRY_LEN_MAX: u32 = 4096;

fn sector_len(source: &ByteSource) -> Option<u64> {
    SECTOR_LENS.into_iter().find(|&len| source.has(len, MAGIC))
}

fn probe(source: &ByteSource) -> bool {
    sector_len(source).is_some()
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let sector_len = sector_len(source).ok_or(Error::corrupt("signature", 512))?;
    let mut opened = Opened::default();
    let table = match Table::read(source, sector_len, sector_len, budget) {
        Ok(table) => table,
        Err(error) => {
            // The backup header is the last sector; it knows its own table.
            let backup = source.len().saturating_sub(sector_len) / sector_len * sector_len;
            let table = Table::read(source, backup, sector_len, budget).map_err(|_| error)?;
            opened.problems.push(Problem { name: Vec::new(), error });
            table
        }
    };
    for (index, entry) in table.entries.chunks_exact(table.entry_len).enumerate() {
        // Bounded by ENTRIES_MAX and ENTRY_LEN_MAX.
        let offset = table.offset.saturating_add((index * table.entry_len) as u64);
        budget.spend_nodes(1, "partition entry", offset)?;
        if entry.iter().take(16).all(|&byte| byte == 0) {
            continue;
        }
        let (name, range) = partition(entry, offset, sector_len)?;
        let error = match range.and_then(|(start, len)| partly(source, start, len, "partition")) {
            Ok((source, error)) => {
                opened.children.push(Child { name: name.clone(), source, mode: None });
                error
            }
            Err(error) => Some(error),
        };
        opened.problems.extend(error.map(|error| Problem { name, error }));
    }
    Ok(opened)
}

/// The name of a partition, and where it starts and how long it is.
type Partition = (Vec<u8>, Result<(u64, u64)>);

fn partition(entry: &[u8], offset: u64, sector_len: u64) -> Result<Partition> {
    let mut cursor = Cursor::new(entry, offset);
    cursor.take(32, "type and unique GUID")?;
    let first = cursor.u64_le("StartingLBA")?;
    let last = cursor.u64_le("EndingLBA")?;
    cursor.take(8, "Attributes")?;
    let name = utf16_until_zero(cursor.take(72, "PartitionName")?);
    let count = last.checked_sub(first).and_then(|count| count.checked_add(1));
    let range = first.checked_mul(sector_len).zip(count.and_then(|count| count.checked_mul(sector_len)));
    Ok((name, range.ok_or(Error::corrupt("StartingLBA", offset.saturating_add(32)))))
}

struct Table {
    entries: Vec<u8>,
    entry_len: usize,
    offset: u64,
}

impl Table {
    /// Reads the header at `offset` and the table it points to, and compares both checksums.
    fn read(source: &ByteSource, offset: u64, sector_len: u64, budget: &Budget) -> Result<Self> {
        let header = source.array::<92>(offset, "GPT header")?;
        let mut cursor = Cursor::new(&header, offset);
        if cursor.take(8, "Signature")? != MAGIC {
            return Err(Error::corrupt("Signature", offset));
        }
        cursor.take(4, "Revision")?;
        let header_len = cursor.u32_le("HeaderSize")?;
        let header_sum = cursor.u32_le("HeaderCRC32")?;
        cursor.take(52, "LBAs and disk GUID")?;
        let table = cursor.u64_le("PartitionEntryLBA")?;
        let count = cursor.u32_le("NumberOfPartitionEntries")?;
        let entry_len = cursor.u32_le("SizeOfPartitionEntry")?;
        let sum = cursor.u32_le("PartitionEntryArrayCRC32")?;
        if !(92..=512).contains(&header_len) {
            return Err(Error::corrupt("HeaderSize", offset.saturating_add(12)));
        }
        // The sum itself counts as zero.
        let mut checked = source.slice(offset, u64::from(header_len), "GPT header")?.to_vec(budget, "GPT header")?;
        checked.iter_mut().skip(16).take(4).for_each(|byte| *byte = 0);
        if codecs::crc32(&checked) != header_sum {
            return Err(Error::checksum("HeaderCRC32", offset.saturating_add(16)));
        }
        if count > ENTRIES_MAX || !(ENTRY_LEN_MIN..=ENTRY_LEN_MAX).contains(&entry_len) {
            return Err(Error::corrupt("SizeOfPartitionEntry", offset.saturating_add(80)));
        }
        let table_offset =
            table.checked_mul(sector_len).ok_or(Error::corrupt("PartitionEntryLBA", offset.saturating_add(72)))?;
        let len = u64::from(count) * u64::from(entry_len);
        let entries = source.slice(table_offset, len, "partition entries")?.to_vec(budget, "partition entries")?;
        if codecs::crc32(&entries) != sum {
            return Err(Error::checksum("PartitionEntryArrayCRC32", offset.saturating_add(88)));
        }
        // Bounded above.
        Ok(Self { entries, entry_len: entry_len as usize, offset: table_offset })
    }
}
