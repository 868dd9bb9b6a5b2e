//! Code that the platform does not see, end to end: the same payload in an archive among the assets, under a mask, and behind
//! a picture gives the same flow; an app whose classes are elsewhere is opaque; cipher text alone accuses nobody. The packages
//! are in `fixtures/hidden`, with the script that builds them.

use std::path::Path;

use crate::common::{code, list, scan};
use serde_json::Value;

fn report(name: &str) -> (Value, i32) {
    let (report, output) = scan(&Path::new("fixtures/hidden").join(name));
    let code = code(&output);
    (report, code)
}

fn outcome<'r>(report: &'r Value, kind: &str) -> &'r Value {
    let mut lines = list(report, "coverage").iter();
    &lines.find(|line| line["kind"] == kind).unwrap_or_else(|| panic!("no line {kind}"))["outcome"]
}

#[test]
fn the_payload_is_found_wherever_it_is_and_its_flow_is_proven_there() {
    let ways = [
        ("archived.apk", "/archived.apk!assets/payload.jar!classes.dex"),
        ("masked.apk", "/masked.apk!assets/settings.bin!xor-0x5a"),
        ("appended.apk", "/appended.apk!res/raw/logo.png!dex@0x45"),
    ];
    for (name, way) in ways {
        let (report, code) = report(name);
        assert_eq!(code, 1, "{name}: findings, and nothing unread");
        let [finding] = list(&report, "findings") else { panic!("{name}: {}", report["findings"]) };
        assert_eq!((&finding["axis"], &finding["modifiers"]["reachable"]), (&"takes".into(), &true.into()));
        assert_eq!((&finding["source"]["kind"], &finding["sink"]["kind"]), (&"sms".into(), &"network".into()));
        assert!(list(finding, "proof").iter().all(|step| step["at"]["path"] == way), "{}", finding["proof"]);
        assert_eq!(outcome(&report, "hidden code")["read"], way);
    }
}

#[test]
fn an_app_whose_classes_are_elsewhere_is_opaque_and_says_why() {
    let (report, code) = report("sealed.apk");
    assert_eq!(code, 3, "something is unread");
    assert_eq!(report["apps"][0]["code"], "opaque");
    let why = outcome(&report, "code")["unread"].as_str().unwrap();
    assert!(why.contains("2 of the 3 classes") && why.contains("/sealed.apk!assets/data.bin"), "{why}");
}

#[test]
fn cipher_text_and_archives_of_pictures_accuse_nobody() {
    let (report, code) = report("innocent.apk");
    assert_eq!((code, &report["apps"][0]["code"]), (0, &"read".into()));
}
