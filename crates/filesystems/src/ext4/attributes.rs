//! Extended attributes behind the inode, in a block of their own and, one by one, in inodes of their own: the SELinux label, the
//! capabilities, and the part of inline data that did not fit into `i_block`. Written from kernel.org, "ext4 Data Structures and
//! Algorithms", section "Extended Attributes".

use std::borrow::Cow;

use bytes::{Error, Result};

use super::{
    content,
    inode::{Inode, OLD_LEN},
    volume::{InodeTable, Volume},
};
use crate::{
    Attributes,
    record::{Record, len64},
    security,
};

const MAGIC: u32 = 0xEA02_0000;
const ENTRY_LEN: usize = 16;
const BLOCK_HEADER_LEN: usize = 32;
/// Longest value, as the kernel bounds it.
const VALUE_LEN_MAX: usize = 64 << 10;
/// What looking for an inode costs: that much of the table is read.
const INODE_NODES: u64 = 16;
/// Name prefixes are stored as numbers.
const PREFIX_SECURITY: u8 = 6;
const PREFIX_SYSTEM: u8 = 7;

/// Attributes this reader has a use for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ExtendedAttributes {
    /// Label and capabilities.
    pub(super) security: Attributes,
    /// Where `system.data` is in the image: offset and length.
    pub(super) inline_data: Option<(u64, usize)>,
}

/// The attributes of `inode`. What goes wrong is added to `errors`; the attributes already found stand.
pub(super) fn read(volume: &Volume, inode: &Inode, errors: &mut Vec<Error>) -> ExtendedAttributes {
    let mut found = ExtendedAttributes::default();
    errors.extend(read_behind_inode(volume, inode.record(), &mut found).err());
    if inode.attribute_block != 0 {
        errors.extend(read_block(volume, inode.attribute_block, &mut found).err());
    }
    found
}

fn read_behind_inode(volume: &Volume, record: Record<'_>, found: &mut ExtendedAttributes) -> Result<()> {
    if record.len() == OLD_LEN {
        return Ok(());
    }
    let extra_len = usize::from(record.u16(OLD_LEN, "i_extra_isize")?);
    let start = OLD_LEN.saturating_add(extra_len);
    if extra_len == 0 || start.saturating_add(4) > record.len() {
        // Zero: the inode is older than the feature. No room behind the fields: no attributes.
        let is_sane = start <= record.len();
        return if is_sane { Ok(()) } else { Err(Error::corrupt("i_extra_isize", record.offset_of(OLD_LEN))) };
    }
    if record.u32(start, "h_magic")? != MAGIC {
        return Ok(());
    }
    // Values are counted from the first entry.
    let entries = record.tail(start.saturating_add(4), "attribute entries")?;
    read_entries(entries, 0, found, &|place| apart(volume, place))
}

fn read_block(volume: &Volume, block: u64, found: &mut ExtendedAttributes) -> Result<()> {
    let block = volume.block(block, "attribute block")?;
    let record = block.record();
    if record.u32(0, "h_magic")? != MAGIC {
        return Err(Error::corrupt("h_magic", record.offset_of(0)));
    }
    read_entries(record, BLOCK_HEADER_LEN, found, &|place| apart(volume, place))
}

/// A value in an inode of its own, and where the entry names that.
struct Place {
    inode: u32,
    len: usize,
    named_at: u64,
}

/// The value at a place, and where in the image it begins.
type ReadApart<'a> = dyn Fn(&Place) -> Result<(Vec<u8>, u64)> + 'a;

