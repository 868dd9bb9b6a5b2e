//! Applying a method's summary at a call: its inputs are replaced by what the caller has.

use std::{cell::RefCell, rc::Rc};

use code::{MethodId, TypeId};
use findings::Hop;
use knowledge::{InvokeRule, OriginKind};
use smallvec::SmallVec;

use super::{application::Application, frame::Frame, schedule};
use crate::{
    domain::{
        path::{PathId, Step},
        source::{Names, Source, What},
        summary::{Act, Assumed, Assumptions, Effect, Summary},
        tags::{Doubts, Tag, Tagged, Tags},
        text::{ALTERNATIVES_MAX, Constants, PatternId, Piece, Symbol},
        trace::Trace,
        value::{Object, ObjectId, ObjectKey, Origin, Origins, Value, add_origin},
    },
    kinds::{FILE, OPEN, PROVIDER},
};

/// Calls back this deep within one call instruction are cut.
const CALLBACK_DEPTH_MAX: u32 = 3;
/// More calls back than this within one call instruction are cut.
const CALLBACKS_MAX: u32 = 48;

impl Frame<'_, '_> {
    /// What a call of a method of the app does here and yields. `arguments` start with the receiver, if it has one.
    pub(crate) fn apply(&mut self, target: MethodId, arguments: &[Value]) -> Value {
        self.apply_nested(target, arguments, 0)
    }

    fn apply_nested(&mut self, target: MethodId, arguments: &[Value], depth: u32) -> Value {
        self.app.calls.entry(self.method).or_default().insert(target);
        let Some(summary) = self.app.summaries.get(&target).map(Rc::clone) else {
            // Its summary comes later: the method is in a cycle with this one, and this one will be looked at again.
            self.forget_statics();
            return Value::default();
        };
        let summary = self.specialised(target, arguments, summary);
        self.apply_summary(&summary, arguments, depth)
    }

    /// What a method of this summary does here and yields.
    pub(crate) fn apply_summary(&mut self, summary: &Summary, arguments: &[Value], depth: u32) -> Value {
        let mut application = Application::new(summary, arguments, depth);
        self.map_objects(&mut application);
        self.write_objects(&mut application);
        if summary.writes_statics {
            self.forget_statics();
        }
        let thrown = self.translate_tags(&mut application, &summary.thrown);
        self.thrown.join(&thrown);
        for effect in &summary.effects {
            self.translate_effect(&mut application, effect);
        }
        for (object, told) in &summary.handed {
            let objects = application.objects.get(object.0 as usize).cloned().unwrap_or_default();
            objects.into_iter().for_each(|object| self.note_handed(object, *told));
        }
        self.translate(&mut application, &summary.result)
    }

    /// The summary for what this caller knows of the classes that decide about the method's own calls.
    fn specialised(&mut self, target: MethodId, arguments: &[Value], summary: Rc<Summary>) -> Rc<Summary> {
        if summary.dispatches.is_empty() && !self.is_constrained() {
            return summary;
        }
        let mut application = Application::new(&summary, arguments, 0);
        let mut known = Assumptions::new();
        for &path in &summary.dispatches {
            let actual = self.at_path(&mut application, path);
            match self.exact_types(&actual) {
                (types, true) if types.len() == 1 => known.extend(types.first().map(|&ty| (path, Assumed::Class(ty)))),
                _ => self.note_dispatch(Some(&actual)),
            }
        }
        if self.is_constrained() {
            known.extend(self.constant_arguments(arguments));
        }
        if known.is_empty() {
            return summary;
        }
        schedule::summarise_with(self.app, target, known).unwrap_or(summary)
    }

    fn map_objects(&mut self, application: &mut Application<'_>) {
        let summary = application.summary;
        self.app.work += 16 + 4 * (summary.objects.len() + summary.effects.len()) as u64;
        for (number, (key, object)) in summary.objects.iter().enumerate() {
            let mapped: SmallVec<[ObjectId; 2]> = match *key {
                ObjectKey::Input(path) => self.at_path(application, path).objects,
                ObjectKey::Shared(_) | ObjectKey::Received(..) => smallvec::smallvec![self.object(*key)],
                ObjectKey::Statics => SmallVec::new(),
                ObjectKey::Made(..) => {
                    // Numbers from 1 on, apart per nesting: 0 is the library's result.
                    let number =
                        u16::try_from(number + 1).unwrap_or(u16::MAX).saturating_add(256 * application.depth as u16);
                    smallvec::smallvec![self.make(number, object.exact_type, object.declared_type)]
                }
            };
            application.objects.push(mapped);
        }
    }

