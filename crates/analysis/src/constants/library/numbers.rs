//! `Integer`, `Long`, `Byte`, `Short`, `Boolean`, `Character` and `Math`.

use super::{Answer, Call, Fault, NUMBER_FORMAT};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::{Element, Value};

/// Constructors of the box classes.
pub(super) fn construct(heap: &Heap, call: &Call<'_>, element: Element) -> Answer<Object> {
    let number = match call.parameters {
        "Ljava/lang/String;" => parse(element, call.units(heap, 0)?, 10)?,
        _ => element.narrow(call.long(0)?),
    };
    Ok(Object::Alias(Value::Boxed(element, number)))
}

/// The decimal or other text of a boxed number.
pub(super) fn display(element: Element, number: i64) -> Answer<Vec<u16>> {
    Ok(match element {
        Element::Boolean => (number != 0).to_string().encode_utf16().collect(),
        Element::Char => vec![number as u16],
        Element::Float | Element::Double | Element::Object => return Err(Fault::Unknown),
        _ => number.to_string().encode_utf16().collect(),
    })
}

/// The number that a text spells, in the range of `element`.
fn parse(element: Element, units: &[u16], radix: u32) -> Answer<i64> {
    let text = String::from_utf16_lossy(units);
    let range = match element {
        Element::Boolean => return Ok(i64::from(text.eq_ignore_ascii_case("true"))),
        Element::Byte => i64::from(i8::MIN)..=i64::from(i8::MAX),
        Element::Short => i64::from(i16::MIN)..=i64::from(i16::MAX),
        Element::Int => i64::from(i32::MIN)..=i64::from(i32::MAX),
        Element::Long => i64::MIN..=i64::MAX,
        _ => return Err(Fault::Unknown),
    };
    if !text.is_ascii() || !(2..=36).contains(&radix) {
        // Java takes the digits of every script.
        return Err(Fault::Unknown);
    }
    i64::from_str_radix(&text, radix).ok().filter(|number| range.contains(number)).ok_or(NUMBER_FORMAT)
}

fn radix(call: &Call<'_>, index: usize) -> Answer<u32> {
    if call.arguments.len() > index { u32::try_from(call.int(index)?).map_err(|_| Fault::Unknown) } else { Ok(10) }
}

/// Digits in a radix from 2 to 36, lower case.
pub(super) fn digits(mut number: u64, radix: u32) -> String {
    let mut reversed = Vec::new();
    loop {
        // A remainder of a radix up to 36 is a digit.
        reversed.push(char::from_digit((number % u64::from(radix)) as u32, radix).unwrap_or('?'));
        number /= u64::from(radix);
        if number == 0 {
            return reversed.into_iter().rev().collect();
        }
    }
}

/// Static methods of the number classes.
pub(super) fn call_static(heap: &mut Heap, call: &Call<'_>, element: Element) -> Answer {
    let is_long = element == Element::Long;
    let unsigned = |number: i64| if is_long { number.cast_unsigned() } else { u64::from(number as u32) };
    let text = match call.name {
        "toHexString" => digits(unsigned(call.long(0)?), 16),
        "toBinaryString" => digits(unsigned(call.long(0)?), 2),
        "toOctalString" => digits(unsigned(call.long(0)?), 8),
        "toString" if call.arguments.len() == 1 => {
            let units = super::string::display(heap, call.value(0)?, call.parameters)?;
            return Ok(heap.text(&units)?);
        }
        "toString" => {
            let (number, radix) = (call.long(0)?, radix(call, 1)?);
            // Java takes ten for a radix out of range.
            let radix = if (2..=36).contains(&radix) { radix } else { 10 };
            format!("{}{}", if number < 0 { "-" } else { "" }, digits(number.unsigned_abs(), radix))
        }
        _ => return number_static(heap, call, element),
    };
    let units: Vec<u16> = text.encode_utf16().collect();
    Ok(heap.text(&units)?)
}

fn number_static(heap: &Heap, call: &Call<'_>, element: Element) -> Answer {
    let is_long = element == Element::Long;
    let int = || call.int(0).map(i32::cast_unsigned);
    let long = || call.long(0).map(i64::cast_unsigned);
    let of_int = |number: u32| Value::int(number.cast_signed());
    let of_long = |number: u64| Value::Number(number.cast_signed());
    let distance = || call.int(1).map(|distance| (distance & if is_long { 63 } else { 31 }).cast_unsigned());
    Ok(match call.name {
        "parseInt" | "parseLong" | "parseByte" | "parseShort" | "parseBoolean" => {
            Value::Number(parse(element, call.units(heap, 0)?, radix(call, 1)?)?)
        }
        "valueOf" if call.parameters.starts_with('L') => {
            Value::Boxed(element, parse(element, call.units(heap, 0)?, radix(call, 1)?)?)
        }
        "valueOf" => Value::Boxed(element, element.narrow(call.long(0)?)),
        "rotateLeft" if is_long => of_long(long()?.rotate_left(distance()?)),
        "rotateRight" if is_long => of_long(long()?.rotate_right(distance()?)),
        "rotateLeft" => of_int(int()?.rotate_left(distance()?)),
        "rotateRight" => of_int(int()?.rotate_right(distance()?)),
        "bitCount" if is_long => of_int(long()?.count_ones()),
        "bitCount" => of_int(int()?.count_ones()),
        "reverse" if is_long => of_long(long()?.reverse_bits()),
        "reverse" => of_int(int()?.reverse_bits()),
        "reverseBytes" if is_long => of_long(long()?.swap_bytes()),
        "reverseBytes" if element == Element::Int => of_int(int()?.swap_bytes()),
        "compare" => Value::int(call.long(0)?.cmp(&call.long(1)?) as i32),
        "signum" => Value::Number(call.long(0)?.signum()),
        "toUnsignedInt" if element == Element::Byte => Value::Number(call.long(0)? & 0xff),
        _ => return Err(Fault::Unmodelled),
    })
}

