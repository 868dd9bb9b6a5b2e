//! `java.lang.String` methods that search, compare, split and replace, and `android.text.TextUtils`.

use super::string::{change_case, range};
use super::{Answer, Call, Fault, units};
use crate::constants::heap::{Array, Heap, Object};
use crate::constants::value::{Element, Text, Value};

/// Methods of a string.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, text: &Text) -> Answer {
    let text: &[u16] = text;
    Ok(match call.name {
        "equals" => Value::boolean(match call.value(0)? {
            Value::Unknown => return Err(Fault::Unknown),
            Value::Text(other) => text == other.as_ref(),
            other => match heap.object(other) {
                Some(Object::Lost) => return Err(Fault::Unknown),
                _ => false,
            },
        }),
        "contentEquals" => Value::boolean(text == call.units(heap, 0)?),
        "equalsIgnoreCase" => {
            if call.value(0)?.is_null() {
                return Ok(Value::boolean(false));
            }
            let (left, right) = (folded(text)?, folded(call.units(heap, 0)?)?);
            Value::boolean(left == right)
        }
        "compareTo" => Value::int(compare(text, call.units(heap, 0)?)),
        "startsWith" if call.arguments.len() == 1 => Value::boolean(text.starts_with(call.units(heap, 0)?)),
        "startsWith" => {
            let start = usize::try_from(call.int(1)?).ok();
            let rest = start.and_then(|start| text.get(start..));
            let prefix = call.units(heap, 0)?;
            Value::boolean(rest.is_some_and(|rest| rest.starts_with(prefix)))
        }
        "endsWith" => Value::boolean(text.ends_with(call.units(heap, 0)?)),
        "contains" | "indexOf" | "lastIndexOf" => search(heap, call, text)?,
        "replace" => replace(heap, call, text)?,
        "replaceAll" | "replaceFirst" => replace_pattern(heap, call, text)?,
        "split" => split(heap, call, text)?,
        "matches" => {
            let literal = literal_pattern(call.units(heap, 0)?).ok_or(Fault::Unknown)?;
            Value::boolean(text == literal)
        }
        _ => return Err(Fault::Unmodelled),
    })
}

fn folded(text: &[u16]) -> Answer<Vec<u16>> {
    if text.iter().any(|&unit| unit >= 0x80) {
        return Err(Fault::Unknown);
    }
    Ok(text.iter().map(|&unit| change_case(unit, true)).collect())
}

fn compare(left: &[u16], right: &[u16]) -> i32 {
    let difference = left.iter().zip(right).map(|(&left, &right)| i32::from(left) - i32::from(right));
    // Both lengths are below the memory limit, far below `i32::MAX`.
    difference.into_iter().find(|&difference| difference != 0).unwrap_or(left.len() as i32 - right.len() as i32)
}

/// Position of `part` in `text` from `start` on.
pub(super) fn find(heap: &mut Heap, text: &[u16], part: &[u16], start: usize) -> Answer<Option<usize>> {
    heap.work(text.len().saturating_mul(part.len().clamp(1, 256)))?;
    let Some(rest) = text.get(start..) else { return Ok(None) };
    if part.is_empty() {
        return Ok(Some(start));
    }
    let position = rest.windows(part.len()).position(|window| window == part);
    Ok(position.map(|position| position.saturating_add(start)))
}

fn search(heap: &mut Heap, call: &Call<'_>, text: &[u16]) -> Answer {
    let part = match call.value(0)? {
        Value::Number(number) if call.parameters.starts_with('I') => match u16::try_from(*number) {
            Ok(unit) => vec![unit],
            Err(_) => return Err(Fault::Unknown),
        },
        value => units(heap, value)?.to_vec(),
    };
    let index = |found: Option<usize>| found.map_or(Value::int(-1), Value::length);
    Ok(match (call.name, call.arguments.len()) {
        ("contains", 1) => Value::boolean(find(heap, text, &part, 0)?.is_some()),
        ("indexOf", 1) => index(find(heap, text, &part, 0)?),
        ("indexOf", 2) => {
            let start = usize::try_from(call.int(1)?).unwrap_or(0).min(text.len());
            index(find(heap, text, &part, start)?)
        }
        ("lastIndexOf", 1) => {
            heap.work(text.len().saturating_mul(part.len().clamp(1, 256)))?;
            index(match part.len() {
                0 => Some(text.len()),
                length => text.windows(length).rposition(|window| window == part),
            })
        }
        _ => return Err(Fault::Unmodelled),
    })
}

/// Replaces every `from` by `to`. An empty `from` is between all units.
pub(super) fn replace_all(heap: &mut Heap, text: &[u16], from: &[u16], to: &[u16]) -> Answer<Vec<u16>> {
    if from.is_empty() {
        return Err(Fault::Unknown);
    }
    let mut result = Vec::new();
    let mut start = 0;
    while let Some(position) = find(heap, text, from, start)? {
        let before = text.get(start..position).unwrap_or_default();
        heap.charge(before.len().saturating_add(to.len()).saturating_mul(2))?;
        result.extend_from_slice(before);
        result.extend_from_slice(to);
        start = position.saturating_add(from.len());
    }
    result.extend_from_slice(text.get(start..).unwrap_or_default());
    Ok(result)
}

fn replace(heap: &mut Heap, call: &Call<'_>, text: &[u16]) -> Answer {
    let result = if call.parameters == "CC" {
        let (from, to) = (call.int(0)? as u16, call.int(1)? as u16);
        text.iter().map(|&unit| if unit == from { to } else { unit }).collect()
    } else {
        let (from, to) = (call.units(heap, 0)?.to_vec(), call.units(heap, 1)?.to_vec());
        replace_all(heap, text, &from, &to)?
    };
    Ok(heap.text(&result)?)
}

