//! Code is recognised whoever signs it and whatever its classes and packages are called there, and other code is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail")]

use std::collections::BTreeSet;
use std::path::Path;

use attribution::{CodeShapes, Traits, attribute, sketch};
use bytes::{Budget, ByteSource, Limits};
use code::{InputFile, Program};
use findings::{Standing, Supplier};
use knowledge::Knowledge;

fn dex(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path);
    ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

fn program(bytes: Vec<u8>) -> Program {
    let file = InputFile { path: "classes.dex".to_owned(), source: ByteSource::from_bytes(bytes) };
    Program::build(&[file], &Budget::new(Limits::FILE))
}

/// The program under another maker's names: every class in another package, whose name sorts where the old one did.
fn renamed(mut bytes: Vec<u8>) -> Vec<u8> {
    let places: Vec<usize> =
        bytes.windows(7).enumerate().filter(|(_, word)| *word == b"Lflows/").map(|(at, _)| at).collect();
    assert!(places.len() > 50, "the fixture has classes of its own");
    for at in places {
        bytes[at..at + 7].copy_from_slice(b"Lflowt/");
    }
    bytes
}

fn shapes(program: &Program) -> BTreeSet<u64> {
    let methods = program.classes().iter().flat_map(|class| &class.methods);
    methods.filter_map(|method| program.shape(method)).collect()
}

/// A supplier that is known by a sample of a program's code and by nothing else.
fn known_by(program: &Program) -> Knowledge {
    let words: Vec<String> = sketch(&shapes(program)).iter().map(|shape| format!("{shape:016x}")).collect();
    let text = format!(
        "reference = \"fixtures\"\n[[supplier]]\nid = \"x\"\nname = \"X\"\nsummary = \"An invention.\"\nreferences = [\"a test\"]\n[[code_sample]]\nsupplier = \"x\"\n\
         sample = \"{}\"\nabout = \"x 1.0\"\nbodies = {}\nweight_percent = 90\nreference = \"a test\"\nshapes = \"\"\"\n{}\n\"\"\"\n",
        "ab".repeat(32),
        words.len(),
        words.join("\n")
    );
    Knowledge::from_files(&[("x.toml", &text)]).unwrap()
}

/// What is said of a program by its code alone: no certificate, package, component, host or name is among the traits.
fn said(program: &Program, knowledge: &Knowledge) -> Option<Supplier> {
    let mut traits = Traits::default();
    traits.add_shapes(&CodeShapes::new(knowledge).found_in(program));
    attribute(&traits, knowledge).pop()
}

#[test]
fn a_renamed_program_is_recognised_by_its_code_alone() {
    let original = program(dex("flows/flows.dex"));
    let knowledge = known_by(&original);
    let copy = said(&program(renamed(dex("flows/flows.dex"))), &knowledge).unwrap();
    assert_eq!((copy.standing, copy.confidence_percent), (Standing::Named, 90));
    assert_eq!(copy.evidence.len(), 1);
    assert_eq!(copy.evidence[0].kind, "code");
}

#[test]
fn another_program_is_not() {
    let knowledge = known_by(&program(dex("flows/flows.dex")));
    for other in ["code/shapes-035.dex", "channels/one.dex", "constants/constants.dex"] {
        let found = said(&program(dex(other)), &knowledge);
        assert!(found.is_none_or(|found| found.standing == Standing::Trace), "{other}");
    }
}
