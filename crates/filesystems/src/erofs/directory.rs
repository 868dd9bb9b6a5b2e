//! The entries of a folder: blocks, each with a table of entries in front and their names behind it.

use bytes::{Error, Result};

use super::{content, inode::Inode, volume::Volume};
use crate::{
    record::{Record, to_usize},
    walk::Listing,
};

/// Inode number, place of the name, type, one unused byte.
const ENTRY_LEN: usize = 12;

/// Reads the folder `inode`.
pub(super) fn read(volume: &Volume, inode: &Inode) -> Listing {
    let mut listing = Listing::default();
    let (source, error) = content::file(volume, inode);
    listing.errors.extend(error);
    let mut at = 0_u64;
    while at < inode.size {
        let len = inode.size.saturating_sub(at).min(volume.superblock.block_size());
        let mut bytes = vec![0; to_usize(len)];
        let read = volume
            .budget
            .spend_nodes(len.div_ceil(1 << 10), "folder block", inode.offset)
            .and_then(|()| source.read(at, &mut bytes, "folder block"));
        if let Err(error) = read {
            // Told already if the block is missing from the image.
            if listing.errors.is_empty() {
                listing.errors.push(error);
            }
            break;
        }
        // Offsets within a folder: its blocks may be anywhere.
        if let Err(error) = read_block(volume, Record::new(&bytes, at), inode.offset, &mut listing) {
            listing.errors.push(error);
        }
        at = at.saturating_add(len);
    }
    listing
}

/// Reads the entries of one block; a lie ends the block, the other blocks still stand. Errors name the byte of the
/// folder's inode and the field.
fn read_block(volume: &Volume, block: Record<'_>, inode_at: u64, listing: &mut Listing) -> Result<()> {
    let corrupt = |what| Err(Error::corrupt(what, inode_at));
    let table_len = usize::from(block.u16(8, "nameoff")?);
    let count = table_len.checked_div(ENTRY_LEN).unwrap_or(0);
    if count == 0 || !table_len.is_multiple_of(ENTRY_LEN) || table_len > block.len() {
        return corrupt("nameoff");
    }
    for index in 0..count {
        let entry = block.tail(index.saturating_mul(ENTRY_LEN), "folder entry")?;
        let start = usize::from(entry.u16(8, "nameoff")?);
        let is_last = index.saturating_add(1) == count;
        let end = if is_last { block.len() } else { usize::from(entry.u16(8 + ENTRY_LEN, "nameoff")?) };
        if start < table_len || end < start || end > block.len() {
            return corrupt("nameoff");
        }
        let name = block.bytes(start, end.saturating_sub(start), "name")?;
        // The last name may end before its block does.
        let len = if is_last { name.iter().position(|&byte| byte == 0).unwrap_or(name.len()) } else { name.len() };
        let name = name.get(..len).unwrap_or_default();
        listing.add(&volume.budget, name, entry.u64(0, "nid")?, inode_at, inode_at)?;
    }
    Ok(())
}