/// Methods of boxed numbers.
pub(super) fn call_boxed(heap: &mut Heap, call: &Call<'_>, element: Element, number: i64) -> Answer {
    let is_whole = !matches!(element, Element::Float | Element::Double);
    Ok(match call.name {
        "intValue" if is_whole => Value::Number(Element::Int.narrow(number)),
        "longValue" if is_whole => Value::Number(number),
        "byteValue" if is_whole => Value::Number(Element::Byte.narrow(number)),
        "shortValue" if is_whole => Value::Number(Element::Short.narrow(number)),
        "charValue" | "booleanValue" => Value::Number(number),
        "floatValue" if element == Element::Float => Value::Number(number),
        "doubleValue" if element == Element::Double => Value::Number(number),
        "toString" => {
            let units = display(element, number)?;
            heap.text(&units)?
        }
        "equals" => match call.value(0)? {
            Value::Unknown => return Err(Fault::Unknown),
            Value::Boxed(other_element, other) => Value::boolean(element == *other_element && number == *other),
            _ => Value::boolean(false),
        },
        "hashCode" if matches!(element, Element::Int | Element::Char | Element::Byte | Element::Short) => {
            Value::Number(number)
        }
        "compareTo" if is_whole => match call.value(0)? {
            Value::Boxed(_, other) if matches!(element, Element::Int | Element::Long) => {
                Value::int(number.cmp(other) as i32)
            }
            _ => return Err(Fault::Unknown),
        },
        _ => return Err(Fault::Unmodelled),
    })
}

/// Static methods of `Character`, for ASCII: beyond it, Unicode versions differ.
pub(super) fn character(heap: &mut Heap, call: &Call<'_>) -> Answer {
    if call.name == "valueOf" {
        return Ok(Value::Boxed(Element::Char, call.long(0)?));
    }
    if call.name == "toString" || call.name == "toChars" {
        let unit = u16::try_from(call.long(0)?).map_err(|_| Fault::Unknown)?;
        return Ok(if call.name == "toString" { heap.text(&[unit])? } else { heap.characters(&[unit])? });
    }
    if call.name == "forDigit" {
        let (digit, radix) = (call.int(0)?, radix(call, 1)?);
        let digit = u32::try_from(digit).ok().filter(|_| (2..=36).contains(&radix));
        return Ok(Value::Number(
            digit.and_then(|digit| char::from_digit(digit, radix)).map_or(0, |digit| digit as i64),
        ));
    }
    let Ok(byte) = u8::try_from(call.long(0)?) else { return Err(Fault::Unknown) };
    if !byte.is_ascii() {
        return Err(Fault::Unknown);
    }
    let digit = |radix: u32| char::from(byte).to_digit(radix).map_or(-1, i64::from);
    Ok(match call.name {
        "isDigit" => Value::boolean(byte.is_ascii_digit()),
        "isLetter" | "isAlphabetic" => Value::boolean(byte.is_ascii_alphabetic()),
        "isLetterOrDigit" => Value::boolean(byte.is_ascii_alphanumeric()),
        "isUpperCase" => Value::boolean(byte.is_ascii_uppercase()),
        "isLowerCase" => Value::boolean(byte.is_ascii_lowercase()),
        "isWhitespace" => Value::boolean(matches!(byte, 9..=13 | 28..=32)),
        "toUpperCase" => Value::Number(byte.to_ascii_uppercase().into()),
        "toLowerCase" => Value::Number(byte.to_ascii_lowercase().into()),
        "getNumericValue" => Value::Number(digit(36)),
        "digit" => match radix(call, 1)? {
            radix @ 2..=36 => Value::Number(digit(radix)),
            _ => Value::int(-1),
        },
        _ => return Err(Fault::Unmodelled),
    })
}

/// `java.lang.Math`, as far as results are exact.
pub(super) fn math(call: &Call<'_>) -> Answer {
    let doubles = |index| call.long(index).map(|bits| f64::from_bits(bits.cast_unsigned()));
    let of_double = |number: f64| Value::Number(number.to_bits().cast_signed());
    Ok(match (call.name, call.parameters) {
        ("abs", "I") => Value::int(call.int(0)?.wrapping_abs()),
        ("abs", "J") => Value::Number(call.long(0)?.wrapping_abs()),
        ("abs", "D") => of_double(doubles(0)?.abs()),
        ("min", "II" | "JJ") => Value::Number(call.long(0)?.min(call.long(1)?)),
        ("max", "II" | "JJ") => Value::Number(call.long(0)?.max(call.long(1)?)),
        ("floor", "D") => of_double(doubles(0)?.floor()),
        ("ceil", "D") => of_double(doubles(0)?.ceil()),
        ("sqrt", "D") => of_double(doubles(0)?.sqrt()),
        _ => return Err(Fault::Unmodelled),
    })
}
