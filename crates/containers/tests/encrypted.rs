//! Encrypted packages without a key that fits: named as such, never empty and never wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

mod common;

use bytes::{Budget, Keys, Kind, Limits};
use containers::identify;

fn budgets() -> [Budget; 2] {
    let zeros = "00".repeat(16);
    let wrong = format!("ozip {zeros}\nofp_mtk {zeros} {zeros}\nofp {zeros} {zeros}\nops {zeros} {}", "01".repeat(44));
    [Budget::new(Limits::FILE), Budget::new(Limits::FILE).with_keys(Keys::parse(wrong.as_bytes()).unwrap())]
}

#[test]
fn without_a_key_that_fits_the_scheme_is_named() {
    let mut count = 0;
    for budget in budgets() {
        for (format, words) in [("ozip", "ozip data, AES-128-ECB"), ("ofp", "ofp or ops package, AES-128-CFB")] {
            for path in common::fixtures_of(format) {
                let source = bytes::ByteSource::open(&path).unwrap();
                let found = identify(&source).unwrap();
                assert_eq!(found.name, format);
                let error = (found.open)(&source, &budget).unwrap_err();
                assert_eq!(error.kind, Kind::Encrypted);
                assert!(error.what.starts_with(words), "{error}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 12);
}

#[test]
fn files_that_are_not_encrypted_are_read_without_a_key() {
    for budget in budgets() {
        let source = common::load("ofp_mtk", "example.ofp");
        let opened = (identify(&source).unwrap().open)(&source, &budget).unwrap();
        let names: Vec<&[u8]> = opened.children.iter().map(|child| child.name.as_slice()).collect();
        assert_eq!(names, [b"scatter.txt"]);
        let problems: Vec<_> =
            opened.problems.iter().map(|problem| (problem.name.as_slice(), problem.error.kind)).collect();
        assert_eq!(problems, [(&b"preloader.bin"[..], Kind::Encrypted), (b"system.img", Kind::Encrypted)]);
    }
}
