//! Native files against readelf, and damaged copies of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

use std::{fs, path::PathBuf};

use bytes::{Budget, ByteSource, Limits};
use native::{Elf, jni, strings};

const FILES: [&str; 2] = ["tables_32.so", "tables_64.so"];
/// Damaged copies of each file.
const RUNS: u32 = 25_000;
/// What reading one copy may spend.
const LIMITS: Limits = Limits { depth: 4, nodes: 100_000, unpacked_bytes: 4 << 20 };

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/native").join(name)
}

fn whole(name: &str) -> Vec<u8> {
    ByteSource::open(&fixture(name)).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

fn read(name: &str) -> (Elf, Vec<u8>) {
    let bytes = whole(name);
    let elf = Elf::read(&ByteSource::from_bytes(bytes.clone()), &Budget::new(Limits::FILE)).unwrap();
    (elf, bytes)
}

#[test]
fn imports_and_exports_are_those_that_readelf_lists() {
    for name in FILES {
        let (elf, bytes) = read(name);
        let imports = elf.imports.iter().map(|symbol| format!("import {}", symbol.name));
        let exports = elf.exports.iter().map(|symbol| format!("export {}", symbol.name));
        let mut found: Vec<String> = imports.chain(exports).collect();
        let listing = fs::read_to_string(fixture(&format!("{name}.list"))).unwrap();
        let mut expected: Vec<&str> = listing.lines().collect();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}");
        assert_eq!(elf.soname.as_deref(), Some("libtables.so"));
        assert!(elf.problems.is_empty(), "{:?}", elf.problems);
        assert!(elf.sections.iter().any(|section| section.name == ".dynsym"));
        let import = elf.import_of(&["popen".to_owned(), "system".to_owned()]).unwrap();
        assert!(bytes[usize::try_from(import.name_offset).unwrap()..].starts_with(b"system\0"));
    }
}

#[test]
fn methods_are_bound_by_name_and_by_table() {
    for name in FILES {
        let (elf, bytes) = read(name);
        let told = |binding: &jni::Binding| {
            (
                binding.class.clone().unwrap_or_default(),
                binding.method.clone(),
                binding.signature.clone().unwrap_or_default(),
            )
        };
        let mut exported: Vec<_> = jni::exports(&elf).iter().map(told).collect();
        exported.sort();
        let class = "org.example.fixture.Native".to_owned();
        let expected = [(class.clone(), "call_it", ""), (class, "over", "(I)")];
        assert_eq!(
            exported,
            expected.map(|(class, method, signature)| (class, method.to_owned(), signature.to_owned()))
        );
        let registered: Vec<_> = jni::registrations(&elf, &bytes).iter().map(told).collect();
        let expected = [("bindFirst", "(Ljava/lang/String;I)V"), ("bindSecond", "([B)Ljava/lang/Object;")];
        let expected = expected.map(|(method, signature)| (String::new(), method.to_owned(), signature.to_owned()));
        assert_eq!(registered, expected, "{name}");
    }
}

#[test]
fn texts_of_both_widths_are_found() {
    for name in FILES {
        let (_, bytes) = read(name);
        let texts: Vec<(String, bool)> = strings::each(&bytes).map(|text| (text.text(), text.is_wide)).collect();
        for expected in [("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", false), ("wide text", true)] {
            assert!(texts.contains(&(expected.0.to_owned(), expected.1)), "{name}: {expected:?}");
        }
    }
}

#[test]
fn damaged_files_are_read_or_refused_within_bounds() {
    let mut state = 0x5eed_0000_0001_u64;
    let mut roll = move |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % sides.max(1) as u64) as usize
    };
    for name in FILES {
        let whole = whole(name);
        let mut opened = 0_u32;
        for _ in 0..RUNS {
            let mut bytes = whole.clone();
            for _ in 0..=roll(3) {
                let at = if roll(2) == 0 { roll(bytes.len() - 4) } else { roll(256) };
                match roll(5) {
                    0 => bytes[at] ^= 1 << roll(8),
                    1 => bytes[at..at + 4].fill(0xff),
                    2 => bytes[at..at + 4].fill(0),
                    3 => bytes[at..at + 4].copy_from_slice(&(roll(1 << 16) as u32).to_le_bytes()),
                    _ => bytes.truncate(at.max(300)),
                }
            }
            let source = ByteSource::from_bytes(bytes.clone());
            let Ok(elf) = Elf::read(&source, &Budget::new(LIMITS)) else { continue };
            opened += 1;
            let _ = (jni::exports(&elf).len(), jni::registrations(&elf, &bytes).len());
        }
        assert!(opened > RUNS / 4, "{name}: only {opened} of {RUNS} damaged copies were opened");
    }
}
