//! The example firmware, end to end: what a scan of it must claim, and what it must not, is in its `expected.toml`.

use std::path::Path;

use crate::common::{
    Scratch, code, list, missing_of_flow, missing_of_way, root, run, scan, scan_of, table, tables, texts,
};
use serde_json::Value;

const EXPECTED: &str = "examples/firmware/expected.toml";

fn example() -> (Value, i32) {
    let (report, output) = scan(Path::new("examples/firmware/device"));
    let code = code(&output);
    (report, code)
}

fn app<'r>(report: &'r Value, package: &str) -> &'r Value {
    let mut apps = list(report, "apps").iter();
    apps.find(|app| app["package"] == package).unwrap_or_else(|| panic!("no app {package}"))
}

#[test]
fn every_flow_of_the_example_is_proven() {
    let (report, code) = example();
    assert_eq!(code, 1, "findings, and nothing unread");
    let expected = table(EXPECTED);
    let mut failures = Vec::new();
    for flow in tables(&expected, "flow") {
        let missing = missing_of_flow(&report, flow);
        if !missing.is_empty() {
            failures.push(format!("{}: missing {}", flow["name"], missing.join(", ")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What the report does not yet tell about the ways, flow by flow: known misses, listed in LIMITS.md. The test compares
/// for equality, so that a new miss fails it, and so does a mended one that still stands here.
const NOT_TOLD: [&str; 0] = [];

#[test]
fn the_way_of_every_flow_is_told_but_for_the_known_misses() {
    let (report, _) = example();
    let expected = table(EXPECTED);
    let mut failures = Vec::new();
    for flow in tables(&expected, "flow") {
        let missing = missing_of_way(&report, flow);
        if !missing.is_empty() {
            failures.push(format!("{}: missing {}", flow["name"], missing.join(", ")));
        }
    }
    assert_eq!(failures, NOT_TOLD);
}

#[test]
fn the_open_provider_is_exposed() {
    let (report, _) = example();
    let expected = table(EXPECTED);
    for exposed in tables(&expected, "exposed") {
        for source in texts(exposed, "sources") {
            let mut findings = list(&report, "findings").iter();
            let found = findings.any(|finding| {
                finding["axis"] == "exposes"
                    && finding["app"] == exposed["app"].as_str().unwrap()
                    && finding["source"]["kind"] == source
                    && finding["sink"]["kind"] == exposed["sink"].as_str().unwrap()
                    && finding["modifiers"]["reachable"] == true
            });
            assert!(found, "{source}");
        }
    }
}

#[test]
fn nothing_is_claimed_about_the_clean_apps() {
    let (report, _) = example();
    let expected = table(EXPECTED);
    for clean in tables(&expected, "clean") {
        let package = clean["app"].as_str().unwrap();
        app(&report, package);
        for finding in list(&report, "findings") {
            let about_it = list(finding, "apps").iter().chain([&finding["app"]]).any(|app| app == package);
            let on_axis = texts(clean, "axes").iter().any(|axis| finding["axis"] == *axis);
            assert!(!(about_it && on_axis), "{package}: {}", finding["title"]);
        }
    }
}

#[test]
fn every_claim_is_one_that_was_put_in() {
    let (report, _) = example();
    let expected = table(EXPECTED);
    for finding in list(&report, "findings") {
        let is_flow = tables(&expected, "flow").iter().any(|flow| {
            let apps = texts(flow, "apps");
            finding["axis"] == flow["axis"].as_str().unwrap()
                && finding["source"]["kind"] == flow["source"].as_str().unwrap()
                && finding["sink"]["kind"] == flow["sink"].as_str().unwrap()
                && list(finding, "apps").iter().eq(apps.iter())
        });
        let is_exposed = tables(&expected, "exposed").iter().any(|exposed| {
            finding["axis"] == "exposes"
                && finding["app"] == exposed["app"].as_str().unwrap()
                && texts(exposed, "sources").iter().any(|source| finding["source"]["kind"] == *source)
        });
        assert!(is_flow || is_exposed, "{} {}", finding["app"], finding["title"]);
    }
}

#[test]
fn hidden_strings_are_recovered() {
    let (report, _) = example();
    let expected = table(EXPECTED);
    for recovered in tables(&expected, "recovered") {
        let package = recovered["app"].as_str().unwrap();
        for text in texts(recovered, "text") {
            let hidden = list(app(&report, package), "hidden_strings");
            assert!(hidden.iter().any(|hidden| hidden["value"] == text), "{package}: {text} in {hidden:?}");
        }
    }
}

#[test]
fn every_app_is_described() {
    let (report, _) = example();
    let expected = table(EXPECTED);
    let described = tables(&expected, "app");
    assert_eq!(list(&report, "apps").len(), described.len());
    for expected in described {
        let app = app(&report, expected["package"].as_str().unwrap());
        let text = |name: &str| expected.get(name).map_or(Value::Null, |text| Value::from(text.as_str().unwrap()));
        assert_eq!(app["path"], text("path"));
        assert_eq!(app["version_name"], text("version"));
        assert_eq!(app["shared_user_id"], text("shared_user"));
        if expected.contains_key("label") {
            assert_eq!(app["label"], text("label"));
        }
        let [signer] = list(app, "signers") else { panic!("one signer: {}", app["signers"]) };
        assert_eq!(signer["certificate_sha256"], text("certificate_sha256"));
        assert_eq!(signer["verified"]["Ok"], Value::Null, "{signer}");
        assert!(signer["verified"].get("Ok").is_some(), "{signer}");
        let is_platform = signer["certificate_sha256"] == report["identity"]["platform_certificate"];
        assert_eq!(is_platform, expected["platform_signed"].as_bool().unwrap());
    }
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let with = |jobs: &str| run(&["scan", "--json", "--jobs", jobs, "examples/firmware/device"]).stdout;
    let one = with("1");
    assert!(!one.is_empty());
    assert_eq!(one, with("2"));
    assert_eq!(one, with("5"));
}

#[test]
fn every_packing_of_the_device_gives_the_same_findings() {
    let scratch = Scratch::new();
    let (folder, _) = example();
    let fixture = |name: &str| root().join("fixtures/device").join(name).to_str().unwrap().to_owned();
    let plain = |name: &str| scratch.plain(Path::new(&fixture(name))).to_str().unwrap().to_owned();
    let base = plain("before.img.gz");
    let packings = [
        vec![plain("system.img.gz")],
        vec![plain("system.simg.gz")],
        vec![fixture("chunks.zip")],
        vec![fixture("images.zip")],
        vec![fixture("ota.zip")],
        vec![fixture("payload.zip")],
        vec![fixture("block.zip")],
        vec![fixture("super.simg.xz")],
        // The four packages of a flash tool are one device.
        ["AP", "BL", "CP", "CSC"].map(|name| fixture(&format!("{name}_EXAMPLE.tar.md5"))).to_vec(),
        vec![fixture("example_images.tgz")],
        vec![fixture("incremental_payload.zip"), "--base".to_owned(), base.clone()],
        vec![fixture("incremental_block.zip"), "--base".to_owned(), base.clone()],
        vec![fixture("incremental_files.zip"), "--base".to_owned(), base],
    ];
    for packing in &packings {
        let (report, output) = scan_of(packing);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code(&output), 1, "{packing:?}: {said} {:#}", report["coverage"]);
        for part in ["findings", "suppliers", "grades", "identity", "apps"] {
            let (mut ours, mut theirs) = (folder[part].clone(), report[part].clone());
            without_containers(&mut ours);
            without_containers(&mut theirs);
            assert_eq!(ours.to_string(), theirs.to_string(), "{packing:?}: {part}");
        }
    }
    // Without the device before it, an incremental update is a hole, whatever it holds itself.
    for name in ["incremental_payload.zip", "incremental_block.zip", "incremental_files.zip"] {
        let (report, output) = scan_of(&[fixture(name)]);
        assert_eq!(code(&output), 3, "{name}");
        let told = report["coverage"].to_string();
        assert!(told.contains("required"), "{name}: {:#}", report["coverage"]);
    }
}

/// The layers around the device differ; nothing else may.
fn without_containers(value: &mut Value) {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                fields.remove("container");
                left.extend(fields.values_mut());
            }
            Value::Array(entries) => left.extend(entries),
            _ => {}
        }
    }
}
