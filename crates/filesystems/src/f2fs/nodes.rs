//! The addresses of a file's blocks: in its inode, in nodes, and in nodes that name nodes.

use bytes::{Kind, Result};

use super::{inode::Inode, superblock::BLOCK_LEN, volume::Volume};
use crate::record::{Record, len64};

/// Addresses in a node, and numbers of nodes in a node.
const PER_NODE: usize = 1018;
/// Levels of nodes below each of the five that an inode names.
const LEVELS: [usize; 5] = [1, 1, 2, 2, 3];

/// Calls that take what [`each`] finds.
pub(super) trait Visit {
    /// Whether file block `index` is wanted.
    fn wants(&self, index: u64) -> bool;

    /// The addresses of the file blocks from `first` on.
    fn addresses(&mut self, first: u64, addresses: Record<'_>) -> Result<()>;

    /// The addresses of the `count` file blocks from `first` on cannot be read.
    fn lost(&mut self, first: u64, count: u64, error: bytes::Error) -> Result<()>;
}

/// Goes through the addresses of `inode` in order. What is not there at all is passed over.
pub(super) fn each(volume: &Volume, inode: &Inode, visit: &mut dyn Visit) -> Result<()> {
    let addresses = whole_clusters(inode, inode.addresses()?)?;
    visit.addresses(0, addresses)?;
    let mut first = len64(addresses.len() >> 2);
    let mut walk = Walk { volume, inode, visit };
    for (slot, &levels) in LEVELS.iter().enumerate() {
        let span = span(inode, levels);
        let number = inode.node(slot)?;
        walk.node(number, levels, first)?;
        first = first.saturating_add(span);
    }
    Ok(())
}

/// Addresses per node: a packed file's clusters do not cross nodes.
fn per_node(inode: &Inode) -> usize {
    let cluster = inode.packing.map_or(1, |packing| packing.cluster_blocks);
    PER_NODE.saturating_sub(PER_NODE.checked_rem(cluster).unwrap_or(0))
}

fn whole_clusters<'a>(inode: &Inode, addresses: Record<'a>) -> Result<Record<'a>> {
    let words = addresses.len() >> 2;
    let cluster = inode.packing.map_or(1, |packing| packing.cluster_blocks);
    let words = words.saturating_sub(words.checked_rem(cluster).unwrap_or(0));
    addresses.part(0, words.saturating_mul(4), "addresses")
}

/// File blocks below a node of `levels` levels: at most 2^30.
fn span(inode: &Inode, levels: usize) -> u64 {
    let direct = len64(per_node(inode));
    (1..levels).fold(direct, |span, _| span.saturating_mul(len64(PER_NODE)))
}

struct Walk<'a> {
    volume: &'a Volume,
    inode: &'a Inode,
    visit: &'a mut dyn Visit,
}

impl Walk<'_> {
    /// Goes through node `number`. Calls itself with falling `levels`, so at most three deep.
    fn node(&mut self, number: u32, levels: usize, first: u64) -> Result<()> {
        if number == 0 || !self.visit.wants(first) {
            return Ok(());
        }
        let (bytes, offset) = match self.volume.node(number, self.inode.number) {
            Ok(node) => node,
            Err(error) if matches!(error.kind, Kind::Limit(_)) => return Err(error),
            Err(error) => return self.visit.lost(first, span(self.inode, levels), error),
        };
        let record = Record::new(&bytes, offset);
        debug_assert_eq!(record.len(), BLOCK_LEN);
        if levels == 1 {
            let addresses = record.part(0, per_node(self.inode).saturating_mul(4), "addresses")?;
            return self.visit.addresses(first, addresses);
        }
        let below = levels.saturating_sub(1);
        let mut first = first;
        for index in 0..PER_NODE {
            if !self.visit.wants(first) {
                break;
            }
            self.node(record.u32(index.saturating_mul(4), "nid")?, below, first)?;
            first = first.saturating_add(span(self.inode, below));
        }
        Ok(())
    }
}
