//! Extended attributes: behind the addresses of an inode, going on in a node of their own.

use bytes::{Error, Result};

use super::{inode::Inode, superblock::BLOCK_LEN, volume::Volume};
use crate::{Attributes, record::Record, security};

const MAGIC: u32 = 0xF2F5_2011;
const HEADER_LEN: usize = 24;
const ENTRY_LEN: usize = 4;
const INDEX_SECURITY: u8 = 6;
/// The end of a node is not for attributes.
const NODE_ATTRIBUTES_LEN: usize = BLOCK_LEN - 24;

/// The label and the capabilities of `inode`. What goes wrong is added to `errors`; what was found already stands.
pub(super) fn read(volume: &Volume, inode: &Inode, errors: &mut Vec<Error>) -> Attributes {
    let mut found = Attributes::default();
    errors.extend(read_into(volume, inode, &mut found).err());
    found
}

fn read_into(volume: &Volume, inode: &Inode, found: &mut Attributes) -> Result<()> {
    let mut area = inode.inline_attributes()?.to_vec();
    let mut lost = None;
    if inode.attribute_node != 0 {
        match volume.node(inode.attribute_node, inode.number) {
            Ok((node, _)) => area.extend(node.get(..NODE_ATTRIBUTES_LEN).unwrap_or_default()),
            Err(error) => lost = Some(error),
        }
    }
    if !area.is_empty() {
        // Offsets are right for what is in the inode.
        read_entries(Record::new(&area, inode.attributes_at()), found)?;
    }
    lost.map_or(Ok(()), Err)
}

fn read_entries(area: Record<'_>, found: &mut Attributes) -> Result<()> {
    if area.u32(0, "h_magic")? != MAGIC {
        // No attributes were ever set.
        return Ok(());
    }
    let mut at = HEADER_LEN;
    // Every entry takes four bytes or more, so the area bounds the loop.
    while at.saturating_add(ENTRY_LEN) <= area.len() && area.u32(at, "attribute entry")? != 0 {
        let name_len = usize::from(area.u8(at.saturating_add(1), "e_name_len")?);
        let value_len = usize::from(area.u16(at.saturating_add(2), "e_value_size")?);
        let name_at = at.saturating_add(ENTRY_LEN);
        let value_at = name_at.saturating_add(name_len);
        let name = area.bytes(name_at, name_len, "e_name")?;
        let value = area.part(value_at, value_len, "attribute value")?;
        if area.u8(at, "e_name_index")? == INDEX_SECURITY {
            security::keep(found, name, value)?;
        }
        at = value_at.saturating_add(value_len).next_multiple_of(4);
    }
    Ok(())
}
