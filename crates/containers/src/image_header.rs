//! Images with a 512-byte header that starts with 0x58881688. Met in SP Flash packages (`logo.bin`, `lk.bin`, `md1img.img`)
//! and around the kernel and ramdisk of their boot images. Written from `part_hdr_t` of the preloader and of Little Kernel
//! for these chips (platform/*/include/platform/partition.h).
//!
//! The first form has magic, length and name. The second adds its own length, an alignment and whether another image
//! follows.

use bytes::{Budget, ByteSource, Cursor, Error, Limit, Result};

use crate::{Child, Format, Opened, Problem, text::until_zero};

/// Images with headers: one child without a name, or named ones if several follow each other.
pub static FORMAT: Format = Format {
    name: "image_header",
    probe,
    open,
    references: &["part_hdr_t, Little Kernel for MediaTek platforms, platform/include/platform/partition.h"],
    limitations: &["certificates that follow an image are listed, not verified"],
};

const MAGIC: [u8; 4] = [0x88, 0x16, 0x88, 0x58];
const EXTENSION_MAGIC: u32 = 0x5889_1689;
/// Length of the header of the first form.
const HEADER_LEN: u64 = 512;
/// Longest header that is believed: later versions may extend it.
const HEADER_LEN_MAX: u64 = 1 << 16;
/// Most images in a row; real files have up to a dozen.
const IMAGES_MAX: u32 = 256;

fn probe(source: &ByteSource) -> bool {
    source.has(0, &MAGIC)
}

struct Header {
    name: Vec<u8>,
    /// Where the image starts, behind the header.
    header_len: u64,
    len: u64,
    /// Where the next header starts, relative to this one.
    next: u64,
    is_last: bool,
}

impl Header {
    fn read(source: &ByteSource, offset: u64) -> Result<Self> {
        let bytes = source.array::<80>(offset, "image header")?;
        let mut cursor = Cursor::new(&bytes, offset);
        if cursor.array("magic")? != MAGIC {
            return Err(Error::corrupt("magic", offset));
        }
        let low = cursor.u32_le("dsize")?;
        let name = until_zero(cursor.take(32, "name")?);
        cursor.take(8, "maddr, mode")?;
        if cursor.u32_le("ext_magic")? != EXTENSION_MAGIC {
            let len = u64::from(low);
            return Ok(Self { name, header_len: HEADER_LEN, len, next: HEADER_LEN.saturating_add(len), is_last: true });
        }
        let header_len = u64::from(cursor.u32_le("hdr_size")?);
        cursor.take(8, "hdr_version, img_type")?;
        let is_last = cursor.u32_le("img_list_end")? != 0;
        let align = u64::from(cursor.u32_le("align_size")?).max(1);
        // Two halves of a 64-bit number.
        let len = u64::from(cursor.u32_le("dsize_extend")?) << 32 | u64::from(low);
        if !(80..=HEADER_LEN_MAX).contains(&header_len) {
            return Err(Error::corrupt("hdr_size", offset.saturating_add(52)));
        }
        let aligned = len.checked_next_multiple_of(align).ok_or(Error::corrupt("dsize", offset.saturating_add(4)))?;
        Ok(Self { name, header_len, len, next: header_len.saturating_add(aligned), is_last })
    }
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut opened = Opened::default();
    let mut offset = 0_u64;
    let mut is_done = false;
    for _ in 0..IMAGES_MAX {
        budget.spend_nodes(1, "image", offset)?;
        let header = match Header::read(source, offset) {
            Ok(header) => header,
            Err(error) if offset == 0 => return Err(error),
            Err(error) => {
                opened.problems.push(Problem { name: Vec::new(), error });
                is_done = true;
                break;
            }
        };
        match source.slice(offset.saturating_add(header.header_len), header.len, "dsize") {
            Ok(source) => opened.children.push(Child { name: header.name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name: header.name, error }),
        }
        offset = offset.saturating_add(header.next);
        is_done = header.is_last || offset >= source.len();
        if is_done {
            break;
        }
    }
    if !is_done {
        let error = Error::limit(Limit::Nodes, "image", offset);
        opened.problems.push(Problem { name: Vec::new(), error });
    }
    // A single image is the file itself: what its header calls it says nothing that the file's name does not.
    if let ([only], []) = (opened.children.as_mut_slice(), opened.problems.as_slice()) {
        only.name.clear();
    }
    Ok(opened)
}
