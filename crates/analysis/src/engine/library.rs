//! Library methods by their models.

use std::rc::Rc;

use code::{InvokeKind, MethodId, TypeId, ValueId};
use findings::Hop;
use knowledge::{
    Flow, InvokeRule, Model, OriginKind, OriginRule, Part, Place, Root, SinkKind, SinkRule, SourceKind, SourceRule,
    TextPiece, TextRule,
};

use super::frame::Frame;
use crate::domain::{
    intents::Letter,
    path::Step,
    source::{Names, Source, What},
    summary::{Act, Effect},
    tags::{Doubts, Tag, Tags},
    text::{Constants, Piece, Symbol},
    trace::Trace,
    value::{ObjectId, ObjectKey, Origin, Value, add_origin},
};
use crate::kinds::QUERY;

/// The number of the object that stands for the elements of a result: behind those of results and summaries.
const ELEMENT: u16 = u16::MAX - 1;

/// Values a model can pass from one callback to another.
const LOCALS: usize = 8;

/// One call of a library method, as its models see it.
pub(crate) struct LibraryCall<'v> {
    pub(crate) receiver: Option<&'v Value>,
    pub(crate) arguments: &'v [Value],
    /// Absent: looked up by a text.
    pub(crate) method: Option<MethodId>,
    return_type: TypeId,
    result: Value,
    locals: [Value; LOCALS],
    /// Parts that a flow of this call has written.
    written: Vec<(Root, Step)>,
    /// The names of the receiver and arguments in the body: what a call leaves in a value without an object stays there.
    names: Option<(InvokeKind, &'v [ValueId])>,
}

impl Frame<'_, '_> {
    /// What a library method does and yields, by its models.
    pub(crate) fn modelled_call(
        &mut self,
        model: &Model,
        method: MethodId,
        receiver: Option<&Value>,
        arguments: &[Value],
        names: Option<(InvokeKind, &[ValueId])>,
    ) -> Value {
        let Some(reference) = self.app.program.method(method) else { return Value::default() };
        let return_type = reference.return_type;
        self.modelled(model, Some(method), return_type, receiver, arguments, names)
    }

    /// The same for a method that the code does not name: it is looked up by a text.
    pub(crate) fn modelled_call_as(
        &mut self,
        model: &Model,
        return_type: TypeId,
        receiver: Option<&Value>,
        arguments: &[Value],
    ) -> Value {
        self.modelled(model, None, return_type, receiver, arguments, None)
    }

    fn modelled(
        &mut self,
        model: &Model,
        method: Option<MethodId>,
        return_type: TypeId,
        receiver: Option<&Value>,
        arguments: &[Value],
        names: Option<(InvokeKind, &[ValueId])>,
    ) -> Value {
        let (result, locals) = (Value::default(), std::array::from_fn(|_| Value::default()));
        let mut call =
            LibraryCall { receiver, arguments, method, return_type, result, locals, written: Vec::new(), names };
        let keeps = model.invokes.is_empty() && model.flows.is_empty();
        for argument in arguments {
            self.hand_over(argument);
            if keeps {
                argument.objects.iter().for_each(|&object| self.note_handed(object, false));
            }
        }
        // Names first: sources, channels and sinks are named by the texts and origins that the same call sets.
        for rule in &model.texts {
            self.text_rule(&mut call, rule);
        }
        self.computed_elements(&mut call);
        if let Some(text) = self.computed_text(&call) {
            self.set_result_text(&mut call, &text);
        }
        for rule in &model.origins {
            self.origin_rule(&mut call, rule);
        }
        for rule in &model.sources {
            self.source_rule(&mut call, rule);
        }
        for rule in &model.channels {
            self.channel_rule(&mut call, rule);
        }
        for rule in &model.flows {
            self.flow_rule(&mut call, rule);
        }
        // What goes to a sink may be what a method that is called back yields.
        let is_later = |rule: &&SinkRule| rule.data.iter().any(|place| matches!(place.root, Root::Local(_)));
        for rule in model.sinks.iter().filter(|rule| !is_later(rule)) {
            self.sink_rule(&mut call, rule, &model.flows);
        }
        for rule in &model.invokes {
            self.invoke_rule(&mut call, rule);
        }
        for rule in model.sinks.iter().filter(is_later) {
            self.sink_rule(&mut call, rule, &model.flows);
        }
        self.finish_result(call)
    }

