//! LZMA2: LZMA in chunks that say how long they are, whether something is forgotten before them, and whether they are packed
//! at all. Met in xz and 7z. Written from the comments in the LZMA SDK (`Lzma2Dec.c`), which are its only document.

use std::io::{self, Read};

use super::{
    Pieces, corrupt,
    model::{Model, Packed, Properties, Stop},
    range::{Coder, Range},
    window::Window,
};

/// Longest chunk of packed bytes.
const CHUNK_LEN_MAX: usize = 1 << 16;

/// What the rest of the chunk is.
enum Chunk {
    Stored,
    /// How far it is decoded.
    Packed {
        next: usize,
        len: usize,
        coder: Coder,
    },
}

pub(super) struct Lzma2<R> {
    pub(super) input: R,
    window: Window,
    model: Option<Model>,
    packed: Vec<u8>,
    chunk: Chunk,
    /// Unpacked length of the rest of the chunk.
    left: usize,
    has_dictionary: bool,
    has_properties: bool,
    is_at_end: bool,
    failure: Option<io::ErrorKind>,
}

impl<R: Read> Lzma2<R> {
    pub(super) fn new(input: R, dictionary_len: u32) -> Self {
        Self {
            input,
            window: Window::new(dictionary_len),
            model: None,
            packed: vec![0; CHUNK_LEN_MAX],
            chunk: Chunk::Stored,
            left: 0,
            has_dictionary: false,
            has_properties: false,
            is_at_end: false,
            failure: None,
        }
    }

    fn take<const LEN: usize>(&mut self) -> io::Result<[u8; LEN]> {
        let mut bytes = [0; LEN];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads what stands before a chunk, and the chunk if it is packed.
    fn begin_chunk(&mut self) -> io::Result<()> {
        let [control] = self.take()?;
        if control == 0 {
            self.is_at_end = true;
            return Ok(());
        }
        if control == 1 || control >= 0xe0 {
            self.window.reset();
            (self.has_dictionary, self.has_properties) = (true, false);
        }
        if !self.has_dictionary || (control > 2 && control < 0x80) {
            return Err(corrupt());
        }
        let low = usize::from(u16::from_be_bytes(self.take()?)).saturating_add(1);
        if control < 0x80 {
            (self.chunk, self.left) = (Chunk::Stored, low);
            return Ok(());
        }
        self.left = (usize::from(control & 0x1f) << 16).saturating_add(low);
        let len = usize::from(u16::from_be_bytes(self.take()?)).saturating_add(1);
        if control >= 0xc0 {
            let [byte] = self.take()?;
            let properties = Properties::new_lzma2(byte).ok_or_else(corrupt)?;
            self.model.get_or_insert_with(|| Model::new(properties)).reset(Some(properties));
            self.has_properties = true;
        }
        let model = self.model.as_mut().filter(|_| self.has_properties).ok_or_else(corrupt)?;
        if (0xa0..0xc0).contains(&control) {
            model.reset(None);
        }
        let chunk = self.packed.get_mut(..len).ok_or_else(corrupt)?;
        self.input.read_exact(chunk)?;
        let coder = chunk.first_chunk().and_then(|&head| Coder::new(head)).ok_or_else(corrupt)?;
        self.chunk = Chunk::Packed { next: Coder::HEAD_LEN, len, coder };
        Ok(())
    }

    /// Unpacks of the chunk what there is room for.
    fn go_on(&mut self) -> io::Result<()> {
        let room_len = self.window.make_room(self.left);
        let is_rest = room_len == self.left;
        match &mut self.chunk {
            Chunk::Stored => {
                self.input.read_exact(self.window.room())?;
                self.window.filled(room_len);
            }
            Chunk::Packed { next, len, coder } => {
                let bytes = self.packed.get(..*len).unwrap_or_default();
                let model = self.model.as_mut().ok_or_else(corrupt)?;
                let mut packed = Packed { bytes, next: *next, coder: *coder };
                let stop = model.decode(&mut packed, &mut self.window.bytes, &mut self.window.place, 0);
                if stop != Stop::Full {
                    return Err(corrupt());
                }
                (*next, *coder) = (packed.next, packed.coder);
                let mut range = Range::new(bytes, packed.next, packed.coder);
                range.normalize();
                // A chunk ends with its packed bytes, and its last match with it.
                if is_rest && (range.next != *len || range.coder.code != 0 || model.has_pending()) {
                    return Err(corrupt());
                }
            }
        }
        self.left = self.left.saturating_sub(room_len);
        Ok(())
    }
}

impl<R: Read> Pieces for Lzma2<R> {
    fn next_piece(&mut self) -> io::Result<&[u8]> {
        if let Some(kind) = self.failure {
            return Err(kind.into());
        }
        while self.left == 0 {
            self.begin_chunk()?;
            if self.is_at_end {
                return Ok(&[]);
            }
        }
        // What was made before an error counts.
        if let Err(error) = self.go_on() {
            self.failure = Some(error.kind());
            if self.window.fresh_len() == 0 {
                return Err(error);
            }
        }
        Ok(self.window.give())
    }
}
