//! The words results are written in. Plain data, no logic beyond construction, no parser types: everything above this
//! crate can be rebuilt from a stored report.

mod claim;
mod coverage;
mod exposure;
mod report;
mod rule_matches;

pub use claim::{
    Axis, Confidence, Endpoint, Finding, FindingParts, Hop, Level, Location, Modifiers, Place, Places, Proof, Step,
    Transport, UserPart,
};
pub use coverage::{Coverage, Outcome};
pub use exposure::{Connection, Exposure, ExposureRow, StatedNumber};
pub use report::{
    AppRecord, BaselineRecord, CarriedRecord, ComponentRecord, ConstantKey, Evidence, Grade, HiddenString, Identity,
    Input, NativeMethodRecord, NativeStep, OutlierRecord, Party, PublicKeyRecord, Report, SCHEMA_VERSION, ScoreRecord,
    SignerRecord, Standing, Statistics, Supplier, Tool, UpdateClient, UpdateKeyRecord,
};
pub use rule_matches::{RuleMatch, RuleMatches, RulePlace};
