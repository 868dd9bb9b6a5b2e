//! The wire format of protocol buffers, as far as update manifests and APEX manifests need it. Written from
//! protobuf.dev, "Encoding". Messages are read field by field; nested ones are opened by whoever wants them, so nothing
//! here recurses.

use bytes::{Cursor, Error, Result};

/// The fields of one message, in the order they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    cursor: Cursor<'a>,
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its number.
    pub number: u64,
    /// Its value.
    pub value: Value<'a>,
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A number of variable or fixed length.
    Number(u64),
    /// A text, bytes or another message, and the offset where they start.
    Bytes(&'a [u8], u64),
}

impl<'a> Message<'a> {
    /// The message in `bytes`, which start at `offset` of the source.
    #[must_use]
    pub const fn new(bytes: &'a [u8], offset: u64) -> Self {
        Self { cursor: Cursor::new(bytes, offset) }
    }

    fn varint(&mut self) -> Result<u64> {
        let start = self.cursor.offset();
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.cursor.u8("varint")?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::corrupt("varint", start))
    }

    /// The next field; nothing at the end.
    pub fn field(&mut self) -> Result<Option<Field<'a>>> {
        if self.cursor.is_empty() {
            return Ok(None);
        }
        let offset = self.cursor.offset();
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Number(self.cursor.u64_le("fixed64")?),
            2 => {
                let len = self.varint()?;
                let start = self.cursor.offset();
                let bytes = self.cursor.take(usize::try_from(len).unwrap_or(usize::MAX), "length-delimited field")?;
                Value::Bytes(bytes, start)
            }
            5 => Value::Number(u64::from(self.cursor.u32_le("fixed32")?)),
            other => return Err(Error::unsupported("wire type", offset, other)),
        };
        Ok(Some(Field { number: tag >> 3, value }))
    }

    /// The bytes of the first field of this number.
    #[must_use]
    pub fn bytes(mut self, number: u64) -> Option<&'a [u8]> {
        while let Ok(Some(field)) = self.field() {
            if let Value::Bytes(bytes, _) = field.value
                && field.number == number
            {
                return Some(bytes);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_the_document_says() {
        // The document's own examples: field 1 is 150, field 2 is "testing".
        let bytes = [0x08, 0x96, 0x01, 0x12, 7, b't', b'e', b's', b't', b'i', b'n', b'g'];
        let mut message = Message::new(&bytes, 100);
        assert!(matches!(message.field(), Ok(Some(Field { number: 1, value: Value::Number(150) }))));
        assert!(matches!(message.field(), Ok(Some(Field { number: 2, value: Value::Bytes(b"testing", 105) }))));
        assert!(matches!(message.field(), Ok(None)));
        assert_eq!(Message::new(&bytes, 0).bytes(2), Some(&b"testing"[..]));
        assert!(Message::new(&[0x0a, 5, 0], 0).field().is_err());
        assert!(Message::new(&[0xff; 11], 0).field().is_err());
    }
}
