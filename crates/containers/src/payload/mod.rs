//! Update payloads of devices with two sets of partitions (A/B), `payload.bin` of an update archive. Met in nearly every
//! update since Android 10. Written from AOSP system/update_engine, update_metadata.proto and payload_consumer/.
//!
//! A payload lists operations, each of which makes a few runs of blocks of one partition. Nothing is done when it is
//! opened: a partition is the list of its operations, and each is carried out when somebody reads what it makes.

mod manifest;

use bytes::{Budget, ByteSource, Cursor, Error, Kind, Limit, Piece, Result};
use codecs::{Codec, PackedMember};

use crate::{Child, Format, Opened, Problem, digest, layout::Layout};
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
        "operations that change an older image (SOURCE_COPY, SOURCE_BSDIFF, BROTLI_BSDIFF, PUFFDIFF, ZUCCHINI, LZ4DIFF) \
         need that image and are reported; MOVE and BSDIFF of version 1 are reported",
        "signatures of the payload are not verified",
        "hash trees and error correction codes that a device makes itself are not made",
    ],
};

const MAGIC: &[u8] = b"CrAU";
/// Longest manifest: real ones stay below two megabytes.
const MANIFEST_LEN_MAX: u64 = 64 << 20;
/// Most bytes that one operation makes. Writers cut operations at 2 MiB, or at 512 MiB where whole files are stored.
const OPERATION_LEN_MAX: u64 = 1 << 30;

const REPLACE: u64 = 0;
const REPLACE_BZ: u64 = 1;
const ZERO: u64 = 6;
const DISCARD: u64 = 7;
const REPLACE_XZ: u64 = 8;
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
        let mut layout = Layout::default();
        let mut end = 0;
        for operation in &partition.operations {
            let (start, target_len) = self.place(operation)?;
            end = end.max(start);
            let made = self.make(operation, target_len).unwrap_or_else(|error| {
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
        let gap = Error::corrupt("blocks that no operation makes", 0);
        let len = partition.len.unwrap_or(end).max(end);
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
    fn make(&self, operation: &Operation, len: u64) -> Result<Piece> {
        let codec = match operation.kind {
            ZERO | DISCARD => return Ok(Piece::zeros(len)),
            REPLACE => None,
            REPLACE_BZ => Some(Codec::Bzip2),
            REPLACE_XZ => Some(Codec::Xz),
            REPLACE_ZSTD => Some(Codec::Zstd),
            other => return Err(needs_base(operation, other)),
        };
        if len > OPERATION_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "dst_extents", operation.offset));
        }
        let offset = self.blobs_offset.saturating_add(operation.data_offset);
        let blob = self.source.slice(offset, operation.data_len, "data of an operation")?;
        let blob = match operation.sha256 {
            Some(sha256) => digest::verified(blob, sha256, Error::checksum("data_sha256_hash", offset)),
            None => blob,
        };
        let Some(codec) = codec else {
            if blob.len() > len {
                return Err(Error::corrupt("data_length", operation.offset));
            }
            let mut padded = bytes::Extents::default();
            let padding = len.saturating_sub(blob.len());
            padded.push(Piece::Stored(blob));
            padded.push(Piece::zeros(padding));
            return Ok(Piece::Stored(padded.into_source()));
        };
        self.budget.spend_bytes(len, "dst_extents", operation.offset)?;
        let member = PackedMember { packed: blob, packed_offset: offset, codec, unpacked_len: len, crc32: None };
        Ok(Piece::Stored(member.into_source()))
    }
}

/// Kinds of operations that change an older image, by their names in the document.
fn needs_base(operation: &Operation, kind: u64) -> Error {
    let what = match kind {
        2 => "operation MOVE",
        3 => "operation BSDIFF",
        4 => "operation SOURCE_COPY",
        5 => "operation SOURCE_BSDIFF",
        9 => "operation PUFFDIFF",
        10 => "operation BROTLI_BSDIFF",
        11 => "operation ZUCCHINI",
        12 => "operation LZ4DIFF_BSDIFF",
        13 => "operation LZ4DIFF_PUFFDIFF",
        _ => return Error::unsupported("operation type", operation.offset, kind),
    };
    Error { kind: Kind::BaseRequired, what, offset: operation.offset }
}
