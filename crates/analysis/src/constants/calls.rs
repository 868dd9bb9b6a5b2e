//! Calls: into the program, into the library, and past what is neither.

use std::sync::Arc;

use code::{InvokeKind, MethodId, ValueId};

use super::exceptions::Thrown;
use super::heap::Object;
use super::interpreter::Signature;
use super::library::{self, Call, Fault};
use super::value::Value;
use super::world::{Flow, Mode, World};
use super::{Interpreter, Stop};

impl Interpreter<'_> {
    /// Executes a call.
    pub(super) fn invoke(
        &mut self,
        world: &mut World,
        to: Option<ValueId>,
        kind: InvokeKind,
        method: MethodId,
        arguments: &[ValueId],
    ) -> Result<Flow, Stop> {
        let values: Vec<Value> = arguments.iter().map(|&id| world.read(id)).collect();
        world.note_call(method, &values);
        let receiver = if kind == InvokeKind::Static { None } else { values.first() };
        if receiver.is_some_and(Value::is_null) {
            return self.raise(world, Thrown::NULL_POINTER, &Value::Unknown);
        }
        let Some(signature) = self.signature(method) else { return Err(Stop::Unknown) };
        match self.target(world, kind, method, receiver) {
            Some(target) => self.call_program(world, to, target, &signature, values),
            None if signature.name == "<init>" => self.call_constructor(world, arguments, &signature, &values),
            None => self.call_library(world, to, kind, &signature, &values),
        }
    }

    /// The method of the program that a call reaches, if it is certain.
    fn target(
        &mut self,
        world: &World,
        kind: InvokeKind,
        method: MethodId,
        receiver: Option<&Value>,
    ) -> Option<MethodId> {
        let named = self.program.method(method)?.class;
        if !matches!(kind, InvokeKind::Virtual | InvokeKind::Interface) {
            return self.dispatch(named, method);
        }
        match (receiver?, world.heap.object(receiver?)) {
            (_, Some(Object::Instance(instance))) => self.dispatch(instance.class, method),
            (Value::Unknown, _) => {
                self.program.class_of(named)?;
                let hierarchy = &self.hierarchy;
                *self.only_targets.entry(method).or_insert_with(|| match hierarchy.targets(method).as_slice() {
                    [only] => Some(*only),
                    _ => None,
                })
            }
            _ => None,
        }
    }

    fn call_program(
        &mut self,
        world: &mut World,
        to: Option<ValueId>,
        target: MethodId,
        signature: &Signature,
        values: Vec<Value>,
    ) -> Result<Flow, Stop> {
        if let Some(material) = &mut world.material {
            material.note_call(&world.heap, target, &signature.parameters, &values);
        }
        if world.mode == Mode::Scan {
            return self.call_apart(world, to, target, signature, &values);
        }
        let is_first = world.mode == Mode::Observe && world.frames.len() == 1;
        let is_known = || !values.iter().any(Value::is_unknown);
        let body = if is_first && !is_known() { None } else { self.body(target) };
        match body {
            Some(body) if body.parameters.len() == values.len() => {
                world.push(body, values, to)?;
                Ok(Flow::Next)
            }
            _ => {
                self.lose_statics(world)?;
                pass_by(world, to, &signature.text, &values)
            }
        }
    }

    /// Asks for the result of a call as a question of its own.
    fn call_apart(
        &mut self,
        world: &mut World,
        to: Option<ValueId>,
        target: MethodId,
        signature: &Signature,
        values: &[Value],
    ) -> Result<Flow, Stop> {
        let is_static = self.program.definition(target).is_some_and(|(_, definition)| definition.access & 0x8 != 0);
        let parameters = if is_static { values } else { values.get(1..).unwrap_or_default() };
        let mut constants = Vec::with_capacity(parameters.len());
        for (value, descriptor) in parameters.iter().zip(library::parameter_types(&signature.parameters)) {
            match world.heap.export(value, descriptor.starts_with(['L', '['])) {
                Some(constant) => constants.push(constant),
                None => break,
            }
        }
        let result = if to.is_some() && constants.len() == parameters.len() {
            self.settle(world);
            self.call(target, &constants).ok()
        } else {
            None
        };
        let value = match &result {
            Some(constant) => {
                let descriptor =
                    self.program.method(target).map_or("", |method| self.program.descriptor(method.return_type));
                library::boxed_as(descriptor, world.heap.import(constant)?)
            }
            None => Value::Unknown,
        };
        // The callee worked on copies, so what it did to them is not known here.
        self.lose_statics(world)?;
        pass_by(world, to, &signature.text, values)?;
        if let Some(to) = to {
            world.write(to, value.clone());
        }
        world.observe(&value, false);
        Ok(Flow::Next)
    }

    fn call_constructor(
        &mut self,
        world: &mut World,
        arguments: &[ValueId],
        signature: &Signature,
        values: &[Value],
    ) -> Result<Flow, Stop> {
        let (Some((receiver, rest)), Some(&register)) = (values.split_first(), arguments.first()) else {
            return Err(Stop::Unknown);
        };
        let Some(&Object::Fresh(ty)) = world.heap.object(receiver) else {
            // A superclass of the library: it keeps its own state, which is not looked at.
            return if signature.class == "Ljava/lang/Object;" {
                Ok(Flow::Next)
            } else {
                pass_by(world, None, &signature.text, rest)
            };
        };
        let call = Call {
            class: &signature.class,
            name: &signature.name,
            parameters: &signature.parameters,
            receiver: None,
            arguments: rest,
        };
        let object = match library::construct(&mut world.heap, &call) {
            Ok(object) => object,
            Err(Fault::Throw(class)) => return self.raise(world, Thrown::Library(class), &Value::Unknown),
            Err(Fault::Stop(stop)) => return Err(stop),
            Err(fault) => {
                pass_by(world, None, &signature.text, rest)?;
                match fault {
                    Fault::Unmodelled => Object::Opaque(ty),
                    _ => Object::Alias(Value::Unknown),
                }
            }
        };
        if let Some(material) = &mut world.material {
            material.note_object(&object);
        }
        if let Object::Alias(value) = &object {
            world.write(register, value.clone());
            let value = value.clone();
            world.observe(&value, false);
        }
        if let Some(place) = world.heap.object_mut(receiver) {
            *place = object;
        }
        Ok(Flow::Next)
    }

    fn call_library(
        &mut self,
        world: &mut World,
        to: Option<ValueId>,
        kind: InvokeKind,
        signature: &Signature,
        values: &[Value],
    ) -> Result<Flow, Stop> {
        let (receiver, arguments) = match values.split_first() {
            Some((receiver, rest)) if kind != InvokeKind::Static => (Some(receiver), rest),
            _ => (None, values),
        };
        let call = Call {
            class: &signature.class,
            name: &signature.name,
            parameters: &signature.parameters,
            receiver,
            arguments,
        };
        let is_assembled = match receiver.and_then(|receiver| world.heap.object(receiver)) {
            Some(Object::Builder(builder)) => builder.single_units.saturating_mul(2) >= builder.units.len(),
            _ => false,
        };
        match library::call(&mut world.heap, &call) {
            Ok(value) => {
                let value = world.heap.resolve(&value);
                if let Some(to) = to {
                    world.write(to, value.clone());
                }
                world.observe(&value, is_assembled);
                Ok(Flow::Next)
            }
            Err(Fault::Throw(class)) => self.raise(world, Thrown::Library(class), &Value::Unknown),
            Err(Fault::Stop(stop)) => Err(stop),
            Err(Fault::Unmodelled | Fault::Unknown) => pass_by(world, to, &signature.text, values),
        }
    }
}

/// A call that is not followed: its result is unknown, and so is the state of everything it was given.
fn pass_by(world: &mut World, to: Option<ValueId>, method: &Arc<str>, values: &[Value]) -> Result<Flow, Stop> {
    if world.impure.is_none() {
        world.impure = Some(Arc::clone(method));
    }
    world.heap.lose(values.iter().cloned())?;
    if let Some(to) = to {
        world.write(to, Value::Unknown);
    }
    Ok(Flow::Next)
}
