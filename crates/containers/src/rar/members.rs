//! Members of an archive: put together from their volumes, and unpacked when somebody first reads them.
//!
//! Members lie one after the other. In a solid archive each is unpacked with what was unpacked before it as its window: all of such a
//! row is unpacked when somebody first reads one of its members, and kept for the others.

use std::{collections::BTreeMap, sync::Arc};

use bytes::{Budget, ByteSource, Error, Extents, Piece, Result};
use codecs::{Rar4Decoder, RarDecoder};

use super::block::{self, File, Link, Packing};
use crate::{
    Child, Opened, Problem,
    digest::{self, Expected},
};

const MODE_FILE: u32 = 0o100_000;
const MODE_SYMLINK: u32 = 0o120_000;

/// Members whose contents are unpacked one after the other.
#[derive(Default)]
struct Row {
    members: Vec<Packed>,
    packing: Option<Packing>,
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

/// What was read so far.
#[derive(Default)]
pub(super) struct Members {
    opened: Opened,
    row: Row,
    /// Number of the present volume.
    volume: u64,
    /// A member whose data goes on in the next volume, and what there is of them.
    started: Option<(File, Extents)>,
    /// Why what goes on from a member that was not read cannot be read either.
    broken: Option<Error>,
    /// Children by name, for links.
    files: BTreeMap<Vec<u8>, usize>,
    /// Children that are the same as another one.
    copies: Vec<(usize, usize)>,
}

impl Members {
    /// All of it, once there is no more.
    pub(super) fn opened(mut self) -> Opened {
        self.give_up();
        self.finish();
        self.opened
    }

    pub(super) fn problem(&mut self, name: Vec<u8>, error: Error) {
        self.opened.problems.push(Problem { name, error });
    }

    fn child(&mut self, name: Vec<u8>, source: ByteSource, mode: Option<u32>) -> usize {
        self.opened.children.push(Child { name, source, mode });
        self.opened.children.len().saturating_sub(1)
    }

    /// Another volume begins.
    pub(super) const fn next_volume(&mut self) {
        self.volume = self.volume.saturating_add(1);
    }

    /// The volume says which one it is: nothing goes on over a gap.
    pub(super) fn volume(&mut self, said: Option<u64>, offset: u64) {
        let Some(said) = said.filter(|&said| said != self.volume) else { return };
        self.give_up();
        self.problem(Vec::new(), Error::truncated("RAR volumes before", offset, said, self.volume));
        self.volume = said;
    }

    /// What goes on in a volume that is not there cannot be read.
    fn give_up(&mut self) {
        if let Some((file, data)) = self.started.take() {
            let error =
                Error::truncated("member in several volumes", file.offset, data.len().saturating_add(1), data.len());
            self.lost(file, error);
        }
    }

    fn lost(&mut self, file: File, error: Error) {
        if file.packing != Packing::Stored {
            self.broken.get_or_insert(error);
        }
        self.problem(file.name, error);
    }

    /// Adds a member, or what of it is in the present volume; fails only if the budget does.
    pub(super) fn part(&mut self, mut file: File, budget: &Budget) -> Result<()> {
        let part = Piece::Stored(file.data.clone());
        if self.started.as_ref().is_some_and(|(started, _)| !file.is_continued || started.name != file.name) {
            self.give_up();
        }
        match self.started.take() {
            Some((started, mut data)) => {
                data.push(part);
                // Only the last header has the checksum of all of it.
                let whole = File { crc32: file.crc32, goes_on: file.goes_on, ..started };
                if file.goes_on {
                    self.started = Some((whole, data));
                    return Ok(());
                }
                self.member(File { data: data.into_source(), ..whole }, budget)
            }
            None if file.is_continued => {
                let error = Error::truncated("RAR volume before", file.offset, 1, 0);
                file.is_solid = true;
                self.lost(file, error);
                Ok(())
            }
            None if file.goes_on => {
                let mut data = Extents::default();
                data.push(part);
                self.started = Some((file, data));
                Ok(())
            }
            None => self.member(file, budget),
        }
    }

    /// Adds a member; fails only if the budget does.
    fn member(&mut self, file: File, budget: &Budget) -> Result<()> {
        let mut name = file.name.clone();
        if file.is_folder {
            name.push(b'/');
            self.child(name, ByteSource::from_bytes(Vec::new()), file.mode);
            return Ok(());
        }
        if let Some(link) = &file.link {
            self.link(&file, link);
            return Ok(());
        }
        let packs = file.packing != Packing::Stored;
        if packs && (!file.is_solid || self.row.packing.is_some_and(|packing| packing != file.packing)) {
            self.finish();
        }
        match self.unreadable(&file) {
            Some(error) => {
                self.lost(file, error);
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
        self.row.packing = Some(file.packing);
        self.row.dictionary_len = self.row.dictionary_len.max(file.dictionary_len);
        self.row.unpacked_len = self.row.unpacked_len.saturating_add(unpacked_len);
        let (data, crc32, offset) = (file.data, file.crc32, file.offset);
        self.row.members.push(Packed { data, unpacked_len, child, crc32, offset });
        Ok(())
    }

    /// Why a member cannot be read.
    fn unreadable(&self, file: &File) -> Option<Error> {
        let packs = file.packing != Packing::Stored;
        if file.is_encrypted {
            Some(block::encrypted("RAR member", file.offset))
        } else if let Packing::Unknown(version) = file.packing {
            Some(Error::unsupported("version of the packing", file.offset, version))
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

    fn link(&mut self, file: &File, link: &Link) {
        match link {
            Link::Symbolic(target) => {
                let mode = Some(MODE_SYMLINK | file.mode.unwrap_or(0o777) & 0o7777);
                self.child(file.name.clone(), ByteSource::from_bytes(target.clone()), mode);
            }
            Link::Same(target) => match self.files.get(target) {
                Some(&known) => {
                    let mode = file.mode.or(Some(MODE_FILE | 0o644));
                    let copy = self.child(file.name.clone(), ByteSource::from_bytes(Vec::new()), mode);
                    self.copies.push((copy, known));
                    self.files.insert(file.name.clone(), copy);
                }
                None => self.problem(file.name.clone(), Error::corrupt("Target name", file.offset)),
            },
            Link::Unknown(kind) => {
                self.problem(file.name.clone(), Error::unsupported("Redirection type", file.offset, *kind));
            }
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
    codecs::row_made_when_read(row.unpacked_len, move |sink| {
        let (window_len, unpacked_len) = (row.dictionary_len, row.unpacked_len);
        if row.packing == Some(Packing::Four) {
            let mut decoder = Rar4Decoder::new(window_len, unpacked_len)?;
            row.each(|member| decoder.file(&member.data, member.unpacked_len, sink))
        } else {
            let mut decoder = RarDecoder::new(window_len, unpacked_len)?;
            row.each(|member| decoder.file(&member.data, member.unpacked_len, sink))
        }
    })
}

impl Row {
    /// Unpacks each member; errors tell offsets of the archive.
    fn each(&self, mut unpack: impl FnMut(&Packed) -> Result<()>) -> Result<()> {
        self.members.iter().try_for_each(|member| {
            let at_archive = |error: Error| Error { offset: error.offset.saturating_add(member.offset), ..error };
            unpack(member).map_err(at_archive)
        })
    }
}
