//! Encoded values: what a file says static fields start with.
//!
//! Met in `encoded_array_item`, one per class that has such fields. Written from the "Dalvik Executable format" document,
//! "encoded_value encoding".

use bytes::{Cursor, Error, Limit, Result};

use super::fuel::Fuel;
use crate::{Literal, program::FileMaps};

/// Arrays and annotations inside each other; compilers write at most a handful.
const MAX_DEPTH: usize = 32;

const STRING: u8 = 0x17;
const TYPE: u8 = 0x18;
const ARRAY: u8 = 0x1c;
const ANNOTATION: u8 = 0x1d;
const NULL: u8 = 0x1e;
const BOOLEAN: u8 = 0x1f;

/// Reads one value.
pub(crate) fn read(cursor: &mut Cursor<'_>, maps: &FileMaps, fuel: &mut Fuel) -> Result<Literal> {
    let offset = cursor.offset();
    let (kind, argument) = head(cursor)?;
    match kind {
        ARRAY | ANNOTATION => {
            skip_nested(cursor, kind, fuel)?;
            Ok(Literal::Other)
        }
        NULL => Ok(Literal::Number(0)),
        BOOLEAN => Ok(Literal::Number(i64::from(argument & 1))),
        _ => {
            let (raw, width) = number(cursor, kind, argument, offset)?;
            let signed = sign_extend(raw, width);
            let index = usize::try_from(raw).unwrap_or(usize::MAX);
            Ok(match kind {
                0x00 | 0x02 | 0x04 | 0x06 => Literal::Number(signed),
                0x03 => Literal::Number(raw as i64),
                // Floating point is extended with zeros at the right.
                0x10 => Literal::Number(i64::from((raw << (32 - width.min(32))) as u32 as i32)),
                0x11 => Literal::Number((raw << (64 - width)) as i64),
                STRING => Literal::Text(*maps.strings.get(index).ok_or(Error::corrupt("string_idx", offset))?),
                TYPE => Literal::Class(*maps.types.get(index).ok_or(Error::corrupt("type_idx", offset))?),
                _ => Literal::Other,
            })
        }
    }
}

fn head(cursor: &mut Cursor<'_>) -> Result<(u8, u8)> {
    let byte = cursor.u8("encoded_value")?;
    Ok((byte & 0x1f, byte >> 5))
}

/// The bytes of a value that is neither nested nor empty, and their width in bits (8 to 64).
fn number(cursor: &mut Cursor<'_>, kind: u8, argument: u8, offset: u64) -> Result<(u64, u32)> {
    let widest = match kind {
        0x00 => 0,
        0x02 | 0x03 => 1,
        0x04 | 0x10 | 0x15..=0x1b => 3,
        0x06 | 0x11 => 7,
        _ => return Err(Error::corrupt("value_type", offset)),
    };
    if argument > widest {
        return Err(Error::corrupt("value_arg", offset));
    }
    let mut value = 0_u64;
    // At most eight bytes.
    for shift in (0..=u32::from(argument)).map(|position| position * 8) {
        value |= u64::from(cursor.u8("encoded_value")?) << shift;
    }
    Ok((value, (u32::from(argument) + 1) * 8))
}

const fn sign_extend(value: u64, width: u32) -> i64 {
    let unused = 64 - width;
    ((value << unused) as i64) >> unused
}

/// Steps over an array or annotation whose head was read, with whatever is inside.
fn skip_nested(cursor: &mut Cursor<'_>, kind: u8, fuel: &mut Fuel) -> Result<()> {
    // Elements still to come of each open array, and whether each has a name before it.
    let mut open = vec![enter(cursor, kind)?];
    while let Some((left, named)) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let offset = cursor.offset();
        fuel.spend(1, "encoded_value", offset)?;
        if *named {
            cursor.uleb128("annotation name_idx")?;
        }
        match head(cursor)? {
            (kind @ (ARRAY | ANNOTATION), _) => {
                if open.len() >= MAX_DEPTH {
                    return Err(Error::limit(Limit::Depth, "encoded_value", offset));
                }
                open.push(enter(cursor, kind)?);
            }
            (NULL | BOOLEAN, _) => {}
            (kind, argument) => {
                number(cursor, kind, argument, offset)?;
            }
        }
    }
    Ok(())
}

fn enter(cursor: &mut Cursor<'_>, kind: u8) -> Result<(u32, bool)> {
    let named = kind == ANNOTATION;
    if named {
        cursor.uleb128("annotation type_idx")?;
    }
    Ok((cursor.uleb128("encoded_array size")?, named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StringId, TypeId};

    fn value(bytes: &[u8]) -> Result<Literal> {
        let maps = FileMaps { strings: vec![StringId(7)], types: vec![TypeId(9)], ..FileMaps::default() };
        let mut cursor = Cursor::new(bytes, 0);
        let value = read(&mut cursor, &maps, &mut Fuel::for_file(1000))?;
        assert!(cursor.is_empty(), "{bytes:?} was not read to its end");
        Ok(value)
    }

    #[test]
    fn values_are_extended_as_the_document_says() {
        let cases: [(&[u8], i64); 12] = [
            (&[0x00, 0x80], -128),
            (&[0x02, 0xff], -1),
            (&[0x03, 0xff], 0xff),
            (&[0x23, 0x34, 0x12], 0x1234),
            (&[0x04, 0xfe], -2),
            (&[0x64, 0xff, 0xff, 0xff, 0x7f], 0x7fff_ffff),
            (&[0xe6, 0, 0, 0, 0, 0, 0, 0, 0x80], i64::MIN),
            (&[0x30, 0x80, 0x3f], i64::from(1.0_f32.to_bits())),
            (&[0x31, 0xf0, 0x3f], 1.0_f64.to_bits() as i64),
            (&[0x1e], 0),
            (&[0x3f], 1),
            (&[0x1f], 0),
        ];
        for (bytes, expected) in cases {
            assert_eq!(value(bytes), Ok(Literal::Number(expected)), "{bytes:x?}");
        }
        assert_eq!(value(&[0x17, 0]), Ok(Literal::Text(StringId(7))));
        assert_eq!(value(&[0x18, 0]), Ok(Literal::Class(TypeId(9))));
        assert_eq!(value(&[0x1b, 3]), Ok(Literal::Other));
    }

    #[test]
    fn nested_values_are_stepped_over() {
        // An array of null, an empty array and an annotation with one named byte.
        assert_eq!(value(&[0x1c, 3, 0x1e, 0x1c, 0, 0x1d, 5, 1, 6, 0x00, 1]), Ok(Literal::Other));
    }

    #[test]
    fn wrong_values_tell_where() {
        assert_eq!(value(&[0x17, 1]), Err(Error::corrupt("string_idx", 0)));
        assert_eq!(value(&[0x05, 1]), Err(Error::corrupt("value_type", 0)));
        assert_eq!(value(&[0x20, 1, 1]), Err(Error::corrupt("value_arg", 0)));
        assert_eq!(value(&[0x1c, 2, 0x1e]), Err(Error::truncated("encoded_value", 3, 1, 0)));
        let deep: Vec<u8> = [0x1c, 1].repeat(100);
        assert_eq!(value(&deep), Err(Error::limit(Limit::Depth, "encoded_value", 64)));
    }
}
