//! Block updates: a list of commands and the data of new blocks, `system.transfer.list` and `system.new.dat`. Met in
//! updates of devices with one set of partitions, Android 5 to 10. Written from AOSP bootable/recovery,
//! updater/blockimg.cpp, and build/make, tools/releasetools/blockimgdiff.py.
//!
//! Of a full update only `new`, `zero` and `erase` matter. The image is the list of its runs; new data stays where it is.

use bytes::{Budget, ByteSource, Error, Extents, Kind, Piece, Result};
use codecs::Codec;

use crate::{Child, FileSet, Opened, Problem, layout::Layout};

/// Block updates as a set of files.
pub static SET: FileSet = FileSet {
    name: "block_update",
    references: &[
        "AOSP bootable/recovery, updater/blockimg.cpp",
        "AOSP build/make, tools/releasetools/blockimgdiff.py",
    ],
    limitations: &[
        "commands that change blocks of an older image (move, bsdiff, imgdiff, stash) need that image and are reported",
        "hashes of commands are not compared",
    ],
};

const BLOCK_LEN: u64 = 4096;
/// A longer list is not read; lists of real updates stay below a megabyte.
pub const LIST_LEN_MAX: u64 = 32 << 20;

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

/// The image that a list makes of new data and nothing else: one child without a name. What needs the old image is
/// missing in it and told.
pub fn assemble(list: &[u8], data: &ByteSource, budget: &Budget) -> Result<Opened> {
    let mut run = Run { data, taken: 0, layout: Layout::default(), end: 0, problems: Vec::new(), budget };
    let mut lines = Lines { text: list, offset: 0 };
    let version = lines.next().and_then(|(_, line)| number(line)).ok_or(Error::corrupt("version", 0))?;
    if !(1..=4).contains(&version) {
        return Err(Error::unsupported("version of a transfer list", 0, version));
    }
    // The number of blocks, and from version 2 on what the stash needs.
    let heads = if version == 1 { 1 } else { 3 };
    for _ in 0..heads {
        let (offset, line) = lines.next().ok_or(Error::truncated("transfer list", lines.offset, 1, 0))?;
        number(line).ok_or(Error::corrupt("head of a transfer list", offset))?;
    }
    for (offset, line) in lines.by_ref() {
        run.command(version, offset, line)?;
    }
    if run.taken < data.len() && run.problems.is_empty() {
        run.problem(Error::corrupt("new data that no command takes", run.taken));
    }
    // An update that changes old blocks leaves others as they are.
    let gap = run.problems.iter().find(|error| error.kind == Kind::BaseRequired).map(|error| (0, *error));
    let child = Child { name: Vec::new(), source: run.layout.into_source(run.end, gap), mode: None };
    let problems = run.problems.into_iter().map(|error| Problem { name: Vec::new(), error }).collect();
    Ok(Opened { children: vec![child], problems })
}

struct Lines<'a> {
    text: &'a [u8],
    offset: u64,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.text.is_empty() {
            let len = self.text.iter().position(|&byte| byte == b'\n').unwrap_or(self.text.len());
            let (line, rest) = self.text.split_at(len);
            let offset = self.offset;
            self.text = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.offset = offset.saturating_add(len as u64).saturating_add(1);
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some((offset, line));
            }
        }
        None
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

struct Run<'a> {
    data: &'a ByteSource,
    taken: u64,
    layout: Layout,
    end: u64,
    problems: Vec<Error>,
    budget: &'a Budget,
}

impl Run<'_> {
    fn command(&mut self, version: u64, offset: u64, line: &[u8]) -> Result<()> {
        self.budget.spend_nodes(1, "command", offset)?;
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).collect();
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        match word(0) {
            b"new" => {
                for (start, len) in self.ranges(word(1), offset)? {
                    self.take_new(start, len)?;
                }
            }
            b"zero" | b"erase" => {
                for (start, len) in self.ranges(word(1), offset)? {
                    self.layout.put(start, Piece::zeros(len))?;
                }
            }
            // Where the target stands in the words depends on the version.
            b"move" => {
                self.patch("command move", word([2, 2, 1, 2, 2].get(usize_of(version)).copied().unwrap_or(2)), offset)?
            }
            b"bsdiff" => self.patch(
                "command bsdiff",
                word([4, 4, 3, 5, 5].get(usize_of(version)).copied().unwrap_or(5)),
                offset,
            )?,
            b"imgdiff" => self.patch(
                "command imgdiff",
                word([4, 4, 3, 5, 5].get(usize_of(version)).copied().unwrap_or(5)),
                offset,
            )?,
            // Parts of the old image kept for later, and a hash tree that the device makes.
            b"stash" | b"free" | b"compute_hash_tree" | b"abort" => {}
            _ => return Err(Error::corrupt("command of a transfer list", offset)),
        }
        Ok(())
    }

    /// `2n,start,end,...`: runs of blocks, in bytes.
    fn ranges(&mut self, text: &[u8], offset: u64) -> Result<Vec<(u64, u64)>> {
        let corrupt = Error::corrupt("rangeset", offset);
        let numbers: Option<Vec<u64>> = text.split(|&byte| byte == b',').map(number).collect();
        let numbers = numbers.ok_or(corrupt)?;
        let (count, ends) = numbers.split_first().ok_or(corrupt)?;
        if *count != ends.len() as u64 || ends.is_empty() || ends.len() % 2 != 0 {
            return Err(corrupt);
        }
        self.budget.spend_nodes(*count, "rangeset", offset)?;
        let mut ranges = Vec::with_capacity(ends.len() / 2);
        for pair in ends.chunks_exact(2) {
            let (first, end) = (pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0));
            let end_offset = end.checked_mul(BLOCK_LEN).filter(|_| end > first).ok_or(corrupt)?;
            // Below the product above.
            let start = first.saturating_mul(BLOCK_LEN);
            self.end = self.end.max(end_offset);
            ranges.push((start, end_offset.saturating_sub(start)));
        }
        Ok(ranges)
    }

    fn take_new(&mut self, start: u64, len: u64) -> Result<()> {
        let available = self.data.len().saturating_sub(self.taken).min(len);
        self.layout.put(start, Piece::Stored(self.data.slice(self.taken, available, "new data")?))?;
        if available < len {
            let error = Error::truncated("new data", self.taken, len, available);
            self.problem(Error::truncated("new data", self.data.len(), 1, 0));
            self.layout.put(start.saturating_add(available), Piece::Missing(error, len.saturating_sub(available)))?;
        }
        self.taken = self.taken.saturating_add(available);
        Ok(())
    }

    /// A command that changes blocks of the old image.
    fn patch(&mut self, what: &'static str, target: &[u8], offset: u64) -> Result<()> {
        let error = Error { kind: Kind::BaseRequired, what, offset };
        self.problem(error);
        for (start, len) in self.ranges(target, offset)? {
            self.layout.put(start, Piece::Missing(error, len))?;
        }
        Ok(())
    }

    /// Keeps the first problem of each kind.
    fn problem(&mut self, error: Error) {
        if !self.problems.iter().any(|known| (known.kind, known.what) == (error.kind, error.what)) {
            self.problems.push(error);
        }
    }
}

/// A version, which is at most 4.
fn usize_of(version: u64) -> usize {
    usize::try_from(version).unwrap_or(usize::MAX)
}
