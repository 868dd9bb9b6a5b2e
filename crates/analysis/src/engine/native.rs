//! Native methods of the app: what their code may do with what they are given, as far as its imports and the Java methods that it asks
//! the runtime for by name tell. Data is not followed through native code: everything that a method is given may go to every act that
//! its code leads to, and what the Java methods return may come back. The doubt says so.

use std::{collections::BTreeMap, rc::Rc};

use code::{MethodId, Program, TypeId};
use findings::Hop;
use knowledge::{Knowledge, Model, Root};
use native::Asks;
use rustc_hash::FxHashMap;

use super::{classes::Classes, frame::Frame, roots};
use crate::{
    domain::{
        source::Names,
        summary::{Act, Effect},
        tags::Doubts,
        trace::Trace,
        value::Value,
    },
    kinds::Kinds,
    native_methods::{Implemented, NativeMethod},
};

/// Most Java methods that one native method is taken to call.
const CALLED_MAX: usize = 16;
/// How often they are called: what one returns may be given to one that was told before it.
const ROUNDS: usize = 2;
/// Numbers of the objects that stand for what such methods are called on.
const NATIVE_OBJECTS: u16 = 0x7e00;

/// A library of the app, by name, and what it says of the app's native methods.
pub type Library = (String, Implemented);

/// What the native code of one method may do.
#[derive(Debug, Default)]
pub(crate) struct NativeCode<'a> {
    /// Kinds of sinks, and words for the proof.
    sinks: Vec<(u32, Rc<str>)>,
    /// Java methods that it may call.
    called: Vec<Called<'a>>,
    /// Whether there are more of them.
    is_cut: bool,
}

impl NativeCode<'_> {
    /// Methods of the app that it may call.
    pub(crate) fn own_methods(&self) -> impl Iterator<Item = MethodId> {
        self.called.iter().filter_map(|called| match called.what {
            What::Own(method) => Some(method),
            What::Platform(_) => None,
        })
    }
}

#[derive(Debug)]
struct Called<'a> {
    what: What<'a>,
    class: String,
    parameters: Vec<String>,
    returns: String,
    /// Words for the proof.
    words: Rc<str>,
}

#[derive(Debug, Clone, Copy)]
enum What<'a> {
    /// A method of the app.
    Own(MethodId),
    /// A method of the platform that a model speaks of.
    Platform(&'a Model),
}

/// The native methods of an app that something is known of.
pub(crate) type NativeMethods<'a> = FxHashMap<MethodId, Rc<NativeCode<'a>>>;

/// Resolves what the libraries of an app say.
pub(crate) fn resolve<'a>(
    libraries: &[Library],
    program: &Program,
    classes: &Classes<'_>,
    knowledge: &'a Knowledge,
    kinds: &Kinds,
) -> NativeMethods<'a> {
    let mut found: BTreeMap<MethodId, NativeCode<'a>> = BTreeMap::new();
    for (library, implemented) in libraries {
        for reached in &implemented.reached {
            let act = knowledge.native_acts.iter().find(|act| act.id == reached.act);
            let Some(sink) = act.and_then(|act| act.sink.as_ref()) else { continue };
            let Some(method) = reached.method.as_ref().and_then(|method| declared(program, method)) else { continue };
            let words = format!("native code of {library} calls {}", reached.import);
            let sinks = &mut found.entry(method).or_default().sinks;
            if !sinks.iter().any(|(kind, _)| *kind == kinds.id(sink)) {
                sinks.push((kinds.id(sink), words.into()));
            }
        }
        for asking in &implemented.asking {
            let Some(method) = declared(program, &asking.method) else { continue };
            let code = found.entry(method).or_default();
            for asks in &asking.asks {
                add_called(asks, (library, &asking.method), program, classes, knowledge, code);
            }
        }
    }
    found.retain(|_, code| !code.sinks.is_empty() || !code.called.is_empty());
    found.into_iter().map(|(method, code)| (method, Rc::new(code))).collect()
}

fn declared(program: &Program, method: &NativeMethod) -> Option<MethodId> {
    let class = program.class_of(program.find_type(&descriptor(&method.class.replace('.', "/")))?)?;
    let is_it = |id: &MethodId| {
        program.method(*id).is_some_and(|reference| {
            program.text(reference.name) == method.name && signature(program, *id) == method.signature
        })
    };
    class.methods.iter().map(|definition| definition.method).find(is_it)
}

fn descriptor(class: &str) -> String {
    format!("L{class};")
}

