//! What one application of a summary was told so far of what its caller has.

use smallvec::SmallVec;

use crate::domain::{
    asked::Asked,
    path::PathId,
    source::Names,
    summary::Summary,
    tags::Tags,
    text::{Constants, PatternId},
    value::{ObjectId, Value},
};

/// One application of a summary.
pub(super) struct Application<'s> {
    pub(super) summary: &'s Summary,
    pub(super) arguments: &'s [Value],
    /// What the caller has at each path, once asked.
    pub(super) paths: Asked<PathId, Value>,
    /// What that and all it refers to is made of.
    pub(super) made_of: Asked<PathId, Tags>,
    /// The constants and the text of what the caller has there.
    pub(super) texts: Asked<PathId, Constants>,
    /// Patterns with inputs, filled in.
    pub(super) patterns: Asked<PatternId, Names>,
    /// The caller's objects for each object of the summary.
    pub(super) objects: Vec<SmallVec<[ObjectId; 2]>>,
    pub(super) depth: u32,
}

impl<'s> Application<'s> {
    pub(super) fn new(summary: &'s Summary, arguments: &'s [Value], depth: u32) -> Self {
        Self {
            summary,
            arguments,
            paths: Asked::default(),
            made_of: Asked::default(),
            texts: Asked::default(),
            patterns: Asked::default(),
            objects: Vec::with_capacity(summary.objects.len()),
            depth,
        }
    }
}
