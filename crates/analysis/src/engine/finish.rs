//! From the state at the end of a method to its summary and its facts.

use std::{collections::BTreeSet, rc::Rc};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{frame::Frame, walk::Outcome};
use crate::domain::{
    path::PathId,
    summary::{Act, Effect, SUMMARY_EFFECTS_MAX, SUMMARY_OBJECTS_MAX, Summary},
    tags::{Doubts, Tag, Tagged, Tags},
    text::PatternId,
    trace::Trace,
    value::{Object, ObjectId, ObjectKey, Value},
};

/// More inputs than this that decide about calls are left out.
const DISPATCHES_MAX: usize = 8;

/// What a method's analysis yields.
pub(crate) struct Finished {
    pub(crate) summary: Summary,
    /// What it does to the world with data it gets itself.
    pub(crate) facts: Vec<Effect>,
}

impl Frame<'_, '_> {
    /// The summary and facts of the method whose body was run.
    pub(crate) fn finish(mut self, outcome: Outcome) -> Finished {
        self.heap = outcome.heap;
        let mut result = outcome.result;
        if self.approximated {
            self.approximate(&mut result);
        }
        let kept = self.kept_objects(&result);
        let numbers: FxHashMap<ObjectId, ObjectId> =
            kept.iter().enumerate().map(|(number, &object)| (object, ObjectId(number as u32))).collect();
        let mut objects = Vec::with_capacity(kept.len());
        for &object in &kept {
            let known = self.known(object);
            let mut renamed = Object::clone(&known);
            for part in renamed.parts.values_mut() {
                *part = rename(part, &numbers);
            }
            objects.push((self.key(object), Rc::new(renamed)));
        }
        let handed = self.handed.iter().filter_map(|(object, told)| Some((*numbers.get(object)?, *told))).collect();
        let result = rename(&result, &numbers);
        let (effects, facts) = self.split_effects(&numbers);
        let mut dispatches: Vec<PathId> = self.dispatches.into_iter().collect();
        dispatches.truncate(DISPATCHES_MAX);
        let mut summary = Summary {
            result,
            thrown: self.thrown,
            objects,
            effects,
            writes_statics: self.writes_statics,
            handed,
            dispatches,
            inputs: Vec::new(),
        };
        summary.inputs = summary.find_inputs();
        Finished { summary, facts }
    }

    /// The method was not gone through to the end: its result may be made of everything that went in.
    fn approximate(&mut self, result: &mut Value) {
        self.app.cut("methods approximated");
        result.constants.open();
        for position in 0..self.body.parameters.len() {
            let path = PathId::root(u16::try_from(position).unwrap_or(u16::MAX));
            let input = Tags::one(Tag::Input(path), Trace::default());
            result.tags.join(&input.doubted(Doubts::METHOD_APPROXIMATED));
        }
    }

    /// Objects the caller can see: the result, changed inputs, and what hangs on them.
    fn kept_objects(&mut self, result: &Value) -> Vec<ObjectId> {
        let mut roots: Vec<ObjectId> = result.objects.to_vec();
        let touched = self.heap.objects();
        for object in touched {
            if matches!(self.key(object), ObjectKey::Input(_)) && *self.known(object) != *self.untouched(object) {
                roots.push(object);
            }
        }
        roots.extend(self.handed.keys());
        let mut kept = Vec::new();
        let mut seen = BTreeSet::new();
        let mut pending: std::collections::VecDeque<ObjectId> = roots.into();
        while let Some(object) = pending.pop_front() {
            if !seen.insert(object) {
                continue;
            }
            if kept.len() >= SUMMARY_OBJECTS_MAX {
                self.app.cut("objects per summary");
                break;
            }
            kept.push(object);
            for part in self.known(object).parts.values() {
                pending.extend(&part.objects);
            }
        }
        kept
    }

