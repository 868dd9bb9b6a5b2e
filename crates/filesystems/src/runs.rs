//! The contents of a file as a list of runs in order: stored, packed, hole, or not readable.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};
use codecs::{Block, Method};

use crate::contents::{Contents, Store};

/// Where a run of contents is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this byte offset of the image.
    Stored(u64),
    /// In a packed block of the image.
    Packed(Packed),
    /// Nowhere: the bytes are zero.
    Hole,
    /// It should be somewhere, and this is why it is not.
    Missing(Box<Error>),
}

/// A block of the image that must be unpacked before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Where it starts in the image.
    pub(crate) offset: u64,
    /// Its length in the image.
    pub(crate) len: u32,
    /// Where in the unpacked block the run starts.
    pub(crate) skip: u32,
    /// How much of it is unpacked, at most: `skip` and the run, and perhaps what other files need of it.
    pub(crate) unpacked_len: u32,
    /// How it is packed.
    pub(crate) method: Method,
    /// Whether zeros stand in front of it that are not part of it.
    pub(crate) is_padded: bool,
}

impl Packed {
    /// What the unpacked block is kept under: everything that decides what it is.
    pub(crate) const fn key(&self) -> Block {
        let Self { offset, len, unpacked_len, is_padded, .. } = *self;
        Block { offset, len, unpacked_len, method: Some(self.method), is_padded }
    }
}

/// A run of contents.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) place: Place,
    pub(crate) len: u64,
}

/// Runs that together have the length of the contents. Neighbours in the image are one run.
pub(crate) struct Runs<'a> {
    image: &'a ByteSource,
    budget: &'a Budget,
    runs: Vec<Run>,
    len: u64,
    size: u64,
    /// The first thing that went wrong.
    error: Option<Error>,
}

impl<'a> Runs<'a> {
    /// No runs yet of contents of `size` bytes in `image`.
    pub(crate) const fn new(image: &'a ByteSource, budget: &'a Budget, size: u64) -> Self {
        Self { image, budget, runs: Vec::new(), len: 0, size, error: None }
    }

    /// Whether contents from byte `at` on are wanted.
    pub(crate) const fn wants(&self, at: u64) -> bool {
        at < self.size
    }

    /// Remembers that something is wrong, if it is the first.
    pub(crate) fn note(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// The `len` bytes of contents from `at` are stored at `offset` of the image. What lies between the last run and
    /// `at` is a hole; what lies behind the end of the image is missing.
    pub(crate) fn stored(&mut self, at: u64, offset: u64, len: u64) -> Result<()> {
        self.hole_until(at)?;
        let len = len.min(self.size.saturating_sub(self.len));
        let available = self.image.len().saturating_sub(offset).min(len);
        self.push(Place::Stored(offset), available)?;
        if available < len {
            let end = offset.saturating_add(available);
            let error = Error::truncated("file data", end, len.saturating_sub(available), 0);
            self.note(error);
            self.push(Place::Missing(Box::new(error)), len.saturating_sub(available))?;
        }
        Ok(())
    }

    /// The `len` bytes of contents from `at` are in the block `packed`. If the block is not wholly in the image they
    /// are missing.
    pub(crate) fn packed(&mut self, at: u64, len: u64, packed: Packed) -> Result<()> {
        let available = self.image.len().saturating_sub(packed.offset);
        if available < u64::from(packed.len) {
            let error = Error::truncated("packed block", packed.offset, u64::from(packed.len), available);
            return self.missing(at, len, error);
        }
        self.hole_until(at)?;
        let len = len.min(self.size.saturating_sub(self.len));
        self.budget.spend_bytes(len, "packed contents of a file", packed.offset)?;
        self.push(Place::Packed(packed), len)
    }

    /// The `len` bytes of contents from `at` cannot be found.
    pub(crate) fn missing(&mut self, at: u64, len: u64, error: Error) -> Result<()> {
        self.note(error);
        self.hole_until(at)?;
        self.push(Place::Missing(Box::new(error)), len.min(self.size.saturating_sub(self.len)))
    }

    /// The contents as one readable range, and what is wrong with them. `mapped` is how describing them ended: what was not
    /// described by then is missing.
    pub(crate) fn into_source(mut self, store: &Arc<Store>, mapped: Result<()>) -> (ByteSource, Option<Error>) {
        if let Err(error) = mapped {
            self.abandon(error);
        }
        let size = self.size;
        let (runs, error) = self.finish();
        match source_of(store, runs) {
            Ok(source) => (source, error),
            Err(error) => (unreadable(error, size), Some(error)),
        }
    }

    /// The runs; the rest of the contents is a hole.
    pub(crate) fn finish(mut self) -> (Vec<Run>, Option<Error>) {
        let end = self.size;
        if let Err(error) = self.hole_until(end) {
            self.abandon(error);
        }
        (self.runs, self.error)
    }

    /// Everything not described yet is missing: there was no budget left to look.
    pub(crate) fn abandon(&mut self, error: Error) {
        self.note(error);
        let len = self.size.saturating_sub(self.len);
        if len > 0 {
            self.runs.push(Run { place: Place::Missing(Box::new(error)), len });
            self.len = self.size;
        }
    }

    fn hole_until(&mut self, at: u64) -> Result<()> {
        let len = at.min(self.size).saturating_sub(self.len);
        self.push(Place::Hole, len)
    }

    fn push(&mut self, place: Place, len: u64) -> Result<()> {
        if len == 0 {
            return Ok(());
        }
        if let Some(last) = self.runs.last_mut() {
            let continues = match (&last.place, &place) {
                (Place::Stored(start), Place::Stored(next)) => start.saturating_add(last.len) == *next,
                (Place::Hole, Place::Hole) => true,
                _ => false,
            };
            if continues {
                last.len = last.len.saturating_add(len);
                self.len = self.len.saturating_add(len);
                return Ok(());
            }
        }
        let offset = if let Place::Stored(offset) = place { offset } else { 0 };
        self.budget.spend_nodes(1, "runs of a file", offset)?;
        self.len = self.len.saturating_add(len);
        self.runs.push(Run { place, len });
        Ok(())
    }
}

/// The contents as one readable range; nothing is copied or unpacked before it is read.
pub(crate) fn source_of(store: &Arc<Store>, runs: Vec<Run>) -> Result<ByteSource> {
    if let [Run { place: Place::Stored(offset), len }] = runs.as_slice() {
        return store.image.slice(*offset, *len, "file data");
    }
    Ok(ByteSource::new(Arc::new(Contents::new(store, runs))))
}

/// Contents of `size` bytes of which none can be read.
pub(crate) fn unreadable(error: Error, size: u64) -> ByteSource {
    let mut extents = bytes::Extents::default();
    extents.push(bytes::Piece::Missing(error, size));
    extents.into_source()
}
