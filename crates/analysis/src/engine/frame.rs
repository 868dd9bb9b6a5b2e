//! One method under analysis: its values, its heap, and how parts of objects are read and written.

use std::{collections::BTreeMap, rc::Rc};

use code::{BlockId, Body, FieldId, MethodId, TypeId};
use findings::Hop;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::app::App;
use crate::domain::{
    heap::Heap,
    path::{PathId, Step},
    source::{Source, What},
    summary::{Act, Assumed, Assumptions, Effect},
    tags::{Doubts, Tag, Tags},
    text::{Constants, Symbol},
    trace::{Site, Trace},
    value::{Object, ObjectId, ObjectKey, Value},
};

/// Holders whose entries were put into each other are followed this deep.
const HOLDERS_DEPTH_MAX: u32 = 4;
/// How many objects one deep read follows.
const DEEP_OBJECTS_MAX: usize = 64;

/// One method under analysis.
pub(crate) struct Frame<'f, 'a> {
    pub(crate) app: &'f mut App<'a>,
    pub(crate) method: MethodId,
    pub(crate) body: &'f Body,
    /// What is known of each value of the body.
    pub(crate) values: Vec<Value>,
    /// When each of them changed.
    pub(crate) changes: super::walk::Changes,
    /// What names each object.
    pub(crate) keys: Vec<ObjectKey>,
    ids: FxHashMap<ObjectKey, ObjectId>,
    /// What is known of objects that this method has not touched, once asked: it is the same everywhere in the method.
    untouched: FxHashMap<ObjectId, Rc<Object>>,
    /// The same for what the caller brings, and whether it is plain: a folded path leads to both.
    brought: FxHashMap<(PathId, bool), Value>,
    /// The heap at the current point.
    pub(crate) heap: Heap,
    /// Effects by the instruction that has them.
    pub(crate) effects: BTreeMap<u32, Vec<Effect>>,
    /// What exceptions thrown anywhere in the method may be made of.
    pub(crate) thrown: Tags,
    /// Inputs whose class decides which methods are called.
    pub(crate) dispatches: std::collections::BTreeSet<PathId>,
    /// What the caller knows of inputs.
    pub(crate) assumptions: Assumptions,
    /// Where each block that has run can only go on to, given what is known of inputs.
    pub(crate) only_ways: Vec<Option<BlockId>>,
    /// Whether the method cost too much and was not gone through to the end.
    pub(crate) approximated: bool,
    /// Objects that the platform was given to call back later; whether a model says what it passes them.
    pub(crate) handed: BTreeMap<ObjectId, bool>,
    /// The component whose life this is.
    pub(crate) component: Option<ObjectId>,
    /// For each block what decides about it; empty unless branches are followed.
    pub(crate) deciders: super::control::Deciders,
    /// What decides that the current instruction is come to: all of it, what the method's own branches are made of, and what
    /// its callers' are.
    pub(crate) control: Tags,
    pub(crate) control_here: Tags,
    pub(crate) control_of_caller: Tags,
    /// Whether static fields may have been written here or by what was called.
    pub(crate) writes_statics: bool,
    /// The work of the app at which this frame has had its share.
    pub(crate) work_end: u64,
    /// Calls back within the current instruction.
    pub(crate) callbacks: u32,
    /// Holders inside holders that are being read.
    holders: u32,
    /// The method that the platform enters, if the frame stands for the platform.
    pub(crate) entered: Option<MethodId>,
    /// Address of the current instruction.
    pub(crate) address: u32,
    /// Doubts of all that is done at the moment, and words for who does it.
    pub(crate) doubted: Doubts,
    /// What is done only with intents of the platform, and the current block.
    pub(crate) of_platform: Option<super::actions::OfPlatform>,
    pub(crate) block: usize,
    pub(crate) done_by: Option<Rc<str>>,
}