fn signature(program: &Program, method: MethodId) -> String {
    let Some(reference) = program.method(method) else { return String::new() };
    let parameters: String = reference.parameters.iter().map(|&ty| program.descriptor(ty)).collect();
    format!("({parameters}){}", program.descriptor(reference.return_type))
}

/// The methods that exist under a class, a name and a signature of one function. Without a class among them they are of the classes
/// that the native method gets objects of.
fn add_called<'a>(
    asks: &Asks,
    (library, asking): (&str, &NativeMethod),
    program: &Program,
    classes: &Classes<'_>,
    knowledge: &'a Knowledge,
    code: &mut NativeCode<'a>,
) {
    let given = || {
        let own = descriptor(&asking.class.replace('.', "/"));
        let types = split(&asking.signature).map(|(parameters, _)| parameters).unwrap_or_default();
        std::iter::once(own).chain(types.into_iter().filter(|ty| ty.starts_with('L'))).collect()
    };
    let named: Vec<String> = asks.classes.iter().map(|class| descriptor(class)).collect();
    let named: Vec<String> = if named.is_empty() { given() } else { named };
    for class in &named {
        for (name, text) in &asks.methods {
            let Some((parameters, returns)) = split(text) else { continue };
            let Some(what) = find(class, name, text, &parameters, program, classes, knowledge) else { continue };
            let is_known = |known: &Called<'_>| match (known.what, what) {
                (What::Own(known), What::Own(what)) => known == what,
                (What::Platform(model), What::Platform(what)) => {
                    std::ptr::eq(model, what) && known.parameters == parameters
                }
                _ => false,
            };
            if code.called.iter().any(is_known) {
                continue;
            }
            code.is_cut |= code.called.len() >= CALLED_MAX;
            if code.called.len() < CALLED_MAX {
                let words = format!("native code of {library} asks for {class}->{name}").into();
                code.called.push(Called { what, class: class.clone(), parameters, returns, words });
            }
        }
    }
}

fn find<'a>(
    class: &str,
    name: &str,
    text: &str,
    parameters: &[String],
    program: &Program,
    classes: &Classes<'_>,
    knowledge: &'a Knowledge,
) -> Option<What<'a>> {
    if let Some(ty) = program.find_type(class).filter(|&ty| program.class_of(ty).is_some()) {
        let own = classes.named(ty, name).into_iter().find(|&method| signature(program, method) == text);
        if own.is_some() {
            return own.map(What::Own);
        }
    }
    let text = format!("({})", parameters.concat());
    let model = knowledge.model(class, name, &text)?;
    takes(model, parameters.len()).then_some(What::Platform(model))
}

/// Whether a method with so many parameters has all that its model speaks of: one model may serve all methods of a name.
fn takes(model: &Model, count: usize) -> bool {
    let data = model.sinks.iter().flat_map(|sink| &sink.data).chain(model.flows.iter().map(|flow| &flow.from));
    let positions = data.filter_map(|place| match place.root {
        Root::Argument(position) => Some(usize::from(position)),
        _ => None,
    });
    positions.max().unwrap_or(0) <= count
}

/// Parameters and result of a signature, as descriptors.
fn split(signature: &str) -> Option<(Vec<String>, String)> {
    let (mut rest, returns) = signature.strip_prefix('(')?.split_once(')')?;
    let mut parameters = Vec::new();
    while !rest.is_empty() {
        let element = rest.trim_start_matches('[');
        let end = if element.starts_with('L') { element.find(';')?.saturating_add(1) } else { 1 };
        let len = rest.len().saturating_sub(element.len()).saturating_add(end);
        let (parameter, after) = rest.split_at_checked(len)?;
        parameters.push(parameter.to_owned());
        rest = after;
    }
    Some((parameters, returns.to_owned()))
}

/// Something that native code holds: its type and what it is.
type Held = Vec<(String, Value)>;

impl Frame<'_, '_> {
    /// What the native code of a method may do with what it is given, and what may come back beside that.
    pub(crate) fn native_call(
        &mut self,
        native: &NativeCode<'_>,
        method: MethodId,
        receiver: Option<&Value>,
        arguments: &[Value],
    ) -> Value {
        if native.is_cut {
            self.app.cut("methods that native code calls");
        }
        let before = std::mem::replace(&mut self.doubted, Doubts::NATIVE_CODE);
        let mut data = crate::domain::tags::Tags::default();
        for value in arguments {
            let tags = self.deep_tags(value);
            data.join(&tags);
        }
        let site = self.site();
        for (kind, words) in &native.sinks {
            if self.app.kinds.is_told(*kind) {
                let trace = Trace::default().then(site, Hop::Sink, Some(Rc::clone(words)));
                let (act, names) = (Act::Sink(*kind), Names::new());
                self.effect_at(Effect { act, data: data.clone(), names, site, trace });
            }
        }
        let result = self.call_java(native, method, receiver, arguments);
        self.doubted = before;
        result
    }

