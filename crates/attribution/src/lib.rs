//! Who wrote this? Traits of an app or image, held against the suppliers of the knowledge files.
//!
//! A supplier is named with every piece of evidence and its weight; pieces of different kinds count as independent, of
//! one kind only the strongest counts. Who is called by name, and who is not, is decided in one place: [`standing`].

mod baseline;
mod hosts;
mod likeness;
mod native;
mod parties;

use std::collections::{BTreeMap, BTreeSet};

use findings::{Evidence, Standing, Supplier};
use knowledge::{EvidenceKind, Knowledge};

pub use baseline::{PreloadScore, PreloadedApp, baseline, preload_score, same_as, weight_tenths};
pub use hosts::hosts_in;
pub use likeness::{CodeShapes, sketch};
pub use native::NativeTraits;
pub use parties::{Signer, parties};

/// From this confidence on a supplier is called by its name.
const NAMED_PERCENT_MIN: u8 = 80;
/// From this confidence on the evidence is said to point to it.
const INDICATED_PERCENT_MIN: u8 = 50;

/// Traits of an app or image.
#[derive(Debug, Clone, Default)]
pub struct Traits {
    values: BTreeMap<EvidenceKind, Vec<Trait>>,
    /// Shapes of method bodies that some supplier is known by.
    shapes: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
struct Trait {
    value: String,
    /// Where it was found, if the app or image as a whole does not say it.
    place: Option<String>,
}

impl Traits {
    /// Adds a trait: a certificate's SHA-256 in hex, a package name, a component's class, a host name, an authority, a
    /// `name=value` of the build, a device path.
    pub fn add(&mut self, kind: EvidenceKind, value: impl Into<String>) {
        self.values.entry(kind).or_default().push(Trait { value: value.into(), place: None });
    }

    /// Adds a trait found in one file.
    pub fn add_in(&mut self, kind: EvidenceKind, value: impl Into<String>, place: impl Into<String>) {
        self.values.entry(kind).or_default().push(Trait { value: value.into(), place: Some(place.into()) });
    }

    /// The traits found in files, as kind, value, place.
    #[must_use]
    pub fn into_places(self) -> Vec<(EvidenceKind, String, String)> {
        let all = self.values.into_iter().flat_map(|(kind, traits)| traits.into_iter().map(move |found| (kind, found)));
        all.filter_map(|(kind, found)| Some((kind, found.value, found.place?))).collect()
    }

    /// Adds shapes of method bodies.
    pub fn add_shapes(&mut self, shapes: &BTreeSet<u64>) {
        self.shapes.extend(shapes);
    }

    fn of(&self, kind: EvidenceKind) -> impl Iterator<Item = &Trait> {
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
        for found in traits.of(rule.kind).filter(|found| rule.matches(&found.value)) {
            evidence.push(Evidence {
                kind: rule.kind.name().to_owned(),
                value: match &found.place {
                    None => found.value.clone(),
                    Some(place) => format!("{} in {place}", found.value),
                },
                weight_percent: rule.weight_percent,
                reference: rule.reference.clone(),
            });
        }
    }
    evidence.extend(likeness::evidence(&traits.shapes, supplier));
    evidence.sort();
    evidence.dedup();
    let confidence_percent = combined_percent(&evidence);
    (confidence_percent > 0).then(|| Supplier {
        id: supplier.id.clone(),
        name: supplier.name.clone(),
        kind: supplier.kind.name().to_owned(),
        standing: standing(confidence_percent),
        confidence_percent,
        evidence,
    })
}

/// What a confidence allows to be said.
#[must_use]
pub const fn standing(confidence_percent: u8) -> Standing {
    match confidence_percent {
        NAMED_PERCENT_MIN.. => Standing::Named,
        INDICATED_PERCENT_MIN.. => Standing::Indicated,
        _ => Standing::Trace,
    }
}

/// Suppliers said of an image: those that its own traits speak for and those that its apps speak for, surest first. The
/// evidence of one app and of another is not added up: the surest app decides.
#[must_use]
pub fn merge(suppliers: impl Iterator<Item = Supplier>) -> Vec<Supplier> {
    let mut best: BTreeMap<String, Supplier> = BTreeMap::new();
    for supplier in suppliers {
        match best.get_mut(&supplier.id) {
            Some(known) => {
                known.confidence_percent = known.confidence_percent.max(supplier.confidence_percent);
                known.standing = known.standing.max(supplier.standing);
                known.evidence.extend(supplier.evidence);
                known.evidence.sort();
                known.evidence.dedup();
            }
            None => {
                best.insert(supplier.id.clone(), supplier);
            }
        }
    }
    let mut merged: Vec<Supplier> = best.into_values().collect();
    merged.sort_by(|a, b| b.confidence_percent.cmp(&a.confidence_percent).then_with(|| a.id.cmp(&b.id)));
    merged
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
