//! The state of one run: frames on an explicit stack, a heap, a view of static fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use code::{BlockId, Body, FieldId, MethodId, TypeId, ValueId};
use rustc_hash::FxHashSet;

use super::cipher_keys::Material;
use super::heap::Heap;
use super::hidden::Observation;
use super::keys::KeyCalls;
use super::value::{Text, Value};
use super::{Interpreter, Stop};

/// Memory of registers of all frames, in multiples of the memory limit.
const FRAME_BYTES_FACTOR: u64 = 8;

/// How calls of the program's methods are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// All are entered.
    Run,
    /// From the first frame, only those with known arguments are entered: the frame began with unknown ones.
    Observe,
    /// One block at a time; nothing is entered in this world.
    Scan,
}

/// A method under way.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) body: Arc<Body>,
    pub(super) block: BlockId,
    /// Index of the next instruction.
    pub(super) next: u32,
    /// By [`ValueId`]; `None` until assigned.
    pub(super) values: Vec<Option<Value>>,
    /// Where the caller wants the result.
    pub(super) result: Option<ValueId>,
    /// Objects of the caller that this method may change.
    pub(super) arguments: Vec<Value>,
    pub(super) caught: Value,
}

/// One run: its frames, its heap, its view of static fields.
#[derive(Debug)]
pub(super) struct World {
    pub(super) mode: Mode,
    pub(super) frames: Vec<Frame>,
    pub(super) heap: Heap,
    /// Static fields written in this run, or whose objects were brought in.
    pub(super) statics: BTreeMap<FieldId, Value>,
    pub(super) has_lost_statics: bool,
    /// Classes that cannot be initialised from here: they are waiting for us.
    pub(super) unavailable: FxHashSet<TypeId>,
    /// The class whose initialiser this is.
    pub(super) initialising: Option<TypeId>,
    /// Lowest position of a waiting initialiser that this one would have needed.
    pub(super) lowest: usize,
    /// The first method that was not followed.
    pub(super) impure: Option<Arc<str>>,
    pub(super) observations: Option<Vec<Observation>>,
    pub(super) key_calls: Option<KeyCalls>,
    /// What a search for keys takes from this run, if it is one.
    pub(super) material: Option<Material>,
    depth: usize,
    frame_bytes_left: u64,
    pub(super) steps_given: u64,
}

/// Why a world does not go on.
pub(super) enum Pause {
    Initialise(TypeId),
    Finished(Result<Value, Stop>),
}

/// What an instruction did.
pub(super) enum Flow {
    Next,
    Initialise(TypeId),
    Finished(Value),
}

impl World {
    pub(super) fn new(interpreter: &Interpreter<'_>, mode: Mode) -> Self {
        let mut limits = interpreter.limits;
        limits.fuel_steps = limits.fuel_steps.min(interpreter.total_steps_left);
        Self {
            mode,
            frames: Vec::new(),
            heap: Heap::new(&limits),
            statics: BTreeMap::new(),
            has_lost_statics: false,
            unavailable: FxHashSet::default(),
            initialising: None,
            lowest: usize::MAX,
            impure: None,
            observations: None,
            key_calls: None,
            material: None,
            depth: limits.depth,
            frame_bytes_left: limits.bytes.saturating_mul(FRAME_BYTES_FACTOR),
            steps_given: limits.fuel_steps,
        }
    }

    /// Grants fewer steps than the limits do.
    pub(super) fn give_steps(&mut self, steps: u64) {
        self.heap.steps_left = self.heap.steps_left.min(steps);
        self.steps_given = self.heap.steps_left;
    }

    /// Begins a method.
    pub(super) fn push(&mut self, body: Arc<Body>, arguments: Vec<Value>, result: Option<ValueId>) -> Result<(), Stop> {
        if self.frames.len() >= self.depth {
            return Err(Stop::Depth);
        }
        let bytes = body.values.len().saturating_mul(size_of::<Option<Value>>());
        self.frame_bytes_left = self.frame_bytes_left.checked_sub(bytes as u64).ok_or(Stop::Memory)?;
        self.heap.work(body.values.len())?;
        let mut values = vec![None; body.values.len()];
        for (parameter, argument) in body.parameters.iter().zip(&arguments) {
            if let Some(place) = values.get_mut(parameter.index()) {
                *place = Some(argument.clone());
            }
        }
        let next = body.blocks.first().map_or(0, |block| block.first);
        let arguments = arguments.into_iter().filter(|argument| matches!(argument, Value::Object(_))).collect();
        let block = BlockId(0);
        self.frames.push(Frame { body, block, next, values, result, arguments, caught: Value::Unknown });
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop()?;
        let bytes = frame.values.len().saturating_mul(size_of::<Option<Value>>());
        self.frame_bytes_left = self.frame_bytes_left.saturating_add(bytes as u64);
        Some(frame)
    }

    /// What a register of the current frame holds.
    pub(super) fn read(&self, id: ValueId) -> Value {
        let value = self.frames.last().and_then(|frame| frame.values.get(id.index())).and_then(Option::as_ref);
        value.map_or(Value::Unknown, |value| self.heap.resolve(value))
    }

    pub(super) fn write(&mut self, id: ValueId, value: Value) {
        if let Some(place) = self.frames.last_mut().and_then(|frame| frame.values.get_mut(id.index())) {
            *place = Some(value);
        }
    }

    /// Goes on at the start of a block, joining values.
    pub(super) fn enter(&mut self, to: BlockId) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else { return Err(Stop::Unknown) };
        let body = Arc::clone(&frame.body);
        let block = body.blocks.get(to.index()).ok_or(Stop::Unknown)?;
        let mut joined = Vec::with_capacity(block.phis.len());
        for phi in &block.phis {
            self.heap.work(phi.from.len())?;
            let from = frame.block;
            let values = phi.from.iter().filter(|(block, _)| *block == from);
            joined.push((phi.to, join(values.filter_map(|(_, value)| frame.values.get(value.index())?.as_ref()))));
        }
        for (to, value) in joined {
            if let Some(place) = frame.values.get_mut(to.index()) {
                *place = value;
            }
        }
        frame.block = to;
        frame.next = block.first;
        Ok(())
    }

    /// Notes a call that the current instruction of the first frame makes, if it is of those asked for.
    pub(super) fn note_call(&mut self, method: MethodId, values: &[Value]) {
        if let (Some(calls), [frame]) = (&mut self.key_calls, &self.frames[..]) {
            let index = frame.next.saturating_sub(1) as usize;
            calls.note(index, method, values.iter().map(|value| self.heap.export(value, true)));
        }
    }

    /// Notes a string that the current instruction of the first frame made.
    pub(super) fn observe(&mut self, value: &Value, is_assembled: bool) {
        if let (Some(observations), [frame], Value::Text(text)) = (&mut self.observations, &self.frames[..], value) {
            let index = frame.next.saturating_sub(1) as usize;
            observations.push(Observation { instruction: index, text: Text::clone(text), is_assembled });
        }
    }
}

/// What several registers have in common. On an exceptional edge, a register may have had any of the values that are
/// assigned by now.
pub(super) fn join<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Value> {
    let mut joined: Option<Value> = None;
    for value in values {
        match &joined {
            None => joined = Some(value.clone()),
            Some(known) if known.is_same_constant(value) => {}
            Some(_) => return Some(Value::Unknown),
        }
    }
    joined
}
