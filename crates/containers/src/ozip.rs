//! Updates and images that start with `OPPOENCRYPT!`. No document is public; written from the layouts that ozipdecrypt documents. The
//! cipher is AES-128-ECB, over all of the data or over the first block of every stride; the user brings the key.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Kind, ReadAt, Result};

use crate::{
    Child, Format, Opened, Problem,
    cipher::{BLOCK_LEN, Cipher, Striped},
};

/// Encrypted update or image: one child without a name.
pub static FORMAT: Format = Format {
    name: "ozip",
    probe,
    open,
    references: &["layout facts of oppo_ozip_decrypt, ozipdecrypt.py"],
    limitations: &[
        "without a key (`ozip` in the file of keys) it is named and not read",
        "a key is taken if the data then begins as an archive or an image does",
    ],
};

const MAGIC: &[u8] = b"OPPOENCRYPT!";
const LEN_AT: u64 = 0x10;
/// A layout: where the data starts, how long a piece is until the next header, how the blocks lie that are encrypted, and what the
/// data begins with, by which a key is recognised.
struct Layout {
    data_offset: u64,
    segment_len: Option<u64>,
    stride: u64,
    marks: &'static [&'static [u8]],
}

const LAYOUTS: [Layout; 3] = [
    // A whole update archive.
    Layout { data_offset: 0x1050, segment_len: None, stride: 0x4010, marks: &[b"PK\x03\x04"] },
    // An image inside an archive, encrypted throughout.
    Layout { data_offset: 0x1050, segment_len: None, stride: BLOCK_LEN as u64, marks: IMAGE_MARKS },
    // An image inside an archive, in segments with a header each.
    Layout { data_offset: 0x50, segment_len: Some(0x4_0000), stride: 0x4000, marks: IMAGE_MARKS },
];
const IMAGE_MARKS: &[&[u8]] = &[b"ANDROID!", b"AVB0", b"\x3a\xff\x26\xed", b"\x7fELF", b"PK\x03\x04"];

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let no_key = Error { kind: Kind::Encrypted, what: "ozip data, AES-128-ECB, no key that fits", offset: LEN_AT };
    let len = declared_len(source, 0)?;
    for values in budget.keys().of("ozip") {
        let Some(cipher) = values.first().and_then(|key| Cipher::new(key)) else { continue };
        for layout in &LAYOUTS {
            if let Some(source) = layout.decrypted(source, len, &cipher, budget)? {
                let mut opened = Opened::default();
                if layout.segment_len.is_none() && source.len() < len {
                    let error = Error::truncated("length", LEN_AT, len, source.len());
                    opened.problems.push(Problem { name: Vec::new(), error });
                }
                opened.children.push(Child { name: Vec::new(), source, mode: None });
                return Ok(opened);
            }
        }
    }
    Err(no_key)
}

/// The length of the data, in decimal digits.
fn declared_len(source: &ByteSource, header: u64) -> Result<u64> {
    let at = header.saturating_add(LEN_AT);
    let field = source.array::<16>(at, "length")?;
    let digits = field.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(digits).map_err(|_| Error::corrupt("length", at))?;
    text.trim().parse().map_err(|_| Error::corrupt("length", at))
}

impl Layout {
    /// The data in the clear, if it then begins with one of the marks.
    fn decrypted(&self, source: &ByteSource, len: u64, cipher: &Cipher, budget: &Budget) -> Result<Option<ByteSource>> {
        if !source.has(0, MAGIC) || source.len() < self.data_offset.saturating_add(BLOCK_LEN as u64) {
            return Ok(None);
        }
        let head = source.slice(self.data_offset, BLOCK_LEN as u64, "data")?;
        let head = ByteSource::new(Arc::new(self.striped(head, cipher)));
        if !self.marks.iter().any(|mark| head.has(0, mark)) {
            return Ok(None);
        }
        let Some(segment_len) = self.segment_len else {
            // The length counts the data without what pads it.
            let available = source.len().saturating_sub(self.data_offset);
            let data = source.slice(self.data_offset, available, "data")?;
            let data = ByteSource::new(Arc::new(self.striped(data, cipher)));
            return data.slice(0, len.min(available), "data").map(Some);
        };
        let mut whole = bytes::Extents::default();
        let mut header = 0_u64;
        while source.has(header, MAGIC) {
            budget.spend_nodes(1, "segment", header)?;
            let len = declared_len(source, header)?.min(segment_len);
            let data = source.slice(header.saturating_add(self.data_offset), len, "segment")?;
            whole.push(bytes::Piece::Stored(ByteSource::new(Arc::new(self.striped(data, cipher)))));
            header = header.saturating_add(segment_len).saturating_add(self.data_offset);
        }
        Ok(Some(whole.into_source()))
    }

    fn striped(&self, data: ByteSource, cipher: &Cipher) -> impl ReadAt + 'static {
        Striped { data, stride: self.stride, cipher: cipher.clone() }
    }
}
