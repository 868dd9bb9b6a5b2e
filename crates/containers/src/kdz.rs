//! Packages `*.kdz`: a `dz` image and the libraries of the flash tool. No document is public; written from the layout that public
//! extractors agree on (kdztools; the extractor by I. Garzon), header versions 1 to 3.

use bytes::{Budget, ByteSource, Cursor, Result};

use crate::{Child, Format, Opened, Problem, text::until_zero};

/// Package: one child for each file.
pub static FORMAT: Format = Format {
    name: "kdz",
    probe,
    open,
    references: &["layout facts of kdztools and of the KDZ extractor by I. Garzon"],
    limitations: &["the tables that follow the third version of the header (signatures, maps of models) are left out"],
};

/// A version of the header: its length and mark, where its records stand, and whether their numbers have 64 bits.
struct Version {
    mark: [u8; 8],
    records: &'static [u64],
    is_wide: bool,
}

const WIDE_RECORDS: &[u64] = &[8, 280, 553, 825];
const VERSIONS: [Version; 3] = [
    Version { mark: [0x18, 0x05, 0, 0, 0x32, 0x79, 0x44, 0x50], records: &[8, 272], is_wide: false },
    Version { mark: [0x28, 0x05, 0, 0, 0x34, 0x31, 0x25, 0x80], records: WIDE_RECORDS, is_wide: true },
    Version { mark: [0x28, 0x05, 0, 0, 0x24, 0x38, 0x22, 0x25], records: WIDE_RECORDS, is_wide: true },
];

fn version(source: &ByteSource) -> Option<&'static Version> {
    VERSIONS.iter().find(|version| source.has(0, &version.mark))
}

fn probe(source: &ByteSource) -> bool {
    version(source).is_some()
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut opened = Opened::default();
    let Some(version) = version(source) else { return Ok(opened) };
    for &offset in version.records {
        budget.spend_nodes(1, "record", offset)?;
        let bytes = source.array::<272>(offset, "record")?;
        let mut cursor = Cursor::new(&bytes, offset);
        let name = until_zero(cursor.take(256, "name")?);
        let (len, start) = if version.is_wide {
            (cursor.u64_le("size")?, cursor.u64_le("offset")?)
        } else {
            (u64::from(cursor.u32_le("size")?), u64::from(cursor.u32_le("offset")?))
        };
        if name.is_empty() {
            continue;
        }
        match source.slice(start, len, "size") {
            Ok(source) => opened.children.push(Child { name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    Ok(opened)
}
