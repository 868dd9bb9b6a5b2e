//! The interpreter's door: questions from outside, and what is remembered between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use code::{Body, FieldId, Hierarchy, MethodId, Program, StringId, TypeId};
use rustc_hash::FxHashMap;

use super::exceptions::SUPERCLASSES_MAX;
use super::fields::Fields;
use super::library::{boxed_as, library};
use super::statics::Frozen;
use super::value::{Text, Value};
use super::world::{Mode, World};
use super::{Bodies, Constant, Limits, StaticWrites, Stop};

/// Results of calls are remembered up to this size.
const MEMO_BYTES_MAX: usize = 16 << 20;
const STATIC: u32 = 0x8;

/// Folds constant calls and static initialisers of one program.
pub struct Interpreter<'p> {
    pub(super) program: &'p Program,
    pub(super) bodies: &'p dyn Bodies,
    pub(super) limits: Limits,
    pub(super) hierarchy: Hierarchy<'p>,
    writes: Option<StaticWrites>,
    memo: FxHashMap<MemoKey, Result<Constant, Stop>>,
    memo_bytes: usize,
    pub(super) frozen: FxHashMap<TypeId, Arc<Frozen>>,
    literals: FxHashMap<StringId, Text>,
    signatures: FxHashMap<MethodId, Arc<Signature>>,
    pub(super) fields: Fields,
    resolved: FxHashMap<FieldId, Option<(FieldId, TypeId)>>,
    dispatched: FxHashMap<(TypeId, MethodId), Option<MethodId>>,
    pub(super) only_targets: FxHashMap<MethodId, Option<MethodId>>,
    pub(super) total_steps_left: u64,
}

type MemoKey = (MethodId, Box<[Constant]>);

/// How a method is spelled.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) class: String,
    pub(super) name: String,
    /// Descriptors of the parameters, one after the other.
    pub(super) parameters: String,
    pub(super) text: Arc<str>,
}

impl<'p> Interpreter<'p> {
    /// An interpreter of a program whose method bodies come from `bodies`.
    #[must_use]
    pub fn new(program: &'p Program, bodies: &'p dyn Bodies, limits: Limits) -> Self {
        Self {
            program,
            bodies,
            limits,
            hierarchy: Hierarchy::new(program, &BTreeMap::new()),
            writes: None,
            memo: FxHashMap::default(),
            memo_bytes: 0,
            frozen: FxHashMap::default(),
            literals: FxHashMap::default(),
            signatures: FxHashMap::default(),
            fields: Fields::new(program),
            resolved: FxHashMap::default(),
            dispatched: FxHashMap::default(),
            only_targets: FxHashMap::default(),
            total_steps_left: limits.total_steps,
        }
    }

    /// Says which static fields are written outside of their class initialisers. Without it, the bodies are searched the
    /// first time a static field is asked for.
    #[must_use]
    pub fn with_writes(mut self, writes: StaticWrites) -> Self {
        self.writes = Some(writes);
        self
    }

    /// The result of a method of the program with constant arguments: a static method, or an instance method that makes
    /// no use of its receiver; the receiver is then left out of `arguments` or anything. Remembered.
    ///
    /// # Errors
    /// Why the result is not a constant.
    pub fn call(&mut self, method: MethodId, arguments: &[Constant]) -> Result<Constant, Stop> {
        let key: MemoKey = (method, arguments.into());
        if let Some(known) = self.memo.get(&key) {
            return known.clone();
        }
        let result = self.call_anew(method, arguments);
        let bytes = key.1.iter().chain(&result).fold(64, |sum: usize, item| sum.saturating_add(item.size_bytes()));
        if self.memo_bytes.saturating_add(bytes) <= MEMO_BYTES_MAX {
            self.memo_bytes = self.memo_bytes.saturating_add(bytes);
            self.memo.insert(key, result.clone());
        }
        result
    }

