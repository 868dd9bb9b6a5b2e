//! Card images that start with `IMAGEWTY`. Met as firmware of tablets and set-top boxes with Allwinner chips. No document is public; written
//! from the structures that awutils (imagewty.h) documents, header versions 0x100 and 0x300.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{Child, Format, Opened, Problem, text::until_zero};

/// Allwinner card image: one child for each file.
pub static FORMAT: Format = Format {
    name: "imagewty",
    probe,
    open,
    references: &["layout facts of awutils, imagewty.h"],
    limitations: &["images whose headers and files are encrypted with RC6 are recognised and not read"],
};

const MAGIC: &[u8] = b"IMAGEWTY";
const VERSION_AT: u64 = 8;
const FIRST_VERSION: u32 = 0x100;
const THIRD_VERSION: u32 = 0x300;
/// Length of the image's header and of each file's header.
const HEADER_LEN: u64 = 1024;
/// Most files of an image; real ones have a few dozen.
const FILES_MAX: u32 = 1 << 14;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let version = u32::from_le_bytes(source.array(VERSION_AT, "header_version")?);
    let is_first = match version {
        FIRST_VERSION => true,
        THIRD_VERSION => false,
        _ => return Err(Error::unsupported("header_version", VERSION_AT, u64::from(version))),
    };
    let count_at = if is_first { 56 } else { 60 };
    let count = u32::from_le_bytes(source.array(count_at, "num_files")?);
    if count > FILES_MAX {
        return Err(Error::corrupt("num_files", count_at));
    }
    let mut opened = Opened::default();
    for number in 1..=u64::from(count) {
        // At most 2^14 headers of 1024 bytes.
        let offset = number * HEADER_LEN;
        budget.spend_nodes(1, "num_files", offset)?;
        let file = match File::read(source, offset, is_first) {
            Ok(file) => file,
            Err(error) => {
                opened.problems.push(Problem { name: Vec::new(), error });
                break;
            }
        };
        match source.slice(file.offset, file.len, "original_length") {
            Ok(source) => opened.children.push(Child { name: file.name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name: file.name, error }),
        }
    }
    Ok(opened)
}

struct File {
    name: Vec<u8>,
    offset: u64,
    len: u64,
}

impl File {
    fn read(source: &ByteSource, offset: u64, is_first: bool) -> Result<Self> {
        let bytes = source.array::<320>(offset, "file header")?;
        let mut cursor = Cursor::new(&bytes, offset);
        cursor.take(36, "lengths, types")?;
        let (name, len, start);
        if is_first {
            cursor.take(4, "stored_length")?;
            len = u64::from(cursor.u32_le("original_length")?);
            start = u64::from(cursor.u32_le("offset")?);
            cursor.take(4, "unknown")?;
            name = until_zero(cursor.take(256, "filename")?);
        } else {
            name = until_zero(cursor.take(256, "filename")?);
            // Lengths and offset are followed by their upper halves.
            cursor.take(8, "stored_length")?;
            len = cursor.u64_le("original_length")?;
            start = cursor.u64_le("offset")?;
        }
        let name = name.strip_prefix(b"/").map_or(name.clone(), <[u8]>::to_vec);
        Ok(Self { name, offset: start, len })
    }
}
