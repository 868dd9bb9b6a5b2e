//! One instruction after the other, every step paid for; jumps, returns and exceptions.

use std::sync::Arc;

use code::{Block, Op};

use super::arithmetic::holds;
use super::exceptions::{Thrown, catches};
use super::heap::Object;
use super::value::Value;
use super::world::{Flow, Mode, Pause, World};
use super::{Interpreter, Stop};

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
                    _ if value.is_null() => Thrown::NULL_POINTER,
                    _ => Thrown::Unknown,
                };
                return self.raise(world, thrown, &value);
            }
            _ => return Err(Stop::Unknown),
        }
        Ok(Flow::Next)
    }
}