    /// What the caller has at a path.
    fn at_path(&mut self, application: &mut Application<'_>, path: PathId) -> Value {
        if let Some(known) = application.paths.get(path) {
            return known.clone();
        }
        // A path has few steps ([`crate::domain::path::PATH_STEPS_MAX`]).
        let value = match self.app.tables.paths.last(path) {
            Some((before, step)) => {
                let value = self.at_path(application, before);
                self.read(&value, step)
            }
            None => {
                let root = usize::from(self.app.tables.paths.root_of(path));
                application.arguments.get(root).cloned().unwrap_or_default()
            }
        };
        application.paths.insert(path, value.clone());
        value
    }

    fn write_objects(&mut self, application: &mut Application<'_>) {
        let summary = application.summary;
        // All inputs are resolved before the first write: the callee saw them as they were.
        for &path in &summary.inputs {
            self.made_of(application, path);
        }
        for (number, (key, object)) in summary.objects.iter().enumerate() {
            let targets = application.objects.get(number).cloned().unwrap_or_default();
            let mut base = Value { objects: targets.clone(), ..Value::default() };
            if targets.is_empty() && matches!(key, ObjectKey::Input(_)) {
                base = Value::made_of(Tags::default());
            }
            for (step, part) in object.parts.iter() {
                let value = self.translate(application, part);
                self.write(&base, step, &value);
            }
            self.write_rest(application, &base, *key, object);
        }
    }

    fn write_rest(&mut self, application: &mut Application<'_>, base: &Value, key: ObjectKey, object: &Object) {
        let content = self.translate_tags(application, &object.content);
        self.fill(base, &content);
        let alone = base.objects.len() == 1;
        // An input of which nothing was changed is what it was.
        let has_its_text = self.has_its_own_text(key, object);
        let has_its_origins = matches!(key, ObjectKey::Input(path) if *object.origins == [Origin::Input(path)]);
        let is_made = matches!(key, ObjectKey::Made(..));
        if !(has_its_text && has_its_origins && !is_made) {
            let text = self.translate_constants(application, &object.text);
            let origins = self.translate_origins(application, &object.origins);
            for &target in &base.objects {
                if matches!(self.key(target), ObjectKey::Shared(_) | ObjectKey::Received(..)) {
                    continue;
                }
                let known = self.change(target);
                match (alone, has_its_text) {
                    (_, true) => {}
                    (true, false) => known.text = text.clone(),
                    (false, false) => {
                        known.text.join(&text);
                    }
                }
                match (alone, has_its_origins) {
                    (_, true) => {}
                    (true, false) => known.origins.clone_from(&origins),
                    (false, false) => origins.iter().for_each(|&origin| {
                        add_origin(&mut known.origins, origin);
                    }),
                }
                if is_made {
                    known.array.clone_from(&object.array);
                    known.many |= object.many;
                }
            }
        }
        if object.escaped && !matches!(key, ObjectKey::Shared(_) | ObjectKey::Received(..)) {
            self.escape(base);
        }
    }

    fn has_its_own_text(&mut self, key: ObjectKey, object: &Object) -> bool {
        let ObjectKey::Input(path) = key else { return false };
        object.text.single() == Some(Symbol::Text(self.app.tables.patterns.input(path)))
    }

    /// A value of the summary as the caller sees it.
    fn translate(&mut self, application: &mut Application<'_>, value: &Value) -> Value {
        let mut result = Value {
            tags: self.translate_tags(application, &value.tags),
            objects: SmallVec::new(),
            constants: self.translate_constants(application, &value.constants),
        };
        for &object in &value.objects {
            let mapped = application.objects.get(object.0 as usize).cloned().unwrap_or_default();
            for object in mapped {
                if !result.add_object(object) {
                    self.app.cut("objects per value");
                }
            }
            if let Some(&(ObjectKey::Input(path), _)) = application.summary.objects.get(object.0 as usize) {
                let actual = self.at_path(application, path);
                let passed = self.passed(&actual.tags, Hop::Call, None);
                result.tags.join(&passed);
            }
        }
        result
    }

    /// What the value at a path was made of when the call began.
    fn made_of(&mut self, application: &mut Application<'_>, path: PathId) -> Tags {
        if let Some(known) = application.made_of.get(path) {
            return known.clone();
        }
        let tags = if path == PathId::CONTROL {
            self.control.clone()
        } else {
            let actual = self.at_path(application, path);
            self.deep_tags(&actual)
        };
        let tags = self.passed(&tags, Hop::Call, None);
        application.made_of.insert(path, tags.clone());
        tags
    }

