//! What the code of an app may open its own files with: keys of ciphers and masks that it has as constants. That is what reaches
//! the constructors of key specifications, and what stands beside code that lays one text over bytes by exclusive or.
//!
//! Methods that make a key are followed from their start with unknown parameters, block by block, and with whatever constants
//! their callers hand on, a few calls up.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use code::{BinaryOp, Body, ElementKind, MethodId, Op, Program, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::heap::{Heap, Object};
use super::value::Value;
use super::world::{Mode, World};
use super::writes::is_initialiser;
use super::{Bodies, Constant, Interpreter, Limits, StaticWrites, keys, library};

/// Keys kept of one app, of each sort.
const KEYS_MAX: usize = 64;
/// Initial values of ciphers kept of one app.
const VECTORS_MAX: usize = 16;
/// Texts and bytes kept of one app that may be laid over others.
const MASKS_MAX: usize = 256;
/// Longest key: RC4 takes as much.
const KEY_LEN_MAX: usize = 256;
/// A mask of one byte is found without knowing it.
const MASK_LEN_MIN: usize = 2;
/// Methods followed of one app.
const METHODS_MAX: usize = 512;
/// Calls with constants followed of one app.
const CALLS_MAX: usize = 1024;
/// How many calls up a constant may come from.
const CALLERS_DEPTH_MAX: usize = 3;
/// Instructions spent on following one method once.
const METHOD_STEPS_MAX: u64 = 50_000;

/// What an initial value is given to a cipher as.
const VECTOR: &str = "Ljavax/crypto/spec/IvParameterSpec;";

/// What an app opens its own files with, as far as its code says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CipherKeys {
    /// Keys given to ciphers.
    pub keys: BTreeSet<Vec<u8>>,
    /// Initial values given to ciphers.
    pub vectors: BTreeSet<Vec<u8>>,
    /// Constants beside code that applies exclusive or to bytes.
    pub masks: BTreeSet<Vec<u8>>,
}

impl CipherKeys {
    /// Whether there is nothing to try.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.masks.is_empty()
    }
}

/// Arguments of a call, as far as they are known.
type Arguments = Vec<Option<Constant>>;

/// What a run leaves behind for this search.
#[derive(Debug, Default)]
pub(super) struct Material {
    found: CipherKeys,
    /// Calls of these are noted.
    wanted: Arc<FxHashSet<MethodId>>,
    calls: Vec<(MethodId, Arguments)>,
    /// Whether the code that runs is near an exclusive or.
    takes_masks: bool,
}

impl Material {
    pub(super) fn note_object(&mut self, object: &Object) {
        match object {
            Object::Key(key) => keep(&mut self.found.keys, key, 1, KEYS_MAX),
            Object::Vector(vector) => keep(&mut self.found.vectors, vector, 1, VECTORS_MAX),
            _ => {}
        }
    }

    pub(super) fn note_call(&mut self, heap: &Heap, target: MethodId, parameters: &str, values: &[Value]) {
        if !self.wanted.contains(&target) || self.calls.len() >= CALLS_MAX {
            return;
        }
        let types: Vec<&str> = library::parameter_types(parameters).collect();
        // The receiver has no type among them.
        let unknown = values.len().saturating_sub(types.len());
        let known = values.iter().skip(unknown).zip(types);
        let known = known.map(|(value, ty)| heap.export(value, ty.starts_with(['L', '['])));
        let arguments: Arguments = std::iter::repeat_n(None, unknown).chain(known).collect();
        if self.takes_masks {
            arguments.iter().flatten().for_each(|constant| self.found.note_mask(constant));
        }
        let tells = |constant: &Constant| matches!(constant, Constant::Text(_) | Constant::Array(_));
        if arguments.iter().flatten().any(tells) {
            self.calls.push((target, arguments));
        }
    }

    pub(super) fn note_value(&mut self, heap: &Heap, value: &Value) {
        if self.takes_masks
            && let Some(constant) = heap.export(value, true)
        {
            self.found.note_mask(&constant);
        }
    }
}

impl CipherKeys {
    fn note_mask(&mut self, constant: &Constant) {
        let bytes = constant.bytes().or_else(|| constant.text().map(String::into_bytes));
        if let Some(bytes) = bytes {
            keep(&mut self.masks, &bytes, MASK_LEN_MIN, MASKS_MAX);
        }
    }
}

fn keep(kept: &mut BTreeSet<Vec<u8>>, bytes: &[u8], len_min: usize, count_max: usize) {
    if (len_min..=KEY_LEN_MAX).contains(&bytes.len()) && kept.len() < count_max {
        kept.insert(bytes.to_vec());
    }
}

