//! One id for each string, type, field and method, however many files name it.

use std::{
    hash::{BuildHasher, Hash},
    sync::Arc,
};

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::{FieldId, FieldRef, MethodId, MethodRef, Program, StringId, TypeId};

/// Parameters and return type, shared by all methods that have them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Prototype {
    pub(crate) parameters: Arc<[TypeId]>,
    pub(crate) return_type: TypeId,
}

/// From contents to ids. The tables hold ids only; the contents are in the program's own tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    strings: HashTable<StringId>,
    types: FxHashMap<StringId, TypeId>,
    fields: HashTable<FieldId>,
    methods: HashTable<MethodId>,
    prototypes: FxHashMap<Prototype, u32>,
    /// Prototype of each method, by [`MethodId`]: comparing numbers instead of parameters.
    prototype_of_method: Vec<u32>,
}

/// A table's next id. Tables past 4 G entries cannot come about: each entry takes bytes of some file, and more of memory.
fn next_id<T>(table: &[T]) -> u32 {
    u32::try_from(table.len()).unwrap_or(u32::MAX)
}

fn hash(key: impl Hash) -> u64 {
    FxBuildHasher.hash_one(key)
}

impl Program {
    pub(crate) fn intern_string(&mut self, text: &str) -> StringId {
        let Self { index, strings, .. } = self;
        let is_same = |id: &StringId| strings.get(id.index()).is_some_and(|known| **known == *text);
        let hasher = |id: &StringId| strings.get(id.index()).map_or(0, |known| hash(&**known));
        match index.strings.entry(hash(text), is_same, hasher) {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let id = StringId(next_id(strings));
                entry.insert(id);
                strings.push(Arc::from(text));
                id
            }
        }
    }

    pub(crate) fn intern_type(&mut self, descriptor: StringId) -> TypeId {
        let next = TypeId(next_id(&self.types));
        let id = *self.index.types.entry(descriptor).or_insert(next);
        if id == next {
            self.types.push(descriptor);
        }
        id
    }

    pub(crate) fn intern_field(&mut self, field: FieldRef) -> FieldId {
        let Self { index, fields, .. } = self;
        let is_same = |id: &FieldId| fields.get(id.index()) == Some(&field);
        let hasher = |id: &FieldId| fields.get(id.index()).map_or(0, hash);
        match index.fields.entry(hash(field), is_same, hasher) {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let id = FieldId(next_id(fields));
                entry.insert(id);
                fields.push(field);
                id
            }
        }
    }

    pub(crate) fn intern_prototype(&mut self, prototype: Prototype) -> u32 {
        // Fewer entries than types squared, and than bytes of all files: far below 4 G.
        let next = u32::try_from(self.index.prototypes.len()).unwrap_or(u32::MAX);
        *self.index.prototypes.entry(prototype).or_insert(next)
    }

    /// `prototype` is the number of `shared`.
    pub(crate) fn intern_method(
        &mut self,
        class: TypeId,
        name: StringId,
        prototype: u32,
        shared: &Prototype,
    ) -> MethodId {
        let Self { index: Index { methods: ids, prototype_of_method, .. }, methods, .. } = self;
        let is_same = |id: &MethodId| {
            prototype_of_method.get(id.index()) == Some(&prototype)
                && methods.get(id.index()).is_some_and(|known| known.class == class && known.name == name)
        };
        let hasher = |id: &MethodId| match (methods.get(id.index()), prototype_of_method.get(id.index())) {
            (Some(known), Some(prototype)) => hash((known.class, known.name, *prototype)),
            _ => 0,
        };
        match ids.entry(hash((class, name, prototype)), is_same, hasher) {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let id = MethodId(next_id(methods));
                entry.insert(id);
                prototype_of_method.push(prototype);
                let parameters = Arc::clone(&shared.parameters);
                methods.push(MethodRef { class, name, parameters, return_type: shared.return_type });
                id
            }
        }
    }

    /// The id of a string, if any file holds it.
    #[must_use]
    pub fn find_string(&self, text: &str) -> Option<StringId> {
        let is_same = |id: &StringId| self.strings.get(id.index()).is_some_and(|known| **known == *text);
        self.index.strings.find(hash(text), is_same).copied()
    }

    /// The id of a type by its descriptor, if any file names it.
    #[must_use]
    pub fn find_type(&self, descriptor: &str) -> Option<TypeId> {
        self.index.types.get(&self.find_string(descriptor)?).copied()
    }

    /// The id of a field by the descriptor of its class, its name and the descriptor of its type, if any file names it.
    #[must_use]
    pub fn find_field(&self, class: &str, name: &str, ty: &str) -> Option<FieldId> {
        let wanted = FieldRef { class: self.find_type(class)?, name: self.find_string(name)?, ty: self.find_type(ty)? };
        self.index.fields.find(hash(wanted), |id| self.fields.get(id.index()) == Some(&wanted)).copied()
    }

    /// The id of a method by the descriptor of its class, its name and its descriptor (`(I)V`), if any file names it.
    #[must_use]
    pub fn find_method(&self, class: &str, name: &str, descriptor: &str) -> Option<MethodId> {
        let (class, name) = (self.find_type(class)?, self.find_string(name)?);
        let prototype = self.find_prototype(descriptor)?;
        self.find_method_by_id(class, name, prototype)
    }

    /// The number of a prototype, by its descriptor.
    pub(crate) fn find_prototype(&self, descriptor: &str) -> Option<u32> {
        let (parameters, return_type) = descriptor.strip_prefix('(')?.split_once(')')?;
        let parameters: Option<Vec<TypeId>> = split_descriptors(parameters).map(|part| self.find_type(part)).collect();
        let prototype = Prototype { parameters: parameters?.into(), return_type: self.find_type(return_type)? };
        self.index.prototypes.get(&prototype).copied()
    }

    pub(crate) fn find_method_by_id(&self, class: TypeId, name: StringId, prototype: u32) -> Option<MethodId> {
        let is_same = |id: &MethodId| {
            self.prototype_of(*id) == Some(prototype)
                && self.method(*id).is_some_and(|known| known.class == class && known.name == name)
        };
        self.index.methods.find(hash((class, name, prototype)), is_same).copied()
    }

    /// The number of a method's prototype; equal numbers, equal parameters and return type.
    pub(crate) fn prototype_of(&self, method: MethodId) -> Option<u32> {
        self.index.prototype_of_method.get(method.index()).copied()
    }
}

