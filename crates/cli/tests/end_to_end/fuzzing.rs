//! The fuzz target is outside of the workspace; here its body is compiled, and run over fixtures.

#[path = "../../../../fuzz/formats.rs"]
mod formats;

use std::path::PathBuf;

use crate::common::root;

/// Longer fixtures take long with every format.
const LEN_MAX: u64 = 256 << 10;

fn files_in(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap());
    let small = entries.filter(|entry| entry.metadata().is_ok_and(|data| data.is_file() && data.len() <= LEN_MAX));
    small.map(|entry| entry.path()).collect()
}

#[test]
fn every_registered_format_has_a_fuzz_target_that_reads_its_fixtures() {
    let names = containers::FORMATS.iter().map(|format| (format.name, format!("fixtures/containers/{}", format.name)));
    let names = names.chain(
        filesystems::FORMATS.iter().map(|format| (format.name, format!("fixtures/filesystems/{}", format.name))),
    );
    let code = [("dalvik", "fixtures/code".to_owned()), ("native", "fixtures/native".to_owned())];
    for (name, folder) in names.chain(code) {
        assert!(formats::is_known(name), "{name}");
        for file in files_in(&folder) {
            formats::read_all(&std::fs::read(&file).unwrap(), Some(name));
        }
    }
    assert!(!formats::is_known("nothing"));
}
