//! The contents of files and the targets of links, in whichever of the four ways an inode stores them.

use bytes::{ByteSource, Error, Extents, Kind, Limit, Piece, Result};

use super::{
    block_map, extent_tree,
    inode::{BLOCK_LEN, Inode},
    volume::Volume,
};
use crate::{
    record::len64,
    runs::{Runs, unreadable},
};

/// The runs of the first `size` bytes of a file or folder that is not stored inline, and how finding them ended.
pub(super) fn runs<'a>(volume: &'a Volume, inode: &Inode, size: u64) -> (Runs<'a>, Result<()>) {
    let mut runs = Runs::new(&volume.source, &volume.budget, size);
    let mapped = if inode.has_extents() {
        extent_tree::map(volume, inode, &mut runs)
    } else {
        block_map::map(volume, inode, &mut runs)
    };
    (runs, mapped)
}

/// The contents of a file as one readable range, and what is wrong with them.
pub(super) fn file(volume: &Volume, inode: &Inode, inline_data: Option<(u64, usize)>) -> (ByteSource, Option<Error>) {
    if let Some(error) = inode.encrypted() {
        return (unreadable(error, inode.size), Some(error));
    }
    if inode.has_inline_data() {
        return match inline(volume, inode, inline_data) {
            Ok(source) => (source, None),
            Err(error) => (unreadable(error, inode.size), Some(error)),
        };
    }
    let (runs, mapped) = runs(volume, inode, inode.size);
    runs.into_source(&volume.store, mapped)
}

/// Inline data: the first sixty bytes are in `i_block`, the rest is the attribute `system.data`.
fn inline(volume: &Volume, inode: &Inode, more: Option<(u64, usize)>) -> Result<ByteSource> {
    let block = inode.block_record()?;
    let head_len = inode.size.min(len64(BLOCK_LEN));
    let head = volume.source.slice(block.offset_of(0), head_len, "inline data")?;
    let tail_len = inode.size.saturating_sub(head_len);
    if tail_len == 0 {
        return Ok(head);
    }
    let mut extents = Extents::default();
    let (offset, available) = more.unwrap_or((block.offset_of(BLOCK_LEN), 0));
    // mke2fs keeps a file that is nothing but a hole so, whatever its length: with an attribute that is there and empty.
    if more.is_some() && available == 0 && block.bytes(0, BLOCK_LEN, "inline data")?.iter().all(|&byte| byte == 0) {
        extents.push(Piece::zeros(inode.size));
        return Ok(extents.into_source());
    }
    if tail_len > len64(available) {
        return Err(Error::truncated("system.data", offset, tail_len, len64(available)));
    }
    extents.push(Piece::Stored(head));
    extents.push(Piece::Stored(volume.source.slice(offset, tail_len, "system.data")?));
    Ok(extents.into_source())
}

/// The target of a symbolic link.
pub(super) fn symlink(volume: &Volume, inode: &Inode, inline_data: Option<(u64, usize)>) -> Result<Vec<u8>> {
    if let Some(error) = inode.encrypted() {
        return Err(error);
    }
    if inode.size == 0 || inode.size > volume.block_size() {
        return Err(Error::corrupt("i_size_lo", inode.offset.saturating_add(4)));
    }
    let mut target = if inode.is_fast_symlink() {
        let len = usize::try_from(inode.size).unwrap_or(usize::MAX);
        inode.block_record()?.bytes(0, len, "link target")?.to_vec()
    } else {
        let (source, error) = file(volume, inode, inline_data);
        if let Some(error) = error {
            return Err(error);
        }
        let len = usize::try_from(source.len()).map_err(|_| Error {
            kind: Kind::Limit(Limit::UnpackedBytes),
            what: "link target",
            offset: inode.offset,
        })?;
        // At most one block: checked above.
        let mut target = vec![0; len];
        source.read(0, &mut target, "link target")?;
        target
    };
    let len = target.iter().position(|&byte| byte == 0).unwrap_or(target.len());
    target.truncate(len);
    Ok(target)
}
