//! Calls: which methods they lead to, and what comes back.

use std::rc::Rc;

use code::{InvokeKind, MethodId, TypeId, ValueId};

use super::{app::CallInfo, frame::Frame};
use crate::domain::{
    path::Step,
    tags::{Doubts, Tags},
    value::{ObjectKey, Value},
};

/// More targets than this of one virtual call are cut.
const TARGETS_MAX: usize = 8;

/// Names of constructors and of methods that put their arguments into the receiver.
const MUTATORS: [&str; 12] =
    ["<init>", "add", "update", "push", "put", "set", "append", "write", "insert", "offer", "replace", "unmarshall"];

/// The targets of a call in the app, and whether they are all there is.
struct Targets {
    methods: Vec<MethodId>,
    doubts: Doubts,
    /// Whether some were left out.
    are_cut: bool,
    /// Whether the receiver may also be an object of a library class.
    library_too: bool,
}

impl Frame<'_, '_> {
    /// A call instruction; whether its result changed.
    pub(crate) fn invoke(
        &mut self,
        to: Option<ValueId>,
        kind: InvokeKind,
        method: MethodId,
        arguments: &[ValueId],
    ) -> bool {
        let values: Vec<Value> = arguments.iter().map(|&argument| self.value(argument).clone()).collect();
        let result = self.call(kind, method, &values, Some(arguments));
        let Some(to) = to else { return false };
        let result = self.as_number(result, self.app.program.method(method).map(|method| method.return_type));
        self.set(to, result)
    }

    /// What a call with these values yields. `sources` are the values the arguments came from, if they have names.
    fn call(&mut self, kind: InvokeKind, method: MethodId, values: &[Value], names: Option<&[ValueId]>) -> Value {
        if let Some(constant) = self.constant_call(kind, method, values) {
            return constant;
        }
        let info = self.app.call_info(method, kind);
        if info.model.is_some() && info.model_replaces_code && info.overriders.is_empty() {
            return self.library_call(&info, kind, method, values, names);
        }
        let targets = self.targets(&info, kind, method, values.first());
        let mut result = Value::default();
        let control = self.control.clone();
        if targets.methods.len() > 1 {
            self.decide_by_class(values.first());
        }
        for (position, &target) in targets.methods.iter().enumerate() {
            if position > 0 && self.is_spent() {
                self.app.cut("targets per virtual call");
                self.approximated = true;
                break;
            }
            let part = match self.receivers_of(kind, method, target, values, &targets) {
                Some(values) => self.apply(target, &values),
                None => self.apply(target, values),
            };
            result.join(&part);
        }
        self.control = control;
        if targets.library_too {
            let part = self.library_call(&info, kind, method, values, names);
            result.join(&part);
        }
        result.tags = result.tags.doubted(targets.doubts);
        if targets.are_cut {
            result.constants.open();
        }
        result
    }

    fn targets(
        &mut self,
        info: &CallInfo<'_>,
        kind: InvokeKind,
        method: MethodId,
        receiver: Option<&Value>,
    ) -> Targets {
        let own = info.implementation.filter(|&found| self.app.classes.has_code(found));
        if !matches!(kind, InvokeKind::Virtual | InvokeKind::Interface) {
            return Targets {
                methods: own.into_iter().collect(),
                doubts: Doubts::default(),
                are_cut: false,
                library_too: own.is_none(),
            };
        }
        let (exact, all_exact) = receiver.map_or((Vec::new(), false), |receiver| self.exact_types(receiver));
        if all_exact && !exact.is_empty() {
            let mut methods: Vec<MethodId> =
                exact.iter().filter_map(|&ty| self.app.classes.implementation(ty, method)).collect();
            methods.retain(|&found| self.app.classes.has_code(found));
            methods.sort();
            methods.dedup();
            let library_too = methods.len() < exact.len() && methods.is_empty();
            return Targets { methods, doubts: Doubts::default(), are_cut: false, library_too };
        }
        if info.overriders.len() > 1 {
            self.note_dispatch(receiver);
        }
        // Seen through a type of the platform, an object does what the platform's documents say of the type, whoever
        // wrote it; and where the app has several, taking each of them ties everything to everything.
        if info.model.is_some() && info.model_replaces_code && info.overriders.len() > 1 {
            let known = exact.iter().filter_map(|&ty| self.app.classes.implementation(ty, method));
            let mut methods: Vec<MethodId> = known.filter(|&found| self.app.classes.has_code(found)).collect();
            methods.sort();
            methods.dedup();
            return Targets { methods, doubts: Doubts::default(), are_cut: false, library_too: true };
        }
        let mut methods = info.overriders.clone();
        if methods.is_empty() {
            methods.extend(own);
        }
        let mut doubts = if methods.len() > 1 { Doubts::EVERY_OVERRIDE } else { Doubts::default() };
        let are_cut = methods.len() > TARGETS_MAX;
        if are_cut {
            self.app.cut("targets per virtual call");
            doubts = doubts.and(Doubts::TARGETS_CUT);
            // Those that are known to do something come first; the order among equals is that of the files.
            methods.sort_by_key(|target| {
                let busy = self.app.summaries.get(target).is_some_and(|summary| !summary.effects.is_empty());
                (!busy, *target)
            });
            methods.truncate(TARGETS_MAX);
        }
        let library_too = methods.is_empty() || (own.is_none() && info.implementation.is_none());
        Targets { methods, doubts, are_cut, library_too }
    }

