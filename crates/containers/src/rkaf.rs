//! Update images that start with `RKAF`: the files of a Rockchip update, alone or inside a download image (`rkfw`). No document is public; written
//! from the structure that rkflashtool (rkunpack) and the chip maker's afptool agree on.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{Child, Format, Opened, Problem, text::until_zero};

/// Rockchip update image: one child for each file.
pub static FORMAT: Format = Format {
    name: "rkaf",
    probe,
    open,
    references: &["layout facts of rkflashtool, rkunpack.c"],
    limitations: &["the checksum at the end (RKCRC) is not verified", "entries named SELF or RESERVED hold no file"],
};

const MAGIC: &[u8] = b"RKAF";
const COUNT_AT: u64 = 0x88;
const ENTRIES_AT: u64 = 0x8c;
const ENTRY_LEN: u64 = 0x70;
/// Most entries: as many as fit into the 2048 bytes of the head; later tools allow more, and none comes near.
const ENTRIES_MAX: u32 = 1024;
/// Bytes in front of and behind the text of the parameter file.
const PARAMETER_HEAD_LEN: u64 = 8;
const PARAMETER_TAIL_LEN: u64 = 4;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut opened = Opened::default();
    // The length does not count the checksum behind it.
    let len = u64::from(u32::from_le_bytes(source.array(4, "length")?)).saturating_add(4);
    if len > source.len() {
        let error = Error::truncated("length", 4, len, source.len());
        opened.problems.push(Problem { name: Vec::new(), error });
    }
    let count = u32::from_le_bytes(source.array(COUNT_AT, "number of files")?);
    if count > ENTRIES_MAX {
        return Err(Error::corrupt("number of files", COUNT_AT));
    }
    for number in 0..u64::from(count) {
        // At most 1024 entries of 112 bytes.
        let offset = ENTRIES_AT + number * ENTRY_LEN;
        budget.spend_nodes(1, "number of files", offset)?;
        let bytes = source.array::<{ ENTRY_LEN as usize }>(offset, "entry")?;
        let mut cursor = Cursor::new(&bytes, offset);
        let partition = until_zero(cursor.take(32, "name")?);
        let name = until_zero(cursor.take(64, "file")?);
        let mut start = u64::from(cursor.u32_le("position")?);
        cursor.take(8, "address, padded length")?;
        let mut len = u64::from(cursor.u32_le("length of a file")?);
        if name.is_empty() || matches!(name.as_slice(), b"SELF" | b"RESERVED") {
            continue;
        }
        if partition == b"parameter" {
            start = start.saturating_add(PARAMETER_HEAD_LEN);
            len = len.saturating_sub(PARAMETER_HEAD_LEN + PARAMETER_TAIL_LEN);
        }
        match source.slice(start, len, "length of a file") {
            Ok(source) => opened.children.push(Child { name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    Ok(opened)
}
