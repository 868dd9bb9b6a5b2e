//! Bytes that are made when somebody first reads them, and kept for a while: packed members of archives above all.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{ByteSource, Error, Kind, Limit, ReadAt, Result, Spool};

use crate::{Codec, Crc32, cache, len64, unpack_each};

/// Members up to this length are unpacked into memory, longer ones into a temporary file.
pub const MEMORY_LEN_MAX: u64 = 64 << 20;

/// A packed member whose length is declared. The declaration is a bound and a check, never a reservation.
#[derive(Debug, Clone)]
pub struct PackedMember {
    /// The packed bytes.
    pub packed: ByteSource,
    /// Where they start in the archive: errors tell offsets of the archive.
    pub packed_offset: u64,
    /// How they are packed.
    pub codec: Codec,
    /// The declared length.
    pub unpacked_len: u64,
    /// The declared checksum.
    pub crc32: Option<u32>,
}

impl PackedMember {
    /// The unpacked bytes as a source. Whoever lists the archive spends the declared length from its budget: this does
    /// its work later, when that budget may be gone, but never more of it than was declared.
    #[must_use]
    pub fn into_source(self) -> ByteSource {
        self.into_lazy(Use::Whole)
    }

    /// The same of a piece of a longer whole. Whoever has read a piece to its end goes on with the next one, so it need not be
    /// kept while there are others of which only something was read.
    #[must_use]
    pub fn into_piece(self) -> ByteSource {
        self.into_lazy(Use::Piece)
    }

    /// The same of what holds several members with checksums of their own: where unpacking fails, what is before stands.
    #[must_use]
    pub fn into_row(self) -> ByteSource {
        self.into_lazy(Use::Row)
    }

    fn into_lazy(self, used: Use) -> ByteSource {
        let (len, at) = (self.unpacked_len, self.packed.stored_at());
        lazy(at, len, used, move |sink| self.unpack(sink))
    }

    /// Whether the stream has the declared length and checksum. Reads all of it and keeps nothing.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.unpack(&mut |_| Ok(())).is_ok()
    }

    fn unpack(&self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut checksum = Crc32::default();
        let result = unpack_each(&self.packed, self.codec, self.unpacked_len, &mut |bytes| {
            checksum.update(bytes);
            sink(bytes)
        });
        let made = result.map_err(|error| self.at_archive(error))?;
        if made != self.unpacked_len {
            let (needed, available) = (self.unpacked_len, made);
            return Err(Error::truncated("unpacked member", self.packed_offset, needed, available));
        }
        if self.crc32.is_some_and(|declared| declared != checksum.value()) {
            return Err(Error::checksum("CRC-32 of the member", self.packed_offset));
        }
        Ok(())
    }

    /// The same error with an offset of the archive; a member longer than declared contradicts its archive.
    const fn at_archive(&self, error: Error) -> Error {
        let offset = error.offset.saturating_add(self.packed_offset);
        match error.kind {
            Kind::Limit(Limit::UnpackedBytes) => Error::corrupt("length of the unpacked member", offset),
            Kind::Io(_) => error,
            _ => Error { offset, ..error },
        }
    }
}

