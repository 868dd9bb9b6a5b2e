//! Android Verified Boot: who signed a partition, and how long it was before that. Met as `vbmeta.img`, and as a footer
//! at the end of every other image. Written from AOSP external/avb, libavb/avb_vbmeta_image.h, avb_footer.h and
//! avb_descriptor.h. Signatures and hash trees are not verified: the device does that; what matters here is whose key it
//! would believe.

use bytes::{ByteSource, Cursor, Error, Result};
use sha1::{Digest, Sha1};

use crate::{Child, Format, Opened, Problem};

/// A `vbmeta` image: the public key is its child.
pub static FORMAT: Format = Format {
    name: "vbmeta",
    probe,
    open,
    references: &["AOSP external/avb, libavb/avb_vbmeta_image.h", "AOSP external/avb, libavb/avb_descriptor.h"],
    limitations: &["signatures and digests are not verified"],
};

/// An image with a footer: the image without it is its child.
pub static FOOTER_FORMAT: Format = Format {
    name: "avb_footer",
    probe: probe_footer,
    open: open_footer,
    references: &["AOSP external/avb, libavb/avb_footer.h"],
    limitations: &["hash trees and error correction codes between image and footer are left out"],
};

const MAGIC: &[u8] = b"AVB0";
const FOOTER_MAGIC: &[u8] = b"AVBf";
const HEADER_LEN: u64 = 256;
const FOOTER_LEN: u64 = 64;
/// Hash tree and error correction codes have at most one part in this many of the image: trees one in 64, codes with the
/// most roots one in ten.
const IMAGE_PER_TREE: u64 = 8;
/// And this much more, for images of a few blocks and for what fills up to the next block.
const TREE_EXTRA_LEN_MAX: u64 = 1 << 20;
/// Longest authentication and auxiliary data together, as the library bounds a whole vbmeta.
const VBMETA_LEN_MAX: u64 = 64 << 10;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn probe_footer(source: &ByteSource) -> bool {
    source.len() > FOOTER_LEN && source.has(source.len().saturating_sub(FOOTER_LEN), FOOTER_MAGIC)
}

/// What a vbmeta says of its signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vbmeta {
    /// `NONE`, `SHA256_RSA4096` and so on.
    pub algorithm: &'static str,
    /// SHA-1 of the public key as stored, the name by which avbtool shows keys; nothing for an image that is not signed.
    pub key_sha1: Option<[u8; 20]>,
    /// `AVB_VBMETA_IMAGE_FLAGS_...`: bit 0 switches hash trees off, bit 1 all verification.
    pub flags: u32,
    /// A later image with a lower one is refused.
    pub rollback_index: u64,
    /// Where the public key is, in the image.
    key: Option<(u64, u64)>,
}

/// Names of the algorithms, by number.
const ALGORITHMS: &[&str] = &[
    "NONE",
    "SHA256_RSA2048",
    "SHA256_RSA4096",
    "SHA256_RSA8192",
    "SHA512_RSA2048",
    "SHA512_RSA4096",
    "SHA512_RSA8192",
    "MLDSA65",
    "MLDSA87",
];

