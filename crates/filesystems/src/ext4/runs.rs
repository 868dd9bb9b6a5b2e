//! The contents of an inode as a list of runs in order: stored, hole, or not readable.

use bytes::{ByteSource, Error, Extents, Piece, Result};

use super::volume::Volume;

/// Where a run of contents is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At this byte offset of the image.
    Stored(u64),
    /// Nowhere: the bytes are zero.
    Hole,
    /// It should be somewhere, and this is why it is not.
    Missing(Error),
}

/// A run of contents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) place: Place,
    pub(super) len: u64,
}

/// Runs that together have the length of the contents. Neighbours in the image are one run.
pub(super) struct Runs {
    runs: Vec<Run>,
    len: u64,
    size: u64,
    /// The first thing that went wrong.
    pub(super) error: Option<Error>,
}

impl Runs {
    /// No runs yet of contents of `size` bytes.
    pub(super) const fn new(size: u64) -> Self {
        Self { runs: Vec::new(), len: 0, size, error: None }
    }

    /// Whether contents from byte `at` on are wanted.
    pub(super) const fn wants(&self, at: u64) -> bool {
        at < self.size
    }

    /// Remembers that something is wrong, if it is the first.
    pub(super) fn note(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// The `len` bytes of contents from `at` are stored at `offset` of the image. What lies between the last run and
    /// `at` is a hole; what lies behind the end of the image is missing.
    pub(super) fn stored(&mut self, volume: &Volume, at: u64, offset: u64, len: u64) -> Result<()> {
        self.hole_until(volume, at)?;
        let len = len.min(self.size.saturating_sub(self.len));
        let available = volume.source.len().saturating_sub(offset).min(len);
        self.push(volume, Place::Stored(offset), available)?;
        if available < len {
            let end = offset.saturating_add(available);
            let error = Error::truncated("file data", end, len.saturating_sub(available), 0);
            self.note(error);
            self.push(volume, Place::Missing(error), len.saturating_sub(available))?;
        }
        Ok(())
    }

    /// The `len` bytes of contents from `at` cannot be found.
    pub(super) fn missing(&mut self, volume: &Volume, at: u64, len: u64, error: Error) -> Result<()> {
        self.note(error);
        self.hole_until(volume, at)?;
        self.push(volume, Place::Missing(error), len.min(self.size.saturating_sub(self.len)))
    }

    /// The runs; the rest of the contents is a hole.
    pub(super) fn finish(mut self, volume: &Volume) -> (Vec<Run>, Option<Error>) {
        let end = self.size;
        if let Err(error) = self.hole_until(volume, end) {
            self.abandon(error);
        }
        (self.runs, self.error)
    }

    /// Everything not described yet is missing: there was no budget left to look.
    pub(super) fn abandon(&mut self, error: Error) {
        self.note(error);
        let len = self.size.saturating_sub(self.len);
        if len > 0 {
            self.runs.push(Run { place: Place::Missing(error), len });
            self.len = self.size;
        }
    }

    fn hole_until(&mut self, volume: &Volume, at: u64) -> Result<()> {
        let len = at.min(self.size).saturating_sub(self.len);
        self.push(volume, Place::Hole, len)
    }

    fn push(&mut self, volume: &Volume, place: Place, len: u64) -> Result<()> {
        if len == 0 {
            return Ok(());
        }
        self.len = self.len.saturating_add(len);
        if let Some(last) = self.runs.last_mut() {
            let continues = match (last.place, place) {
                (Place::Stored(start), Place::Stored(next)) => start.saturating_add(last.len) == next,
                (Place::Hole, Place::Hole) => true,
                _ => false,
            };
            if continues {
                last.len = last.len.saturating_add(len);
                return Ok(());
            }
        }
        let offset = if let Place::Stored(offset) = place { offset } else { 0 };
        if let Err(error) = volume.budget.spend_nodes(1, "runs of a file", offset) {
            self.len = self.len.saturating_sub(len);
            return Err(error);
        }
        self.runs.push(Run { place, len });
        Ok(())
    }
}

/// The contents as one readable range; nothing is copied.
pub(super) fn source_of(volume: &Volume, runs: &[Run]) -> Result<ByteSource> {
    if let [Run { place: Place::Stored(offset), len }] = *runs {
        return volume.source.slice(offset, len, "file data");
    }
    let mut extents = Extents::default();
    for run in runs {
        extents.push(match run.place {
            Place::Stored(offset) => Piece::Stored(volume.source.slice(offset, run.len, "file data")?),
            Place::Hole => Piece::zeros(run.len),
            Place::Missing(error) => Piece::Missing(error, run.len),
        });
    }
    Ok(extents.into_source())
}
