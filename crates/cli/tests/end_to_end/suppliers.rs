//! Suppliers from end to end: who ships whose code, indicators of others, and indicators for others.

use serde_json::Value;

use crate::common::{Scratch, code, list, run, scan, scan_of};

const DEVICE: &str = "examples/firmware/device";

/// Runs the program, which must end with this code, and gives what it wrote.
fn written(arguments: &[&str], expected: i32) -> (String, String) {
    let output = run(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (found, stdout, stderr) = (code(&output), text(output.stdout), text(output.stderr));
    assert_eq!(found, expected, "{arguments:?}: {stderr}");
    (stdout, stderr)
}

/// A folder with the report of the example, and the report's path.
fn with_report() -> (Scratch, String) {
    let scratch = Scratch::new();
    let file = scratch.path().join("example.json");
    let file = file.to_str().unwrap().to_owned();
    run(&["scan", "--json", "--quiet", DEVICE, "--output", &file]);
    (scratch, file)
}

/// The supplier with this id of an app of a report.
fn supplier<'r>(report: &'r Value, package: &str, id: &str) -> Option<&'r Value> {
    let app = list(report, "apps").iter().find(|app| app["package"] == package).unwrap();
    list(app, "suppliers").iter().find(|supplier| supplier["id"] == id)
}

#[test]
fn a_fleet_is_told_by_maker_from_the_reports_of_a_folder() {
    let (scratch, _) = with_report();
    let folder = scratch.path().to_str().unwrap();
    let (json, _) = written(&["fleet", "makers", folder, "--supplier", "example", "--json"], 0);
    let exposure: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&exposure["images"], &exposure["images_named"]), (&1.into(), &1.into()));
    let row = &list(&exposure, "observed")[0];
    assert_eq!((&row["maker"], &row["brand"]), (&"ExampleMaker".into(), &"ExampleBrand".into()));
    let ranks: Vec<(&str, u64)> = list(row, "grades")
        .iter()
        .map(|grade| (grade["axis"].as_str().unwrap(), grade["rank"].as_u64().unwrap()))
        .collect();
    assert_eq!(ranks, [("takes", 4), ("obeys", 3), ("exposes", 3)]);
    let (text, _) = written(&["fleet", "makers", folder, "--supplier", "example"], 0);
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("maker ExampleMaker, brand ExampleBrand"), "{said}");
    assert!(said.contains("Neither says that it has happened, or that a maker knew."), "{said}");
}

#[test]
fn a_report_that_the_folder_links_to_is_one_of_the_fleet() {
    let (scratch, file) = with_report();
    let fleet = Scratch::new();
    std::os::unix::fs::symlink(&file, fleet.path().join("linked.json")).unwrap();
    std::os::unix::fs::symlink(scratch.path(), fleet.path().join("folder")).unwrap();
    let folder = fleet.path().to_str().unwrap();
    let (json, _) = written(&["fleet", "makers", folder, "--supplier", "example", "--json"], 0);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["images"], 2);
    std::os::unix::fs::symlink("nowhere", fleet.path().join("gone.json")).unwrap();
    let (_, said) = written(&["fleet", "makers", folder, "--supplier", "example"], 3);
    assert!(said.contains("gone.json"), "{said}");
}

#[test]
fn a_fleet_with_a_file_that_is_no_report_is_incomplete_and_says_which() {
    let (scratch, _) = with_report();
    std::fs::write(scratch.path().join("broken.json"), "{}").unwrap();
    let folder = scratch.path().to_str().unwrap();
    let (json, said) = written(&["fleet", "makers", folder, "--supplier", "example", "--json"], 3);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["images"], 1);
    assert!(said.contains("broken.json: not a report"), "{said}");
    let (_, said) = written(&["fleet", "makers", folder, "--supplier", "unheard"], 2);
    assert!(said.contains("no supplier \"unheard\""), "{said}");
}

