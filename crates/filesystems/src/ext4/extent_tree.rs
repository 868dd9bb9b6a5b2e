//! Contents described by an extent tree, as ext4 writes them. Written from kernel.org, "ext4 Data Structures and
//! Algorithms", section "Extent Tree".

use std::collections::BTreeSet;

use bytes::{Error, Kind, Result};

use super::{
    inode::Inode,
    volume::{Block, Volume},
};
use crate::{record::Record, runs::Runs};

const MAGIC: u16 = 0xF30A;
/// Header, index and leaf entries are all of this length.
const ENTRY_LEN: usize = 12;
/// No tree that a kernel writes is deeper.
const DEPTH_MAX: u16 = 5;
/// Longer extents are allocated but not written: they read as zeros.
const INITIALISED_LEN_MAX: u16 = 32768;
/// File blocks have 32-bit numbers.
const BLOCKS_END: u64 = 1 << 32;

/// One node on the way down: its bytes, the next entry to look at, and the file block where its share of the file
/// ends.
struct Node {
    block: Block,
    depth: u16,
    entries: u16,
    next: u16,
    end: u64,
}

impl Node {
    /// Reads the header of the node `block`; a node below another must be exactly one level lower, so that no node can
    /// contain itself.
    fn new(block: Block, expected_depth: Option<u16>, end: u64) -> Result<Self> {
        let record = block.record();
        if record.u16(0, "eh_magic")? != MAGIC {
            return Err(Error::corrupt("eh_magic", record.offset_of(0)));
        }
        let depth = record.u16(6, "eh_depth")?;
        if depth > DEPTH_MAX || expected_depth.is_some_and(|expected| expected != depth) {
            return Err(Error::corrupt("eh_depth", record.offset_of(6)));
        }
        let entries = record.u16(2, "eh_entries")?;
        let room = record.len().checked_div(ENTRY_LEN).unwrap_or(0).saturating_sub(1);
        if usize::from(entries) > room {
            return Err(Error::corrupt("eh_entries", record.offset_of(2)));
        }
        Ok(Self { block, depth, entries, next: 0, end })
    }

    fn entry(&self, index: u16) -> Result<Record<'_>> {
        let at = usize::from(index).saturating_add(1).saturating_mul(ENTRY_LEN);
        self.block.record().tail(at, "extent entry")
    }
}

/// The runs of `inode`.
pub(super) fn map(volume: &Volume, inode: &Inode, runs: &mut Runs<'_>) -> Result<()> {
    let root = match inode.root_block().and_then(|block| Node::new(block, None, BLOCKS_END)) {
        Ok(root) => root,
        Err(error) => return runs.missing(0, u64::MAX, error),
    };
    let mut walk = Walk { volume, runs, position: 0, seen: BTreeSet::new() };
    // At most one node per level: `Node::new` enforces falling depths.
    let mut stack = vec![root];
    while let Some(mut node) = stack.pop() {
        if node.next >= node.entries || !walk.runs.wants(walk.position.saturating_mul(volume.block_size())) {
            continue;
        }
        let index = node.next;
        node.next = node.next.saturating_add(1);
        if node.depth == 0 {
            walk.leaf(&node, index)?;
            stack.push(node);
        } else {
            let child = walk.child(&node, index)?;
            stack.push(node);
            stack.extend(child);
        }
    }
    Ok(())
}

struct Walk<'a, 'b> {
    volume: &'a Volume,
    runs: &'a mut Runs<'b>,
    /// The first file block not described yet.
    position: u64,
    /// Blocks that were read as nodes: a node reached twice would unfold without end.
    seen: BTreeSet<u64>,
}

impl Walk<'_, '_> {
    /// Adds the extent `index` of a leaf. Extents must rise: what overlaps is noted and not read twice.
    fn leaf(&mut self, node: &Node, index: u16) -> Result<()> {
        let entry = node.entry(index)?;
        let first = u64::from(entry.u32(0, "ee_block")?);
        let stored_len = entry.u16(4, "ee_len")?;
        let is_initialised = stored_len <= INITIALISED_LEN_MAX;
        let len = u64::from(if is_initialised { stored_len } else { stored_len.wrapping_sub(INITIALISED_LEN_MAX) });
        let end = first.saturating_add(len);
        if len == 0 {
            self.runs.note(Error::corrupt("ee_len", entry.offset_of(4)));
            return Ok(());
        }
        if first < self.position || end > node.end {
            return self.lost(first, end.min(node.end), Error::corrupt("ee_block", entry.offset_of(0)));
        }
        self.position = end;
        if !is_initialised {
            return Ok(());
        }
        let block = u64::from(entry.u32(8, "ee_start_lo")?) | (u64::from(entry.u16(6, "ee_start_hi")?) << 32);
        let block_size = self.volume.block_size();
        let offset = self.volume.superblock.offset_of_block(block);
        // At most 2^32 blocks of 2^16 bytes.
        let (at, len) = (first.saturating_mul(block_size), len.saturating_mul(block_size));
        self.runs.stored(at, offset, len)
    }

    /// The file blocks `first .. end`, as far as they are not described yet, cannot be found.
    fn lost(&mut self, first: u64, end: u64, error: Error) -> Result<()> {
        self.runs.note(error);
        let first = first.max(self.position);
        if end <= first {
            return Ok(());
        }
        self.position = end;
        let block_size = self.volume.block_size();
        let len = end.saturating_sub(first).saturating_mul(block_size);
        self.runs.missing(first.saturating_mul(block_size), len, error)
    }

    /// The node that the entry `index` of an index node names; if it cannot be read, its share of the file is missing.
    fn child(&mut self, node: &Node, index: u16) -> Result<Option<Node>> {
        let entry = node.entry(index)?;
        let first = u64::from(entry.u32(0, "ei_block")?);
        let end = if index.saturating_add(1) < node.entries {
            u64::from(node.entry(index.saturating_add(1))?.u32(0, "ei_block")?).min(node.end)
        } else {
            node.end
        };
        if first < self.position || end <= first {
            self.lost(first, end, Error::corrupt("ei_block", entry.offset_of(0)))?;
            return Ok(None);
        }
        let block = u64::from(entry.u32(4, "ei_leaf_lo")?) | (u64::from(entry.u16(8, "ei_leaf_hi")?) << 32);
        match self.read_child(node, block, end, entry.offset_of(4)) {
            Ok(child) => Ok(Some(child)),
            Err(error) if matches!(error.kind, Kind::Limit(_)) => Err(error),
            Err(error) => self.lost(first, end, error).map(|()| None),
        }
    }

    fn read_child(&mut self, node: &Node, block: u64, end: u64, named_at: u64) -> Result<Node> {
        if !self.seen.insert(block) {
            return Err(Error::corrupt("extent node reached twice", named_at));
        }
        Node::new(self.volume.block(block, "extent node")?, node.depth.checked_sub(1), end)
    }
}
