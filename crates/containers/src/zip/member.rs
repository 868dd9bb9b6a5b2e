//! From records of the central directory to readable members: where the data is, whether it can be read, and no byte
//! belonging to two members.

use bytes::{Budget, ByteSource, Error, Kind, Result};
use codecs::{Codec, Crc32, PackedMember, Wrapping};

use super::{LOCAL_HEADER_MARK, directory::Record, end_record::EndRecord};
use crate::Problem;

/// Length of a local header without name and extra field (APPNOTE 4.3.7).
const LOCAL_HEADER_LEN: u64 = 30;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Deflate cannot grow a byte to more than this many.
const DEFLATE_RATIO_MAX: u64 = 1032;
/// Members with contradicting headers are tried out up to this length.
const TRIAL_LEN_MAX: u64 = 64 << 20;

/// One member of an archive.
#[derive(Debug, Clone)]
pub struct Member {
    /// Name as written, not yet trusted as a path. A folder's ends with `/`.
    pub name: Vec<u8>,
    /// Its unpacked bytes: a range of the archive if it is stored, else unpacked when first read.
    pub source: ByteSource,
    /// Unix mode with file type bits, if the archive was made on Unix.
    pub unix_mode: Option<u32>,
    /// Compression method as written: 0 stored, 8 deflate.
    pub method: u16,
    /// CRC-32 as written.
    pub crc32: u32,
    /// Length of its packed bytes.
    pub packed_len: u64,
    /// Where its local header starts.
    pub local_header_offset: u64,
    /// Where its packed bytes start.
    pub data_offset: u64,
}

impl Member {
    /// Whether this is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.name.ends_with(b"/")
    }
}

/// Where a record's bytes are.
struct Placed {
    record: Record,
    local_header_offset: u64,
    data_offset: u64,
    /// Overlaps a member before it: kept back, with this error.
    error: Option<Error>,
}

/// The members that can be read; the others go to `problems`.
pub(super) fn place(
    source: &ByteSource,
    records: Vec<Record>,
    end: &EndRecord,
    budget: &Budget,
    problems: &mut Vec<Problem>,
) -> Vec<Member> {
    let mut placed = Vec::with_capacity(records.len());
    for record in records {
        match locate(source, &record, end) {
            Ok((local_header_offset, data_offset)) => {
                placed.push(Placed { record, local_header_offset, data_offset, error: None });
            }
            Err(error) => problems.push(Problem { name: record.name, error }),
        }
    }
    refuse_overlaps(&mut placed);
    let mut members = Vec::with_capacity(placed.len());
    for placed in placed {
        let name = placed.record.name.clone();
        match member(source, placed, budget) {
            Ok(member) => members.push(member),
            Err(error) => problems.push(Problem { name, error }),
        }
    }
    members
}

/// Offsets of the local header and of the data; the data must end before the central directory.
fn locate(source: &ByteSource, record: &Record, end: &EndRecord) -> Result<(u64, u64)> {
    let offset = record.local_header_offset.saturating_add(end.base);
    let header = source.array::<30>(offset, "local file header")?;
    if !header.starts_with(LOCAL_HEADER_MARK) {
        return Err(Error::corrupt("local file header signature", offset));
    }
    let [.., name_low, name_high, extra_low, extra_high] = header;
    let name_len = u64::from(u16::from_le_bytes([name_low, name_high]));
    let extra_len = u64::from(u16::from_le_bytes([extra_low, extra_high]));
    // Three small numbers and an offset inside the source: no overflow.
    let data = offset.saturating_add(LOCAL_HEADER_LEN + name_len + extra_len);
    let available = end.directory_offset.saturating_sub(data);
    if record.packed_len > available {
        return Err(Error::truncated("compressed size", data, record.packed_len, available));
    }
    Ok((offset, data))
}

