//! Class initialisers: run once, in a world of their own, their static fields kept as they left them.
//!
//! An initialiser that asks for another class makes that one run first; both wait on an explicit stack. In a circle, the
//! class that is still running answers "unknown", and what was computed from that answer is forgotten when the circle
//! ends, so that the answer about a class does not depend on which class was asked for first.

use std::sync::Arc;

use code::{Body, FieldDefinition, FieldId, Literal, MethodId, Op, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::heap::Heap;
use super::value::Value;
use super::world::{Mode, Pause, World};
use super::{Interpreter, Stop};

/// Initialisers waiting for each other.
const WORLDS_MAX: usize = 64;
const STATIC: u32 = 0x8;

/// The static fields of a class after its initialiser.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) heap: Heap,
    pub(super) fields: FxHashMap<FieldId, Value>,
}

/// A static field, looked up.
pub(super) enum Found {
    Value(Value),
    /// The class must be initialised first.
    Initialise(TypeId),
}

impl Interpreter<'_> {
    /// Runs a world to its end, and the initialisers it waits for.
    pub(super) fn run(&mut self, world: World) -> (World, Result<Value, Stop>) {
        let mut waiting: Vec<World> = Vec::new();
        let mut provisional: Vec<(usize, TypeId)> = Vec::new();
        let mut world = world;
        loop {
            let position = waiting.len();
            let result = match self.advance(&mut world) {
                Pause::Initialise(class) => {
                    let running = waiting.iter().position(|other| other.initialising == Some(class));
                    if running.is_some() || position >= WORLDS_MAX {
                        world.lowest = world.lowest.min(running.unwrap_or(0));
                        world.unavailable.insert(class);
                    } else if let Some(next) = self.world_of(class) {
                        waiting.push(std::mem::replace(&mut world, next));
                    }
                    continue;
                }
                Pause::Finished(result) => result,
            };
            if let Some(class) = world.initialising.filter(|_| world.mode == Mode::Run) {
                let frozen = self.freeze(class, &world, result.is_ok());
                self.frozen.insert(class, Arc::new(frozen));
                if world.lowest < position {
                    provisional.push((world.lowest, class));
                } else {
                    // What waited for this class or one above it was computed without it.
                    provisional.retain(|&(lowest, class)| {
                        let stays = lowest < position;
                        if !stays {
                            self.frozen.remove(&class);
                        }
                        stays
                    });
                }
            }
            let Some(mut outer) = waiting.pop() else {
                for (_, class) in provisional {
                    self.frozen.remove(&class);
                }
                return (world, result);
            };
            outer.lowest = outer.lowest.min(world.lowest);
            world = outer;
        }
    }

    /// The static fields of a class of the program.
    pub(super) fn initialise(&mut self, class: TypeId) -> Option<Arc<Frozen>> {
        if !self.frozen.contains_key(&class)
            && let Some(world) = self.world_of(class)
        {
            // What it left is kept; how it ended does not matter.
            let _ = self.run(world);
        }
        self.frozen.get(&class).cloned()
    }

    /// A world in which the initialiser of `class` is about to run; without one, the class is finished here.
    fn world_of(&mut self, class: TypeId) -> Option<World> {
        let mut world = World::new(self, Mode::Run);
        world.initialising = Some(class);
        let body = self.initialiser(class).and_then(|method| self.body(method));
        if let Some(body) = body
            && world.push(body, Vec::new(), None).is_ok()
        {
            return Some(world);
        }
        let frozen = self.freeze(class, &world, true);
        self.frozen.insert(class, Arc::new(frozen));
        None
    }

    fn initialiser(&self, class: TypeId) -> Option<MethodId> {
        let class = self.program.class_of(class)?;
        let name = |method: MethodId| self.program.method(method).map(|method| self.program.text(method.name));
        class.methods.iter().map(|definition| definition.method).find(|&method| name(method) == Some("<clinit>"))
    }

    /// Keeps what the initialiser left. If it stopped early, fields that the rest of it may write are unknown, and so is
    /// everything that can be changed in place.
    fn freeze(&self, class: TypeId, world: &World, is_complete: bool) -> Frozen {
        let mut frozen = Frozen { heap: Heap::new(&self.limits), fields: FxHashMap::default() };
        let Some(class) = self.program.class_of(class) else { return frozen };
        let unsettled = if is_complete { Some(FxHashSet::default()) } else { world.writes_ahead() };
        let (mut moved, mut roots) = (FxHashMap::default(), FxHashSet::default());
        for definition in class.fields.iter().filter(|definition| definition.access & STATIC != 0) {
            let field = definition.field;
            let written = world.statics.get(&field).cloned();
            let value = match (&unsettled, written) {
                (None, _) => Value::Unknown,
                (Some(fields), _) if fields.contains(&field) => Value::Unknown,
                (_, Some(Value::Object(_))) if !is_complete => Value::Unknown,
                (_, Some(value)) => world.heap.resolve(&value),
                (_, None) => self.initial_value(definition),
            };
            let value = frozen.heap.copy_from(&world.heap, &value, &mut moved).unwrap_or(Value::Unknown);
            if let Value::Object(id) = value {
                roots.insert(id);
            }
            frozen.fields.insert(field, value);
        }
        frozen.heap.keep_settled(&roots, |field| self.fields.is_final(field));
        frozen
    }

    /// What a static field holds before the initialiser.
    fn initial_value(&self, definition: &FieldDefinition) -> Value {
        match &definition.initial {
            None => Value::NULL,
            Some(Literal::Number(number)) => Value::Number(*number),
            Some(Literal::Text(text)) => Value::Text(self.program.utf16(*text).into()),
            Some(Literal::Class(ty)) => Value::Class(*ty),
            Some(Literal::Other) => Value::Unknown,
        }
    }

    /// Reads a static field of the program. `None` if it has none of that name.
    pub(super) fn static_get(&mut self, world: &mut World, field: FieldId) -> Result<Option<Found>, Stop> {
        let Some((field, class)) = self.resolve_field(field) else { return Ok(None) };
        if let Some(value) = world.statics.get(&field) {
            return Ok(Some(Found::Value(world.heap.resolve(value))));
        }
        let is_written_elsewhere = self.is_written_elsewhere(field);
        if world.initialising == Some(class) {
            // Block by block, what earlier blocks of the initialiser wrote is not known.
            let is_lost = world.mode == Mode::Scan || (is_written_elsewhere && world.has_lost_statics);
            world.heap.work(self.program.class_of(class).map_or(0, |class| class.fields.len()))?;
            let definitions = self.program.class_of(class).map_or(&[][..], |class| &class.fields);
            let value = match definitions.iter().find(|definition| definition.field == field) {
                Some(definition) if !is_lost => self.initial_value(definition),
                _ => Value::Unknown,
            };
            return Ok(Some(Found::Value(value)));
        }
        if is_written_elsewhere || world.unavailable.contains(&class) {
            return Ok(Some(Found::Value(Value::Unknown)));
        }
        let Some(frozen) = self.frozen.get(&class).cloned() else { return Ok(Some(Found::Initialise(class))) };
        let value = frozen.fields.get(&field).cloned().unwrap_or(Value::Unknown);
        if !matches!(value, Value::Object(_)) {
            return Ok(Some(Found::Value(value)));
        }
        // Fields may share objects, so all objects of the class come together.
        let mut moved = FxHashMap::default();
        let Some(definition) = self.program.class_of(class) else { return Ok(Some(Found::Value(Value::Unknown))) };
        world.heap.spend(definition.fields.len() as u64)?;
        for other in definition.fields.iter().map(|definition| definition.field) {
            let is_ours = !world.statics.contains_key(&other) && !self.is_written_elsewhere(other);
            if let Some(value @ Value::Object(_)) = frozen.fields.get(&other).filter(|_| is_ours) {
                let copy = world.heap.copy_from(&frozen.heap, value, &mut moved)?;
                world.statics.insert(other, copy);
            }
        }
        Ok(Some(Found::Value(world.statics.get(&field).cloned().unwrap_or(Value::Unknown))))
    }

    /// Code that was not followed may have written every static field that is written anywhere but in its initialiser,
    /// and changed every object one can reach from a static field.
    pub(super) fn lose_statics(&mut self, world: &mut World) -> Result<(), Stop> {
        world.has_lost_statics = true;
        world.heap.spend(world.statics.len() as u64)?;
        for (&field, value) in &mut world.statics {
            world.heap.lose([value.clone()])?;
            if self.is_written_elsewhere(field) {
                *value = Value::Unknown;
            }
        }
        Ok(())
    }
}

impl World {
    /// The static fields that the first frame may still write. `None` if that cannot be told.
    fn writes_ahead(&self) -> Option<FxHashSet<FieldId>> {
        let frame = self.frames.first()?;
        let body: &Body = &frame.body;
        let mut fields = FxHashSet::default();
        let mut collect = |first: u32, end: u32| {
            let range = body.instructions.get(first as usize..end as usize).unwrap_or_default();
            for instruction in range {
                if let Op::StaticPut { field, .. } = &instruction.op {
                    fields.insert(*field);
                }
            }
        };
        let current = body.blocks.get(frame.block.index())?;
        collect(frame.next.saturating_sub(1), current.end);
        let mut seen = vec![false; body.blocks.len()];
        let mut work: Vec<_> = current.successors.clone();
        work.extend(current.handlers.iter().map(|&(_, handler)| handler));
        while let Some(id) = work.pop() {
            let (Some(seen), Some(block)) = (seen.get_mut(id.index()), body.blocks.get(id.index())) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            collect(block.first, block.end);
            work.extend(block.successors.iter().copied());
            work.extend(block.handlers.iter().map(|&(_, handler)| handler));
        }
        Some(fields)
    }
}
