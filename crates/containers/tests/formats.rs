//! The registry and its fixtures belong together.

mod common;

use std::{collections::BTreeSet, fs};

use bytes::{Budget, ByteSource, Limits};
use containers::{FORMATS, identify};
use sha2::{Digest, Sha256};

#[test]
fn every_format_has_a_name_of_its_own_references_and_fixtures() {
    let mut names = BTreeSet::new();
    for format in FORMATS {
        assert!(names.insert(format.name), "{} is registered twice", format.name);
        assert!(!format.references.is_empty(), "{} names no document", format.name);
        assert!(!common::fixtures_of(format.name).is_empty(), "{} has no fixture", format.name);
    }
    for folder in fs::read_dir(common::fixtures()).unwrap().map(|entry| entry.unwrap()) {
        if folder.file_type().unwrap().is_dir() {
            let name = folder.file_name().into_string().unwrap();
            assert!(names.contains(name.as_str()), "fixtures/containers/{name} has no format");
        }
    }
}

#[test]
fn the_table_of_fixtures_says_who_wrote_and_who_read_those_of_each_format() {
    let table = fs::read_to_string(common::fixtures().join("../README.md")).unwrap();
    let mut names: Vec<String> = FORMATS.iter().map(|format| format.name.to_owned()).collect();
    // File systems are in the same table.
    for folder in fs::read_dir(common::fixtures().join("../filesystems")).unwrap().map(|entry| entry.unwrap()) {
        if folder.file_type().unwrap().is_dir() {
            names.push(folder.file_name().into_string().unwrap());
        }
    }
    for name in names {
        let row = table.lines().find(|line| line.starts_with(&format!("| {name} |")));
        assert_eq!(row.map(|row| row.split('|').filter(|cell| !cell.trim().is_empty()).count()), Some(3), "{name}");
    }
}

#[test]
fn every_fixture_is_recognised_and_reads_as_the_independent_listing_says() {
    let mut compared = 0;
    for format in FORMATS {
        for path in common::fixtures_of(format.name) {
            let source = ByteSource::open(&path).unwrap();
            let found = identify(&source).unwrap_or_else(|| panic!("{} is not recognised", path.display()));
            assert_eq!(found.name, format.name, "{}", path.display());
            let opened = (format.open)(&source, &common::budget(Limits::FILE)).unwrap();
            let mut lines = Vec::new();
            for child in &opened.children {
                let Ok(bytes) = child.source.to_vec(&Budget::new(Limits::FILE), "member") else { continue };
                let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                let mode = child.mode.map_or("-".to_owned(), |mode| format!("{mode:o}"));
                lines.push(format!("{digest} {} {mode} {}", bytes.len(), String::from_utf8_lossy(&child.name)));
                compared += 1;
            }
            let listing = fs::read_to_string(format!("{}.list", path.display())).unwrap();
            let expected: Vec<_> = listing.lines().collect();
            assert_eq!(lines, expected, "{}", path.display());
        }
    }
    assert!(compared > 30, "only {compared} members were compared");
}