impl<'f, 'a> Frame<'f, 'a> {
    pub(crate) fn new(app: &'f mut App<'a>, method: MethodId, body: &'f Body) -> Self {
        Self {
            app,
            method,
            body,
            values: vec![Value::default(); body.values.len()],
            changes: super::walk::Changes::default(),
            keys: Vec::new(),
            ids: FxHashMap::default(),
            untouched: FxHashMap::default(),
            brought: FxHashMap::default(),
            heap: Heap::default(),
            effects: BTreeMap::new(),
            thrown: Tags::default(),
            dispatches: std::collections::BTreeSet::new(),
            assumptions: Assumptions::new(),
            only_ways: Vec::new(),
            approximated: false,
            handed: BTreeMap::new(),
            component: None,
            deciders: Vec::new(),
            control: Tags::default(),
            control_here: Tags::default(),
            control_of_caller: Tags::default(),
            writes_statics: false,
            work_end: u64::MAX,
            callbacks: 0,
            holders: 0,
            entered: None,
            address: 0,
            doubted: Doubts::default(),
            of_platform: None,
            block: 0,
            done_by: None,
        }
    }

    pub(crate) const fn site(&self) -> Site {
        Site { method: self.method, address: self.address }
    }

    /// Whether this frame has had its share of work.
    pub(crate) const fn is_spent(&self) -> bool {
        self.app.work > self.work_end
    }

    /// The object of this name.
    pub(crate) fn object(&mut self, key: ObjectKey) -> ObjectId {
        let next = ObjectId(self.keys.len() as u32);
        let keys = &mut self.keys;
        *self.ids.entry(key).or_insert_with(|| {
            keys.push(key);
            next
        })
    }

    /// What names an object.
    pub(crate) fn key(&self, object: ObjectId) -> ObjectKey {
        self.keys.get(object.0 as usize).copied().unwrap_or(ObjectKey::Made(u32::MAX, 0))
    }

    /// What is known of an object here; inputs and shared objects start with what their name says.
    pub(crate) fn known(&mut self, object: ObjectId) -> Rc<Object> {
        if let Some(known) = self.heap.get(object) {
            return Rc::clone(known);
        }
        self.untouched(object)
    }

    /// What is known of an object that this method has not touched.
    pub(crate) fn untouched(&mut self, object: ObjectId) -> Rc<Object> {
        if let Some(known) = self.untouched.get(&object) {
            return Rc::clone(known);
        }
        let fresh = Rc::new(self.unwritten(object));
        self.untouched.insert(object, Rc::clone(&fresh));
        fresh
    }

    fn unwritten(&mut self, object: ObjectId) -> Object {
        let mut fresh = Object::default();
        match self.key(object) {
            ObjectKey::Input(path) => {
                let pattern = self.app.tables.patterns.input(path);
                let assumed = self.assumptions.iter().filter(|(known, _)| *known == path);
                let (mut class, mut text) = (None, Symbol::Text(pattern));
                for (_, assumed) in assumed {
                    match *assumed {
                        Assumed::Class(ty) => class = Some(ty),
                        Assumed::Constant(symbol) => text = symbol,
                    }
                }
                fresh.exact_type = class;
                fresh.text = Constants::one(text);
                fresh.origins = smallvec::smallvec![crate::domain::value::Origin::Input(path)];
                fresh.declared_type = self.app.type_of_path(self.method, path);
            }
            ObjectKey::Shared(field) => {
                fresh.many = true;
                fresh.escaped = true;
                fresh.declared_type = self.app.type_of_field(field);
                fresh.text = self.field_text(field);
            }
            ObjectKey::Received(..) => {
                fresh.many = true;
                fresh.text = Constants::anything();
            }
            ObjectKey::Made(..) | ObjectKey::Statics => {}
        }
        fresh
    }

    /// The object, for changing.
    pub(crate) fn change(&mut self, object: ObjectId) -> &mut Object {
        if self.heap.get(object).is_none() {
            let fresh = self.untouched(object);
            self.heap.insert(object, fresh);
        }
        self.heap.change(object)
    }

    /// A new object made by the current instruction. In a loop the same name stands for all of them.
    pub(crate) fn make(&mut self, number: u16, exact_type: Option<TypeId>, declared: Option<TypeId>) -> ObjectId {
        let object = self.object(ObjectKey::Made(self.address, number));
        match self.heap.get(object) {
            Some(_) => {
                let known = self.change(object);
                known.many = true;
                known.text = Constants::default();
                known.array = None;
            }
            None => {
                let fresh = Object { exact_type, declared_type: declared, ..Object::default() };
                self.heap.insert(object, Rc::new(fresh));
            }
        }
        object
    }

