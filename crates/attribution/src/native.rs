//! Traits of native programs: names of hosts and other texts in them.
//!
//! Only printable runs are looked at, as `strings` shows them; what a program does is not.

use std::collections::BTreeSet;

use knowledge::{EvidenceKind, EvidenceRule, Knowledge};
use memchr::memmem::Finder;

use crate::{Traits, hosts_in};

/// Shortest run of printable characters that is looked at.
const RUN_BYTES_MIN: usize = 6;

/// What to look for in native programs.
#[derive(Debug, Clone, Default)]
pub struct NativeTraits {
    /// Lengths of files that some supplier is known by.
    lengths: BTreeSet<u64>,
    /// Of each text that some supplier is known by, a part that must be there.
    parts: Vec<Finder<'static>>,
    /// Domains that some supplier is known by, in lower case.
    domains: BTreeSet<String>,
}

impl NativeTraits {
    /// That of the knowledge files.
    #[must_use]
    pub fn new(knowledge: &Knowledge) -> Self {
        let contents = rules(knowledge, EvidenceKind::Content);
        let lengths = contents.filter_map(|rule| rule.pattern.split_once('/')?.1.parse().ok()).collect();
        let longest = |rule: &EvidenceRule| rule.pattern.split('*').max_by_key(|part| part.len()).map(str::to_owned);
        let parts = rules(knowledge, EvidenceKind::Text).filter_map(longest);
        let parts = parts.map(|part| Finder::new(part.as_bytes()).into_owned()).collect();
        let domains = rules(knowledge, EvidenceKind::Domain).map(|rule| rule.pattern.to_ascii_lowercase()).collect();
        Self { lengths, parts, domains }
    }

    /// Whether a file of this length may be one that a supplier is known by, so that its digest is worth computing.
    #[must_use]
    pub fn may_be_known(&self, len: u64) -> bool {
        self.lengths.contains(&len)
    }

    /// Adds the hosts and texts of a native program at `path`.
    pub fn texts(&self, bytes: &[u8], path: &str, knowledge: &Knowledge, traits: &mut Traits) {
        let mut hosts = BTreeSet::new();
        for run in runs(bytes).filter(|text| text.contains('.')) {
            hosts_in(run, &mut hosts);
        }
        hosts.retain(|host| self.may_be_below(host));
        hosts.retain(|host| rules(knowledge, EvidenceKind::Domain).any(|rule| rule.matches(host)));
        for host in hosts {
            traits.add_in(EvidenceKind::Domain, host, path);
        }
        // Most files hold no part of any text: one quick pass for each instead of a comparison for each run.
        if self.parts.iter().any(|part| part.find(bytes).is_some()) {
            let known = |text: &&str| rules(knowledge, EvidenceKind::Text).any(|rule| rule.matches(text));
            let texts: BTreeSet<&str> = runs(bytes).filter(known).collect();
            for text in texts {
                traits.add_in(EvidenceKind::Text, text, path);
            }
        }
    }

    /// Whether a host in lower case is a domain or below it.
    fn may_be_below(&self, host: &str) -> bool {
        let starts = host.match_indices('.').map(|(at, _)| at.saturating_add(1));
        std::iter::once(0).chain(starts).any(|at| host.get(at..).is_some_and(|rest| self.domains.contains(rest)))
    }
}

fn rules(knowledge: &Knowledge, kind: EvidenceKind) -> impl Iterator<Item = &EvidenceRule> {
    knowledge.suppliers.iter().flat_map(|supplier| &supplier.evidence).filter(move |rule| rule.kind == kind)
}

fn runs(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let printable = bytes.split(|byte| !(0x20..0x7f).contains(byte)).filter(|run| run.len() >= RUN_BYTES_MIN);
    printable.filter_map(|run| std::str::from_utf8(run).ok())
}
