//! Packages `*.ofp` for Qualcomm chips, and packages `*.ops`. No document is public; written from the layouts that oppo_decrypt (ofp_qc_decrypt.py,
//! opscrypto.py) documents: the files, then an encrypted XML description of them, then a footer of one page with the mark 0x7cef.
//!
//! Both are AES in cipher feedback mode: `ofp` with a key and a vector, `ops` with a vector and a table of round keys. The
//! user brings them. The description says where each file lies; only the beginning of a file is encrypted, or nothing.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Kind, Result};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use crate::{
    Child, Format, Opened, Problem,
    cipher::{BLOCK_LEN, Cipher, Feedback},
};

/// Encrypted package for Qualcomm chips: one child for each file.
pub static FORMAT: Format = Format {
    name: "ofp",
    probe,
    open,
    references: &["layout facts of oppo_decrypt, ofp_qc_decrypt.py and opscrypto.py"],
    limitations: &[
        "without a key (`ofp` with key and vector, or `ops` with vector and table, in the file of keys) it is named and not read",
        "digests of the files are not verified",
    ],
};

const PAGE_LENS: [u64; 2] = [0x200, 0x1000];
const MARK: [u8; 4] = [0xef, 0x7c, 0, 0];
/// Where a page of the footer has the mark, the page of the description, and its length.
const MARK_AT: u64 = 0x10;
const DESCRIPTION_PAGE_AT: u64 = 0x14;
const DESCRIPTION_LEN_AT: u64 = 0x18;
/// Longest description that is read.
const DESCRIPTION_LEN_MAX: u64 = 16 << 20;
/// A shorter length than this stands for "until the footer", less a trailer of this many bytes, in the first packages.
const DESCRIPTION_LEN_MIN: u64 = 200;
const TRAILER_LEN: u64 = 0x57;
/// How much of a file of an `ofp` package is encrypted.
const ENCRYPTED_LEN: u64 = 0x4_0000;
/// Files of these elements are stored as they are in `ofp` packages, and of these encrypted throughout in both.
const PLAIN: [&[u8]; 3] = [b"DigestsToSign", b"ChainedTableOfDigests", b"Firmware"];
const LOADERS: [&[u8]; 2] = [b"Sahara", b"SAHARA"];

fn page_len(source: &ByteSource) -> Option<u64> {
    let has_mark = |len: &u64| source.len().checked_sub(*len).is_some_and(|page| source.has(page + MARK_AT, &MARK));
    PAGE_LENS.into_iter().find(has_mark)
}

fn probe(source: &ByteSource) -> bool {
    page_len(source).is_some()
}

struct Key {
    cipher: Cipher,
    vector: [u8; BLOCK_LEN],
    /// How much of the beginning of an image is encrypted.
    encrypted_len: u64,
}

impl Key {
    fn of(scheme: &str, values: &[Vec<u8>]) -> Option<Self> {
        let [first, second] = values else { return None };
        let is_ofp = scheme == "ofp";
        let (cipher, vector) = if is_ofp { (Cipher::new(first)?, second) } else { (Cipher::of_words(second)?, first) };
        let vector = vector.as_slice().try_into().ok()?;
        Some(Self { cipher, vector, encrypted_len: if is_ofp { ENCRYPTED_LEN } else { 0 } })
    }

    fn decrypted(&self, data: ByteSource, encrypted_len: u64) -> ByteSource {
        let (cipher, vector) = (self.cipher.clone(), self.vector);
        ByteSource::new(Arc::new(Feedback { data, encrypted_len, cipher, vector }))
    }
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let page_len = page_len(source).ok_or(Error::corrupt("mark of the footer", source.len()))?;
    let footer = source.len().saturating_sub(page_len);
    let field = |at: u64, what| source.array(footer.saturating_add(at), what).map(u32::from_le_bytes).map(u64::from);
    let start = field(DESCRIPTION_PAGE_AT, "page of the description")?.saturating_mul(page_len);
    let mut len = field(DESCRIPTION_LEN_AT, "length of the description")?;
    if len < DESCRIPTION_LEN_MIN {
        len = footer.saturating_sub(start).saturating_sub(TRAILER_LEN);
    }
    if len > DESCRIPTION_LEN_MAX {
        return Err(Error::corrupt("length of the description", footer.saturating_add(DESCRIPTION_LEN_AT)));
    }
    let description = source.slice(start, len, "description")?;
    for scheme in ["ofp", "ops"] {
        for key in budget.keys().of(scheme).iter().filter_map(|values| Key::of(scheme, values)) {
            let text = key.decrypted(description.clone(), len).to_vec(budget, "description")?;
            if text.windows(5).take(64).any(|window| window == b"<?xml") {
                return files(source, &text, &key, page_len, budget);
            }
        }
    }
    Err(Error { kind: Kind::Encrypted, what: "ofp or ops package, AES-128-CFB, no key that fits", offset: start })
}

/// The files that the description lists.
fn files(source: &ByteSource, text: &[u8], key: &Key, page_len: u64, budget: &Budget) -> Result<Opened> {
    let mut opened = Opened::default();
    let mut reader = Reader::from_reader(text);
    // End tags are not compared: their names would be kept for every open element.
    reader.config_mut().check_end_names = false;
    let (mut depth, mut section) = (0_u32, Vec::new());
    loop {
        budget.spend_nodes(1, "description", reader.buffer_position())?;
        let element = match reader.read_event() {
            Ok(Event::Start(element)) => {
                depth = depth.saturating_add(1);
                // Elements right below the root say what kind of files is in them.
                if depth == 2 {
                    section = element.name().as_ref().to_vec();
                }
                element
            }
            Ok(Event::Empty(element)) => element,
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            // What pads the last block of the description is no XML, and stands behind the root.
            Ok(Event::Eof) | Err(_) => {
                if depth != 0 || section.is_empty() {
                    // The description is plain text only here: the offset is that within it.
                    let error = Error::corrupt("description", reader.buffer_position());
                    opened.problems.push(Problem { name: Vec::new(), error });
                }
                return Ok(opened);
            }
            Ok(_) => continue,
        };
        let Some(file) = File::of(&element, page_len) else { continue };
        let is_plain = PLAIN.contains(&section.as_slice());
        let is_loader = LOADERS.contains(&section.as_slice());
        let data = source.slice(file.start, file.len, "SizeInByteInSrc");
        let encrypted_len = if is_loader { file.len } else { key.encrypted_len.min(file.len) };
        match data {
            Ok(data) if is_plain || encrypted_len == 0 => {
                opened.children.push(Child { name: file.name, source: data, mode: None });
            }
            Ok(data) => {
                let source = key.decrypted(data, encrypted_len);
                opened.children.push(Child { name: file.name, source, mode: None });
            }
            Err(error) => opened.problems.push(Problem { name: file.name, error }),
        }
    }
}

struct File {
    name: Vec<u8>,
    start: u64,
    len: u64,
}

impl File {
    fn of(element: &BytesStart<'_>, page_len: u64) -> Option<Self> {
        let name = attribute(element, b"Path").or_else(|| attribute(element, b"filename"))?;
        let number = |key| attribute(element, key).and_then(|value| value.trim().parse::<u64>().ok());
        let start = number(b"FileOffsetInSrc")?.checked_mul(page_len)?;
        let len = number(b"SizeInByteInSrc")?;
        (!name.is_empty() && len > 0).then(|| Self { name: name.into_bytes(), start, len })
    }
}

fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == name)?;
    Some(found.unescape_value().ok()?.into_owned())
}
