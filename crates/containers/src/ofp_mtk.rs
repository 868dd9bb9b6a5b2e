//! Packages `*.ofp` for MediaTek chips. No document is public; written from the layout that oppo_decrypt (ofp_mtk_decrypt.py) documents: the
//! files, then a table of 96-byte entries, then a footer of 108 bytes. Table and footer are masked with a repeating word; the mask is not
//! kept here, it shows in the padding of the footer. The beginning of every file is encrypted with AES-128-CFB; the user
//! brings key and vector.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Cursor, Error, Kind, Result};

use crate::{
    Child, Format, Opened, Problem,
    cipher::{BLOCK_LEN, Cipher, Feedback},
    text::until_zero,
};

/// Encrypted package for MediaTek chips: one child for each file.
pub static FORMAT: Format = Format {
    name: "ofp_mtk",
    probe,
    open,
    references: &["layout facts of oppo_decrypt, ofp_mtk_decrypt.py"],
    limitations: &[
        "without key and vector (`ofp_mtk` in the file of keys) encrypted files are listed and not read",
        "a key is taken if the package then begins as a preloader does",
    ],
};

const FOOTER_LEN: u64 = 0x6c;
const ENTRY_LEN: u64 = 0x60;
const MASK_LEN: usize = 7;
/// Where the name of the project, which is shorter, leaves its field empty.
const PADDING: std::ops::Range<usize> = 25..46;
/// Name of the chip: MT and four digits.
const CHIP_AT: u64 = 60;
const COUNT_AT: u64 = 72;
/// What the first file of a package begins with.
const PRELOADER_MARK: &[u8] = b"MMM";

type Mask = [u8; MASK_LEN];

/// The word that footer and table are masked with, read where the footer is empty.
fn mask(footer: &[u8; FOOTER_LEN as usize]) -> Option<Mask> {
    let padding = footer.get(PADDING)?;
    let (whole, repeated) = padding.split_at_checked(MASK_LEN)?;
    let is_repeated = repeated.iter().zip(whole.iter().cycle()).all(|(a, b)| a == b);
    let mut mask = Mask::default();
    for (number, byte) in whole.iter().enumerate() {
        *mask.get_mut((PADDING.start + number) % MASK_LEN)? = byte.rotate_left(4);
    }
    (is_repeated && mask.iter().all(u8::is_ascii_alphanumeric)).then_some(mask)
}

fn unmasked(bytes: &[u8], mask: &Mask) -> Vec<u8> {
    bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte.rotate_left(4) ^ mask).collect()
}

/// The footer in the clear and its mask.
fn footer(source: &ByteSource) -> Option<(Vec<u8>, Mask)> {
    let at = source.len().checked_sub(FOOTER_LEN)?;
    let bytes = source.array::<{ FOOTER_LEN as usize }>(at, "footer").ok()?;
    let mask = mask(&bytes)?;
    let clear = unmasked(&bytes, &mask);
    let is_footer = clear.get(CHIP_AT as usize..)?.starts_with(b"MT");
    is_footer.then_some((clear, mask))
}

fn probe(source: &ByteSource) -> bool {
    footer(source).is_some()
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let footer_at = source.len().saturating_sub(FOOTER_LEN);
    let (clear, mask) = footer(source).ok_or(Error::corrupt("footer", footer_at))?;
    let count = u64::from(Cursor::at(&clear, COUNT_AT, "number of files")?.u16_le("number of files")?);
    // At most 2^16 entries of 96 bytes.
    let table_len = count * ENTRY_LEN;
    let table_at = footer_at.checked_sub(table_len).ok_or(Error::corrupt("number of files", footer_at))?;
    budget.spend_nodes(count, "number of files", footer_at)?;
    let table = unmasked(&source.slice(table_at, table_len, "table")?.to_vec(budget, "table")?, &mask);
    let key = key(source, budget);
    let mut cursor = Cursor::new(&table, table_at);
    let mut opened = Opened::default();
    for _ in 0..count {
        let at = cursor.offset();
        cursor.take(32, "name")?;
        let (start, len) = (cursor.u64_le("start")?, cursor.u64_le("length")?);
        let encrypted_len = cursor.u64_le("encrypted length")?;
        let name = until_zero(cursor.take(32, "file")?);
        cursor.take(8, "checksum")?;
        let data = source.slice(start, len, "length");
        let data = match (data, &key) {
            (data, _) if encrypted_len == 0 => data,
            (data, Some((cipher, vector))) => data.map(|data| {
                let (cipher, vector) = (cipher.clone(), *vector);
                ByteSource::new(Arc::new(Feedback { data, encrypted_len, cipher, vector }))
            }),
            (_, None) => {
                Err(Error { kind: Kind::Encrypted, what: "ofp data, AES-128-CFB, no key that fits", offset: at })
            }
        };
        match data {
            Ok(source) => opened.children.push(Child { name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    Ok(opened)
}

/// The key and vector with which the package begins as a preloader does.
fn key(source: &ByteSource, budget: &Budget) -> Option<(Cipher, [u8; BLOCK_LEN])> {
    budget.keys().of("ofp_mtk").iter().find_map(|values| {
        let [key, vector] = values.as_slice() else { return None };
        let (cipher, vector) = (Cipher::new(key)?, <[u8; BLOCK_LEN]>::try_from(vector.as_slice()).ok()?);
        let data = source.slice(0, BLOCK_LEN as u64, "data").ok()?;
        let head = Feedback { data, encrypted_len: BLOCK_LEN as u64, cipher: cipher.clone(), vector };
        ByteSource::new(Arc::new(head)).has(0, PRELOADER_MARK).then_some((cipher, vector))
    })
}
