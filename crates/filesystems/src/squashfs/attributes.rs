//! Extended attributes: a table says where the list of each set of attributes starts; values that many files share are
//! stored once.

use bytes::{Error, Result};

use super::{metadata::Position, superblock::NOWHERE, volume::Volume};
use crate::{
    Attributes,
    record::{Record, to_usize},
    security,
};

const HEADER_LEN: usize = 16;
const SET_LEN: usize = 16;
const TYPE_SECURITY: u16 = 2;
/// In a type: the value is a reference to the value.
const ELSEWHERE: u16 = 0x100;
/// Longest value that the kernel takes (`XATTR_SIZE_MAX`).
const VALUE_LEN_MAX: u32 = 64 << 10;

/// Where the lists are and how many sets there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    lists: u64,
    count: u32,
}

/// The head of the table.
pub(super) fn table(volume: &Volume) -> Result<Option<Table>> {
    let offset = volume.superblock.attribute_table;
    if offset == NOWHERE {
        return Ok(None);
    }
    let bytes = volume.source.array::<HEADER_LEN>(offset, "attribute table")?;
    let record = Record::new(&bytes, offset);
    Ok(Some(Table { lists: record.u64(0, "xattr_table_start")?, count: record.u32(8, "xattr_ids")? }))
}

/// The label and the capabilities of the set `index`.
pub(super) fn read(volume: &Volume, index: u32, found: &mut Attributes) -> Result<()> {
    let table = volume.attributes.as_ref().map_err(|&error| error)?;
    let offset = volume.superblock.attribute_table;
    let table = table.filter(|table| index < table.count).ok_or(Error::corrupt("xattr", offset))?;
    let pointers = offset.saturating_add(16);
    let mut position = Position::of_entry(volume, pointers, u64::from(index), 16)?;
    let bytes = volume.metadata(&mut position, SET_LEN, "attribute set")?;
    let set = Record::new(&bytes, position.block);
    let mut position = Position::of(table.lists, set.u64(0, "xattr")?);
    for _ in 0..set.u32(8, "count")? {
        volume.budget.spend_nodes(1, "attribute", position.block)?;
        read_entry(volume, table, &mut position, found)?;
    }
    Ok(())
}

fn read_entry(volume: &Volume, table: Table, position: &mut Position, found: &mut Attributes) -> Result<()> {
    let head = volume.metadata(position, 4, "attribute")?;
    let head = Record::new(&head, position.block);
    let kind = head.u16(0, "type")?;
    let name = volume.metadata(position, usize::from(head.u16(2, "size")?), "attribute name")?;
    let value = value(volume, position)?;
    if kind & !ELSEWHERE != TYPE_SECURITY || !security::is_kept(&name) {
        return Ok(());
    }
    let (value, offset) = if kind & ELSEWHERE == 0 {
        (value, position.block)
    } else {
        let reference = Record::new(&value, position.block).u64(0, "reference to a value")?;
        let mut elsewhere = Position::of(table.lists, reference);
        (self::value(volume, &mut elsewhere)?, elsewhere.block)
    };
    security::keep(found, &name, Record::new(&value, offset))
}

fn value(volume: &Volume, position: &mut Position) -> Result<Vec<u8>> {
    let bytes = volume.metadata(position, 4, "attribute value")?;
    let len = Record::new(&bytes, position.block).u32(0, "vsize")?;
    if len > VALUE_LEN_MAX {
        return Err(Error::corrupt("vsize", position.block));
    }
    volume.budget.spend_nodes(u64::from(len >> 10), "attribute value", position.block)?;
    volume.metadata(position, to_usize(u64::from(len)), "attribute value")
}
