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
    /// What it is known for, in a sentence.
    pub summary: String,
    /// Documents about it.
    pub references: Vec<String>,
    /// What speaks for it.
    pub evidence: Vec<EvidenceRule>,
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
}

impl EvidenceKind {
    const NAMES: [(&'static str, Self); 7] = [
        ("certificate", Self::Certificate),
        ("package", Self::Package),
        ("component", Self::Component),
        ("domain", Self::Domain),
        ("property", Self::Property),
        ("file", Self::File),
        ("authority", Self::Authority),
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
            EvidenceKind::Certificate => self.pattern.eq_ignore_ascii_case(value),
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
