//! Download images that start with `RKFW`: a loader and an update image (`rkaf`). Met as `update.img` of tablets and set-top boxes with
//! Rockchip chips. Written from the structure that rkflashtool (rkunpack) documents.

use bytes::{Budget, ByteSource, Result};

use crate::{Child, Format, Opened, Problem};

/// Rockchip download image: the loader and the update image.
pub static FORMAT: Format = Format {
    name: "rkfw",
    probe,
    open,
    references: &["layout facts of rkflashtool, rkunpack.c"],
    limitations: &["the MD5 at the end is not verified"],
};

const MAGIC: &[u8] = b"RKFW";
/// Where offset and length of each part stand, and what the part is called here: the image does not name them.
const PARTS: [(u64, &[u8]); 2] = [(0x19, b"loader.bin"), (0x21, b"update.img")];

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn open(source: &ByteSource, _: &Budget) -> Result<Opened> {
    let mut opened = Opened::default();
    for (at, name) in PARTS {
        let offset = u64::from(u32::from_le_bytes(source.array(at, "offset of a part")?));
        let len = u64::from(u32::from_le_bytes(source.array(at.saturating_add(4), "length of a part")?));
        let name = name.to_vec();
        match source.slice(offset, len, "length of a part") {
            Ok(source) => opened.children.push(Child { name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    Ok(opened)
}