    /// The library gets hold of an object of the app whose methods it may call back later: what the object's fields hold
    /// can then be read by code that runs on its own.
    fn hand_over(&mut self, argument: &Value) {
        for &object in &argument.objects {
            let callable = self.known(object).exact_type.is_some_and(|ty| self.app.is_callable(ty));
            if callable {
                self.escape(&Value::object(object));
            }
        }
    }

    /// The platform may call this object back later, whenever it likes.
    pub(crate) fn note_handed(&mut self, object: ObjectId, told: bool) {
        if let Some(known) = self.handed.get_mut(&object) {
            *known |= told;
            return;
        }
        let known = self.known(object);
        let listens = match (known.exact_type, self.key(object)) {
            (Some(ty), _) => !self.app.callbacks_of(ty).is_empty(),
            (None, ObjectKey::Made(..)) => false,
            (None, _) => known.declared_type.is_some_and(|ty| self.app.is_listener(ty)),
        };
        if listens {
            self.handed.insert(object, told);
        }
    }

    /// A reference that is no plain value and no known object becomes a new object of the library.
    fn finish_result(&mut self, call: LibraryCall<'_>) -> Value {
        let mut result = call.result;
        let descriptor = self.app.program.descriptor(call.return_type);
        if descriptor == "V" {
            return Value::default();
        }
        if self.app.is_plain(call.return_type) {
            result = self.flatten(result);
            let told = self.told_by_result(descriptor, call.receiver, call.arguments);
            result.tags.join(&told);
            if result.constants.symbols().is_empty() {
                result.constants.open();
            }
            return result;
        }
        if result.objects.is_empty() {
            let constants = result.constants.clone();
            result = self.library_result(call.return_type, result.tags);
            result.constants.join(&constants);
        }
        result
    }

    /// The elements of the result are objects of this text.
    pub(crate) fn put_elements(&mut self, call: &mut LibraryCall<'_>, text: Constants) {
        self.result_object(call);
        let element = self.make(ELEMENT, None, None);
        self.change(element).text = text;
        let result = call.result.clone();
        self.write(&result, Step::Element, &Value::object(element));
    }

    /// The result as an object, for rules that write into it.
    fn result_object(&mut self, call: &mut LibraryCall<'_>) {
        if call.result.objects.is_empty() && !self.app.is_plain(call.return_type) {
            let object = self.make(0, None, Some(call.return_type));
            call.result.add_object(object);
        }
    }

    fn root(&self, call: &LibraryCall<'_>, root: Root) -> Value {
        match root {
            Root::This => call.receiver.cloned().unwrap_or_default(),
            Root::Argument(position) => {
                call.arguments.get(usize::from(position).saturating_sub(1)).cloned().unwrap_or_default()
            }
            Root::Arguments => {
                let mut all = Value::default();
                for argument in call.arguments {
                    all.join(argument);
                }
                all
            }
            Root::Return => call.result.clone(),
            Root::Local(number) => call.locals.get(usize::from(number)).cloned().unwrap_or_default(),
        }
    }

    /// Steps that a part of a place may mean.
    fn steps(&mut self, call: &LibraryCall<'_>, part: &Part) -> Vec<Step> {
        match part {
            Part::Whole | Part::Text => Vec::new(),
            Part::Element => vec![Step::Element],
            Part::FixedKey(key) => vec![Step::Key(self.app.tables.patterns.literal(key).0)],
            Part::Key(root) => {
                let key = self.root(call, *root);
                self.key_steps(&key, "")
            }
            Part::Group(group, root) => {
                let key = self.root(call, *root);
                self.key_steps(&key, &format!("{group}:"))
            }
        }
    }

    fn key_steps(&mut self, key: &Value, prefix: &str) -> Vec<Step> {
        let text = self.text(key);
        let mut steps = Vec::new();
        for &symbol in text.symbols() {
            let pieces = self.app.tables.patterns.symbol_pieces(symbol);
            let pieces = std::iter::once(Piece::Literal(prefix.into())).chain(pieces);
            let pattern = self.app.tables.patterns.intern(pieces);
            if self.app.tables.patterns.exact(pattern).is_none() {
                return vec![Step::Element];
            }
            steps.push(Step::Key(pattern.0));
        }
        if steps.is_empty() || text.is_open() { vec![Step::Element] } else { steps }
    }

