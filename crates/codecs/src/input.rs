//! A source as a stream, for decoders that read from front to back.

use std::io::{self, BufRead, Read};

use bytes::{ByteSource, Error, Limit, Result};

use crate::len64;

/// Bytes read from the source at a time.
const WINDOW_LEN: usize = 64 << 10;

/// Reads a source forward and remembers what decoders cannot tell: an error of the source itself, and whether bytes were
/// asked for that are not there.
pub(crate) struct Input<'a> {
    source: &'a ByteSource,
    /// Offset of the first byte behind the window.
    position: u64,
    window: Vec<u8>,
    /// What of the window was taken, and how much of it is filled.
    taken: usize,
    filled: usize,
    failure: Option<Error>,
    ran_out: bool,
}

impl<'a> Input<'a> {
    pub(crate) fn new(source: &'a ByteSource) -> Self {
        Self { source, position: 0, window: vec![0; WINDOW_LEN], taken: 0, filled: 0, failure: None, ran_out: false }
    }

    /// Offset of the next byte that nobody took.
    pub(crate) fn offset(&self) -> u64 {
        self.position.saturating_sub(len64(self.filled.saturating_sub(self.taken)))
    }

    /// Whether `magic` comes next; takes nothing.
    pub(crate) fn has_next(&self, magic: &[u8]) -> bool {
        self.source.has(self.offset(), magic)
    }

    /// The next four bytes as a little-endian number; takes nothing. Nothing at the end of the source.
    pub(crate) fn peek_u32(&self) -> Option<u32> {
        self.source.array(self.offset(), "mark").ok().map(u32::from_le_bytes)
    }

    /// Takes a fixed number of bytes.
    pub(crate) fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let bytes = self.source.array(self.offset(), what)?;
        self.skip(len64(N));
        Ok(bytes)
    }

    /// Takes the next `len` bytes as a source.
    pub(crate) fn take_range(&mut self, len: u64, what: &'static str) -> Result<ByteSource> {
        let range = self.source.slice(self.offset(), len, what)?;
        self.skip(len);
        Ok(range)
    }

    /// Goes forward by `len` bytes.
    pub(crate) fn skip(&mut self, len: u64) {
        let buffered = self.filled.saturating_sub(self.taken);
        if let Some(len) = usize::try_from(len).ok().filter(|&len| len <= buffered) {
            self.taken = self.taken.saturating_add(len);
        } else {
            self.position = self.offset().saturating_add(len);
            (self.taken, self.filled) = (0, 0);
        }
    }

    /// What a decoder's error means for this source.
    pub(crate) fn told(&self, error: &io::Error, what: &'static str) -> Error {
        if let Some(failure) = self.failure {
            return failure;
        }
        match error.kind() {
            io::ErrorKind::OutOfMemory => Error::limit(Limit::UnpackedBytes, what, self.offset()),
            _ if self.ran_out => Error::truncated(what, self.source.len(), 1, 0),
            _ => Error::corrupt(what, self.offset()),
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(target.len());
        let (target, _) = target.split_at_mut(count);
        let (head, _) = available.split_at(count);
        target.copy_from_slice(head);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.filled {
            self.taken = 0;
            self.filled = self.source.read_some(self.position, &mut self.window).map_err(|error| {
                self.failure = Some(error);
                io::Error::other(error)
            })?;
            self.position = self.position.saturating_add(len64(self.filled));
            self.ran_out |= self.filled == 0;
        }
        Ok(self.window.get(self.taken..self.filled).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count).min(self.filled);
    }
}

/// Where unpacked bytes go: to a sink, up to a bound.
pub(crate) struct Output<'a> {
    pub(crate) sink: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    pub(crate) len: u64,
    pub(crate) len_max: u64,
}

impl Output<'_> {
    /// Gives `bytes` to the sink, or fails before the bound would be passed.
    pub(crate) fn put(&mut self, bytes: &[u8], what: &'static str, offset: u64) -> Result<()> {
        let len = self.len.saturating_add(len64(bytes.len()));
        if len > self.len_max {
            return Err(Error::limit(Limit::UnpackedBytes, what, offset));
        }
        self.len = len;
        if bytes.is_empty() { Ok(()) } else { (self.sink)(bytes) }
    }
}
