//! Intents: what is sent where, what arrives, and which receivers are registered. Which components an intent reaches is
//! decided when all apps are known ([`crate::link`]).

use std::rc::Rc;

use code::TypeId;
use findings::Hop;
use knowledge::{ChannelRule, Role};

use super::frame::Frame;
use crate::domain::{
    intents::{Address, Enrolment, Letter, Manner, Operation, Sending},
    path::{PatternKey, Step},
    source::{Names, Source, What},
    summary::{Act, Effect},
    tags::{Tag, Tags},
    text::{Constants, PatternId, Symbol},
    trace::{Site, Trace},
    value::{ObjectId, ObjectKey, Value},
};

/// Holders inside holders are followed this deep for the entries of an intent.
const HOLDERS_DEPTH_MAX: u32 = 4;

/// Keys of an intent that say where it goes and carry nothing.
const ADDRESSING: [&str; 3] = ["#key", "#component", "#package"];

/// Groups of a filter, in the order of [`Enrolment::filter`].
const FILTER_GROUPS: [&str; 6] = ["#action", "#category", "#scheme", "#host", "#path", "#type"];

impl Frame<'_, '_> {
    /// A channel of kind `intent`.
    pub(crate) fn intent_channel(
        &mut self,
        rule: &ChannelRule,
        receiver: Option<&Value>,
        named: &Value,
        written: &[Value],
        permission: Names,
    ) {
        let Some(operation) = rule.operation.as_deref().and_then(Operation::named) else { return };
        let sender = receiver.and_then(|receiver| self.own_class(receiver));
        let manner = Manner { operation, permission, sender };
        match operation {
            Operation::Register | Operation::RegisterLocal => {
                for receiver in written {
                    self.register(&manner, receiver, named);
                }
            }
            Operation::PassOn => {
                let mut data = Tags::default();
                for value in written {
                    let tags = self.deep_tags(value);
                    data.join(&tags);
                }
                let sending = Sending { manner, address: Address::default(), key: None };
                self.effect(Act::Send(Rc::new(sending)), data, Names::new());
            }
            _ => self.send(&manner, named),
        }
    }

    /// The class of the app that a value is of, as far as it is known or declared.
    fn own_class(&mut self, value: &Value) -> Option<TypeId> {
        let types = value.objects.iter().map(|&object| self.known(object));
        let types: Vec<TypeId> = types.filter_map(|known| known.exact_type.or(known.declared_type)).collect();
        types.into_iter().find(|&ty| self.app.program.class_of(ty).is_some())
    }

    /// Sends whatever intents a value may refer to.
    pub(crate) fn send(&mut self, manner: &Manner, intent: &Value) {
        for &object in &intent.objects {
            let known = self.known(object);
            let is_array = known.exact_type.is_some_and(|ty| self.app.program.descriptor(ty).starts_with('['));
            if is_array {
                let elements: Vec<Value> = known.parts.values().cloned().collect();
                elements.iter().filter(|element| !element.objects.contains(&object)).for_each(|element| {
                    self.send_objects(manner, element);
                });
            } else {
                self.send_object(manner, object);
            }
        }
    }

    fn send_objects(&mut self, manner: &Manner, intent: &Value) {
        for &object in &intent.objects {
            self.send_object(manner, object);
        }
    }

    fn send_object(&mut self, manner: &Manner, object: ObjectId) {
        if let ObjectKey::Input(path) = self.key(object) {
            return self.effect(Act::Forward(path, Rc::new(manner.clone())), Tags::default(), Names::new());
        }
        let address = self.address(object);
        let mut entries: Vec<(Option<PatternId>, Tags)> = vec![(None, Tags::default())];
        self.entries(object, HOLDERS_DEPTH_MAX, &mut entries);
        for (key, data) in entries {
            let sending = Sending { manner: manner.clone(), address: address.clone(), key };
            self.effect(Act::Send(Rc::new(sending)), data, Names::new());
        }
    }

    /// What is under each key of an intent or bundle.
    fn entries(&mut self, object: ObjectId, depth: u32, found: &mut Vec<(Option<PatternId>, Tags)>) {
        let mut whole = self.known(object).content.clone();
        match self.key(object) {
            ObjectKey::Made(..) => {}
            _ => {
                whole.join(&self.outer_tags(object));
            }
        }
        add_entry(found, None, &whole);
        let parts: Vec<(Step, Value)> =
            self.known(object).parts.iter().map(|(step, value)| (step, value.clone())).collect();
        for (step, value) in parts {
            let Step::Key(key) = step else {
                let tags = self.deep_tags(&value);
                add_entry(found, None, &tags);
                continue;
            };
            if key == self.app.from_key && depth > 0 {
                for &holder in &value.objects {
                    self.entries(holder, depth - 1, found);
                }
                add_entry(found, None, &value.tags);
                continue;
            }
            let name = self.app.tables.patterns.display(PatternId(key));
            if ADDRESSING.contains(&name.as_str()) || name.starts_with("#category:") {
                continue;
            }
            let tags = self.deep_tags(&value);
            add_entry(found, Some(PatternId(key)), &tags);
        }
    }

