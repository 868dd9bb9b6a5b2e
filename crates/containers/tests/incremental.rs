//! Updates that change an older image: with that image they make the new one, and without it, with another one, or damaged,
//! they say so. The images and updates are built by `fixtures/updates/build.py`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

mod common;

use std::collections::BTreeMap;

use bytes::{Base, Budget, ByteSource, Error, Kind, Limits};
use codecs::{Wrapping, inflate};
use containers::{
    Opened,
    block_update::{self, Over},
    payload,
};

fn budget() -> Budget {
    Budget::new(Limits::FILE)
}

fn fixture(name: &str) -> ByteSource {
    ByteSource::open(&common::fixtures().join("../updates").join(name)).unwrap()
}

fn bytes_of(source: &ByteSource) -> Vec<u8> {
    source.to_vec(&budget(), "x").unwrap()
}

fn image(name: &str) -> Vec<u8> {
    inflate(&fixture(name), Wrapping::Gzip, 1 << 20, &budget()).unwrap()
}

fn over(base: Vec<u8>) -> Budget {
    budget().with_base(Base::new(BTreeMap::from([("system".to_owned(), ByteSource::from_bytes(base))])))
}

fn errors(opened: &Opened) -> Vec<Error> {
    opened.problems.iter().map(|problem| problem.error).collect()
}

#[test]
fn a_payload_over_its_older_image_makes_the_new_one() {
    let opened = (payload::FORMAT.open)(&fixture("payload.bin"), &over(image("old.img.gz"))).unwrap();
    assert_eq!(errors(&opened), []);
    assert!(bytes_of(&opened.children[0].source) == image("new.img.gz"));
    // In pieces and from the end, as a reader of a file system would.
    let (whole, new) = (&opened.children[0].source, image("new.img.gz"));
    for at in (0..new.len() - 100).rev().step_by(1000) {
        assert_eq!(whole.array::<100>(at as u64, "x").unwrap(), new[at..at + 100]);
    }
}

#[test]
fn a_payload_over_another_image_takes_nothing_of_it() {
    let mut other = image("old.img.gz");
    other[5] ^= 1;
    let opened = (payload::FORMAT.open)(&fixture("payload.bin"), &over(other)).unwrap();
    assert!(matches!(errors(&opened)[..], [Error { kind: Kind::Checksum, .. }]), "{opened:?}");
    assert!(opened.children[0].source.array::<1>(0, "x").is_err());
    // What the payload holds itself is read all the same: the block that it brings.
    assert_eq!(
        opened.children[0].source.array::<4096>(2 * 4096, "x").unwrap()[..],
        image("new.img.gz")[2 * 4096..][..4096]
    );
    let short = image("old.img.gz")[..4096].to_vec();
    let opened = (payload::FORMAT.open)(&fixture("payload.bin"), &over(short)).unwrap();
    assert!(matches!(errors(&opened)[..], [Error { kind: Kind::Truncated { .. }, .. }]), "{opened:?}");
}

fn block_update(version: u32, base: Option<Vec<u8>>, patches: Vec<u8>) -> Opened {
    let list = bytes_of(&fixture(&format!("version_{version}.transfer.list")));
    let patches = ByteSource::from_bytes(patches);
    let over = base.map(|base| Over { base: ByteSource::from_bytes(base), patches });
    block_update::assemble(&list, &fixture("new.dat"), over.as_ref(), &budget()).unwrap()
}

#[test]
fn block_updates_of_every_version_over_their_older_image_make_the_new_one() {
    for version in 1..=4 {
        let opened = block_update(version, Some(image("old.img.gz")), bytes_of(&fixture("patch.dat")));
        assert_eq!(errors(&opened), [], "{version}");
        assert!(bytes_of(&opened.children[0].source) == image("new.img.gz"), "{version}");
    }
}

