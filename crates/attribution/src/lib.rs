//! Who wrote this? Traits of an app or image, held against the suppliers of the knowledge files.
//!
//! A supplier is named with every piece of evidence and its weight; pieces of different kinds count as independent, of
//! one kind only the strongest counts. A file name proves nothing and is no trait here.

mod hosts;

use std::collections::BTreeMap;

use findings::{Evidence, Supplier};
use knowledge::{EvidenceKind, Knowledge};

pub use hosts::hosts_in;

/// Traits of an app or image.
#[derive(Debug, Clone, Default)]
pub struct Traits {
    values: BTreeMap<EvidenceKind, Vec<String>>,
}

impl Traits {
    /// Adds a trait: a certificate's SHA-256 in hex, a package name, a component's class, a host name, an authority, a
    /// `name=value` of the build, a device path.
    pub fn add(&mut self, kind: EvidenceKind, value: impl Into<String>) {
        self.values.entry(kind).or_default().push(value.into());
    }

    fn of(&self, kind: EvidenceKind) -> impl Iterator<Item = &String> {
        self.values.get(&kind).into_iter().flatten()
    }
}

/// The suppliers that `traits` speak for, surest first.
#[must_use]
pub fn attribute(traits: &Traits, knowledge: &Knowledge) -> Vec<Supplier> {
    let mut named: Vec<Supplier> = knowledge.suppliers.iter().filter_map(|supplier| hold(traits, supplier)).collect();
    named.sort_by(|a, b| b.confidence_percent.cmp(&a.confidence_percent).then_with(|| a.id.cmp(&b.id)));
    named
}

fn hold(traits: &Traits, supplier: &knowledge::Supplier) -> Option<Supplier> {
    let mut evidence: Vec<Evidence> = Vec::new();
    for rule in &supplier.evidence {
        for value in traits.of(rule.kind).filter(|value| rule.matches(value)) {
            evidence.push(Evidence {
                kind: rule.kind.name().to_owned(),
                value: value.clone(),
                weight_percent: rule.weight_percent,
                reference: rule.reference.clone(),
            });
        }
    }
    evidence.sort();
    evidence.dedup();
    let confidence_percent = combined_percent(&evidence);
    (confidence_percent > 0).then(|| Supplier {
        id: supplier.id.clone(),
        name: supplier.name.clone(),
        confidence_percent,
        evidence,
    })
}

/// One minus the product of the doubts that each kind of evidence leaves, rounded down: never 100.
fn combined_percent(evidence: &[Evidence]) -> u8 {
    let mut strongest: BTreeMap<&str, u8> = BTreeMap::new();
    for piece in evidence {
        let weight = strongest.entry(&piece.kind).or_default();
        *weight = (*weight).max(piece.weight_percent.min(100));
    }
    // In parts per million, so that whole numbers suffice: each factor is at most 100 of 100.
    let doubt = strongest.values().fold(1_000_000_u64, |doubt, &weight| doubt * u64::from(100 - weight) / 100);
    let percent = (1_000_000 - doubt) / 10_000;
    u8::try_from(percent.min(99)).unwrap_or(99)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(kind: &str, weight_percent: u8) -> Evidence {
        Evidence { kind: kind.into(), value: "x".into(), weight_percent, reference: "r".into() }
    }

    #[test]
    fn kinds_combine_and_repetition_does_not() {
        assert_eq!(combined_percent(&[]), 0);
        assert_eq!(combined_percent(&[evidence("domain", 50)]), 50);
        assert_eq!(combined_percent(&[evidence("domain", 50), evidence("domain", 50)]), 50);
        assert_eq!(combined_percent(&[evidence("domain", 50), evidence("package", 50)]), 75);
        assert_eq!(combined_percent(&[evidence("certificate", 100)]), 99);
    }
}
