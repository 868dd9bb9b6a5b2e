//! Shapes of method bodies: what they survive and what they tell apart.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code: a failure is a panic")]

mod common;

use std::{collections::BTreeSet, path::PathBuf};

use bytes::{Budget, ByteSource, Limits};
use code::{MethodDefinition, Op, Program};

fn flows() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/flows/flows.dex");
    ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap()
}

fn methods(program: &Program) -> impl Iterator<Item = &MethodDefinition> {
    program.classes().iter().flat_map(|class| &class.methods).filter(|method| method.code.is_some())
}

fn shapes(program: &Program) -> BTreeSet<u64> {
    methods(program).filter_map(|method| program.shape(method)).collect()
}

#[test]
fn other_names_give_the_same_shapes() {
    let original = flows();
    let mut renamed = original.clone();
    // The new name sorts where the old one did, as the document asks of a string table.
    let places: Vec<usize> =
        original.windows(7).enumerate().filter(|(_, word)| *word == b"Lflows/").map(|(at, _)| at).collect();
    assert!(places.len() > 50, "the fixture has classes of its own");
    for at in places {
        renamed[at..at + 7].copy_from_slice(b"Lflowt/");
    }
    let (original, renamed) = (common::program(&[original]), common::program(&[renamed]));
    assert!(renamed.classes().iter().any(|class| renamed.descriptor(class.ty).starts_with("Lflowt/")));
    assert!(shapes(&original).len() > 80, "{} shapes", shapes(&original).len());
    assert_eq!(shapes(&original), shapes(&renamed));
}

#[test]
fn quickened_code_has_the_shape_it_had() {
    let mut file = flows();
    let original = common::program(&[file.clone()]);
    let mut quickened = 0;
    for method in methods(&original) {
        let code = original.code_item(method.code.unwrap()).unwrap();
        let body = original.body_of(method.method).unwrap().unwrap();
        for instruction in &body.instructions {
            let is_access = matches!(instruction.op, Op::FieldGet { .. } | Op::FieldPut { .. } | Op::Invoke { .. });
            let at = usize::try_from(code.instructions_offset).unwrap() + 2 * instruction.address as usize;
            // As the device's compiler does: virtual calls by table position, fields by offset.
            let quick = match file[at] {
                0x52 => 0xe3,
                0x53 => 0xe4,
                0x54 => 0xe5,
                0x59 => 0xe6,
                0x5a => 0xe7,
                0x5b => 0xe8,
                0x6e => 0xe9,
                0x74 => 0xea,
                _ => continue,
            };
            if is_access {
                common::patch(&mut file, at, &[quick]);
                common::patch(&mut file, at + 2, &[12, 0]);
                quickened += 1;
            }
        }
    }
    assert!(quickened > 500, "{quickened} instructions quickened");
    assert_eq!(shapes(&common::program(&[file])), shapes(&original));
}

#[test]
fn different_bodies_have_different_shapes() {
    let program = common::program(&[flows()]);
    let all: Vec<u64> = methods(&program).filter_map(|method| program.shape(method)).collect();
    let distinct: BTreeSet<u64> = all.iter().copied().collect();
    assert!(distinct.len() * 100 >= all.len() * 80, "{} of {}", distinct.len(), all.len());
    // A sample of the smallest is a fair one only if shapes are spread evenly.
    let below_middle = distinct.iter().filter(|shape| **shape < u64::MAX / 2).count();
    assert!(below_middle * 3 > distinct.len() && below_middle * 3 < distinct.len() * 2, "{below_middle}");
}
