//! Which indices of a file name which members: what an instruction may be given back.

use rustc_hash::FxHashMap;

use super::shape::{Shape, signature};
use crate::Program;

/// The fields and methods that one file names.
pub(super) struct Members {
    /// By name and type; class and index of each.
    fields: FxHashMap<(String, String), Vec<(String, u16)>>,
    /// By signature.
    methods: FxHashMap<String, Vec<(String, u16)>>,
}

impl Members {
    pub(super) fn new(program: &Program, file: usize) -> Option<Self> {
        let maps = &program.files().get(file)?.maps;
        let mut members = Self { fields: FxHashMap::default(), methods: FxHashMap::default() };
        // Indices of instructions have 16 bits.
        for (index, field) in (0..=u16::MAX).zip(&maps.fields) {
            let field = program.field(*field)?;
            let key = (program.text(field.name).to_owned(), program.descriptor(field.ty).to_owned());
            let class = program.descriptor(field.class).to_owned();
            members.fields.entry(key).or_default().push((class, index));
        }
        for (index, &method) in (0..=u16::MAX).zip(&maps.methods) {
            let class = program.descriptor(program.method(method)?.class).to_owned();
            members.methods.entry(signature(program, method)?).or_default().push((class, index));
        }
        Some(members)
    }

    /// The index of a field seen from `shape`: named with that class or the nearest above it, down to the one that has it.
    pub(super) fn field(&self, shape: &Shape, owner: &str, name: &str, ty: &str) -> Option<u16> {
        let named = self.fields.get(&(name.to_owned(), ty.to_owned()))?;
        let mut at = Some(shape);
        while let Some(shape) = at {
            if let Some(index) = named_with(named, &shape.descriptor) {
                return Some(index);
            }
            if shape.descriptor == owner {
                return None;
            }
            at = shape.superclass.as_deref();
        }
        None
    }

    /// The index of a method at `position` of the table of `shape`.
    pub(super) fn method(&self, shape: &Shape, position: usize, signature: &str) -> Option<u16> {
        let named = self.methods.get(signature)?;
        let mut at = Some(shape);
        while let Some(shape) = at {
            // Above the class that added the method there is no such entry.
            let entry = shape.table.as_ref()?.get(position)?;
            if entry.signature != signature {
                return None;
            }
            if let Some(index) = named_with(named, &shape.descriptor) {
                return Some(index);
            }
            at = shape.superclass.as_deref();
        }
        None
    }

    /// The index of a method named with exactly this class.
    pub(super) fn exact(&self, class: &str, signature: &str) -> Option<u16> {
        named_with(self.methods.get(signature)?, class)
    }
}

fn named_with(named: &[(String, u16)], class: &str) -> Option<u16> {
    named.iter().find(|(known, _)| known == class).map(|(_, index)| *index)
}
