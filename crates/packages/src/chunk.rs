//! The chunk header that binary XML and resource tables share, and their string pools.
//!
//! Met in `AndroidManifest.xml` and `resources.arsc` of every APK. Written from the platform's `ResourceTypes.h` and from
//! the checks that `ResourceTypes.cpp` makes, so that a file the platform accepts is read the way the platform reads it.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use bytes::{Error, Limit, Result};

/// Most UTF-16 units or bytes one string may have; the UTF-8 form cannot store more than 32,767.
const STRING_LEN_MAX: usize = 1 << 16;
/// Most bytes of decoded text one pool may produce: overlapping strings would otherwise multiply.
const POOL_TEXT_LEN_MAX: usize = 64 << 20;

/// Reads a little-endian `u16`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|raw| u16::from_le_bytes(*raw))
}

/// Reads a little-endian `u32`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|raw| u32::from_le_bytes(*raw))
}

/// `usize` is at least 32 bits on every platform this is built for.
pub(crate) fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// An offset for an error.
pub(crate) fn offset64(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

/// A chunk whose declared extent lies inside its parent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    /// `RES_*_TYPE`.
    pub(crate) kind: u16,
    /// Where it starts.
    pub(crate) at: usize,
    /// Bytes of its header.
    pub(crate) header_len: usize,
    /// Bytes of the chunk, header included.
    pub(crate) len: usize,
}

impl Chunk {
    /// Reads the header at `at` of a parent that ends at `end`.
    pub(crate) fn read(bytes: &[u8], at: usize, end: usize) -> Result<Self> {
        let available = end.min(bytes.len()).saturating_sub(at);
        let header = (u16_at(bytes, at), u16_at(bytes, at.saturating_add(2)), u32_at(bytes, at.saturating_add(4)));
        let (Some(kind), Some(header_len), Some(len)) = header else {
            return Err(Error::truncated("chunk header", offset64(at), 8, offset64(available)));
        };
        let chunk = Self { kind, at, header_len: usize::from(header_len), len: index(len) };
        if chunk.header_len < 8 || chunk.header_len > chunk.len {
            return Err(Error::corrupt("chunk header size", offset64(at.saturating_add(2))));
        }
        if chunk.len > available {
            let at = offset64(at.saturating_add(4));
            return Err(Error::truncated("chunk size", at, offset64(chunk.len), offset64(available)));
        }
        Ok(chunk)
    }

    /// Where the next chunk starts.
    pub(crate) const fn end(&self) -> usize {
        self.at.saturating_add(self.len)
    }

    /// Where what follows the header starts.
    pub(crate) const fn body(&self) -> usize {
        self.at.saturating_add(self.header_len)
    }
}

/// `RES_STRING_POOL_TYPE`.
pub(crate) const STRING_POOL: u16 = 0x0001;

/// A string pool. Strings are decoded when they are asked for, so a lying count costs nothing.
#[derive(Debug, Default)]
pub(crate) struct StringPool {
    chunk: Vec<u8>,
    base: usize,
    count: u32,
    offsets: usize,
    strings: usize,
    utf8: bool,
    decoded: RefCell<Decoded>,
}

#[derive(Debug, Default)]
struct Decoded {
    texts: BTreeMap<u32, Option<Arc<str>>>,
    len: usize,
    problem: Option<Error>,
}

impl StringPool {
    /// The pool of `chunk`. Only a header that is cut off is an error.
    pub(crate) fn read(bytes: &[u8], chunk: Chunk) -> Result<Self> {
        let body = bytes.get(chunk.at..chunk.end()).unwrap_or_default();
        let field = |at: usize, what| {
            u32_at(body, at).ok_or(Error::truncated(what, offset64(chunk.at.saturating_add(at)), 4, 0))
        };
        let count = field(8, "string count")?;
        let flags = field(16, "string pool flags")?;
        let strings = index(field(20, "strings start")?);
        Ok(Self {
            chunk: body.to_vec(),
            base: chunk.at,
            count,
            offsets: chunk.header_len,
            strings,
            utf8: flags & 0x100 != 0,
            decoded: RefCell::default(),
        })
    }