    pub(super) fn get(&mut self, call: &LibraryCall<'_>, place: &Place) -> Value {
        let base = self.root(call, place.root);
        if place.part == Part::Text {
            return self.as_text(&base);
        }
        let steps = self.steps(call, &place.part);
        if steps.is_empty() {
            return base;
        }
        let mut value = Value::default();
        for step in steps {
            let part = self.read(&base, step);
            value.join(&part);
        }
        // What was put in where it is not seen may be anything.
        if value.objects.is_empty() && value.constants.symbols().is_empty() {
            value.constants.open();
        }
        value
    }

    /// Puts a value into a place: the very value if `identity`, else something made of it.
    fn put(&mut self, call: &mut LibraryCall<'_>, place: &Place, value: &Value, identity: bool) {
        // Something made of a value has a text only if a text rule says so.
        let made = if identity { value.clone() } else { Value { tags: value.tags.clone(), ..Value::default() } };
        let steps = self.steps(call, &place.part);
        if place.root == Root::Return && !steps.is_empty() {
            self.result_object(call);
        }
        let base = self.root(call, place.root);
        if !identity && !steps.is_empty() {
            return self.fill_parts(&base, &steps, &made);
        }
        if !steps.is_empty() {
            return self.put_parts(call, place.root, &base, &steps, &made);
        }
        match place.root {
            Root::Return => {
                call.result.join(&made);
            }
            Root::Local(number) => {
                if let Some(local) = call.locals.get_mut(usize::from(number)) {
                    local.join(&made);
                }
            }
            _ => self.put_into(call, place.root, &base, &made, identity),
        }
    }

    /// A value goes to one of these steps. It takes the place of what was there, unless several steps are possible or
    /// another flow of the same call went there before.
    fn put_parts(&mut self, call: &mut LibraryCall<'_>, root: Root, base: &Value, steps: &[Step], value: &Value) {
        for &step in steps {
            let again = call.written.contains(&(root, step));
            call.written.push((root, step));
            if again || steps.len() > 1 {
                let mut part = self.read(base, step);
                part.join(value);
                self.write(base, step, &part);
            } else {
                self.write(base, step, value);
            }
        }
    }

    /// Something made of a value goes into what is at these steps: into the objects there, or beside what is there.
    fn fill_parts(&mut self, base: &Value, steps: &[Step], made: &Value) {
        for &step in steps {
            let mut part = self.read(base, step);
            if part.objects.is_empty() {
                part.join(made);
                self.write(base, step, &part);
            } else {
                self.fill(&part, &made.tags);
            }
        }
    }

    fn put_into(&mut self, call: &LibraryCall<'_>, root: Root, base: &Value, made: &Value, identity: bool) {
        let tags = if identity { self.deep_tags(made) } else { made.tags.clone() };
        if !base.objects.is_empty() {
            self.fill(base, &tags);
            return;
        }
        // Nothing is known of the object: what it is made of stays with the name it has in this method.
        let Some((kind, names)) = call.names else { return };
        let offset = usize::from(kind != InvokeKind::Static);
        let position = match root {
            Root::This => 0,
            Root::Argument(position) => usize::from(position).saturating_sub(1) + offset,
            _ => return,
        };
        if let Some(&name) = names.get(position)
            && let Some(value) = self.values.get_mut(name.index())
            && value.tags.join(&tags)
        {
            self.note_change(name);
        }
    }

    fn flow_rule(&mut self, call: &mut LibraryCall<'_>, flow: &Flow) {
        let mut value = self.get(call, &flow.from);
        let left = self.left_by(call, flow);
        let telling = flow.operation.as_ref().filter(|operation| Doubts::left_by(operation) == Doubts::default());
        let note = telling.map(|operation| self.operation_note(call, operation, flow));
        if !flow.identity {
            let tags = self.deep_tags(&value);
            value = Value::made_of(self.passed(&tags, Hop::Through, note.as_ref()));
        }
        value.tags = value.tags.doubted(left);
        self.put(call, &flow.to, &value, flow.identity);
    }

    fn operation_note(&mut self, call: &LibraryCall<'_>, operation: &str, flow: &Flow) -> Rc<str> {
        let detail = flow.operation_detail.as_ref().map(|place| self.get(call, place));
        let detail = detail.map(|value| self.text(&value)).unwrap_or_default();
        let texts: Vec<String> = self.display(&detail).into_iter().filter(|text| text != "*").collect();
        if texts.is_empty() { operation.into() } else { format!("{operation} {}", texts.join(" or ")).into() }
    }

