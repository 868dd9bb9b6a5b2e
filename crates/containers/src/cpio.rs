//! cpio archives of the "new" kind. Met as ramdisks of boot images, packed or not, several in a row. Written from the
//! Linux kernel's Documentation/driver-api/early-userspace/buffer-format.rst.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Error, Limit, Result};
use codecs::{Codec, Unpacked};

use crate::{Child, Format, Opened, Problem, padding};

/// cpio newc, with and without checksums.
pub static FORMAT: Format = Format {
    name: "cpio",
    probe,
    open,
    references: &["Linux kernel documentation, \"initramfs buffer format\""],
    limitations: &["checksums (070702) are not compared", "the old binary and octal kinds are not recognised"],
};

const HEADER_LEN: u64 = 110;
/// Longest path a kernel takes (`PATH_MAX`).
const NAME_LEN_MAX: u64 = 4096;
/// Packed archives behind each other; kernels are given two or three.
const PACKED_MAX: u32 = 16;
const TRAILER: &[u8] = b"TRAILER!!!";
const TYPE_MASK: u32 = 0o170_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_SYMLINK: u32 = 0o120_000;

fn probe(source: &ByteSource) -> bool {
    is_header(source, 0)
}

fn is_header(source: &ByteSource, offset: u64) -> bool {
    source.has(offset, b"070701") || source.has(offset, b"070702")
}

struct Header {
    inode: u32,
    mode: u32,
    link_count: u32,
    len: u64,
    name: Vec<u8>,
    /// Where the contents start.
    data: u64,
}

impl Header {
    fn read(source: &ByteSource, offset: u64) -> Result<Self> {
        let bytes = source.array::<110>(offset, "cpio header")?;
        if !is_header(source, offset) {
            return Err(Error::corrupt("cpio magic", offset));
        }
        let field = |index: usize| -> Result<u32> {
            // Eight hexadecimal digits each, behind six of the mark.
            let start = index.saturating_mul(8).saturating_add(6);
            let digits = bytes.get(start..start.saturating_add(8)).and_then(|digits| std::str::from_utf8(digits).ok());
            let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            value.ok_or(Error::corrupt("cpio field", offset.saturating_add(start as u64)))
        };
        let name_len = u64::from(field(11)?);
        if name_len == 0 || name_len > NAME_LEN_MAX {
            return Err(Error::corrupt("c_namesize", offset.saturating_add(94)));
        }
        let name_offset = offset.saturating_add(HEADER_LEN);
        // The bound above fits.
        let mut name = vec![0; name_len as usize];
        source.read(name_offset, &mut name, "cpio name")?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name.truncate(end);
        Ok(Self {
            inode: field(0)?,
            mode: field(1)?,
            link_count: field(4)?,
            len: u64::from(field(6)?),
            name,
            // Two small numbers and an offset inside the source.
            data: aligned(name_offset.saturating_add(name_len)),
        })
    }
}

const fn aligned(offset: u64) -> u64 {
    offset.saturating_add(3) & !3
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut source = source.clone();
    let mut packed_left = PACKED_MAX;
    let mut opened = Opened::default();
    let mut waiting = Waiting::new();
    let mut offset = 0;
    loop {
        budget.spend_nodes(1, "cpio header", offset)?;
        let header = match Header::read(&source, offset) {
            Ok(header) => header,
            Err(error) if offset == 0 && packed_left == PACKED_MAX => return Err(error),
            Err(error) => {
                opened.problems.push(Problem { name: Vec::new(), error });
                break;
            }
        };
        let end = aligned(header.data.saturating_add(header.len));
        if header.name == TRAILER {
            release(&mut waiting, &mut opened);
            // Another archive follows behind zeros, packed or not, as the kernel joins them.
            let Some(next) = padding::end(&source, end)? else { break };
            offset = next & !3;
            if !is_header(&source, offset) {
                packed_left = match packed_left.checked_sub(1) {
                    Some(left) => left,
                    None => {
                        let error = Error::limit(Limit::Depth, "packed cpio archives in a row", offset);
                        opened.problems.push(Problem { name: Vec::new(), error });
                        break;
                    }
                };
                match unpacked(&source, next, budget) {
                    Ok(Unpacked { source: inner, error }) => {
                        (source, offset) = (inner, 0);
                        opened.problems.extend(error.map(|error| Problem { name: Vec::new(), error }));
                    }
                    Err(error) => {
                        opened.problems.push(Problem { name: Vec::new(), error });
                        break;
                    }
                }
            }
            continue;
        }
        match source.slice(header.data, header.len, "cpio member") {
            Ok(contents) => member(header, contents, &mut waiting, &mut opened),
            Err(error) => opened.problems.push(Problem { name: header.name, error }),
        }
        offset = end;
    }
    release(&mut waiting, &mut opened);
    Ok(opened)
}

/// Names and modes of files by inode: the contents of a file with several names stand at the last of them.
type Waiting = BTreeMap<u32, Vec<(Vec<u8>, u32)>>;

/// Names whose contents never came are empty files.
fn release(waiting: &mut Waiting, opened: &mut Opened) {
    for (name, mode) in std::mem::take(waiting).into_values().flatten() {
        opened.children.push(Child { name, source: ByteSource::from_bytes(Vec::new()), mode: Some(mode) });
    }
}

/// The packed archive at `offset`, unpacked.
fn unpacked(source: &ByteSource, offset: u64, budget: &Budget) -> Result<Unpacked> {
    let rest = source.slice(offset, source.len().saturating_sub(offset), "cpio archive")?;
    let codec = Codec::identify(&rest).ok_or(Error::corrupt("what follows a cpio archive", offset))?;
    codecs::unpack_seekable(&rest, codec, budget)
}

fn member(header: Header, contents: ByteSource, waiting: &mut Waiting, opened: &mut Opened) {
    let Header { inode, mode, link_count, mut name, .. } = header;
    match mode & TYPE_MASK {
        TYPE_DIRECTORY if name == b"." => {}
        TYPE_DIRECTORY => {
            name.push(b'/');
            opened.children.push(Child { name, source: contents, mode: Some(mode) });
        }
        TYPE_FILE if link_count > 1 && contents.is_empty() => waiting.entry(inode).or_default().push((name, mode)),
        TYPE_FILE => {
            let others = if link_count > 1 { waiting.remove(&inode).unwrap_or_default() } else { Vec::new() };
            for (name, mode) in others.into_iter().chain([(name, mode)]) {
                opened.children.push(Child { name, source: contents.clone(), mode: Some(mode) });
            }
        }
        TYPE_SYMLINK => opened.children.push(Child { name, source: contents, mode: Some(mode) }),
        // Devices, pipes and sockets hold nothing.
        _ => {}
    }
}
