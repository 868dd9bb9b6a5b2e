//! RAR 5 archives: flashing packages as people pass them on. Written from the technical note "RAR 5.0 archive format".
//!
//! Members lie one after the other. In a solid archive each is unpacked with what was unpacked before it as its window: all of such a
//! row is unpacked when somebody first reads one of its members, and kept for the others.

mod header;

use std::{collections::BTreeMap, sync::Arc};

use bytes::{Budget, ByteSource, Error, Result};
use codecs::RarDecoder;

use crate::{
    Child, Format, Opened, Problem,
    digest::{self, Expected},
};
use header::{Block, File};

/// RAR 5.
pub static FORMAT: Format = Format {
    name: "rar",
    probe,
    open,
    references: &["RAR 5.0 archive format, technical note", "layout facts of unrar, unpack50.cpp"],
    limitations: &[
        "RAR 4 and earlier are recognised and not read, nor are members packed as RAR 7 packs with dictionaries of more than 4 GiB",
        "dictionaries of more than 256 MiB are refused, unless the members that use them are shorter",
        "of the digests of members CRC32 is compared, BLAKE2sp is not",
        "encrypted archives and members are reported, not read",
        "members that go on in another volume are reported, not read",
    ],
};

const MAGIC: &[u8] = b"Rar!\x1a\x07\x01\x00";
const OLD_MAGIC: &[u8] = b"Rar!\x1a\x07\x00";
const MODE_FILE: u32 = 0o100_000;
const MODE_SYMLINK: u32 = 0o120_000;
/// Methods: nothing was packed, up to packed best.
const STORED: u64 = 0;
const METHOD_MAX: u64 = 5;
/// Kinds of links.
const UNIX_SYMLINK: u64 = 1;
const HARD_LINK: u64 = 4;
const FILE_COPY: u64 = 5;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC) || source.has(0, OLD_MAGIC)
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    if source.has(0, OLD_MAGIC) {
        return Err(Error::unsupported("RAR version", 0, 4));
    }
    let mut reader = Reader::default();
    let mut offset = MAGIC.len() as u64;
    loop {
        budget.spend_nodes(1, "RAR header", offset)?;
        let (block, next) = match header::read(source, offset) {
            Ok(read) => read,
            // Without its length nothing behind it can be told; what came before stands.
            Err(error) if offset > MAGIC.len() as u64 => {
                reader.problem(Vec::new(), error);
                break;
            }
            Err(error) => return Err(error),
        };
        match block {
            Block::File(file) => reader.member(file, budget)?,
            Block::Encrypted => {
                reader.problem(Vec::new(), header::encrypted("RAR headers", offset));
                break;
            }
            Block::End { goes_on } => {
                if goes_on {
                    reader.problem(Vec::new(), Error::unsupported("volume that follows", offset, 1));
                }
                break;
            }
            Block::Other => {}
        }
        offset = next;
    }
    reader.finish();
    Ok(reader.opened)
}

/// Members whose contents are unpacked one after the other.
#[derive(Default)]
struct Row {
    members: Vec<Packed>,
    dictionary_len: u64,
    unpacked_len: u64,
}

struct Packed {
    data: ByteSource,
    unpacked_len: u64,
    /// Where in `children` it stands.
    child: usize,
    crc32: Option<u32>,
    offset: u64,
}

#[derive(Default)]
struct Reader {
    opened: Opened,
    row: Row,
    /// Why what goes on from a member that was not read cannot be read either.
    broken: Option<Error>,
    /// Children by name, for links.
    files: BTreeMap<Vec<u8>, usize>,
    /// Children that are the same as another one.
    copies: Vec<(usize, usize)>,
}

impl Reader {
    fn problem(&mut self, name: Vec<u8>, error: Error) {
        self.opened.problems.push(Problem { name, error });
    }

    fn child(&mut self, name: Vec<u8>, source: ByteSource, mode: Option<u32>) -> usize {
        self.opened.children.push(Child { name, source, mode });
        self.opened.children.len().saturating_sub(1)
    }

