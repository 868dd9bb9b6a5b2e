//! Block updates: a list of commands and the data of new blocks, `system.transfer.list` and `system.new.dat`. Met in
//! updates of devices with one set of partitions, Android 5 to 10. Written from AOSP bootable/recovery,
//! updater/blockimg.cpp, and build/make, tools/releasetools/blockimgdiff.py.
//!
//! Of a full update only `new`, `zero` and `erase` matter. The image is the list of its runs; new data stays where it is.
//! An incremental update also moves and patches blocks of the image that it is made for.

mod commands;

use bytes::{Budget, ByteSource, Error, Extents, Kind, Piece, Result};
use codecs::{Codec, made_when_read};

use crate::{
    Child, FileSet, Opened, Problem,
    bsdiff::patched,
    digest::{self, Expected},
    imgdiff,
    layout::Layout,
};
use commands::{Change, Command, How, Lines, Source, Version, number};

/// Block updates as a set of files.
pub static SET: FileSet = FileSet {
    name: "block_update",
    what: "A list of commands and the data of its new blocks, `NAME.transfer.list` and `NAME.new.dat` beside it (also packed, as .br, .xz, .lzma, \
           .gz, and in numbered parts), with `NAME.patch.dat`: an image of the partition NAME.",
    references: &[
        "AOSP bootable/recovery, updater/blockimg.cpp",
        "AOSP build/make, tools/releasetools/blockimgdiff.py",
    ],
    limitations: &[
        "commands that change blocks of an older image (move, bsdiff, imgdiff) need that image (`--base`) and are reported \
         without it",
        "lists of versions 1 and 2 have no digests: that the older image is the right one is not known",
        "hash trees that a device makes itself (compute_hash_tree) are not made",
    ],
};

pub(crate) const BLOCK_LEN: u64 = 4096;
/// A longer list is not read; lists of real updates stay below a megabyte.
pub const LIST_LEN_MAX: u64 = 32 << 20;
/// Most bytes that one patch makes: makers of updates cut files at a fraction of it, because a device holds them in memory.
const PATCHED_LEN_MAX: u64 = 512 << 20;

/// The data of new blocks: the parts of one stream in order, unpacked if their name says how they are packed. Brotli has
/// no mark, so here a name decides.
pub fn new_data(parts: &[ByteSource], name: &[u8], budget: &Budget) -> Result<(ByteSource, Option<Error>)> {
    let mut whole = Extents::default();
    for part in parts {
        whole.push(Piece::Stored(part.clone()));
    }
    let whole = whole.into_source();
    let is_brotli = name.ends_with(b".br") && !whole.is_empty();
    let codec = if is_brotli { Some(Codec::Brotli) } else { Codec::identify(&whole).filter(|_| is_packed(name)) };
    match codec {
        Some(codec) => codecs::unpack_seekable(&whole, codec, budget).map(|unpacked| (unpacked.source, unpacked.error)),
        None => Ok((whole, None)),
    }
}

fn is_packed(name: &[u8]) -> bool {
    [&b".xz"[..], b".lzma", b".bz2", b".gz", b".lz4", b".zst"].iter().any(|ending| name.ends_with(ending))
}

/// What an incremental update is carried out with.
#[derive(Debug, Clone)]
pub struct Over {
    /// The image that it changes.
    pub base: ByteSource,
    /// Its patches, `system.patch.dat`.
    pub patches: ByteSource,
}

/// The image that a list makes of new data and, if it is there, of an older image: one child without a name. What needs an
/// older image that is not there is missing and told.
pub fn assemble(list: &[u8], data: &ByteSource, over: Option<&Over>, budget: &Budget) -> Result<Opened> {
    let mut run = Run { data, over, taken: 0, layout: Layout::default(), end: 0, problems: Vec::new(), budget };
    let mut lines = Lines::new(list);
    let version = lines.next().and_then(|(_, line)| number(line)).ok_or(Error::corrupt("version", 0))?;
    let version = Version::new(version).ok_or(Error::unsupported("version of a transfer list", 0, version))?;
    for _ in 0..version.heads() {
        let (offset, line) = lines.next().ok_or(Error::truncated("transfer list", lines.offset(), 1, 0))?;
        number(line).ok_or(Error::corrupt("head of a transfer list", offset))?;
    }
    if let Some(over) = over {
        // What no command names stays as it is on the device.
        run.layout.put(0, Piece::Stored(over.base.clone()))?;
        run.end = over.base.len();
    }
    let mut commands = commands::Reader::new(version, budget);
    for (offset, line) in lines {
        let command = commands.read(offset, line)?;
        run.command(command, offset)?;
    }
    if run.taken < data.len() && run.problems.is_empty() {
        run.problem(Error::corrupt("new data that no command takes", run.taken));
    }
    let gap = run.problems.iter().find(|error| error.kind == Kind::BaseRequired).map(|error| (0, *error));
    let child = Child { name: Vec::new(), source: run.layout.into_source(run.end, gap), mode: None };
    let problems = run.problems.into_iter().map(|error| Problem { name: Vec::new(), error }).collect();
    Ok(Opened { children: vec![child], problems })
}

