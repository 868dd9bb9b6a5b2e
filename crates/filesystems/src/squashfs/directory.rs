//! The entries of a folder: groups, each with a head that says in which block of metadata the inodes are.

use bytes::{Error, Result};

use super::{metadata::Position, volume::Volume};
use crate::{
    record::{Record, len64},
    walk::Listing,
};

const HEAD_LEN: usize = 12;
const ENTRY_LEN: usize = 8;
/// Most entries in a group.
const GROUP_ENTRIES_MAX: u32 = 256;

/// Reads the `len` bytes of a folder at `listing`. What goes wrong ends it: nothing says where the next group starts.
pub(super) fn read(volume: &Volume, listing: Position, len: u64) -> Listing {
    let mut found = Listing::default();
    if let Err(error) = read_into(volume, listing, len, &mut found) {
        found.errors.push(error);
    }
    found
}

fn read_into(volume: &Volume, mut position: Position, len: u64, found: &mut Listing) -> Result<()> {
    let mut left = len;
    while left >= len64(HEAD_LEN) {
        let head = volume.metadata(&mut position, HEAD_LEN, "folder head")?;
        let head = Record::new(&head, position.block);
        left = left.saturating_sub(len64(HEAD_LEN));
        // Stored less one.
        let count = head.u32(0, "count")?;
        if count >= GROUP_ENTRIES_MAX {
            return Err(Error::corrupt("count", position.block));
        }
        let inodes = u64::from(head.u32(4, "start_block")?) << 16;
        for _ in 0..=count {
            let entry = volume.metadata(&mut position, ENTRY_LEN, "folder entry")?;
            let entry = Record::new(&entry, position.block);
            let name_len = usize::from(entry.u16(6, "size")?).saturating_add(1);
            let name = volume.metadata(&mut position, name_len, "name")?;
            let inode = inodes | u64::from(entry.u16(0, "offset")?);
            found.add(&volume.budget, &name, inode, position.block, position.block)?;
            left = left.saturating_sub(len64(ENTRY_LEN.saturating_add(name_len)));
        }
    }
    Ok(())
}
