//! `String.format` with the conversions whose result no locale changes: `%s %d %x %X %o %c %b %n %%`, width, `-` and `0`.

use super::numbers::digits;
use super::string::display;
use super::{Answer, Fault, units};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::{Element, Value};

/// Widest padding that is made; wider ones are unknown.
const WIDTH_MAX: usize = 4096;

/// Formats `pattern` with the objects of an array.
pub(super) fn format(heap: &mut Heap, pattern: &Value, arguments: &Value) -> Answer {
    let pattern = units(heap, pattern)?.to_vec();
    let arguments = match heap.object(arguments) {
        Some(Object::Array(array)) => array.items.clone(),
        _ => return Err(Fault::Unknown),
    };
    let mut arguments = arguments.into_iter();
    let mut result: Vec<u16> = Vec::new();
    let mut rest = pattern.into_iter().peekable();
    while let Some(unit) = rest.next() {
        if unit != u16::from(b'%') {
            result.push(unit);
            continue;
        }
        let (mut is_left, mut is_zero, mut width) = (false, false, 0_usize);
        let conversion = loop {
            match u8::try_from(rest.next().ok_or(Fault::Unknown)?).map_err(|_| Fault::Unknown)? {
                b'-' => is_left = true,
                b'0' if width == 0 => is_zero = true,
                digit @ b'0'..=b'9' => width = width.saturating_mul(10).saturating_add(usize::from(digit - b'0')),
                other => break other,
            }
        };
        if width > WIDTH_MAX || (is_left && is_zero) {
            return Err(Fault::Unknown);
        }
        let piece = match conversion {
            b'n' => vec![10],
            b'%' => vec![u16::from(b'%')],
            _ => convert(heap, conversion, &heap.resolve(&arguments.next().ok_or(Fault::Unknown)?))?,
        };
        heap.charge(piece.len().max(width).saturating_mul(2))?;
        pad(&mut result, &piece, width, is_left, is_zero && matches!(conversion, b'd' | b'x' | b'X' | b'o'));
    }
    Ok(heap.text(&result)?)
}

fn convert(heap: &Heap, conversion: u8, value: &Value) -> Answer<Vec<u16>> {
    let text = match (conversion, value) {
        (_, Value::Unknown) => return Err(Fault::Unknown),
        (b's', _) => return display(heap, value, "Ljava/lang/Object;"),
        (b'c', Value::Boxed(Element::Char, number)) => return Ok(vec![*number as u16]),
        (b'b', Value::Boxed(Element::Boolean, number)) => (*number != 0).to_string(),
        (b'd', Value::Boxed(Element::Byte | Element::Short | Element::Int | Element::Long, number)) => {
            number.to_string()
        }
        (b'x' | b'X' | b'o', Value::Boxed(element, number)) => {
            let bits = match element {
                Element::Byte => u64::from(*number as u8),
                Element::Short => u64::from(*number as u16),
                Element::Int => u64::from(*number as u32),
                Element::Long => number.cast_unsigned(),
                _ => return Err(Fault::Unknown),
            };
            let text = digits(bits, if conversion == b'o' { 8 } else { 16 });
            if conversion == b'X' { text.to_ascii_uppercase() } else { text }
        }
        _ => return Err(Fault::Unknown),
    };
    Ok(text.encode_utf16().collect())
}

fn pad(result: &mut Vec<u16>, piece: &[u16], width: usize, is_left: bool, is_zero: bool) {
    let missing = width.saturating_sub(piece.len());
    let minus = u16::from(b'-');
    match piece.split_first() {
        Some((&sign, number)) if is_zero && sign == minus => {
            result.push(minus);
            result.extend(std::iter::repeat_n(u16::from(b'0'), missing));
            result.extend_from_slice(number);
        }
        _ if is_left => {
            result.extend_from_slice(piece);
            result.extend(std::iter::repeat_n(u16::from(b' '), missing));
        }
        _ => {
            result.extend(std::iter::repeat_n(u16::from(if is_zero { b'0' } else { b' ' }), missing));
            result.extend_from_slice(piece);
        }
    }
}
