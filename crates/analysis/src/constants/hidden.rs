//! The strings an app hides: spelled as arrays of characters or bytes, or computed by its own pure methods.
//!
//! Each method is looked at twice. First it is followed from its start, with unknown parameters, as far as that goes.
//! Then each of its blocks is folded alone: what earlier code surely assigned is known, the state of objects is not,
//! except along a chain of blocks with one way in.

use std::sync::Arc;

use code::{BlockId, Body, ElementKind, InvokeKind, MethodId, Op, Program, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::value::{Text, Value};
use super::world::{Flow, Mode, World, join};
use super::writes::is_initialiser;
use super::{Bodies, Interpreter, Limits, StaticWrites, Stop};

/// Instructions spent on following one method.
const METHOD_STEPS: u64 = 50_000;
/// Strings reported for one method: a table of a thousand entries is read, a loop that makes strings is cut.
const STRINGS_PER_METHOD_MAX: usize = 4096;
/// Instructions searched for the literals that a computed string may be put together from.
const INSTRUCTIONS_SEARCHED_MAX: usize = 4096;
/// Units of the text that they are looked for in.
const UNITS_SEARCHED_MAX: usize = 256;

/// A string that no string table shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenString {
    /// The method whose code makes it.
    pub method: MethodId,
    /// The call that yields it: address in 16-bit code units.
    pub code_unit: u32,
    /// How it was hidden.
    pub how: How,
    /// The text.
    pub value: String,
}

/// How a string was hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// As a `char[]`.
    Characters,
    /// As a `byte[]`: plain, encoded or enciphered.
    Bytes,
    /// Put together character by character.
    Assembled,
    /// As the result of this method of the app.
    Computed(MethodId),
}

/// A string that an instruction made.
#[derive(Debug)]
pub(super) struct Observation {
    /// Index in [`Body::instructions`].
    pub(super) instruction: usize,
    pub(super) text: Text,
    pub(super) is_assembled: bool,
}

/// Finds the hidden strings of a program, in the order of its classes, methods and code.
#[must_use]
pub fn hidden_strings(program: &Program, bodies: &dyn Bodies) -> Vec<HiddenString> {
    let limits = Limits::default();
    let mut interpreter = Interpreter::new(program, bodies, limits).with_writes(StaticWrites::scan(program, bodies));
    let mut interest = Interest { program, calls: FxHashMap::default() };
    let mut strings = Vec::new();
    for class in program.classes() {
        for definition in class.methods.iter().filter(|definition| definition.code.is_some()) {
            let Some(body) = bodies.body(definition.method) else { continue };
            if interest.is_worth_it(&body) {
                strings.extend(interpreter.hidden_strings_of(definition.method, &body));
            }
        }
    }
    strings
}

/// Tells methods that may make hidden strings from all others, which are most.
struct Interest<'p> {
    program: &'p Program,
    calls: FxHashMap<MethodId, bool>,
}

impl Interest<'_> {
    fn is_worth_it(&mut self, body: &Body) -> bool {
        body.instructions.iter().any(|instruction| match &instruction.op {
            Op::ArrayData { .. } => true,
            Op::ArrayPut { kind: ElementKind::Char | ElementKind::Byte, .. } => true,
            Op::Invoke { kind, method, .. } => self.is_call_worth_it(*kind, *method),
            _ => false,
        })
    }

    fn is_call_worth_it(&mut self, kind: InvokeKind, method: MethodId) -> bool {
        let program = self.program;
        *self.calls.entry(method).or_insert_with(|| {
            let Some(reference) = program.method(method) else { return false };
            let class = program.descriptor(reference.class);
            let first = reference.parameters.first().map(|&ty| program.descriptor(ty));
            match class {
                "Ljava/lang/String;" => matches!(first, Some("[C" | "[B")),
                "Ljava/lang/StringBuilder;" | "Ljava/lang/StringBuffer;" => first == Some("C"),
                _ if program.class_of(reference.class).is_some() => {
                    kind != InvokeKind::Interface
                        && first.is_some()
                        && program.descriptor(reference.return_type) == "Ljava/lang/String;"
                }
                _ => false,
            }
        })
    }
}

