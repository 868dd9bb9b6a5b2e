//! `StringBuilder` and `StringBuffer`.

use super::string::{display, part, range};
use super::string_parts::find;
use super::{Answer, Call, Fault, STRING_BOUNDS, characters};
use crate::constants::heap::{Builder, Heap, Object};
use crate::constants::value::Value;

/// Constructors.
pub(super) fn construct(heap: &mut Heap, call: &Call<'_>) -> Answer<Object> {
    let units = match call.parameters {
        "" | "I" => Vec::new(),
        "Ljava/lang/String;" | "Ljava/lang/CharSequence;" => call.units(heap, 0)?.to_vec(),
        _ => return Err(Fault::Unmodelled),
    };
    heap.charge(units.len().saturating_mul(2))?;
    Ok(Object::Builder(Builder { units, single_units: 0 }))
}

fn builder<'h>(heap: &'h mut Heap, receiver: &Value) -> Answer<&'h mut Builder> {
    match heap.object_mut(receiver) {
        Some(Object::Builder(builder)) => Ok(builder),
        _ => Err(Fault::Unknown),
    }
}

/// Methods.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match call.name {
        "append" => {
            let units = appended(heap, call)?;
            heap.charge(units.len().saturating_mul(2))?;
            let builder = builder(heap, receiver)?;
            if call.parameters == "C" {
                builder.single_units = builder.single_units.saturating_add(1);
            }
            builder.units.extend(units);
            Ok(receiver.clone())
        }
        "insert" => {
            let (position, parameter) = (call.position(0)?, call.parameters.get(1..).unwrap_or_default());
            let units = if parameter == "[C" {
                characters(heap, call.value(1)?)?
            } else {
                display(heap, call.value(1)?, parameter)?
            };
            heap.charge(units.len().saturating_mul(2))?;
            heap.work(super::units(heap, receiver)?.len())?;
            let builder = builder(heap, receiver)?;
            if position > builder.units.len() {
                return Err(STRING_BOUNDS);
            }
            if parameter == "C" {
                builder.single_units = builder.single_units.saturating_add(1);
            }
            builder.units.splice(position..position, units);
            Ok(receiver.clone())
        }
        "toString" => {
            let units = builder(heap, receiver)?.units.clone();
            Ok(heap.text(&units)?)
        }
        "reverse" | "setLength" | "setCharAt" | "deleteCharAt" | "delete" | "replace" => {
            heap.work(super::units(heap, receiver)?.len())?;
            change(heap, call, receiver)
        }
        _ => look(heap, call, receiver),
    }
}

fn appended(heap: &mut Heap, call: &Call<'_>) -> Answer<Vec<u16>> {
    match call.parameters {
        "[C" => characters(heap, call.value(0)?),
        "[CII" => Ok(part(&characters(heap, call.value(0)?)?, call, 1)?.to_vec()),
        "Ljava/lang/CharSequence;II" => Ok(range(call.units(heap, 0)?, call.int(1)?, Some(call.int(2)?))?.to_vec()),
        parameter if call.arguments.len() == 1 => {
            if matches!(call.value(0)?, value if !value.is_unknown()) {
                heap.work(super::units(heap, call.value(0)?).map_or(0, <[u16]>::len))?;
            }
            display(heap, call.value(0)?, parameter)
        }
        _ => Err(Fault::Unmodelled),
    }
}

fn change(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match call.name {
        "reverse" => {
            let builder = builder(heap, receiver)?;
            // Pairs of surrogates keep their order in Java.
            if builder.units.iter().any(|unit| (0xd800..0xe000).contains(unit)) {
                return Err(Fault::Unknown);
            }
            builder.units.reverse();
            builder.single_units = builder.units.len();
            Ok(receiver.clone())
        }
        "setLength" => {
            let length = call.position(0)?;
            heap.charge(length.saturating_mul(2))?;
            builder(heap, receiver)?.units.resize(length, 0);
            Ok(Value::NULL)
        }
        "setCharAt" => {
            let (position, unit) = (call.position(0)?, call.int(1)? as u16);
            let builder = builder(heap, receiver)?;
            *builder.units.get_mut(position).ok_or(STRING_BOUNDS)? = unit;
            builder.single_units = builder.single_units.saturating_add(1);
            Ok(Value::NULL)
        }
        "deleteCharAt" => {
            let position = call.position(0)?;
            let builder = builder(heap, receiver)?;
            if position >= builder.units.len() {
                return Err(STRING_BOUNDS);
            }
            builder.units.remove(position);
            Ok(receiver.clone())
        }
        name => {
            let (start, end) = (call.position(0)?, call.position(1)?);
            let replacement = if name == "replace" { call.units(heap, 2)?.to_vec() } else { Vec::new() };
            heap.charge(replacement.len().saturating_mul(2))?;
            let builder = builder(heap, receiver)?;
            let end = end.min(builder.units.len());
            if start > end {
                return Err(STRING_BOUNDS);
            }
            builder.units.splice(start..end, replacement);
            Ok(receiver.clone())
        }
    }
}

fn look(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let units = super::units(heap, receiver)?;
    Ok(match call.name {
        "length" => Value::length(units.len()),
        "charAt" => {
            let unit = usize::try_from(call.int(0)?).ok().and_then(|index| units.get(index)).ok_or(STRING_BOUNDS)?;
            Value::Number(i64::from(*unit))
        }
        "substring" | "subSequence" => {
            let end = if call.arguments.len() == 2 { Some(call.int(1)?) } else { None };
            let part = range(units, call.int(0)?, end)?.to_vec();
            heap.text(&part)?
        }
        "indexOf" if call.arguments.len() == 1 => {
            let (text, part) = (units.to_vec(), call.units(heap, 0)?.to_vec());
            find(heap, &text, &part, 0)?.map_or(Value::int(-1), Value::length)
        }
        "ensureCapacity" | "trimToSize" => Value::NULL,
        _ => return Err(Fault::Unmodelled),
    })
}
