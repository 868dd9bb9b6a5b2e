//! What many reports say together of one supplier, over reports made by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail")]

use findings::{
    AppRecord, Axis, Coverage, Evidence, Exposure, Grade, Identity, Outcome, Party, Report, SCHEMA_VERSION, Standing,
    Statistics, Supplier, Tool,
};
use knowledge::Knowledge;
use store::ExposureCount;

const KNOWN: &str = r#"
reference = "RFC 2606"
[[supplier]]
id = "acme"
name = "Acme Updates"
summary = "An invention."
references = ["RFC 2606"]
[[supplier.evidence]]
kind = "package"
pattern = "org.acme.*"
weight_percent = 80
reference = "RFC 2606"
[[supplier.claim]]
value = 700
unit = "users"
basis = "claimed"
by = "its own site"
reference = "RFC 2606"
[[supplier.claim]]
value = 5
unit = "devices"
basis = "estimated"
by = "somebody who counted"
reference = "RFC 2606"
[[supplier]]
id = "other"
name = "Other"
summary = "An invention."
references = ["RFC 2606"]
[[supplier.evidence]]
kind = "package"
pattern = "org.other.*"
weight_percent = 80
reference = "RFC 2606"
[[organisation]]
id = "house"
name = "Design House"
kinds = ["design_house"]
named = [{ supplier = "acme", by = "A List", reference = "RFC 2606" }]
[[organisation]]
id = "absent"
name = "Absent Maker"
kinds = ["maker"]
named = [{ supplier = "acme", by = "A List", reference = "RFC 2606" }]
"#;

fn known() -> Knowledge {
    Knowledge::from_files(&[("k.toml", KNOWN)]).unwrap()
}

fn supplier(id: &str, standing: Standing) -> Supplier {
    let evidence = Evidence {
        kind: "package".to_owned(),
        value: format!("org.{id}.client"),
        weight_percent: 80,
        reference: "RFC 2606".to_owned(),
    };
    Supplier {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: "update_service".to_owned(),
        standing,
        confidence_percent: match standing {
            Standing::Named => 90,
            Standing::Indicated => 60,
            Standing::Trace => 30,
        },
        evidence: vec![evidence],
    }
}

fn party(role: &str, organisation: Option<&str>, name: &str) -> Party {
    Party {
        role: role.to_owned(),
        organisation: organisation.map(str::to_owned),
        name: name.to_owned(),
        confidence_percent: 80,
        evidence: Vec::new(),
    }
}

fn app(package: &str, suppliers: Vec<Supplier>, takes: u8, doubtful: u8) -> AppRecord {
    AppRecord {
        package: package.to_owned(),
        label: None,
        version_name: None,
        version_code: None,
        path: format!("/system/app/{package}.apk"),
        container: String::new(),
        sha256: "ab".repeat(32),
        shared_user_id: None,
        signers: Vec::new(),
        permissions_held: Vec::new(),
        exposed_components: Vec::new(),
        code: "read".to_owned(),
        instructions: 1,
        added: None,
        markers: Vec::new(),
        present: Vec::new(),
        grades: vec![Grade { axis: Axis::Takes, rank: takes, grade: format!("rank {takes}"), doubtful_rank: doubtful }],
        suppliers,
        carried: Vec::new(),
        native_methods: Default::default(),
        hidden_strings: Vec::new(),
    }
}

/// An image of `maker`, designed by the house, with one app of the supplier and one of somebody else that takes more.
fn image(maker: &str, standing: Standing, takes: u8, doubtful: u8) -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: String::new(), version: String::new(), knowledge: String::new() },
        inputs: Vec::new(),
        identity: Identity { model: Some(format!("{maker} One")), ..Identity::default() },
        grades: Vec::new(),
        findings: Vec::new(),
        suppliers: vec![supplier("acme", standing), supplier("other", Standing::Named)],
        parties: vec![
            party("brand", None, "Brand"),
            party("maker", None, maker),
            party("design_house", Some("house"), "Design House"),
            party("platform_signer", Some("house"), "Design House"),
        ],
        update_clients: Vec::new(),
        update_keys: Vec::new(),
        public_keys: Vec::new(),
        baseline: None,
        rule_matches: None,
        apps: vec![
            app("org.acme.client", vec![supplier("acme", standing)], takes, doubtful),
            app("org.other.client", vec![supplier("other", Standing::Named)], 4, 0),
        ],
        coverage: Vec::new(),
        statistics: Statistics::default(),
    }
}

fn count(reports: &[Report]) -> Exposure {
    let knowledge = known();
    let mut count = ExposureCount::new("acme", &knowledge).unwrap();
    reports.iter().for_each(|report| count.add(report));
    count.finish()
}