/// Reads the entries that start at `at` of `area`; values are counted from the start of `area`.
fn read_entries(area: Record<'_>, at: usize, found: &mut ExtendedAttributes, apart: &ReadApart<'_>) -> Result<()> {
    let mut at = at;
    // Every entry takes sixteen bytes or more, so the area bounds the loop. Four zero bytes end it, or its end does.
    while at.saturating_add(4) <= area.len() && area.u32(at, "attribute entry")? != 0 {
        let name_len = usize::from(area.u8(at, "e_name_len")?);
        let name = area.bytes(at.saturating_add(ENTRY_LEN), name_len, "e_name")?;
        match (area.u8(at.saturating_add(1), "e_name_index")?, name) {
            (PREFIX_SECURITY, name) if security::is_kept(name) => {
                let (value, offset) = match place(area, at)? {
                    Some(place) => apart(&place).map(|(value, offset)| (Cow::Owned(value), offset))?,
                    None => value(area, at).map(|(value, offset)| (Cow::Borrowed(value), offset))?,
                };
                security::keep(&mut found.security, name, Record::new(&value, offset))?;
            }
            (PREFIX_SYSTEM, b"data") if found.inline_data.is_none() => {
                if let Some(place) = place(area, at)? {
                    // No writer puts a part of a file's own data elsewhere than into the inode.
                    return Err(Error::unsupported("e_value_inum", place.named_at, u64::from(place.inode)));
                }
                let (value, offset) = value(area, at)?;
                found.inline_data = Some((offset, value.len()));
            }
            _ => {}
        }
        at = at.saturating_add(ENTRY_LEN).saturating_add(name_len.next_multiple_of(4));
    }
    Ok(())
}

/// The inode that has the value of the entry at `at`, if it has one of its own.
fn place(area: Record<'_>, at: usize) -> Result<Option<Place>> {
    let inode_at = at.saturating_add(4);
    let inode = area.u32(inode_at, "e_value_inum")?;
    let len = usize::try_from(area.u32(at.saturating_add(8), "e_value_size")?).unwrap_or(usize::MAX);
    Ok((inode != 0).then(|| Place { inode, len, named_at: area.offset_of(inode_at) }))
}

/// A value that is the contents of an inode of its own.
fn apart(volume: &Volume, place: &Place) -> Result<(Vec<u8>, u64)> {
    let nodes = INODE_NODES.saturating_add(len64(place.len) >> 10);
    volume.budget.spend_nodes(nodes, "attribute value", place.named_at)?;
    let inode = InodeTable::default().read(volume, place.inode, place.named_at)?;
    if !inode.holds_value() || inode.size != len64(place.len) || place.len > VALUE_LEN_MAX {
        return Err(Error::corrupt("e_value_inum", place.named_at));
    }
    let (source, error) = content::file(volume, &inode, None);
    if let Some(error) = error {
        return Err(error);
    }
    let mut value = vec![0; place.len];
    source.read(0, &mut value, "attribute value")?;
    Ok((value, inode.offset))
}

/// The value of the entry at `at` and its place in the image.
fn value<'a>(area: Record<'a>, at: usize) -> Result<(&'a [u8], u64)> {
    let offset = usize::from(area.u16(at.saturating_add(2), "e_value_offs")?);
    let len = usize::try_from(area.u32(at.saturating_add(8), "e_value_size")?).unwrap_or(usize::MAX);
    Ok((area.bytes(offset, len, "attribute value")?, area.offset_of(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], offset: u16, size: u32) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(name.len()).unwrap(), PREFIX_SECURITY];
        bytes.extend(offset.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(size.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_value_outside_its_area_is_an_error_and_earlier_attributes_stand() {
        let mut area = entry(b"selinux", 60, 4);
        area.extend(entry(b"capability", 60, 400));
        area.resize(60, 0);
        area.extend(b"u:r\0");
        let mut found = ExtendedAttributes::default();
        let result = read_entries(Record::new(&area, 1000), 0, &mut found, &|place| {
            Err(Error::corrupt("e_value_inum", place.named_at))
        });
        assert_eq!(result, Err(Error::truncated("attribute value", 1060, 400, 4)));
        assert_eq!(found.security.selinux_label.as_deref(), Some(b"u:r".as_slice()));
    }
}
