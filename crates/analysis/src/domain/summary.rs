//! What a method does, as its callers need to know it.

use std::rc::Rc;

use code::MethodId;

use super::{
    intents::{Enrolment, Manner, Sending},
    path::PathId,
    source::Names,
    tags::{Tag, Tags},
    text::Symbol,
    trace::{Site, Trace},
    value::{Object, ObjectKey, Value},
};

/// More objects than this in one summary are left out.
pub(crate) const SUMMARY_OBJECTS_MAX: usize = 24;
/// More effects than this in one summary are left out, and counted.
pub(crate) const SUMMARY_EFFECTS_MAX: usize = 48;

/// What a method does. `ObjectId`s in it are positions in [`Summary::objects`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Summary {
    /// The result.
    pub(crate) result: Value,
    /// What a thrown exception may be made of.
    pub(crate) thrown: Tags,
    /// Objects the method made and gives out, and inputs it changed: with what it wrote.
    pub(crate) objects: Vec<(ObjectKey, Rc<Object>)>,
    /// What it does to the world with what its caller brings.
    pub(crate) effects: Vec<Effect>,
    /// Whether it may write static fields, itself or by what it calls.
    pub(crate) writes_statics: bool,
    /// Objects of it that the platform was given to call back later; whether a model says what it passes them.
    pub(crate) handed: Vec<(super::value::ObjectId, bool)>,
    /// Inputs whose class decides which methods it calls: a caller that knows the class gets a summary of its own.
    pub(crate) dispatches: Vec<PathId>,
    /// Every input it speaks of: what [`Summary::find_inputs`] found once all else was there.
    pub(crate) inputs: Vec<PathId>,
}

impl Summary {
    /// Every input that anything in it speaks of.
    pub(crate) fn find_inputs(&self) -> Vec<PathId> {
        let mut inputs: Vec<PathId> = Vec::new();
        let mut note = |tags: &Tags| {
            inputs.extend(tags.iter().filter_map(|tagged| match tagged.tag {
                Tag::Input(path) => Some(path),
                Tag::Source(_) => None,
            }));
        };
        note(&self.result.tags);
        note(&self.thrown);
        for (_, object) in &self.objects {
            note(&object.content);
            object.parts.values().for_each(|part| note(&part.tags));
        }
        self.effects.iter().for_each(|effect| note(&effect.data));
        inputs.extend(self.objects.iter().filter_map(|(key, _)| match key {
            ObjectKey::Input(path) => Some(*path),
            ObjectKey::Made(..) | ObjectKey::Shared(_) | ObjectKey::Received(..) | ObjectKey::Statics => None,
        }));
        inputs.sort();
        inputs.dedup();
        inputs
    }
}

/// What a caller knows of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Assumed {
    /// Its class.
    Class(code::TypeId),
    /// Its text or number.
    Constant(Symbol),
}

/// What a caller knows of inputs.
pub(crate) type Assumptions = Vec<(PathId, Assumed)>;

/// Something a method does to the world.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    /// What it does.
    pub(crate) act: Act,
    /// With which data.
    pub(crate) data: Tags,
    /// Names: of the store, or the details of a sink (address, command).
    pub(crate) names: Names,
    /// Where the act happens.
    pub(crate) site: Site,
    /// The calls from the summarised method down to the act.
    pub(crate) trace: Trace,
}

impl Effect {
    /// Whether two effects are told as one. Of writes to a field that outlives the method only the field matters, not
    /// the place: there are many, and each is but a step of a way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        if let (Act::Field(mine), Act::Field(theirs)) = (&self.act, &other.act) {
            return mine == theirs;
        }
        // The cheapest first: many are held against many.
        self.site == other.site && self.names == other.names && self.act == other.act
    }
}

impl PartialEq for Effect {
    fn eq(&self, other: &Self) -> bool {
        self.is_like(other) && self.data == other.data
    }
}

impl Act {
    /// Whether it says something even without data.
    pub(crate) const fn tells_alone(&self) -> bool {
        matches!(self, Self::Send(_) | Self::Register(_) | Self::Name(_))
    }
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// Data reaches a sink of this kind (by its position in the table of kinds).
    Sink(u32),
    /// Data goes into the stream that a parameter holds: decided by the caller.
    Stream(PathId),
    /// Data is stored under names (kind by its position in the table of kinds).
    Store(u32),
    /// Data is written to a field that outlives the method.
    Field(code::FieldId),
    /// A method is called on what a parameter holds, once its class is known: name, parameter descriptors.
    Callback(PathId, Rc<str>, Option<Rc<str>>, Rc<[Value]>),
    /// Data is the answer of a content provider to its client.
    Reply,
    /// An intent is sent.
    Send(Rc<Sending>),
    /// The intent that a parameter holds is sent: decided by the caller.
    Forward(PathId, Rc<Manner>),
    /// Something is done with names alone (kind by its position in the table of kinds).
    Name(u32),
    /// A receiver is registered.
    Register(Rc<Enrolment>),
    /// The receiver that a parameter holds is registered with the filter that another one holds.
    Enrol(PathId, PathId, Rc<Manner>),
}

/// A method and the summary it has so far.
pub(crate) type Summaries = rustc_hash::FxHashMap<MethodId, Rc<Summary>>;
