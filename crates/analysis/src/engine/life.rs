//! The life of a component: its methods in the order the platform calls them, on one object, with everything it registers.
//!
//! A life is a small program of the platform: each step calls a method of the component, and the steps follow each other as
//! the automaton in `knowledge/platform/lifecycles.toml` says. It is gone through like a method, with one heap per step, so
//! that a field that is overwritten before it is read carries nothing, and a listener finds the very object it belongs to.

use std::{collections::BTreeMap, rc::Rc};

use code::{Body, MethodId, TypeId};
use knowledge::{Lifecycle, Role};
use rustc_hash::FxHashMap;

use super::{
    app::App,
    frame::Frame,
    roots::{self, PLATFORM, Root},
};
use crate::{
    domain::{
        heap::Heap,
        path::PathId,
        summary::{Act, Effect},
        tags::Tags,
        value::{Object, ObjectId, Value},
    },
    facts::Reply,
};

/// How often the steps of a life are gone through before the rest is cut.
const LIFE_SWEEPS_MAX: u32 = 4;
/// How often everything registered is called before the rest is cut.
const CALLBACK_ROUNDS_MAX: u32 = 3;
/// More calls of registered objects than this in one life are left to be joined by field names.
const REGISTERED_MAX: usize = 96;
/// More registered objects than this of one class in one life are left to be joined by field names as well: code that is
/// called back registers again, each time from another place.
const SAME_CLASS_MAX: usize = 8;
/// Work that one life may cost (tags and objects moved).
const LIFE_WORK_MAX: u64 = 400_000;

/// The class of everything that is shown.
const VIEW: &str = "Landroid/view/View;";

/// Parameters of the constructors that the platform calls: of components, and of what layouts make.
const CONSTRUCTORS: [&str; 4] = [
    "()",
    "(Landroid/content/Context;Landroid/util/AttributeSet;)",
    "(Landroid/content/Context;Landroid/util/AttributeSet;I)",
    "(Landroid/content/Context;)",
];

/// An effect with the method it belongs to, and the provider whose client gets it.
pub(crate) type Entered = (MethodId, Effect, Option<Reply>);

/// One step of an automaton.
struct StepOfLife {
    /// Positions of the entry points that are called here.
    roots: Vec<usize>,
    before: Vec<usize>,
    is_start: bool,
    calls_back: bool,
}

struct Life<'l, 'f, 'a> {
    frame: Frame<'f, 'a>,
    roots: &'l [Root],
    component: TypeId,
    this: ObjectId,
    state: ObjectId,
    /// Whatever view the platform passes: it may pass the same one again.
    view: ObjectId,
    /// Registered objects and what is called on them; the position numbers the call.
    registered: Vec<(ObjectId, MethodId)>,
    /// What the entry points that answer a client answered.
    replies: BTreeMap<usize, Tags>,
}

/// Goes through the life of a component; what shows there.
pub(crate) fn live(app: &mut App<'_>, component: TypeId, kind: &str, roots: &[Root]) -> Vec<Entered> {
    let steps = steps(app, kind, roots);
    let body = Body::default();
    let work_end = app.work + LIFE_WORK_MAX;
    let mut frame = Frame::new(app, PLATFORM, &body);
    frame.work_end = work_end;
    let this = frame.make(0, Some(component), Some(component));
    let state = frame.make(1, None, None);
    let view = frame.make(2, None, None);
    frame.change(view).many = true;
    // The platform holds it: what other code reads of it by name must be published.
    frame.change(this).escaped = true;
    frame.component = Some(this);
    if !is_of_manifest(kind) {
        frame.note_handed(this, false);
    }
    let mut life =
        Life { frame, roots, component, this, state, view, registered: Vec::new(), replies: BTreeMap::new() };
    life.run(&steps);
    life.found()
}

/// Whether the platform finds the component by the manifest. What layouts make is called back like anything registered.
pub(crate) fn is_of_manifest(kind: &str) -> bool {
    !matches!(kind, "view" | "fragment")
}

/// The constructor that the platform calls.
pub(crate) fn constructor(app: &App<'_>, component: TypeId) -> Option<MethodId> {
    CONSTRUCTORS.iter().find_map(|parameters| app.classes.find(component, "<init>", Some(parameters)))
}

