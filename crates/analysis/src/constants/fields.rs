//! The fields that a program defines, and which of them a reference means.

use code::{FieldId, Program, TypeId};
use rustc_hash::FxHashMap;

use super::exceptions::SUPERCLASSES_MAX;

const FINAL: u32 = 0x10;

/// Every field definition of a program.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// Class and access flags.
    definitions: FxHashMap<FieldId, (TypeId, u32)>,
}

impl Fields {
    pub(super) fn new(program: &Program) -> Self {
        let of_class = program
            .classes()
            .iter()
            .flat_map(|class| class.fields.iter().map(|definition| (definition.field, (class.ty, definition.access))));
        Self { definitions: of_class.collect() }
    }

    /// Whether constructors or the class initialiser alone write the field.
    pub(super) fn is_final(&self, field: FieldId) -> bool {
        self.definitions.get(&field).is_some_and(|(_, access)| access & FINAL != 0)
    }

    /// The definition a reference means, and its class: in the class it names, or the nearest superclass or interface
    /// that has it.
    pub(super) fn resolve(&self, program: &Program, field: FieldId) -> Option<(FieldId, TypeId)> {
        if let Some(&(class, _)) = self.definitions.get(&field) {
            return Some((field, class));
        }
        let reference = program.field(field)?;
        let (name, descriptor) = (program.text(reference.name), program.descriptor(reference.ty));
        let mut work = vec![reference.class];
        for _ in 0..SUPERCLASSES_MAX {
            let ty = work.pop()?;
            let Some(class) = program.class_of(ty) else { continue };
            let inherited = program.find_field(program.descriptor(ty), name, descriptor);
            if let Some(found) = inherited.filter(|found| self.definitions.contains_key(found)) {
                return Some((found, ty));
            }
            work.extend(class.interfaces.iter().take(SUPERCLASSES_MAX));
            work.extend(class.superclass);
        }
        None
    }
}
