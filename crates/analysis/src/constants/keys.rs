//! Keys of ciphers that are constants of the code.
//!
//! Everybody who has the app has such a key. A key is what a key specification of `javax.crypto` is made of; where that is a
//! parameter of the method, it is what the callers give for it, a few calls up. Each method is folded block by block, as for hidden
//! strings, so that a key may be hidden too. Not seen: keys that lie in fields of objects, and ciphers that the app has of its own.

use std::sync::Arc;

use code::{Body, MethodId, Op, Program, ValueId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::world::{Mode, World};
use super::{ArrayConstant, Bodies, Constant, Interpreter, Limits, StaticWrites};

/// From the specification up to the method that has the constant: helpers are seldom more than two deep.
const CALLS_UP_MAX: usize = 4;
/// Instructions a value is followed back through, inside one method.
const STEPS_BACK_MAX: usize = 16;
/// Keys listed of one program.
const KEYS_MAX: usize = 64;

/// A key that the code fixes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConstantKey {
    /// The cipher it is for, as the code names it; absent where that is not constant.
    pub algorithm: Option<String>,
    /// Its bytes, or those of the text it is made of.
    pub key: Vec<u8>,
    /// The method that has it.
    pub method: MethodId,
    /// The call that gives it on: address in 16-bit code units.
    pub code_unit: u32,
}

/// A method that makes one of its arguments a key.
#[derive(Debug, Clone, Default)]
struct KeyMaker {
    /// Positions among the arguments, the receiver first if there is one.
    key: usize,
    algorithm: Algorithm,
}

#[derive(Debug, Clone, Default)]
enum Algorithm {
    #[default]
    Unknown,
    Named(String),
    Argument(usize),
}

/// Methods of the platform whose result is their receiver, or first argument, in another form or a part of it. Others may mix in
/// what is not constant.
const PASSING: [&str; 12] = [
    "getBytes",
    "toCharArray",
    "valueOf",
    "toString",
    "trim",
    "substring",
    "toLowerCase",
    "toUpperCase",
    "copyOf",
    "copyOfRange",
    "decode",
    "clone",
];

/// The key specifications of the platform: class, and what the cipher is.
const SPECIFICATIONS: [(&str, Option<&str>); 3] = [
    ("Ljavax/crypto/spec/SecretKeySpec;", None),
    ("Ljavax/crypto/spec/DESKeySpec;", Some("DES")),
    ("Ljavax/crypto/spec/DESedeKeySpec;", Some("DESede")),
];

/// Calls of key makers, as they are seen while a method is folded.
#[derive(Debug)]
pub(super) struct KeyCalls {
    makers: FxHashSet<MethodId>,
    seen: Vec<KeyCall>,
}

#[derive(Debug)]
struct KeyCall {
    instruction: usize,
    maker: MethodId,
    arguments: Vec<Option<Constant>>,
}

impl KeyCalls {
    /// A call, if it is one of a key maker.
    pub(super) fn note(
        &mut self,
        instruction: usize,
        maker: MethodId,
        arguments: impl Iterator<Item = Option<Constant>>,
    ) {
        if self.makers.contains(&maker) && self.seen.len() < KEYS_MAX {
            self.seen.push(KeyCall { instruction, maker, arguments: arguments.collect() });
        }
    }
}

/// The constant keys of a program, sorted.
#[must_use]
pub fn constant_keys(program: &Program, bodies: &dyn Bodies) -> Vec<ConstantKey> {
    let mut makers = specifications(program);
    if makers.is_empty() {
        return Vec::new();
    }
    let callers = callers(program, bodies);
    let mut interpreter =
        Interpreter::new(program, bodies, Limits::default()).with_writes(StaticWrites::scan(program, bodies));
    let mut found = Vec::new();
    let mut asked: FxHashSet<MethodId> = makers.keys().copied().collect();
    for _ in 0..CALLS_UP_MAX {
        let mut methods: Vec<MethodId> =
            makers.keys().filter_map(|maker| callers.get(maker)).flatten().copied().collect();
        methods.sort_unstable();
        methods.dedup();
        let mut next = FxHashMap::default();
        for method in methods {
            let Some(body) = bodies.body(method) else { continue };
            found.extend(interpreter.constant_keys_of(method, &body, &makers));
            let maker =
                body.instructions.iter().find_map(|instruction| handed_on(program, &body, &instruction.op, &makers));
            if let Some(maker) = maker.filter(|_| asked.insert(method)) {
                next.insert(method, maker);
            }
        }
        if next.is_empty() || found.len() >= KEYS_MAX {
            break;
        }
        makers = next;
    }
    found.sort();
    found.dedup();
    found.truncate(KEYS_MAX);
    found
}

/// Constructors of key specifications that the program names.
fn specifications(program: &Program) -> FxHashMap<MethodId, KeyMaker> {
    let known = |class: &str| SPECIFICATIONS.iter().find(|(known, _)| *known == class).map(|(_, fixed)| *fixed);
    let maker = |(id, fixed): (MethodId, Option<&str>)| {
        let algorithm = match fixed {
            Some(name) => Algorithm::Named(name.to_owned()),
            // The last parameter; the receiver is the first argument.
            None => Algorithm::Argument(program.method(id)?.parameters.len()),
        };
        Some((id, KeyMaker { key: 1, algorithm }))
    };
    constructors(program, known).into_iter().filter_map(maker).collect()
}

