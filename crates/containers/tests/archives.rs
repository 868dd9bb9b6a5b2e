//! Members of archives that are known and not read are told with their names and the method; where members are stored is told.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod common;

use bytes::{Kind, Limits};
use containers::{FORMATS, Format};

fn format(name: &str) -> &'static Format {
    FORMATS.iter().copied().find(|format| format.name == name).unwrap()
}

#[test]
fn methods_that_are_not_read_are_told_by_member() {
    let archive = common::load("7z", "unread.7z");
    let opened = (format("7z").open)(&archive, &common::budget(Limits::FILE)).unwrap();
    assert!(opened.children.is_empty());
    let mut told: Vec<(Vec<u8>, Kind)> =
        opened.problems.into_iter().map(|problem| (problem.name, problem.error.kind)).collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let names: Vec<&[u8]> = told.iter().map(|(name, _)| name.as_slice()).collect();
    assert_eq!(names, [b"0_deflate64.bin"]);
    assert!(told.iter().all(|(_, kind)| matches!(kind, Kind::Unsupported(_))), "{told:?}");
}

#[test]
fn what_an_operation_makes_is_stored_where_its_data_is() {
    let payload = common::load("payload", "full.bin");
    let opened = (format("payload").open)(&payload, &common::budget(Limits::FILE)).unwrap();
    let places: Vec<u64> = opened.children.iter().map(|child| child.source.stored_at()).collect();
    // Nothing is behind the end, and no two partitions begin with the same data.
    let [system, vendor] = places[..] else { unreachable!("{places:?}") };
    assert!(system != vendor && places.iter().all(|&place| place > 0 && place < payload.len()), "{places:?}");
    let order = bytes::reading_order(opened.children.iter().map(|child| Some(&child.source)));
    assert_eq!(order, if system < vendor { [0, 1] } else { [1, 0] });
}
