//! The STIX bundle, read as strictly as the specification allows, and taken back by the importer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail")]

mod sample;

use std::collections::{BTreeMap, BTreeSet};

use findings::{Evidence, Report, Standing};
use knowledge::{EvidenceKind, Knowledge};
use reports::{Options, stix};
use serde_json::Value;

fn bundle(report: &Report) -> (String, Value) {
    let mut out = Vec::new();
    (stix::FORMAT.write)(report, &Options::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

fn evidence(kind: &str, value: &str) -> Evidence {
    Evidence { kind: kind.into(), value: value.into(), weight_percent: 70, reference: "RFC 2606".into() }
}

/// A report whose named supplier is known by every kind of evidence, hostile names among them.
fn report() -> Report {
    let mut report = sample::report();
    let supplier = &mut report.suppliers[0];
    supplier.evidence = vec![
        evidence("certificate", &"2e".repeat(32)),
        evidence("code", "128 of 128 sampled method bodies"),
        evidence("content", &format!("{}/21912 in /system/bin/helper", "ab".repeat(32))),
        evidence("domain", "data.example.org in /system/bin/helper"),
        evidence("domain", "upload.example.org"),
        evidence("file", "/system/app/Bob's \\ App/X.apk"),
        evidence("package", "org.example.helper"),
        evidence("property", "ro.update.oem=example"),
    ];
    report
}

/// `2016-06-23T00:00:00.000Z`
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

/// `tool--` and a name-based identifier: version 5, variant of RFC 9562.
fn is_identifier(text: &str, kind: &str) -> bool {
    let Some(uuid) = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix("--")) else { return false };
    let parts: Vec<&str> = uuid.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = uuid.chars().all(|c| c == '-' || c.is_ascii_digit() || matches!(c, 'a'..='f'));
    lengths == [8, 4, 4, 4, 12] && is_hex && parts[2].starts_with('5') && parts[3].starts_with(['8', '9', 'a', 'b'])
}

/// What the specification requires of each object, and what it allows beside it.
const REQUIRED: [(&str, &[&str], &[&str]); 4] = [
    ("tool", &["name"], &["description"]),
    ("malware", &["is_family"], &["name", "description"]),
    (
        "indicator",
        &["pattern", "pattern_type", "valid_from"],
        &["name", "description", "indicator_types", "confidence"],
    ),
    ("relationship", &["relationship_type", "source_ref", "target_ref"], &[]),
];
const COMMON: [&str; 5] = ["type", "spec_version", "id", "created", "modified"];

fn check(bundle: &Value) {
    let top: BTreeSet<&str> = bundle.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(top, BTreeSet::from(["id", "objects", "type"]), "a bundle of 2.1 has no version");
    assert!(bundle["type"] == "bundle" && is_identifier(bundle["id"].as_str().unwrap(), "bundle"));
    let objects = bundle["objects"].as_array().unwrap();
    let ids: BTreeSet<&str> = objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), objects.len(), "every id is there once");
    for object in objects {
        let kind = object["type"].as_str().unwrap();
        let (_, required, optional) = REQUIRED.iter().find(|(name, ..)| *name == kind).unwrap();
        let fields: BTreeSet<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        for field in COMMON.iter().chain(*required) {
            assert!(fields.contains(field), "{field} of {object}");
        }
        let known: BTreeSet<&str> = COMMON.iter().chain(*required).chain(*optional).copied().collect();
        assert!(fields.is_subset(&known), "{object}");
        assert!(object["spec_version"] == "2.1" && is_identifier(object["id"].as_str().unwrap(), kind), "{object}");
        for field in fields.iter().filter(|field| matches!(**field, "created" | "modified" | "valid_from")) {
            assert!(is_time(object[*field].as_str().unwrap()), "{object}");
        }
        for field in fields.iter().filter(|field| field.ends_with("_ref")) {
            assert!(ids.contains(object[*field].as_str().unwrap()), "{object}");
        }
        if kind == "indicator" {
            let pattern = object["pattern"].as_str().unwrap();
            assert!(pattern.starts_with('[') && pattern.ends_with("']"), "{pattern}");
            assert!(object["pattern_type"] == "stix" && object["confidence"].as_u64().unwrap() <= 100);
            assert_eq!(object["indicator_types"][0], "attribution", "of the open vocabulary");
        }
    }
}

#[test]
fn the_bundle_says_what_the_specification_requires_and_nothing_else() {
    let (_, value) = bundle(&report());
    check(&value);
    let mut malware = report();
    malware.suppliers[0].kind = "malware".to_owned();
    let (_, value) = bundle(&malware);
    check(&value);
    let mut empty = report();
    empty.suppliers.clear();
    empty.identity.built_utc_seconds = None;
    check(&bundle(&empty).1);
}

#[test]
fn what_is_exported_is_imported_again() {
    let report = report();
    let (text, value) = bundle(&report);
    let imported = knowledge::import("report.stix", &text, "a report").unwrap();
    let indicators = value["objects"].as_array().unwrap().iter().filter(|object| object["type"] == "indicator").count();
    // Every piece but the property and the code; the apps called the supplier's share the digest of the native file here.
    assert_eq!((indicators, imported.taken, imported.left_out), (6, 6, BTreeMap::new()));
    let known = Knowledge::with_files(&[("imported.toml".to_owned(), imported.toml)]).unwrap();
    let supplier = known.suppliers.iter().find(|supplier| supplier.id == "imported_example_supplier").unwrap();
    assert_eq!(supplier.name, "Example Supplier");
    let has = |kind, value: &str| supplier.evidence.iter().any(|rule| rule.kind == kind && rule.matches(value));
    assert!(has(EvidenceKind::Certificate, &"2e".repeat(32)));
    assert!(has(EvidenceKind::Domain, "data.example.org") && has(EvidenceKind::Domain, "upload.example.org"));
    assert!(has(EvidenceKind::Package, "org.example.helper"));
    assert!(has(EvidenceKind::Digest, &"ab".repeat(32)), "the app of the report and the native file");
    assert!(has(EvidenceKind::File, "/system/app/Bob's \\ App/X.apk"));
}

#[test]
fn only_who_may_be_named_is_exported() {
    let mut report = report();
    for supplier in report.suppliers.iter_mut().chain(report.apps.iter_mut().flat_map(|app| &mut app.suppliers)) {
        supplier.standing = supplier.standing.min(Standing::Indicated);
    }
    let (text, value) = bundle(&report);
    assert!(value["objects"].as_array().unwrap().is_empty(), "{text}");
}

#[test]
fn equal_reports_give_equal_bundles() {
    assert_eq!(bundle(&report()).0, bundle(&report()).0);
}
