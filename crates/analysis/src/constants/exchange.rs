//! What goes in and out of a heap: constants, and objects of other heaps.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Stop;
use super::constant::{ARRAY_DEPTH_MAX, ArrayConstant, Constant};
use super::heap::{Array, Heap, Object, object_id, visit, visit_mut};
use super::value::{Element, ObjectId, Value};

impl Heap {
    /// Copies the objects reachable from a value of another heap. `moved` keeps who became whom over several calls.
    pub(super) fn copy_from(
        &mut self,
        source: &Self,
        value: &Value,
        moved: &mut FxHashMap<ObjectId, ObjectId>,
    ) -> Result<Value, Stop> {
        let Some(root) = object_id(value) else { return Ok(value.clone()) };
        let mut work = vec![root];
        let mut copies = Vec::new();
        while let Some(id) = work.pop() {
            if moved.contains_key(&id) {
                continue;
            }
            let Some(object) = source.get(id) else { return Ok(Value::Unknown) };
            let copy = self.allocate(object.clone())?;
            let Some(copy_id) = object_id(&copy) else { return Ok(Value::Unknown) };
            moved.insert(id, copy_id);
            copies.push(copy_id);
            visit(object, |child| work.extend(object_id(child)));
        }
        for copy in copies {
            if let Some(object) = self.get_mut(copy) {
                visit_mut(object, |child| {
                    if let Value::Object(id) = child {
                        *child = moved.get(id).map_or(Value::Unknown, |&id| Value::Object(id));
                    }
                });
            }
        }
        Ok(moved.get(&root).map_or(Value::Unknown, |&id| Value::Object(id)))
    }

    /// A constant as a value of this heap.
    pub(super) fn import(&mut self, constant: &Constant) -> Result<Value, Stop> {
        Ok(match constant {
            Constant::Null => Value::NULL,
            Constant::Number(value) => Value::Number(*value),
            Constant::Text(text) => Value::Text(Arc::clone(text)),
            Constant::Class(ty) => Value::Class(*ty),
            Constant::Array(array) => match array.as_ref() {
                ArrayConstant::Numbers { kind, values } => {
                    self.numbers(Element::of_kind(*kind), values.iter().copied())?
                }
                ArrayConstant::Objects(constants) => {
                    // Constants nest at most `ARRAY_DEPTH_MAX` deep, so this recursion is bounded.
                    let mut items = Vec::with_capacity(constants.len());
                    for constant in constants {
                        items.push(self.import(constant)?);
                    }
                    self.allocate(Object::Array(Array { element: Element::Object, items }))?
                }
            },
        })
    }

    /// A value as a constant; `is_reference` tells null from the number zero.
    pub(super) fn export(&self, value: &Value, is_reference: bool) -> Option<Constant> {
        self.export_nested(value, is_reference, ARRAY_DEPTH_MAX)
    }

    fn export_nested(&self, value: &Value, is_reference: bool, depth_left: usize) -> Option<Constant> {
        Some(match self.resolve(value) {
            Value::Unknown => return None,
            Value::Number(0) if is_reference => Constant::Null,
            Value::Number(number) | Value::Boxed(_, number) => Constant::Number(number),
            Value::Text(text) => Constant::Text(text),
            Value::Class(ty) => Constant::Class(ty),
            Value::Object(id) => {
                let Some(Object::Array(array)) = self.get(id) else { return None };
                let depth_left = depth_left.checked_sub(1)?;
                let nested = |item| self.export_nested(item, true, depth_left);
                Constant::Array(Arc::new(if array.element == Element::Object {
                    ArrayConstant::Objects(array.items.iter().map(nested).collect::<Option<_>>()?)
                } else {
                    let values = array.items.iter().map(number).collect::<Option<_>>()?;
                    ArrayConstant::Numbers { kind: array.element.kind(), values }
                }))
            }
        })
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => Some(*number),
        _ => None,
    }
}
