//! The contents of files and folders and the targets of links.

use bytes::{ByteSource, Error, Result};

use super::{
    inode::Inode,
    nodes::{self, Visit},
    packed,
    superblock::BLOCK_LEN,
    volume::{Image, Volume},
};
use crate::{
    record::{Record, len64},
    runs::{Runs, unreadable},
    walk::link_target,
};

/// Nothing was written there.
pub(super) const HOLE: u32 = 0;
/// Room was reserved, nothing was written.
pub(super) const RESERVED: u32 = u32::MAX;

/// The contents as one readable range, and what is wrong with them.
pub(super) fn file(volume: &Volume, inode: &Inode) -> (ByteSource, Option<Error>) {
    if inode.has_inline_data() {
        return match inline(volume, inode) {
            Ok(source) => (source, None),
            Err(error) => (unreadable(error, inode.size), Some(error)),
        };
    }
    if let Some(packing) = inode.packing {
        return packed::file(volume, inode, packing);
    }
    let mut plain = Plain { runs: Runs::new(&volume.image.source, &volume.image.budget, inode.size) };
    let mapped = nodes::each(volume, inode, &mut plain);
    plain.runs.into_source(&volume.image.store, mapped)
}

fn inline(volume: &Volume, inode: &Inode) -> Result<ByteSource> {
    let area = inode.inline_area()?;
    if inode.size > len64(area.len()) {
        return Err(Error::corrupt("i_size", inode.offset.saturating_add(16)));
    }
    volume.image.source.slice(area.offset_of(0), inode.size, "inline data")
}

/// A file that is not packed.
struct Plain<'a> {
    runs: Runs<'a>,
}

impl Visit for Plain<'_> {
    fn wants(&self, index: u64) -> bool {
        self.runs.wants(Image::offset_of(index))
    }

    fn addresses(&mut self, first: u64, addresses: Record<'_>) -> Result<()> {
        for index in 0..addresses.len() >> 2 {
            let at = Image::offset_of(first.saturating_add(len64(index)));
            if !self.runs.wants(at) {
                break;
            }
            match addresses.u32(index.saturating_mul(4), "address")? {
                HOLE | RESERVED => {}
                block => self.runs.stored(at, Image::offset_of(u64::from(block)), len64(BLOCK_LEN))?,
            }
        }
        Ok(())
    }

    fn lost(&mut self, first: u64, count: u64, error: Error) -> Result<()> {
        self.runs.missing(Image::offset_of(first), Image::offset_of(count), error)
    }
}

/// The target of a symbolic link.
pub(super) fn symlink(volume: &Volume, inode: &Inode) -> Result<Vec<u8>> {
    link_target(inode.size, inode.offset.saturating_add(16), || file(volume, inode))
}