    /// What a part of an object is where this method has not written it.
    pub(crate) fn unwritten_part(&mut self, object: ObjectId, step: Step) -> Value {
        match self.key(object) {
            ObjectKey::Made(..) => match step {
                Step::Field(field) if self.is_foreign(object) => self.shared_value(field),
                _ => Value::default(),
            },
            ObjectKey::Statics => match step {
                Step::Field(field) => self.shared_value(field),
                Step::Element | Step::Key(_) => Value::default(),
            },
            ObjectKey::Input(path) => {
                let child = self.app.tables.paths.child(path, step);
                self.input_value(child, self.app.step_type(step))
            }
            ObjectKey::Shared(field) => match step {
                Step::Field(part) => self.shared_value(part),
                Step::Element | Step::Key(_) => self.shared_value(field),
            },
            ObjectKey::Received(class, letter) => {
                let key = if let Step::Key(key) = step { Some(key) } else { None };
                Value::made_of(self.received_tags(class, letter, key))
            }
        }
    }

    /// Whether the library handed the object out and nothing says what it is: if it has a field of the app, code elsewhere
    /// made it and holds it.
    fn is_foreign(&self, object: ObjectId) -> bool {
        self.heap.get(object).is_some_and(|known| known.exact_type.is_none())
    }

    /// The value a caller brings at a path.
    pub(crate) fn input_value(&mut self, path: PathId, ty: Option<TypeId>) -> Value {
        let is_plain = ty.is_some_and(|ty| self.app.is_plain(ty));
        if let Some(known) = self.brought.get(&(path, is_plain)) {
            return known.clone();
        }
        let value = self.new_input_value(path, is_plain);
        self.brought.insert((path, is_plain), value.clone());
        value
    }

    fn new_input_value(&mut self, path: PathId, is_plain: bool) -> Value {
        let pattern = self.app.tables.patterns.input(path);
        let assumed = self.assumptions.iter().find_map(|(known, assumed)| match assumed {
            Assumed::Constant(symbol) if *known == path => Some(*symbol),
            _ => None,
        });
        let mut value = Value::constant(Constants::one(assumed.unwrap_or(Symbol::Text(pattern))));
        if is_plain {
            // A number that is known carries no data.
            if !matches!(assumed, Some(Symbol::Number(_))) {
                value.tags = Tags::one(Tag::Input(path), Trace::default());
            }
        } else {
            value.add_object(self.object(ObjectKey::Input(path)));
        }
        value
    }

    /// The value of a field that code anywhere may have written.
    pub(crate) fn shared_value(&mut self, field: FieldId) -> Value {
        if !self.app.is_followed(field) {
            return Value::constant(self.field_text(field));
        }
        let site = Site { method: MethodId(u32::MAX), address: 0 };
        let id = self.app.tables.sources.intern(Source { what: What::Field(field), site });
        let trace = Trace::default().then(self.site(), Hop::Field, None);
        let tags = Tags::one(Tag::Source(id), trace).doubted(Doubts::FIELD_BY_NAME);
        let mut value = Value { tags, constants: self.field_text(field), ..Value::default() };
        if self.app.type_of_field(field).is_none_or(|ty| !self.app.is_plain(ty)) {
            value.add_object(self.object(ObjectKey::Shared(field)));
        }
        value
    }

    /// The text of what a field holds, to be filled in at the end.
    fn field_text(&mut self, field: FieldId) -> Constants {
        if !self.app.is_texted(field) {
            return Constants::anything();
        }
        Constants::one(Symbol::Text(self.app.tables.patterns.field(field)))
    }

    /// Notes the text that a field is given.
    pub(crate) fn note_text(&mut self, field: FieldId, value: &Value) {
        if self.app.is_texted(field) {
            let text = self.text(value);
            self.app.note_text(field, &text);
        }
    }

    /// Reads a part of whatever `base` refers to.
    pub(crate) fn read(&mut self, base: &Value, step: Step) -> Value {
        let mut result = Value::default();
        for &object in &base.objects {
            result.join(&self.read_part(object, step));
        }
        if base.objects.is_empty()
            && let Step::Field(field) = step
            && base.constants.number() != Some(0)
        {
            result.join(&self.shared_value(field));
        }
        result.tags.join(&base.tags);
        result
    }

