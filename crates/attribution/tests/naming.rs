//! Nobody is called by name for a name that anybody may choose, in any of the embedded knowledge files.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use attribution::{Traits, attribute};
use findings::Standing;
use knowledge::{EvidenceKind, EvidenceRule, Knowledge, Supplier, SupplierKind};

/// Kinds of evidence that are not chosen: a key, the bytes of a file.
fn is_bytes(rule: &EvidenceRule) -> bool {
    matches!(rule.kind, EvidenceKind::Certificate | EvidenceKind::Digest | EvidenceKind::Content)
}

/// Whether apps contain the supplier's code under names that they call it by.
fn is_library(supplier: &Supplier) -> bool {
    matches!(
        supplier.kind,
        SupplierKind::Advertising | SupplierKind::Analytics | SupplierKind::Push | SupplierKind::Library
    )
}

/// A value that a pattern matches.
fn value(rule: &EvidenceRule) -> String {
    rule.pattern.replace('*', "x")
}

fn standing(traits: &Traits, supplier: &Supplier, knowledge: &Knowledge) -> Standing {
    let said = attribute(traits, knowledge);
    said.iter().find(|known| known.id == supplier.id).map(|known| known.standing).unwrap_or_default()
}

#[test]
fn one_name_alone_names_nobody() {
    let knowledge = Knowledge::embedded().unwrap();
    let mut tried = 0;
    for supplier in &knowledge.suppliers {
        for rule in supplier.evidence.iter().filter(|rule| !is_bytes(rule)) {
            if is_library(supplier) && rule.kind == EvidenceKind::Namespace {
                continue;
            }
            let mut traits = Traits::default();
            traits.add(rule.kind, value(rule));
            let standing = standing(&traits, supplier, &knowledge);
            assert!(standing < Standing::Named, "{} by {} {}", supplier.id, rule.kind.name(), rule.pattern);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn names_of_files_and_properties_together_name_nobody() {
    let knowledge = Knowledge::embedded().unwrap();
    for supplier in &knowledge.suppliers {
        let mut traits = Traits::default();
        for rule in &supplier.evidence {
            if matches!(rule.kind, EvidenceKind::File | EvidenceKind::Property) {
                traits.add(rule.kind, value(rule));
            }
        }
        assert!(standing(&traits, supplier, &knowledge) < Standing::Named, "{}", supplier.id);
    }
}
