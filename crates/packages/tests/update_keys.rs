//! Whose updates an image accepts, as openssl reads the same certificates.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail")]

mod support;

use packages::update_keys;
use support::{Dice, file, firmware, fixture, fixture_text, mutated};

const PLACE: &str = "/system/etc/security/otacerts.zip";

#[test]
fn certificates_are_those_that_openssl_reads_and_other_members_are_told() {
    let expected = fixture_text("../update-keys/expected.txt");
    let (digest, subject) = expected.trim().split_once('\n').unwrap();
    let image = firmware(vec![file(PLACE, fixture("../update-keys/otacerts.zip"))], &[]);
    let keys = update_keys(&image);
    let names: Vec<&str> = keys.iter().map(|key| key.path.rsplit('!').next().unwrap()).collect();
    assert_eq!(names, ["releasekey.x509.pem", "cut.x509.pem", "readme.txt"]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let read: Vec<Result<(String, String), bool>> = keys
        .into_iter()
        .map(|key| {
            key.certificate.map(|(digest, name)| (hex(&digest), name.replace(", ", ","))).map_err(|why| !why.is_empty())
        })
        .collect();
    assert_eq!(read, [Ok((digest.to_owned(), subject.to_owned())), Err(true), Err(true)]);
}

#[test]
fn a_list_that_is_no_archive_is_told_and_damaged_ones_end() {
    let bytes = fixture("../update-keys/otacerts.zip");
    let mut dice = Dice::new(7);
    let mut unread = 0;
    for _ in 0..2_000 {
        let image = firmware(vec![file(PLACE, mutated(&bytes, &mut dice))], &[]);
        unread += update_keys(&image).iter().filter(|key| key.certificate.is_err()).count();
    }
    assert!(unread > 2_000, "{unread}");
    let keys = update_keys(&firmware(vec![file(PLACE, b"no archive".to_vec())], &[]));
    assert!(matches!(keys.as_slice(), [key] if key.certificate.is_err()), "{keys:?}");
    assert_eq!(update_keys(&firmware(vec![file("/system/etc/other.zip", bytes)], &[])), []);
}