    /// The string at `index`, if the pool has it.
    pub(crate) fn get(&self, index: u32) -> Option<Arc<str>> {
        if index >= self.count {
            return None;
        }
        let mut decoded = self.decoded.borrow_mut();
        if let Some(known) = decoded.texts.get(&index) {
            return known.clone();
        }
        let text: Option<Arc<str>> = match self.decode(index) {
            Ok(text) if decoded.len.saturating_add(text.len()) <= POOL_TEXT_LEN_MAX => Some(Arc::from(text.as_str())),
            Ok(_) => {
                decoded.problem.get_or_insert(Error::limit(Limit::UnpackedBytes, "string pool", offset64(self.base)));
                None
            }
            Err(error) => {
                decoded.problem.get_or_insert(error);
                None
            }
        };
        decoded.len = decoded.len.saturating_add(text.as_ref().map_or(0, |text| text.len()));
        decoded.texts.insert(index, text.clone());
        text
    }

    /// The first string that could not be decoded.
    pub(crate) fn problem(&self) -> Option<Error> {
        self.decoded.borrow().problem
    }

    fn decode(&self, string: u32) -> Result<String> {
        let at = self.offsets.saturating_add(index(string).saturating_mul(4));
        let missing = |what, at: usize| Error::truncated(what, offset64(self.base.saturating_add(at)), 1, 0);
        let start = u32_at(&self.chunk, at).ok_or(missing("string offset", at))?;
        let start = self.strings.saturating_add(index(start));
        let bytes = self.chunk.get(start..).filter(|bytes| !bytes.is_empty()).ok_or(missing("string", start))?;
        let text = if self.utf8 { utf8_text(bytes) } else { utf16_text(bytes) };
        text.ok_or(missing("string length", start))
    }
}

/// Two lengths (UTF-16 units, bytes), each of one or two bytes, then the text. A length past the end of the pool is a lie:
/// then the terminator decides.
fn utf8_text(bytes: &[u8]) -> Option<String> {
    let (_, rest) = utf8_len(bytes)?;
    let (len, rest) = utf8_len(rest)?;
    let text = rest.get(..len).unwrap_or_else(|| rest.split(|byte| *byte == 0).next().unwrap_or_default());
    let text = text.get(..STRING_LEN_MAX).unwrap_or(text);
    Some(String::from_utf8_lossy(text).into_owned())
}

fn utf8_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return Some((usize::from(first), rest));
    }
    let (&second, rest) = rest.split_first()?;
    Some(((usize::from(first & 0x7f) << 8) | usize::from(second), rest))
}

fn utf16_text(bytes: &[u8]) -> Option<String> {
    let first = u16_at(bytes, 0)?;
    let (len, start) = if first & 0x8000 == 0 {
        (usize::from(first), 2)
    } else {
        ((usize::from(first & 0x7fff) << 16) | usize::from(u16_at(bytes, 2)?), 4)
    };
    let rest = bytes.get(start..)?;
    let units =
        rest.chunks_exact(2).map(|pair| pair.iter().rev().fold(0_u16, |unit, byte| (unit << 8) | u16::from(*byte)));
    let limit = len.min(STRING_LEN_MAX);
    let units: Vec<u16> = if len.saturating_mul(2) <= rest.len() {
        units.take(limit).collect()
    } else {
        units.take_while(|unit| *unit != 0).take(limit).collect()
    };
    Some(String::from_utf16_lossy(&units))
}

/// A typed value (`Res_value`), with its text if it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(Arc<str>),
    /// A resource id.
    Reference(u32),
    /// True or false.
    Boolean(bool),
    /// A whole number or a colour.
    Integer(u32),
    /// Anything else: null, theme attribute, float, dimension, fraction, or text that is not in the pool.
    Other {
        /// `dataType`.
        kind: u8,
        /// `data`.
        data: u32,
    },
}

impl Value {
    /// The value of `dataType` and `data`, with texts from `pool`.
    pub(crate) fn new(kind: u8, data: u32, pool: &StringPool) -> Self {
        match kind {
            0x01 | 0x07 => Self::Reference(data),
            0x03 => pool.get(data).map_or(Self::Other { kind, data }, Self::Text),
            0x12 => Self::Boolean(data != 0),
            0x10 | 0x11 | 0x1c..=0x1f => Self::Integer(data),
            _ => Self::Other { kind, data },
        }
    }
}