    fn translate_tags(&mut self, application: &mut Application<'_>, tags: &Tags) -> Tags {
        let mut result = Tags::default();
        let mut own = Vec::new();
        for tagged in tags.iter() {
            match tagged.tag {
                Tag::Input(path) => {
                    let actual = self.made_of(application, path);
                    self.app.work += actual.len() as u64 + 1;
                    result.join_passed(&actual, tagged.doubts, tagged.operations, &tagged.trace);
                }
                Tag::Source(id) => {
                    self.app.work += 1;
                    let trace = tagged.trace.then(self.site(), Hop::Return, None);
                    if !self.depends_on_caller(tagged.tag) {
                        own.push(Tagged { trace, ..*tagged });
                        continue;
                    }
                    let Some(source) = self.app.tables.sources.get(id).cloned() else { continue };
                    for what in self.translate_what(application, &source.what) {
                        let id = self.app.tables.sources.intern(Source { what, site: source.site });
                        own.push(Tagged { tag: Tag::Source(id), trace: trace.clone(), ..tagged.clone() });
                    }
                }
            }
        }
        result.join(&Tags::from_vec(own));
        result
    }

    fn translate_what(&mut self, application: &mut Application<'_>, what: &What) -> SmallVec<[What; 1]> {
        match what {
            What::Kind(kind, names) => smallvec::smallvec![What::Kind(*kind, self.translate_names(application, names))],
            What::Provider(operation, names) => {
                smallvec::smallvec![What::Provider(*operation, self.translate_names(application, names))]
            }
            What::Store(kind, names) => {
                smallvec::smallvec![What::Store(*kind, self.translate_names(application, names))]
            }
            What::Table(table, names) => {
                smallvec::smallvec![What::Table(*table, self.translate_names(application, names))]
            }
            What::Field(_) | What::Received(..) => smallvec::smallvec![what.clone()],
            What::Stream(path) => {
                let actual = self.at_path(application, *path);
                self.what_streams(&actual)
            }
        }
    }

    /// What comes out of the streams a value may refer to.
    pub(crate) fn what_streams(&mut self, stream: &Value) -> SmallVec<[What; 1]> {
        let mut found: SmallVec<[What; 1]> = SmallVec::new();
        for origin in self.origins(stream) {
            let what = match origin {
                Origin::Input(path) => What::Stream(path),
                Origin::Known(kind, name) => match self.what_comes_from(kind, smallvec::smallvec![name]) {
                    Some(what) => what,
                    None => continue,
                },
            };
            if !found.contains(&what) {
                found.push(what);
            }
        }
        found
    }

    fn what_comes_from(&self, kind: OriginKind, names: Names) -> Option<What> {
        match kind {
            OriginKind::Uri => Some(What::Provider(self.app.kinds.id(OPEN), names)),
            OriginKind::File => Some(What::Store(self.app.kinds.id(FILE), names)),
            _ => {
                let origin = self.app.knowledge.origins.get(&kind)?;
                match (&origin.table, &origin.source) {
                    (Some(table), _) => Some(What::Table(self.app.kinds.id(table), names)),
                    (None, Some(source)) => Some(What::Kind(self.app.kinds.id(source), names)),
                    (None, None) => {
                        let channel = origin.answers.as_ref().or(origin.channel.as_ref())?;
                        Some(What::Store(self.app.kinds.id(channel), names))
                    }
                }
            }
        }
    }

    /// Where the streams a value may refer to lead.
    pub(crate) fn origins(&mut self, value: &Value) -> Origins {
        let mut found = Origins::new();
        for &object in &value.objects {
            for &origin in &self.known(object).origins {
                add_origin(&mut found, origin);
            }
        }
        found
    }

    fn translate_origins(&mut self, application: &mut Application<'_>, origins: &Origins) -> Origins {
        let mut result = Origins::new();
        for &origin in origins {
            match origin {
                Origin::Input(path) => {
                    let actual = self.at_path(application, path);
                    for origin in self.origins(&actual) {
                        add_origin(&mut result, origin);
                    }
                }
                Origin::Known(kind, name) => {
                    for name in self.translate_names(application, &smallvec::smallvec![name]) {
                        add_origin(&mut result, Origin::Known(kind, name));
                    }
                }
            }
        }
        result
    }

    fn translate_names(&mut self, application: &mut Application<'_>, names: &Names) -> Names {
        if names.len() <= ALTERNATIVES_MAX && !names.iter().any(|&name| self.app.tables.patterns.has_input(name)) {
            return Names::from_slice(names);
        }
        let mut result = Names::new();
        for &name in names {
            for pattern in self.translate_pattern(application, name) {
                if result.len() < ALTERNATIVES_MAX
                    && let Err(at) = result.binary_search(&pattern)
                {
                    result.insert(at, pattern);
                }
            }
        }
        result
    }

