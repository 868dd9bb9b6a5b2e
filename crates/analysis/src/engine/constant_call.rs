//! Calls and static fields that are constant: folded by the pure interpreter.

use std::rc::Rc;

use code::{FieldId, InvokeKind, MethodId};

use super::frame::Frame;
use crate::{
    constants::{self, Constant},
    domain::{
        source::{Source, What},
        tags::{Tag, Tags},
        text::{Constants, Symbol},
        trace::Trace,
        value::{ObjectKey, Value},
    },
};

/// Results worth asking the interpreter for.
const FOLDED_RESULTS: [&str; 5] = ["Ljava/lang/String;", "Ljava/lang/CharSequence;", "[B", "[C", "Ljava/lang/Object;"];

impl Frame<'_, '_> {
    /// The result of a call whose arguments are all constant, if it is pure and yields text or bytes.
    pub(crate) fn constant_call(&mut self, kind: InvokeKind, method: MethodId, values: &[Value]) -> Option<Value> {
        let reference = self.app.program.method(method)?;
        let returns = self.app.program.descriptor(reference.return_type);
        let name = self.app.program.text(reference.name);
        if !FOLDED_RESULTS.contains(&returns) && name != "<init>" {
            return None;
        }
        let is_constructor = name == "<init>";
        if is_constructor && self.app.program.descriptor(reference.class) != "Ljava/lang/String;" {
            return None;
        }
        // A constructor of String yields its receiver.
        let wanted = if is_constructor { values.get(1..)? } else { values };
        let arguments: Option<Vec<Constant>> = wanted.iter().map(|value| self.constant_of(value)).collect();
        let arguments = arguments?;
        let folded = self.fold(kind, method, &arguments, is_constructor)?;
        if is_constructor {
            self.construct_text(values.first()?, &folded);
            return Some(Value::default());
        }
        self.constant_value(&folded)
    }

    fn fold(
        &mut self,
        kind: InvokeKind,
        method: MethodId,
        arguments: &[Constant],
        is_constructor: bool,
    ) -> Option<Constant> {
        let reference = self.app.program.method(method)?;
        if kind == InvokeKind::Static {
            let own = self.app.classes.implementation(reference.class, method);
            if let Some(own) = own.filter(|&own| self.app.classes.has_code(own)) {
                return self.app.interpreter.call(own, arguments).ok();
            }
        }
        let class = self.app.program.descriptor(reference.class);
        let name = self.app.program.text(reference.name);
        let descriptor = self.app.program.method_descriptor(method);
        let (receiver, rest) = match (kind, is_constructor) {
            (InvokeKind::Static, _) | (_, true) => (None, arguments),
            _ => (arguments.first(), arguments.get(1..)?),
        };
        constants::library(class, name, &descriptor, receiver, rest).ok()
    }

    /// `new String(...)`: the text belongs to the object that was allocated before.
    fn construct_text(&mut self, receiver: &Value, text: &Constant) {
        let Some(text) = text.text() else { return };
        let pattern = self.app.tables.patterns.literal(&text);
        for &object in &receiver.objects {
            self.change(object).text = Constants::one(Symbol::Text(pattern));
        }
    }

    /// A value as a constant, if it is one and nothing else.
    fn constant_of(&mut self, value: &Value) -> Option<Constant> {
        if !value.tags.is_empty() {
            return None;
        }
        if let &[object] = value.objects.as_slice() {
            let known = self.known(object);
            if let Some(array) = &known.array {
                return Some(Constant::clone(array));
            }
            let is_text = known.exact_type.is_some_and(|ty| self.app.program.descriptor(ty) == "Ljava/lang/String;");
            return if is_text { self.constant_symbol(known.text.single()?) } else { None };
        }
        if !value.objects.is_empty() {
            return None;
        }
        self.constant_symbol(value.constants.single()?)
    }

    fn constant_symbol(&self, symbol: Symbol) -> Option<Constant> {
        Some(match symbol {
            Symbol::Null => Constant::Null,
            Symbol::Number(number) => Constant::Number(number),
            Symbol::Class(ty) => Constant::Class(ty),
            Symbol::Text(id) => Constant::from_str(&self.app.tables.patterns.exact(id)?),
        })
    }

    /// A constant as a value; an array becomes an object of the current instruction.
    pub(crate) fn constant_value(&mut self, constant: &Constant) -> Option<Value> {
        Some(match constant {
            Constant::Null => Value::constant(Constants::one(Symbol::Null)),
            Constant::Number(number) => Value::constant(Constants::one(Symbol::Number(*number))),
            Constant::Class(ty) => Value::constant(Constants::one(Symbol::Class(*ty))),
            Constant::Text(_) => {
                let pattern = self.app.tables.patterns.literal(&constant.text()?);
                Value::constant(Constants::one(Symbol::Text(pattern)))
            }
            Constant::Array(_) => {
                let object = self.make(0, None, None);
                self.change(object).array = Some(Rc::new(constant.clone()));
                Value::object(object)
            }
        })
    }

    /// What a static field holds.
    pub(crate) fn static_value(&mut self, field: FieldId) -> Value {
        let name = self.app.program.field_text(field);
        if let Some(known) = self.app.knowledge.static_fields.get(&name) {
            return self.platform_field(field, known);
        }
        let constant = match self.app.static_constants.get(&field) {
            Some(known) => known.clone(),
            None => {
                let found = self.app.interpreter.static_field(field);
                self.app.static_constants.insert(field, found.clone());
                found
            }
        };
        if let Some(value) = constant.and_then(|constant| self.constant_value(&constant)) {
            return value;
        }
        self.get_static(field)
    }

    fn platform_field(&mut self, field: FieldId, known: &knowledge::StaticField) -> Value {
        let mut value = Value::default();
        if let Some(kind) = &known.source {
            let site = self.site();
            let what = What::Kind(self.app.kinds.id(kind), smallvec::smallvec![]);
            let id = self.app.tables.sources.intern(Source { what, site });
            let trace = Trace::default().then(site, findings::Hop::Source, None);
            value.tags = Tags::one(Tag::Source(id), trace);
        }
        match &known.text {
            Some(text) => {
                let pattern = self.app.tables.patterns.literal(text);
                value.constants = Constants::one(Symbol::Text(pattern));
                if self.app.type_of_field(field).is_some_and(|ty| !self.app.is_plain(ty)) {
                    let object = self.object(ObjectKey::Made(self.address, u16::MAX));
                    self.change(object).text = value.constants.clone();
                    value.add_object(object);
                }
            }
            None => value.constants.open(),
        }
        value
    }
}
