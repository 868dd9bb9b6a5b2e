//! Which static fields may change after their class is initialised.

use code::{Body, FieldId, MethodId, Op, Program, TypeId, ValueId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Bodies;
use super::interpreter::resolve_field;

/// The static fields that anything but the initialiser of their class writes, and those whose array is written through
/// a direct read of the field.
///
/// An array that is handed on and changed elsewhere is not seen: contents of arrays in static fields are taken to stay
/// unless a write stands next to the read.
#[derive(Debug, Clone, Default)]
pub struct StaticWrites {
    fields: FxHashSet<FieldId>,
}

impl StaticWrites {
    /// Searches every body of the program.
    #[must_use]
    pub fn scan(program: &Program, bodies: &dyn Bodies) -> Self {
        let mut writes = Self::default();
        for class in program.classes() {
            for definition in class.methods.iter().filter(|definition| definition.code.is_some()) {
                if let Some(body) = bodies.body(definition.method) {
                    let initialises = is_initialiser(program, definition.method).then_some(class.ty);
                    writes.add(program, initialises, &body);
                }
            }
        }
        writes
    }

    /// Adds the writes of one body; `initialises` is the class whose initialiser it is.
    pub fn add(&mut self, program: &Program, initialises: Option<TypeId>, body: &Body) {
        let mut arrays: FxHashMap<ValueId, FieldId> = FxHashMap::default();
        for instruction in &body.instructions {
            match &instruction.op {
                Op::StaticPut { field, .. } => self.insert(program, initialises, *field),
                Op::StaticGet { to, field } => {
                    arrays.insert(*to, *field);
                }
                Op::ArrayPut { array, .. } | Op::ArrayData { array, .. } => {
                    if let Some(&field) = arrays.get(array) {
                        self.insert(program, initialises, field);
                    }
                }
                _ => {}
            }
        }
    }

    fn insert(&mut self, program: &Program, initialises: Option<TypeId>, field: FieldId) {
        match resolve_field(program, field) {
            Some((_, class)) if initialises == Some(class) => {}
            Some((field, _)) => {
                self.fields.insert(field);
            }
            None => {}
        }
    }

    /// Whether the field, named by its definition, may change.
    #[must_use]
    pub fn contains(&self, field: FieldId) -> bool {
        self.fields.contains(&field)
    }
}

/// Whether a method is a class initialiser.
fn is_initialiser(program: &Program, method: MethodId) -> bool {
    program.method(method).is_some_and(|method| program.text(method.name) == "<clinit>")
}
