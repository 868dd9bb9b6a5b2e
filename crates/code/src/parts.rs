//! A program with parts of another: an app with what it calls of a library that its device brings for all apps.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::{
    Class, ClassId, CodeItem, DexFile, FieldDefinition, FieldId, FieldRef, Literal, MethodDefinition, MethodId,
    Program, StringId, TypeId, program::FileMaps, tables::Prototype,
};

impl Program {
    /// Adds `classes` of another program, each with those of its methods that are among `methods` and with all its fields. A class
    /// that is defined here already stays as it is. Problems of the other program are not taken over.
    #[must_use]
    pub fn with_parts_of(mut self, other: &Self, classes: &BTreeSet<ClassId>, methods: &BTreeSet<MethodId>) -> Self {
        let mut names = Names { other, types: FxHashMap::default(), prototypes: FxHashMap::default() };
        let mut files: BTreeMap<u32, u32> = BTreeMap::new();
        for class in classes.iter().filter_map(|id| other.classes().get(id.index())) {
            let ty = names.ty(&mut self, class.ty);
            if self.class_of(ty).is_none() {
                let class = self.copied(class, methods, &mut names, &mut files);
                self.add_class(class);
            }
        }
        // In the order of their numbers here, which are those of their first use.
        let mut files: Vec<(u32, u32)> = files.into_iter().map(|(theirs, here)| (here, theirs)).collect();
        files.sort_unstable();
        for file in files.iter().filter_map(|(_, theirs)| other.files().get(*theirs as usize)) {
            let maps = names.maps(&mut self, &file.maps);
            self.files.push(DexFile { maps, ..file.clone() });
        }
        self
    }

    fn copied(
        &mut self,
        class: &Class,
        methods: &BTreeSet<MethodId>,
        names: &mut Names<'_>,
        files: &mut BTreeMap<u32, u32>,
    ) -> Class {
        let field = |definition: &FieldDefinition| {
            let initial = definition.initial.as_ref().map(|literal| names.literal(self, literal));
            FieldDefinition { field: names.field(self, definition.field), access: definition.access, initial }
        };
        let fields = class.fields.iter().map(field).collect();
        let mut copied = Class {
            ty: names.ty(self, class.ty),
            superclass: class.superclass.map(|ty| names.ty(self, ty)),
            interfaces: class.interfaces.iter().map(|&ty| names.ty(self, ty)).collect(),
            access: class.access,
            fields,
            methods: Vec::new(),
        };
        for definition in class.methods.iter().filter(|definition| methods.contains(&definition.method)) {
            let code = definition.code.map(|code| {
                let next = self.files.len().saturating_add(files.len());
                // Fewer files than bytes of all images: far below 4 G.
                let file = *files.entry(code.file).or_insert(u32::try_from(next).unwrap_or(u32::MAX));
                CodeItem { file, ..code }
            });
            let method = names.method(self, definition.method);
            copied.methods.push(MethodDefinition { method, access: definition.access, code });
        }
        copied
    }

    pub(crate) fn add_class(&mut self, class: Class) {
        // A class takes 32 bytes of a file: there are never 4 G of them.
        let id = ClassId(u32::try_from(self.classes.len()).unwrap_or(u32::MAX));
        self.class_of_type.insert(class.ty, id);
        for (position, definition) in (0_u32..).zip(&class.methods) {
            self.definition_of_method.entry(definition.method).or_insert((id, position));
        }
        self.classes.push(class);
    }
}

/// Names of the other program in this one.
struct Names<'o> {
    other: &'o Program,
    types: FxHashMap<TypeId, TypeId>,
    prototypes: FxHashMap<u32, (u32, Prototype)>,
}

impl Names<'_> {
    fn string(&self, here: &mut Program, id: StringId) -> StringId {
        here.intern_string(self.other.text(id))
    }

    fn ty(&mut self, here: &mut Program, id: TypeId) -> TypeId {
        if let Some(&known) = self.types.get(&id) {
            return known;
        }
        let name = here.intern_string(self.other.descriptor(id));
        let ty = here.intern_type(name);
        self.types.insert(id, ty);
        ty
    }

    fn field(&mut self, here: &mut Program, id: FieldId) -> FieldId {
        let Some(&FieldRef { class, name, ty }) = self.other.field(id) else { return FieldId(u32::MAX) };
        let (class, ty, name) = (self.ty(here, class), self.ty(here, ty), self.string(here, name));
        here.intern_field(FieldRef { class, name, ty })
    }

    fn method(&mut self, here: &mut Program, id: MethodId) -> MethodId {
        let Some((method, number)) = self.other.method(id).zip(self.other.prototype_of(id)) else {
            return MethodId(u32::MAX);
        };
        let (class, name) = (self.ty(here, method.class), self.string(here, method.name));
        if !self.prototypes.contains_key(&number) {
            let parameters = method.parameters.iter().map(|&ty| self.ty(here, ty)).collect();
            let prototype = Prototype { parameters, return_type: self.ty(here, method.return_type) };
            self.prototypes.insert(number, (here.intern_prototype(prototype.clone()), prototype));
        }
        match self.prototypes.get(&number) {
            Some((number, prototype)) => here.intern_method(class, name, *number, prototype),
            None => MethodId(u32::MAX),
        }
    }

    fn literal(&mut self, here: &mut Program, literal: &Literal) -> Literal {
        match literal {
            Literal::Text(text) => Literal::Text(self.string(here, *text)),
            Literal::Class(ty) => Literal::Class(self.ty(here, *ty)),
            Literal::Number(_) | Literal::Other => literal.clone(),
        }
    }

    fn maps(&mut self, here: &mut Program, maps: &FileMaps) -> FileMaps {
        FileMaps {
            strings: maps.strings.iter().map(|&id| self.string(here, id)).collect(),
            types: maps.types.iter().map(|&id| self.ty(here, id)).collect(),
            fields: maps.fields.iter().map(|&id| self.field(here, id)).collect(),
            methods: maps.methods.iter().map(|&id| self.method(here, id)).collect(),
            refused_code: maps.refused_code.clone(),
        }
    }
}
