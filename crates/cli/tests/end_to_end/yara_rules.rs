//! `scan --yara`: rules of others over the example device, and what a program without the library says.

use crate::common::{code, run};

const DEVICE: &str = "examples/firmware/device";
const RULES: &str = "fixtures/yara/example.yar";

#[cfg(not(feature = "yara"))]
#[test]
fn a_program_without_the_library_says_so_and_scans_nothing() {
    let output = run(&["scan", "--json", "--yara", RULES, DEVICE]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((code(&output), output.stdout.len()), (2, 0), "{said}");
    assert!(said.contains("built without YARA") && said.contains("--features yara"), "{said}");
}

#[cfg(feature = "yara")]
mod with_the_library {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::{DEVICE, RULES, code, run};
    use crate::common::{Scratch, list, scan_of};

    #[test]
    fn each_rule_matches_the_file_that_it_was_written_for_and_grades_nobody() {
        let (report, _) = scan_of(&[DEVICE, "--yara", RULES]);
        let found = &report["rule_matches"];
        assert_eq!(found["rules"], 4);
        let mut expected = 0;
        for matched in list(found, "matches") {
            let meta: BTreeMap<&str, &str> = list(matched, "meta")
                .iter()
                .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
                .collect();
            assert_eq!(matched["path"], meta["expect"], "{matched}");
            if let Some(app) = meta.get("expect_app") {
                assert_eq!(matched["app"], *app, "{matched}");
            }
            expected += 1;
        }
        assert_eq!(expected, 3, "{found}");
        let (plain, _) = scan_of(&[DEVICE]);
        let without = |report: &Value| {
            let mut report = report.clone();
            report["rule_matches"] = Value::Null;
            report
        };
        assert_eq!(without(&report), plain, "rules change nothing else");
    }

    #[test]
    fn the_report_does_not_depend_on_the_number_of_threads() {
        let [one, four] = ["1", "4"].map(|jobs| scan_of(&[DEVICE, "--yara", "fixtures/yara", "--jobs", jobs]).0);
        assert_eq!(one, four);
        assert!(!list(&one["rule_matches"], "matches").is_empty());
    }

    #[test]
    fn wrong_rules_and_a_folder_without_any_end_before_the_scan() {
        let scratch = Scratch::new();
        let file = scratch.path().join("bad.yar");
        let folder = scratch.path().to_str().unwrap();
        for (text, why) in [(None, "no *.yar or *.yara file"), (Some("rule A {"), "syntax error")] {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let output = run(&["scan", "--yara", folder, DEVICE]);
            let said = String::from_utf8(output.stderr.clone()).unwrap();
            assert_eq!((code(&output), output.stdout.len()), (2, 0), "{said}");
            assert!(said.contains(why), "{said}");
        }
    }
}