    /// A pattern with its inputs filled in by what the caller knows: a few alternatives.
    fn translate_pattern(&mut self, application: &mut Application<'_>, id: PatternId) -> Names {
        if !self.app.tables.patterns.has_input(id) {
            return smallvec::smallvec![id];
        }
        if let Some(known) = application.patterns.get(id) {
            return known.clone();
        }
        let found = self.filled_in(application, id);
        application.patterns.insert(id, found.clone());
        found
    }

    fn filled_in(&mut self, application: &mut Application<'_>, id: PatternId) -> Names {
        let pieces = self.app.tables.patterns.pieces(id);
        let mut parts = Vec::new();
        for piece in pieces.iter() {
            let part = match piece {
                Piece::Input(path) => {
                    let actual = self.at_path(application, *path);
                    self.text(&actual)
                }
                Piece::Part(part, whole) => {
                    let mut text = Constants::default();
                    for whole in self.translate_pattern(application, *whole) {
                        text.add(Symbol::Text(whole));
                    }
                    self.path_parts(&text, *part)
                }
                other => Constants::one(Symbol::Text(self.app.tables.patterns.intern([other.clone()]))),
            };
            parts.push(part);
        }
        let joined = self.app.tables.patterns.concatenate(&parts);
        let texts =
            joined.symbols().iter().filter_map(|symbol| if let Symbol::Text(id) = symbol { Some(*id) } else { None });
        texts.collect()
    }

    fn translate_constants(&mut self, application: &mut Application<'_>, constants: &Constants) -> Constants {
        let has_input = |symbol: &Symbol| matches!(symbol, Symbol::Text(id) if self.app.tables.patterns.has_input(*id));
        if !constants.symbols().iter().any(has_input) {
            return constants.clone();
        }
        let mut result = Constants::default();
        if constants.is_open() {
            result.open();
        }
        for &symbol in constants.symbols() {
            if result.is_full() {
                break;
            }
            match symbol {
                Symbol::Text(id) => match &*self.app.tables.patterns.pieces(id) {
                    // An input alone keeps what it is: a number stays a number.
                    [Piece::Input(path)] => self.join_text_at(application, *path, &mut result),
                    _ => {
                        for id in self.translate_pattern(application, id) {
                            result.add(Symbol::Text(id));
                        }
                    }
                },
                other => result.add(other),
            }
        }
        result
    }

    /// Adds the constants and the text of what the caller has at a path.
    fn join_text_at(&mut self, application: &mut Application<'_>, path: PathId, result: &mut Constants) {
        if application.texts.get(path).is_none() {
            let actual = self.at_path(application, path);
            let mut text = actual.constants.clone();
            text.join(&self.text(&actual));
            application.texts.insert(path, text);
        }
        if let Some(text) = application.texts.get(path) {
            result.join(text);
        }
    }

    fn translate_effect(&mut self, application: &mut Application<'_>, effect: &Effect) {
        if let Act::Callback(path, name, parameters, arguments) = &effect.act {
            return self.translate_callback(application, *path, (name, parameters.as_deref()), arguments);
        }
        let data = self.translate_tags(application, &effect.data);
        let names = self.translate_names(application, &effect.names);
        let trace = Trace::default().then(self.site(), Hop::Call, None).then_all(&effect.trace);
        let outer = Effect { act: effect.act.clone(), data, names, site: effect.site, trace };
        match &effect.act {
            Act::Stream(path) => {
                let actual = self.at_path(application, *path);
                for origin in self.origins(&actual) {
                    self.stream_effect(origin, outer.clone());
                }
            }
            Act::Send(_) | Act::Forward(..) | Act::Register(_) | Act::Enrol(..) => {
                let application = RefCell::new(application);
                self.intent_effect(
                    outer,
                    &mut |frame, list| frame.translate_names(&mut application.borrow_mut(), list),
                    &mut |frame, path| frame.at_path(&mut application.borrow_mut(), path),
                );
            }
            _ => self.effect_at(outer),
        }
    }

