//! A readable whole made of pieces of other sources.

use std::sync::Arc;

use crate::{ByteSource, Error, ReadAt, Result, cursor::len64};

/// One idea serves sparse images, logical partitions, payload operations and file extents: a list of pieces in order,
/// read on demand.
#[derive(Default)]
pub struct Extents {
    starts: Vec<u64>,
    pieces: Vec<Piece>,
    len: u64,
}

/// Where a run of bytes comes from.
#[derive(Debug, Clone)]
pub enum Piece {
    /// From another source.
    Stored(ByteSource),
    /// Four bytes, repeated, for this many bytes.
    Fill([u8; 4], u64),
    /// Bytes that should be there and are not: reading them fails with this error, the rest stays readable.
    Missing(Error, u64),
}

impl Piece {
    /// `len` zero bytes: a hole.
    #[must_use]
    pub const fn zeros(len: u64) -> Self {
        Self::Fill([0; 4], len)
    }

    /// Number of bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match self {
            Self::Stored(source) => source.len(),
            Self::Fill(_, len) | Self::Missing(_, len) => *len,
        }
    }
}

impl Piece {
    /// Whether the piece is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part `offset .. offset + len`. A cut fill starts its pattern anew, so `offset` should be a multiple of four.
    pub fn cut(&self, offset: u64, len: u64) -> Result<Self> {
        if offset.checked_add(len).is_none_or(|end| end > self.len()) {
            return Err(Error::truncated("extent", offset, len, self.len().saturating_sub(offset)));
        }
        Ok(match self {
            Self::Stored(source) => Self::Stored(source.slice(offset, len, "extent")?),
            Self::Fill(pattern, _) => Self::Fill(*pattern, len),
            Self::Missing(error, _) => Self::Missing(*error, len),
        })
    }
}

impl Extents {
    /// Appends a piece; an empty one changes nothing.
    pub fn push(&mut self, piece: Piece) {
        let len = piece.len();
        if len == 0 {
            return;
        }
        self.starts.push(self.len);
        self.pieces.push(piece);
        self.len = self.len.saturating_add(len);
    }

    /// Number of bytes described so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was pushed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces as one source.
    #[must_use]
    pub fn into_source(self) -> ByteSource {
        ByteSource::new(Arc::new(self))
    }
}

impl ReadAt for Extents {
    fn len(&self) -> u64 {
        self.len
    }

    fn stored_at(&self, offset: u64) -> u64 {
        let index = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        match (self.starts.get(index), self.pieces.get(index)) {
            (Some(&start), Some(Piece::Stored(source))) => source.stored_from(offset.saturating_sub(start)),
            _ => 0,
        }
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        let mut offset = offset;
        let mut target = target;
        while !target.is_empty() {
            let index = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
            let (Some(&start), Some(piece)) = (self.starts.get(index), self.pieces.get(index)) else {
                return Err(Error::truncated("extent", offset, len64(target.len()), 0));
            };
            let within = offset.saturating_sub(start);
            let run = piece.len().saturating_sub(within).min(len64(target.len()));
            if run == 0 {
                return Err(Error::truncated("extent", offset, len64(target.len()), 0));
            }
            let (head, tail) = target.split_at_mut(usize::try_from(run).unwrap_or(usize::MAX));
            match piece {
                Piece::Stored(source) => source.read(within, head, "extent")?,
                Piece::Fill(pattern, _) => fill(head, pattern, within),
                Piece::Missing(error, _) => return Err(*error),
            }
            offset = offset.saturating_add(run);
            target = tail;
        }
        Ok(())
    }
}

fn fill(target: &mut [u8], pattern: &[u8; 4], phase: u64) {
    let phase = usize::try_from(phase & 3).unwrap_or(0);
    for (byte, value) in target.iter_mut().zip(pattern.iter().cycle().skip(phase)) {
        *byte = *value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_read_as_one_and_a_fill_keeps_its_phase() {
        let mut extents = Extents::default();
        extents.push(Piece::Stored(ByteSource::from_bytes(b"ABC".to_vec())));
        extents.push(Piece::zeros(0));
        extents.push(Piece::Fill(*b"wxyz", 6));
        let source = extents.into_source();
        let mut all = [0; 9];
        source.read(0, &mut all, "all").unwrap();
        assert_eq!(&all, b"ABCwxyzwx");
        let mut part = [0; 4];
        source.read(4, &mut part, "part").unwrap();
        assert_eq!(&part, b"xyzw");
        assert!(source.read(6, &mut part, "past the end").is_err());
        assert_eq!([0, 2, 3].map(|offset| source.stored_from(offset)), [0, 2, 0]);
    }
}
