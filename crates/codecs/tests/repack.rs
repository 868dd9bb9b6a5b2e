//! Packing as zlib packs: every stream under `fixtures/codecs/zlib`, which zlib made, comes out again bit by bit.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::{Budget, ByteSource, Kind, Limits};
use codecs::{Wrapping, deflate_as_zlib, inflate};

fn packed(bytes: Vec<u8>, level: u32) -> bytes::Result<Vec<u8>> {
    let mut made = Vec::new();
    deflate_as_zlib(&ByteSource::from_bytes(bytes), level, &mut |part| {
        made.extend_from_slice(part);
        Ok(())
    })?;
    Ok(made)
}

fn folder() -> PathBuf {
    let given = std::env::var_os("ZLIB_STREAMS").map(PathBuf::from);
    given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/codecs/zlib"))
}

#[test]
fn what_zlib_packed_is_packed_in_the_same_way_again() {
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // `<case>.<level>`
        let Ok(level) = name.rsplit('.').next().unwrap().parse() else { continue };
        let budget = Budget::new(Limits::FILE);
        let theirs = ByteSource::open(&path).unwrap();
        let plain = inflate(&theirs, Wrapping::Raw, 64 << 20, &budget).unwrap();
        let ours = packed(plain, level).unwrap();
        let theirs = theirs.to_vec(&budget, "stream").unwrap();
        let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        if ours != theirs {
            println!("{name}: differs from byte {same} on ({} and {} bytes)", ours.len(), theirs.len());
        }
        count += 1;
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn levels_that_are_not_known_are_refused() {
    for level in [0, 3, 10] {
        assert_eq!(packed(vec![1; 9], level).unwrap_err().kind, Kind::Unsupported(u64::from(level)));
    }
}