    /// What an object that was not made here is made of by its name.
    fn outer_tags(&mut self, object: ObjectId) -> Tags {
        match self.key(object) {
            ObjectKey::Input(path) => Tags::one(Tag::Input(path), Trace::default()),
            ObjectKey::Shared(field) => self.shared_value(field).tags,
            ObjectKey::Received(class, letter) => self.received_tags(class, letter, None),
            ObjectKey::Made(..) | ObjectKey::Statics => Tags::default(),
        }
    }

    /// Where an intent goes.
    fn address(&mut self, object: ObjectId) -> Address {
        let component = self.intent_part(object, "#component");
        let component = self.component_names(&component);
        let [package, action, data, mime_type] =
            ["#package", "#action", "#data", "#type"].map(|part| self.intent_part(object, part));
        let [package, action, data, mime_type] =
            [package, action, data, mime_type].map(|value| self.names_if_any(&value));
        let categories = self.group(object, "#category");
        Address { component, package, action, categories, data, mime_type }
    }

    fn intent_part(&mut self, object: ObjectId, part: &str) -> Value {
        let step = Step::Key(self.app.tables.patterns.literal(part).0);
        self.read_part(object, step)
    }

    /// The texts of a value; none if nothing reaches it.
    pub(crate) fn names_if_any(&mut self, value: &Value) -> Names {
        // A null reference is a number in the code.
        let null = |symbol: &&Symbol| matches!(symbol, Symbol::Null | Symbol::Number(0));
        let mut constants = Constants::default();
        value.constants.symbols().iter().filter(|symbol| !null(symbol)).for_each(|symbol| constants.add(*symbol));
        if value.constants.is_open() {
            constants.open();
        }
        if value.objects.is_empty() && constants == Constants::default() {
            return Names::new();
        }
        self.names_of(&Value { constants, ..value.clone() })
    }

    /// Names of components: of class literals, texts, and objects that hold either.
    fn component_names(&mut self, value: &Value) -> Names {
        let plain = Value { objects: smallvec::SmallVec::new(), ..value.clone() };
        let mut texts = self.text(&plain);
        if !value.objects.is_empty() && texts.symbols().is_empty() {
            texts = Constants::default();
        }
        for &object in &value.objects {
            let class = self.intent_part(object, "#class");
            for &symbol in class.constants.symbols() {
                if let Symbol::Class(ty) = symbol {
                    texts.add(self.class_text(ty));
                }
            }
            if class.constants.symbols().is_empty() {
                texts.join(&self.known(object).text.clone());
            }
        }
        self.names_if_any(&Value::constant(texts))
    }

    /// The name of a class as text.
    pub(crate) fn class_text(&mut self, ty: TypeId) -> Symbol {
        let name = dotted(self.app.program.descriptor(ty));
        Symbol::Text(self.app.tables.patterns.literal(&name))
    }

    /// Members of a group of entries: categories of an intent, actions of a filter.
    fn group(&mut self, object: ObjectId, group: &str) -> Names {
        let prefix = format!("{group}:");
        let mut names = Names::new();
        let known = self.known(object);
        for step in known.parts.keys() {
            let Step::Key(key) = step else { continue };
            let name = self.app.tables.patterns.display(PatternId(key));
            if let Some(member) = name.strip_prefix(&prefix) {
                let member = self.app.tables.patterns.literal(member);
                if let Err(at) = names.binary_search(&member) {
                    names.insert(at, member);
                }
            }
        }
        names
    }

