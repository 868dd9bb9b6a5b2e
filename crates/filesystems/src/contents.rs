//! Contents made of runs, read where they lie. Packed blocks are unpacked when somebody reads them: straight to where
//! they are wanted if all of a block is, else into the cache, because the next read mostly wants the rest.

use std::sync::Arc;

use bytes::{ByteSource, Error, ReadAt, Result};
use codecs::{Block, Blocks};

use crate::{
    record::{len64, to_usize},
    runs::{Packed, Place, Run},
};

/// An image and what of it was unpacked lately; shared by all its files.
pub(crate) struct Store {
    pub(crate) image: ByteSource,
    blocks: Blocks,
}

impl Store {
    pub(crate) fn new(image: ByteSource) -> Arc<Self> {
        Arc::new(Self { image, blocks: Blocks::default() })
    }

    /// The block of this key, if it is kept.
    pub(crate) fn kept(&self, key: Block) -> Option<Arc<Vec<u8>>> {
        self.blocks.get(key)
    }

    /// Keeps a block for a while.
    pub(crate) fn keep(&self, key: Block, block: &Arc<Vec<u8>>) {
        self.blocks.put(key, block);
    }

    /// The unpacked block, of which at least `needed` bytes are there.
    pub(crate) fn block(&self, packed: &Packed, needed: usize) -> Result<Arc<Vec<u8>>> {
        if let Some(block) = self.blocks.get(packed.key()).filter(|block| block.len() >= needed) {
            return Ok(block);
        }
        let mut block = vec![0; to_usize(u64::from(packed.unpacked_len)).max(needed)];
        let len = self.unpack(packed, &mut block)?;
        block.truncate(len);
        if block.len() < needed {
            return Err(short(packed, len64(needed), len64(len)));
        }
        block.shrink_to_fit();
        let block = Arc::new(block);
        self.blocks.put(packed.key(), &block);
        Ok(block)
    }

    /// Unpacks into `target` as much as it takes; how much there was.
    fn unpack(&self, packed: &Packed, target: &mut [u8]) -> Result<usize> {
        let mut bytes = vec![0; to_usize(u64::from(packed.len))];
        self.image.read(packed.offset, &mut bytes, "packed block")?;
        let padding = if packed.is_padded { bytes.iter().position(|&byte| byte != 0).unwrap_or(0) } else { 0 };
        let start = packed.offset.saturating_add(len64(padding));
        codecs::unpack_block(packed.method, bytes.get(padding..).unwrap_or_default(), target)
            .map_err(|error| Error { offset: error.offset.saturating_add(start), ..error })
    }

    /// Fills `target` from `within` of a run of `run_len` bytes.
    fn read_packed(&self, packed: &Packed, within: u64, run_len: u64, target: &mut [u8]) -> Result<()> {
        let is_whole = packed.skip == 0 && u64::from(packed.unpacked_len) == run_len;
        if is_whole && within == 0 && len64(target.len()) == run_len && self.blocks.get(packed.key()).is_none() {
            let len = self.unpack(packed, target)?;
            return if len == target.len() { Ok(()) } else { Err(short(packed, run_len, len64(len))) };
        }
        let start = to_usize(within.saturating_add(u64::from(packed.skip)));
        let end = start.saturating_add(target.len());
        // All of the run, so that the next read finds it.
        let needed = to_usize(u64::from(packed.skip).saturating_add(run_len));
        let block = self.block(packed, needed.max(end))?;
        let part = block.get(start..end).ok_or_else(|| short(packed, len64(end), len64(block.len())))?;
        target.copy_from_slice(part);
        Ok(())
    }
}

/// A block holds less than the file that is in it.
const fn short(packed: &Packed, needed: u64, available: u64) -> Error {
    Error::truncated("unpacked block", packed.offset, needed, available)
}

/// The contents of one file.
pub(crate) struct Contents {
    store: Arc<Store>,
    starts: Vec<u64>,
    runs: Vec<Run>,
    len: u64,
}

impl Contents {
    pub(crate) fn new(store: &Arc<Store>, mut runs: Vec<Run>) -> Self {
        let mut len = 0_u64;
        let start = |run: &Run| {
            let start = len;
            len = len.saturating_add(run.len);
            start
        };
        let starts = runs.iter().map(start).collect();
        runs.shrink_to_fit();
        Self { store: Arc::clone(store), starts, runs, len }
    }
}

impl ReadAt for Contents {
    fn len(&self) -> u64 {
        self.len
    }

    fn stored_at(&self, offset: u64) -> u64 {
        let index = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let within = offset.saturating_sub(self.starts.get(index).copied().unwrap_or(0));
        match self.runs.get(index).map(|run| &run.place) {
            Some(Place::Stored(at)) => self.store.image.stored_from(at.saturating_add(within)),
            Some(Place::Packed(packed)) => self.store.image.stored_from(packed.offset),
            Some(Place::Hole | Place::Missing(_)) | None => 0,
        }
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        let mut offset = offset;
        let mut target = target;
        let mut index = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        while !target.is_empty() {
            let (Some(&start), Some(run)) = (self.starts.get(index), self.runs.get(index)) else {
                return Err(Error::truncated("contents", offset, len64(target.len()), 0));
            };
            let within = offset.saturating_sub(start);
            let len = run.len.saturating_sub(within).min(len64(target.len()));
            let (head, tail) = target.split_at_mut(to_usize(len));
            match &run.place {
                Place::Stored(at) => self.store.image.read(at.saturating_add(within), head, "file data")?,
                Place::Packed(packed) => self.store.read_packed(packed, within, run.len, head)?,
                Place::Hole => head.fill(0),
                Place::Missing(error) => return Err(**error),
            }
            offset = offset.saturating_add(len);
            target = tail;
            index = index.saturating_add(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use codecs::Method;

    use super::*;

    #[test]
    fn a_place_that_is_packed_in_two_ways_is_two_blocks_in_any_order() {
        // Four literals of LZ4; as Deflate it is damaged.
        let image = ByteSource::from_bytes(b"\x40tide".to_vec());
        let packed = |method| Packed { offset: 0, len: 5, skip: 0, unpacked_len: 4, method, is_padded: false };
        for _ in 0..2 {
            let store = Store::new(image.clone());
            assert_eq!(store.block(&packed(Method::Lz4), 4).as_deref().map(Vec::as_slice), Ok(&b"tide"[..]));
            assert!(store.block(&packed(Method::Zlib), 4).is_err());
        }
    }
}