#[test]
fn indicators_of_others_are_imported_and_found() {
    let scratch = Scratch::new();
    let indicators = scratch.path().join("others.stix2");
    let bundle = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "malware", "id": "malware--1", "name": "Fixture Spy", "is_family": true},
        {"type": "indicator", "id": "indicator--1", "pattern": "[domain-name:value = 'collect.fota.example']"},
        {"type": "indicator", "id": "indicator--2", "pattern": "[app:id = 'org.example.fixture.collector']"},
        {"type": "indicator", "id": "indicator--3", "pattern": "[process:name = 'spy']"},
        {"type": "relationship", "id": "r--1", "relationship_type": "indicates", "source_ref": "indicator--1", "target_ref": "malware--1"},
        {"type": "relationship", "id": "r--2", "relationship_type": "indicates", "source_ref": "indicator--2", "target_ref": "malware--1"}
    ]}"#;
    std::fs::write(&indicators, bundle).unwrap();
    let (toml, said) = written(&["knowledge", "import", indicators.to_str().unwrap(), "--reference", "a test"], 0);
    assert!(said.contains("2 indicators taken, left out: 1 of process:name"), "{said}");
    let knowledge = scratch.path().join("knowledge");
    std::fs::create_dir(&knowledge).unwrap();
    std::fs::write(knowledge.join("others.toml"), toml).unwrap();
    let knowledge = knowledge.to_str().unwrap();
    written(&["knowledge", "check", knowledge], 0);
    let (report, _) = scan_of(&[DEVICE, "--knowledge", knowledge]);
    let found = supplier(&report, "org.example.fixture.collector", "imported_fixture_spy").unwrap();
    let kinds: Vec<&str> = list(found, "evidence").iter().map(|piece| piece["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["domain", "package"]);
    assert_eq!(supplier(&report, "org.example.fixture.messages", "imported_fixture_spy"), None);
}

#[test]
fn what_is_exported_names_the_same_apps_when_it_is_imported() {
    let (scratch, file) = with_report();
    let indicators = scratch.path().join("example.stix");
    let indicators = indicators.to_str().unwrap();
    written(&["export", &file, "--as", "stix", "--output", indicators], 0);
    let (toml, said) = written(&["knowledge", "import", indicators], 0);
    assert!(said.contains("none left out"), "{said}");
    let knowledge = scratch.path().join("knowledge");
    std::fs::create_dir(&knowledge).unwrap();
    std::fs::write(knowledge.join("own.toml"), toml).unwrap();
    let (report, _) = scan_of(&[DEVICE, "--knowledge", knowledge.to_str().unwrap()]);
    for package in ["org.example.fixture.collector", "org.example.fixture.messages", "org.example.fixture.uploader"] {
        let found = supplier(&report, package, "imported_example_fixture_supplier").unwrap();
        assert_eq!((&found["standing"], &found["kind"]), (&"named".into(), &"other".into()), "{found}");
    }
    assert_eq!(supplier(&report, "android", "imported_example_fixture_supplier"), None);
}

#[test]
fn a_report_is_exported_in_every_form_as_a_scan_writes_it() {
    let (_scratch, file) = with_report();
    let (json, _) = written(&["export", &file, "--as", "json"], 0);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), scan(std::path::Path::new(DEVICE)).0);
    let (page, _) = written(&["export", &file, "--as", "html"], 0);
    assert!(page.starts_with("<!DOCTYPE html>"));
    let (_, said) = written(&["export", &file, "--as", "pdf"], 2);
    assert!(said.contains("no form \"pdf\"; there are terminal, json, html, stix"), "{said}");
    written(&["export", "Cargo.toml", "--as", "stix"], 2);
}

#[test]
fn code_is_recognised_with_certificate_and_names_out_of_the_evidence() {
    let scratch = Scratch::new();
    let package = "org.example.fixture.uploader";
    let (sample, _) = written(&["knowledge", "sketch", DEVICE, "--supplier", "likeness", "--package", package], 0);
    let supplier_entry = "[[supplier]]\nid = \"likeness\"\nname = \"Likeness\"\nsummary = \"Known by code alone.\"\nreferences = [\"a test\"]\n";
    std::fs::write(scratch.path().join("k.toml"), format!("{supplier_entry}\n{sample}")).unwrap();
    let (report, _) = scan_of(&[DEVICE, "--knowledge", scratch.path().to_str().unwrap()]);
    let found = supplier(&report, package, "likeness").unwrap();
    assert_eq!((&found["standing"], &found["confidence_percent"]), (&"named".into(), &90.into()));
    assert!(list(found, "evidence").iter().all(|piece| piece["kind"] == "code"));
    for other in ["org.example.fixture.collector", "org.example.fixture.messages"] {
        assert_eq!(supplier(&report, other, "likeness"), None, "another program");
    }
}
