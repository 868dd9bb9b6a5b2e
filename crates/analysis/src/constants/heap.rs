//! The interpreter's own heap: mutable objects, bounded in bytes and in steps of work.
//!
//! Memory is charged when it is allocated and never given back, so that a run that makes garbage ends too.

use std::collections::BTreeMap;
use std::sync::Arc;

use code::{FieldId, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::library::{CipherState, DigestState, RandomState};
use super::value::{Element, ObjectId, Text, Value};
use super::{Limits, Stop};

/// An object.
#[derive(Debug, Clone)]
pub(super) enum Object {
    /// Allocated, its constructor not yet called.
    Fresh(TypeId),
    /// Of a library class whose state is not modelled: exceptions, encoders.
    Foreign(&'static str),
    /// A library object that is only known by its class.
    Opaque(TypeId),
    /// Something immutable that was made by a constructor.
    Alias(Value),
    Array(Array),
    Builder(Builder),
    Output(Vec<u8>),
    Input {
        bytes: Vec<u8>,
        position: usize,
    },
    Instance(Instance),
    List(Vec<Value>),
    Map(BTreeMap<MapKey, Value>),
    Iterator {
        items: Vec<Value>,
        position: usize,
    },
    /// A key or key specification.
    Key(Vec<u8>),
    /// An initialisation vector.
    Vector(Vec<u8>),
    KeyFactory,
    Cipher(CipherState),
    Digest(DigestState),
    Random(RandomState),
    /// Changed by something that was not followed.
    Lost,
}

/// An array.
#[derive(Debug, Clone)]
pub(super) struct Array {
    pub(super) element: Element,
    pub(super) items: Vec<Value>,
}

/// A `StringBuilder` or `StringBuffer`.
#[derive(Debug, Clone, Default)]
pub(super) struct Builder {
    pub(super) units: Vec<u16>,
    /// How many units came one by one, as characters: text that no literal shows.
    pub(super) single_units: usize,
}

/// An object of a class of the program.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) class: TypeId,
    pub(super) fields: FxHashMap<FieldId, Value>,
    /// Whether fields not in the table may be anything, instead of zero.
    pub(super) is_lost: bool,
}

/// What a map can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MapKey {
    Text(Text),
    Boxed(Element, i64),
}

/// All objects of one run, and what the run may still spend.
#[derive(Debug)]
pub(super) struct Heap {
    objects: Vec<Object>,
    /// Identity of the first object; everything below is gone.
    base: u32,
    bytes_left: u64,
    pub(super) steps_left: u64,
}