    /// Adds a member; fails only if the budget does.
    fn member(&mut self, file: File, budget: &Budget) -> Result<()> {
        let mut name = file.name.clone();
        if file.is_folder {
            name.push(b'/');
            self.child(name, ByteSource::from_bytes(Vec::new()), file.mode);
            return Ok(());
        }
        if let Some((kind, target)) = &file.link {
            self.link(&file, *kind, target.clone());
            return Ok(());
        }
        let packs = file.method != STORED;
        if packs && !file.is_solid {
            self.finish();
        }
        match self.unreadable(&file) {
            Some(error) => {
                if packs {
                    self.broken.get_or_insert(error);
                }
                self.problem(name, error);
                return Ok(());
            }
            None if !packs => {
                let error = Error::checksum("Data CRC32", file.offset);
                let source = match file.crc32 {
                    Some(crc32) => digest::verified(file.data, Expected::Crc32(crc32), error),
                    None => file.data,
                };
                let child = self.child(name.clone(), source, file.mode);
                self.files.insert(name, child);
                return Ok(());
            }
            None => {}
        }
        let unpacked_len = file.unpacked_len.unwrap_or(0);
        budget.spend_bytes(unpacked_len, "Unpacked size", file.offset)?;
        let child = self.child(name.clone(), ByteSource::from_bytes(Vec::new()), file.mode);
        self.files.insert(name, child);
        self.row.dictionary_len = self.row.dictionary_len.max(file.dictionary_len);
        self.row.unpacked_len = self.row.unpacked_len.saturating_add(unpacked_len);
        let (data, crc32, offset) = (file.data, file.crc32, file.offset);
        self.row.members.push(Packed { data, unpacked_len, child, crc32, offset });
        Ok(())
    }

    /// Why a member cannot be read.
    fn unreadable(&self, file: &File) -> Option<Error> {
        let packs = file.method != STORED;
        if file.is_encrypted {
            Some(header::encrypted("RAR member", file.offset))
        } else if file.is_split {
            Some(Error::unsupported("member in several volumes", file.offset, 1))
        } else if packs && (file.version != 0 || file.method > METHOD_MAX) {
            Some(Error::unsupported("Compression information", file.offset, file.version))
        } else if file.unpacked_len.is_none() {
            Some(Error::unsupported("unknown Unpacked size", file.offset, 8))
        } else if !packs && file.unpacked_len != Some(file.data.len()) {
            Some(Error::corrupt("Unpacked size", file.offset))
        } else if packs && file.is_solid {
            self.broken
        } else {
            None
        }
    }

    fn link(&mut self, file: &File, kind: u64, target: Vec<u8>) {
        match kind {
            UNIX_SYMLINK => {
                let mode = Some(MODE_SYMLINK | file.mode.unwrap_or(0o777) & 0o7777);
                self.child(file.name.clone(), ByteSource::from_bytes(target), mode);
            }
            HARD_LINK | FILE_COPY => match self.files.get(&target) {
                Some(&known) => {
                    let mode = file.mode.or(Some(MODE_FILE | 0o644));
                    let copy = self.child(file.name.clone(), ByteSource::from_bytes(Vec::new()), mode);
                    self.copies.push((copy, known));
                    self.files.insert(file.name.clone(), copy);
                }
                None => self.problem(file.name.clone(), Error::corrupt("Target name", file.offset)),
            },
            other => self.problem(file.name.clone(), Error::unsupported("Redirection type", file.offset, other)),
        }
    }

    /// Ends a row: its members get their part of what it unpacks to.
    fn finish(&mut self) {
        self.broken = None;
        let row = std::mem::take(&mut self.row);
        let parts: Vec<(usize, u64, Option<u32>, u64)> =
            row.members.iter().map(|part| (part.child, part.unpacked_len, part.crc32, part.offset)).collect();
        let whole = unpacked(row);
        let mut start = 0_u64;
        for (child, len, crc32, offset) in parts {
            let part = whole.slice(start, len, "member").unwrap_or(ByteSource::from_bytes(Vec::new()));
            start = start.saturating_add(len);
            let error = Error::checksum("Data CRC32", offset);
            let part = match crc32 {
                Some(crc32) => digest::verified(part, Expected::Crc32(crc32), error),
                None => part,
            };
            if let Some(child) = self.opened.children.get_mut(child) {
                child.source = part;
            }
        }
        for (copy, known) in std::mem::take(&mut self.copies) {
            let source = self.opened.children.get(known).map(|child| child.source.clone());
            if let (Some(source), Some(child)) = (source, self.opened.children.get_mut(copy)) {
                child.source = source;
            }
        }
    }
}

/// What a row unpacks to, made when somebody first reads it.
fn unpacked(row: Row) -> ByteSource {
    let row = Arc::new(row);
    codecs::made_when_read(row.unpacked_len, move |sink| {
        let mut decoder = RarDecoder::new(row.dictionary_len, row.unpacked_len)?;
        for member in &row.members {
            let file = decoder.file(&member.data, member.unpacked_len, sink);
            file.map_err(|error| Error { offset: error.offset.saturating_add(member.offset), ..error })?;
        }
        Ok(())
    })
}
