//! What hostile ZIP archives must give, member by member.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

mod common;

use bytes::{Budget, ByteSource, Error, Kind, Limit, Limits};
use containers::zip::Archive;

fn archive(name: &str) -> Archive {
    Archive::read(&common::load("zip", name), &Budget::new(Limits::FILE)).unwrap()
}

fn read(source: &ByteSource) -> Result<Vec<u8>, Error> {
    source.to_vec(&Budget::new(Limits::FILE), "member")
}

#[test]
fn an_encrypted_member_is_a_problem_and_the_others_stand() {
    let archive = archive("encrypted.zip");
    assert_eq!(archive.problem(b"secret.txt").unwrap().kind, Kind::Encrypted);
    assert!(read(&archive.member(b"open.txt").unwrap().source).is_ok());
}

#[test]
fn a_method_that_is_not_implemented_is_named() {
    let error = archive("bzip2.zip").problem(b"two.bz2").unwrap();
    assert_eq!(error.kind, Kind::Unsupported(12));
}

#[test]
fn lengths_and_checksums_that_lie_are_errors_of_that_member_only() {
    let archive = archive("damaged.zip");
    assert!(archive.problems.is_empty());
    let error = |name: &[u8]| read(&archive.member(name).unwrap().source).unwrap_err();
    assert!(read(&archive.member(b"good.txt").unwrap().source).is_ok());
    assert_eq!(error(b"bad_sum.txt").kind, Kind::Checksum);
    assert_eq!(error(b"too_long.txt").kind, Kind::Corrupt);
    assert!(matches!(error(b"too_short.txt").kind, Kind::Truncated { .. }));
    // Offsets are those of the archive.
    let member = archive.member(b"bad_sum.txt").unwrap();
    assert_eq!(error(b"bad_sum.txt").offset, member.data_offset);
}

#[test]
fn a_member_that_starts_inside_another_is_refused_and_a_second_name_for_the_same_is_not() {
    let archive = archive("overlapping.zip");
    assert_eq!(archive.problem(b"inside").unwrap().what, "overlapping members");
    let [first, second] = [b"kernel", b"kerne2"].map(|name| archive.member(name).unwrap().local_header_offset);
    assert_eq!(first, second);
}

#[test]
fn duplicates_are_kept_in_order() {
    let archive = archive("duplicates.zip");
    let lengths: Vec<u64> = archive.members_named(b"classes.dex").map(|member| member.source.len()).collect();
    assert_eq!(lengths.len(), 2);
    assert_eq!(archive.member(b"classes.dex").unwrap().source.len(), lengths[0]);
    assert!(archive.member(b"classes").is_none() && archive.member(b"").is_none());
}

#[test]
fn a_directory_longer_than_its_count_hides_nothing_and_is_told() {
    let archive = archive("miscounted.zip");
    assert_eq!(archive.members.len(), 2);
    assert_eq!(archive.problems[0].error.what, "total entries");
}

#[test]
fn offsets_are_those_of_the_file_even_with_bytes_in_front() {
    let (plain, moved) = (archive("bytes_behind.zip"), archive("bytes_in_front.zip"));
    assert_eq!(moved.central_directory_offset, plain.central_directory_offset + 15);
    let source = common::load("zip", "bytes_in_front.zip");
    let member = moved.member(b"two.bin").unwrap();
    assert!(source.has(member.local_header_offset, b"PK\x03\x04"));
    assert_eq!(read(&source.slice(member.data_offset, member.packed_len, "x").unwrap()), read(&member.source));
    assert!(source.has(moved.end_record_offset, b"PK\x05\x06"));
}

#[test]
fn the_budget_is_spent_on_declared_lengths_when_the_archive_is_opened() {
    let source = common::load("zip", "tree.zip");
    let budget = Budget::new(Limits { unpacked_bytes: 6000, ..Limits::FILE });
    let archive = Archive::read(&source, &budget).unwrap();
    let refused = archive.problems.iter().filter(|p| p.error.kind == Kind::Limit(Limit::UnpackedBytes)).count();
    assert!(refused >= 1, "{:?}", archive.problems);
    // Stored members cost nothing.
    assert!(read(&archive.member(b"system/bin/run").unwrap().source).is_ok());
}

#[test]
fn one_member_can_be_read_by_many_threads_at_once() {
    let archive = archive("tree.zip");
    let source = &archive.members.iter().find(|member| member.method == 8).unwrap().source;
    let expected = read(source).unwrap();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8).map(|_| scope.spawn(|| read(source).unwrap())).collect();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), expected);
        }
    });
}
