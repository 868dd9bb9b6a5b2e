//! Just enough of DER to walk certificates and PKCS#7 files (ITU-T X.690).
//!
//! Old signing tools wrote certificates that strict readers refuse (odd string types, negative serial numbers); what is
//! signed are the bytes as they are, so this reader looks only at what verification needs.

use bytes::{Cursor, Error, Result};

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// Context-specific, constructed, number 0 and so on.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) tag: u8,
    /// What is inside.
    pub(crate) content: &'a [u8],
    /// Tag, length and content, as they are.
    pub(crate) whole: &'a [u8],
    /// Where the content starts.
    pub(crate) offset: u64,
}

impl<'a> Node<'a> {
    /// What is inside, as elements.
    pub(crate) const fn inside(&self) -> Der<'a> {
        Der { cursor: Cursor::new(self.content, self.offset) }
    }

    /// An unsigned big-endian number without its leading zeros.
    pub(crate) fn unsigned(&self) -> &'a [u8] {
        let zeros = self.content.iter().take_while(|byte| **byte == 0).count();
        self.content.get(zeros..).unwrap_or_default()
    }

    /// The bytes of a bit string that has no unused bits.
    pub(crate) fn bits(&self) -> Result<&'a [u8]> {
        match self.content.split_first() {
            Some((0, bits)) => Ok(bits),
            _ => Err(Error::corrupt("bit string", self.offset)),
        }
    }
}

/// A sequence of elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Der<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Der<'a> {
    /// The elements of `bytes`.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(bytes, 0) }
    }

    /// Whether nothing is left.
    pub(crate) const fn is_empty(&self) -> bool {
        self.cursor.is_empty()
    }

    /// The next element.
    pub(crate) fn next(&mut self, what: &'static str) -> Result<Node<'a>> {
        let start = self.cursor;
        let tag = self.cursor.u8(what)?;
        let at = self.cursor.offset();
        if tag & 0x1f == 0x1f {
            return Err(Error::unsupported("DER tag", start.offset(), u64::from(tag)));
        }
        let len = match self.cursor.u8(what)? {
            short @ 0..=0x7f => usize::from(short),
            0x81 => usize::from(self.cursor.u8(what)?),
            0x82 => usize::from(u16::from_be_bytes(self.cursor.array(what)?)),
            0x83 => {
                let [high, middle, low] = self.cursor.array(what)?;
                (usize::from(high) << 16) | (usize::from(middle) << 8) | usize::from(low)
            }
            other => return Err(Error::unsupported("DER length", at, u64::from(other))),
        };
        let offset = self.cursor.offset();
        let content = self.cursor.take(len, what)?;
        let whole_len = start.rest().len().saturating_sub(self.cursor.rest().len());
        let whole = start.rest().get(..whole_len).unwrap_or_default();
        Ok(Node { tag, content, whole, offset })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8, what: &'static str) -> Result<Node<'a>> {
        let at = self.cursor.offset();
        let node = self.next(what)?;
        if node.tag == tag { Ok(node) } else { Err(Error::corrupt(what, at)) }
    }

    /// The next element, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8, what: &'static str) -> Result<Option<Node<'a>>> {
        if self.cursor.rest().first() == Some(&tag) { self.next(what).map(Some) } else { Ok(None) }
    }
}
