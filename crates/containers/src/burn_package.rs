//! Burning packages with the mark 0x27b51956. Met as firmware of set-top boxes, sticks and tablets with Amlogic chips
//! (`aml_upgrade_package.img`). Written from amlImage_if.h of the chip maker's U-Boot, versions 1 and 2.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{
    Child, Format, Opened, Problem,
    text::{image_name, until_zero},
};

/// Amlogic burning package: `<partition>.img` for each partition, `<subtype>.<type>` for the other items.
pub static FORMAT: Format = Format {
    name: "burn_package",
    probe,
    open,
    references: &["U-Boot for Amlogic platforms, drivers/usb/gadget/v2_burning/v2_common/amlImage_if.h"],
    limitations: &["the checksum of the package and the VERIFY items are not verified"],
};

const MAGIC: [u8; 4] = [0x56, 0x19, 0xb5, 0x27];
const MAGIC_AT: u64 = 8;
const HEADER_LEN: u64 = 64;
/// Length of an item without its two names, by whose length the versions differ.
const ITEM_LEN: u64 = 64;
/// Most items; real packages have a few dozen.
const ITEMS_MAX: u32 = 1 << 12;
const PARTITION: &[u8] = b"PARTITION";

fn probe(source: &ByteSource) -> bool {
    source.has(MAGIC_AT, &MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let bytes = source.array::<28>(0, "package header")?;
    let mut cursor = Cursor::new(&bytes, 4);
    cursor.take(4, "crc")?;
    let version = cursor.u32_le("version")?;
    cursor.take(4, "magic")?;
    let len = cursor.u64_le("imageSz")?;
    cursor.take(4, "itemAlginSize")?;
    let count = cursor.u32_le("itemNum")?;
    let name_len = match version {
        1 => 32,
        2 => 256,
        _ => return Err(Error::unsupported("version", 4, u64::from(version))),
    };
    if count > ITEMS_MAX {
        return Err(Error::corrupt("itemNum", 24));
    }
    let mut opened = Opened::default();
    if len > source.len() {
        let error = Error::truncated("imageSz", 12, len, source.len());
        opened.problems.push(Problem { name: Vec::new(), error });
    }
    for number in 0..u64::from(count) {
        // At most 2^12 items of 576 bytes.
        let offset = HEADER_LEN + number * (ITEM_LEN + 2 * name_len);
        budget.spend_nodes(1, "itemNum", offset)?;
        let item = match Item::read(source, offset, name_len) {
            Ok(item) => item,
            Err(error) => {
                opened.problems.push(Problem { name: Vec::new(), error });
                break;
            }
        };
        match source.slice(item.offset, item.len, "itemSz") {
            Ok(source) => opened.children.push(Child { name: item.name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name: item.name, error }),
        }
    }
    Ok(opened)
}

struct Item {
    name: Vec<u8>,
    offset: u64,
    len: u64,
}

impl Item {
    fn read(source: &ByteSource, start: u64, name_len: u64) -> Result<Self> {
        let mut bytes = vec![0; usize::try_from(32_u64.saturating_add(name_len * 2)).unwrap_or_default()];
        source.read(start, &mut bytes, "item")?;
        let mut cursor = Cursor::new(&bytes, start);
        cursor.take(16, "itemId, fileType, curoffsetInItem")?;
        let (offset, len) = (cursor.u64_le("offsetInImage")?, cursor.u64_le("itemSz")?);
        let name_len = usize::try_from(name_len).unwrap_or_default();
        let main = until_zero(cursor.take(name_len, "itemMainType")?);
        let sub = until_zero(cursor.take(name_len, "itemSubType")?);
        let name = if main == PARTITION { image_name(&sub) } else { [sub, main].join(&b'.') };
        Ok(Self { name, offset, len })
    }
}
