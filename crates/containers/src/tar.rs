//! Tape archives. Met as flashing packages of one large maker (`AP_*.tar.md5`), as
//! `.tgz` of others, and as packed dumps. Written from POSIX.1-2001 (pax) and the GNU tar manual, "Basic Tar Format".

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Error, Kind, Limit, Result};

use crate::{Child, Format, Opened, Problem, text::until_zero};

/// Tape archives of the ustar, pax and GNU kinds.
pub static FORMAT: Format = Format {
    name: "tar",
    probe,
    open,
    references: &["POSIX.1-2001, pax", "GNU tar manual, \"Basic Tar Format\""],
    limitations: &[
        "archives before POSIX.1-1988, without the mark `ustar`, are not recognised",
        "GNU sparse members and members that go on in another volume are reported, not read",
    ],
};

const BLOCK_LEN: u64 = 512;
/// Extended headers and long names are read into memory up to this length.
const EXTENDED_LEN_MAX: u64 = 1 << 20;
const MODE_DIRECTORY: u32 = 0o040_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_SYMLINK: u32 = 0o120_000;

fn probe(source: &ByteSource) -> bool {
    source.has(257, b"ustar") && source.array::<512>(0, "tar header").is_ok_and(|block| has_checksum(&block))
}

/// The sum of all bytes, with blanks in place of the sum itself.
fn has_checksum(block: &[u8; 512]) -> bool {
    let (before, rest) = block.split_at(148);
    let (stored, after) = rest.split_at(8);
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    number(stored) == Some(sum(before).saturating_add(sum(after)).saturating_add(8 * u64::from(b' ')))
}

/// Octal digits between blanks and zeros, or, with the high bit set, a big-endian number.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((&first, rest)) = field.split_first().filter(|(first, _)| *first & 0x80 != 0) {
        let start = u64::from(first & 0x3f);
        return rest.iter().try_fold(start, |value, &byte| value.checked_mul(256)?.checked_add(u64::from(byte)));
    }
    let text = field.split(|&byte| byte == 0).next()?;
    let digits = text.trim_ascii();
    digits.iter().try_fold(0_u64, |value, &byte| {
        let digit = char::from(byte).to_digit(8)?;
        value.checked_mul(8)?.checked_add(u64::from(digit))
    })
}

/// What extended headers say of the next member.
#[derive(Default, Clone)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    len: Option<u64>,
    is_sparse: bool,
}

impl Extended {
    /// Records `length key=value\n`, as pax writes them.
    fn read(&mut self, records: &[u8]) {
        let mut rest = records;
        while let Some(blank) = rest.iter().position(|&byte| byte == b' ') {
            let (digits, _) = rest.split_at(blank);
            let Some(len) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok()) else {
                return;
            };
            let Some((record, tail)) = rest.split_at_checked(len).filter(|_| len > blank) else { return };
            rest = tail;
            let record = record.get(blank.saturating_add(1)..).unwrap_or_default();
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = record.iter().position(|&byte| byte == b'=') else { continue };
            let (key, value) = record.split_at(equals);
            let value = value.strip_prefix(b"=").unwrap_or_default();
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.len = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()),
                _ => self.is_sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
    }
}

struct Header {
    name: Vec<u8>,
    link: Vec<u8>,
    mode: u32,
    len: u64,
    kind: u8,
}