    /// Reads a part of one object.
    pub(crate) fn read_part(&mut self, object: ObjectId, step: Step) -> Value {
        let known = self.known(object);
        let mut result = match known.parts.get(step) {
            Some(part) => part.clone(),
            None => self.unwritten_part(object, step),
        };
        result.tags.join(&known.content);
        if let Step::Field(field) = step
            && self.component.is_some()
            && known.escaped
            && self.app.outside_writes.contains(&field)
        {
            let shared = self.shared_value(field);
            result.join(&shared);
        }
        if !matches!(step, Step::Field(_)) {
            self.read_holder(object, &known, step, &mut result);
        }
        result
    }

    /// Elements and entries of a holder overlap: an unknown key may be any entry, an entry may have been written under
    /// an unknown key.
    fn read_holder(&mut self, object: ObjectId, known: &Object, step: Step, result: &mut Value) {
        let others: Vec<Step> = match step {
            Step::Key(_) => vec![Step::Element],
            _ => known.parts.keys().filter(|other| matches!(other, Step::Key(_))).collect(),
        };
        for other in others {
            match known.parts.get(other) {
                Some(part) => result.join(part),
                // What the caller has under an unknown key is found where it resolves the known one.
                None if matches!(
                    self.key(object),
                    ObjectKey::Made(..) | ObjectKey::Input(_) | ObjectKey::Received(..)
                ) =>
                {
                    false
                }
                None => {
                    let part = self.unwritten_part(object, other);
                    result.join(&part)
                }
            };
        }
        let from = Step::Key(self.app.from_key);
        if step != from
            && self.holders < HOLDERS_DEPTH_MAX
            && let Some(inner) = known.parts.get(from)
        {
            self.holders += 1;
            let part = self.read(inner, step);
            self.holders -= 1;
            result.join(&part);
        }
    }

    /// Writes a part of whatever `base` refers to. Overwrites only if it is one object for sure.
    pub(crate) fn write(&mut self, base: &Value, step: Step, value: &Value) {
        let decided;
        let value = if self.control.is_empty() {
            value
        } else {
            decided = self.decided(value);
            &decided
        };
        if let Step::Field(field) = step {
            self.note_text(field, value);
        }
        let alone = base.objects.len() == 1 && step != Step::Element;
        for object in base.objects.clone() {
            let known = self.known(object);
            if let ObjectKey::Shared(field) = self.key(object) {
                let name = if let Step::Field(part) = step { part } else { field };
                self.publish(name, value);
                continue;
            }
            match step {
                Step::Field(field) if known.escaped || self.is_foreign(object) => self.publish(field, value),
                Step::Element | Step::Key(_) if known.escaped => self.publish_in_statics(object, value),
                _ => {}
            }
            let joined = if alone && !known.many {
                value.clone()
            } else {
                let mut joined = match known.parts.get(step) {
                    Some(part) => part.clone(),
                    None => self.unwritten_part(object, step),
                };
                joined.join(value);
                joined
            };
            // An object that nobody else holds is changed in place.
            drop(known);
            self.change(object).parts.insert(step, joined);
        }
        if base.objects.is_empty()
            && let Step::Field(field) = step
        {
            self.publish(field, value);
        }
    }

    /// A static field is written: known from here on, until something else may write it.
    pub(crate) fn put_static(&mut self, field: FieldId, value: &Value) {
        self.publish(field, value);
        self.writes_statics = true;
        let statics = self.object(ObjectKey::Statics);
        self.change(statics).parts.insert(Step::Field(field), value.clone());
    }

    /// What a static field holds: what this method has put there, or whatever code anywhere may have.
    pub(crate) fn get_static(&mut self, field: FieldId) -> Value {
        let statics = self.object(ObjectKey::Statics);
        let own = self.heap.get(statics).and_then(|known| known.parts.get(Step::Field(field)).cloned());
        own.unwrap_or_else(|| self.shared_value(field))
    }

