//! Members of archives that are known and not read are told with their names and the method; where members are stored is told.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod common;

use bytes::{ByteSource, Kind, Limits};
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
fn of_a_row_what_is_before_the_damage_is_read_and_the_rest_is_an_error() {
    // Places between the headers; the first member of the last one is noise, so what follows it is packed into its last bytes.
    let cases =
        [("rar", "solid.rar", 2000..5000), ("rar", "four_solid.rar", 1800..3700), ("7z", "solid.7z", 3060..3140)];
    for (name, file, places) in cases {
        let archive = common::load(name, file);
        let budget = common::budget(Limits::FILE);
        let contents = |source: &ByteSource| {
            let opened = (format(name).open)(source, &common::budget(Limits::FILE)).unwrap();
            let long = opened.children.into_iter().filter(|child| child.source.len() > 100);
            let read = |child: containers::Child| (child.name, child.source.to_vec(&budget, "member"));
            long.map(read).collect::<Vec<_>>()
        };
        let (whole, bytes) = (contents(&archive), archive.to_vec(&budget, "archive").unwrap());
        let mut some_are_left = 0;
        let step = places.len() / 12;
        for at in places.step_by(step) {
            let mut damaged = bytes.clone();
            damaged.splice(at..at + 8, [0xa5; 8]);
            let read = contents(&ByteSource::from_bytes(damaged));
            let is_same = |(name, content): &&(Vec<u8>, bytes::Result<Vec<u8>>)| {
                content.is_ok() && whole.iter().any(|(other, healthy)| other == name && healthy == content)
            };
            let right = read.iter().filter(is_same).count();
            assert!(read.iter().all(|member| member.1.is_err() || is_same(&member)), "{file} at {at}");
            assert!(right < whole.len(), "{file} at {at}");
            some_are_left += usize::from(right > 0);
        }
        assert!(some_are_left > 0, "{file}");
    }
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
