//! Claims and their proofs.

use serde::{Deserialize, Serialize};

/// Where a fact can be checked: which bytes, inside what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// The layers around the device, from the outermost: `ota.zip!system.img`. Empty for a folder.
    pub container: String,
    /// Device path and the layers inside that file: `/system/app/Fota/Fota.apk!classes.dex`.
    pub path: String,
    /// Byte offset in the last element of the path.
    pub offset: Option<u64>,
}

/// One hop of a proof. The first is the source, the last the sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// How the data moved to here.
    pub hop: Hop,
    /// The package this happens in.
    pub app: String,
    /// The instruction.
    pub at: Location,
    /// `Lcom/example/Report;->send(Ljava/lang/String;)V`.
    pub method: String,
    /// Address of the instruction in its method, in 16-bit code units.
    pub code_unit: u32,
    /// The instruction as text, or what the hop means.
    pub text: String,
}

/// How data moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// Where the data comes from.
    Source,
    /// Through an operation or library call in the same method.
    Through,
    /// Into a called method.
    Call,
    /// Back from a called method.
    Return,
    /// Into or out of a field that outlives the method.
    Field,
    /// Into or out of a database.
    Database,
    /// Into or out of a file.
    File,
    /// Through a content provider, possibly of another app.
    Provider,
    /// Through another channel between components.
    Channel,
    /// Where the data leaves or acts.
    Sink,
}

/// A proof: at least a source and a sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<Step>", into = "Vec<Step>")]
pub struct Proof(Vec<Step>);

impl Proof {
    /// A proof of these steps, or nothing if there are none: a claim without a proof cannot be made.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Option<Self> {
        if steps.is_empty() { None } else { Some(Self(steps)) }
    }

    /// The steps, from source to sink.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl TryFrom<Vec<Step>> for Proof {
    type Error = &'static str;
    fn try_from(steps: Vec<Step>) -> Result<Self, Self::Error> {
        Self::new(steps).ok_or("a proof needs at least one step")
    }
}

impl From<Proof> for Vec<Step> {
    fn from(proof: Proof) -> Self {
        proof.0
    }
}

/// The question a claim answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// What personal data leaves, and to whom?
    Takes,
    /// What can a server make it do?
    Obeys,
    /// What can any other app make it do?
    Exposes,
}

/// Where data comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// Name of the kind, as in the knowledge files: `sms`, `call_log`, `network`.
    pub kind: String,
    /// The words of the report for the kind: `text messages`.
    pub label: String,
    /// What the value says about it: a URI, hosts, a file name.
    pub details: Vec<String>,
}

/// How sure a claim is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Confidence {
    /// The least sure hop decides.
    pub level: Level,
    /// Why it is not exact, sorted.
    pub reasons: Vec<String>,
}

/// Steps of confidence, rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Some hop rests on an assumption about code that was not seen.
    Low,
    /// Every hop was seen; some were joined by name or approximated.
    Medium,
    /// Every hop was followed exactly.
    High,
}

/// What is known about the way data leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// An `http:` address was recovered.
    ClearHttp,
    /// Only `https:` addresses were recovered.
    Tls,
    /// No address was recovered.
    Unknown,
}

/// What is known of the user's part in what happens. Only acts count: what they were told, and whether they understood it, is not judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserPart {
    /// Some way to it begins with a broadcast, a pushed message or another app's request, and waits for no touch and no choice.
    NotNeeded,
    /// Some way to it begins when an activity is opened, by the user or by another app, and waits for nothing more.
    Opens,
    /// Every way that was found from an entry point passes a method that the platform calls for nothing but a touch, a key or a
    /// choice of the user.
    AlwaysActs,
    /// The way that is shown passes such a method; other ways may be without it.
    Acts,
    /// None of these was found out.
    #[default]
    Unknown,
}

/// What is always said beside a claim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Modifiers {
    /// How it travels.
    pub transport: Transport,
    /// Whether an entry point of the app leads there.
    pub reachable: bool,
    /// The entry points that lead there (a few), as `kind component`.
    pub triggers: Vec<String>,
    /// Whether the user has a part in it.
    #[serde(default)]
    pub user: UserPart,
    /// Where those ways begin that need least of the user, as `kind component`: of `not_needed` and `opens` alone.
    #[serde(default)]
    pub without_user: Vec<String>,
    /// Operations on the way: `DES/CBC with constant key "..."`, `zip`, `base64`.
    pub operations: Vec<String>,
    /// Stores on the way: `database table sms`, `file dc.json`, `provider content://...`.
    pub carriers: Vec<String>,
    /// What lets the hops between apps happen: shared uid, exported and unprotected, permission held.
    pub permissions: Vec<String>,
}

/// A claim about an app, with its proof. Made by [`Finding::new`] only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Digest of what is claimed (not of where the image was packed): equal claims have equal ids.
    pub id: String,
    /// The claim.
    #[serde(flatten)]
    pub parts: FindingParts,
    /// Why it is believed.
    pub proof: Proof,
}

/// What a finding says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FindingParts {
    /// The question it answers.
    pub axis: Axis,
    /// Rank on that axis, from the knowledge files; higher is worse.
    pub rank: u8,
    /// Name of that rank: `content`, `runs commands as system`.
    pub grade: String,
    /// Name of the rule in the knowledge files.
    pub rule: String,
    /// The claim in a sentence.
    pub title: String,
    /// MITRE ATT&CK Mobile techniques.
    pub attack: Vec<String>,
    /// The package it is about: where the data leaves or the act happens.
    pub app: String,
    /// Every package on the way, first the one that reads the data.
    pub apps: Vec<String>,
    /// Where the data comes from.
    pub source: Endpoint,
    /// Where it goes.
    pub sink: Endpoint,
    /// Number of distinct pairs of source and sink instructions this stands for, of those that an entry point leads to if one leads to any; the proof shows the best one.
    pub pairs: u32,
    /// Some of these pairs, in the order of their places.
    #[serde(default)]
    pub places: Vec<Places>,
    /// How sure.
    pub confidence: Confidence,
    /// Transport, trigger, operations, carriers, permissions.
    pub modifiers: Modifiers,
}

/// One pair of source and sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Places {
    /// Where the data comes from.
    pub source: Place,
    /// Where it leaves.
    pub sink: Place,
}

/// An instruction, as far as it takes to find it again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The package.
    pub app: String,
    /// `Lcom/example/Report;->send(Ljava/lang/String;)V`.
    pub method: String,
    /// Address in it, in 16-bit code units.
    pub code_unit: u32,
    /// The method it calls; empty if it calls none.
    pub calls: String,
}

impl Finding {
    /// A claim with its proof. `id` is the digest of the claim, computed by the caller.
    #[must_use]
    pub const fn new(id: String, parts: FindingParts, proof: Proof) -> Self {
        Self { id, parts, proof }
    }
}
