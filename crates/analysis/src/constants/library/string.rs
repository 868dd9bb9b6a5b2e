//! `java.lang.String`: constructors, static methods, and methods that take no other string apart.

use super::charset;
use super::{Answer, BOUNDS, Call, Fault, STRING_BOUNDS, characters, format, numbers, string_parts};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::{Text, Value};

/// The string that a constructor makes.
pub(super) fn construct(heap: &mut Heap, call: &Call<'_>) -> Answer {
    let units = match call.parameters {
        "" => Vec::new(),
        "Ljava/lang/String;" | "Ljava/lang/StringBuilder;" | "Ljava/lang/StringBuffer;" => {
            call.units(heap, 0)?.to_vec()
        }
        "[C" => characters(heap, call.value(0)?)?,
        "[CII" => part(&characters(heap, call.value(0)?)?, call, 1)?.to_vec(),
        "[B" | "[BLjava/lang/String;" | "[BLjava/nio/charset/Charset;" => {
            let bytes = call.bytes(heap, 0)?;
            charset::argument(heap, call, 1)?.decode(&bytes)?
        }
        "[BII" | "[BIILjava/lang/String;" | "[BIILjava/nio/charset/Charset;" => {
            let bytes = call.bytes(heap, 0)?;
            charset::argument(heap, call, 3)?.decode(part(&bytes, call, 1)?)?
        }
        _ => return Err(Fault::Unmodelled),
    };
    Ok(heap.text(&units)?)
}

/// The part of a slice from the offset in argument `index`, with the count in the one after.
pub(super) fn part<'a, T>(all: &'a [T], call: &Call<'_>, index: usize) -> Answer<&'a [T]> {
    let (offset, count) = (call.position(index)?, call.position(index.saturating_add(1))?);
    all.get(offset..offset.saturating_add(count)).ok_or(BOUNDS)
}

/// Static methods.
pub(super) fn call_static(heap: &mut Heap, call: &Call<'_>) -> Answer {
    match (call.name, call.parameters) {
        ("valueOf" | "copyValueOf", "[C") => {
            let units = characters(heap, call.value(0)?)?;
            Ok(heap.text(&units)?)
        }
        ("valueOf" | "copyValueOf", "[CII") => {
            let units = characters(heap, call.value(0)?)?;
            Ok(heap.text(part(&units, call, 1)?)?)
        }
        ("valueOf", parameter) => {
            let units = display(heap, call.value(0)?, parameter)?;
            Ok(heap.text(&units)?)
        }
        ("format", "Ljava/lang/String;[Ljava/lang/Object;") => format::format(heap, call.value(0)?, call.value(1)?),
        ("format", "Ljava/util/Locale;Ljava/lang/String;[Ljava/lang/Object;") => {
            format::format(heap, call.value(1)?, call.value(2)?)
        }
        ("join", "Ljava/lang/CharSequence;[Ljava/lang/CharSequence;") => string_parts::join(heap, call),
        _ => Err(Fault::Unmodelled),
    }
}

/// What `String.valueOf` and `StringBuilder.append` make of a value of this declared type.
pub(super) fn display(heap: &Heap, value: &Value, parameter: &str) -> Answer<Vec<u16>> {
    let ascii = |text: String| text.encode_utf16().collect();
    match (parameter, value) {
        (_, Value::Unknown) => Err(Fault::Unknown),
        ("C", Value::Number(number)) => Ok(vec![*number as u16]),
        ("Z", Value::Number(number)) => Ok(ascii((*number != 0).to_string())),
        ("I" | "J" | "S" | "B", Value::Number(number)) => Ok(ascii(number.to_string())),
        // Shortest decimal forms of floats differ between platform versions.
        ("F" | "D", _) => Err(Fault::Unknown),
        (_, Value::Number(0)) => Ok(ascii("null".to_owned())),
        (_, Value::Text(text)) => Ok(text.to_vec()),
        (_, Value::Boxed(element, number)) => numbers::display(*element, *number),
        (_, Value::Object(_)) => match heap.object(value) {
            Some(Object::Builder(builder)) => Ok(builder.units.clone()),
            Some(_) | None => Err(Fault::Unknown),
        },
        _ => Err(Fault::Unknown),
    }
}