    /// Static fields may be written by what was called.
    pub(crate) fn forget_statics(&mut self) {
        self.writes_statics = true;
        let statics = self.object(ObjectKey::Statics);
        if self.heap.get(statics).is_some_and(|known| !known.parts.is_empty()) {
            self.change(statics).parts.clear();
        }
    }

    /// An array or collection that a static field holds gets an element: code elsewhere may read it by that field.
    fn publish_in_statics(&mut self, object: ObjectId, value: &Value) {
        let statics = self.object(ObjectKey::Statics);
        let Some(known) = self.heap.get(statics) else { return };
        let holding = known.parts.iter().filter(|(_, part)| part.objects.contains(&object));
        let fields: Vec<Step> = holding.map(|(step, _)| step).collect();
        for step in fields {
            if let Step::Field(field) = step {
                self.publish(field, value);
            }
        }
    }

    /// A value is written to a field that code elsewhere may read.
    pub(crate) fn publish(&mut self, field: FieldId, value: &Value) {
        self.escape(value);
        if !self.app.is_followed(field) {
            return;
        }
        let mut data = self.deep_tags(value);
        data.join(&self.control);
        if !data.is_empty() {
            self.effect(Act::Field(field), data, smallvec::smallvec![]);
        }
    }

    /// Code elsewhere may hold these objects from now on: what their fields hold is published.
    pub(crate) fn escape(&mut self, value: &Value) {
        let mut pending: SmallVec<[ObjectId; 16]> = SmallVec::from_slice(&value.objects);
        let mut seen = 0;
        while let Some(object) = pending.pop() {
            let known = self.known(object);
            seen += 1;
            if known.escaped || seen > DEEP_OBJECTS_MAX {
                continue;
            }
            self.change(object).escaped = true;
            for (step, part) in known.parts.iter() {
                pending.extend_from_slice(&part.objects);
                if let Step::Field(field) = step
                    && !part.tags.is_empty()
                    && self.app.is_followed(field)
                {
                    self.effect(Act::Field(field), part.tags.clone(), smallvec::smallvec![]);
                }
            }
        }
    }

    /// Everything a value and all it refers to may be made of; not what objects that stand for the system have in fields.
    pub(crate) fn deep_tags(&mut self, value: &Value) -> Tags {
        let mut tags = value.tags.clone();
        let mut seen: SmallVec<[ObjectId; 16]> = SmallVec::new();
        let mut pending: SmallVec<[ObjectId; 16]> = SmallVec::from_slice(&value.objects);
        while let Some(object) = pending.pop() {
            if seen.contains(&object) || seen.len() >= DEEP_OBJECTS_MAX {
                continue;
            }
            if tags.is_full() {
                break;
            }
            seen.push(object);
            match self.key(object) {
                ObjectKey::Input(path) => tags.join_input(path),
                ObjectKey::Shared(field) => {
                    let shared = self.shared_value(field);
                    tags.join(&shared.tags);
                }
                ObjectKey::Received(class, letter) => {
                    tags.join(&self.received_tags(class, letter, None));
                }
                ObjectKey::Made(..) | ObjectKey::Statics => {}
            }
            if let Some(known) = self.heap.get(object) {
                let known = Rc::clone(known);
                tags.join(&known.content);
                self.app.work += known.parts.len() as u64 + 1;
                let is_inert = known.exact_type.or(known.declared_type).is_some_and(|ty| self.app.is_inert(ty));
                for (step, part) in known.parts.iter() {
                    if is_inert && matches!(step, Step::Field(_)) {
                        continue;
                    }
                    tags.join(&part.tags);
                    pending.extend_from_slice(&part.objects);
                }
            }
        }
        if tags.is_full() {
            self.app.cut("data origins per value");
        }
        tags
    }

    /// What the text of a value may be.
    pub(crate) fn text(&mut self, value: &Value) -> Constants {
        let mut text = Constants::default();
        for &symbol in value.constants.symbols() {
            match symbol {
                Symbol::Null => {}
                Symbol::Class(ty) => text.add(self.class_text(ty)),
                other => text.add(other),
            }
        }
        if value.constants.is_open() && value.objects.is_empty() {
            text.open();
        }
        for &object in &value.objects {
            let known = self.known(object);
            text.join(&known.text);
        }
        text
    }
}
