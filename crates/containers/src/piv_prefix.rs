//! File system images behind a partition verification header that starts with `MOTO`. Met in fastboot packages of 2013 to 2015.
//! No document is public; written from the layout that public firmware tools agree on (srlabs/extractor, MotoPivHandler).

use bytes::{Budget, ByteSource, Error, Result};

use crate::{Child, Format, Opened};

/// Image behind a verification header: one child without a name.
pub static FORMAT: Format = Format {
    name: "piv_prefix",
    probe,
    open,
    references: &["layout facts of srlabs/extractor, extractor.py, MotoPivHandler"],
    limitations: &["the header's digests are not verified"],
};

const MAGIC: &[u8] = b"MOTO";
const KIND: &[u8] = b"MOT_PIV_FULL256";
/// Where the offset of the image stands.
const OFFSET_AT: u64 = 24;
/// The header is at most this long and a number of sectors.
const HEADER_LEN_MAX: u32 = 1 << 20;
const SECTOR_LEN: u32 = 512;

fn probe(source: &ByteSource) -> bool {
    let Ok(head) = source.array::<32>(0, "PIV header") else { return false };
    head.starts_with(MAGIC) && head.windows(KIND.len()).any(|window| window == KIND)
}

fn open(source: &ByteSource, _: &Budget) -> Result<Opened> {
    let offset = u32::from_le_bytes(source.array(OFFSET_AT, "offset of the image")?);
    if offset == 0 || offset > HEADER_LEN_MAX || !offset.is_multiple_of(SECTOR_LEN) {
        return Err(Error::corrupt("offset of the image", OFFSET_AT));
    }
    let offset = u64::from(offset);
    let image = source.slice(offset, source.len().saturating_sub(offset), "image")?;
    Ok(Opened { children: vec![Child { name: Vec::new(), source: image, mode: None }], problems: Vec::new() })
}