    /// A method is called on what the caller has at a path.
    fn translate_callback(
        &mut self,
        application: &mut Application<'_>,
        path: PathId,
        (name, parameters): (&str, Option<&str>),
        arguments: &[Value],
    ) {
        let receiver = self.at_path(application, path);
        self.callbacks += 1;
        if application.depth >= CALLBACK_DEPTH_MAX || self.callbacks > CALLBACKS_MAX || self.is_spent() {
            return self.app.cut("callbacks within a call");
        }
        // Most receivers are objects of no known class: what they would be passed need not be worked out.
        if !self.leads_somewhere(&receiver) {
            return;
        }
        let mut values = vec![receiver.clone()];
        for argument in arguments {
            values.push(self.translate(application, argument));
        }
        self.call_back(&receiver, name, parameters, &values, application.depth + 1);
    }

    /// Whether a call back on a value comes to code, or is left to the caller.
    fn leads_somewhere(&mut self, receiver: &Value) -> bool {
        let is_brought = |frame: &Self, object| matches!(frame.key(object), ObjectKey::Input(_));
        receiver.objects.iter().any(|&object| is_brought(self, object)) || !self.exact_types(receiver).0.is_empty()
    }

    /// Data goes into a stream that leads here.
    pub(crate) fn stream_effect(&mut self, origin: Origin, effect: Effect) {
        let act = match origin {
            Origin::Input(path) => Act::Stream(path),
            Origin::Known(kind, name) => {
                let known = self.app.knowledge.origins.get(&kind);
                let sink = known.and_then(|origin| origin.sink.as_ref());
                if let Some(channel) = known.and_then(|origin| origin.channel.as_ref()) {
                    let act = Act::Store(self.app.kinds.id(channel));
                    self.effect_at(Effect { act, names: smallvec::smallvec![name], ..effect.clone() });
                }
                let sink = match (kind, sink) {
                    (OriginKind::File, _) => Act::Store(self.app.kinds.id(FILE)),
                    (OriginKind::Uri, _) => Act::Store(self.app.kinds.id(PROVIDER)),
                    (_, Some(sink)) if self.app.kinds.is_told(self.app.kinds.id(sink)) => {
                        Act::Sink(self.app.kinds.id(sink))
                    }
                    (_, _) => return,
                };
                let names = smallvec::smallvec![name];
                return self.effect_at(Effect { act: sink, names, ..effect });
            }
        };
        self.effect_at(Effect { act, names: Names::new(), ..effect });
    }

    /// The library calls a method of an object back. Returns what the method returns.
    pub(crate) fn call_back(
        &mut self,
        receiver: &Value,
        name: &str,
        parameters: Option<&str>,
        values: &[Value],
        depth: u32,
    ) -> Value {
        let (types, _) = self.exact_types(receiver);
        let mut result = Value::default();
        for ty in types {
            if name == InvokeRule::EVERY {
                result.join(&self.call_any(ty, values, depth));
                continue;
            }
            if let Some(target) = self.app.classes.find(ty, name, parameters) {
                let values = self.platform_arguments(ty, target, values);
                let part = self.apply_nested(target, &values, depth);
                result.join(&part);
            }
        }
        // What a parameter holds is known to the caller only.
        for &object in &receiver.objects {
            if let ObjectKey::Input(path) = self.key(object)
                && self.known(object).exact_type.is_none()
                && !matches!(self.app.tables.paths.steps(path).last(), Some(Step::Field(_)) if !self.exact_types(&Value::object(object)).0.is_empty())
            {
                let arguments: Vec<Value> = values.iter().skip(1).map(|value| self.without_objects(value)).collect();
                let act = Act::Callback(path, name.into(), parameters.map(Into::into), arguments.into());
                self.effect(act, Tags::default(), Names::new());
            }
        }
        result
    }

    /// Every public method of a class may be called, with anything of what is passed.
    fn call_any(&mut self, ty: TypeId, values: &[Value], depth: u32) -> Value {
        let mut result = Value::default();
        let Some((receiver, passed)) = values.split_first() else { return result };
        let passed = passed.first().cloned().unwrap_or_default();
        let passed = Value { tags: passed.tags.doubted(Doubts::ANY_METHOD), ..passed };
        for target in self.app.classes.open_methods(ty) {
            let count = super::roots::parameter_count(self.app, target);
            let mut arguments = vec![receiver.clone()];
            arguments.resize(count.max(1), passed.clone());
            let part = self.apply_nested(target, &arguments, depth);
            result.join(&part);
        }
        result.tags = self.deep_tags(&result).doubted(Doubts::ANY_METHOD);
        result
    }

    /// What is known of a value apart from its objects: an effect cannot name them.
    fn without_objects(&mut self, value: &Value) -> Value {
        let mut constants = self.text(value);
        if constants.symbols().is_empty() {
            constants.open();
        }
        Value { constants, ..Value::made_of(self.deep_tags(value)) }
    }
}