impl Header {
    /// Nothing at a block of zeros: the end of the archive.
    fn read(source: &ByteSource, offset: u64) -> Result<Option<Self>> {
        let block = source.array::<512>(offset, "tar header")?;
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        if !has_checksum(&block) {
            return Err(Error::checksum("tar header chksum", offset.saturating_add(148)));
        }
        let field = |start: usize, len: usize| block.get(start..start.saturating_add(len)).unwrap_or_default();
        let mut name = until_zero(field(0, 100));
        // GNU archives have other fields where POSIX has the prefix.
        let prefix = until_zero(field(345, 155));
        if field(257, 6) == b"ustar\0" && !prefix.is_empty() {
            name = [&prefix[..], b"/", &name].concat();
        }
        let len = number(field(124, 12)).ok_or(Error::corrupt("tar header size", offset.saturating_add(124)))?;
        let mode = number(field(100, 8)).and_then(|mode| u32::try_from(mode & 0o7777).ok()).unwrap_or(0);
        let kind = field(156, 1).first().copied().unwrap_or(0);
        Ok(Some(Self { name, link: until_zero(field(157, 100)), mode, len, kind }))
    }
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut opened = Opened::default();
    // Files by name, for hard links, which are names of earlier members.
    let mut files: BTreeMap<Vec<u8>, ByteSource> = BTreeMap::new();
    let mut extended = Extended::default();
    let mut offset = 0_u64;
    while offset < source.len() {
        budget.spend_nodes(1, "tar header", offset)?;
        let header = match Header::read(source, offset) {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(opened),
            Err(error) if offset == 0 => return Err(error),
            Err(error) => {
                opened.problems.push(Problem { name: Vec::new(), error });
                return Ok(opened);
            }
        };
        let data = offset.saturating_add(BLOCK_LEN);
        let len =
            if header.kind == b'x' || header.kind == b'g' { header.len } else { extended.len.unwrap_or(header.len) };
        // Links and folders have no data, whatever their size says.
        let stored_len = if matches!(header.kind, b'1'..=b'6') { 0 } else { len };
        let end = data.checked_add(stored_len).and_then(|end| end.checked_next_multiple_of(BLOCK_LEN));
        let end = end.ok_or(Error::corrupt("tar header size", offset.saturating_add(124)));
        let read = end.and_then(|end| Ok((end, long_field(source, &header, data, stored_len, budget)?)));
        let (end, field) = match read {
            Ok(read) => read,
            Err(error) => {
                // Without its length or its name nothing behind it can be told; what came before stands.
                opened.problems.push(Problem { name: header.name, error });
                return Ok(opened);
            }
        };
        if let Some(bytes) = field {
            match header.kind {
                b'x' => extended.read(&bytes),
                b'L' => extended.path = Some(until_zero(&bytes)),
                b'K' => extended.link = Some(until_zero(&bytes)),
                // Global records hold comments and times; names and lengths belong to one member.
                _ => {}
            }
        } else {
            member(source, header, std::mem::take(&mut extended), (data, stored_len), &mut files, &mut opened);
        }
        offset = end;
    }
    // Zeros end an archive. One that was cut right behind a member looks whole in every other way; one whose last member is
    // cut told of it already.
    let is_cut = opened.problems.iter().any(|problem| matches!(problem.error.kind, Kind::Truncated { .. }));
    if !is_cut {
        let error = Error::truncated("end of the archive", offset, BLOCK_LEN, 0);
        opened.problems.push(Problem { name: Vec::new(), error });
    }
    Ok(opened)
}

/// What an extended header or a long name says; nothing for a member.
fn long_field(source: &ByteSource, header: &Header, offset: u64, len: u64, budget: &Budget) -> Result<Option<Vec<u8>>> {
    if !matches!(header.kind, b'x' | b'g' | b'L' | b'K') {
        return Ok(None);
    }
    if len > EXTENDED_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "tar extended header", offset));
    }
    source.slice(offset, len, "tar extended header")?.to_vec(budget, "tar extended header").map(Some)
}

fn member(
    source: &ByteSource,
    header: Header,
    extended: Extended,
    (data, len): (u64, u64),
    files: &mut BTreeMap<Vec<u8>, ByteSource>,
    opened: &mut Opened,
) {
    let mut name = extended.path.unwrap_or(header.name);
    let link = extended.link.unwrap_or(header.link);
    let mut child = |name: Vec<u8>, source: ByteSource, kind: u32| {
        opened.children.push(Child { name, source, mode: Some(kind | header.mode) });
    };
    let error = match header.kind {
        b'5' => {
            if !name.ends_with(b"/") {
                name.push(b'/');
            }
            child(name, ByteSource::from_bytes(Vec::new()), MODE_DIRECTORY);
            return;
        }
        b'2' => {
            child(name, ByteSource::from_bytes(link), MODE_SYMLINK);
            return;
        }
        b'1' => match files.get(&link) {
            Some(file) => {
                child(name, file.clone(), MODE_FILE);
                return;
            }
            None => Error::corrupt("target of a hard link", data),
        },
        // Devices and pipes hold nothing.
        b'3' | b'4' | b'6' => return,
        b'S' | b'M' => Error::unsupported("typeflag", data.saturating_sub(BLOCK_LEN), u64::from(header.kind)),
        _ if extended.is_sparse => Error::unsupported("GNU.sparse", data.saturating_sub(BLOCK_LEN), 1),
        _ => match source.slice(data, len, "tar member") {
            Ok(source) => {
                files.insert(name.clone(), source.clone());
                child(name, source, MODE_FILE);
                return;
            }
            Err(error) => error,
        },
    };
    opened.problems.push(Problem { name, error });
}
