//! Archives `*.tar.md5`: a tar archive with a line of its MD5 behind it, as md5sum writes it. Met as AP, BL, CP and CSC packages for the
//! Odin flash tool. Written from POSIX.1-1988 (ustar) and md5sum(1).

use bytes::{Budget, ByteSource, Error, Result};
use md5::{Digest, Md5};

use crate::{Child, Format, Opened, Problem};

/// Archive with a digest behind it: one child without a name, the archive.
pub static FORMAT: Format = Format {
    name: "md5_trailer",
    probe,
    open,
    references: &["POSIX.1-1988, ustar", "GNU coreutils manual, md5sum"],
    limitations: &[],
};

/// Where a tar archive has its mark, and the mark.
const TAR_MAGIC_AT: u64 = 257;
const TAR_MAGIC: &[u8] = b"ustar";
/// A tar archive is a number of blocks, so the line stands alone in what is left.
const BLOCK_LEN: u64 = 512;
/// Hexadecimal digits of an MD5.
const DIGITS: usize = 32;

fn probe(source: &ByteSource) -> bool {
    source.has(TAR_MAGIC_AT, TAR_MAGIC) && trailer(source).is_some()
}

/// The digits of the line behind the last whole block: digits, two spaces (or a space and an asterisk), a name.
fn trailer(source: &ByteSource) -> Option<[u8; DIGITS]> {
    let start = source.len().checked_sub(source.len() % BLOCK_LEN)?;
    let line = source.array::<{ DIGITS + 2 }>(start, "MD5 line").ok()?;
    let (digits, separator) = line.split_first_chunk::<DIGITS>()?;
    let is_line = matches!(separator, b"  " | b" *") && digits.iter().all(u8::is_ascii_hexdigit);
    is_line.then_some(*digits)
}

fn open(source: &ByteSource, _: &Budget) -> Result<Opened> {
    let len = source.len().saturating_sub(source.len() % BLOCK_LEN);
    let digits = trailer(source).ok_or(Error::corrupt("MD5 line", len))?;
    let archive = source.slice(0, len, "archive")?;
    let mut opened = Opened::default();
    match digest(&archive) {
        Ok(found) if found.eq_ignore_ascii_case(&digits) => {}
        Ok(_) => opened.problems.push(Problem { name: Vec::new(), error: Error::checksum("MD5 line", len) }),
        Err(error) => opened.problems.push(Problem { name: Vec::new(), error }),
    }
    opened.children.push(Child { name: Vec::new(), source: archive, mode: None });
    Ok(opened)
}

fn digest(archive: &ByteSource) -> Result<Vec<u8>> {
    let mut digest = Md5::new();
    let mut window = vec![0; 256 << 10];
    let mut offset = 0;
    while offset < archive.len() {
        let count = archive.read_some(offset, &mut window)?;
        digest.update(window.get(..count).unwrap_or_default());
        offset = offset.saturating_add(count as u64);
    }
    let nibbles = digest.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(nibbles.map(|nibble| if nibble < 10 { nibble + b'0' } else { nibble - 10 + b'a' }).collect())
}
