//! Where data comes from: personal data, outside control, or a store that somebody else fills.

use rustc_hash::FxHashMap;

use code::{FieldId, TypeId};
use smallvec::SmallVec;

use super::{
    intents::Letter,
    path::{PathId, PatternKey},
    tags::SourceId,
    text::PatternId,
    trace::Site,
};

/// Names of a store, URI or table: a few patterns, sorted.
pub(crate) type Names = SmallVec<[PatternId; 2]>;

/// What a source yields.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum What {
    /// This kind of data (by its position in the table of kinds), with a detail.
    Kind(u32, Names),
    /// What a content provider answers to an operation (by its position in the table of kinds) at these URIs.
    Provider(u32, Names),
    /// What a store of this kind holds under these names (kind by its position in the table of kinds).
    Store(u32, Names),
    /// What code anywhere in the app wrote to this field.
    Field(FieldId),
    /// What components of this class are sent, under this key (absent: any).
    Received(TypeId, Letter, Option<PatternKey>),
    /// What comes out of the stream that a parameter holds: decided by the caller, who knows where it leads.
    Stream(PathId),
    /// Data of a value table, by the text of a key.
    Table(u32, Names),
}

/// A source: what, and where it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) what: What,
    pub(crate) site: Site,
}

/// Every source of one app's analysis.
#[derive(Debug, Default)]
pub(crate) struct SourceTable {
    sources: Vec<Source>,
    ids: FxHashMap<Source, SourceId>,
}

impl SourceTable {
    pub(crate) fn intern(&mut self, source: Source) -> SourceId {
        if let Some(&id) = self.ids.get(&source) {
            return id;
        }
        let id = SourceId(self.sources.len() as u32);
        self.sources.push(source.clone());
        self.ids.insert(source, id);
        id
    }

    pub(crate) fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0 as usize)
    }
}
