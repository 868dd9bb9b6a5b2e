//! Update payloads of devices with two sets of partitions (A/B), `payload.bin` of an update archive. Met in nearly every
//! update since Android 10. Written from AOSP system/update_engine, update_metadata.proto and payload_consumer/.
//!
//! A payload lists operations, each of which makes a few runs of blocks of one partition. Nothing is done when it is
//! opened: a partition is the list of its operations, and each is carried out when somebody reads what it makes.

mod manifest;

use std::cell::OnceCell;

use bytes::{Budget, ByteSource, Cursor, Error, Extents, Kind, Limit, Piece, Result};
use codecs::{Codec, PackedMember};

use crate::{
    Child, Format, Opened, Problem, bsdiff,
    digest::{self, Expected},
    layout::Layout,
};
use manifest::{Manifest, Operation, Partition};

/// A payload as a container of partitions.
pub static FORMAT: Format = Format {
    name: "payload",
    probe,
    open,
    references: &["AOSP system/update_engine, update_metadata.proto", "AOSP system/update_engine, payload_consumer/"],
    limitations: &[
        "digests of operations are compared when what they make is read, that of a whole partition only if it is read \
         from front to back",
        "operations that change an older image need that image (`--base`), and are reported without it; with it SOURCE_COPY, \
         SOURCE_BSDIFF and BROTLI_BSDIFF are carried out, PUFFDIFF, ZUCCHINI and LZ4DIFF are reported",
        "payloads of version 1 are refused",
        "signatures of the payload are not verified",
        "hash trees and error correction codes that a device makes itself are not made",
    ],
};

const MAGIC: &[u8] = b"CrAU";
/// Longest manifest: real ones stay below two megabytes.
const MANIFEST_LEN_MAX: u64 = 64 << 20;
/// The first block of a run of blocks that are zero wherever they would be.
const HOLE: u64 = u64::MAX;
/// Most bytes that one operation makes. Writers cut operations at 2 MiB, or at 512 MiB where whole files are stored.
const OPERATION_LEN_MAX: u64 = 1 << 30;

const REPLACE: u64 = 0;
const REPLACE_BZ: u64 = 1;
const SOURCE_COPY: u64 = 4;
const SOURCE_BSDIFF: u64 = 5;
const ZERO: u64 = 6;
const DISCARD: u64 = 7;
const REPLACE_XZ: u64 = 8;
const BROTLI_BSDIFF: u64 = 10;
const REPLACE_ZSTD: u64 = 14;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let (manifest, blobs_offset) = read(source, budget)?;
    let payload = Payload { source, blobs_offset, block_len: manifest.block_len, budget };
    let mut opened = Opened::default();
    for partition in manifest.partitions {
        let name = partition.name.clone();
        let mut problems = Vec::new();
        match payload.partition(partition, &mut problems) {
            Ok(source) => opened.children.push(Child { name: name.clone(), source, mode: None }),
            Err(error) => problems.push(error),
        }
        opened.problems.extend(problems.into_iter().map(|error| Problem { name: name.clone(), error }));
    }
    Ok(opened)
}

/// The manifest, and where the data of operations starts.
fn read(source: &ByteSource, budget: &Budget) -> Result<(Manifest, u64)> {
    let header = source.array::<20>(0, "payload header")?;
    let mut cursor = Cursor::new(&header, 0);
    if cursor.take(4, "magic")? != MAGIC {
        return Err(Error::corrupt("magic", 0));
    }
    let version = u64::from_be_bytes(cursor.array("file_format_version")?);
    let manifest_len = u64::from_be_bytes(cursor.array("manifest_size")?);
    // Version 1 describes two partitions by other fields; devices that used it never left the laboratory.
    if version != 2 {
        return Err(Error::unsupported("file_format_version", 4, version));
    }
    let signature_len = u32::from_be_bytes(source.array(20, "metadata_signature_size")?);
    if manifest_len > MANIFEST_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "manifest_size", 12));
    }
    let bytes = source.slice(24, manifest_len, "manifest")?.to_vec(budget, "manifest")?;
    let blobs_offset = 24_u64.saturating_add(manifest_len).saturating_add(u64::from(signature_len));
    Ok((Manifest::read(&bytes, 24, budget)?, blobs_offset))
}

