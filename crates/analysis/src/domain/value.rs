//! What is known of one value, and of the objects it may refer to.

use std::rc::Rc;

use code::{FieldId, TypeId};
use knowledge::OriginKind;
use smallvec::SmallVec;

use super::{
    intents::Letter,
    parts::Parts,
    path::{PathId, Step},
    tags::Tags,
    text::{Constants, PatternId},
};
use crate::constants::Constant;

/// More objects than this behind one value are left out, and counted.
pub(crate) const OBJECTS_MAX: usize = 8;
/// More origins than this on one object are cut.
const ORIGINS_MAX: usize = 8;

/// An object of one method's analysis, or of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectId(pub(crate) u32);

/// What names an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ObjectKey {
    /// Whatever the caller has at this place.
    Input(PathId),
    /// Made in this method: by the instruction at this address; of a call's new objects, the n-th.
    Made(u32, u16),
    /// Reached through a static or otherwise shared field: one object per field, for the whole app.
    Shared(FieldId),
    /// Holds what this method has written to static fields, as long as nothing else may have.
    Statics,
    /// The intent that components of a class get.
    Received(TypeId, Letter),
}

/// What is known of one value.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Value {
    /// What the value itself is made of (for an object: what any part of it may be made of).
    pub(crate) tags: Tags,
    /// The objects it may refer to.
    pub(crate) objects: SmallVec<[ObjectId; 2]>,
    /// Its constant text, number, class.
    pub(crate) constants: Constants,
}

// As for constants.
impl Clone for Value {
    fn clone(&self) -> Self {
        Self {
            tags: self.tags.clone(),
            objects: SmallVec::from_slice(&self.objects),
            constants: self.constants.clone(),
        }
    }
}

impl Value {
    /// A reference to one object.
    pub(crate) fn object(object: ObjectId) -> Self {
        Self { objects: SmallVec::from_slice(&[object]), ..Self::default() }
    }

    /// A constant.
    pub(crate) fn constant(constants: Constants) -> Self {
        Self { constants, ..Self::default() }
    }

    /// Something unknown, made of these tags.
    pub(crate) fn made_of(tags: Tags) -> Self {
        Self { tags, objects: SmallVec::new(), constants: Constants::anything() }
    }

    /// Adds an object; `false` if there is no room.
    pub(crate) fn add_object(&mut self, object: ObjectId) -> bool {
        match self.objects.binary_search(&object) {
            Ok(_) => true,
            Err(_) if self.objects.len() >= OBJECTS_MAX => false,
            Err(at) => {
                self.objects.insert(at, object);
                true
            }
        }
    }

    /// Adds everything `other` may be; whether something was new.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let mut grew = self.tags.join(&other.tags);
        for &object in &other.objects {
            let before = self.objects.len();
            self.add_object(object);
            grew |= self.objects.len() != before;
        }
        grew | self.constants.join(&other.constants)
    }
}

/// Where a stream or connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    /// Of this kind, named by this text.
    Known(OriginKind, PatternId),
    /// Whatever the caller has at this place leads to.
    Input(PathId),
}

/// A small set of origins.
pub(crate) type Origins = SmallVec<[Origin; 1]>;

/// Adds an origin; whether it was new. Beyond a few, the rest is left out.
pub(crate) fn add_origin(origins: &mut Origins, origin: Origin) -> bool {
    match origins.binary_search(&origin) {
        Err(at) if origins.len() < ORIGINS_MAX => {
            origins.insert(at, origin);
            true
        }
        _ => false,
    }
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object {
    /// Its class, if known exactly.
    pub(crate) exact_type: Option<TypeId>,
    /// Its declared class.
    pub(crate) declared_type: Option<TypeId>,
    /// What was written to its fields, elements and entries.
    pub(crate) parts: Parts,
    /// What any part of it may be made of: content of library objects.
    pub(crate) content: Tags,
    /// Its constant text: of a builder, file, URI, address, cipher.
    pub(crate) text: Constants,
    /// Where it leads, if it is a stream or connection.
    pub(crate) origins: Origins,
    /// Its elements, if it is an array of known constants.
    pub(crate) array: Option<Rc<Constant>>,
    /// Whether it may stand for several objects: nothing is overwritten then.
    pub(crate) many: bool,
    /// Whether code elsewhere may hold it: what is written to it is then published by field name.
    pub(crate) escaped: bool,
}

impl Object {
    /// Adds everything known of `other`; whether something was new. `missing` gives the value that a part has where it
    /// was not written.
    pub(crate) fn join(&mut self, other: &Self, mut missing: impl FnMut(Step) -> Value) -> bool {
        let mut grew = self.content.join(&other.content) | self.text.join(&other.text);
        for (step, theirs) in other.parts.iter() {
            grew |= match self.parts.get_mut(step) {
                Some(mine) => mine.join(theirs),
                None => {
                    let mut mine = missing(step);
                    mine.join(theirs);
                    self.parts.insert(step, mine);
                    true
                }
            };
        }
        let unwritten: Vec<Step> = self.parts.keys().filter(|&step| !other.parts.contains_key(step)).collect();
        for step in unwritten {
            let theirs = missing(step);
            grew |= self.parts.get_mut(step).is_some_and(|mine| mine.join(&theirs));
        }
        for &origin in &other.origins {
            grew |= add_origin(&mut self.origins, origin);
        }
        if self.array.is_some() && self.array != other.array {
            self.array = None;
            grew = true;
        }
        if self.exact_type != other.exact_type && self.exact_type.is_some() {
            self.exact_type = None;
            grew = true;
        }
        grew |= (other.many & !self.many) | (other.escaped & !self.escaped);
        self.many |= other.many;
        self.escaped |= other.escaped;
        grew
    }
}