/// The automaton of a kind of component with the entry points of this one.
fn steps(app: &App<'_>, kind: &str, roots: &[Root]) -> Vec<StepOfLife> {
    let plain = [
        (Lifecycle::START.to_owned(), vec![Lifecycle::CALLBACKS.to_owned()]),
        (Lifecycle::CALLBACKS.to_owned(), Vec::new()),
    ];
    let order = app.knowledge.lifecycles.get(kind).map_or(plain.as_slice(), |lifecycle| lifecycle.order.as_slice());
    let named = |name: &str| -> Vec<usize> {
        roots.iter().enumerate().filter(|(_, root)| root.name == name).map(|(at, _)| at).collect()
    };
    let others = roots.iter().enumerate().filter(|(_, root)| !order.iter().any(|(name, _)| *name == root.name));
    let others: Vec<usize> = others.map(|(at, _)| at).collect();
    let steps = order.iter().map(|(name, _)| {
        let calls_back = name == Lifecycle::CALLBACKS;
        let before = order.iter().enumerate().filter(|(_, (_, to))| to.contains(name)).map(|(at, _)| at);
        StepOfLife {
            roots: if calls_back { others.clone() } else { named(name) },
            before: before.collect(),
            is_start: name == Lifecycle::START,
            calls_back,
        }
    });
    steps.collect()
}

