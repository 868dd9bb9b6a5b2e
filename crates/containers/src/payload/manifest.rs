//! The manifest of an update payload: `DeltaArchiveManifest`. Written from AOSP system/update_engine,
//! update_metadata.proto.

use bytes::{Budget, Error, Result};

use crate::protobuf::{Message, Value};

/// What the manifest says.
pub(super) struct Manifest {
    pub(super) block_len: u64,
    pub(super) partitions: Vec<Partition>,
}

/// One partition and how it is made.
#[derive(Default)]
pub(super) struct Partition {
    pub(super) name: Vec<u8>,
    pub(super) len: Option<u64>,
    pub(super) sha256: Option<[u8; 32]>,
    /// Length and digest of the image that an incremental update applies to.
    pub(super) old_len: Option<u64>,
    pub(super) old_sha256: Option<[u8; 32]>,
    pub(super) operations: Vec<Operation>,
    /// Blocks that no operation makes: the hash tree and the error correction codes.
    pub(super) device_made: u64,
    /// Where the partition stands in the payload.
    pub(super) offset: u64,
}

/// One operation.
#[derive(Default)]
pub(super) struct Operation {
    pub(super) kind: u64,
    pub(super) data_offset: u64,
    pub(super) data_len: u64,
    pub(super) source: Vec<Run>,
    pub(super) target: Vec<Run>,
    pub(super) sha256: Option<[u8; 32]>,
    /// Digest of what it takes from the older image.
    pub(super) source_sha256: Option<[u8; 32]>,
    /// Where the operation stands in the payload.
    pub(super) offset: u64,
}

/// A run of blocks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) count: u64,
}

impl Manifest {
    /// Reads the manifest in `bytes`, which start at `offset` of the payload.
    pub(super) fn read(bytes: &[u8], offset: u64, budget: &Budget) -> Result<Self> {
        let mut manifest = Self { block_len: 4096, partitions: Vec::new() };
        let mut message = Message::new(bytes, offset);
        while let Some(field) = message.field()? {
            match (field.number, field.value) {
                (3, Value::Number(len)) => manifest.block_len = len,
                (13, Value::Bytes(bytes, offset)) => manifest.partitions.push(partition(bytes, offset, budget)?),
                _ => {}
            }
        }
        if !manifest.block_len.is_power_of_two() || !(512..=1 << 20).contains(&manifest.block_len) {
            return Err(Error::corrupt("block_size", offset));
        }
        Ok(manifest)
    }
}

fn partition(bytes: &[u8], offset: u64, budget: &Budget) -> Result<Partition> {
    budget.spend_nodes(1, "PartitionUpdate", offset)?;
    let mut partition = Partition { offset, ..Partition::default() };
    let mut message = Message::new(bytes, offset);
    while let Some(field) = message.field()? {
        match (field.number, field.value) {
            (1, Value::Bytes(name, _)) => partition.name = name.to_vec(),
            (6, Value::Bytes(bytes, offset)) => (partition.old_len, partition.old_sha256) = info(bytes, offset)?,
            (7, Value::Bytes(bytes, offset)) => (partition.len, partition.sha256) = info(bytes, offset)?,
            (8, Value::Bytes(bytes, offset)) => partition.operations.push(operation(bytes, offset, budget)?),
            // `hash_tree_extent` and `fec_extent`.
            (11 | 15, Value::Bytes(bytes, offset)) => {
                partition.device_made = partition.device_made.saturating_add(run(bytes, offset, budget)?.count);
            }
            _ => {}
        }
    }
    Ok(partition)
}

/// `PartitionInfo`: length and digest.
fn info(bytes: &[u8], offset: u64) -> Result<(Option<u64>, Option<[u8; 32]>)> {
    let mut message = Message::new(bytes, offset);
    let (mut len, mut digest) = (None, None);
    while let Some(field) = message.field()? {
        match (field.number, field.value) {
            (1, Value::Number(number)) => len = Some(number),
            (2, Value::Bytes(bytes, offset)) => digest = Some(sha256(bytes, offset)?),
            _ => {}
        }
    }
    Ok((len, digest))
}

fn sha256(bytes: &[u8], offset: u64) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| Error::corrupt("SHA-256", offset))
}

fn operation(bytes: &[u8], offset: u64, budget: &Budget) -> Result<Operation> {
    budget.spend_nodes(1, "InstallOperation", offset)?;
    let mut operation = Operation { offset, ..Operation::default() };
    let mut message = Message::new(bytes, offset);
    while let Some(field) = message.field()? {
        match (field.number, field.value) {
            (1, Value::Number(kind)) => operation.kind = kind,
            (2, Value::Number(offset)) => operation.data_offset = offset,
            (3, Value::Number(len)) => operation.data_len = len,
            (4, Value::Bytes(bytes, offset)) => operation.source.push(run(bytes, offset, budget)?),
            (6, Value::Bytes(bytes, offset)) => operation.target.push(run(bytes, offset, budget)?),
            (8, Value::Bytes(bytes, offset)) => operation.sha256 = Some(sha256(bytes, offset)?),
            (9, Value::Bytes(bytes, offset)) => operation.source_sha256 = Some(sha256(bytes, offset)?),
            _ => {}
        }
    }
    Ok(operation)
}

/// `Extent`.
fn run(bytes: &[u8], offset: u64, budget: &Budget) -> Result<Run> {
    budget.spend_nodes(1, "Extent", offset)?;
    let mut run = Run::default();
    let mut message = Message::new(bytes, offset);
    while let Some(field) = message.field()? {
        match (field.number, field.value) {
            (1, Value::Number(start)) => run.start = start,
            (2, Value::Number(count)) => run.count = count,
            _ => {}
        }
    }
    Ok(run)
}
