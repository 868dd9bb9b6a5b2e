//! The shape of the TOML files. Every file may hold every kind of entry.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One text or a list of texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Holds for every entry that names none itself.
    #[serde(default)]
    pub(crate) reference: String,
    /// Whether data that decides which way code goes counts as having come to what is done there.
    pub(crate) follows_branches: Option<bool>,
    #[serde(default)]
    pub(crate) model: Vec<Model>,
    #[serde(default)]
    pub(crate) hierarchy: BTreeMap<String, Vec<String>>,
    /// Whose the classes are whose names begin so: `platform` or `library`.
    #[serde(default)]
    pub(crate) namespaces: BTreeMap<String, String>,
    /// Names of services of the public platform.
    #[serde(default)]
    pub(crate) platform_services: Vec<String>,
    #[serde(default)]
    pub(crate) data_kind: Vec<DataKind>,
    #[serde(default)]
    pub(crate) sink_kind: Vec<SinkKind>,
    #[serde(default)]
    pub(crate) axis: Vec<Axis>,
    #[serde(default)]
    pub(crate) origin: Vec<Origin>,
    #[serde(default)]
    pub(crate) channel: Vec<Wire>,
    #[serde(default)]
    pub(crate) rule: Vec<Rule>,
    #[serde(default)]
    pub(crate) provider: Vec<Provider>,
    #[serde(default)]
    pub(crate) fields: Vec<Fields>,
    #[serde(default)]
    pub(crate) table: Vec<Table>,
    #[serde(default)]
    pub(crate) entry_point: Vec<EntryPoint>,
    #[serde(default)]
    pub(crate) callback: Vec<Callback>,
    #[serde(default)]
    pub(crate) lifecycle: Vec<Lifecycle>,
    #[serde(default)]
    pub(crate) permissions: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) supplier: Vec<Supplier>,
    #[serde(default)]
    pub(crate) marker: Vec<Marker>,
    #[serde(default)]
    pub(crate) native_fact: Vec<NativeFact>,
    #[serde(default)]
    pub(crate) native_act: Vec<NativeAct>,
    #[serde(default)]
    pub(crate) packer: Vec<Packer>,
    #[serde(default)]
    pub(crate) baseline: Vec<Baseline>,
    pub(crate) preload_score: Option<PreloadScore>,
    #[serde(default)]
    pub(crate) code_sample: Vec<CodeSample>,
    #[serde(default)]
    pub(crate) organisation: Vec<Organisation>,
    #[serde(default)]
    pub(crate) party_rule: Vec<PartyRule>,
    /// Values of properties that name nobody.
    #[serde(default)]
    pub(crate) nobody: Vec<String>,
    #[serde(default)]
    pub(crate) known_certificate: Vec<KnownCertificate>,
    #[serde(default)]
    pub(crate) bundled: Vec<Bundled>,
    #[serde(default)]
    pub(crate) boot_key: Vec<BootKey>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) class: Texts,
    pub(crate) method: Texts,
    pub(crate) signature: Option<String>,
    /// Whether its sources and sinks are added to what is known of the methods, instead of taking its place.
    #[serde(default)]
    pub(crate) adds: bool,
    #[serde(default)]
    pub(crate) flow: Texts,
    #[serde(default)]
    pub(crate) text: Texts,
    #[serde(default)]
    pub(crate) origin: Texts,
    #[serde(default)]
    pub(crate) source: Texts,
    #[serde(default)]
    pub(crate) sink: Texts,
    #[serde(default)]
    pub(crate) channel: Vec<Channel>,
    #[serde(default)]
    pub(crate) invoke: Texts,
    #[serde(default)]
    pub(crate) permissions: Vec<String>,
    /// Only for the reader of the file.
    #[serde(rename = "reference")]
    pub(crate) _reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channel {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) within: Option<String>,
    #[serde(default)]
    pub(crate) sql: bool,
    #[serde(default)]
    pub(crate) writes: Texts,
    #[serde(default)]
    pub(crate) reads: Texts,
    pub(crate) operation: Option<String>,
    pub(crate) permission: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataKind {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) rank: u8,
    #[serde(default)]
    pub(crate) attack: Vec<String>,
    #[serde(default)]
    pub(crate) permissions: Vec<String>,
    #[serde(default)]
    pub(crate) not_by: Vec<String>,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkKind {
    pub(crate) id: String,
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) attack: Vec<String>,
    #[serde(default)]
    pub(crate) permissions: Vec<String>,
    #[serde(default)]
    pub(crate) not_by: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Axis {
    pub(crate) id: String,
    pub(crate) grades: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    pub(crate) id: String,
    pub(crate) sink: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) answers: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wire {
    pub(crate) id: String,
    pub(crate) scope: String,
    #[serde(default = "yes")]
    pub(crate) named: bool,
    pub(crate) holds: Option<String>,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) axis: String,
    pub(crate) sources: Vec<String>,
    pub(crate) sinks: Vec<String>,
    #[serde(default)]
    pub(crate) names: Vec<String>,
    #[serde(default)]
    pub(crate) unnamed: bool,
    #[serde(default)]
    pub(crate) except: Vec<String>,
    pub(crate) rank: u8,
    pub(crate) requires: Option<String>,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) attack: Vec<String>,
    #[serde(default)]
    pub(crate) reference: Texts,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    pub(crate) authority: Texts,
    #[serde(default)]
    pub(crate) path: Texts,
    pub(crate) kind: String,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    /// Descriptor of the fields.
    #[serde(rename = "type")]
    pub(crate) descriptor: String,
    #[serde(default)]
    pub(crate) text: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) source: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) rows: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryPoint {
    pub(crate) component: String,
    pub(crate) class: String,
    pub(crate) method: String,
    pub(crate) signature: String,
    #[serde(default)]
    pub(crate) parameters: Vec<String>,
    #[serde(default)]
    pub(crate) reply: bool,
    pub(crate) operation: Option<String>,
    #[serde(default = "event")]
    pub(crate) kind: String,
}

