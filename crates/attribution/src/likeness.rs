//! Likeness of code: how many of the method bodies that a supplier is known by an app has, whatever they are called there
//! and whoever signed it.
//!
//! A sample is the smallest of all shapes of a package (a bottom-k sketch, Broder 1997): since shapes are spread evenly,
//! the part of the sample that an app has estimates the part of the package's bodies that it has.

use std::collections::BTreeSet;

use code::Program;
use findings::Evidence;
use knowledge::{Knowledge, Supplier};

/// Fewer bodies in common than this say nothing: small libraries are shared without their names.
const SHARED_BODIES_MIN: usize = 6;
/// A smaller part of the sample than this says nothing, for the same reason.
const SHARED_PERCENT_MIN: usize = 10;
/// From this part on the sample proves all it can: versions of one program drift apart, two programs do not meet halfway.
const SHARED_PERCENT_FULL: usize = 50;
/// Shapes in a sample: the error of the estimate is at most one in twenty with two chances in three.
const SKETCH_SHAPES_MAX: usize = 128;

/// Shapes that some supplier is known by.
#[derive(Debug, Clone, Default)]
pub struct CodeShapes {
    wanted: BTreeSet<u64>,
}

impl CodeShapes {
    /// Those of the knowledge files.
    #[must_use]
    pub fn new(knowledge: &Knowledge) -> Self {
        let samples = knowledge.suppliers.iter().flat_map(|supplier| &supplier.code);
        Self { wanted: samples.flat_map(|sample| sample.shapes.iter().copied()).collect() }
    }

    /// Those of them that a program has.
    #[must_use]
    pub fn found_in(&self, program: &Program) -> BTreeSet<u64> {
        if self.wanted.is_empty() {
            return BTreeSet::new();
        }
        let methods = program.classes().iter().flat_map(|class| &class.methods);
        methods.filter_map(|method| program.shape(method)).filter(|shape| self.wanted.contains(shape)).collect()
    }
}

/// The smallest of `shapes`, sorted: what stands for them in a knowledge file.
#[must_use]
pub fn sketch(shapes: &BTreeSet<u64>) -> Vec<u64> {
    shapes.iter().copied().take(SKETCH_SHAPES_MAX).collect()
}

/// What the shapes of an app say about a supplier: of its samples the one that is found most.
pub(crate) fn evidence(found: &BTreeSet<u64>, supplier: &Supplier) -> Option<Evidence> {
    let pieces = supplier.code.iter().filter_map(|sample| {
        let shared = sample.shapes.iter().filter(|shape| found.contains(shape)).count();
        let percent = shared.saturating_mul(100).checked_div(sample.shapes.len())?;
        if shared < SHARED_BODIES_MIN || percent < SHARED_PERCENT_MIN {
            return None;
        }
        let part = percent.min(SHARED_PERCENT_FULL);
        let weight = usize::from(sample.weight_percent).saturating_mul(part) / SHARED_PERCENT_FULL;
        let digest = sample.sample.get(..16).unwrap_or(&sample.sample);
        Some(Evidence {
            kind: "code".to_owned(),
            value: format!(
                "{shared} of {} sampled method bodies of {} (SHA-256 {digest}...)",
                sample.shapes.len(),
                sample.about
            ),
            // At most the weight of the sample, which is a percentage.
            weight_percent: u8::try_from(weight).unwrap_or(100),
            reference: sample.reference.clone(),
        })
    });
    pieces.max_by(|a, b| a.weight_percent.cmp(&b.weight_percent).then_with(|| b.value.cmp(&a.value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use knowledge::{CodeSample, SupplierKind};

    fn supplier() -> Supplier {
        Supplier {
            id: "x".into(),
            name: "X".into(),
            aliases: Vec::new(),
            country: None,
            kind: SupplierKind::Other,
            summary: String::new(),
            references: Vec::new(),
            evidence: Vec::new(),
            code: vec![CodeSample {
                sample: "ab".repeat(32),
                about: "org.example.x 1.0".into(),
                bodies: 1000,
                shapes: (0..100).collect(),
                weight_percent: 90,
                reference: "r".into(),
            }],
            claims: Vec::new(),
        }
    }

    #[test]
    fn half_of_the_bodies_prove_all_and_a_few_nothing() {
        let weight = |shared: u64| evidence(&(0..shared).collect(), &supplier()).map(|piece| piece.weight_percent);
        assert_eq!(weight(100), Some(90));
        assert_eq!(weight(50), Some(90));
        assert_eq!(weight(25), Some(45));
        assert_eq!(weight(9), None, "below a tenth of the sample");
        assert_eq!(weight(0), None);
    }

    #[test]
    fn a_sketch_is_the_smallest_shapes() {
        let all: BTreeSet<u64> = (0..1000).rev().collect();
        assert_eq!(sketch(&all), (0..128).collect::<Vec<u64>>());
    }
}