impl Vbmeta {
    /// Reads a vbmeta: an image of its own, or what a footer points to.
    pub fn read(source: &ByteSource) -> Result<Self> {
        let header = source.array::<256>(0, "AvbVBMetaImageHeader")?;
        let mut cursor = Cursor::new(&header, 0);
        if cursor.take(4, "magic")? != MAGIC {
            return Err(Error::corrupt("magic", 0));
        }
        let major = be32(&mut cursor, "required_libavb_version_major")?;
        be32(&mut cursor, "required_libavb_version_minor")?;
        if major != 1 {
            return Err(Error::unsupported("required_libavb_version_major", 4, u64::from(major)));
        }
        let authentication_len = be64(&mut cursor, "authentication_data_block_size")?;
        let auxiliary_len = be64(&mut cursor, "auxiliary_data_block_size")?;
        let number = be32(&mut cursor, "algorithm_type")?;
        cursor.take(32, "hash and signature")?;
        let key_offset = be64(&mut cursor, "public_key_offset")?;
        let key_len = be64(&mut cursor, "public_key_size")?;
        cursor.take(32, "public_key_metadata and descriptors")?;
        let rollback_index = be64(&mut cursor, "rollback_index")?;
        let flags = be32(&mut cursor, "flags")?;
        let known = usize::try_from(number).ok().and_then(|index| ALGORITHMS.get(index));
        let algorithm = known.copied().ok_or(Error::unsupported("algorithm_type", 28, u64::from(number)))?;
        if authentication_len.saturating_add(auxiliary_len) > VBMETA_LEN_MAX {
            return Err(Error::corrupt("auxiliary_data_block_size", 20));
        }
        let mut vbmeta = Self { algorithm, key_sha1: None, flags, rollback_index, key: None };
        if key_len > 0 {
            if key_offset.checked_add(key_len).is_none_or(|end| end > auxiliary_len) {
                return Err(Error::corrupt("public_key_offset", 64));
            }
            // All below the bound.
            let start = HEADER_LEN + authentication_len + key_offset;
            let mut key = vec![0; usize::try_from(key_len).unwrap_or(0)];
            source.read(start, &mut key, "public key")?;
            vbmeta.key_sha1 = Some(Sha1::digest(&key).into());
            vbmeta.key = Some((start, key_len));
        }
        Ok(vbmeta)
    }
}

fn be32(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u32> {
    cursor.array(what).map(u32::from_be_bytes)
}

fn be64(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u64> {
    cursor.array(what).map(u64::from_be_bytes)
}

fn open(source: &ByteSource, _budget: &bytes::Budget) -> Result<Opened> {
    let vbmeta = Vbmeta::read(source)?;
    let mut opened = Opened::default();
    if let Some((start, len)) = vbmeta.key {
        let source = source.slice(start, len, "public key")?;
        opened.children.push(Child { name: b"public_key".to_vec(), source, mode: None });
    }
    Ok(opened)
}

/// A footer at the end of an image.
#[derive(Debug)]
pub struct Footer {
    /// The image as it was before.
    pub image: ByteSource,
    /// The vbmeta behind it.
    pub vbmeta: ByteSource,
}

/// The footer of `source`, if it has one.
pub fn footer(source: &ByteSource) -> Result<Option<Footer>> {
    if !probe_footer(source) {
        return Ok(None);
    }
    let offset = source.len().saturating_sub(FOOTER_LEN);
    let bytes = source.array::<64>(offset, "AvbFooter")?;
    let mut cursor = Cursor::new(&bytes, offset);
    cursor.take(4, "magic")?;
    let major = be32(&mut cursor, "version_major")?;
    be32(&mut cursor, "version_minor")?;
    if major != 1 {
        return Err(Error::unsupported("version_major", offset.saturating_add(4), u64::from(major)));
    }
    let image_len = be64(&mut cursor, "original_image_size")?;
    let vbmeta_offset = be64(&mut cursor, "vbmeta_offset")?;
    let vbmeta_len = be64(&mut cursor, "vbmeta_size")?;
    // Between the image and its vbmeta lie hash tree and error correction codes, which are small beside the image: a footer
    // that says less would hide the rest of the image from everybody but the device.
    let between = vbmeta_offset.checked_sub(image_len);
    let between_max = (image_len / IMAGE_PER_TREE).saturating_add(TREE_EXTRA_LEN_MAX);
    if image_len > offset || between.is_none_or(|between| between > between_max) {
        return Err(Error::corrupt("original_image_size", offset.saturating_add(12)));
    }
    let image = source.slice(0, image_len, "original_image_size")?;
    let vbmeta = source.slice(vbmeta_offset, vbmeta_len, "vbmeta_offset")?;
    Ok(Some(Footer { image, vbmeta }))
}

fn open_footer(source: &ByteSource, _budget: &bytes::Budget) -> Result<Opened> {
    let offset = source.len().saturating_sub(FOOTER_LEN);
    let mut opened = Opened::default();
    let image = match footer(source).and_then(|footer| footer.ok_or(Error::corrupt("AvbFooter", offset))) {
        Ok(footer) => footer.image,
        Err(error) => {
            // The footer lies; what stands before it is there all the same.
            opened.problems.push(Problem { name: Vec::new(), error });
            source.slice(0, offset, "image before the footer")?
        }
    };
    opened.children.push(Child { name: Vec::new(), source: image, mode: None });
    Ok(opened)
}
