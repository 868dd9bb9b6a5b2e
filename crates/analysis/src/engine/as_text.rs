//! What an object says as text: what its `toString` makes of it, and not everything it refers to.
//!
//! Written from the documentation of `java.lang.Object`: a class of the app without a `toString` of its own has that of the
//! library class above it, which knows nothing of the app's fields.

use code::{MethodId, TypeId};

use super::frame::Frame;
use crate::domain::{
    path::Step,
    value::{ObjectId, ObjectKey, Value},
};

/// An array's elements are told as texts, those of arrays in it are not.
const ARRAYS_DEEP_MAX: u32 = 1;

impl Frame<'_, '_> {
    /// The text of a value.
    pub(super) fn as_text(&mut self, value: &Value) -> Value {
        self.as_text_in(value, 0)
    }

    fn as_text_in(&mut self, value: &Value, depth: u32) -> Value {
        let constants = self.text(value);
        let mut text = Value { tags: value.tags.clone(), constants, ..Value::default() };
        for &object in &value.objects {
            let told = self.object_as_text(object, depth);
            text.tags.join(&told.tags);
        }
        text
    }

    fn object_as_text(&mut self, object: ObjectId, depth: u32) -> Value {
        let this = Value::object(object);
        let known = self.known(object);
        let exact = known.exact_type;
        let Some(ty) = exact.or(known.declared_type) else { return Value::made_of(self.deep_tags(&this)) };
        if self.app.program.descriptor(ty).starts_with("[L") && depth < ARRAYS_DEEP_MAX {
            return self.elements_as_text(object, depth);
        }
        if self.app.program.class_of(ty).is_none() {
            return Value::made_of(self.deep_tags(&this));
        }
        let mut told = Value::made_of(known.content.clone());
        let methods = self.text_methods(ty, exact.is_some());
        for &method in &methods {
            let part = self.apply(method, std::slice::from_ref(&this));
            told.tags.join(&self.deep_tags(&part));
        }
        if methods.is_empty() {
            // A holder of the library that the app's class extends shows what it holds.
            let held = known.parts.iter().filter(|(step, _)| !matches!(step, Step::Field(_)));
            held.for_each(|(_, part)| {
                let tags = self.deep_tags(part);
                told.tags.join(&tags);
            });
        }
        told
    }

    fn elements_as_text(&mut self, array: ObjectId, depth: u32) -> Value {
        if !matches!(self.key(array), ObjectKey::Made(..)) {
            return Value::made_of(self.deep_tags(&Value::object(array)));
        }
        let known = self.known(array);
        let mut told = Value::made_of(known.content.clone());
        for part in known.parts.values() {
            told.tags.join(&self.as_text_in(part, depth + 1).tags);
        }
        told
    }

    /// The methods of the app that tell the text of an object of a class.
    fn text_methods(&self, ty: TypeId, is_exact: bool) -> Vec<MethodId> {
        let own = self.app.classes.find(ty, "toString", Some("()"));
        match own {
            Some(own) if !is_exact => {
                let mut methods = self.app.classes.overriders(ty, own);
                if methods.is_empty() {
                    methods.push(own);
                }
                methods
            }
            _ => own.into_iter().collect(),
        }
    }
}
