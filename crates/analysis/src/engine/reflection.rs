//! Calls by name: methods, constructors and fields that are looked up by texts that are known.
//!
//! Written from the documentation of `java.lang.Class` and `java.lang.reflect`. A class object has the class's name as its
//! text, a method, constructor or field object `CLASS->NAME` or `CLASS`; the models in `knowledge/models/java-lang.toml`
//! say so. Where a text is not known exactly, nothing is resolved and the models alone speak.

use code::{FieldId, MethodId, TypeId};

use super::{arrays, frame::Frame};
use crate::domain::{
    path::Step,
    text::{Constants, Symbol},
    value::Value,
};

/// More classes or members than this behind one reflective call are left out.
const MEMBERS_MAX: usize = 8;

impl Frame<'_, '_> {
    /// What a method of the reflection library does with what its receiver names; nothing if that is not known.
    pub(crate) fn reflective_call(
        &mut self,
        method: MethodId,
        receiver: Option<&Value>,
        arguments: &[Value],
    ) -> Option<Value> {
        let reference = self.app.program.method(method)?;
        let class = self.app.program.descriptor(reference.class);
        let name = self.app.program.text(reference.name);
        if (class, name) == ("Ljava/lang/reflect/Array;", "newInstance") {
            return self.new_arrays(arguments.get(1)?);
        }
        let receiver = receiver?;
        match (class, name) {
            (_, "getClass") if reference.parameters.is_empty() => self.class_of_object(receiver),
            ("Ljava/lang/Class;", "newInstance") => self.new_instances(receiver, None),
            ("Ljava/lang/reflect/Constructor;", "newInstance") => self.new_instances(receiver, arguments.first()),
            ("Ljava/lang/reflect/Method;", "invoke") => self.invoke_by_name(receiver, arguments),
            ("Ljava/lang/reflect/Method;" | "Ljava/lang/reflect/Field;", "getName") => self.member_part(receiver, 1),
            ("Ljava/lang/reflect/Method;" | "Ljava/lang/reflect/Field;", "getDeclaringClass") => {
                self.member_part(receiver, 0)
            }
            ("Ljava/lang/reflect/Field;", _) if name.starts_with("get") && arguments.len() == 1 => {
                self.get_by_name(receiver, &arguments[0])
            }
            ("Ljava/lang/reflect/Field;", _) if name.starts_with("set") && arguments.len() == 2 => {
                self.set_by_name(receiver, &arguments[0], &arguments[1])
            }
            _ => None,
        }
    }

    /// The texts of a value, where all of them are known exactly.
    fn exact_texts(&mut self, value: &Value) -> Vec<String> {
        let text = self.text(value);
        let mut texts = Vec::new();
        for &symbol in text.symbols() {
            let Symbol::Text(id) = symbol else { continue };
            texts.extend(self.app.tables.patterns.exact(id).map(|text| text.to_string()));
        }
        if texts.len() > MEMBERS_MAX {
            self.app.cut("members named by one reflective call");
            texts.truncate(MEMBERS_MAX);
        }
        texts
    }

    fn named_class(&self, name: &str) -> Option<TypeId> {
        self.app.program.find_type(&format!("L{};", name.replace('.', "/")))
    }

    fn class_of_object(&mut self, receiver: &Value) -> Option<Value> {
        let mut constants = Constants::default();
        for &object in &receiver.objects {
            let known = self.known(object);
            constants.add(Symbol::Class(known.exact_type.or(known.declared_type)?));
        }
        (!receiver.objects.is_empty()).then(|| Value::constant(constants))
    }

    /// The class or the name of a member, as text.
    fn member_part(&mut self, receiver: &Value, part: usize) -> Option<Value> {
        let mut constants = Constants::default();
        for text in self.exact_texts(receiver) {
            let (class, name) = text.split_once("->")?;
            let pattern = self.app.tables.patterns.literal(if part == 0 { class } else { name });
            constants.add(Symbol::Text(pattern));
        }
        (!constants.symbols().is_empty()).then(|| Value::constant(constants))
    }

    fn new_instances(&mut self, receiver: &Value, list: Option<&Value>) -> Option<Value> {
        let mut result = Value::default();
        for (number, name) in self.exact_texts(receiver).into_iter().enumerate() {
            let Some(ty) = self.named_class(&name) else { continue };
            let object = self.make(REFLECTED + number as u16, Some(ty), Some(ty));
            let this = Value::object(object);
            let given = self.listed(list);
            if self.app.program.class_of(ty).is_none() {
                self.construct_library_object(ty, &this, &given.unwrap_or_default());
                result.join(&this);
                continue;
            }
            for constructor in self.members(ty, "<init>", given.as_ref().map(Vec::len)) {
                self.apply_listed(constructor, Some(&this), list);
            }
            result.join(&this);
        }
        (!result.objects.is_empty()).then_some(result)
    }

    /// A constructor of the platform that models speak of.
    fn construct_library_object(&mut self, ty: TypeId, this: &Value, given: &[Value]) {
        let Some(nothing) = self.app.program.find_type("V") else { return };
        let descriptor = self.app.program.descriptor(ty);
        for model in self.app.knowledge.models_named(descriptor, "<init>", given.len()) {
            self.modelled_call_as(model, nothing, Some(this), given);
        }
    }