#[test]
fn a_block_update_over_another_image_says_so_where_its_version_can() {
    // One byte in a part that is patched from the stash.
    let mut other = image("old.img.gz");
    other[9 * 4096 + 7] ^= 1;
    for version in 1..=4 {
        let opened = block_update(version, Some(other.clone()), bytes_of(&fixture("patch.dat")));
        let told = errors(&opened);
        let expected: &[&str] = if version > 2 { &["blocks of the older image given"] } else { &[] };
        assert_eq!(told.iter().map(|error| error.what).collect::<Vec<_>>(), expected, "{version}");
        // The rest is made.
        let (made, new) = (&opened.children[0].source, image("new.img.gz"));
        assert_eq!(made.array::<4096>(11 * 4096, "x").unwrap()[..], new[11 * 4096..][..4096], "{version}");
        assert_eq!(made.array::<4096>(4 * 4096, "x").is_ok(), version <= 2, "{version}");
    }
}

#[test]
fn what_needs_the_older_image_is_missing_without_it() {
    for version in 1..=4 {
        let opened = block_update(version, None, Vec::new());
        let told: Vec<_> = errors(&opened).iter().map(|error| (error.kind, error.what)).collect();
        let required = ["command imgdiff", "command move", "command bsdiff"].map(|what| (Kind::BaseRequired, what));
        assert_eq!(told, required);
        assert_eq!(opened.children[0].source.array::<4096>(2 * 4096, "x").unwrap()[..], bytes_of(&fixture("new.dat")));
        assert!(opened.children[0].source.array::<1>(0, "x").is_err());
    }
}

#[test]
fn damaged_patches_are_errors_or_make_what_their_digest_says() {
    let (list, new) = (bytes_of(&fixture("version_4.transfer.list")), image("new.img.gz"));
    let (patches, data) = (bytes_of(&fixture("patch.dat")), fixture("new.dat"));
    let base = ByteSource::from_bytes(image("old.img.gz"));
    let mut state = 0x5eed_u64;
    let mut roll = |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % sides as u64) as usize
    };
    let mut damaged = 0;
    for _ in 0..400 {
        let mut bytes = patches.clone();
        for _ in 0..=roll(3) {
            let at = roll(bytes.len());
            bytes[at] = [0, 0xff, 0x7f, 0x80, roll(256) as u8][roll(5)];
        }
        bytes.truncate(patches.len() - roll(2) * roll(300));
        let over = Over { base: base.clone(), patches: ByteSource::from_bytes(bytes) };
        let limits = Limits { nodes: 5000, unpacked_bytes: 8 << 20, ..Limits::FILE };
        let opened = block_update::assemble(&list, &data, Some(&over), &Budget::new(limits)).unwrap();
        for block in 0..new.len() / 4096 {
            match opened.children[0].source.array::<4096>(block as u64 * 4096, "x") {
                Ok(made) => assert!(made[..] == new[block * 4096..][..4096], "block {block}"),
                Err(_) => damaged += 1,
            }
        }
    }
    assert!(damaged > 400, "{damaged}");
}

#[test]
fn a_patch_that_reaches_outside_of_the_old_bytes_reads_zeros_there() {
    // One step back before the start, one behind the end, and a sum of both with differences of one.
    let words = |numbers: &[i64]| -> Vec<u8> {
        let word = |number: &i64| (number.unsigned_abs() | u64::from(*number < 0) << 63).to_le_bytes();
        numbers.iter().flat_map(word).collect()
    };
    let steps = words(&[0, 1, -2, 4, 0, 1, 4, 1, 0]);
    let difference = [1; 8];
    let head = [&b"BSDF2\0\0\0"[..], &words(&[steps.len() as i64, 8, 10])].concat();
    let patch = [&head[..], &steps, &difference, b"<>"].concat();
    let list = format!("1\n1\nbsdiff 0 {} 2,0,1 2,0,1\n", patch.len());
    let base = [&b"abc"[..], &[0; 4093]].concat();
    let over = Over { base: ByteSource::from_bytes(base), patches: ByteSource::from_bytes(patch) };
    let opened =
        block_update::assemble(list.as_bytes(), &ByteSource::from_bytes(vec![]), Some(&over), &budget()).unwrap();
    assert_eq!(errors(&opened), []);
    assert_eq!(&opened.children[0].source.array::<12>(0, "x").unwrap(), b"<\x01\x01bc\x01\x01\x01\x01>\0\0");
}