#[test]
fn a_row_is_a_maker_and_its_grade_is_that_of_the_suppliers_apps_alone() {
    let exposure = count(&[
        image("First", Standing::Named, 1, 0),
        image("First", Standing::Named, 3, 0),
        image("Second", Standing::Named, 0, 0),
    ]);
    let rows: Vec<(&str, u64, u8)> =
        exposure.observed.iter().map(|row| (row.maker.as_str(), row.images, row.grades[0].rank)).collect();
    assert_eq!(rows, [("First", 2, 3), ("Second", 1, 0)], "what another supplier's app takes is not this one's");
    let first = &exposure.observed[0];
    assert_eq!((first.brand.as_str(), first.design_house.as_str()), ("Brand", "Design House"));
    assert_eq!(
        (first.models.as_slice(), first.apps.as_slice()),
        (["First One".into()].as_slice(), ["org.acme.client".into()].as_slice())
    );
    assert_eq!(first.evidence, ["package org.acme.client"]);
    assert_eq!(first.worst_models, ["First One"]);
}

#[test]
fn what_the_evidence_does_not_allow_to_name_is_counted_and_not_told() {
    let exposure = count(&[
        image("First", Standing::Named, 1, 0),
        image("Second", Standing::Indicated, 4, 0),
        image("Third", Standing::Trace, 4, 0),
    ]);
    assert_eq!(
        (exposure.images, exposure.images_named, exposure.images_indicated, exposure.images_trace),
        (3, 1, 1, 1)
    );
    let rows: Vec<(&str, Standing)> = exposure.observed.iter().map(|row| (row.maker.as_str(), row.standing)).collect();
    assert_eq!(rows, [("First", Standing::Named), ("Second", Standing::Indicated)]);
    assert!(
        exposure.observed[1].apps.is_empty() && exposure.observed[1].grades.is_empty(),
        "no app is called the supplier's"
    );
}

#[test]
fn a_guess_stands_beside_the_grade() {
    let of = |reports: &[Report]| {
        let grade = count(reports).observed[0].grades[0].clone();
        (grade.rank, grade.doubtful_rank)
    };
    assert_eq!(of(&[image("First", Standing::Named, 1, 4)]), (1, 4));
    assert_eq!(of(&[image("First", Standing::Named, 1, 2), image("First", Standing::Named, 3, 0)]), (3, 0));
    assert_eq!(of(&[image("First", Standing::Named, 3, 0), image("First", Standing::Named, 1, 4)]), (3, 4));
}

#[test]
fn observed_claimed_and_estimated_stand_apart() {
    let exposure = count(&[image("First", Standing::Named, 1, 0), image("Second", Standing::Trace, 0, 0)]);
    let connections: Vec<(&str, u64)> =
        exposure.connections.iter().map(|it| (it.organisation.as_str(), it.images_observed)).collect();
    assert_eq!(connections, [("Absent Maker", 0), ("Design House", 1)], "an organisation counts once for an image");
    let stated: Vec<(&str, u64)> = exposure.stated.iter().map(|it| (it.basis.as_str(), it.value)).collect();
    assert_eq!(stated, [("estimated", 5), ("claimed", 700)]);
    assert_eq!(exposure.images, 2, "what others state is never added to what is counted");
}

#[test]
fn holes_are_counted_and_the_order_of_reports_does_not_matter() {
    let mut holed = image("Second", Standing::Named, 2, 0);
    let outcome = Outcome::Unread("encrypted".to_owned());
    holed.coverage.push(Coverage {
        container: String::new(),
        path: "/system/app/x.apk".to_owned(),
        kind: "code".to_owned(),
        outcome,
    });
    let mut reports = vec![image("First", Standing::Named, 1, 3), holed, image("First", Standing::Indicated, 4, 0)];
    let exposure = count(&reports);
    assert_eq!(exposure.images_incomplete, 1);
    reports.reverse();
    assert_eq!(count(&reports), exposure);
}

#[test]
fn nobody_counts_for_a_supplier_that_no_file_has() {
    assert!(ExposureCount::new("unheard", &known()).is_none());
    let mut without = image("First", Standing::Named, 1, 0);
    without.suppliers.clear();
    let exposure = count(&[without]);
    assert_eq!((exposure.images, exposure.images_named, exposure.observed.len()), (1, 0, 0));
}

#[test]
fn a_grade_is_told_of_the_models_that_have_it() {
    let mut better = image("First", Standing::Named, 1, 0);
    better.identity.model = Some("First Two".to_owned());
    let exposure = count(&[better, image("First", Standing::Named, 4, 0)]);
    let row = &exposure.observed[0];
    assert_eq!((row.models.len(), row.grades[0].rank), (2, 4));
    assert_eq!(row.worst_models, ["First One"], "the other takes less");
}
