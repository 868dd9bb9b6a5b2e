//! Programs as large as the largest images: hundreds of thousands of methods in many files.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use std::{collections::BTreeMap, time::Instant};

use code::{Hierarchy, InvokeKind};
use common::dex::{self, Class, Method, class};

const METHODS_PER_CLASS: usize = 64;

/// `files` files of `classes` classes of 64 methods; each class is below one of the same file.
fn files(files: usize, classes: usize) -> Vec<Vec<u8>> {
    let one = |file: usize, number: usize| -> Class {
        let superclass = format!("Lfile{file}/Class{};", number / 3);
        let superclass = if number == 0 { "Ljava/lang/Object;".to_owned() } else { superclass };
        let mut it = class(&format!("Lfile{file}/Class{number};"), &superclass, &["Ljava/lang/Runnable;"]);
        let method = |position: usize| Method {
            name: format!("method{position}"),
            prototype: (vec!["I".into(), format!("Lfile{file}/Class{number};")], "V".into()),
            access: 1,
            code: Some((3, vec![dex::RETURN_VOID])),
        };
        it.methods = (0..METHODS_PER_CLASS).map(method).collect();
        it.method("run")
    };
    (0..files)
        .map(|file| dex::write("035", &(0..classes).map(|number| one(file, number)).collect::<Vec<_>>()))
        .collect()
}

/// Builds a program of `count` files of a thousand classes and asks for its hierarchy; the numbers.
fn measure(count: usize) {
    let files = files(count, 1000);
    let start = Instant::now();
    let program = common::program(&files);
    let built = start.elapsed();
    let methods: usize = program.classes().iter().map(|class| class.methods.len()).sum();
    assert_eq!(methods, count * 1000 * (METHODS_PER_CLASS + 1));
    assert_eq!(common::problems(&program), [""; 0]);
    let start = Instant::now();
    let hierarchy = Hierarchy::new(&program, &BTreeMap::new());
    let resolved = (0..program.method_count())
        .filter(|&id| hierarchy.resolve(code::MethodId(id as u32), InvokeKind::Virtual).is_some())
        .count();
    assert_eq!(resolved, methods);
    assert_eq!(hierarchy.subclasses_of("Ljava/lang/Runnable;").len(), count * 1000);
    let asked = start.elapsed();
    println!("{methods} methods: built in {built:?}, hierarchy and {resolved} look-ups in {asked:?}");
}

#[test]
fn two_hundred_thousand_methods_are_one_program() {
    measure(3);
}

#[test]
#[ignore = "a measurement, for an optimised build"]
fn a_million_methods_are_one_program() {
    measure(16);
}
