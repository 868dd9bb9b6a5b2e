//! Operations on values: constants, numbers, fields, arrays, types.

use code::{ElementKind, FieldId, NumberKind, Op, TypeId, ValueId};

use super::arithmetic::{binary, unary};
use super::exceptions::Thrown;
use super::heap::{Array, Instance, Object};
use super::library;
use super::statics::Found;
use super::value::{Element, Value};
use super::world::{Flow, World};
use super::{Interpreter, Stop};

impl Interpreter<'_> {
    pub(super) fn make(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
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
        if let (Some(material), Value::Text(_)) = (&mut world.material, &value) {
            material.note_value(&world.heap, &value);
        }
        world.write(to, value);
        Ok(Flow::Next)
    }

    pub(super) fn compute(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
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

    pub(super) fn fields(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
        match op {
            Op::StaticGet { to, field } => {
                let value = match self.static_get(world, *field)? {
                    Some(Found::Initialise(class)) => return Ok(Flow::Initialise(class)),
                    Some(Found::Value(value)) => value,
                    None => self.library_field(*field).unwrap_or(Value::Unknown),
                };
                if let Some(material) = &mut world.material {
                    material.note_value(&world.heap, &value);
                }
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
                    return self.raise(world, Thrown::NULL_POINTER, &Value::Unknown);
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
                    return self.raise(world, Thrown::NULL_POINTER, &Value::Unknown);
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
    pub(super) fn look(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
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

    pub(super) fn arrays(&mut self, world: &mut World, op: &Op) -> Result<Flow, Stop> {
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
                            return self.raise(world, Thrown::ARRAY_BOUNDS, &Value::Unknown);
                        }
                        for (item, number) in array.items.iter_mut().zip(numbers) {
                            *item = Value::Number(array.element.narrow(number));
                        }
                    }
                    _ if array.is_null() => return self.raise(world, Thrown::NULL_POINTER, &Value::Unknown),
                    _ => {}
                }
            }
            Op::ArrayLength { to, array } => {
                let array = world.read(*array);
                let value = match world.heap.object(&array) {
                    Some(Object::Array(array)) => Value::length(array.items.len()),
                    _ if array.is_null() => return self.raise(world, Thrown::NULL_POINTER, &Value::Unknown),
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
                            None => return self.raise(world, Thrown::ARRAY_BOUNDS, &Value::Unknown),
                        }
                    }
                    _ if array.is_null() => return self.raise(world, Thrown::NULL_POINTER, &Value::Unknown),
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
            return self.raise(world, Thrown::NULL_POINTER, &Value::Unknown);
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
            None => return self.raise(world, Thrown::ARRAY_BOUNDS, &Value::Unknown),
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