/// Methods of a string.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, text: &Text) -> Answer {
    heap.work(text.len())?;
    Ok(match (call.name, call.parameters) {
        ("length", "") => Value::length(text.len()),
        ("isEmpty", "") => Value::boolean(text.is_empty()),
        ("charAt", "I") => Value::Number(i64::from(unit_at(text, call)?)),
        ("codePointAt", "I") => {
            let unit = unit_at(text, call)?;
            if (0xd800..0xe000).contains(&unit) {
                return Err(Fault::Unknown);
            }
            Value::Number(i64::from(unit))
        }
        ("toString" | "intern", "") => Value::Text(Text::clone(text)),
        ("toCharArray", "") => heap.characters(text)?,
        ("getBytes", "" | "Ljava/lang/String;" | "Ljava/nio/charset/Charset;") => {
            let bytes = charset::argument(heap, call, 0)?.encode(text);
            heap.bytes(&bytes)?
        }
        ("getChars", "II[CI") => get_characters(heap, call, text)?,
        ("hashCode", "") => Value::int(hash_code(text)),
        ("concat", _) => {
            let joined = [text, call.units(heap, 0)?].concat();
            heap.text(&joined)?
        }
        ("substring", "I") => heap.text(range(text, call.int(0)?, None)?)?,
        ("substring" | "subSequence", "II") => heap.text(range(text, call.int(0)?, Some(call.int(1)?))?)?,
        ("trim", "") => heap.text(trim(text))?,
        ("toLowerCase" | "toUpperCase", _) => {
            // Beyond ASCII the result depends on the locale.
            if text.iter().any(|&unit| unit >= 0x80) {
                return Err(Fault::Unknown);
            }
            let lower = call.name == "toLowerCase";
            let units: Vec<u16> = text.iter().map(|&unit| change_case(unit, lower)).collect();
            heap.text(&units)?
        }
        _ => return string_parts::call(heap, call, text),
    })
}

/// One ASCII unit in lower or upper case.
pub(super) fn change_case(unit: u16, lower: bool) -> u16 {
    let Ok(byte) = u8::try_from(unit) else { return unit };
    u16::from(if lower { byte.to_ascii_lowercase() } else { byte.to_ascii_uppercase() })
}

fn unit_at(text: &[u16], call: &Call<'_>) -> Answer<u16> {
    usize::try_from(call.int(0)?).ok().and_then(|index| text.get(index)).copied().ok_or(STRING_BOUNDS)
}

/// From `start` to `end` or to the end.
pub(super) fn range(text: &[u16], start: i32, end: Option<i32>) -> Answer<&[u16]> {
    let start = usize::try_from(start).map_err(|_| STRING_BOUNDS)?;
    let end = end.map_or(Ok(text.len()), usize::try_from).map_err(|_| STRING_BOUNDS)?;
    text.get(start..end).ok_or(STRING_BOUNDS)
}

/// Without units up to U+0020 at both ends.
pub(super) fn trim(text: &[u16]) -> &[u16] {
    let start = text.iter().position(|&unit| unit > 0x20).unwrap_or(text.len());
    let end = text.iter().rposition(|&unit| unit > 0x20).map_or(start, |last| last.saturating_add(1));
    text.get(start..end).unwrap_or_default()
}

pub(super) fn hash_code(text: &[u16]) -> i32 {
    text.iter().fold(0, |hash: i32, &unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

fn get_characters(heap: &mut Heap, call: &Call<'_>, text: &[u16]) -> Answer {
    let source = range(text, call.int(0)?, Some(call.int(1)?))?;
    let start = call.position(3)?;
    let Some(Object::Array(array)) = heap.object_mut(call.value(2)?) else { return Err(Fault::Unknown) };
    let target = array.items.get_mut(start..start.saturating_add(source.len())).ok_or(BOUNDS)?;
    for (item, &unit) in target.iter_mut().zip(source) {
        *item = Value::Number(unit.into());
    }
    Ok(Value::NULL)
}