/// Marks every member that starts inside another one. Two records of the same local header are duplicates and stay;
/// anything else is how a small archive claims the same bytes many times.
fn refuse_overlaps(placed: &mut [Placed]) {
    let mut order: Vec<usize> = (0..placed.len()).collect();
    let start = |placed: &[Placed], index: usize| placed.get(index).map_or(0, |member| member.local_header_offset);
    order.sort_by_key(|&index| start(placed, index));
    let (mut last_start, mut covered_to) = (None, 0);
    for index in order {
        let Some(member) = placed.get_mut(index) else { continue };
        let duplicate = last_start == Some(member.local_header_offset);
        if !duplicate && member.local_header_offset < covered_to {
            member.error = Some(Error::corrupt("overlapping members", member.local_header_offset));
            continue;
        }
        last_start = Some(member.local_header_offset);
        covered_to = covered_to.max(member.data_offset.saturating_add(member.record.packed_len));
    }
}

fn member(source: &ByteSource, placed: Placed, budget: &Budget) -> Result<Member> {
    let Placed { record, local_header_offset, data_offset, error } = placed;
    if let Some(error) = error {
        return Err(error);
    }
    let packed = source.slice(data_offset, record.packed_len, "member")?;
    let source = contents(packed, data_offset, &record, budget)?;
    Ok(Member {
        source,
        unix_mode: unix_mode(&record),
        method: record.method,
        crc32: record.crc32,
        packed_len: record.packed_len,
        local_header_offset,
        data_offset,
        name: record.name,
    })
}

fn contents(packed: ByteSource, data_offset: u64, record: &Record, budget: &Budget) -> Result<ByteSource> {
    let encrypted = record.flags & 1 != 0;
    match record.method {
        STORED if !encrypted => stored(packed, data_offset, record),
        DEFLATED if !encrypted => Ok(deflated(packed, data_offset, record, budget)?.into_source()),
        // The platform ignores the encryption flag and treats unknown methods as stored; packers use both against
        // analysts. If the bytes match the checksum as they are, they are what the platform would run.
        _ => try_out(packed, data_offset, record, budget).ok_or(if encrypted {
            Error { kind: Kind::Encrypted, what: "general purpose bit flag", offset: record.offset.saturating_add(8) }
        } else {
            Error::unsupported("compression method", record.offset.saturating_add(10), u64::from(record.method))
        }),
    }
}

fn stored(packed: ByteSource, data_offset: u64, record: &Record) -> Result<ByteSource> {
    if record.packed_len == record.unpacked_len {
        return Ok(packed);
    }
    Err(Error::corrupt("uncompressed size of a stored member", data_offset))
}

fn deflated(packed: ByteSource, packed_offset: u64, record: &Record, budget: &Budget) -> Result<PackedMember> {
    if record.unpacked_len > record.packed_len.saturating_mul(DEFLATE_RATIO_MAX) {
        return Err(Error::corrupt("uncompressed size", record.offset.saturating_add(24)));
    }
    budget.spend_bytes(record.unpacked_len, "uncompressed size", record.offset.saturating_add(24))?;
    let (unpacked_len, crc32) = (record.unpacked_len, Some(record.crc32));
    let codec = Codec::Deflate(Wrapping::Raw);
    Ok(PackedMember { packed, packed_offset, codec, unpacked_len, crc32 })
}

/// The contents of a member whose header says it cannot be read, if they can.
fn try_out(packed: ByteSource, data_offset: u64, record: &Record, budget: &Budget) -> Option<ByteSource> {
    if record.unpacked_len > TRIAL_LEN_MAX {
        return None;
    }
    if record.packed_len == record.unpacked_len && crc32_of(&packed, budget) == Some(record.crc32) {
        return Some(packed);
    }
    let member = deflated(packed, data_offset, record, budget).ok()?;
    member.is_intact().then(|| member.into_source())
}

fn crc32_of(source: &ByteSource, budget: &Budget) -> Option<u32> {
    budget.spend_bytes(source.len(), "member", 0).ok()?;
    let mut checksum = Crc32::default();
    let mut window = vec![0; 64 << 10];
    let mut offset = 0;
    while offset < source.len() {
        let count = source.read_some(offset, &mut window).ok()?;
        checksum.update(window.get(..count)?);
        offset = offset.saturating_add(count as u64);
    }
    Some(checksum.value())
}

/// The high half of the external attributes, if the host that made the archive was Unix (3) or Darwin (19).
const fn unix_mode(record: &Record) -> Option<u32> {
    let mode = record.external_attributes >> 16;
    if matches!(record.made_by >> 8, 3 | 19) && mode != 0 { Some(mode) } else { None }
}
