//! Arrows between crates point down, as the picture in ARCHITECTURE.md says.

use std::fs;

use xtask::layers::{Crate, crates, faults, picture};

#[test]
fn every_arrow_is_in_the_picture() {
    let document = fs::read_to_string(xtask::root().join("ARCHITECTURE.md")).unwrap();
    let crates = crates().unwrap();
    assert!(crates.len() >= 14);
    let faults = faults(&crates, &picture(&document));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn arrows_that_point_up_or_across_and_strangers_are_told() {
    let levels = picture("```\n  L1 open | containers | filesystems |\n  L0 words | bytes | codecs |\n```\n");
    assert_eq!(levels.len(), 4);
    let krate = |name: &str, uses: &[(&str, bool)]| Crate {
        name: name.to_owned(),
        uses: uses.iter().map(|(name, is_test)| ((*name).to_owned(), *is_test)).collect(),
    };
    let good = [
        krate("containers", &[("bytes", false), ("flate2", true)]),
        krate("filesystems", &[("bytes", true), ("some-crate", false)]),
        krate("bytes", &[]),
        krate("codecs", &[("bytes", false), ("flate2", false)]),
    ];
    assert_eq!(faults(&good, &levels), Vec::<String>::new());
    let bad = [
        krate("containers", &[("filesystems", false), ("flate2", false)]),
        krate("bytes", &[("containers", true)]),
        krate("codecs", &[]),
        krate("newcomer", &[]),
    ];
    let told = faults(&bad, &levels);
    for part in [
        "filesystems is in the picture",
        "containers uses filesystems",
        "containers uses flate2",
        "bytes uses containers",
        "newcomer is not in the picture",
    ] {
        assert!(told.iter().any(|fault| fault.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(told.len(), 5, "{told:?}");
}