/// Finds the keys of a program.
#[must_use]
pub fn cipher_keys(program: &Program, bodies: &dyn Bodies) -> CipherKeys {
    let makers = makers(program, bodies);
    if makers.wanted.is_empty() {
        return CipherKeys::default();
    }
    let mut interpreter = Interpreter::new(program, bodies, Limits::default());
    interpreter = interpreter.with_writes(StaticWrites::scan(program, bodies));
    let mut wanted: Vec<MethodId> = makers.wanted.iter().copied().collect();
    wanted.sort_unstable();
    let mut material = Material { wanted: Arc::new(makers.wanted), ..Material::default() };
    let mut waiting: VecDeque<(MethodId, Arguments)> = wanted.into_iter().map(|method| (method, Vec::new())).collect();
    let mut seen: FxHashSet<(MethodId, Arguments)> = FxHashSet::default();
    while let Some((method, arguments)) = waiting.pop_front() {
        let is_new = seen.len() < METHODS_MAX.saturating_add(CALLS_MAX) && seen.insert((method, arguments.clone()));
        if let Some(body) = interpreter.body(method).filter(|_| is_new) {
            material.takes_masks = makers.near_mask.contains(&method);
            material = interpreter.gather(method, &body, &arguments, material);
            waiting.extend(material.calls.drain(..));
        }
    }
    material.found
}

impl Interpreter<'_> {
    /// Follows a method from its start, and folds its blocks.
    fn gather(&mut self, method: MethodId, body: &Arc<Body>, arguments: &Arguments, material: Material) -> Material {
        let class = self.program.method(method).map(|method| method.class);
        let initialised = class.filter(|_| is_initialiser(self.program, method));
        let mut material = material;
        for mode in [Mode::Observe, Mode::Scan] {
            let Some(mut world) = self.begin(mode, body, arguments, initialised) else { continue };
            world.material = Some(material);
            let mut world = if mode == Mode::Observe {
                self.run(world).0
            } else {
                self.fold_begun(&mut world, body);
                world
            };
            material = world.material.take().unwrap_or_default();
        }
        material
    }

    fn begin(&self, mode: Mode, body: &Arc<Body>, arguments: &Arguments, initialised: Option<TypeId>) -> Option<World> {
        let mut world = World::new(self, mode);
        world.give_steps(METHOD_STEPS_MAX);
        world.initialising = initialised;
        let mut values = Vec::with_capacity(body.parameters.len());
        for place in 0..body.parameters.len() {
            let known = arguments.get(place).and_then(Option::as_ref);
            values.push(known.map_or(Ok(Value::Unknown), |constant| world.heap.import(constant)).ok()?);
        }
        world.push(Arc::clone(body), values, None).ok()?;
        Some(world)
    }
}

/// Methods that make a key or lay a mask, and their callers.
#[derive(Default)]
struct Makers {
    wanted: FxHashSet<MethodId>,
    /// Those that lay a mask, and those that call them.
    near_mask: FxHashSet<MethodId>,
}

fn makers(program: &Program, bodies: &dyn Bodies) -> Makers {
    let known = |class: &str| (class == VECTOR || keys::is_specification(class)).then_some(());
    let constructors: FxHashSet<MethodId> =
        keys::constructors(program, known).into_iter().map(|(method, ())| method).collect();
    let mut callers: FxHashMap<MethodId, Vec<MethodId>> = FxHashMap::default();
    let (mut key_makers, mut masks) = (Vec::new(), Vec::new());
    for class in program.classes() {
        for definition in class.methods.iter().filter(|definition| definition.code.is_some()) {
            let method = definition.method;
            let Some(body) = bodies.body(method) else { continue };
            let mut called: Vec<MethodId> = Vec::new();
            let (mut makes_key, mut has_xor, mut puts_byte) = (false, false, false);
            for instruction in &body.instructions {
                match &instruction.op {
                    Op::Invoke { method, .. } => called.push(*method),
                    Op::Binary { op: BinaryOp::Xor, .. } => has_xor = true,
                    Op::ArrayPut { kind: ElementKind::Byte, .. } => puts_byte = true,
                    _ => {}
                }
            }
            called.sort_unstable();
            called.dedup();
            for target in called {
                makes_key |= constructors.contains(&target);
                if program.method(target).is_some_and(|target| program.class_of(target.class).is_some()) {
                    callers.entry(target).or_default().push(method);
                }
            }
            if makes_key {
                key_makers.push(method);
            }
            if has_xor && puts_byte {
                masks.push(method);
            }
        }
    }
    let mut makers = Makers::default();
    makers.near_mask.extend(masks.iter().take(METHODS_MAX));
    makers.near_mask.extend(masks.iter().filter_map(|mask| callers.get(mask)).flatten());
    let mut level: Vec<MethodId> = key_makers.into_iter().chain(masks).collect();
    for _ in 0..=CALLERS_DEPTH_MAX {
        level.retain(|&method| makers.wanted.len() < METHODS_MAX && makers.wanted.insert(method));
        level = level.iter().filter_map(|method| callers.get(method)).flatten().copied().collect();
    }
    makers
}