fn event() -> String {
    "event".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lifecycle {
    pub(crate) component: String,
    pub(crate) order: Vec<String>,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Callback {
    pub(crate) class: Texts,
    pub(crate) method: Texts,
    pub(crate) signature: Option<String>,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) by_code: Vec<String>,
    #[serde(default)]
    pub(crate) parameters: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NativeFact {
    pub(crate) id: String,
    pub(crate) source: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) sink: String,
    #[serde(default)]
    pub(crate) files: Vec<String>,
    pub(crate) runs_in: Option<String>,
    #[serde(default)]
    pub(crate) imports: Vec<Vec<String>>,
    #[serde(default)]
    pub(crate) strings: Vec<Vec<String>>,
    #[serde(default)]
    pub(crate) cipher_text: bool,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NativeAct {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) imports: Vec<String>,
    #[serde(default)]
    pub(crate) along_with: Vec<String>,
    pub(crate) sink: Option<String>,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packer {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) files: Vec<String>,
    #[serde(default)]
    pub(crate) classes: Vec<String>,
    pub(crate) least: Option<usize>,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supplier {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) country: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) summary: String,
    pub(crate) references: Vec<String>,
    #[serde(default)]
    pub(crate) evidence: Vec<Evidence>,
    #[serde(default)]
    pub(crate) claim: Vec<NumberClaim>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    pub(crate) name: String,
    pub(crate) api_levels: Vec<u32>,
    pub(crate) packages: String,
    pub(crate) platform_signed: String,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreloadScore {
    pub(crate) weights_tenths: BTreeMap<String, Vec<String>>,
    pub(crate) groups: Vec<String>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) excluded: BTreeMap<String, Vec<String>>,
    pub(crate) stores: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) services: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marker {
    pub(crate) id: String,
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) methods: Vec<String>,
    #[serde(default)]
    pub(crate) texts: Vec<String>,
    #[serde(default)]
    pub(crate) told: bool,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeSample {
    pub(crate) supplier: String,
    pub(crate) sample: String,
    pub(crate) about: String,
    pub(crate) bodies: u32,
    pub(crate) weight_percent: u8,
    pub(crate) reference: String,
    pub(crate) shapes: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberClaim {
    pub(crate) value: u64,
    pub(crate) unit: String,
    pub(crate) basis: String,
    pub(crate) by: String,
    pub(crate) reference: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Organisation {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) kinds: Vec<String>,
    pub(crate) country: Option<String>,
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) certificates: Vec<String>,
    #[serde(default)]
    pub(crate) named: Vec<Named>,
    #[serde(default)]
    pub(crate) reference: Texts,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) supplier: String,
    pub(crate) by: String,
    pub(crate) reference: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartyRule {
    pub(crate) property: Texts,
    #[serde(default)]
    pub(crate) value: Texts,
    pub(crate) role: String,
    pub(crate) read: Option<String>,
    pub(crate) organisation: Option<String>,
    #[serde(default)]
    pub(crate) known: bool,
    #[serde(default)]
    pub(crate) unless_in: Vec<String>,
    pub(crate) weight_percent: u8,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownCertificate {
    pub(crate) sha256: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) public: bool,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    pub(crate) kind: String,
    pub(crate) pattern: Texts,
    #[serde(default)]
    pub(crate) except: Vec<String>,
    pub(crate) weight_percent: u8,
    pub(crate) reference: String,
    pub(crate) note: Option<String>,
}

/// A public key of verified boot that is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootKey {
    pub(crate) sha1: String,
    pub(crate) name: String,
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bundled {
    pub(crate) class: String,
    pub(crate) strings: Vec<String>,
    pub(crate) methods: Vec<BundledMethod>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundledMethod {
    pub(crate) name: String,
    pub(crate) signature: String,
    pub(crate) returns: String,
}
