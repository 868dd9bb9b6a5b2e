//! Lists and maps, as far as tables of strings need them. The order of a `HashMap` is never looked at.

use std::collections::BTreeMap;

use super::{Answer, BOUNDS, Call, Fault};
use crate::constants::heap::{Array, Heap, MapKey, Object};
use crate::constants::value::{Element, Value};

/// Memory charged per entry.
const ENTRY_BYTES: usize = 64;

/// Constructors of collections, and of exceptions, whose contents do not matter.
pub(super) fn construct(_heap: &mut Heap, call: &Call<'_>) -> Answer<Object> {
    match (call.class, call.parameters) {
        ("Ljava/util/ArrayList;" | "Ljava/util/LinkedList;" | "Ljava/util/Vector;", "" | "I") => {
            Ok(Object::List(Vec::new()))
        }
        (
            "Ljava/util/HashMap;" | "Ljava/util/LinkedHashMap;" | "Ljava/util/Hashtable;" | "Ljava/util/TreeMap;",
            "" | "I",
        ) => Ok(Object::Map(BTreeMap::new())),
        _ => Err(Fault::Unmodelled),
    }
}

/// Methods.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match heap.object(receiver) {
        Some(Object::Map(_)) => map(heap, call, receiver),
        Some(Object::Iterator { .. }) => iterator(heap, call, receiver),
        _ => list(heap, call, receiver),
    }
}

fn items<'h>(heap: &'h mut Heap, receiver: &Value) -> Answer<&'h mut Vec<Value>> {
    match heap.object_mut(receiver) {
        Some(Object::List(items)) => Ok(items),
        _ => Err(Fault::Unknown),
    }
}

fn list(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match (call.name, call.parameters) {
        ("add" | "addElement" | "addLast", "Ljava/lang/Object;") => {
            heap.charge(ENTRY_BYTES)?;
            let value = call.value(0)?.clone();
            items(heap, receiver)?.push(value);
            Ok(Value::boolean(true))
        }
        ("add", "ILjava/lang/Object;") => {
            heap.charge(ENTRY_BYTES)?;
            let (index, value) = (call.position(0)?, call.value(1)?.clone());
            let items = items(heap, receiver)?;
            if index > items.len() {
                return Err(BOUNDS);
            }
            items.insert(index, value);
            Ok(Value::NULL)
        }
        ("get" | "elementAt", "I") => {
            let index = call.position(0)?;
            items(heap, receiver)?.get(index).cloned().ok_or(BOUNDS)
        }
        ("set", "ILjava/lang/Object;") => {
            let (index, value) = (call.position(0)?, call.value(1)?.clone());
            let place = items(heap, receiver)?.get_mut(index).ok_or(BOUNDS)?;
            Ok(std::mem::replace(place, value))
        }
        ("remove", "I") => {
            let index = call.position(0)?;
            let items = items(heap, receiver)?;
            if index >= items.len() {
                return Err(BOUNDS);
            }
            Ok(items.remove(index))
        }
        ("size", "") => Ok(Value::length(items(heap, receiver)?.len())),
        ("isEmpty", "") => Ok(Value::boolean(items(heap, receiver)?.is_empty())),
        ("clear", "") => {
            items(heap, receiver)?.clear();
            Ok(Value::NULL)
        }
        ("toArray", _) => {
            let items = items(heap, receiver)?.clone();
            Ok(heap.allocate(Object::Array(Array { element: Element::Object, items }))?)
        }
        ("iterator", "") => {
            let items = items(heap, receiver)?.clone();
            Ok(heap.allocate(Object::Iterator { items, position: 0 })?)
        }
        _ => Err(Fault::Unmodelled),
    }
}

fn iterator(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let Some(Object::Iterator { items, position }) = heap.object_mut(receiver) else { return Err(Fault::Unknown) };
    match call.name {
        "hasNext" => Ok(Value::boolean(*position < items.len())),
        "next" => {
            let item = items.get(*position).cloned().ok_or(Fault::Throw("Ljava/util/NoSuchElementException;"))?;
            *position = position.saturating_add(1);
            Ok(item)
        }
        _ => Err(Fault::Unmodelled),
    }
}

fn key(call: &Call<'_>) -> Answer<MapKey> {
    match call.value(0)? {
        Value::Text(text) => Ok(MapKey::Text(text.clone())),
        Value::Boxed(element, number) => Ok(MapKey::Boxed(*element, *number)),
        _ => Err(Fault::Unknown),
    }
}

fn map(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let key = if matches!(call.name, "put" | "get" | "containsKey" | "remove") { Some(key(call)?) } else { None };
    heap.charge(if call.name == "put" { ENTRY_BYTES } else { 0 })?;
    let Some(Object::Map(entries)) = heap.object_mut(receiver) else { return Err(Fault::Unknown) };
    match (call.name, key, call.arguments.len()) {
        ("put", Some(key), 2) => Ok(entries.insert(key, call.value(1)?.clone()).unwrap_or(Value::NULL)),
        ("get", Some(key), 1) => Ok(entries.get(&key).cloned().unwrap_or(Value::NULL)),
        ("containsKey", Some(key), 1) => Ok(Value::boolean(entries.contains_key(&key))),
        ("remove", Some(key), 1) => Ok(entries.remove(&key).unwrap_or(Value::NULL)),
        ("size", None, 0) => Ok(Value::length(entries.len())),
        ("isEmpty", None, 0) => Ok(Value::boolean(entries.is_empty())),
        ("clear", None, 0) => {
            entries.clear();
            Ok(Value::NULL)
        }
        _ => Err(Fault::Unmodelled),
    }
}