/// Constructors that the program names of classes that `known` tells something of.
pub(super) fn constructors<T>(program: &Program, known: impl Fn(&str) -> Option<T>) -> Vec<(MethodId, T)> {
    // Ids are counted in 32 bits.
    let ids = (0..program.method_count()).map(|id| MethodId(u32::try_from(id).unwrap_or(u32::MAX)));
    let constructor = |id: MethodId| {
        let method = program.method(id).filter(|method| program.text(method.name) == "<init>")?;
        Some((id, known(program.descriptor(method.class))?))
    };
    ids.filter_map(constructor).collect()
}

pub(super) fn is_specification(class: &str) -> bool {
    SPECIFICATIONS.iter().any(|(known, _)| *known == class)
}

/// Methods with code, by a method that they call.
fn callers(program: &Program, bodies: &dyn Bodies) -> FxHashMap<MethodId, Vec<MethodId>> {
    let mut callers: FxHashMap<MethodId, Vec<MethodId>> = FxHashMap::default();
    for class in program.classes() {
        for definition in class.methods.iter().filter(|definition| definition.code.is_some()) {
            let Some(body) = bodies.body(definition.method) else { continue };
            for instruction in &body.instructions {
                let Op::Invoke { method, .. } = &instruction.op else { continue };
                let known = callers.entry(*method).or_default();
                if known.last() != Some(&definition.method) {
                    known.push(definition.method);
                }
            }
        }
    }
    callers
}

/// What a method makes of a parameter, if this call makes it a key.
fn handed_on(program: &Program, body: &Body, op: &Op, makers: &FxHashMap<MethodId, KeyMaker>) -> Option<KeyMaker> {
    let Op::Invoke { method, arguments, .. } = op else { return None };
    let maker = makers.get(method)?;
    let key = parameter(program, body, *arguments.get(maker.key)?)?;
    let algorithm = match &maker.algorithm {
        Algorithm::Argument(at) => {
            let value = arguments.get(*at).copied();
            let text = value.and_then(|value| literal(program, body, value));
            let given = value.and_then(|value| parameter(program, body, value));
            text.map(Algorithm::Named).or(given.map(Algorithm::Argument)).unwrap_or_default()
        }
        known => known.clone(),
    };
    Some(KeyMaker { key, algorithm })
}

fn definition(body: &Body, value: ValueId) -> Option<&Op> {
    let defines = |op: &Op| match op {
        Op::Invoke { to, .. } => *to == Some(value),
        Op::Text { to, .. } | Op::Cast { to, .. } => *to == value,
        _ => false,
    };
    body.instructions.iter().map(|instruction| &instruction.op).find(|op| defines(op))
}

fn literal(program: &Program, body: &Body, value: ValueId) -> Option<String> {
    match definition(body, value)? {
        Op::Text { text, .. } => Some(program.text(*text).to_owned()),
        _ => None,
    }
}

/// The parameter that a value is another form of.
fn parameter(program: &Program, body: &Body, mut value: ValueId) -> Option<usize> {
    for _ in 0..STEPS_BACK_MAX {
        if let Some(position) = body.parameters.iter().position(|parameter| *parameter == value) {
            return Some(position);
        }
        value = match definition(body, value)? {
            Op::Cast { from, .. } => *from,
            Op::Invoke { method, arguments, .. } => {
                let called = program.method(*method)?;
                let passes = PASSING.contains(&program.text(called.name)) && program.class_of(called.class).is_none();
                *arguments.first().filter(|_| passes)?
            }
            _ => return None,
        };
    }
    None
}

impl Interpreter<'_> {
    fn constant_keys_of(
        &mut self,
        method: MethodId,
        body: &Arc<Body>,
        makers: &FxHashMap<MethodId, KeyMaker>,
    ) -> Vec<ConstantKey> {
        let mut world = World::new(self, Mode::Scan);
        world.key_calls = Some(KeyCalls { makers: makers.keys().copied().collect(), seen: Vec::new() });
        self.fold_all(&mut world, body, None);
        let calls = world.key_calls.map(|calls| calls.seen).unwrap_or_default();
        let key = |call: KeyCall| {
            let maker = makers.get(&call.maker)?;
            let argument = |at: usize| call.arguments.get(at)?.as_ref();
            let algorithm = match &maker.algorithm {
                Algorithm::Unknown => None,
                Algorithm::Named(name) => Some(name.clone()),
                Algorithm::Argument(at) => argument(*at).and_then(Constant::text),
            };
            let code_unit = body.instructions.get(call.instruction)?.address;
            Some(ConstantKey { algorithm, key: key_bytes(argument(maker.key)?)?, method, code_unit })
        };
        calls.into_iter().filter_map(key).collect()
    }
}

/// What a key is made of; nothing is no key.
fn key_bytes(constant: &Constant) -> Option<Vec<u8>> {
    let bytes = match constant {
        Constant::Text(_) => constant.text()?.into_bytes(),
        Constant::Array(array) => match &**array {
            // Bytes are kept sign-extended; the low eight bits are the byte.
            ArrayConstant::Numbers { values, .. } => values.iter().map(|&value| value as u8).collect(),
            ArrayConstant::Objects(_) => return None,
        },
        _ => return None,
    };
    (!bytes.is_empty()).then_some(bytes)
}