    /// Registers receivers with filters.
    pub(crate) fn register(&mut self, manner: &Manner, receiver: &Value, filter: &Value) {
        let receivers: Vec<ObjectId> = receiver.objects.to_vec();
        let filters: Vec<ObjectId> = filter.objects.to_vec();
        for &receiver in &receivers {
            for &filter in &filters {
                let (of_receiver, of_filter) = (self.key(receiver), self.key(filter));
                let (classes, _) = self.exact_types(&Value::object(receiver));
                if let (ObjectKey::Input(receiver), ObjectKey::Input(filter)) = (of_receiver, of_filter) {
                    let act = Act::Enrol(receiver, filter, Rc::new(manner.clone()));
                    self.effect(act, Tags::default(), Names::new());
                    continue;
                }
                let groups = FILTER_GROUPS.map(|group| self.group(filter, group));
                for receiver in classes {
                    let enrolment = Enrolment { manner: manner.clone(), receiver, filter: groups.clone() };
                    self.effect(Act::Register(Rc::new(enrolment)), Tags::default(), Names::new());
                }
            }
        }
    }

    /// The intent that started the components a value may refer to.
    pub(crate) fn received(&mut self, component: &Value, letter: Letter) -> Value {
        let mut intent = Value::default();
        let mut classes: Vec<TypeId> = self.exact_types(component).0;
        classes.extend(self.own_class(component));
        classes.retain(|&class| self.app.program.class_of(class).is_some());
        for class in classes {
            let object = self.object(ObjectKey::Received(class, letter));
            intent.add_object(object);
        }
        intent
    }

    /// What is under a key of an intent that arrives.
    pub(crate) fn received_tags(&mut self, class: TypeId, letter: Letter, key: Option<PatternKey>) -> Tags {
        let site = Site { method: super::roots::PLATFORM, address: 0 };
        let here = self.entered.map_or_else(|| self.site(), |method| Site { method, address: 0 });
        let id = self.app.tables.sources.intern(Source { what: What::Received(class, letter, key), site });
        Tags::one(Tag::Source(id), Trace::default().then(here, Hop::Channel, None))
    }

    /// What the platform passes to a method of an object of class `ty` that it calls back: where the caller knows
    /// nothing, what is known of every such method.
    pub(crate) fn platform_arguments(&mut self, ty: TypeId, target: code::MethodId, values: &[Value]) -> Vec<Value> {
        let mut values = values.to_vec();
        for (position, role) in super::roots::callback_roles(self.app, target).iter().enumerate() {
            if let (Role::Intent, Some(value)) = (role, values.get_mut(position))
                && value.tags.is_empty()
                && value.objects.is_empty()
            {
                *value = Value::object(self.object(ObjectKey::Received(ty, Letter::Intent)));
            }
        }
        values
    }

    /// An effect of the callee that speaks of intents, as the caller sees it.
    pub(crate) fn intent_effect(
        &mut self,
        effect: Effect,
        names: &mut dyn FnMut(&mut Self, &Names) -> Names,
        values: &mut dyn FnMut(&mut Self, crate::domain::path::PathId) -> Value,
    ) {
        match &effect.act {
            Act::Send(sending) => {
                let permission = names(self, &sending.manner.permission);
                let manner = Manner { permission, ..sending.manner.clone() };
                let address = sending.address.map(|list| names(self, list));
                let act = Act::Send(Rc::new(Sending { manner, address, key: sending.key }));
                self.effect_at(Effect { act, ..effect });
            }
            Act::Register(enrolment) => {
                let permission = names(self, &enrolment.manner.permission);
                let manner = Manner { permission, ..enrolment.manner.clone() };
                let filter = enrolment.filter.each_ref().map(|list| names(self, list));
                let act = Act::Register(Rc::new(Enrolment { manner, filter, receiver: enrolment.receiver }));
                self.effect_at(Effect { act, ..effect });
            }
            Act::Forward(path, manner) => {
                let intent = values(self, *path);
                let manner = self.manner_here(manner, names);
                self.send(&manner, &intent);
            }
            Act::Enrol(receiver, filter, manner) => {
                let (receiver, filter) = (values(self, *receiver), values(self, *filter));
                let manner = self.manner_here(manner, names);
                self.register(&manner, &receiver, &filter);
            }
            _ => {}
        }
    }

    fn manner_here(&mut self, manner: &Manner, names: &mut dyn FnMut(&mut Self, &Names) -> Names) -> Manner {
        let permission = names(self, &manner.permission);
        Manner { permission, ..manner.clone() }
    }
}

fn add_entry(found: &mut Vec<(Option<PatternId>, Tags)>, key: Option<PatternId>, tags: &Tags) {
    if tags.is_empty() {
        return;
    }
    match found.iter_mut().find(|(other, _)| *other == key) {
        Some((_, known)) => {
            known.join(tags);
        }
        None => found.push((key, tags.clone())),
    }
}

/// A class name as the platform writes it.
pub(crate) fn dotted(descriptor: &str) -> String {
    descriptor.trim_start_matches('L').trim_end_matches(';').replace('/', ".")
}
