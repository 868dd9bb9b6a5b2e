//! What is claimed: kinds of data and of sinks, the three questions with their grades, the rules that join them.

/// A kind of data, or of outside control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKind {
    /// `call_log`.
    pub id: String,
    /// The words of a report: `call log`.
    pub label: String,
    /// Rank on the axis `takes`; 0 for kinds that are no personal data (network input, an intent from outside).
    pub rank: u8,
    /// MITRE ATT&CK Mobile techniques: `T1636.002`.
    pub attack: Vec<String>,
    /// Permissions of which an app needs one to get any of it; empty if there are ways without.
    pub permissions: Vec<String>,
    /// Operations of models that leave no such data: `number` of a record, `beginning` of an identifier.
    pub not_by: Vec<String>,
    /// Where that is documented.
    pub reference: String,
}

/// A kind of place where data leaves or acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkKindInfo {
    /// `network`.
    pub id: String,
    /// The words of a report: `the network`.
    pub label: String,
    /// MITRE ATT&CK Mobile techniques.
    pub attack: Vec<String>,
    /// Permissions of which an app needs one for any of it; empty if there are ways without.
    pub permissions: Vec<String>,
    /// Operations of models that leave nothing which decides here: a `number` is no command.
    pub not_by: Vec<String>,
}

/// What the origin of a stream makes of writing to it and reading from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginInfo {
    /// Sink kind of what is written to it.
    pub sink: Option<String>,
    /// Data kind of what is read from it.
    pub source: Option<String>,
    /// Table that gives the data kind of what is read from it, by its text (a path, a command).
    pub table: Option<String>,
    /// Channel that what is written goes into, by the text; what is read comes from it too, if nothing else is said.
    pub channel: Option<String>,
    /// Channel that what is read comes from, where the two ends differ.
    pub answers: Option<String>,
}

/// A store or wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Who shares one.
    pub scope: Scope,
    /// Whether it is told apart by names; otherwise there is one.
    pub named: bool,
    /// The kind of data that whatever is read of it is, whoever put it there.
    pub holds: Option<String>,
}

/// Who shares a store or wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Apps of the same user (uid).
    Owner,
    /// Apps one of which binds a service of the other.
    Bound,
    /// Every app of the device.
    Image,
}

impl Scope {
    /// By its name in the knowledge files.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "owner" => Self::Owner,
            "bound" => Self::Bound,
            "image" => Self::Image,
            _ => return None,
        })
    }
}

/// The question a rule answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// What personal data leaves, and to whom?
    Takes,
    /// What can a server make it do?
    Obeys,
    /// What can any other app make it do?
    Exposes,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Takes, Self::Obeys, Self::Exposes];

    /// Its name in the knowledge files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Takes => "takes",
            Self::Obeys => "obeys",
            Self::Exposes => "exposes",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|axis| axis.name() == name)
    }
}

/// What must be true of the app beside the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// It runs as a core uid of the system: `android.uid.system`, `android.uid.phone`, ... or as root.
    SystemUid,
}

/// A flow that is a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// The question it answers.
    pub axis: Axis,
    /// Data kinds, one of which must arrive.
    pub sources: Vec<String>,
    /// Sink kinds, at one of which it must arrive.
    pub sinks: Vec<String>,
    /// Patterns, one of which a name of the sink (a setting, a path, a command) must match; empty: any.
    pub names: Vec<String>,
    /// Whether a sink of whose name nothing is known has one of these names, too: it may be any.
    pub unnamed: bool,
    /// Patterns: where every name of the sink matches one, the rule does not hold.
    pub except: Vec<String>,
    /// Rank on the axis.
    pub rank: u8,
    /// Name of that rank, as the axis says it.
    pub grade: String,
    /// What else must hold.
    pub requires: Option<Requirement>,
    /// Words for a report, with `{source}`, `{sink}` for their labels.
    pub title: String,
    /// MITRE ATT&CK Mobile techniques, beside those of the kinds.
    pub attack: Vec<String>,
    /// Documents.
    pub references: Vec<String>,
}
