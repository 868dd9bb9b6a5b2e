//! Whole disks with the older partition table of personal computers: dumps of the flash memory of phones of up to about 2014, which describe
//! their partitions so, and of memory cards. Written from the UEFI Specification 2.10, section 5.2.1 (legacy master boot record), and from
//! the Linux kernel's block/partitions/msdos.c for the tables of extended partitions.
//!
//! Four entries in the first sector; one of them may be a partition that holds further tables, each of which describes one partition and says
//! where the next table is. Partitions have no names: they are numbered as Linux numbers them.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{Child, Format, Opened, Problem, layout::partly};

/// A disk as a container of partitions.
pub static FORMAT: Format = Format {
    name: "mbr",
    probe,
    open,
    references: &[
        "UEFI Specification 2.10, section 5.2.1, Legacy Master Boot Record",
        "Linux kernel, block/partitions/msdos.c, for extended partitions",
    ],
    limitations: &[
        "what lies outside of every partition is not looked at: on phones the kernel and the loaders",
        "sectors are taken to have 512 bytes",
    ],
};

const SECTOR_LEN: u64 = 512;
const ENTRIES_AT: u64 = 446;
const ENTRY_LEN: u64 = 16;
const MARK_AT: u64 = 510;
const MARK: &[u8] = &[0x55, 0xaa];
/// Partitions that hold tables.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// The whole disk, described by another table.
const PROTECTIVE: u8 = 0xee;
/// Most tables that follow one another: Linux stops at 256 partitions.
const TABLES_MAX: u64 = 256;
/// Number of the first partition in an extended one.
const FIRST_LOGICAL: u64 = 5;

/// An entry of a table: of the first one with places on the disk, of others as they are stored.
#[derive(Debug, Clone, Copy)]
struct Entry {
    status: u8,
    kind: u8,
    start: u64,
    count: u64,
}

impl Entry {
    const fn is_extended(self) -> bool {
        matches!(self.kind, kind if kind == EXTENDED[0] || kind == EXTENDED[1] || kind == EXTENDED[2])
    }

    const fn end(self) -> u64 {
        self.start.saturating_add(self.count)
    }
}

/// The four entries of the table in `sector`.
fn entries(source: &ByteSource, sector: u64) -> Result<Vec<Entry>> {
    let offset = sector.saturating_mul(SECTOR_LEN);
    if !source.has(offset.saturating_add(MARK_AT), MARK) {
        return Err(Error::corrupt("boot signature", offset.saturating_add(MARK_AT)));
    }
    let at = offset.saturating_add(ENTRIES_AT);
    let table = source.array::<64>(at, "partition table")?;
    let mut cursor = Cursor::new(&table, at);
    let mut entry = || -> Result<Entry> {
        let [status, _, _, _] = cursor.array("BootIndicator")?;
        let [kind, _, _, _] = cursor.array("OSType")?;
        let start = u64::from(cursor.u32_le("StartingLBA")?);
        Ok(Entry { status, kind, start, count: u64::from(cursor.u32_le("SizeInLBA")?) })
    };
    (0..4).map(|_| entry()).collect()
}

/// The mark has two bytes, and boot sectors of file systems have it as well: entries must make sense together.
fn probe(source: &ByteSource) -> bool {
    let Ok(entries) = entries(source, 0) else { return false };
    let mut used: Vec<Entry> = entries.iter().copied().filter(|entry| entry.kind != 0).collect();
    used.sort_by_key(|entry| entry.start);
    let makes_sense = |entry: &Entry| {
        matches!(entry.status, 0 | 0x80)
            && if entry.kind == 0 {
                entry.start == 0 && entry.count == 0
            } else {
                entry.kind != PROTECTIVE && entry.start > 0 && entry.count > 0
            }
    };
    let begins_inside = used.first().is_some_and(|first| first.start.saturating_mul(SECTOR_LEN) < source.len());
    let is_apart = used.windows(2).all(|pair| matches!(pair, [one, other] if one.end() <= other.start));
    begins_inside && is_apart && entries.iter().all(makes_sense)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut disk = Disk { source, budget, opened: Opened::default(), next: FIRST_LOGICAL };
    for (number, entry) in (1..).zip(entries(source, 0)?) {
        if entry.is_extended() {
            if let Err(error) = disk.extended(entry) {
                disk.opened.problems.push(Problem { name: name(number), error });
            }
        } else if entry.kind != 0 {
            disk.partition(number, entry, ENTRIES_AT.saturating_add(ENTRY_LEN.saturating_mul(number)))?;
        }
    }
    Ok(disk.opened)
}

fn name(number: u64) -> Vec<u8> {
    format!("partition{number}").into_bytes()
}

struct Disk<'a> {
    source: &'a ByteSource,
    budget: &'a Budget,
    opened: Opened,
    /// Number of the next partition in an extended one.
    next: u64,
}

impl Disk<'_> {
    fn partition(&mut self, number: u64, entry: Entry, offset: u64) -> Result<()> {
        self.budget.spend_nodes(1, "partition entry", offset)?;
        let (start, len) = (entry.start.saturating_mul(SECTOR_LEN), entry.count.saturating_mul(SECTOR_LEN));
        let error = match partly(self.source, start, len, "partition") {
            Ok((source, error)) => {
                self.opened.children.push(Child { name: name(number), source, mode: None });
                error
            }
            Err(error) => Some(error),
        };
        self.opened.problems.extend(error.map(|error| Problem { name: name(number), error }));
        Ok(())
    }

    /// The partitions of an extended one. Their places are counted from the table that names them, those of tables from the first one.
    fn extended(&mut self, whole: Entry) -> Result<()> {
        let mut table = whole.start;
        for _ in 0..TABLES_MAX {
            let offset = table.saturating_mul(SECTOR_LEN);
            let entries = entries(self.source, table)?;
            for entry in entries.iter().filter(|entry| entry.kind != 0 && entry.count > 0 && !entry.is_extended()) {
                let place = Entry { start: table.saturating_add(entry.start), ..*entry };
                self.partition(self.next, place, offset.saturating_add(ENTRIES_AT))?;
                self.next = self.next.saturating_add(1);
            }
            let Some(following) = entries.iter().find(|entry| entry.is_extended() && entry.count > 0) else {
                return Ok(());
            };
            let next = whole.start.saturating_add(following.start);
            // Every writer puts them in order; one that leads back would never end.
            if next <= table {
                return Err(Error::corrupt("place of the next table", offset.saturating_add(ENTRIES_AT)));
            }
            table = next;
        }
        Err(Error::corrupt("number of tables", whole.start.saturating_mul(SECTOR_LEN)))
    }
}