/// Splits `I[JLx/Y;` into `I`, `[J`, `Lx/Y;`.
fn split_descriptors(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let element = rest.find(|character| character != '[')?;
        let is_class = rest.get(element..)?.starts_with('L');
        let end = if is_class { rest.find(';')? } else { element };
        let (head, tail) = rest.split_at_checked(end.checked_add(1)?)?;
        rest = tail;
        Some(head)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_split_at_their_ends() {
        let parts: Vec<_> = split_descriptors("I[J[[Lx/Y;Lz;Z").collect();
        assert_eq!(parts, ["I", "[J", "[[Lx/Y;", "Lz;", "Z"]);
        assert_eq!(split_descriptors("Lunclosed").count(), 0);
        assert_eq!(split_descriptors("[[").count(), 0);
        assert_eq!(split_descriptors("é").count(), 0);
    }

    #[test]
    fn equal_things_get_one_id() {
        let mut program = Program::default();
        let [a, b] = ["La;", "La;"].map(|text| program.intern_string(text));
        assert_eq!(a, b);
        let ty = program.intern_type(a);
        assert_eq!(ty, program.intern_type(b));
        let field = FieldRef { class: ty, name: a, ty };
        assert_eq!(program.intern_field(field), program.intern_field(field));
        let shared = Prototype { parameters: vec![ty].into(), return_type: ty };
        let prototype = program.intern_prototype(shared.clone());
        let method = program.intern_method(ty, a, prototype, &shared);
        assert_eq!(method, program.intern_method(ty, a, prototype, &shared));
        assert_eq!(program.find_method("La;", "La;", "(La;)La;"), Some(method));
        assert_eq!(program.find_field("La;", "La;", "La;"), Some(FieldId(0)));
        assert_eq!(program.find_method("La;", "La;", "()La;"), None);
    }
}
