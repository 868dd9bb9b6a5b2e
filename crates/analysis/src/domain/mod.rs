//! The nouns of the engine: paths, texts, tags, traces, values, objects, summaries.

pub(crate) mod asked;
pub(crate) mod heap;
pub(crate) mod intents;
pub(crate) mod parts;
pub(crate) mod path;
pub(crate) mod source;
pub(crate) mod summary;
pub(crate) mod symbols;
pub(crate) mod tags;
pub(crate) mod text;
pub(crate) mod trace;
pub(crate) mod value;

use path::PathTable;
use source::SourceTable;
use text::PatternTable;

/// The interners of one app's analysis.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) paths: PathTable,
    pub(crate) patterns: PatternTable,
    pub(crate) sources: SourceTable,
}
