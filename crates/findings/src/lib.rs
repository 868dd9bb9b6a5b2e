//! The words results are written in. Plain data, no logic beyond construction, no parser types: everything above this
//! crate can be rebuilt from a stored report.

mod claim;
mod coverage;
mod report;

pub use claim::{
    Axis, Confidence, Endpoint, Finding, FindingParts, Hop, Level, Location, Modifiers, Proof, Step, Transport,
};
pub use coverage::{Coverage, Outcome};
pub use report::{
    AppRecord, ComponentRecord, Evidence, Grade, HiddenString, Identity, Input, Report, SCHEMA_VERSION, SignerRecord,
    Statistics, Supplier, Tool,
};