struct Payload<'a> {
    source: &'a ByteSource,
    blobs_offset: u64,
    block_len: u64,
    budget: &'a Budget,
}

impl Payload<'_> {
    /// The partition that the operations make. An operation that cannot be carried out makes bytes that cannot be read;
    /// the first reason of each kind goes to `problems`.
    fn partition(&self, partition: Partition, problems: &mut Vec<Error>) -> Result<ByteSource> {
        let found = OnceCell::new();
        let base = || found.get_or_init(|| older(&partition, self.budget)).clone();
        let mut layout = Layout::default();
        let mut end = 0;
        for operation in &partition.operations {
            let (start, target_len) = self.place(operation)?;
            end = end.max(start);
            let made = self.make(operation, target_len, &base).unwrap_or_else(|error| {
                if !problems.iter().any(|known| (known.kind, known.what) == (error.kind, error.what)) {
                    problems.push(error);
                }
                Piece::Missing(error, target_len)
            });
            let mut done = 0;
            for run in &operation.target {
                // Checked by `place`.
                let (start, len) = (run.start.saturating_mul(self.block_len), run.count.saturating_mul(self.block_len));
                layout.put(start, made.cut(done, len)?)?;
                done = done.saturating_add(len);
            }
        }
        if let Some(start) = layout.overlap {
            return Err(Error::corrupt("dst_extents", start));
        }
        let gap = Error::corrupt("blocks that no operation makes", partition.offset);
        let len = partition.len.unwrap_or(end).max(end);
        // A device makes hash trees and error correction codes itself.
        let made_len = layout.len().saturating_add(partition.device_made.saturating_mul(self.block_len));
        if made_len < partition.len.unwrap_or(len) {
            problems.push(gap);
        }
        let source = layout.into_source(len, Some((0, gap)));
        // The last block may be longer than the partition.
        let source = source.slice(0, partition.len.unwrap_or(len), "new_partition_info size")?;
        Ok(match partition.sha256 {
            Some(sha256) => digest::verified_in_passing(source, sha256, Error::checksum("new_partition_info hash", 0)),
            None => source,
        })
    }

    /// Where the last block of an operation ends, and how many bytes it makes.
    fn place(&self, operation: &Operation) -> Result<(u64, u64)> {
        let corrupt = Error::corrupt("dst_extents", operation.offset);
        let (mut end, mut len) = (0_u64, 0_u64);
        for run in &operation.target {
            let run_end = run.start.checked_add(run.count).and_then(|blocks| blocks.checked_mul(self.block_len));
            end = end.max(run_end.ok_or(corrupt)?);
            len = len.checked_add(run.count.checked_mul(self.block_len).ok_or(corrupt)?).ok_or(corrupt)?;
        }
        Ok((end, len))
    }

    /// What an operation makes: `len` bytes, or fewer that are filled up with zeros.
    fn make(&self, operation: &Operation, len: u64, base: &dyn Fn() -> Result<ByteSource>) -> Result<Piece> {
        let codec = match operation.kind {
            ZERO | DISCARD => return Ok(Piece::zeros(len)),
            SOURCE_COPY => {
                let taken = self.taken(operation, "operation SOURCE_COPY", base)?;
                let is_same = taken.len() == len;
                return if is_same {
                    Ok(Piece::Stored(taken))
                } else {
                    Err(Error::corrupt("src_extents", operation.offset))
                };
            }
            kind @ (SOURCE_BSDIFF | BROTLI_BSDIFF) => {
                let is_first = kind == SOURCE_BSDIFF;
                let what = if is_first { "operation SOURCE_BSDIFF" } else { "operation BROTLI_BSDIFF" };
                let taken = self.taken(operation, what, base)?;
                self.bound(operation, len)?;
                let (offset, blob) = self.blob(operation)?;
                let patched = bsdiff::patched(taken, &blob, len);
                let at_payload = |error: Error| Error { offset: error.offset.saturating_add(offset), ..error };
                return patched.map(Piece::Stored).map_err(at_payload);
            }
            REPLACE => None,
            REPLACE_BZ => Some(Codec::Bzip2),
            REPLACE_XZ => Some(Codec::Xz),
            REPLACE_ZSTD => Some(Codec::Zstd),
            other => return Err(unsupported(operation, other)),
        };
        let (offset, blob) = self.blob(operation)?;
        let Some(codec) = codec else {
            if blob.len() > len {
                return Err(Error::corrupt("data_length", operation.offset));
            }
            let mut padded = Extents::default();
            let padding = len.saturating_sub(blob.len());
            padded.push(Piece::Stored(blob));
            padded.push(Piece::zeros(padding));
            return Ok(Piece::Stored(padded.into_source()));
        };
        self.bound(operation, len)?;
        let member = PackedMember { packed: blob, packed_offset: offset, codec, unpacked_len: len, crc32: None };
        Ok(Piece::Stored(member.into_piece()))
    }

    /// Pays for the `len` bytes that an operation makes in one go.
    fn bound(&self, operation: &Operation, len: u64) -> Result<()> {
        if len > OPERATION_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "dst_extents", operation.offset));
        }
        self.budget.spend_bytes(len, "dst_extents", operation.offset)
    }

    /// The data of an operation, and where it starts in the payload.
    fn blob(&self, operation: &Operation) -> Result<(u64, ByteSource)> {
        let offset = self.blobs_offset.saturating_add(operation.data_offset);
        let blob = self.source.slice(offset, operation.data_len, "data of an operation")?;
        let blob = match operation.sha256 {
            Some(sha256) => {
                digest::verified(blob, Expected::Sha256(sha256), Error::checksum("data_sha256_hash", offset))
            }
            None => blob,
        };
        Ok((offset, blob))
    }

    /// The blocks of the older image that an operation takes.
    fn taken(
        &self,
        operation: &Operation,
        what: &'static str,
        base: &dyn Fn() -> Result<ByteSource>,
    ) -> Result<ByteSource> {
        let base = base().map_err(|error| match error.kind {
            Kind::BaseRequired => Error { what, offset: operation.offset, ..error },
            _ => error,
        })?;
        let corrupt = Error::corrupt("src_extents", operation.offset);
        let mut taken = Extents::default();
        for run in &operation.source {
            let len = run.count.checked_mul(self.block_len).ok_or(corrupt)?;
            if run.start == HOLE {
                taken.push(Piece::zeros(len));
                continue;
            }
            let start = run.start.checked_mul(self.block_len).ok_or(corrupt)?;
            // The last block of the older image may not be whole.
            let available = base.len().saturating_sub(start).min(len);
            let padding = len.saturating_sub(available);
            if padding >= self.block_len {
                return Err(Error::truncated("src_extents", operation.offset, len, available));
            }
            taken.push(Piece::Stored(base.slice(start, available, "src_extents")?));
            taken.push(Piece::zeros(padding));
        }
        let taken = taken.into_source();
        let error = Error::checksum("src_sha256_hash", operation.offset);
        Ok(match operation.source_sha256 {
            Some(sha256) => digest::verified(taken, Expected::Sha256(sha256), error),
            None => taken,
        })
    }
}

