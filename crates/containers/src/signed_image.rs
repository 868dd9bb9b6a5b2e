//! Images with a signature header that starts with `SSSS`. Met as `system-sign.img` and `*-verified.img` of SP Flash packages
//! that are signed for secure boot. Written from sec_sign_header.h of the kernels for these chips
//! (drivers/misc/mediatek/masp/asf/asf_inc), versions 1 to 4.
//!
//! The versions are told apart as the flash tool does: by which of their fields make sense. A header of `BFBF` is the same idea in
//! a form that is not documented; the image stands at a fixed place behind it.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{Child, Format, Opened};

/// Signed image as a container: one child without a name, the image.
pub static FORMAT: Format = Format {
    name: "signed_image",
    probe,
    open,
    references: &["sec_sign_header.h, kernel for MediaTek platforms, drivers/misc/mediatek/masp/asf/asf_inc"],
    limitations: &[
        "signatures are not verified",
        "BFBF headers have no public document: the image is taken from 0x4040, where public tools find it",
    ],
};

const MAGIC: &[u8] = b"SSSS";
const UNDOCUMENTED_MAGIC: &[u8] = b"BFBF";
/// Length of the header in all documented versions.
const HEADER_LEN: u64 = 64;
/// Longer than any image; an offset of a signature in the upper half of a length is at least this.
const IMAGE_LEN_MAX: u64 = HEADER_LEN << 32;
/// Where the image stands behind a `BFBF` header.
const UNDOCUMENTED_HEADER_LEN: u64 = 0x4040;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC) || source.has(0, UNDOCUMENTED_MAGIC) && source.len() > UNDOCUMENTED_HEADER_LEN
}

fn open(source: &ByteSource, _: &Budget) -> Result<Opened> {
    let image = if source.has(0, UNDOCUMENTED_MAGIC) {
        let len = source.len().saturating_sub(UNDOCUMENTED_HEADER_LEN);
        source.slice(UNDOCUMENTED_HEADER_LEN, len, "image")?
    } else {
        signed(source)?
    };
    Ok(Opened { children: vec![Child { name: Vec::new(), source: image, mode: None }], problems: Vec::new() })
}

/// The image. A version whose header says where the image is, as its tools do, is believed, so that a file that was cut is told; of
/// anything else the first version whose offset and length lie in the file.
fn signed(source: &ByteSource) -> Result<ByteSource> {
    let bytes = source.array::<64>(0, "signature header")?;
    let field = |at: u64, what| Cursor::at(&bytes, at, what).and_then(|mut cursor| cursor.u32_le(what)).map(u64::from);
    let offset = field(44, "image_offset")?;
    let length64 = field(56, "image_length_high")? << 32 | field(60, "image_length_low")?;
    let length = field(40, "image_length")?;
    if offset == HEADER_LEN {
        // In versions 2 and 3 the last eight bytes are offset and length of the signature: as one number too long for any file.
        let len = if (1..IMAGE_LEN_MAX).contains(&length64) { length64 } else { length };
        return source.slice(offset, len, "image_length");
    }
    let candidates = [(offset, length64), (offset, length), (field(28, "image_offset")?, field(24, "image_length")?)];
    let fits = |&(offset, len): &(u64, u64)| {
        offset >= HEADER_LEN && len > 0 && offset.checked_add(len).is_some_and(|end| end <= source.len())
    };
    let (offset, len) = candidates.into_iter().find(fits).ok_or(Error::corrupt("image_offset", 44))?;
    source.slice(offset, len, "image_length")
}
