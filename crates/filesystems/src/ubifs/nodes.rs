//! All nodes of an image, the newest of each.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Error, Result};

use crate::record::{Record, join32, to_usize};

const MAGIC: u32 = 0x0610_1831;
const HEADER_LEN: usize = 24;
/// Nodes start at multiples of this.
const ALIGNMENT: usize = 8;
/// Blocks of flash: at most so long, and at least as long as the first node, which tells the length.
const BLOCK_LEN_MAX: u32 = 8 << 20;
const BLOCK_LEN_MIN: u32 = 4096;
/// Features of the superblock that a reader must know: of them, encryption and keys of two hashes are not read.
const FLAG_DOUBLE_HASH: u32 = 0x8;
const FLAG_ENCRYPTION: u32 = 0x10;

/// Kinds of nodes.
const INODE: u8 = 0;
const DATA: u8 = 1;
const NAME: u8 = 2;
const ATTRIBUTE: u8 = 3;
const PADDING: u8 = 5;
const SUPERBLOCK: u8 = 6;
/// In a key: the lowest 29 bits of the second word.
const KEY_MASK: u32 = 0x1FFF_FFFF;

pub(super) fn probe(source: &ByteSource) -> bool {
    source.has(0, &MAGIC.to_le_bytes()) && source.has(20, &[SUPERBLOCK])
}

/// A node: when it was written, and where it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Node {
    sequence: u64,
    pub(super) offset: u64,
    pub(super) len: usize,
}

/// A name, and the inode that it stands for: none if it was taken away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    sequence: u64,
    pub(super) inode: u64,
    pub(super) offset: u64,
}

/// What an image holds.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) inodes: BTreeMap<u32, Node>,
    /// By folder and name.
    pub(super) names: BTreeMap<u32, BTreeMap<Vec<u8>, Named>>,
    /// By inode and name of the attribute.
    pub(super) attributes: BTreeMap<u32, BTreeMap<Vec<u8>, Named>>,
    /// By inode and number of the block.
    pub(super) data: BTreeMap<(u32, u32), Node>,
    pub(super) errors: Vec<Error>,
    /// Why nodes that others name may not be there: the image is shorter than it says.
    pub(super) cut: Option<Error>,
}

impl Nodes {
    /// Looks at every node of `source`.
    pub(super) fn read(source: &ByteSource, budget: &Budget) -> Result<Self> {
        let head = source.array::<64>(0, "superblock")?;
        let record = Record::new(&head, 0);
        if record.u32(0, "magic")? != MAGIC || record.u8(20, "node_type")? != SUPERBLOCK {
            return Err(Error::corrupt("magic", 0));
        }
        let flags = record.u32(28, "flags")?;
        if flags & (FLAG_DOUBLE_HASH | FLAG_ENCRYPTION) != 0 {
            return Err(Error::unsupported("flags", 28, u64::from(flags)));
        }
        let block_len = record.u32(36, "leb_size")?;
        if !(BLOCK_LEN_MIN..=BLOCK_LEN_MAX).contains(&block_len) || !block_len.is_multiple_of(8) {
            return Err(Error::corrupt("leb_size", 36));
        }
        let mut nodes = Self::default();
        let block_len = u64::from(block_len);
        let mut bytes = vec![0; to_usize(block_len)];
        let mut at = 0_u64;
        while at < source.len() {
            budget.spend_nodes(1, "block of flash", at)?;
            match source.read_some(at, &mut bytes) {
                Ok(count) => nodes.block(bytes.get(..count).unwrap_or_default(), at, budget)?,
                Err(error) => nodes.errors.push(error),
            }
            at = at.saturating_add(block_len);
        }
        // A volume may be longer than its file system.
        let len = u64::from(record.u32(40, "leb_cnt")?).saturating_mul(block_len);
        if source.len() < len {
            let error = Error::truncated("leb_cnt", 40, len, source.len());
            nodes.cut = Some(error);
            nodes.errors.push(error);
        }
        Ok(nodes)
    }

    /// The nodes of one block. One that is damaged ends nothing: the next one has a mark of its own.
    fn block(&mut self, bytes: &[u8], offset: u64, budget: &Budget) -> Result<()> {
        let block = Record::new(bytes, offset);
        let mut at = 0_usize;
        while at.saturating_add(HEADER_LEN) <= bytes.len() {
            // Most of a block may be erased: the next mark is looked for in one go.
            let words = bytes.get(at..).unwrap_or_default().chunks_exact(ALIGNMENT);
            let Some(skipped) = words.into_iter().position(|word| word.starts_with(&MAGIC.to_le_bytes())) else {
                break;
            };
            at = at.saturating_add(skipped.saturating_mul(ALIGNMENT));
            if at.saturating_add(HEADER_LEN) > bytes.len() {
                break;
            }
            budget.spend_nodes(1, "node", block.offset_of(at))?;
            let next = match self.node(block, at) {
                Ok(next) => next,
                Err(error) => {
                    self.errors.push(error);
                    at.saturating_add(ALIGNMENT)
                }
            };
            at = next.max(at.saturating_add(ALIGNMENT));
        }
        Ok(())
    }

    /// Takes the node at `at` of a block; where the next one starts.
    fn node(&mut self, block: Record<'_>, at: usize) -> Result<usize> {
        let len = to_usize(u64::from(block.u32(at.saturating_add(16), "len")?));
        let node = block.part(at, len, "node")?;
        if len < HEADER_LEN {
            return Err(Error::corrupt("len", node.offset_of(16)));
        }
        // The checksum covers what stands behind it, without the last inversion.
        if !codecs::crc32(node.bytes(8, len.saturating_sub(8), "node")?) != node.u32(4, "crc")? {
            return Err(Error::checksum("crc", node.offset_of(4)));
        }
        let kind = node.u8(20, "node_type")?;
        let sequence = node.u64(8, "sqnum")?;
        let mut end = at.saturating_add(len).next_multiple_of(ALIGNMENT);
        let this = Node { sequence, offset: node.offset_of(0), len };
        match kind {
            INODE => newest(&mut self.inodes, node.u32(24, "key")?, this),
            DATA => newest(&mut self.data, (node.u32(24, "key")?, node.u32(28, "key")? & KEY_MASK), this),
            NAME | ATTRIBUTE => {
                let name_len = usize::from(node.u16(50, "nlen")?);
                let name = node.bytes(56, name_len, "name")?.to_vec();
                let inode = join32(node.u32(40, "inum")?, node.u32(44, "inum")?);
                let named = Named { sequence, inode, offset: this.offset };
                let map = if kind == NAME { &mut self.names } else { &mut self.attributes };
                let known = map.entry(node.u32(24, "key")?).or_default().entry(name).or_insert(named);
                if known.sequence < sequence {
                    *known = named;
                }
            }
            PADDING => end = end.saturating_add(to_usize(u64::from(node.u32(24, "pad_len")?))),
            _ => {}
        }
        Ok(end)
    }
}

fn newest<K: Ord>(map: &mut BTreeMap<K, Node>, key: K, node: Node) {
    let known = map.entry(key).or_insert(node);
    if known.sequence < node.sequence {
        *known = node;
    }
}
