//! Code that the platform does not see, end to end: the same payload in an archive among the assets, under a mask, behind a
//! picture, or under a key that the app has as a constant, gives the same flow; an app whose classes are elsewhere is opaque;
//! cipher text alone accuses nobody. The packages are in `fixtures/hidden`, with the script that builds them.

use std::{ops::Range, path::Path};

use crate::common::{Scratch, code, list, root, run, scan};
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
        // Keys in digits: "shift secret key" and "the tide waits for nobody on this quay".
        ("keyed.apk", "/keyed.apk!assets/data.bin!aes-cbc-0x736869667420736563726574206b6579"),
        (
            "xored.apk",
            "/xored.apk!assets/data.bin!xor-0x746865207469646520776169747320666f72206e6f626f6479206f6e20746869732071756179",
        ),
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
fn an_app_with_the_library_of_a_packer_is_opaque_and_one_with_a_name_that_others_use_is_not() {
    let (report, code) = report("packed.apk");
    assert_eq!((code, &report["apps"][0]["code"]), (3, &"opaque".into()));
    let why = outcome(&report, "code")["unread"].as_str().unwrap();
    assert!(why.starts_with("it carries the loader of a packer (Jiagu"), "{why}");
    let (report, code) = self::report("similar.apk");
    assert_eq!((code, &report["apps"][0]["code"]), (0, &"read".into()), "{}", report["coverage"]);
}

#[test]
fn a_key_that_does_not_open_claims_nothing() {
    let (report, code) = report("mistaken.apk");
    assert_eq!((code, &report["apps"][0]["code"]), (0, &"read".into()));
    assert!(list(&report, "coverage").iter().all(|line| line["kind"] != "hidden code"));
}

/// Where the asset of a package, which is stored in it, has its checksum, itself, and its checksum in the table of contents.
fn asset(package: &[u8]) -> [Range<usize>; 3] {
    let name = b"assets/data.bin";
    let at = |place: &usize| package[*place..].starts_with(name);
    let (first, last) = ((0..package.len()).find(at).unwrap(), (0..package.len()).rev().find(at).unwrap());
    let len = u32::from_le_bytes(package[first - 12..first - 8].try_into().unwrap()) as usize;
    let extra_len = u16::from_le_bytes(package[first - 2..first].try_into().unwrap()) as usize;
    let data = first + name.len() + extra_len;
    [first - 16..first - 12, data..data + len, last - 30..last - 26]
}

#[test]
fn an_app_is_analysed_anew_if_nothing_but_its_locked_asset_changed() {
    let read = |name: &str| std::fs::read(root().join("fixtures/hidden").join(name)).unwrap();
    let (keyed, mistaken) = (read("keyed.apk"), read("mistaken.apk"));
    let mut changed = keyed.clone();
    for (to, from) in asset(&keyed).into_iter().zip(asset(&mistaken)) {
        changed[to].copy_from_slice(&mistaken[from]);
    }
    let scratch = Scratch::new();
    let (store, file) = (scratch.path().join("store"), scratch.path().join("app.apk"));
    let told = |package: &[u8]| {
        std::fs::write(&file, package).unwrap();
        let arguments = ["scan", "--json", "--timings", "--store", store.to_str().unwrap(), file.to_str().unwrap()];
        let output = run(&arguments);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let counts = said.lines().find_map(|line| line.split_once("store: ")).unwrap().1.to_owned();
        (list(&report, "coverage").iter().any(|line| line["kind"] == "hidden code"), counts)
    };
    let (made, found) = ("0 results of apps found, 1 made", "1 results of apps found, 0 made");
    assert_eq!(told(&changed), (false, made.to_owned()));
    assert_eq!(told(&keyed), (true, made.to_owned()));
    assert_eq!(told(&changed), (false, found.to_owned()));
}

#[test]
fn cipher_text_and_archives_of_pictures_accuse_nobody() {
    let (report, code) = report("innocent.apk");
    assert_eq!((code, &report["apps"][0]["code"]), (0, &"read".into()));
}