impl Heap {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { objects: Vec::new(), base: 0, bytes_left: limits.bytes, steps_left: limits.fuel_steps }
    }

    /// Spends steps.
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), Stop> {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Stop::Fuel)
    }

    /// Spends the steps of handling `units` units of data: sixteen of them cost as much as one instruction.
    pub(super) fn work(&mut self, units: usize) -> Result<(), Stop> {
        self.spend(units as u64 / 16)
    }

    /// Charges memory.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Stop> {
        self.bytes_left = self.bytes_left.checked_sub(bytes as u64).ok_or(Stop::Memory)?;
        self.work(bytes)
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(id.0.checked_sub(self.base)? as usize)
    }

    pub(super) fn get_mut(&mut self, id: ObjectId) -> Option<&mut Object> {
        self.objects.get_mut(id.0.checked_sub(self.base)? as usize)
    }

    pub(super) fn object(&self, value: &Value) -> Option<&Object> {
        match value {
            Value::Object(id) => self.get(*id),
            _ => None,
        }
    }

    pub(super) fn object_mut(&mut self, value: &Value) -> Option<&mut Object> {
        match value {
            Value::Object(id) => self.get_mut(*id),
            _ => None,
        }
    }

    /// A new object.
    pub(super) fn allocate(&mut self, object: Object) -> Result<Value, Stop> {
        self.charge(size_of::<Object>().saturating_add(size_bytes(&object)))?;
        // The memory limit keeps the number of objects far below `u32::MAX`; `reset` moves the base by that number.
        let id = u32::try_from(self.objects.len())
            .ok()
            .and_then(|count| self.base.checked_add(count))
            .ok_or(Stop::Memory)?;
        self.objects.push(object);
        Ok(Value::Object(ObjectId(id)))
    }

    /// A new string.
    pub(super) fn text(&mut self, units: &[u16]) -> Result<Value, Stop> {
        self.charge(units.len().saturating_mul(2).saturating_add(16))?;
        Ok(Value::Text(Arc::from(units)))
    }

    /// A new array of `length` zeros.
    pub(super) fn zeros(&mut self, element: Element, length: usize) -> Result<Value, Stop> {
        // Charged before it is made: the length is the input's word.
        self.charge(length.saturating_mul(size_of::<Value>()))?;
        let items = vec![Value::NULL; length];
        self.adopt(Object::Array(Array { element, items }))
    }

    /// A new array of these numbers.
    pub(super) fn numbers(
        &mut self,
        element: Element,
        values: impl ExactSizeIterator<Item = i64>,
    ) -> Result<Value, Stop> {
        self.charge(values.len().saturating_mul(size_of::<Value>()))?;
        self.adopt(Object::Array(Array { element, items: values.map(Value::Number).collect() }))
    }

    /// A new `byte[]`.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<Value, Stop> {
        self.numbers(Element::Byte, bytes.iter().map(|&byte| i64::from(byte.cast_signed())))
    }

    /// A new `char[]`.
    pub(super) fn characters(&mut self, units: &[u16]) -> Result<Value, Stop> {
        self.numbers(Element::Char, units.iter().map(|&unit| i64::from(unit)))
    }

    /// Allocates an object whose contents are charged already.
    fn adopt(&mut self, object: Object) -> Result<Value, Stop> {
        let value = self.allocate(Object::Lost)?;
        if let Some(place) = self.object_mut(&value) {
            *place = object;
        }
        Ok(value)
    }

    /// What a value stands for: objects that turned out immutable become plain values, vanished ones unknown.
    pub(super) fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Object(id) => match self.get(*id) {
                Some(Object::Alias(inner)) => inner.clone(),
                Some(_) => value.clone(),
                None => Value::Unknown,
            },
            _ => value.clone(),
        }
    }

    /// Forgets every object; references to them become unknown.
    pub(super) fn reset(&mut self) {
        let count = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        self.base = self.base.saturating_add(count);
        self.objects.clear();
    }

    /// Forgets the state of everything that can be reached from `roots`: code that was not followed had hold of it.
    pub(super) fn lose(&mut self, roots: impl IntoIterator<Item = Value>) -> Result<(), Stop> {
        let mut work: Vec<ObjectId> = roots.into_iter().filter_map(|root| object_id(&root)).collect();
        while let Some(id) = work.pop() {
            self.spend(1)?;
            let mut reached = Vec::new();
            if let Some(object) = self.get_mut(id) {
                lose_state(object, &mut reached);
            }
            self.work(reached.len())?;
            work.extend(reached);
        }
        Ok(())
    }

    /// Keeps of the objects what cannot change unseen: everything in `roots` (a change next to the read would be seen),
    /// arrays, keys, and those fields of instances that are final.
    pub(super) fn keep_settled(&mut self, roots: &FxHashSet<ObjectId>, is_final: impl Fn(FieldId) -> bool) {
        for (index, object) in (self.base..).zip(&mut self.objects) {
            match object {
                Object::Instance(instance) => {
                    instance.fields.retain(|&field, _| is_final(field));
                    instance.is_lost = true;
                }
                Object::Builder(_)
                | Object::Output(_)
                | Object::Input { .. }
                | Object::List(_)
                | Object::Map(_)
                | Object::Iterator { .. }
                | Object::Cipher(_)
                | Object::Digest(_)
                | Object::Random(_)
                    if !roots.contains(&ObjectId(index)) =>
                {
                    *object = Object::Lost;
                }
                _ => {}
            }
        }
    }
}

pub(super) fn object_id(value: &Value) -> Option<ObjectId> {
    match value {
        Value::Object(id) => Some(*id),
        _ => None,
    }
}

fn size_bytes(object: &Object) -> usize {
    match object {
        Object::Array(Array { items, .. }) | Object::List(items) | Object::Iterator { items, .. } => {
            items.len().saturating_mul(size_of::<Value>())
        }
        Object::Builder(builder) => builder.units.len().saturating_mul(2),
        Object::Output(bytes) | Object::Input { bytes, .. } | Object::Key(bytes) | Object::Vector(bytes) => bytes.len(),
        Object::Instance(instance) => instance.fields.len().saturating_mul(48),
        Object::Map(entries) => entries.len().saturating_mul(64),
        _ => 0,
    }
}

pub(super) fn visit(object: &Object, mut each: impl FnMut(&Value)) {
    match object {
        Object::Array(Array { items, .. }) | Object::List(items) | Object::Iterator { items, .. } => {
            items.iter().for_each(each);
        }
        Object::Instance(instance) => {
            instance.fields.values().for_each(each);
        }
        Object::Map(entries) => entries.values().for_each(each),
        Object::Alias(value) => each(value),
        _ => {}
    }
}

pub(super) fn visit_mut(object: &mut Object, mut each: impl FnMut(&mut Value)) {
    match object {
        Object::Array(Array { items, .. }) | Object::List(items) | Object::Iterator { items, .. } => {
            items.iter_mut().for_each(each);
        }
        Object::Instance(instance) => instance.fields.values_mut().for_each(each),
        Object::Map(entries) => entries.values_mut().for_each(each),
        Object::Alias(value) => each(value),
        _ => {}
    }
}

/// Forgets the state of one object and names the objects it led to. Arrays keep their length, instances their class.
fn lose_state(object: &mut Object, reached: &mut Vec<ObjectId>) {
    match object {
        Object::Alias(_) | Object::Foreign(_) | Object::Opaque(_) | Object::KeyFactory | Object::Lost => return,
        Object::Key(_) | Object::Vector(_) => return,
        _ => visit(object, |child| reached.extend(object_id(child))),
    }
    match object {
        Object::Array(array) => array.items.fill(Value::Unknown),
        Object::Instance(instance) => {
            instance.fields.clear();
            instance.is_lost = true;
        }
        _ => *object = Object::Lost,
    }
}
