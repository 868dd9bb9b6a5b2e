//! Packed files: clusters of 4 to 256 blocks. A packed cluster's first address is a mark; the blocks behind it hold what
//! it packs to, which begins with its length.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Extents, Piece, Result};
use codecs::Method;

use super::{
    content::{HOLE, RESERVED},
    inode::{Inode, Packing},
    nodes::{self, Visit},
    superblock::BLOCK_LEN,
    volume::{Image, Volume},
};
use crate::{
    contents::Store,
    record::{Record, len64},
    runs::{Packed, Place, Run, source_of, unreadable},
};

/// The first address of a packed cluster.
const PACKED: u32 = u32::MAX - 1;
/// Length, checksum, four unused words.
const HEADER_LEN: u32 = 24;

/// The contents of a packed file, and what is wrong with them.
pub(super) fn file(volume: &Volume, inode: &Inode, packing: Packing) -> (ByteSource, Option<Error>) {
    let method = match packing.algorithm {
        0 => Method::Lzo,
        1 => Method::Lz4,
        2 => Method::Zstd,
        3 => Method::LzoRle,
        other => {
            let error = Error::unsupported("i_compress_algorithm", inode.offset.saturating_add(392), u64::from(other));
            return (unreadable(error, inode.size), Some(error));
        }
    };
    let image = &volume.image;
    let mut clusters = Clusters {
        image: &image.source,
        budget: &image.budget,
        size: inode.size,
        method,
        cluster_blocks: packing.cluster_blocks,
        blocks: Extents::default(),
        runs: Vec::new(),
        len: 0,
        error: None,
    };
    let walked = nodes::each(volume, inode, &mut clusters).and_then(|()| clusters.hole_until(inode.size));
    if let Err(error) = walked {
        let left = inode.size.saturating_sub(clusters.len);
        clusters.missing(left, error);
    }
    // The blocks of a cluster may be apart, so the file has an image of its own: its blocks in order.
    let store: Arc<Store> = Store::new(clusters.blocks.into_source());
    match source_of(&store, clusters.runs) {
        Ok(source) => (source, clusters.error),
        Err(error) => (unreadable(error, inode.size), Some(error)),
    }
}

struct Clusters<'a> {
    image: &'a ByteSource,
    budget: &'a Budget,
    size: u64,
    method: Method,
    cluster_blocks: usize,
    /// What is stored of the file, packed or not.
    blocks: Extents,
    runs: Vec<Run>,
    /// Bytes of the file that `runs` describes.
    len: u64,
    error: Option<Error>,
}

impl Clusters<'_> {
    fn push(&mut self, place: Place, len: u64) {
        let len = len.min(self.size.saturating_sub(self.len));
        if len > 0 {
            self.len = self.len.saturating_add(len);
            self.runs.push(Run { place, len });
        }
    }

    fn missing(&mut self, len: u64, error: Error) {
        self.error.get_or_insert(error);
        self.push(Place::Missing(Box::new(error)), len);
    }

    fn hole_until(&mut self, at: u64) -> Result<()> {
        let len = at.min(self.size).saturating_sub(self.len);
        if len > 0 {
            self.budget.spend_nodes(1, "runs of a file", 0)?;
            self.push(Place::Hole, len);
        }
        Ok(())
    }

    /// Adds a block to what is stored; its place there.
    fn block(&mut self, block: u32) -> Result<u64> {
        let at = self.blocks.len();
        let source = self.image.slice(Image::offset_of(u64::from(block)), len64(BLOCK_LEN), "file data")?;
        self.blocks.push(Piece::Stored(source));
        Ok(at)
    }

    /// Adds the cluster whose addresses are given, at byte `at` of the file.
    fn cluster(&mut self, at: u64, addresses: Record<'_>) -> Result<()> {
        self.hole_until(at)?;
        self.budget.spend_nodes(len64(self.cluster_blocks), "blocks of a file", addresses.offset_of(0))?;
        let cluster_len = len64(addresses.len() >> 2).saturating_mul(len64(BLOCK_LEN));
        if addresses.u32(0, "address")? == PACKED {
            if let Err(error) = self.packed(addresses, cluster_len) {
                self.missing(cluster_len, error);
            }
            return Ok(());
        }
        for index in 0..addresses.len() >> 2 {
            match addresses.u32(index.saturating_mul(4), "address")? {
                HOLE | RESERVED => self.push(Place::Hole, len64(BLOCK_LEN)),
                block => match self.block(block) {
                    Ok(stored_at) => self.push(Place::Stored(stored_at), len64(BLOCK_LEN)),
                    Err(error) => self.missing(len64(BLOCK_LEN), error),
                },
            }
        }
        Ok(())
    }

    fn packed(&mut self, addresses: Record<'_>, cluster_len: u64) -> Result<()> {
        let start = self.blocks.len();
        for index in 1..addresses.len() >> 2 {
            match addresses.u32(index.saturating_mul(4), "address")? {
                HOLE | RESERVED => break,
                block => {
                    self.block(block)?;
                }
            }
        }
        let stored = self.blocks.len().saturating_sub(start);
        let first = addresses.u32(4, "address")?;
        let header_at = Image::offset_of(u64::from(first));
        let packed_len = u32::from_le_bytes(self.image.array(header_at, "clen")?);
        if u64::from(packed_len).saturating_add(u64::from(HEADER_LEN)) > stored {
            return Err(Error::corrupt("clen", header_at));
        }
        let unpacked_len = cluster_len.min(self.size.saturating_sub(self.len));
        self.budget.spend_bytes(unpacked_len, "packed contents of a file", header_at)?;
        // A cluster has at most 256 blocks of 4 KiB. It is unpacked whole: LZO does not stop before its end.
        let packed = Packed {
            offset: start.saturating_add(u64::from(HEADER_LEN)),
            len: packed_len,
            skip: 0,
            unpacked_len: cluster_len as u32,
            method: self.method,
            is_padded: false,
        };
        self.push(Place::Packed(packed), unpacked_len);
        Ok(())
    }
}

impl Visit for Clusters<'_> {
    fn wants(&self, index: u64) -> bool {
        Image::offset_of(index) < self.size
    }

    fn addresses(&mut self, first: u64, addresses: Record<'_>) -> Result<()> {
        for index in (0..addresses.len() >> 2).step_by(self.cluster_blocks) {
            let at = Image::offset_of(first.saturating_add(len64(index)));
            if at >= self.size {
                break;
            }
            let cluster = addresses.part(index.saturating_mul(4), self.cluster_blocks.saturating_mul(4), "cluster")?;
            self.cluster(at, cluster)?;
        }
        Ok(())
    }

    fn lost(&mut self, first: u64, count: u64, error: Error) -> Result<()> {
        self.hole_until(Image::offset_of(first))?;
        self.missing(Image::offset_of(count), error);
        Ok(())
    }
}