    /// An array of arrays has one array for each position of the outer ones; which of them is not told apart.
    fn new_arrays(&mut self, lengths: &Value) -> Option<Value> {
        let &[list] = lengths.objects.as_slice() else { return None };
        let known = self.known(list);
        let constants = known.array.as_deref().map_or(0, arrays::len);
        let deep = known.parts.keys().filter(|step| matches!(step, Step::Key(_))).count().max(constants);
        let outer = Value::object(self.make(REFLECTED, None, None));
        let mut at = outer.clone();
        for number in 1..deep.min(MEMBERS_MAX) {
            let inner = self.make(REFLECTED + number as u16, None, None);
            self.change(inner).many = true;
            self.write(&at, Step::Element, &Value::object(inner));
            at = Value::object(inner);
        }
        Some(outer)
    }

    fn invoke_by_name(&mut self, receiver: &Value, arguments: &[Value]) -> Option<Value> {
        let (object, list) = (arguments.first()?, arguments.get(1));
        let mut result = Value::default();
        let mut found = false;
        for text in self.exact_texts(receiver) {
            let Some((class, name)) = text.split_once("->") else { continue };
            if let Some(value) = self.invoke_library_by_name(class, name, object, list) {
                result.join(&value);
                found = true;
                continue;
            }
            let (mut classes, all) = self.exact_types(object);
            if !all || classes.is_empty() {
                classes = self.named_class(class).into_iter().collect();
            }
            let given = self.listed(list);
            for ty in classes {
                for method in self.members(ty, name, given.as_ref().map(Vec::len)) {
                    let value = self.apply_listed(method, Some(object), list);
                    result.join(&value);
                    found = true;
                }
            }
        }
        found.then_some(result)
    }

    /// A method of the platform that a model speaks of: of the class that is named, or of one above it.
    fn invoke_library_by_name(
        &mut self,
        class: &str,
        name: &str,
        object: &Value,
        list: Option<&Value>,
    ) -> Option<Value> {
        let descriptor = format!("L{};", class.replace('.', "/"));
        if self.named_class(class).is_some_and(|ty| self.app.program.class_of(ty).is_some()) {
            return None;
        }
        let given = self.listed(list).unwrap_or_default();
        let models = self.app.models_by_name(&descriptor, name, given.len());
        let mut result: Option<Value> = None;
        let object_type = self.app.program.find_type("Ljava/lang/Object;")?;
        for model in models {
            let value = self.modelled_call_as(model, object_type, Some(object), &given);
            result.get_or_insert_default().join(&value);
        }
        result
    }

    fn get_by_name(&mut self, receiver: &Value, object: &Value) -> Option<Value> {
        let mut result: Option<Value> = None;
        for (field, is_static) in self.fields_named(receiver) {
            let value = if is_static { self.static_value(field) } else { self.read(object, Step::Field(field)) };
            result.get_or_insert_default().join(&value);
        }
        result
    }

    fn set_by_name(&mut self, receiver: &Value, object: &Value, value: &Value) -> Option<Value> {
        let fields = self.fields_named(receiver);
        for &(field, is_static) in &fields {
            if is_static { self.put_static(field, value) } else { self.write(object, Step::Field(field), value) }
        }
        (!fields.is_empty()).then(Value::default)
    }

    /// Fields that the texts of a value name, in the class or above it; whether they are static.
    fn fields_named(&mut self, receiver: &Value) -> Vec<(FieldId, bool)> {
        let mut found = Vec::new();
        for text in self.exact_texts(receiver) {
            let Some((class, name)) = text.split_once("->") else { continue };
            let Some(ty) = self.named_class(class) else { continue };
            found.extend(self.app.classes.field_named(ty, name));
        }
        found
    }

    /// Methods of a class of the app by name, and by number of parameters if that is known.
    fn members(&mut self, ty: TypeId, name: &str, count: Option<usize>) -> Vec<MethodId> {
        let mut found = self.app.classes.named(ty, name);
        found.retain(|&method| {
            let parameters = self.app.program.method(method).map_or(0, |method| method.parameters.len());
            count.is_none_or(|count| count == parameters)
        });
        if found.len() > MEMBERS_MAX {
            self.app.cut("members named by one reflective call");
            found.truncate(MEMBERS_MAX);
        }
        found
    }

    /// The elements of a list of arguments, if the array is known; no array is no argument.
    fn listed(&mut self, list: Option<&Value>) -> Option<Vec<Value>> {
        let Some(list) = list else { return Some(Vec::new()) };
        if list.constants.number() == Some(0) {
            return Some(Vec::new());
        }
        let &[array] = list.objects.as_slice() else { return None };
        let known = self.known(array);
        let is_open = known.exact_type.is_none() || known.parts.contains_key(Step::Element);
        if is_open {
            return None;
        }
        let mut values = Vec::new();
        while let Step::Key(key) = self.index_step(i64::try_from(values.len()).ok()) {
            match known.parts.get(Step::Key(key)) {
                Some(part) => values.push(part.clone()),
                None => break,
            }
        }
        Some(values)
    }

    fn apply_listed(&mut self, method: MethodId, object: Option<&Value>, list: Option<&Value>) -> Value {
        let count = super::roots::parameter_count(self.app, method);
        let parameters = self.app.program.method(method).map_or(0, |method| method.parameters.len());
        let mut values = Vec::with_capacity(count);
        if count > parameters {
            values.extend(object.cloned());
        }
        for position in 0..parameters {
            let step = self.index_step(i64::try_from(position).ok());
            let value = list.map(|list| self.read(list, step)).unwrap_or_default();
            values.push(value);
        }
        self.apply(method, &values)
    }
}

/// Numbers of the objects that reflective calls make: behind those of ordinary calls.
const REFLECTED: u16 = 0x7f00;