fn replace_pattern(heap: &mut Heap, call: &Call<'_>, text: &[u16]) -> Answer {
    let from = literal_pattern(call.units(heap, 0)?).ok_or(Fault::Unknown)?;
    let to = call.units(heap, 1)?.to_vec();
    if to.iter().any(|&unit| unit == u16::from(b'$') || unit == u16::from(b'\\')) {
        return Err(Fault::Unknown);
    }
    let result = if call.name == "replaceAll" {
        replace_all(heap, text, &from, &to)?
    } else {
        match find(heap, text, &from, 0)? {
            Some(position) => {
                let before = text.get(..position).unwrap_or_default();
                let after = text.get(position.saturating_add(from.len())..).unwrap_or_default();
                [before, &to, after].concat()
            }
            None => text.to_vec(),
        }
    };
    Ok(heap.text(&result)?)
}

/// The text a regular expression stands for, if it is one without operators: plain units, `\\.` and `[.]`.
fn literal_pattern(pattern: &[u16]) -> Option<Vec<u16>> {
    const OPERATORS: &str = "\\[](){}.*+?^$|";
    let is_operator = |unit: u16| u8::try_from(unit).is_ok_and(|byte| OPERATORS.contains(char::from(byte)));
    let is_word = |unit: u16| u8::try_from(unit).is_ok_and(|byte| byte.is_ascii_alphanumeric());
    if pattern.is_empty() {
        return None;
    }
    let mut result = Vec::with_capacity(pattern.len());
    let mut units = pattern.iter().copied().peekable();
    while let Some(unit) = units.next() {
        match u8::try_from(unit).unwrap_or(0) {
            b'\\' => {
                let escaped = units.next()?;
                if is_word(escaped) {
                    return None;
                }
                result.push(escaped);
            }
            b'[' => {
                let only = units.next()?;
                if matches!(u8::try_from(only), Ok(b'^' | b'[' | b']' | b'\\' | b'&'))
                    || units.next()? != u16::from(b']')
                {
                    return None;
                }
                result.push(only);
            }
            _ if is_operator(unit) => return None,
            _ => result.push(unit),
        }
    }
    Some(result)
}

fn split(heap: &mut Heap, call: &Call<'_>, text: &[u16]) -> Answer {
    let separator = literal_pattern(call.units(heap, 0)?).ok_or(Fault::Unknown)?;
    let limit = if call.arguments.len() == 2 { call.int(1)? } else { 0 };
    let mut parts = Vec::new();
    let mut start = 0;
    while usize::try_from(limit).is_err() || limit == 0 || parts.len().saturating_add(1) < limit as usize {
        let Some(position) = find(heap, text, &separator, start)? else { break };
        parts.push(heap.text(text.get(start..position).unwrap_or_default())?);
        start = position.saturating_add(separator.len());
    }
    parts.push(heap.text(text.get(start..).unwrap_or_default())?);
    if limit == 0 && parts.len() > 1 {
        // Trailing empty strings go; a text without separator stays, even if it is empty.
        while matches!(parts.last(), Some(Value::Text(last)) if last.is_empty()) {
            parts.pop();
        }
    }
    Ok(heap.allocate(Object::Array(Array { element: Element::Object, items: parts }))?)
}

/// `String.join` over an array.
pub(super) fn join(heap: &mut Heap, call: &Call<'_>) -> Answer {
    let separator = call.units(heap, 0)?.to_vec();
    let Some(Object::Array(array)) = heap.object(call.value(1)?) else { return Err(Fault::Unknown) };
    let items = array.items.clone();
    let mut result = Vec::new();
    for (index, item) in items.iter().enumerate() {
        heap.charge(separator.len().saturating_mul(2))?;
        if index > 0 {
            result.extend_from_slice(&separator);
        }
        let text = units(heap, item)?.to_vec();
        heap.charge(text.len().saturating_mul(2))?;
        result.extend(text);
    }
    Ok(heap.text(&result)?)
}

/// `android.text.TextUtils`.
pub(super) fn text_utils(heap: &mut Heap, call: &Call<'_>) -> Answer {
    match call.name {
        "isEmpty" if call.value(0)?.is_null() => Ok(Value::boolean(true)),
        "isEmpty" => Ok(Value::boolean(call.units(heap, 0)?.is_empty())),
        "equals" => match (call.value(0)?, call.value(1)?) {
            (Value::Number(0), Value::Number(0)) => Ok(Value::boolean(true)),
            (Value::Unknown, _) | (_, Value::Unknown) => Err(Fault::Unknown),
            (Value::Number(0), _) | (_, Value::Number(0)) => Ok(Value::boolean(false)),
            _ => Ok(Value::boolean(call.units(heap, 0)? == call.units(heap, 1)?)),
        },
        "isDigitsOnly" => {
            let text = call.units(heap, 0)?;
            if text.iter().any(|&unit| unit >= 0x80) {
                return Err(Fault::Unknown);
            }
            Ok(Value::boolean(text.iter().all(|unit| (0x30..=0x39).contains(unit))))
        }
        "substring" => {
            let part = range(call.units(heap, 0)?, call.int(1)?, Some(call.int(2)?))?.to_vec();
            Ok(heap.text(&part)?)
        }
        "join" if call.parameters.ends_with("[Ljava/lang/Object;") => join(heap, call),
        _ => Err(Fault::Unmodelled),
    }
}
