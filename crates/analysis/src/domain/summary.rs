//! What a method does, as its callers need to know it.

use std::rc::Rc;

use code::MethodId;

use super::{
    path::PathId,
    source::Names,
    tags::Tags,
    trace::{Site, Trace},
    value::{Object, ObjectKey, Value},
};

/// More objects than this in one summary are left out.
pub(crate) const SUMMARY_OBJECTS_MAX: usize = 64;
/// More effects than this in one summary are left out, and counted.
pub(crate) const SUMMARY_EFFECTS_MAX: usize = 128;

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
    /// Inputs whose class decides which methods it calls: a caller that knows the class gets a summary of its own.
    pub(crate) dispatches: Vec<PathId>,
}

/// Classes that a caller knows of inputs.
pub(crate) type Assumptions = Vec<(PathId, code::TypeId)>;

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

impl PartialEq for Effect {
    fn eq(&self, other: &Self) -> bool {
        self.act == other.act && self.data == other.data && self.names == other.names && self.site == other.site
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
}

/// A method and the summary it has so far.
pub(crate) type Summaries = rustc_hash::FxHashMap<MethodId, Rc<Summary>>;
