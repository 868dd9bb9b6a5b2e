//! `java.util.Arrays`, `System.arraycopy`, and methods of arrays.

use super::{Answer, Call, Fault, ILLEGAL_ARGUMENT, NULL_POINTER};
use crate::constants::heap::{Array, Heap, Object};
use crate::constants::value::{Element, Value};

const ARRAY_BOUNDS: Fault = Fault::Throw("Ljava/lang/ArrayIndexOutOfBoundsException;");

fn array<'h>(heap: &'h Heap, value: &Value) -> Answer<&'h Array> {
    if value.is_null() {
        return Err(NULL_POINTER);
    }
    match heap.object(value) {
        Some(Object::Array(array)) => Ok(array),
        _ => Err(Fault::Unknown),
    }
}

/// Methods of an array.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    if call.name != "clone" {
        return Err(Fault::Unmodelled);
    }
    let source = array(heap, receiver)?;
    let (element, length) = (source.element, source.items.len());
    copy(heap, receiver, element, 0, length)
}

/// A new array from `start` on, padded with zeros.
fn copy(heap: &mut Heap, source: &Value, element: Element, start: usize, length: usize) -> Answer {
    let target = heap.zeros(element, length)?;
    let source = array(heap, source)?;
    let end = start.saturating_add(length).min(source.items.len());
    let part = source.items.get(start..end).ok_or(ARRAY_BOUNDS)?.to_vec();
    if let Some(Object::Array(array)) = heap.object_mut(&target) {
        for (item, value) in array.items.iter_mut().zip(part) {
            *item = value;
        }
    }
    Ok(target)
}

/// Static methods of `System` and `Arrays`.
pub(super) fn call_static(heap: &mut Heap, call: &Call<'_>) -> Answer {
    match call.name {
        "arraycopy" => array_copy(heap, call),
        "copyOf" => {
            let element = array(heap, call.value(0)?)?.element;
            let length =
                usize::try_from(call.int(1)?).map_err(|_| Fault::Throw("Ljava/lang/NegativeArraySizeException;"))?;
            copy(heap, call.value(0)?, element, 0, length)
        }
        "copyOfRange" => {
            let element = array(heap, call.value(0)?)?.element;
            let (start, end) = (call.position(1)?, call.position(2)?);
            copy(heap, call.value(0)?, element, start, end.checked_sub(start).ok_or(ILLEGAL_ARGUMENT)?)
        }
        "fill" => fill(heap, call),
        "equals" => {
            let (left, right) = (array(heap, call.value(0)?)?, array(heap, call.value(1)?)?);
            if left.items.len() != right.items.len() {
                return Ok(Value::boolean(false));
            }
            if left.element == Element::Object {
                return Err(Fault::Unknown);
            }
            let pairs = left.items.iter().zip(&right.items);
            let same =
                pairs.map(|(left, right)| left.same(right)).collect::<Option<Vec<bool>>>().ok_or(Fault::Unknown)?;
            heap.work(same.len())?;
            Ok(Value::boolean(same.into_iter().all(|same| same)))
        }
        "asList" => {
            let items = array(heap, call.value(0)?)?.items.clone();
            Ok(heap.allocate(Object::List(items))?)
        }
        "lineSeparator" => Ok(heap.text(&[10])?),
        "identityHashCode" => Err(Fault::Unknown),
        _ => Err(Fault::Unmodelled),
    }
}

fn array_copy(heap: &mut Heap, call: &Call<'_>) -> Answer {
    let (from, to) = (call.value(0)?, call.value(2)?);
    let start = |index| usize::try_from(call.int(index)?).map_err(|_| ARRAY_BOUNDS);
    let (from_start, to_start, length) = (start(1)?, start(3)?, start(4)?);
    heap.work(length.saturating_mul(4))?;
    let source = array(heap, from)?;
    let element = source.element;
    let part = source.items.get(from_start..from_start.saturating_add(length)).ok_or(ARRAY_BOUNDS)?.to_vec();
    array(heap, to)?;
    let Some(Object::Array(target)) = heap.object_mut(to) else { return Err(Fault::Unknown) };
    if target.element != element {
        return Err(Fault::Throw("Ljava/lang/ArrayStoreException;"));
    }
    let place = target.items.get_mut(to_start..to_start.saturating_add(length)).ok_or(ARRAY_BOUNDS)?;
    for (item, value) in place.iter_mut().zip(part) {
        *item = value;
    }
    Ok(Value::NULL)
}

fn fill(heap: &mut Heap, call: &Call<'_>) -> Answer {
    let has_range = call.arguments.len() == 4;
    let value = call.value(if has_range { 3 } else { 1 })?.clone();
    let length = array(heap, call.value(0)?)?.items.len();
    heap.work(length)?;
    let (start, end) = if has_range { (call.position(1)?, call.position(2)?) } else { (0, length) };
    let Some(Object::Array(array)) = heap.object_mut(call.value(0)?) else { return Err(Fault::Unknown) };
    array.items.get_mut(start..end).ok_or(ARRAY_BOUNDS)?.fill(value);
    Ok(Value::NULL)
}
