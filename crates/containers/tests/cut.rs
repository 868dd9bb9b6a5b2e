//! Copies of every fixture that end early: what is lost is told, or nothing is lost.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod common;

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Limits};
use containers::{FORMATS, Format};

/// Cuts of one fixture, beside those where a block of 512 bytes ends.
const CUTS: usize = 200;

/// Fixtures of which a part is as whole as all of it, and why.
const CANNOT_TELL: &[(&str, &str)] = &[
    ("signed_image/undocumented.img", "the length of the image is not known: what it holds has to tell"),
    ("piv_prefix/system.img", "the header has no length: what the image holds has to tell"),
    ("magic_prefix/system.img", "the header has no length: what the image holds has to tell"),
    ("cpio/ramdisk.cpio", "two archives in a row, and nothing says that there are two"),
    ("gzip/image.gz", "two members in a row, and nothing says that there are two"),
    ("xz/image.xz", "two streams in a row, and nothing says that there are two"),
    ("zstd/image.zst", "two frames in a row, and nothing says that there are two"),
    ("lz4/legacy.lz4", "legacy frames end with their file"),
    ("ubi/flash.ubi", "volumes may have no blocks"),
    ("zip/record_in_comment.zip", "without the end of the comment what it holds is an archive of its own"),
];

/// Contents by name.
type Members = BTreeMap<Vec<u8>, Vec<u8>>;

/// What the members read as, and whether all that there is to read is told: no problem, and no member that fails.
fn told(format: &Format, source: &ByteSource) -> Option<(Members, bool)> {
    if !(format.probe)(source) {
        return None;
    }
    let opened = (format.open)(source, &common::budget(Limits::FILE)).ok()?;
    let mut is_whole = opened.problems.is_empty();
    let mut members = Members::new();
    for child in opened.children {
        match child.source.to_vec(&Budget::new(Limits::FILE), "member") {
            Ok(bytes) => drop(members.insert(child.name, bytes)),
            Err(_) => is_whole = false,
        }
    }
    Some((members, is_whole))
}

#[test]
fn a_cut_copy_never_looks_whole() {
    let mut failures = Vec::new();
    for format in FORMATS {
        for path in common::fixtures_of(format.name) {
            let whole = ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap();
            let Some((members, true)) = told(format, &ByteSource::from_bytes(whole.clone())) else { continue };
            let step = (whole.len() / CUTS).max(1);
            let ends = (0..whole.len()).step_by(step).chain((0..whole.len()).step_by(512)).chain([whole.len() - 1]);
            let lost: Vec<usize> = ends
                .filter(|&end| {
                    let cut = told(format, &ByteSource::from_bytes(whole[..end].to_vec()));
                    cut.is_some_and(|(found, is_whole)| is_whole && found != members)
                })
                .collect();
            let excused = CANNOT_TELL.iter().any(|(fixture, _)| path.ends_with(fixture));
            assert!(!excused || !lost.is_empty(), "{} is told after all", path.display());
            if !excused && !lost.is_empty() {
                failures.push(format!("{}: cut at {lost:?} of {}", path.display(), whole.len()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