    fn call_java(
        &mut self,
        native: &NativeCode<'_>,
        method: MethodId,
        receiver: Option<&Value>,
        arguments: &[Value],
    ) -> Value {
        let Some(reference) = self.app.program.method(method).filter(|_| !native.called.is_empty()) else {
            return Value::default();
        };
        let (parameters, return_type) = (Rc::from(&*reference.parameters), reference.return_type);
        let mut held = self.held(reference.class, &parameters, receiver, arguments);
        let count = held.len();
        for _ in 0..ROUNDS {
            for (number, called) in native.called.iter().enumerate() {
                let heap = self.heap.clone();
                let result = self.call_called(called, number, &held);
                // The native code calls it if it likes.
                let after = std::mem::take(&mut self.heap);
                self.heap = self.join_heaps(&[heap, after]);
                held.push((called.returns.clone(), result));
            }
        }
        let wanted = self.app.program.descriptor(return_type).to_owned();
        let returned: Held = held.into_iter().skip(count).collect();
        let mut result = self.fitting(&wanted, &returned);
        result.tags = result.tags.doubted(Doubts::NATIVE_CODE);
        result
    }

    fn held(&self, class: TypeId, parameters: &Rc<[TypeId]>, receiver: Option<&Value>, arguments: &[Value]) -> Held {
        let descriptor = |ty: TypeId| self.app.program.descriptor(ty).to_owned();
        let own = receiver.map(|value| (descriptor(class), value.clone()));
        let given = parameters.iter().zip(arguments).map(|(&ty, value)| (descriptor(ty), value.clone()));
        own.into_iter().chain(given).collect()
    }

    fn call_called(&mut self, called: &Called<'_>, number: usize, held: &Held) -> Value {
        let mut receiver = self.fitting(&called.class, held);
        let values: Vec<Value> = called.parameters.iter().map(|wanted| self.fitting(wanted, held)).collect();
        match called.what {
            What::Own(target) => {
                let has_receiver = roots::parameter_count(self.app, target) > values.len();
                let values: Vec<Value> = has_receiver.then_some(receiver).into_iter().chain(values).collect();
                self.apply(target, &values)
            }
            What::Platform(model) => {
                if receiver.objects.is_empty() {
                    let ty = self.app.program.find_type(&called.class);
                    receiver.add_object(self.make(NATIVE_OBJECTS.saturating_add(number as u16), ty, ty));
                }
                let find = |name: &str| self.app.program.find_type(name);
                let Some(returns) = find(&called.returns).or_else(|| find("Ljava/lang/Object;")) else {
                    return Value::default();
                };
                self.done_by = Some(Rc::clone(&called.words));
                let result = self.modelled_call_as(model, returns, Some(&receiver), &values);
                self.done_by = None;
                result
            }
        }
    }

    /// What of all that is held may stand where this type is wanted: objects of the type, and of texts what is in them.
    fn fitting(&mut self, wanted: &str, held: &Held) -> Value {
        let mut value = Value::default();
        for (ty, known) in held {
            if wanted == ty || self.may_be(wanted, ty) {
                value.join(known);
            } else if is_text(wanted) && is_text(ty) {
                let tags = self.deep_tags(known);
                value.join(&Value::made_of(tags));
            }
        }
        value
    }

    /// Whether an object of one of two classes may be one of the other.
    fn may_be(&self, one: &str, other: &str) -> bool {
        const ANY: &str = "Ljava/lang/Object;";
        let are_references = one.len() > 1 && other.len() > 1;
        let is_below = |one: &str, other: &str| {
            let ty = self.app.program.find_type(one);
            ty.is_some_and(|ty| self.app.classes.ancestors(ty).iter().any(|above| above == other))
        };
        are_references && (one == ANY || other == ANY || is_below(one, other) || is_below(other, one))
    }
}

/// Whether native code makes texts of it and of texts it.
fn is_text(descriptor: &str) -> bool {
    matches!(descriptor, "Ljava/lang/String;" | "Ljava/lang/CharSequence;" | "[B" | "[C")
}
