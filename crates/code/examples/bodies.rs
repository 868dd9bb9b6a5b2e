//! Builds and verifies every method body of DEX and OAT files, and tells how long building took, and decoding alone.
//!
//! `cargo run --release -p tidewaiter-code --example bodies -- [--counts | --text] FILE...`. With `--counts` one line for
//! each method follows: its name and the number of its instructions. With `--text` the bodies follow.
#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::{path::Path, time::Instant};

use bytes::{Budget, ByteSource, Limits};
use code::{InputFile, Program};

/// How often everything is decoded.
const PASSES: u32 = 10;

#[derive(Default)]
struct Totals {
    methods: u64,
    instructions: u64,
    operations: u64,
    joins: u64,
    unknown: u64,
    dropped_edges: u64,
    unreadable: u64,
    wrong: u64,
    nanoseconds: u128,
    decoding: u128,
    decoded: u64,
    slowest: (u128, u32, String),
}

fn main() {
    let mut totals = Totals::default();
    let mut mode = String::new();
    for argument in std::env::args().skip(1) {
        if argument.starts_with("--") {
            mode = argument;
            continue;
        }
        let Ok(source) = ByteSource::open(Path::new(&argument)) else {
            println!("{argument}: cannot be opened");
            continue;
        };
        let file = InputFile { path: argument, source };
        let program = Program::build(&[file], &Budget::new(Limits::FILE));
        for (path, problem) in &program.problems {
            println!("{path}: {problem}");
        }
        check(&program, &mode, &mut totals);
    }
    let Totals { methods, instructions, operations, joins, unknown, dropped_edges, unreadable, wrong, .. } = totals;
    let each = totals.nanoseconds as f64 / instructions.max(1) as f64;
    println!("{methods} methods, {instructions} instructions, {operations} operations, {joins} joins");
    println!("{unknown} not understood, {dropped_edges} edges dropped, {unreadable} unreadable, {wrong} wrong");
    let (slowest, count, name) = totals.slowest;
    let decoding = totals.decoding as f64 / totals.decoded.max(1) as f64;
    println!("decoding alone: {decoding:.1} ns for an instruction, {:.0} million a second", 1e3 / decoding);
    println!("{each:.0} ns for an instruction; slowest {} us for {count} instructions: {name}", slowest / 1000);
}

fn check(program: &Program, mode: &str, totals: &mut Totals) {
    let items: Vec<_> =
        program.classes().iter().flat_map(|class| &class.methods).filter_map(|method| method.code).collect();
    // Of several passes the fastest: what else runs on the computer is not the decoder's.
    let pass = || {
        let start = Instant::now();
        let decoded: u64 = items.iter().map(|&item| program.decode(item).map_or(0, u64::from)).sum();
        (start.elapsed().as_nanos(), decoded)
    };
    let (time, decoded) = (0..PASSES).map(|_| pass()).min().unwrap_or_default();
    totals.decoding += time;
    totals.decoded += decoded;
    let with_code = program.classes().iter().flat_map(|class| class.methods.iter().map(move |method| (class, method)));
    for (class, definition) in with_code.filter(|(_, method)| method.code.is_some()) {
        let name = || program.method_text(definition.method);
        let start = Instant::now();
        let body = program.body(class, definition);
        let time = start.elapsed().as_nanos();
        totals.methods += 1;
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                totals.unreadable += 1;
                println!("unreadable: {}: {error}", name());
                continue;
            }
        };
        if let Err(problem) = body.verify() {
            totals.wrong += 1;
            println!("wrong: {}: {problem}", name());
        }
        totals.nanoseconds += time;
        totals.instructions += u64::from(body.dalvik_instructions);
        totals.operations += body.instructions.len() as u64;
        totals.joins += body.blocks.iter().map(|block| block.phis.len() as u64).sum::<u64>();
        totals.unknown += u64::from(body.unknown_instructions);
        totals.dropped_edges += u64::from(body.dropped_edges);
        if time > totals.slowest.0 {
            totals.slowest = (time, body.dalvik_instructions, name());
        }
        match mode {
            "--counts" => println!("count {} {}", body.dalvik_instructions, name()),
            "--text" => print!("{}", program.body_text(definition.method)),
            _ => {}
        }
    }
}