    fn display(&self, constants: &Constants) -> Vec<String> {
        let texts = constants.symbols().iter().filter_map(|symbol| match symbol {
            Symbol::Text(id) => Some(self.app.tables.patterns.display(*id)),
            Symbol::Number(number) => Some(number.to_string()),
            Symbol::Null | Symbol::Class(_) => None,
        });
        texts.collect()
    }

    fn text_rule(&mut self, call: &mut LibraryCall<'_>, rule: &TextRule) {
        let mut parts = Vec::new();
        for piece in &rule.pieces {
            let part = match piece {
                TextPiece::Fixed(text) => Constants::one(Symbol::Text(self.app.tables.patterns.literal(text))),
                TextPiece::Of(place) => self.piece_text(call, place),
            };
            parts.push(part);
        }
        let text = self.app.tables.patterns.concatenate(&parts);
        if rule.to.part != Part::Whole || matches!(rule.to.root, Root::Local(_)) {
            return self.put(call, &rule.to, &Value::constant(text), true);
        }
        if rule.to.root == Root::Return {
            if self.app.is_plain(call.return_type) {
                call.result.constants.join(&text);
                return;
            }
            self.result_object(call);
        }
        let base = self.get(call, &rule.to);
        let alone = base.objects.len() == 1;
        for &object in &base.objects {
            let known = self.change(object);
            if alone {
                known.text = text.clone();
            } else {
                known.text.join(&text);
            }
        }
    }

    fn set_result_text(&mut self, call: &mut LibraryCall<'_>, text: &Constants) {
        if self.app.is_plain(call.return_type) {
            call.result.constants.join(text);
            return;
        }
        self.result_object(call);
        for object in call.result.objects.clone() {
            self.change(object).text = text.clone();
        }
    }

    /// The text of a place; a character given as a number is that character.
    fn piece_text(&mut self, call: &LibraryCall<'_>, place: &Place) -> Constants {
        let value = self.get(call, place);
        if let (Root::Argument(position), Some(code)) = (place.root, value.constants.number()) {
            let parameter = self
                .app
                .program
                .method(call.method.unwrap_or(super::roots::PLATFORM))
                .and_then(|method| method.parameters.get(usize::from(position).saturating_sub(1)).copied());
            let is_character = parameter.is_some_and(|ty| self.app.program.descriptor(ty) == "C");
            if let (true, Some(character)) = (is_character, u32::try_from(code).ok().and_then(char::from_u32)) {
                return Constants::one(Symbol::Text(self.app.tables.patterns.literal(&character.to_string())));
            }
        }
        self.text(&value)
    }

    fn origin_rule(&mut self, call: &mut LibraryCall<'_>, rule: &OriginRule) {
        let of = rule.of.as_ref().map(|place| self.get(call, place));
        let mut found = crate::domain::value::Origins::new();
        match (rule.origin, of) {
            (OriginKind::Same, Some(of)) => found = self.origins(&of),
            (kind, Some(of)) => {
                for name in self.names_of(&of) {
                    add_origin(&mut found, Origin::Known(kind, name));
                }
            }
            (_, None) => {}
        }
        if found.is_empty() && rule.origin == OriginKind::Same {
            // What is known of the place stays.
            return;
        }
        if found.is_empty() {
            let gap = self.app.tables.patterns.intern([Piece::Gap]);
            found.push(Origin::Known(rule.origin, gap));
        }
        if rule.to.root == Root::Return {
            self.result_object(call);
        }
        let base = self.get(call, &rule.to);
        for &object in &base.objects {
            let known = self.change(object);
            if base.objects.len() == 1 {
                known.origins.clone_from(&found);
            } else {
                for &origin in &found {
                    add_origin(&mut known.origins, origin);
                }
            }
        }
    }

    /// The text of a value as names: of a store, an address; a gap if nothing is known.
    pub(crate) fn names_of(&mut self, value: &Value) -> Names {
        let text = self.text(value);
        let mut names = Names::new();
        for &symbol in text.symbols() {
            let pieces = self.app.tables.patterns.symbol_pieces(symbol);
            let pattern = self.app.tables.patterns.intern(pieces);
            if let Err(at) = names.binary_search(&pattern) {
                names.insert(at, pattern);
            }
        }
        if names.is_empty() {
            names.push(self.app.tables.patterns.intern([Piece::Gap]));
        }
        names
    }

