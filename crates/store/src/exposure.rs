//! Which makers ship a supplier's code, by what evidence, and how bad it is on their devices.
//!
//! Three things stand apart: what images show (*observed*), what somebody with an interest says (*claimed*), and what
//! somebody derived from something else (*estimated*). Only the first is counted here.

use std::collections::{BTreeMap, BTreeSet};

use findings::{
    AppRecord, Axis, Connection, Exposure, ExposureRow, Grade, Party, Report, Standing, StatedNumber, Supplier,
};
use knowledge::Knowledge;

/// Models and apps listed in one row.
const LISTED_MAX: usize = 50;

/// Adds up reports about one supplier.
#[derive(Debug)]
pub struct ExposureCount<'k> {
    supplier: &'k knowledge::Supplier,
    knowledge: &'k Knowledge,
    result: Exposure,
    rows: BTreeMap<(String, String, String), Row>,
    /// Images in which an organisation is a party and the supplier is at least indicated.
    with_organisation: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Row {
    images: u64,
    models: BTreeSet<String>,
    standing: Standing,
    confidence_percent: u8,
    grades: BTreeMap<Axis, Grade>,
    /// Models by axis and rank above nothing.
    models_by_rank: BTreeMap<(Axis, u8), BTreeSet<String>>,
    apps: BTreeSet<String>,
    evidence: BTreeMap<String, String>,
}

impl<'k> ExposureCount<'k> {
    /// Nothing yet, about the supplier with this id; `None` if no knowledge file has it.
    #[must_use]
    pub fn new(supplier: &str, knowledge: &'k Knowledge) -> Option<Self> {
        let supplier = knowledge.suppliers.iter().find(|known| known.id == supplier)?;
        let result = Exposure { supplier: supplier.id.clone(), name: supplier.name.clone(), ..Exposure::default() };
        Some(Self { supplier, knowledge, result, rows: BTreeMap::new(), with_organisation: BTreeMap::new() })
    }

    /// Adds one report.
    pub fn add(&mut self, report: &Report) {
        let result = &mut self.result;
        result.images = result.images.saturating_add(1);
        let incomplete = report.coverage.iter().any(|line| line.outcome.is_hole());
        result.images_incomplete = result.images_incomplete.saturating_add(u64::from(incomplete));
        let Some(found) = report.suppliers.iter().find(|supplier| supplier.id == self.supplier.id) else { return };
        let counter = match found.standing {
            Standing::Named => &mut result.images_named,
            Standing::Indicated => &mut result.images_indicated,
            Standing::Trace => &mut result.images_trace,
        };
        *counter = counter.saturating_add(1);
        if found.standing == Standing::Trace {
            return;
        }
        let parties: BTreeSet<&String> =
            report.parties.iter().filter_map(|party| party.organisation.as_ref()).collect();
        for organisation in parties {
            let count = self.with_organisation.entry(organisation.clone()).or_default();
            *count = count.saturating_add(1);
        }
        let names = ["maker", "brand", "design_house"].map(|role| surest(&report.parties, role));
        self.rows.entry(names.into()).or_default().add(report, found);
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Exposure {
        let mut result = self.result;
        for ((maker, brand, design_house), row) in self.rows {
            result.observed.push(row.told(maker, brand, design_house));
        }
        // Worst first: by standing, then by the worst grade on any axis.
        let worst = |row: &ExposureRow| row.grades.iter().map(|grade| grade.rank).max();
        result.observed.sort_by(|a, b| {
            (b.standing, worst(b), b.images).cmp(&(a.standing, worst(a), a.images)).then_with(|| a.cmp(b))
        });
        for organisation in &self.knowledge.organisations {
            for named in organisation.named.iter().filter(|named| named.supplier == self.supplier.id) {
                result.connections.push(Connection {
                    organisation: organisation.name.clone(),
                    kinds: organisation.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
                    by: named.by.clone(),
                    reference: named.reference.clone(),
                    images_observed: self.with_organisation.get(&organisation.id).copied().unwrap_or(0),
                });
            }
        }
        result.connections.sort();
        result.stated = self.supplier.claims.iter().map(stated).collect();
        result.stated.sort();
        result
    }
}

impl Row {
    fn add(&mut self, report: &Report, found: &Supplier) {
        self.images = self.images.saturating_add(1);
        self.models.extend(report.identity.model.clone());
        self.standing = self.standing.max(found.standing);
        self.confidence_percent = self.confidence_percent.max(found.confidence_percent);
        for piece in &found.evidence {
            self.evidence.entry(piece.kind.clone()).or_insert_with(|| piece.value.clone());
        }
        for app in report.apps.iter().filter(|app| is_by(app, &found.id)) {
            self.apps.insert(app.package.clone());
            for grade in &app.grades {
                if grade.rank > 0 {
                    let models = self.models_by_rank.entry((grade.axis, grade.rank)).or_default();
                    models.extend(report.identity.model.clone());
                }
                let worst = self.grades.entry(grade.axis).or_insert_with(|| grade.clone());
                let doubtful = worst.doubtful_rank.max(grade.doubtful_rank);
                if grade.rank > worst.rank {
                    *worst = grade.clone();
                }
                worst.doubtful_rank = if doubtful > worst.rank { doubtful } else { 0 };
            }
        }
    }

    fn told(self, maker: String, brand: String, design_house: String) -> ExposureRow {
        let worst = self.grades.values().filter_map(|grade| self.models_by_rank.get(&(grade.axis, grade.rank)));
        let worst_models: BTreeSet<String> = worst.flatten().cloned().collect();
        ExposureRow {
            worst_models: worst_models.into_iter().take(LISTED_MAX).collect(),
            maker,
            brand,
            design_house,
            images: self.images,
            models: self.models.into_iter().take(LISTED_MAX).collect(),
            standing: self.standing,
            confidence_percent: self.confidence_percent,
            grades: self.grades.into_values().collect(),
            apps: self.apps.into_iter().take(LISTED_MAX).collect(),
            evidence: self.evidence.into_iter().map(|(kind, value)| format!("{kind} {value}")).collect(),
        }
    }
}

/// Whether an app is called the supplier's.
fn is_by(app: &AppRecord, supplier: &str) -> bool {
    app.suppliers.iter().any(|known| known.id == supplier && known.standing == Standing::Named)
}

/// The surest party of a role; they come sorted so.
fn surest(parties: &[Party], role: &str) -> String {
    parties.iter().find(|party| party.role == role).map(|party| party.name.clone()).unwrap_or_default()
}

fn stated(claim: &knowledge::NumberClaim) -> StatedNumber {
    StatedNumber {
        value: claim.value,
        unit: claim.unit.clone(),
        basis: claim.basis.clone(),
        by: claim.by.clone(),
        reference: claim.reference.clone(),
    }
}
