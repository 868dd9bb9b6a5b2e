//! Every golden image must read as its independent listing says: type, mode, owner, length, digest, link target, label
//! and capabilities of every entry, nothing more, nothing less.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeSet;

use bytes::{Budget, ByteSource, Limits};
use common::listing::line;
use filesystems::{Entry, FORMATS, Tree, identify};

fn read(fixture: &common::Fixture) -> Tree {
    let source = ByteSource::from_bytes(fixture.image.clone());
    (fixture.format.read)(&source, &Budget::new(Limits::FIRMWARE)).unwrap()
}

#[test]
fn every_golden_image_reads_as_the_independent_reader_lists_it() {
    for fixture in common::all() {
        let tree = read(&fixture);
        assert_eq!(tree.problems, [], "{}", fixture.name);
        let ours: BTreeSet<String> = tree.entries.iter().map(|entry| line(entry).unwrap()).collect();
        let theirs: BTreeSet<String> = fixture.expected.lines().map(str::to_owned).collect();
        let missing: Vec<_> = theirs.difference(&ours).collect();
        let invented: Vec<_> = ours.difference(&theirs).collect();
        assert!(missing.is_empty() && invented.is_empty(), "{}: {missing:#?} {invented:#?}", fixture.name);
        assert_eq!(tree.entries.len(), fixture.expected.lines().count(), "{}", fixture.name);
    }
}

#[test]
fn every_registered_format_has_a_golden_image_and_recognises_it() {
    let fixtures = common::all();
    for format in FORMATS {
        assert!(fixtures.iter().any(|fixture| fixture.format.name == format.name), "{} has no fixture", format.name);
        assert!(!format.references.is_empty(), "{} names no document", format.name);
    }
    for fixture in fixtures {
        let name = identify(&ByteSource::from_bytes(fixture.image)).map(|format| format.name);
        assert_eq!(name, Some(fixture.format.name), "{}", fixture.name);
    }
}

#[test]
fn parents_come_before_their_children_and_siblings_by_name() {
    for fixture in common::all() {
        let tree = read(&fixture);
        let split = |entry: &Entry| entry.path.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let paths: Vec<_> = tree.entries.iter().map(split).collect();
        assert!(paths.is_sorted(), "{}", fixture.name);
        let known: BTreeSet<_> = paths.iter().cloned().collect();
        for path in &paths {
            let parent = &path[..path.len() - 1];
            assert!(parent.is_empty() || known.contains(parent), "{}: {path:?}", fixture.name);
        }
    }
}

#[test]
fn the_capabilities_that_setcap_gave_are_the_permitted_set() {
    // capabilities(7): cap_net_admin is 12, cap_net_raw 13, cap_wake_alarm 35.
    let image = common::image("ext4/aosp");
    let tree =
        (filesystems::ext4::FORMAT.read)(&ByteSource::from_bytes(image), &Budget::new(Limits::FIRMWARE)).unwrap();
    let entry = tree.entries.iter().find(|entry| entry.path == b"bin/capable").unwrap();
    assert_eq!(entry.attributes.capabilities, Some(1 << 12 | 1 << 13 | 1 << 35));
    assert_eq!(entry.attributes.selinux_label.as_deref(), Some(b"u:object_r:netd_exec:s0".as_slice()));
}
