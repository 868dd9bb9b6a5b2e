//! Traits of native programs: names of hosts and other texts in them.
//!
//! Only printable runs are looked at, as `strings` shows them; what a program does is not.

use std::collections::BTreeSet;

use knowledge::{EvidenceKind, Knowledge};

use crate::{Traits, hosts_in};

/// Shortest run of printable characters that is looked at.
const RUN_BYTES_MIN: usize = 6;

/// What to look for in native programs.
#[derive(Debug, Clone, Default)]
pub struct NativeTraits {
    /// Lengths of files that some supplier is known by.
    lengths: BTreeSet<u64>,
}

impl NativeTraits {
    /// That of the knowledge files.
    #[must_use]
    pub fn new(knowledge: &Knowledge) -> Self {
        let rules = knowledge.suppliers.iter().flat_map(|supplier| &supplier.evidence);
        let contents = rules.filter(|rule| rule.kind == EvidenceKind::Content);
        let lengths = contents.filter_map(|rule| rule.pattern.split_once('/')?.1.parse().ok()).collect();
        Self { lengths }
    }

    /// Whether a file of this length may be one that a supplier is known by, so that its digest is worth computing.
    #[must_use]
    pub fn may_be_known(&self, len: u64) -> bool {
        self.lengths.contains(&len)
    }

    /// Adds the hosts and texts of a native program at `path`.
    pub fn texts(&self, bytes: &[u8], path: &str, knowledge: &Knowledge, traits: &mut Traits) {
        let rules: Vec<_> = knowledge
            .suppliers
            .iter()
            .flat_map(|supplier| &supplier.evidence)
            .filter(|rule| matches!(rule.kind, EvidenceKind::Text | EvidenceKind::Domain))
            .collect();
        let mut hosts = BTreeSet::new();
        let mut texts = BTreeSet::new();
        for run in bytes.split(|byte| !(0x20..0x7f).contains(byte)).filter(|run| run.len() >= RUN_BYTES_MIN) {
            let Ok(text) = std::str::from_utf8(run) else { continue };
            if text.contains('.') {
                hosts_in(text, &mut hosts);
            }
            if rules.iter().any(|rule| rule.kind == EvidenceKind::Text && rule.matches(text)) {
                texts.insert(text);
            }
        }
        for host in
            hosts.iter().filter(|host| rules.iter().any(|rule| rule.kind == EvidenceKind::Domain && rule.matches(host)))
        {
            traits.add_in(EvidenceKind::Domain, host.clone(), path);
        }
        for text in texts {
            traits.add_in(EvidenceKind::Text, text, path);
        }
    }
}