impl Life<'_, '_, '_> {
    fn run(&mut self, steps: &[StepOfLife]) {
        let initial = self.frame.heap.clone();
        let mut ends: Vec<Option<Heap>> = vec![None; steps.len()];
        for sweep in 0..LIFE_SWEEPS_MAX {
            let mut changed = false;
            for (at, step) in steps.iter().enumerate() {
                if self.is_spent() {
                    return;
                }
                let mut heaps: Vec<Heap> = step.before.iter().filter_map(|&before| ends[before].clone()).collect();
                if step.is_start {
                    heaps.insert(0, initial.clone());
                }
                if heaps.is_empty() {
                    continue;
                }
                self.frame.heap = self.frame.join_heaps(&heaps);
                self.step(step);
                if ends[at].as_ref() != Some(&self.frame.heap) {
                    ends[at] = Some(self.frame.heap.clone());
                    changed = true;
                }
            }
            if !changed {
                return;
            }
            if sweep + 1 == LIFE_SWEEPS_MAX {
                self.frame.app.cut("sweeps over a life");
            }
        }
    }

    fn is_spent(&mut self) -> bool {
        let spent = self.frame.is_spent();
        if spent {
            self.frame.app.cut("lives not followed to the end");
        }
        spent
    }

    fn step(&mut self, step: &StepOfLife) {
        if step.is_start {
            self.create();
        }
        if step.calls_back {
            return self.call_back_all(&step.roots);
        }
        let start = self.frame.heap.clone();
        let mut ends = Vec::new();
        for &root in &step.roots {
            self.frame.heap = start.clone();
            self.enter(root);
            ends.push(self.frame.heap.clone());
        }
        if !ends.is_empty() {
            self.frame.heap = self.frame.join_heaps(&ends);
        }
    }

    /// A new object takes the place of the one before.
    fn create(&mut self) {
        let fresh = Object {
            exact_type: Some(self.component),
            declared_type: Some(self.component),
            escaped: true,
            ..Object::default()
        };
        self.frame.heap.insert(self.this, Rc::new(fresh));
        if let Some(constructor) = constructor(self.frame.app, self.component) {
            self.frame.address = 1;
            let count = roots::parameter_count(self.frame.app, constructor);
            let mut arguments = vec![Value::object(self.this)];
            arguments.resize_with(count, || Value::made_of(Tags::default()));
            self.call(constructor, &arguments);
        }
    }

    fn call(&mut self, method: MethodId, arguments: &[Value]) -> Value {
        self.frame.callbacks = 0;
        self.frame.apply(method, arguments)
    }

    /// Calls an entry point. Addresses number the calls, so that what each makes has a name of its own.
    fn enter(&mut self, at: usize) {
        let Some(root) = self.roots.get(at) else { return };
        self.frame.address = 2 + at as u32;
        let count = roots::parameter_count(self.frame.app, root.method);
        let mut arguments = Vec::with_capacity(count);
        self.frame.entered = Some(root.method);
        for position in 0..count {
            let value = match (position, root.roles.get(position)) {
                (0, _) if !root.is_static => Value::object(self.this),
                (_, Some(Role::State)) => Value::object(self.state),
                _ => self.passed(root, position),
            };
            arguments.push(value);
        }
        let result = self.call(root.method, &arguments);
        if root.reply.is_some() {
            let data = self.frame.deep_tags(&result);
            self.replies.entry(at).or_default().join(&data);
        }
    }

    /// What the platform passes at a position.
    fn passed(&mut self, root: &Root, position: usize) -> Value {
        let path = PathId::root(u16::try_from(position).unwrap_or(u16::MAX));
        let declared = self.frame.app.type_of_path(root.method, path);
        if declared.is_some_and(|ty| self.frame.app.classes.is_below(ty, VIEW)) {
            return Value::object(self.view);
        }
        roots::argument(&mut self.frame, root, position)
    }

    /// Calls everything registered, and every other entry point, in any order and any number of times.
    fn call_back_all(&mut self, others: &[usize]) {
        for round in 0..CALLBACK_ROUNDS_MAX {
            let before = self.frame.heap.clone();
            for &other in others {
                self.perhaps(|life| life.enter(other));
            }
            self.call_registered();
            if self.frame.heap == before || self.is_spent() {
                return;
            }
            if round + 1 == CALLBACK_ROUNDS_MAX {
                self.frame.app.cut("rounds of callbacks");
            }
        }
    }

    /// Something that may or may not happen.
    fn perhaps(&mut self, act: impl FnOnce(&mut Self)) {
        let before = self.frame.heap.clone();
        act(self);
        let after = std::mem::take(&mut self.frame.heap);
        self.frame.heap = self.frame.join_heaps(&[before, after]);
    }

    fn call_registered(&mut self) {
        for (object, told) in self.followed() {
            let (types, _) = self.frame.exact_types(&Value::object(object));
            for ty in types {
                let callbacks = self.frame.app.callbacks_of(ty);
                for (method, roles) in callbacks.iter() {
                    if self.is_spent() {
                        return;
                    }
                    // Where a model says what is passed, it was passed when the object was given.
                    self.call_registered_method(object, *method, if told { &[] } else { roles });
                }
            }
        }
    }

    /// The registered objects, the first few of each class.
    fn followed(&mut self) -> Vec<(ObjectId, bool)> {
        let mut objects: Vec<(ObjectId, bool)> =
            self.frame.handed.iter().map(|(object, told)| (*object, *told)).collect();
        let mut of_class: FxHashMap<TypeId, usize> = FxHashMap::default();
        objects.retain(|&(object, _)| {
            let Some(class) = self.frame.known(object).exact_type else { return true };
            let count = of_class.entry(class).or_default();
            *count += 1;
            if *count > SAME_CLASS_MAX {
                self.frame.app.cut("registered objects of a life");
            }
            *count <= SAME_CLASS_MAX
        });
        objects
    }

    fn call_registered_method(&mut self, object: ObjectId, method: MethodId, roles: &[Role]) {
        let known = self.registered.iter().position(|call| *call == (object, method));
        let number = match known {
            Some(number) => number,
            None if self.registered.len() >= REGISTERED_MAX => {
                return self.frame.app.cut("registered objects of a life");
            }
            None => {
                self.registered.push((object, method));
                self.registered.len() - 1
            }
        };
        self.frame.address = (2 + self.roots.len() + number) as u32;
        let mut root = Root { roles: roles.to_vec(), ..Root::of(self.frame.app, method) };
        root.class = self.frame.known(object).exact_type.unwrap_or(root.class);
        self.frame.entered = Some(method);
        let count = roots::parameter_count(self.frame.app, method);
        let mut arguments = vec![Value::object(object)];
        arguments.extend((1..count).map(|position| self.passed(&root, position)));
        self.perhaps(|life| {
            life.call(method, &arguments);
        });
    }

    /// What the life showed, each effect with the method the platform called.
    fn found(mut self) -> Vec<Entered> {
        let mut methods: FxHashMap<u32, MethodId> = FxHashMap::default();
        for (at, root) in self.roots.iter().enumerate() {
            methods.insert(2 + at as u32, root.method);
        }
        for (number, (_, method)) in self.registered.iter().enumerate() {
            methods.insert((2 + self.roots.len() + number) as u32, *method);
        }
        let first = self.roots.first().map(|root| root.method);
        let mut found = Vec::new();
        for (at, data) in std::mem::take(&mut self.replies) {
            if let Some(root) = self.roots.get(at) {
                found.extend(roots::replies(self.frame.app, root, data));
            }
        }
        for (address, effects) in std::mem::take(&mut self.frame.effects) {
            let Some(method) = methods.get(&address).copied().or(first) else { continue };
            let shown = effects.into_iter().filter(|effect| {
                let open = matches!(effect.act, Act::Callback(..) | Act::Stream(_));
                !open && (effect.act.tells_alone() || effect.data != Tags::NONE)
            });
            found.extend(shown.map(|effect| (method, effect, None)));
        }
        found
    }
}
