//! Pieces at places of a disk, in whatever order they come.

use std::collections::BTreeMap;

use bytes::{ByteSource, Error, Extents, Piece, Result};

/// The `len` bytes of `source` from `start`. What lies behind its end is missing, and the error says so; there is nothing at
/// all if it ends before `start`.
pub(crate) fn partly(
    source: &ByteSource,
    start: u64,
    len: u64,
    what: &'static str,
) -> Result<(ByteSource, Option<Error>)> {
    let error = match source.slice(start, len, what) {
        Ok(whole) => return Ok((whole, None)),
        Err(error) => error,
    };
    let available = source.len().saturating_sub(start);
    if available == 0 {
        return Err(error);
    }
    let mut part = Extents::default();
    part.push(Piece::Stored(source.slice(start, available, what)?));
    part.push(Piece::Missing(error, len.saturating_sub(available)));
    Ok((part.into_source(), Some(error)))
}

/// Runs of a disk by their first byte. They never overlap: what comes later lies over what was there.
#[derive(Default)]
pub(crate) struct Layout {
    runs: BTreeMap<u64, Piece>,
    /// Where the first piece lies that came over another one.
    pub(crate) overlap: Option<u64>,
}

impl Layout {
    /// How many bytes the runs have.
    pub(crate) fn len(&self) -> u64 {
        self.runs.values().fold(0, |len, run| len.saturating_add(run.len()))
    }

    /// Puts `piece` at `start`, over whatever was there.
    pub(crate) fn put(&mut self, start: u64, piece: Piece) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let end = start.checked_add(piece.len()).ok_or(Error::corrupt("place on a disk", start))?;
        let before = self.runs.range(..start).next_back().map(|(&at, run)| (at, run.clone()));
        if let Some((at, run)) = before.filter(|(at, run)| at.saturating_add(run.len()) > start) {
            self.runs.insert(at, run.cut(0, start.saturating_sub(at))?);
            self.put_tail(at, &run, end)?;
            self.overlap.get_or_insert(start);
        }
        while let Some((at, run)) = self.runs.range(start..end).next().map(|(&at, run)| (at, run.clone())) {
            self.runs.remove(&at);
            self.put_tail(at, &run, end)?;
            self.overlap.get_or_insert(start);
        }
        self.runs.insert(start, piece);
        Ok(())
    }

    /// Puts back what of `run`, which starts at `at`, lies behind `end`.
    fn put_tail(&mut self, at: u64, run: &Piece, end: u64) -> Result<()> {
        let run_end = at.saturating_add(run.len());
        if run_end > end {
            self.runs.insert(end, run.cut(end.saturating_sub(at), run_end.saturating_sub(end))?);
        }
        Ok(())
    }

    /// The disk, at least `len` bytes. What no piece fills is zero, and from an offset on it can be missing with an error.
    pub(crate) fn into_source(self, len: u64, missing_from: Option<(u64, Error)>) -> ByteSource {
        let mut disk = Extents::default();
        for (start, run) in self.runs {
            gap(&mut disk, start, missing_from);
            disk.push(run);
        }
        gap(&mut disk, len, missing_from);
        disk.into_source()
    }
}

/// Fills the disk up to `end`: with zeros, and from `missing_from` on with bytes that cannot be read.
fn gap(disk: &mut Extents, end: u64, missing_from: Option<(u64, Error)>) {
    let hole_end = missing_from.map_or(end, |(start, _)| start.clamp(disk.len().min(end), end));
    disk.push(Piece::zeros(hole_end.saturating_sub(disk.len())));
    if let Some((_, error)) = missing_from {
        disk.push(Piece::Missing(error, end.saturating_sub(disk.len())));
    }
}
