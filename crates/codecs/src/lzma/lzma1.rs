//! One LZMA stream without a header, piece by piece or in memory in one go.

use std::io::{self, Read};

use bytes::{Error, Result};

use super::{
    Pieces, corrupt,
    model::{Model, Packed, Place, Properties, SYMBOL_LEN_MAX, Stop},
    range::Coder,
    window::Window,
};
use crate::len64;

/// Packed bytes held at a time.
const PACKED_LEN: usize = 64 << 10;
/// Bytes unpacked before they are given away.
const PIECE_LEN: usize = 64 << 10;

/// A stream from somewhere.
pub(super) struct Lzma<R> {
    input: R,
    window: Window,
    model: Model,
    coder: Option<Coder>,
    packed: Vec<u8>,
    next: usize,
    filled: usize,
    /// Nothing follows what is held.
    is_last: bool,
    /// Length of what is still to be unpacked; nothing if a mark says where the end is.
    left: Option<u64>,
    failure: Option<io::ErrorKind>,
}

impl<R: Read> Lzma<R> {
    pub(super) fn new(input: R, properties: Properties, dictionary_len: u32, unpacked_len: Option<u64>) -> Self {
        Self {
            input,
            window: Window::new(dictionary_len),
            model: Model::new(properties),
            coder: None,
            packed: vec![0; PACKED_LEN],
            next: 0,
            filled: 0,
            is_last: false,
            left: unpacked_len,
            failure: None,
        }
    }

    /// Puts what is left in front, and more behind it.
    fn refill(&mut self) -> io::Result<()> {
        self.packed.copy_within(self.next..self.filled, 0);
        (self.filled, self.next) = (self.filled.saturating_sub(self.next), 0);
        let count = self.input.read(self.packed.get_mut(self.filled..).unwrap_or_default())?;
        self.filled = self.filled.saturating_add(count);
        self.is_last = count == 0;
        Ok(())
    }

    fn head(&mut self) -> io::Result<Coder> {
        let mut head = [0; Coder::HEAD_LEN];
        self.input.read_exact(&mut head)?;
        Coder::new(head).ok_or_else(corrupt)
    }

    fn fill(&mut self, mut coder: Coder) -> io::Result<()> {
        let wanted = self.left.map_or(PIECE_LEN, |left| usize::try_from(left).unwrap_or(PIECE_LEN).min(PIECE_LEN));
        self.window.make_room(wanted);
        loop {
            let bytes = self.packed.get(..self.filled).unwrap_or_default();
            let mut packed = Packed { bytes, next: self.next, coder };
            let spare = if self.is_last { 0 } else { SYMBOL_LEN_MAX };
            let stop = self.model.decode(&mut packed, &mut self.window.bytes, &mut self.window.place, spare);
            (self.next, coder) = (packed.next.min(self.filled), packed.coder);
            self.coder = Some(coder);
            match stop {
                Stop::Full => return Ok(()),
                Stop::Starved if self.is_last => return Err(io::ErrorKind::UnexpectedEof.into()),
                Stop::Starved => self.refill()?,
                Stop::End if self.left.is_none() => {
                    self.left = Some(len64(self.window.fresh_len()));
                    return Ok(());
                }
                Stop::End | Stop::Corrupt => return Err(corrupt()),
            }
        }
    }
}

impl<R: Read> Pieces for Lzma<R> {
    fn next_piece(&mut self) -> io::Result<&[u8]> {
        if let Some(kind) = self.failure {
            return Err(kind.into());
        }
        if self.left == Some(0) {
            // A match that goes on where the stream ends.
            return if self.model.has_pending() { Err(corrupt()) } else { Ok(&[]) };
        }
        let result = match self.coder {
            Some(coder) => self.fill(coder),
            None => self.head().and_then(|coder| self.fill(coder)),
        };
        // What was made before an error counts.
        let fresh_len = self.window.fresh_len();
        if let Err(error) = result {
            self.failure = Some(error.kind());
            if fresh_len == 0 {
                return Err(error);
            }
        }
        self.left = self.left.map(|left| left.saturating_sub(len64(fresh_len)));
        Ok(self.window.give())
    }
}

/// Unpacks `packed` straight to `unpacked`, until that is full or `unpacked_len` bytes are made or the stream says that it
/// ends; how many bytes were made.
pub(super) fn unpack(
    properties: Properties,
    head: [u8; Coder::HEAD_LEN],
    packed: &[u8],
    unpacked_len: Option<u64>,
    unpacked: &mut [u8],
) -> Result<usize> {
    const WHAT: &str = "LZMA block";
    let wanted = unpacked_len.and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
    let coder = Coder::new(head).ok_or(Error::corrupt(WHAT, 0))?;
    let mut packed = Packed { bytes: packed, next: 0, coder };
    let mut place = Place { next: 0, end: wanted, base: 0, skew: 0, dictionary_len: usize::MAX };
    match Model::new(properties).decode(&mut packed, unpacked, &mut place, 0) {
        Stop::Full => Ok(place.next),
        Stop::End if unpacked_len.is_none() => Ok(place.next),
        Stop::Starved => Err(Error::truncated(WHAT, len64(packed.bytes.len()), 1, 0)),
        Stop::End | Stop::Corrupt => Err(Error::corrupt(WHAT, len64(packed.next))),
    }
}
