//! Ways from entries to imports, against what objdump sees, and damaged copies. The fixtures are one source for each processor.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails loudly")]

use std::{fs, path::PathBuf};

use bytes::{Budget, ByteSource, Limits};
use native::{BuiltText, Code, Elf, EntryKind, Goal, strings};

/// Files, and whether each is a program beside a library.
const FILES: [(&str, bool); 5] = [
    ("calls_arm.so", false),
    ("calls_thumb.so", true),
    ("calls_aarch64.so", true),
    ("calls_x86.so", false),
    ("calls_x86_64.so", true),
];
/// Libraries whose methods ask the runtime for Java methods.
const ASKING: [&str; 3] = ["asks_thumb.so", "asks_aarch64.so", "asks_x86_64.so"];
/// Damaged copies of each of these files.
const RUNS: u32 = 5_000;
/// What reading one copy may spend.
const LIMITS: Limits = Limits { depth: 4, nodes: 100_000, unpacked_bytes: 4 << 20 };

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/native").join(name)
}

fn whole(name: &str) -> Vec<u8> {
    ByteSource::open(&fixture(name)).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

fn elf(bytes: &[u8]) -> Elf {
    Elf::read(&ByteSource::from_bytes(bytes.to_vec()), &Budget::new(Limits::FILE)).unwrap()
}

fn names(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

#[test]
fn calls_of_imports_are_those_that_objdump_sees_in_what_entries_lead_to() {
    for (name, is_program) in FILES {
        let bytes = whole(name);
        let elf = elf(&bytes);
        let code = Code::read(&elf, &bytes).unwrap();
        let found: Vec<String> = code.import_calls().map(|(at, name)| format!("{at:x} {name}")).collect();
        let listing = fs::read_to_string(fixture(&format!("{name}.calls"))).unwrap();
        // Nothing leads to the one, and to the other only what others could call in a library.
        let is_reached = |line: &&str| !(line.ends_with(" dlopen") || is_program && line.ends_with(" property_set"));
        let expected: Vec<&str> = listing.lines().filter(is_reached).collect();
        assert!(expected.len() >= 5, "{name}");
        assert_eq!(found, expected, "{name}");
        assert!(!code.is_cut, "{name}");
    }
}

#[test]
fn a_way_leads_from_a_java_method_over_functions_to_the_import() {
    for (name, is_program) in FILES {
        let bytes = whole(name);
        let elf = elf(&bytes);
        let code = Code::read(&elf, &bytes).unwrap();
        let told = |import: &str| {
            let ways = code.ways(&names(import), |_| true);
            let told = ways.into_iter().filter_map(|(entry, steps)| match &entry.kind {
                EntryKind::Method { class, method, .. } => {
                    assert_eq!(steps.last()?.import(), Some(import), "{name}");
                    Some((format!("{}.{method}", class.clone().unwrap_or_default()), steps))
                }
                _ => None,
            });
            told.collect::<Vec<_>>()
        };
        // Exported by name; the call may go over a stub of the file's own function, and ends at the import.
        let run = told("system");
        assert_eq!(run.len(), 1, "{name}: {run:?}");
        assert_eq!(run[0].0, "org.example.fixture.Calls.run");
        let texts: Vec<&str> = run[0].1.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(texts.len(), 3, "{name}: {texts:?}");
        assert!(texts[0].starts_with("native method org.example.fixture.Calls.run is function 0x"), "{texts:?}");
        assert!(texts[1].contains(" calls function 0x") && texts[2].ends_with(" calls system"), "{texts:?}");
        // Bound by a table; the thread that it starts connects.
        let start = told("connect");
        assert_eq!(start.len(), 1, "{name}: {start:?}");
        assert_eq!(start[0].0, ".start");
        let texts: Vec<&str> = start[0].1.iter().map(|step| step.text.as_str()).collect();
        assert!(texts[1].contains(" hands out the address of function 0x"), "{name}: {texts:?}");
        assert!(told("dlopen").is_empty() && code.way(&names("dlopen")).is_none(), "{name}");
        // Who makes an object hands out the table of its class.
        let way = code.way(&names("property_set"));
        assert_eq!(way.is_some(), !is_program, "{name}");
        if let Some((entry, _)) = way {
            assert_eq!(entry.kind, EntryKind::Exported("make".to_owned()), "{name}");
        }
        let (entry, _) = code.way(&names("system")).unwrap();
        assert_eq!(entry.kind == EntryKind::Start, is_program, "{name}: {entry:?}");
    }
}

#[test]
fn the_function_that_leads_to_several_imports_and_a_text_is_found() {
    for (name, _) in FILES {
        let bytes = whole(name);
        let elf = elf(&bytes);
        let code = Code::read(&elf, &bytes).unwrap();
        let request = strings::each(&bytes).find(|text| text.text().starts_with("GET ")).unwrap().offset;
        let (connect, send, run) = (names("connect"), names("send"), names("system"));
        let goals = [Goal::Import(&connect), Goal::Import(&send), Goal::Places(&[request])];
        let common = code.common(&goals).unwrap();
        // The thread calls both; its callers are farther away.
        assert_eq!(common.calls_max, 2, "{name}: {common:?}");
        assert_eq!(common.to_each[0].len(), 1, "{name}: {common:?}");
        let at = common.to_each[0][0].text.trim_end_matches(" calls connect").to_owned();
        assert!(common.to_each[1][0].text.starts_with(&at), "{name}: {common:?}");
        assert!(common.from_entry.last().unwrap().text.ends_with(&at), "{name}: {common:?}");
        // Nothing leads to both a command and the request.
        assert_eq!(code.common(&[Goal::Import(&run), Goal::Places(&[request])]), None, "{name}");
        // Each step stands where an instruction is.
        let steps = common.from_entry.iter().chain(common.to_each.iter().flatten());
        assert!(steps.clone().all(|step| step.offset > 0 && step.offset < bytes.len() as u64));
    }
}

#[test]
fn a_text_that_code_puts_together_is_told_with_the_function() {
    for name in ["asks_arm.so", "asks_thumb.so", "asks_aarch64.so", "asks_x86.so", "asks_x86_64.so"] {
        let bytes = whole(name);
        let elf = elf(&bytes);
        let code = Code::read(&elf, &bytes).unwrap();
        let built: Vec<BuiltText> = code.built_texts().collect();
        let [text] = built.as_slice() else { panic!("{name}: {built:?}") };
        assert_eq!(text.text, "built.example", "{name}");
        assert!(strings::each(&bytes).all(|text| !text.text().contains("built.ex")), "{name}: it stands nowhere");
        let export = elf.exports.iter().find(|symbol| symbol.name == "put_together").unwrap();
        assert_eq!(text.function, export.address, "{name}");
        let goals = [Goal::Import(&names("write")), Goal::Functions(&[text.function])];
        assert_eq!(code.common(&goals).unwrap().calls_max, 1, "{name}");
    }
}

#[test]
fn damaged_code_is_followed_within_bounds() {
    let mut state = 0x5eed_0000_0003_u64;
    let mut roll = move |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % sides.max(1) as u64) as usize
    };
    let asking = ASKING.iter().map(|&name| (name, names("write")));
    let calling = FILES.iter().map(|&(name, _)| (name, names("system")));
    for (name, goal) in calling.chain(asking) {
        let whole = whole(name);
        let mut ways = 0_u32;
        for _ in 0..RUNS {
            let mut bytes = whole.clone();
            for _ in 0..=roll(6) {
                let at = if roll(4) != 0 { roll(bytes.len() - 4) } else { roll(256) };
                match roll(5) {
                    0 => bytes[at] ^= 1 << roll(8),
                    1 => bytes[at..at + 4].fill(0xff),
                    2 => bytes[at..at + 4].fill(0),
                    3 => bytes[at..at + 4].copy_from_slice(&(roll(1 << 16) as u32).to_le_bytes()),
                    _ => bytes.truncate(at.max(whole.len() - 64)),
                }
            }
            let source = ByteSource::from_bytes(bytes.clone());
            let Ok(elf) = Elf::read(&source, &Budget::new(LIMITS)) else { continue };
            let Some(code) = Code::read(&elf, &bytes) else { continue };
            let connect = names("connect");
            let asked = code.asks(&bytes, |_| true);
            assert!(asked.iter().flat_map(|(_, asks)| asks).all(|asks| asks.offset < bytes.len() as u64));
            if let Some((_, steps)) = code.way(&goal) {
                assert!(steps.iter().all(|step| step.offset < bytes.len() as u64));
                ways += 1;
            }
            let _ = code.common(&[Goal::Import(&goal), Goal::Import(&connect)]);
        }
        assert!(ways > RUNS / 4, "{name}: a way in only {ways} of {RUNS} damaged copies");
    }
}
