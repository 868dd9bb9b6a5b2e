//! Suppliers: who writes code that others install, and what gives them away. One file each under `knowledge/suppliers/`.

use crate::platform::matches_pattern;

/// A supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplier {
    /// Short name, unique.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Other names it goes by.
    pub aliases: Vec<String>,
    /// Where it is registered, if that is documented.
    pub country: Option<String>,
    /// What its code is for.
    pub kind: SupplierKind,
    /// What it is known for, in a sentence.
    pub summary: String,
    /// Documents about it.
    pub references: Vec<String>,
    /// What speaks for it.
    pub evidence: Vec<EvidenceRule>,
    /// Samples of its code, by the shapes of method bodies.
    pub code: Vec<CodeSample>,
    /// Numbers that somebody has stated, kept apart from what is observed.
    pub claims: Vec<NumberClaim>,
}

/// What the code of a supplier is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SupplierKind {
    /// Updates the firmware, or manages the device from afar.
    UpdateService,
    /// A library for advertising that others build into their apps.
    Advertising,
    /// A library that counts users and what they do.
    Analytics,
    /// A library that brings messages of a server.
    Push,
    /// Another library that others build into their apps.
    Library,
    /// Documented as harmful.
    Malware,
    /// An app or a service of its own.
    Other,
}

impl SupplierKind {
    const NAMES: [(&'static str, Self); 7] = [
        ("update_service", Self::UpdateService),
        ("advertising", Self::Advertising),
        ("analytics", Self::Analytics),
        ("push", Self::Push),
        ("library", Self::Library),
        ("malware", Self::Malware),
        ("other", Self::Other),
    ];

    /// Its name in the knowledge files and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Whether it is built into the apps of others, so that its traces say what an app contains and not who wrote it.
    #[must_use]
    pub const fn is_built_in(self) -> bool {
        matches!(self, Self::Advertising | Self::Analytics | Self::Push | Self::Library)
    }
}

/// A sample of a supplier's code: some of the shapes of its method bodies (`code::Program::shape`). Facts about a file,
/// not the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeSample {
    /// SHA-256 of the package it was computed from, in lower-case hex.
    pub sample: String,
    /// What package that is, for people.
    pub about: String,
    /// How many different shapes the code had that the sample stands for.
    pub bodies: u32,
    /// The smallest of them, sorted: a fair sample, since shapes are spread evenly.
    pub shapes: Vec<u64>,
    /// How much it proves that an app has half of them or more.
    pub weight_percent: u8,
    /// Where the package can be found.
    pub reference: String,
}

/// A number that somebody has stated about a supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberClaim {
    /// The number.
    pub value: u64,
    /// Of what: `devices`, `makers`, `models`.
    pub unit: String,
    /// `claimed` by somebody with an interest, or `estimated` by somebody who measured something else.
    pub basis: String,
    /// Who said so, and when.
    pub by: String,
    /// Where that is documented.
    pub reference: String,
}

/// A trait that speaks for a supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRule {
    /// What kind of trait.
    pub kind: EvidenceKind,
    /// Its value: for certificates the SHA-256 in lower-case hex; otherwise a pattern in which `*` stands for any text.
    /// A property is `name=value`. A domain stands for itself and everything below it.
    pub pattern: String,
    /// Values (patterns) that match but prove nothing.
    pub except: Vec<String>,
    /// How much this alone proves, 0 to 100. Independent pieces combine as `1 - product of (1 - weight)`.
    pub weight_percent: u8,
    /// Where it is documented.
    pub reference: String,
    /// What a reader should know about it.
    pub note: Option<String>,
}

/// Kinds of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// SHA-256 of a signer's certificate.
    Certificate,
    /// Package name.
    Package,
    /// Class name of a component.
    Component,
    /// Host name in the strings of the code, hidden ones included.
    Domain,
    /// Property of the build, `name=value`.
    Property,
    /// Device path of a file.
    File,
    /// Authority of a content provider.
    Authority,
    /// Java package of classes in the code.
    Namespace,
    /// Text in the code that was hidden, or in a native program.
    Text,
    /// Contents of a file: SHA-256 in lower-case hex, `/`, length in bytes.
    Content,
    /// SHA-256 of a package, in lower-case hex.
    Digest,
}

impl EvidenceKind {
    const NAMES: [(&'static str, Self); 11] = [
        ("certificate", Self::Certificate),
        ("package", Self::Package),
        ("component", Self::Component),
        ("domain", Self::Domain),
        ("property", Self::Property),
        ("file", Self::File),
        ("authority", Self::Authority),
        ("namespace", Self::Namespace),
        ("text", Self::Text),
        ("content", Self::Content),
        ("digest", Self::Digest),
    ];

    /// Its name in the knowledge files and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

impl EvidenceRule {
    /// Whether a value is this evidence. For [`EvidenceKind::Domain`] the value is a host name.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        if self.except.iter().any(|pattern| matches_pattern(pattern, value)) {
            return false;
        }
        match self.kind {
            EvidenceKind::Certificate | EvidenceKind::Content | EvidenceKind::Digest => {
                self.pattern.eq_ignore_ascii_case(value)
            }
            EvidenceKind::Domain => is_below(&self.pattern, value),
            _ => matches_pattern(&self.pattern, value),
        }
    }
}

/// Whether a host is a domain or below it.
fn is_below(domain: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let Some(above) = host.strip_suffix(domain) else { return false };
    above.is_empty() || above.ends_with('.')
}
