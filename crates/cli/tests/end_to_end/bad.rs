//! Damaged, lying and oversized inputs, end to end: a clear message with layer and offset, the right exit code, bounded
//! memory, and everything else still scanned. What must be said is in `fixtures/bad/expected.toml`.

use std::time::{Duration, Instant};

use crate::common::{Scratch, code, flow, list, missing_of_flow, root, run, table, tables, texts};
use serde_json::Value;

/// Everything that is wrong with how one case was handled.
fn faults(case: &toml::Table, limits: &toml::Table, flows: &toml::Table, scratch: &Scratch) -> Vec<String> {
    let file = scratch.plain(&root().join("fixtures/bad").join(case["file"].as_str().unwrap()));
    let start = Instant::now();
    let output = run(&["scan", "--json", "--timings", file.to_str().unwrap()]);
    let took = start.elapsed();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut faults = Vec::new();
    let mut check = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    let report: Value = match serde_json::from_str(&stdout) {
        Ok(report) => report,
        Err(error) => return vec![format!("no report: {error}: {stderr}")],
    };
    let coverage = list(&report, "coverage");
    let told: Vec<String> = coverage.iter().map(|line| line.to_string()).collect();

    let allowed: Vec<i64> = case["exit"].as_array().unwrap().iter().map(|code| code.as_integer().unwrap()).collect();
    let code = i64::from(code(&output));
    check(allowed.contains(&code), format!("exit code {code}, expected {allowed:?}; coverage {told:#?}"));
    check(
        took < Duration::from_secs(limits["seconds"].as_integer().unwrap().cast_unsigned()),
        format!("took {took:?}"),
    );
    let memory_mib = peak_memory_mib(&stderr);
    check(memory_mib <= limits["memory_mib"].as_integer().unwrap(), format!("held {memory_mib} MiB"));
    check(!stderr.contains("fault inside"), format!("fault: {stderr}"));

    let node = case.get("node").map(|node| node.as_str().unwrap());
    let lines: Vec<&String> = match node {
        Some(node) => {
            let about = |line: &&Value| line["path"].as_str().unwrap().contains(node);
            let holes = coverage.iter().filter(about).filter(|line| is_hole(line));
            check(holes.count() > 0, format!("{node} is no hole: {told:#?}"));
            coverage.iter().zip(&told).filter(|(line, _)| about(line) && is_hole(line)).map(|(_, text)| text).collect()
        }
        None => told.iter().collect(),
    };
    let apps = report["apps"].to_string();
    let said = |word: &&str| lines.iter().any(|line| line.contains(word)) || (node.is_none() && apps.contains(word));
    check(texts(case, "message").iter().all(said), format!("message lacks {:?}: {lines:#?}", texts(case, "message")));
    let one_of = texts(case, "one_of");
    check(one_of.is_empty() || one_of.iter().any(said), format!("message has none of {one_of:?}: {lines:#?}"));

    for package in texts(case, "packages") {
        let read = |app: &Value| app["package"] == package && matches!(app["code"].as_str(), Some("read" | "none"));
        check(list(&report, "apps").iter().any(read), format!("{package} is not read"));
    }
    for name in texts(case, "flows") {
        let missing = missing_of_flow(&report, flow(flows, name));
        check(missing.is_empty(), format!("flow {name:?} lacks {missing:?}"));
    }
    if let Some(package) = case.get("unverified") {
        let unverified = |app: &Value| {
            app["package"] == package.as_str().unwrap()
                && list(app, "signers").iter().all(|signer| signer["verified"].get("Ok").is_none())
        };
        check(list(&report, "apps").iter().any(unverified), format!("{package} counts as verified"));
    }
    let plain = run(&["scan", "-v", file.to_str().unwrap()]);
    for (name, bytes) in [("json", &output.stdout), ("terminal", &plain.stdout), ("stderr", &plain.stderr)] {
        let text = String::from_utf8_lossy(bytes);
        for never in texts(case, "never") {
            check(!text.contains(never), format!("{name} says {never:?}"));
        }
    }
    faults
}

fn is_hole(line: &Value) -> bool {
    line["outcome"].get("unread").is_some() || line["outcome"].get("partial").is_some()
}

fn peak_memory_mib(timings: &str) -> i64 {
    let line = timings.lines().find_map(|line| line.trim().strip_prefix("peak memory")).unwrap();
    line.trim().strip_suffix("MiB").unwrap().trim().parse().unwrap()
}

#[test]
fn every_bad_input_is_told_and_hides_nothing_else() {
    let scratch = Scratch::new();
    let (expected, flows) = (table("fixtures/bad/expected.toml"), table("examples/firmware/expected.toml"));
    let mut failures = Vec::new();
    let cases = tables(&expected, "case");
    assert!(cases.len() >= 20);
    for case in cases {
        let faults = faults(case, &expected, &flows, &scratch);
        if !faults.is_empty() {
            failures.push(format!("{}: {}\n  {}", case["file"], case["about"], faults.join("\n  ")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_bad_input_has_its_case() {
    let expected = table("fixtures/bad/expected.toml");
    let named: Vec<&str> = tables(&expected, "case").iter().map(|case| case["file"].as_str().unwrap()).collect();
    for entry in std::fs::read_dir(root().join("fixtures/bad")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_input = !matches!(name.as_str(), "README.md" | "expected.toml" | "make.py");
        assert!(!is_input || named.contains(&name.as_str()), "{name}");
    }
}