    fn call_anew(&mut self, method: MethodId, arguments: &[Constant]) -> Result<Constant, Stop> {
        let program = self.program;
        let reference = program.method(method).ok_or(Stop::Unknown)?;
        let impure = || Stop::Impure(program.method_text(method).into());
        let (_, definition) = program.definition(method).ok_or_else(impure)?;
        let body = self.bodies.body(method).filter(|body| !body.blocks.is_empty()).ok_or_else(impure)?;
        let mut world = World::new(self, Mode::Run);
        let mut values = Vec::with_capacity(body.parameters.len());
        let count = reference.parameters.len();
        let given = if definition.access & STATIC == 0 {
            values.push(Value::Unknown);
            if arguments.len() > count { arguments.get(1..).unwrap_or_default() } else { arguments }
        } else {
            arguments
        };
        if given.len() != count || values.len().saturating_add(count) != body.parameters.len() {
            return Err(Stop::Unknown);
        }
        for (argument, &parameter) in given.iter().zip(reference.parameters.iter()) {
            let value = world.heap.import(argument)?;
            values.push(boxed_as(program.descriptor(parameter), value));
        }
        world.push(body, values, None)?;
        let (world, result) = self.run(world);
        let is_reference = program.descriptor(reference.return_type).starts_with(['L', '[']);
        let unknown = || world.impure.clone().map_or(Stop::Unknown, Stop::Impure);
        match result {
            Ok(value) => world.heap.export(&value, is_reference).ok_or_else(unknown),
            Err(Stop::Unknown) => Err(unknown()),
            Err(stop) => Err(stop),
        }
    }

    /// The value a static field has once its class is initialised. `None` if it is not a constant, or may be written by
    /// anything but that initialiser.
    pub fn static_field(&mut self, field: FieldId) -> Option<Constant> {
        let (field, class) = self.resolve_field(field)?;
        if self.is_written_elsewhere(field) {
            return None;
        }
        let frozen = self.initialise(class)?;
        let is_reference = self.program.descriptor(self.program.field(field)?.ty).starts_with(['L', '[']);
        frozen.heap.export(frozen.fields.get(&field)?, is_reference)
    }

    /// Calls a pure library method on constants; see [`library`].
    ///
    /// # Errors
    /// Why the result is not a constant.
    pub fn library(
        class: &str,
        name: &str,
        descriptor: &str,
        receiver: Option<&Constant>,
        arguments: &[Constant],
    ) -> Result<Constant, Stop> {
        library(class, name, descriptor, receiver, arguments)
    }

    /// Whether a field may change after its class is initialised.
    pub(super) fn is_written_elsewhere(&mut self, field: FieldId) -> bool {
        let (program, bodies) = (self.program, self.bodies);
        self.writes.get_or_insert_with(|| StaticWrites::scan(program, bodies)).contains(field)
    }

    /// The definition a field reference means, and its class.
    pub(super) fn resolve_field(&mut self, field: FieldId) -> Option<(FieldId, TypeId)> {
        let program = self.program;
        let fields = &self.fields;
        *self.resolved.entry(field).or_insert_with(|| fields.resolve(program, field))
    }

    /// The string object of a literal: one for each.
    pub(super) fn literal(&mut self, id: StringId) -> Text {
        let program = self.program;
        Arc::clone(self.literals.entry(id).or_insert_with(|| program.utf16(id).into()))
    }

    pub(super) fn signature(&mut self, method: MethodId) -> Option<Arc<Signature>> {
        if let Some(known) = self.signatures.get(&method) {
            return Some(Arc::clone(known));
        }
        let reference = self.program.method(method)?;
        let signature = Arc::new(Signature {
            class: self.program.descriptor(reference.class).to_owned(),
            name: self.program.text(reference.name).to_owned(),
            parameters: reference.parameters.iter().map(|&ty| self.program.descriptor(ty)).collect(),
            text: self.program.method_text(method).into(),
        });
        self.signatures.insert(method, Arc::clone(&signature));
        Some(signature)
    }

    /// The definition that a call of `method` on an object of exactly this class reaches, if it is in the program.
    pub(super) fn dispatch(&mut self, class: TypeId, method: MethodId) -> Option<MethodId> {
        let program = self.program;
        *self.dispatched.entry((class, method)).or_insert_with(|| dispatch(program, class, method))
    }

    pub(super) fn body(&self, method: MethodId) -> Option<Arc<Body>> {
        program_code(self.program, method)?;
        self.bodies.body(method).filter(|body| !body.blocks.is_empty())
    }
}

fn program_code(program: &Program, method: MethodId) -> Option<()> {
    program.definition(method)?.1.code.map(|_| ())
}

fn dispatch(program: &Program, class: TypeId, method: MethodId) -> Option<MethodId> {
    let name = program.text(program.method(method)?.name);
    let descriptor = program.method_descriptor(method);
    let mut ty = class;
    for _ in 0..SUPERCLASSES_MAX {
        let class = program.class_of(ty)?;
        let found = program.find_method(program.descriptor(ty), name, &descriptor);
        if let Some(found) = found.filter(|&found| program.definition(found).is_some()) {
            return Some(found);
        }
        ty = class.superclass?;
    }
    None
}
