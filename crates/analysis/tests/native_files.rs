//! Native files held against the facts of the knowledge files: what holds, what does not, and damaged copies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use analysis::native_files::{ChannelNames, NativeFile, Starter, examine};
use bytes::{Budget, ByteSource, Limits};
use knowledge::Knowledge;

/// Damaged copies of each file.
const RUNS: u32 = 2_000;

fn read(path: &str) -> Vec<u8> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/native/device/system").join(path);
    ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

fn held(path: &str, bytes: Vec<u8>, names: &[&str], starters: &[Starter], knowledge: &Knowledge) -> Option<NativeFile> {
    let names: ChannelNames = names.iter().map(|&name| ("local_socket".to_owned(), name.to_owned())).collect();
    examine((path, "", &ByteSource::from_bytes(bytes)), &names, starters, knowledge).unwrap()
}

#[test]
fn a_server_is_joined_only_by_a_name_that_apps_use() {
    let knowledge = Knowledge::embedded().unwrap();
    let facts = |names: &[&str], starters: &[Starter]| {
        let file = held("/system/bin/waiter", read("bin/waiter"), names, starters, &knowledge);
        file.map_or(0, |file| file.facts(starters, &knowledge).facts.len())
    };
    assert_eq!(facts(&[], &[]), 0);
    assert_eq!(facts(&["waiter", "socket", "waitersocket2"], &[]), 0);
    assert_eq!(facts(&["waitersocket"], &[]), 1);
    // A socket that init makes for a program needs no text in it; one for another program says nothing.
    let starter = |program: &str| Starter {
        program: program.to_owned(),
        words: "init service waiter".to_owned(),
        is_core: true,
        sockets: vec!["made".to_owned()],
    };
    assert_eq!(facts(&["made"], &[starter("/system/bin/waiter")]), 1);
    assert_eq!(facts(&["made"], &[starter("/system/bin/other")]), 0);
}

#[test]
fn libraries_are_held_against_facts_of_their_name() {
    let knowledge = Knowledge::embedded().unwrap();
    let holds = |path: &str, file: &str| held(path, read(file), &[], &[], &knowledge).is_some();
    assert!(holds("/system/lib/liblog.so", "lib/liblog.so"));
    assert!(holds("/system/lib64/libc.so", "lib/libandroid_runtime.so"), "cipher text in any of them");
    assert!(!holds("/system/lib/libother.so", "lib/liblog.so"));
    assert!(!holds("/system/lib/libutils.so", "lib/libutils.so"));
    assert!(!holds("/system/lib/libcutils.so", "lib/libcutils.so"));
}

#[test]
fn a_text_that_code_puts_together_on_the_stack_counts_as_one_that_stands_in_the_file() {
    let fact = |text: &str| {
        let text = format!(
            "reference = \"https://example.org/\"\n[[native_fact]]\nid = \"built\"\nsource = \"network_input\"\nsink = \"exec\"\n\
             files = [\"asks.so\"]\nimports = [[\"connect\"], [\"write\"]]\nstrings = [[\"{text}\"]]"
        );
        Knowledge::with_files(&[("more.toml".to_owned(), text)]).unwrap()
    };
    for name in ["asks_thumb.so", "asks_aarch64.so", "asks_x86_64.so"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/native").join(name);
        let bytes = ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap();
        let knowledge = fact("built.example");
        let file = held("/system/lib/asks.so", bytes.clone(), &[], &[], &knowledge).unwrap();
        let facts = file.facts(&[], &knowledge);
        assert!(
            facts.steps.iter().any(|step| step.text == "puts together \"built.example\""),
            "{name}: {:?}",
            facts.steps
        );
        assert_eq!(held("/system/lib/asks.so", bytes, &[], &[], &fact("other.example")), None, "{name}");
    }
}

#[test]
fn damaged_files_are_examined_within_bounds() {
    let knowledge = Knowledge::embedded().unwrap();
    let names: ChannelNames = [("local_socket".to_owned(), "agentsocket".to_owned())].into();
    let mut state = 0x5eed_0000_0002_u64;
    let mut roll = move |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % sides.max(1) as u64) as usize
    };
    for (path, file) in [("/system/bin/agent", "bin/agent"), ("/system/lib/liblog.so", "lib/liblog.so")] {
        let whole = read(file);
        let mut spoken = 0_u32;
        for _ in 0..RUNS {
            let mut bytes = whole.clone();
            for _ in 0..=roll(3) {
                let at = if roll(2) == 0 { roll(bytes.len() - 4) } else { roll(256) };
                match roll(4) {
                    0 => bytes[at] ^= 1 << roll(8),
                    1 => bytes[at..at + 4].fill(0xff),
                    2 => bytes[at..at + 4].fill(0),
                    _ => bytes.truncate(at.max(300)),
                }
            }
            let source = ByteSource::from_bytes(bytes);
            if let Ok(Some(found)) = examine((path, "", &source), &names, &[], &knowledge) {
                spoken += 1;
                let facts = found.facts(&[], &knowledge);
                assert!(facts.steps.iter().all(|step| step.offset < source.len()));
            }
        }
        assert!(spoken > RUNS / 10, "{file}: facts held of {spoken} of {RUNS} damaged copies");
    }
}