    /// Effects whose data and names the method knows itself are facts; what depends on the caller is left to it.
    fn split_effects(&mut self, numbers: &FxHashMap<ObjectId, ObjectId>) -> (Vec<Effect>, Vec<Effect>) {
        let (mut open, mut facts) = (Vec::new(), Vec::new());
        let all = merged(std::mem::take(&mut self.effects).into_values().flatten());
        for effect in all {
            let names_open = self.names_open(&effect);
            match effect.act {
                Act::Callback(path, name, parameters, arguments) => {
                    let arguments: Rc<[Value]> = arguments.iter().map(|value| rename(value, numbers)).collect();
                    let act = Act::Callback(path, name, parameters, arguments);
                    open.push(Effect { act, ..effect });
                }
                Act::Stream(_) | Act::Forward(..) | Act::Enrol(..) => open.push(effect),
                _ if !names_open && effect.data.is_empty() => facts.push(effect),
                _ if names_open => open.push(effect),
                _ => {
                    let (inputs, own) = self.split_tags(&effect.data);
                    if !inputs.is_empty() {
                        open.push(Effect { data: inputs, ..effect.clone() });
                    }
                    if !own.is_empty() {
                        facts.push(Effect { data: own, ..effect });
                    }
                }
            }
        }
        if open.len() > SUMMARY_EFFECTS_MAX {
            self.app.cut("effects per summary");
            open.sort_by_key(|effect| matches!(effect.act, Act::Field(_)));
            open.truncate(SUMMARY_EFFECTS_MAX);
        }
        (open, facts)
    }

    /// Whether a name of an effect depends on the caller.
    fn names_open(&self, effect: &Effect) -> bool {
        let has_input = |name: &PatternId| self.app.tables.patterns.has_input(*name);
        let of_act = match &effect.act {
            Act::Send(sending) => sending.names().any(has_input),
            Act::Register(enrolment) => {
                enrolment.filter.iter().flatten().chain(&enrolment.manner.permission).any(has_input)
            }
            _ => false,
        };
        of_act || effect.names.iter().any(has_input)
    }

    /// Tags the caller decides about, and the others.
    fn split_tags(&self, tags: &Tags) -> (Tags, Tags) {
        let (inputs, own): (Vec<Tagged>, Vec<Tagged>) =
            tags.iter().cloned().partition(|tagged| self.depends_on_caller(tagged.tag));
        (Tags::from_vec(inputs), Tags::from_vec(own))
    }

    /// Whether a tag means something else for each caller.
    pub(crate) fn depends_on_caller(&self, tag: Tag) -> bool {
        use crate::domain::source::What;
        match tag {
            Tag::Input(_) => true,
            Tag::Source(id) => self.app.tables.sources.get(id).is_some_and(|source| match &source.what {
                What::Stream(_) => true,
                What::Kind(_, names) | What::Provider(_, names) | What::Store(_, names) | What::Table(_, names) => {
                    names.iter().any(|&name| self.app.tables.patterns.has_input(name))
                }
                What::Field(_) | What::Received(..) => false,
            }),
        }
    }
}

/// What is called back: the input, the name and parameters of the method, how many values it is passed.
type Called = (PathId, Rc<str>, Option<Rc<str>>, usize);

/// Equal effects of different calls are one. So are calls back of one method on one input: what matters is what is passed.
fn merged(effects: impl Iterator<Item = Effect>) -> Vec<Effect> {
    let mut fields: FxHashMap<code::FieldId, usize> = FxHashMap::default();
    let mut callbacks: FxHashMap<Called, usize> = FxHashMap::default();
    let mut all: Vec<Effect> = Vec::new();
    for effect in effects {
        let known = match &effect.act {
            Act::Field(field) => {
                let known = fields.get(field).copied();
                fields.entry(*field).or_insert(all.len());
                known
            }
            Act::Callback(path, name, parameters, arguments) => {
                let key = (*path, Rc::clone(name), parameters.clone(), arguments.len());
                let known = callbacks.get(&key).copied();
                callbacks.entry(key).or_insert(all.len());
                known
            }
            _ => None,
        };
        match known.and_then(|at| all.get_mut(at)) {
            Some(known) => {
                known.data.join(&effect.data);
                if let (Act::Callback(_, _, _, mine), Act::Callback(_, _, _, theirs)) = (&mut known.act, &effect.act) {
                    let mut joined = mine.to_vec();
                    joined.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| {
                        mine.join(theirs);
                    });
                    *mine = joined.into();
                }
            }
            None => all.push(effect),
        }
    }
    all
}

fn rename(value: &Value, numbers: &FxHashMap<ObjectId, ObjectId>) -> Value {
    let mut objects: SmallVec<[ObjectId; 2]> =
        value.objects.iter().filter_map(|object| numbers.get(object).copied()).collect();
    objects.sort();
    Value { tags: value.tags.clone(), objects, constants: value.constants.clone() }
}