    /// The arguments for one of several targets: where every object that the receiver may be has a known class, each
    /// method runs on the objects whose class has it. Nothing if the arguments serve as they are.
    fn receivers_of(
        &mut self,
        kind: InvokeKind,
        method: MethodId,
        target: MethodId,
        values: &[Value],
        targets: &Targets,
    ) -> Option<Vec<Value>> {
        let is_virtual = matches!(kind, InvokeKind::Virtual | InvokeKind::Interface);
        if !is_virtual || targets.methods.len() < 2 || targets.doubts != Doubts::default() {
            return None;
        }
        let (receiver, _) = values.split_first()?;
        let mut runs_here = receiver.clone();
        runs_here.objects.clear();
        for &object in &receiver.objects {
            let (types, _) = self.exact_types(&Value::object(object));
            if types.iter().any(|&ty| self.app.classes.implementation(ty, method) == Some(target)) {
                runs_here.objects.push(object);
            }
        }
        let mut values = values.to_vec();
        *values.first_mut()? = runs_here;
        Some(values)
    }

    /// The class of a receiver that the caller brings decides about a call.
    pub(crate) fn note_dispatch(&mut self, receiver: Option<&Value>) {
        for &object in receiver.into_iter().flat_map(|receiver| &receiver.objects) {
            if let ObjectKey::Input(path) = self.key(object) {
                self.dispatches.insert(path);
            }
        }
    }

    /// The exact classes of what a value may refer to, and whether that is all of it.
    pub(crate) fn exact_types(&mut self, value: &Value) -> (Vec<TypeId>, bool) {
        let mut types = Vec::new();
        let mut all = !value.objects.is_empty();
        for &object in &value.objects {
            match self.known(object).exact_type {
                Some(ty) => types.push(ty),
                None => {
                    let stored = self.stored_types(object);
                    all &= !stored.is_empty();
                    types.extend(stored);
                }
            }
        }
        types.sort();
        types.dedup();
        (types, all)
    }

    /// Classes that are stored in the field an object was read from.
    fn stored_types(&self, object: crate::domain::value::ObjectId) -> Vec<TypeId> {
        let field = match self.key(object) {
            ObjectKey::Shared(field) => Some(field),
            ObjectKey::Input(path) => match self.app.tables.paths.steps(path).last() {
                Some(&Step::Field(field)) => Some(field),
                _ => None,
            },
            ObjectKey::Made(..) | ObjectKey::Received(..) | ObjectKey::Statics => None,
        };
        field.and_then(|field| self.app.field_classes.get(&field)).map(|types| types.to_vec()).unwrap_or_default()
    }

    /// A library method: by its models, or by what such methods usually do.
    fn library_call(
        &mut self,
        info: &Rc<CallInfo<'_>>,
        kind: InvokeKind,
        method: MethodId,
        values: &[Value],
        names: Option<&[ValueId]>,
    ) -> Value {
        let (receiver, arguments) = if kind == InvokeKind::Static { (None, values) } else { split(values) };
        if let Some(result) = self.reflective_call(method, receiver, arguments) {
            return result;
        }
        let native = info.implementation.and_then(|found| self.app.native_methods.get(&found).cloned());
        if let Some(native) = native {
            let mut result = self.unmodelled_call(method, receiver, arguments);
            result.join(&self.native_call(&native, method, receiver, arguments));
            return result;
        }
        match info.model {
            Some(model) => self.modelled_call(model, method, receiver, arguments, names.map(|names| (kind, names))),
            None => self.unmodelled_call(method, receiver, arguments),
        }
    }

    /// A library method without a model: what goes in comes out, and stays in the receiver if the name says so.
    fn unmodelled_call(&mut self, method: MethodId, receiver: Option<&Value>, arguments: &[Value]) -> Value {
        let Some(reference) = self.app.program.method(method) else { return Value::default() };
        let name = self.app.program.text(reference.name).to_owned();
        let return_type = reference.return_type;
        let mut incoming = Tags::default();
        for value in arguments {
            if !self.is_inert(value) {
                let tags = self.deep_tags(value);
                incoming.join(&tags);
            }
            self.escape(value);
            value.objects.iter().for_each(|&object| self.note_handed(object, false));
        }
        let incoming = incoming.doubted(Doubts::UNMODELLED_LIBRARY);
        let mut outgoing = incoming.clone();
        if let Some(receiver) = receiver {
            if MUTATORS.iter().any(|mutator| name.starts_with(mutator)) {
                let doubted = if name == "<init>" { incoming.clone() } else { incoming };
                self.fill(receiver, &doubted);
            }
            if !self.is_inert(receiver) {
                let tags = self.deep_tags(receiver);
                outgoing.join(&tags.doubted(Doubts::UNMODELLED_LIBRARY));
            }
        }
        self.library_result(return_type, outgoing)
    }

    /// The result of a library method: a plain value, or a new object whose content is made of these tags.
    pub(crate) fn library_result(&mut self, return_type: TypeId, tags: Tags) -> Value {
        let descriptor = self.app.program.descriptor(return_type);
        if descriptor == "V" {
            return Value::default();
        }
        if self.app.is_plain(return_type) {
            return Value::made_of(tags);
        }
        let object = self.make(0, None, Some(return_type));
        self.change(object).content.join(&tags);
        let mut value = Value::object(object);
        value.constants.open();
        value
    }

    fn is_inert(&mut self, value: &Value) -> bool {
        let objects = value.objects.clone();
        !objects.is_empty()
            && objects.into_iter().all(|object| {
                let known = self.known(object);
                known.exact_type.or(known.declared_type).is_some_and(|ty| self.app.is_inert(ty))
            })
    }
}

fn split(values: &[Value]) -> (Option<&Value>, &[Value]) {
    match values.split_first() {
        Some((receiver, arguments)) => (Some(receiver), arguments),
        None => (None, &[]),
    }
}