    fn source_rule(&mut self, call: &mut LibraryCall<'_>, rule: &SourceRule) {
        let whats: Vec<What> = match &rule.kind {
            SourceKind::Fixed(kind) => vec![What::Kind(self.app.kinds.id(kind), Names::new())],
            SourceKind::Provider(place) => {
                let uri = self.get(call, place);
                vec![What::Provider(self.app.kinds.id(QUERY), self.names_of(&uri))]
            }
            SourceKind::Received(place) | SourceKind::PassedOn(place) => {
                let passed_on = matches!(rule.kind, SourceKind::PassedOn(_));
                let letter = if passed_on { Letter::PassedOn } else { Letter::Intent };
                let component = self.get(call, place);
                let intent = self.received(&component, letter);
                return self.put(call, &rule.to, &intent, true);
            }
            SourceKind::Origin(place) => {
                let stream = self.get(call, place);
                self.what_streams(&stream).into_vec()
            }
            SourceKind::Table { table, key } => {
                let key = self.get(call, key);
                vec![What::Table(self.app.kinds.id(table), self.names_of(&key))]
            }
        };
        for what in whats {
            self.yield_source(call, &rule.to, what);
        }
    }

    pub(super) fn yield_source(&mut self, call: &mut LibraryCall<'_>, to: &Place, what: What) {
        let site = self.site();
        let id = self.app.tables.sources.intern(Source { what, site });
        let tags = Tags::one(Tag::Source(id), Trace::default().then(site, Hop::Source, self.done_by.clone()))
            .doubted(self.doubted);
        let value = Value::made_of(tags);
        self.put(call, to, &value, false);
        // What comes in may be anything, whatever it is where nothing comes in.
        if to.root == Root::Return && call.result.constants.symbols().is_empty() {
            call.result.constants.open();
        }
    }

    fn sink_rule(&mut self, call: &mut LibraryCall<'_>, rule: &SinkRule, flows: &[Flow]) {
        let data = self.deep_places(call, &rule.data);
        let site = self.site();
        // What leaves by a call that also does something to it (a stream that compresses) leaves so.
        let done = flows.iter().find_map(|flow| {
            let operation = flow.operation.as_ref().filter(|_| rule.data.contains(&flow.from))?;
            Some(self.operation_note(call, operation, flow))
        });
        let done = done.or_else(|| self.done_by.clone());
        let effect = |act, names| Effect {
            act,
            data: data.clone(),
            names,
            site,
            trace: Trace::default().then(site, Hop::Sink, done.clone()),
        };
        match &rule.kind {
            SinkKind::Fixed(kind) => {
                let names = match &rule.detail {
                    Some(place) => {
                        let detail = self.get(call, place);
                        self.names_of(&detail)
                    }
                    None => Names::new(),
                };
                let kind = self.app.kinds.id(kind);
                if self.app.kinds.is_told(kind) {
                    let effect = effect(Act::Sink(kind), names);
                    self.effect_at(effect);
                }
            }
            SinkKind::Origin(place) => {
                let stream = self.get(call, place);
                for origin in self.origins(&stream) {
                    self.stream_effect(origin, effect(Act::Reply, Names::new()));
                }
            }
        }
    }

    pub(super) fn deep_places(&mut self, call: &LibraryCall<'_>, places: &[Place]) -> Tags {
        let mut data = Tags::default();
        for place in places {
            let value = self.get(call, place);
            let tags = self.deep_tags(&value);
            data.join(&tags);
        }
        data
    }

    fn invoke_rule(&mut self, call: &mut LibraryCall<'_>, rule: &InvokeRule) {
        let receiver = self.get(call, &rule.on);
        let mut values = vec![receiver.clone()];
        for argument in &rule.arguments {
            let value =
                argument.as_ref().map(|place| self.get(call, place)).unwrap_or_else(|| Value::made_of(Tags::default()));
            values.push(value);
        }
        receiver.objects.iter().for_each(|&object| self.note_handed(object, true));
        // The library calls when it likes, or not at all.
        let before = self.heap.clone();
        let result = self.call_back(&receiver, &rule.method, rule.signature.as_deref(), &values, 0);
        let after = std::mem::take(&mut self.heap);
        self.heap = self.join_heaps(&[before, after]);
        if let Some(place) = &rule.result {
            self.put(call, place, &result, true);
        }
    }
}
