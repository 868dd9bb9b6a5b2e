//! Which static fields may change after their class is initialised.

use code::{Body, FieldId, InvokeKind, MethodId, Op, Program, StringId, TypeId, ValueId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Bodies;
use super::fields::Fields;

/// Library classes whose objects never change.
const IMMUTABLE: &[&str] = &[
    "Ljava/lang/Object;",
    "Ljava/lang/String;",
    "Ljava/lang/CharSequence;",
    "Ljava/lang/Boolean;",
    "Ljava/lang/Byte;",
    "Ljava/lang/Character;",
    "Ljava/lang/Short;",
    "Ljava/lang/Integer;",
    "Ljava/lang/Long;",
    "Ljava/lang/Float;",
    "Ljava/lang/Double;",
];

/// Library methods after which their receiver is as it was. `doFinal` and `digest` end what was begun.
const HARMLESS: &[&str] = &[
    "charAt",
    "clone",
    "contains",
    "containsKey",
    "digest",
    "doFinal",
    "elementAt",
    "equals",
    "get",
    "getEncoded",
    "getIV",
    "hashCode",
    "indexOf",
    "isEmpty",
    "iterator",
    "length",
    "size",
    "substring",
    "toArray",
    "toByteArray",
    "toString",
];

/// The static fields that anything but the initialiser of their class writes, and those whose object is changed through
/// a direct read of the field.
///
/// An object that is handed on and changed elsewhere is not seen: arrays and collections in static fields are taken to
/// keep their contents unless a change stands next to the read.
#[derive(Debug, Clone, Default)]
pub struct StaticWrites {
    fields: FxHashSet<FieldId>,
    /// The fields of the program, from the first body on.
    known: Option<Fields>,
}

impl StaticWrites {
    /// Searches every body of the program.
    #[must_use]
    pub fn scan(program: &Program, bodies: &dyn Bodies) -> Self {
        let (mut writes, perhaps, _) = Self::by_method(program, bodies);
        perhaps.into_iter().for_each(|(_, own)| writes.fields.extend(own.fields));
        writes
    }

    /// The same for a program that nothing calls from outside but the platform. What only methods write that nothing can
    /// come to does not count: static methods that no code calls, and whose name no text of the code spells.
    #[must_use]
    pub fn scan_app(program: &Program, bodies: &dyn Bodies) -> Self {
        let (mut writes, perhaps, named) = Self::by_method(program, bodies);
        let called = perhaps.into_iter().filter(|(method, _)| named.contains(program, *method));
        called.for_each(|(_, own)| writes.fields.extend(own.fields));
        writes
    }

    /// The writes of all methods but the static ones, those of each static one, and what the code calls.
    fn by_method(program: &Program, bodies: &dyn Bodies) -> (Self, Vec<(MethodId, Self)>, Named) {
        let (mut writes, mut named) = (Self::default(), Named::default());
        let mut apart: Vec<(MethodId, Self)> = Vec::new();
        for class in program.classes() {
            for definition in class.methods.iter().filter(|definition| definition.code.is_some()) {
                let Some(body) = bodies.body(definition.method) else { continue };
                let initialises = is_initialiser(program, definition.method).then_some(class.ty);
                named.note(program, &body);
                if definition.access & STATIC == 0 || initialises.is_some() {
                    writes.add(program, initialises, &body);
                    continue;
                }
                let known = writes.known.take().unwrap_or_else(|| Fields::new(program));
                let mut own = Self { fields: FxHashSet::default(), known: Some(known) };
                own.add(program, None, &body);
                writes.known = own.known.take();
                if !own.fields.is_empty() {
                    apart.push((definition.method, own));
                }
            }
        }
        (writes, apart, named)
    }

    /// Adds the writes of one body; `initialises` is the class whose initialiser it is. All bodies must be of one program.
    pub fn add(&mut self, program: &Program, initialises: Option<TypeId>, body: &Body) {
        let known = self.known.get_or_insert_with(|| Fields::new(program));
        let mut read: FxHashMap<ValueId, FieldId> = FxHashMap::default();
        for instruction in &body.instructions {
            let changed = match &instruction.op {
                Op::StaticPut { field, .. } => Some(*field),
                Op::StaticGet { to, field } => {
                    read.insert(*to, *field);
                    None
                }
                Op::Cast { to, from, .. } => {
                    if let Some(&field) = read.get(from) {
                        read.insert(*to, field);
                    }
                    None
                }
                Op::ArrayPut { array, .. } | Op::ArrayData { array, .. } => read.get(array).copied(),
                Op::Invoke { kind, method, arguments, .. } if !read.is_empty() => {
                    let changed = changed_argument(program, *kind, *method);
                    changed.and_then(|index| read.get(arguments.get(index)?)).copied()
                }
                _ => None,
            };
            match changed.and_then(|field| known.resolve(program, field)) {
                Some((_, class)) if initialises == Some(class) => {}
                Some((field, _)) => {
                    self.fields.insert(field);
                }
                None => {}
            }
        }
    }

    /// Whether the field, named by its definition, may change.
    #[must_use]
    pub fn contains(&self, field: FieldId) -> bool {
        self.fields.contains(&field)
    }
}

/// `ACC_STATIC`.
const STATIC: u32 = 0x8;

/// Names of methods that the code calls, and texts it has: a method may be called by a text.
#[derive(Default)]
struct Named {
    methods: FxHashSet<StringId>,
    texts: FxHashSet<StringId>,
}

impl Named {
    fn note(&mut self, program: &Program, body: &Body) {
        for instruction in &body.instructions {
            match &instruction.op {
                Op::Invoke { method, .. } => {
                    self.methods.extend(program.method(*method).map(|method| method.name));
                }
                Op::Text { text, .. } => {
                    self.texts.insert(*text);
                }
                _ => {}
            }
        }
    }

    fn contains(&self, program: &Program, method: MethodId) -> bool {
        program
            .method(method)
            .is_none_or(|method| self.methods.contains(&method.name) || self.texts.contains(&method.name))
    }
}

/// Which argument, the receiver counted, a library method may change. Methods of the program's own classes change fields
/// of their objects, which are not relied on unless they are final.
fn changed_argument(program: &Program, kind: InvokeKind, method: MethodId) -> Option<usize> {
    let reference = program.method(method)?;
    let class = program.descriptor(reference.class);
    match (class, program.text(reference.name)) {
        ("Ljava/lang/System;", "arraycopy") => Some(2),
        ("Ljava/util/Arrays;", "fill" | "sort") => Some(0),
        ("Ljava/util/Random;", "nextBytes") | ("Ljava/io/InputStream;" | "Ljava/io/ByteArrayInputStream;", "read") => {
            Some(1)
        }
        ("Ljava/lang/String;", "getChars") => Some(3),
        (class, name) => {
            let may_change = kind != InvokeKind::Static
                && !IMMUTABLE.contains(&class)
                && !HARMLESS.contains(&name)
                && program.class_of(reference.class).is_none();
            may_change.then_some(0)
        }
    }
}

/// Whether a method is a class initialiser.
pub(super) fn is_initialiser(program: &Program, method: MethodId) -> bool {
    program.method(method).is_some_and(|method| program.text(method.name) == "<clinit>")
}
