//! `ByteArrayOutputStream` and `ByteArrayInputStream`.

use super::charset;
use super::{Answer, Call, Fault, bytes, string};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::Value;

/// Constructors.
pub(super) fn construct(heap: &mut Heap, call: &Call<'_>) -> Answer<Object> {
    Ok(match (call.class, call.parameters) {
        ("Ljava/io/ByteArrayOutputStream;", "" | "I") => Object::Output(Vec::new()),
        ("Ljava/io/ByteArrayInputStream;", "[B") => Object::Input { bytes: call.bytes(heap, 0)?, position: 0 },
        _ => return Err(Fault::Unmodelled),
    })
}

/// Methods.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match heap.object(receiver) {
        Some(Object::Output(_)) => output(heap, call, receiver),
        _ => input(heap, call, receiver),
    }
}

fn contents<'h>(heap: &'h mut Heap, receiver: &Value) -> Answer<&'h mut Vec<u8>> {
    match heap.object_mut(receiver) {
        Some(Object::Output(bytes)) => Ok(bytes),
        _ => Err(Fault::Unknown),
    }
}

fn output(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match (call.name, call.parameters) {
        ("write", "I") => {
            let byte = call.int(0)? as u8;
            heap.charge(1)?;
            contents(heap, receiver)?.push(byte);
        }
        ("write", "[B" | "[BII") => {
            let bytes = bytes(heap, call.value(0)?)?;
            let part = if call.arguments.len() == 3 { string::part(&bytes, call, 1)? } else { &bytes };
            heap.charge(part.len())?;
            contents(heap, receiver)?.extend_from_slice(part);
        }
        ("toByteArray", "") => {
            let bytes = contents(heap, receiver)?.clone();
            return Ok(heap.bytes(&bytes)?);
        }
        ("toString", "" | "Ljava/lang/String;") => {
            let charset = charset::argument(heap, call, 0)?;
            let units = charset.decode(contents(heap, receiver)?)?;
            return Ok(heap.text(&units)?);
        }
        ("size", "") => return Ok(Value::length(contents(heap, receiver)?.len())),
        ("reset", "") => contents(heap, receiver)?.clear(),
        ("flush" | "close", "") => {}
        _ => return Err(Fault::Unmodelled),
    }
    Ok(Value::NULL)
}

fn input(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let Some(Object::Input { bytes, position }) = heap.object_mut(receiver) else { return Err(Fault::Unknown) };
    match (call.name, call.parameters) {
        ("read", "") => {
            let byte = bytes.get(*position).copied();
            // One past the last byte at most.
            *position = position.saturating_add(usize::from(byte.is_some()));
            Ok(byte.map_or(Value::int(-1), |byte| Value::Number(byte.into())))
        }
        ("read", "[B") => {
            let rest = bytes.get(*position..).unwrap_or_default().to_vec();
            let Some(Object::Array(array)) = heap.object_mut(call.value(0)?) else { return Err(Fault::Unknown) };
            let count = rest.len().min(array.items.len());
            let is_at_end = rest.is_empty() && !array.items.is_empty();
            for (item, byte) in array.items.iter_mut().zip(&rest) {
                *item = Value::Number(byte.cast_signed().into());
            }
            heap.charge(rest.len())?;
            if let Some(Object::Input { position, .. }) = heap.object_mut(receiver) {
                *position = position.saturating_add(count);
            }
            Ok(if is_at_end { Value::int(-1) } else { Value::length(count) })
        }
        ("available", "") => Ok(Value::length(bytes.len().saturating_sub(*position))),
        ("close", "") => Ok(Value::NULL),
        _ => Err(Fault::Unmodelled),
    }
}
