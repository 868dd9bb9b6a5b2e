//! The entries of a folder: blocks of slots, each with a bitmap of the slots in use in front, then the entries, then the
//! names in pieces of eight bytes. A small folder has one such area in its inode.

use bytes::{Error, Result};

use super::{content, inode::Inode, superblock::BLOCK_LEN, volume::Volume};
use crate::{
    record::{Record, len64},
    walk::Listing,
};

/// Hash, inode number, length of the name, type.
const ENTRY_LEN: usize = 11;
/// A name takes as many slots as it has pieces of this length.
const SLOT_LEN: usize = 8;
const NAME_LEN_MAX: usize = 255;

/// Where things are in an area of slots.
#[derive(Clone, Copy)]
struct Layout {
    slots: usize,
    entries_at: usize,
    names_at: usize,
}

impl Layout {
    /// As many slots as fit, each with a bit; what is left over stands behind the bits.
    fn of(len: usize) -> Self {
        let slots = len.saturating_mul(8) / ((ENTRY_LEN + SLOT_LEN) * 8 + 1);
        let names_at = len.saturating_sub(slots.saturating_mul(SLOT_LEN));
        Self { slots, entries_at: names_at.saturating_sub(slots.saturating_mul(ENTRY_LEN)), names_at }
    }
}

/// Reads the folder `inode`.
pub(super) fn read(volume: &Volume, inode: &Inode) -> Listing {
    let mut listing = Listing::default();
    if inode.has_inline_names() {
        let area = inode.inline_area();
        let result = area.and_then(|area| read_area(volume, area, &mut listing));
        listing.errors.extend(result.err());
        return listing;
    }
    let (source, error) = content::file(volume, inode);
    listing.errors.extend(error);
    let mut bytes = vec![0; BLOCK_LEN];
    let mut at = 0_u64;
    while at < inode.size {
        let read = volume
            .image
            .budget
            .spend_nodes(len64(BLOCK_LEN) >> 10, "folder block", inode.offset)
            .and_then(|()| source.read(at, &mut bytes, "folder block"));
        if let Err(error) = read {
            // Told already if the block is missing from the image.
            if listing.errors.is_empty() {
                listing.errors.push(error);
            }
            break;
        }
        // Errors name the folder's inode: its blocks may be anywhere.
        if let Err(error) = read_area(volume, Record::new(&bytes, inode.offset), &mut listing) {
            listing.errors.push(error);
        }
        at = at.saturating_add(len64(BLOCK_LEN));
    }
    listing
}

/// Reads the entries of one area; a lie ends the area, the others still stand.
fn read_area(volume: &Volume, area: Record<'_>, listing: &mut Listing) -> Result<()> {
    let layout = Layout::of(area.len());
    let mut slot = 0_usize;
    while slot < layout.slots {
        if area.u8(slot >> 3, "dentry_bitmap")? >> (slot & 7) & 1 == 0 {
            slot = slot.saturating_add(1);
            continue;
        }
        let at = layout.entries_at.saturating_add(slot.saturating_mul(ENTRY_LEN));
        let entry = area.part(at, ENTRY_LEN, "dentry")?;
        let name_len = usize::from(entry.u16(8, "name_len")?);
        let name_at = layout.names_at.saturating_add(slot.saturating_mul(SLOT_LEN));
        if name_len == 0 || name_len > NAME_LEN_MAX {
            return Err(Error::corrupt("name_len", entry.offset_of(8)));
        }
        let name = area.bytes(name_at, name_len, "filename")?;
        let number = u64::from(entry.u32(4, "ino")?);
        listing.add(&volume.image.budget, name, number, entry.offset_of(0), area.offset_of(name_at))?;
        slot = slot.saturating_add(name_len.div_ceil(SLOT_LEN));
    }
    Ok(())
}
