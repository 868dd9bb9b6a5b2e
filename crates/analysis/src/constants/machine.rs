//! One instruction after the other: frames on an explicit stack, every step paid for.

use std::collections::BTreeMap;
use std::sync::Arc;

use code::{Block, BlockId, Body, ElementKind, FieldId, NumberKind, Op, TypeId, ValueId};
use rustc_hash::FxHashSet;

use super::arithmetic::{binary, holds, unary};
use super::exceptions::{Thrown, catches};
use super::heap::{Array, Heap, Instance, Object};
use super::hidden::Observation;
use super::library;
use super::statics::Found;
use super::value::{Element, Text, Value};
use super::{Interpreter, Stop};

/// Memory of registers of all frames, in multiples of the memory limit.
const FRAME_BYTES_FACTOR: u64 = 8;

const NULL_POINTER: Thrown = Thrown::Library("Ljava/lang/NullPointerException;");
const ARRAY_BOUNDS: Thrown = Thrown::Library("Ljava/lang/ArrayIndexOutOfBoundsException;");

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
    result: Option<ValueId>,
    /// Objects of the caller that this method may change.
    arguments: Vec<Value>,
    caught: Value,
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
    depth: usize,
    frame_bytes_left: u64,
    steps_given: u64,
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
    fn enter(&mut self, to: BlockId) -> Result<(), Stop> {
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

impl Interpreter<'_> {
    /// Runs until the world is done or needs a class. A called method that depends on something unknown is given up: its
    /// result is unknown, and so is everything it could have changed.
    pub(super) fn advance(&mut self, world: &mut World) -> Pause {
        loop {
            let result = match self.step(world) {
                Ok(Flow::Next) => continue,
                Ok(Flow::Initialise(class)) => {
                    if let Some(frame) = world.frames.last_mut() {
                        frame.next = frame.next.saturating_sub(1);
                    }
                    return Pause::Initialise(class);
                }
                Ok(Flow::Finished(value)) => Ok(value),
                Err(Stop::Unknown) if world.frames.len() > 1 => match self.give_up_call(world) {
                    Ok(()) => continue,
                    Err(stop) => Err(stop),
                },
                Err(stop) => Err(stop),
            };
            self.settle(world);
            return Pause::Finished(result);
        }
    }

    /// Takes what a world spent from the whole budget.
    pub(super) fn settle(&mut self, world: &mut World) {
        let spent = world.steps_given.saturating_sub(world.heap.steps_left);
        world.steps_given = world.heap.steps_left;
        self.total_steps_left = self.total_steps_left.saturating_sub(spent);
    }

    fn give_up_call(&mut self, world: &mut World) -> Result<(), Stop> {
        let Some(frame) = world.pop() else { return Err(Stop::Unknown) };
        world.heap.lose(frame.arguments)?;
        self.lose_statics(world)?;
        if let Some(to) = frame.result {
            world.write(to, Value::Unknown);
        }
        Ok(())
    }

    /// Executes one instruction.
    pub(super) fn step(&mut self, world: &mut World) -> Result<Flow, Stop> {
        world.heap.spend(1)?;
        let frame = world.frames.last_mut().ok_or(Stop::Unknown)?;
        let body = Arc::clone(&frame.body);
        let block = body.blocks.get(frame.block.index()).ok_or(Stop::Unknown)?;
        if frame.next >= block.end {
            let &next = block.successors.first().ok_or(Stop::Unknown)?;
            world.enter(next)?;
            return Ok(Flow::Next);
        }
        let instruction = body.instructions.get(frame.next as usize).ok_or(Stop::Unknown)?;
        frame.next = frame.next.saturating_add(1);
        match &instruction.op {
            Op::If { .. } | Op::Goto | Op::Switch { .. } | Op::Return { .. } | Op::Throw { .. } => {
                self.control(world, block, &instruction.op)
            }
            Op::Invoke { to, kind, method, arguments } => self.invoke(world, *to, *kind, *method, arguments),
            Op::StaticGet { .. } | Op::StaticPut { .. } | Op::FieldGet { .. } | Op::FieldPut { .. } => {
                self.fields(world, &instruction.op)
            }
            Op::Number { .. } | Op::Text { .. } | Op::ClassOf { .. } | Op::New { .. } | Op::Caught { .. } => {
                self.make(world, &instruction.op)
            }
            Op::Unary { .. } | Op::Binary { .. } | Op::BinaryLiteral { .. } => self.compute(world, &instruction.op),
            Op::Cast { .. } | Op::InstanceOf { .. } | Op::Unknown { .. } => self.look(world, &instruction.op),
            _ => self.arrays(world, &instruction.op),
        }
    }

    /// Passes control to a handler.
    pub(super) fn raise(&mut self, world: &mut World, thrown: Thrown, object: &Value) -> Result<Flow, Stop> {
        while world.mode != Mode::Scan
            && let Some(frame) = world.frames.last_mut()
        {
            let body = Arc::clone(&frame.body);
            let handlers = body.blocks.get(frame.block.index()).map_or(&[][..], |block| &block.handlers);
            for (caught, handler) in handlers {
                if caught.map_or(Some(true), |ty| catches(self.program, thrown, ty)).ok_or(Stop::Exception)? {
                    frame.caught = object.clone();
                    world.enter(*handler)?;
                    return Ok(Flow::Next);
                }
            }
            world.pop();
        }
        Err(Stop::Exception)
    }

    fn control(&mut self, world: &mut World, block: &Block, op: &Op) -> Result<Flow, Stop> {
        let successor = |index: usize| block.successors.get(index).copied().ok_or(Stop::Unknown);
        match op {
            Op::If { condition, left, right } => {
                let (left, right) = (world.read(*left), right.map_or(Value::NULL, |right| world.read(right)));
                let is_true = match (&left, &right) {
                    (Value::Number(left), Value::Number(right)) => holds(*condition, *left, *right),
                    _ => {
                        let same = left.same(&right).ok_or(Stop::Unknown)?;
                        // Only equality is defined on references.
                        holds(*condition, i64::from(!same), 0)
                    }
                };
                world.enter(successor(usize::from(!is_true))?)?;
            }
            Op::Goto => world.enter(successor(0)?)?,
            Op::Switch { value, keys } => {
                let Value::Number(value) = world.read(*value) else { return Err(Stop::Unknown) };
                world.heap.work(keys.len())?;
                let index = keys.iter().position(|&key| i64::from(key) == value);
                let last = block.successors.len().checked_sub(1).ok_or(Stop::Unknown)?;
                world.enter(successor(index.unwrap_or(last))?)?;
            }
            Op::Return { from } => {
                let value = from.map_or(Value::NULL, |from| world.read(from));
                let frame = world.pop().ok_or(Stop::Unknown)?;
                if world.frames.is_empty() {
                    return Ok(Flow::Finished(value));
                }
                if let Some(to) = frame.result {
                    world.write(to, value.clone());
                }
                world.observe(&value, false);
            }
            Op::Throw { from } => {
                let value = world.read(*from);
                let thrown = match world.heap.object(&value) {
                    Some(Object::Instance(instance)) => Thrown::Class(instance.class),
                    Some(Object::Opaque(ty) | Object::Fresh(ty)) => Thrown::Class(*ty),
                    _ if value.is_null() => NULL_POINTER,
                    _ => Thrown::Unknown,
                };
                return self.raise(world, thrown, &value);
            }
            _ => return Err(Stop::Unknown),
        }
        Ok(Flow::Next)
    }

    fn make(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
        let (to, value) = match op {
            Op::Number { to, value, .. } => (*to, Value::Number(*value)),
            Op::Text { to, text } => (*to, Value::Text(self.literal(*text))),
            Op::ClassOf { to, ty } => (*to, Value::Class(*ty)),
            Op::New { to, ty } => {
                let object = if self.program.class_of(*ty).is_some() {
                    Object::Instance(Instance { class: *ty, fields: Default::default(), is_lost: false })
                } else {
                    Object::Fresh(*ty)
                };
                (*to, world.heap.allocate(object)?)
            }
            Op::Caught { to } => {
                let caught = world.frames.last().map_or(Value::Unknown, |frame| frame.caught.clone());
                (*to, caught)
            }
            _ => return Err(Stop::Unknown),
        };
        world.write(to, value);
        Ok(Flow::Next)
    }

    fn compute(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
        let number = |id: ValueId| match world.read(id) {
            Value::Number(number) => Some(number),
            _ => None,
        };
        let (to, result) = match op {
            Op::Unary { to, op, from } => (*to, Ok(number(*from).map(|value| unary(*op, value)))),
            Op::Binary { to, op, kind, left, right } => {
                let operands = number(*left).zip(number(*right));
                (*to, operands.map(|(left, right)| binary(*op, *kind, left, right)).transpose())
            }
            Op::BinaryLiteral { to, op, left, right } => {
                (*to, number(*left).map(|left| binary(*op, NumberKind::Int, left, i64::from(*right))).transpose())
            }
            _ => return Err(Stop::Unknown),
        };
        match result {
            Ok(value) => world.write(to, value.map_or(Value::Unknown, Value::Number)),
            Err(_) => return self.raise(world, Thrown::Library("Ljava/lang/ArithmeticException;"), &Value::Unknown),
        }
        Ok(Flow::Next)
    }

    fn fields(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
        match op {
            Op::StaticGet { to, field } => {
                let value = match self.static_get(world, *field)? {
                    Some(Found::Initialise(class)) => return Ok(Flow::Initialise(class)),
                    Some(Found::Value(value)) => value,
                    None => self.library_field(*field).unwrap_or(Value::Unknown),
                };
                world.write(*to, value);
            }
            Op::StaticPut { from, field } => {
                let value = world.read(*from);
                if let Some((field, _)) = self.resolve_field(*field) {
                    world.heap.charge(size_of::<Value>())?;
                    world.statics.insert(field, value);
                }
            }
            Op::FieldGet { to, object, field } => {
                let object = world.read(*object);
                if object.is_null() {
                    return self.raise(world, NULL_POINTER, &Value::Unknown);
                }
                let field = self.resolve_field(*field).map(|(field, _)| field);
                let value = match (world.heap.object(&object), field) {
                    (Some(Object::Instance(instance)), Some(field)) => match instance.fields.get(&field) {
                        Some(value) => world.heap.resolve(value),
                        None if instance.is_lost => Value::Unknown,
                        None => Value::NULL,
                    },
                    _ => Value::Unknown,
                };
                world.write(*to, value);
            }
            Op::FieldPut { from, object, field } => {
                let (value, object) = (world.read(*from), world.read(*object));
                if object.is_null() {
                    return self.raise(world, NULL_POINTER, &Value::Unknown);
                }
                world.heap.charge(size_of::<Value>())?;
                let field = self.resolve_field(*field).map(|(field, _)| field);
                match (world.heap.object_mut(&object), field) {
                    (Some(Object::Instance(instance)), Some(field)) => {
                        instance.fields.insert(field, value);
                    }
                    _ => world.heap.lose([value])?,
                }
            }
            _ => return Err(Stop::Unknown),
        }
        Ok(Flow::Next)
    }

    fn library_field(&self, field: FieldId) -> Option<Value> {
        let field = self.program.field(field)?;
        library::static_field(self.program.descriptor(field.class), self.program.text(field.name))
    }

    /// Casts are taken to succeed: a program that relies on their failure is not pure folding.
    fn look(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
        match op {
            Op::Cast { to, from, .. } => {
                let value = world.read(*from);
                world.write(*to, value);
            }
            Op::InstanceOf { to, from, ty } => {
                let value = world.read(*from);
                let wanted = self.program.descriptor(*ty);
                // The library extends no class of the program.
                let is_ours = self.program.class_of(*ty).is_some();
                let is_instance = match (&value, world.heap.object(&value)) {
                    (Value::Number(0), _) => Some(false),
                    (Value::Text(_), _) if wanted == "Ljava/lang/String;" => Some(true),
                    (_, Some(Object::Instance(instance))) => {
                        let class = self.program.descriptor(instance.class);
                        let is_subtype = self.hierarchy.is_subtype(class, wanted);
                        (is_subtype || is_ours).then_some(is_subtype)
                    }
                    _ => None,
                };
                world.write(*to, is_instance.map_or(Value::Unknown, Value::boolean));
            }
            Op::Unknown { to, uses, .. } => {
                let used: Vec<Value> = uses.iter().map(|&id| world.read(id)).collect();
                world.heap.lose(used)?;
                self.lose_statics(world)?;
                if let Some(to) = to {
                    world.write(*to, Value::Unknown);
                }
            }
            _ => return Err(Stop::Unknown),
        }
        Ok(Flow::Next)
    }

    fn arrays(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
        match op {
            Op::NewArray { to, ty, len } => {
                let value = match world.read(*len) {
                    Value::Number(length) => match usize::try_from(length) {
                        Ok(length) => world.heap.zeros(self.element(*ty), length)?,
                        Err(_) => {
                            let thrown = Thrown::Library("Ljava/lang/NegativeArraySizeException;");
                            return self.raise(world, thrown, &Value::Unknown);
                        }
                    },
                    _ => Value::Unknown,
                };
                world.write(*to, value);
            }
            Op::FilledArray { to, ty, elements } => {
                let items = elements.iter().map(|&id| world.read(id)).collect();
                let array = Array { element: self.element(*ty), items };
                let value = world.heap.allocate(Object::Array(array))?;
                world.write(*to, value);
            }
            Op::ArrayData { array, width_bytes, data } => {
                world.heap.work(data.len())?;
                let array = world.read(*array);
                match world.heap.object_mut(&array) {
                    Some(Object::Array(array)) => {
                        let numbers = data.chunks_exact(usize::from(*width_bytes).max(1)).map(little_endian);
                        if numbers.len() > array.items.len() {
                            return self.raise(world, ARRAY_BOUNDS, &Value::Unknown);
                        }
                        for (item, number) in array.items.iter_mut().zip(numbers) {
                            *item = Value::Number(array.element.narrow(number));
                        }
                    }
                    _ if array.is_null() => return self.raise(world, NULL_POINTER, &Value::Unknown),
                    _ => {}
                }
            }
            Op::ArrayLength { to, array } => {
                let array = world.read(*array);
                let value = match world.heap.object(&array) {
                    Some(Object::Array(array)) => Value::length(array.items.len()),
                    _ if array.is_null() => return self.raise(world, NULL_POINTER, &Value::Unknown),
                    _ => Value::Unknown,
                };
                world.write(*to, value);
            }
            Op::ArrayGet { to, array, index, .. } => {
                let (array, index) = (world.read(*array), world.read(*index));
                let value = match (world.heap.object(&array), index) {
                    (Some(Object::Array(array)), Value::Number(index)) => {
                        match usize::try_from(index).ok().and_then(|index| array.items.get(index)) {
                            Some(value) => world.heap.resolve(value),
                            None => return self.raise(world, ARRAY_BOUNDS, &Value::Unknown),
                        }
                    }
                    _ if array.is_null() => return self.raise(world, NULL_POINTER, &Value::Unknown),
                    _ => Value::Unknown,
                };
                world.write(*to, value);
            }
            Op::ArrayPut { from, array, index, kind } => return self.array_put(world, *from, *array, *index, *kind),
            _ => return Err(Stop::Unknown),
        }
        Ok(Flow::Next)
    }

    fn array_put(
        &mut self,
        world: &mut World,
        from: ValueId,
        array: ValueId,
        index: ValueId,
        kind: ElementKind,
    ) -> Result<Flow, Stop> {
        let (value, array, index) = (world.read(from), world.read(array), world.read(index));
        if array.is_null() {
            return self.raise(world, NULL_POINTER, &Value::Unknown);
        }
        let Some(Object::Array(target)) = world.heap.object_mut(&array) else {
            // Whoever has that array now has the value too.
            world.heap.lose([value])?;
            return Ok(Flow::Next);
        };
        let value = match value {
            Value::Number(number) if kind != ElementKind::Object => Value::Number(target.element.narrow(number)),
            value => value,
        };
        let Value::Number(index) = index else {
            target.items.fill(Value::Unknown);
            let length = target.items.len();
            world.heap.work(length)?;
            return Ok(Flow::Next);
        };
        match usize::try_from(index).ok().and_then(|index| target.items.get_mut(index)) {
            Some(place) => *place = value,
            None => return self.raise(world, ARRAY_BOUNDS, &Value::Unknown),
        }
        Ok(Flow::Next)
    }

    /// What arrays of this type hold.
    fn element(&self, ty: TypeId) -> Element {
        Element::of_descriptor(self.program.descriptor(ty).strip_prefix('[').unwrap_or_default())
    }
}

/// A sign-extended number of up to eight bytes.
fn little_endian(bytes: &[u8]) -> i64 {
    let mut number: i64 = match bytes.last() {
        Some(&last) if last >= 0x80 => -1,
        _ => 0,
    };
    for &byte in bytes.iter().rev() {
        number = number.wrapping_shl(8) | i64::from(byte);
    }
    number
}

impl World {
    /// Notes a string that the current instruction of the first frame made.
    pub(super) fn observe(&mut self, value: &Value, is_assembled: bool) {
        if let (Some(observations), [frame], Value::Text(text)) = (&mut self.observations, &self.frames[..], value) {
            let index = frame.next.saturating_sub(1) as usize;
            observations.push(Observation { instruction: index, text: Text::clone(text), is_assembled });
        }
    }
}
