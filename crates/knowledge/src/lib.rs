//! Typed view of the knowledge files, embedded at build time.

mod model;

pub use model::{
    ChannelRule, Flow, InvokeRule, Model, OriginKind, OriginRule, Part, Place, Root, SinkKind, SinkRule, SourceKind,
    SourceRule, TextPiece, TextRule,
};