/// Takes bytes, front to back.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// `len` bytes that `make` makes when somebody first reads them: in memory or, if they are many, in a temporary file. That
/// `make` gives as many is its own affair; if it gives another number, nobody reads them.
#[must_use]
pub fn made_when_read(len: u64, make: impl Fn(&mut Sink<'_>) -> Result<()> + Send + Sync + 'static) -> ByteSource {
    lazy(0, len, Use::Whole, make)
}

/// The same of several things one after the other, each with a checksum of its own: where `make` fails, what it made before
/// stands, and what is behind has that error.
#[must_use]
pub fn row_made_when_read(len: u64, make: impl Fn(&mut Sink<'_>) -> Result<()> + Send + Sync + 'static) -> ByteSource {
    lazy(0, len, Use::Row, make)
}

/// What bytes are to whoever reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// All of them or none are what they should be.
    Whole,
    /// A piece of a longer whole, read once.
    Piece,
    /// Several things one after the other.
    Row,
}

/// The same of what is made of bytes that are stored at `at`.
fn lazy(
    at: u64,
    len: u64,
    used: Use,
    make: impl Fn(&mut Sink<'_>) -> Result<()> + Send + Sync + 'static,
) -> ByteSource {
    let (id, make, kept) = (cache::new_id(), Box::new(make), Mutex::new(Kept::Nothing));
    ByteSource::new(Arc::new(Lazy { id, at, len, used, make, kept }))
}

type Make = dyn Fn(&mut Sink<'_>) -> Result<()> + Send + Sync;

struct Lazy {
    id: u64,
    at: u64,
    len: u64,
    used: Use,
    make: Box<Make>,
    kept: Mutex<Kept>,
}

/// What unpacking left behind.
enum Kept {
    /// Nothing, or bytes that only the cache knows.
    Nothing,
    /// A temporary file.
    Spooled(ByteSource),
    /// A temporary file with the beginning of a row, and why there is no more of it.
    SpooledCut(ByteSource, Error),
    /// So many bytes of a row can be made, and why no more.
    Cut(u64, Error),
    /// An error, so that a broken member is not unpacked again for each read.
    Failed(Error),
}

impl ReadAt for Lazy {
    fn len(&self) -> u64 {
        self.len
    }

    fn stored_at(&self, _offset: u64) -> u64 {
        self.at
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        let end = offset.saturating_add(len64(target.len())).min(self.len);
        if self.len > MEMORY_LEN_MAX {
            return self.spooled(end)?.read(offset, target, "member");
        }
        self.in_memory(end)?.read_at(offset, target)?;
        if self.used == Use::Piece && end >= self.len {
            cache::read_through(self.id);
        }
        Ok(())
    }
}

impl Lazy {
    /// Makes the bytes; fails if they are not as many as was said.
    fn make(&self, sink: &mut Sink<'_>) -> Result<()> {
        let mut made = 0_u64;
        (self.make)(&mut |bytes| {
            made = made.saturating_add(len64(bytes.len()));
            if made > self.len {
                return Err(Error::corrupt("length of what is made", self.len));
            }
            sink(bytes)
        })?;
        if made == self.len { Ok(()) } else { Err(Error::truncated("what is made", made, self.len, made)) }
    }

    /// The bytes from the cache, if they reach up to `end`: of a row there may be the beginning only.
    fn cached(&self, end: u64) -> Option<Arc<Vec<u8>>> {
        cache::get(self.id).filter(|bytes| len64(bytes.len()) >= end)
    }

    fn in_memory(&self, end: u64) -> Result<Arc<Vec<u8>>> {
        if let Some(bytes) = self.cached(end) {
            return Ok(bytes);
        }
        // Readers of the same member wait for the first; readers of other members do not.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match *kept {
            Kept::Failed(error) => return Err(error),
            Kept::Cut(len, error) if len < end => return Err(error),
            _ => {}
        }
        if let Some(bytes) = self.cached(end) {
            return Ok(bytes);
        }
        let mut unpacked = Vec::new();
        let result = self.make(&mut |bytes| {
            unpacked.extend_from_slice(bytes);
            Ok(())
        });
        if let Err(error) = result {
            let len = len64(unpacked.len());
            *kept = if self.used == Use::Row { Kept::Cut(len, error) } else { Kept::Failed(error) };
            if self.used != Use::Row || len < end {
                return Err(error);
            }
        }
        unpacked.shrink_to_fit();
        let unpacked = Arc::new(unpacked);
        cache::put(self.id, &unpacked);
        Ok(unpacked)
    }

    fn spooled(&self, end: u64) -> Result<ByteSource> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Kept::Spooled(source) => return Ok(source.clone()),
            Kept::SpooledCut(source, _) if source.len() >= end => return Ok(source.clone()),
            Kept::Failed(error) | Kept::SpooledCut(_, error) | Kept::Cut(_, error) => return Err(*error),
            Kept::Nothing => {}
        }
        let result = Spool::new().and_then(|mut spool| {
            let made = self.make(&mut |bytes| spool.write(bytes));
            Ok((spool.into_source()?, made))
        });
        let (source, made) = match result {
            Ok(made) => made,
            Err(error) => {
                *kept = Kept::Failed(error);
                return Err(error);
            }
        };
        *kept = match made {
            Ok(()) => Kept::Spooled(source.clone()),
            Err(error) if self.used == Use::Row => Kept::SpooledCut(source.clone(), error),
            Err(error) => Kept::Failed(error),
        };
        match made {
            Err(error) if self.used != Use::Row || source.len() < end => Err(error),
            _ => Ok(source),
        }
    }
}

impl Drop for Lazy {
    fn drop(&mut self) {
        cache::forget(self.id);
    }
}