struct Run<'a> {
    data: &'a ByteSource,
    over: Option<&'a Over>,
    taken: u64,
    layout: Layout,
    end: u64,
    problems: Vec<Error>,
    budget: &'a Budget,
}

impl Run<'_> {
    fn command(&mut self, command: Command, offset: u64) -> Result<()> {
        match command {
            Command::New(target) => {
                for (start, len) in target.0 {
                    self.take_new(start, len)?;
                }
            }
            Command::Zero(target) => {
                for (start, len) in target.0 {
                    self.put(start, Piece::zeros(len))?;
                }
            }
            Command::Change(change) => {
                let made = self.changed(&change, offset);
                let error = made.as_ref().err().copied();
                if let Some(error) = error {
                    self.problem(error);
                }
                let mut done = 0_u64;
                for &(start, len) in &change.target.0 {
                    let piece = match (&made, error) {
                        (Ok(made), _) => Piece::Stored(made.slice(done, len, change.what)?),
                        (Err(error), _) => Piece::Missing(*error, len),
                    };
                    self.put(start, piece)?;
                    done = done.saturating_add(len);
                }
            }
            Command::Nothing => {}
        }
        Ok(())
    }

    fn put(&mut self, start: u64, piece: Piece) -> Result<()> {
        self.end = self.end.max(start.saturating_add(piece.len()));
        self.layout.put(start, piece)
    }

    fn take_new(&mut self, start: u64, len: u64) -> Result<()> {
        let available = self.data.len().saturating_sub(self.taken).min(len);
        self.put(start, Piece::Stored(self.data.slice(self.taken, available, "new data")?))?;
        if available < len {
            let error = Error::truncated("new data", self.taken, len, available);
            self.problem(Error::truncated("new data", self.data.len(), 1, 0));
            self.put(start.saturating_add(available), Piece::Missing(error, len.saturating_sub(available)))?;
        }
        self.taken = self.taken.saturating_add(available);
        Ok(())
    }

    /// What a command makes of the older image: as many bytes as its target has.
    fn changed(&self, change: &Change, offset: u64) -> Result<ByteSource> {
        let over = self.over.ok_or(Error { kind: Kind::BaseRequired, what: change.what, offset })?;
        let source = gathered(&over.base, &change.source, offset)?;
        if let Some(digest) = change.source_digest {
            self.budget.spend_bytes(source.len(), change.what, offset)?;
            if !Expected::Sha1(digest).is_of(&source)? {
                return Err(Error::checksum("blocks of the older image given", offset));
            }
        }
        let len = change.target.len();
        let made = match change.how {
            How::Move if source.len() == len => return Ok(source),
            How::Move => return Err(Error::corrupt(change.what, offset)),
            How::Bsdiff { start, len: patch_len } | How::Imgdiff { start, len: patch_len } => {
                if len > PATCHED_LEN_MAX {
                    return Err(Error::limit(bytes::Limit::UnpackedBytes, change.what, offset));
                }
                self.budget.spend_bytes(len, change.what, offset)?;
                let patch = over.patches.slice(start, patch_len, "patch")?;
                let at_patches = |error: Error| Error { offset: error.offset.saturating_add(start), ..error };
                if matches!(change.how, How::Bsdiff { .. }) {
                    patched(source, &patch, len).map_err(at_patches)?
                } else {
                    let chunks = imgdiff::Chunks::read(&patch, self.budget).map_err(at_patches)?;
                    made_when_read(len, move |sink| chunks.apply(&source, sink))
                }
            }
        };
        let error = Error::checksum("blocks that a patch makes", offset);
        Ok(match change.target_digest {
            Some(digest) => digest::verified(made, Expected::Sha1(digest), error),
            None => made,
        })
    }

    /// Keeps the first problem of each kind.
    fn problem(&mut self, error: Error) {
        if !self.problems.iter().any(|known| (known.kind, known.what) == (error.kind, error.what)) {
            self.problems.push(error);
        }
    }
}

/// The blocks that a command takes, in its order. Lists are written so that blocks are taken, or stashed, before another
/// command changes them: what a command takes is always what the older image has there.
fn gathered(base: &ByteSource, source: &Source, offset: u64) -> Result<ByteSource> {
    let corrupt = Error::corrupt("source blocks", offset);
    let mut buffer = Layout::default();
    for (from, places) in &source.parts {
        if from.len() != places.len() {
            return Err(corrupt);
        }
        let mut part = Extents::default();
        for &(start, len) in &from.0 {
            part.push(Piece::Stored(base.slice(start, len, "blocks of the older image")?));
        }
        let part = part.into_source();
        let mut done = 0_u64;
        for &(start, len) in &places.0 {
            buffer.put(start, Piece::Stored(part.slice(done, len, "source blocks")?))?;
            done = done.saturating_add(len);
        }
    }
    if buffer.len() != source.len || buffer.overlap.is_some() {
        return Err(corrupt);
    }
    Ok(buffer.into_source(source.len, None))
}