/// The image that the operations of `partition` change, if the user brought it and it is the right one. Telling that reads
/// all of it: an update over another image would make an image that nobody ever had.
fn older(partition: &Partition, budget: &Budget) -> Result<ByteSource> {
    let absent = Error { kind: Kind::BaseRequired, what: "old_partition_info", offset: partition.offset };
    let name = std::str::from_utf8(&partition.name).unwrap_or_default();
    let base = budget.base().of(name).ok_or(absent)?;
    let base = match partition.old_len {
        Some(len) => base.slice(0, len, "older image")?,
        None => base.clone(),
    };
    if let Some(sha256) = partition.old_sha256
        && !Expected::Sha256(sha256).is_of(&base)?
    {
        return Err(Error::checksum("old_partition_info hash, of the older image given", partition.offset));
    }
    Ok(base)
}

/// Kinds of operations that change an older image, by their names in the document.
fn unsupported(operation: &Operation, kind: u64) -> Error {
    let what = match kind {
        2 => "operation MOVE",
        3 => "operation BSDIFF",
        9 => "operation PUFFDIFF",
        11 => "operation ZUCCHINI",
        12 => "operation LZ4DIFF_BSDIFF",
        13 => "operation LZ4DIFF_PUFFDIFF",
        _ => "operation type",
    };
    Error::unsupported(what, operation.offset, kind)
}