impl Interpreter<'_> {
    fn hidden_strings_of(&mut self, method: MethodId, body: &Arc<Body>) -> Vec<HiddenString> {
        let mut found: Vec<HiddenString> = Vec::new();
        let mut seen: FxHashSet<(usize, Text)> = FxHashSet::default();
        let initialised = self.program.method(method).map(|method| method.class);
        let initialised = initialised.filter(|_| is_initialiser(self.program, method));
        let mut observations = self.follow(body, initialised);
        observations.extend(self.fold_blocks(body, initialised));
        for observation in observations {
            if observation.text.is_empty() || found.len() >= STRINGS_PER_METHOD_MAX {
                continue;
            }
            if !seen.insert((observation.instruction, Text::clone(&observation.text))) {
                continue;
            }
            let Some(instruction) = body.instructions.get(observation.instruction) else { continue };
            let Some(how) = self.how(body, &instruction.op, &observation) else { continue };
            let value = String::from_utf16_lossy(&observation.text);
            found.push(HiddenString { method, code_unit: instruction.address, how, value });
        }
        // Stable: strings of one call stay in the order it made them.
        found.sort_by_key(|string| string.code_unit);
        found
    }

    /// How the call hid the string; `None` if it did not.
    fn how(&mut self, body: &Body, op: &Op, observation: &Observation) -> Option<How> {
        let Op::Invoke { method, .. } = op else { return None };
        let reference = self.program.method(*method)?;
        let is_in_table = || self.program.find_string(&String::from_utf16_lossy(&observation.text)).is_some();
        let first = reference.parameters.first().map(|&ty| self.program.descriptor(ty));
        match (self.program.descriptor(reference.class), first) {
            ("Ljava/lang/String;", Some("[C")) => Some(How::Characters),
            ("Ljava/lang/String;", Some("[B")) if !is_in_table() => Some(How::Bytes),
            ("Ljava/lang/String;", _) => None,
            ("Ljava/lang/StringBuilder;" | "Ljava/lang/StringBuffer;", None) if observation.is_assembled => {
                (!is_in_table()).then_some(How::Assembled)
            }
            _ if self.program.class_of(reference.class).is_some() => {
                let callee = self.dispatch(reference.class, *method).and_then(|callee| self.body(callee));
                let bodies = [Some(body), callee.as_deref()];
                let is_visible = is_in_table() || self.is_spelled_out(&observation.text, &bodies);
                (!is_visible).then_some(How::Computed(*method))
            }
            _ => None,
        }
    }

    /// Whether literals of these bodies make up at least half of a text: then it is put together, not hidden.
    fn is_spelled_out(&mut self, text: &[u16], bodies: &[Option<&Body>]) -> bool {
        let text = text.get(..UNITS_SEARCHED_MAX).unwrap_or(text);
        let mut covered = vec![false; text.len()];
        let instructions = bodies.iter().flatten().flat_map(|body| &body.instructions);
        for instruction in instructions.take(INSTRUCTIONS_SEARCHED_MAX) {
            let Op::Text { text: literal, .. } = instruction.op else { continue };
            let literal = self.program.utf16(literal);
            // One unit is in many a text.
            if literal.len() < 2 {
                continue;
            }
            self.total_steps_left = self.total_steps_left.saturating_sub(text.len() as u64 / 16 + 1);
            for (start, window) in text.windows(literal.len()).enumerate() {
                if window == literal {
                    covered.iter_mut().skip(start).take(literal.len()).for_each(|unit| *unit = true);
                }
            }
        }
        covered.iter().filter(|&&unit| unit).count().saturating_mul(2) >= text.len()
    }

    /// Follows a method from its start with unknown parameters.
    fn follow(&mut self, body: &Arc<Body>, initialised: Option<TypeId>) -> Vec<Observation> {
        let mut world = World::new(self, Mode::Observe);
        world.give_steps(METHOD_STEPS);
        world.observations = Some(Vec::new());
        world.initialising = initialised;
        if world.push(Arc::clone(body), vec![Value::Unknown; body.parameters.len()], None).is_err() {
            return Vec::new();
        }
        let (world, _) = self.run(world);
        world.observations.unwrap_or_default()
    }

    /// Folds each block alone.
    fn fold_blocks(&mut self, body: &Arc<Body>, initialised: Option<TypeId>) -> Vec<Observation> {
        let mut world = World::new(self, Mode::Scan);
        world.observations = Some(Vec::new());
        self.fold_all(&mut world, body, initialised);
        world.observations.unwrap_or_default()
    }

    /// Folds each block of a body alone, with unknown parameters.
    pub(super) fn fold_all(&mut self, world: &mut World, body: &Arc<Body>, initialised: Option<TypeId>) {
        world.give_steps(METHOD_STEPS);
        world.initialising = initialised;
        if world.push(Arc::clone(body), vec![Value::Unknown; body.parameters.len()], None).is_err() {
            return;
        }
        self.fold_begun(world, body);
    }

    /// Folds each block alone of the method that `world` has begun.
    pub(super) fn fold_begun(&mut self, world: &mut World, body: &Body) {
        let mut before = None;
        for index in 0..body.blocks.len() {
            // A body has fewer blocks than code units, which are counted in 32 bits.
            let id = BlockId(index as u32);
            let result = self.fold_block(world, body, id, before);
            before = result.is_ok().then_some(id);
            if matches!(result, Err(Stop::Fuel | Stop::Memory)) {
                break;
            }
        }
        self.settle(world);
    }

    fn fold_block(&mut self, world: &mut World, body: &Body, id: BlockId, before: Option<BlockId>) -> Result<(), Stop> {
        let Some(block) = body.blocks.get(id.index()) else { return Ok(()) };
        let follows_on = before.is_some_and(|before| {
            block.predecessors == [before]
                && body.blocks.get(before.index()).is_some_and(|before| before.successors.contains(&id))
        });
        if !follows_on {
            world.heap.reset();
            world.statics.clear();
            world.has_lost_statics = true;
        }
        let Some(frame) = world.frames.last_mut() else { return Err(Stop::Unknown) };
        for phi in &block.phis {
            let known: Option<Vec<&Value>> =
                phi.from.iter().map(|(_, value)| frame.values.get(value.index())?.as_ref()).collect();
            let joined = known.and_then(|known| join(known.into_iter())).filter(Value::is_immutable);
            if let Some(place) = frame.values.get_mut(phi.to.index()) {
                *place = Some(joined.unwrap_or(Value::Unknown));
            }
        }
        frame.block = id;
        frame.next = block.first;
        while let Some(frame) = world.frames.last()
            && frame.next < block.end
        {
            let index = frame.next;
            let is_end = body.instructions.get(index as usize).is_none_or(|instruction| {
                matches!(
                    instruction.op,
                    Op::If { .. } | Op::Goto | Op::Switch { .. } | Op::Return { .. } | Op::Throw { .. }
                )
            });
            if is_end {
                break;
            }
            if let Flow::Initialise(class) = self.step(world)? {
                self.settle(world);
                self.initialise(class);
                if let Some(frame) = world.frames.last_mut() {
                    frame.next = index;
                }
            }
        }
        Ok(())
    }
}
