//! Counts the apps of devices whose code is seen: in the package itself as the platform looks for it, in compiled files beside
//! it, in other places inside.
//!
//! `cargo run --release -p tidewaiter-scan --example visible_code -- DEVICE...`. A line for each device: packages with a manifest
//! that says there is code, and something that could run it; those of them with DEX files of their own; those with classes when compiled files are read; those
//! whose compiled file is listed but absent; those with hidden code; instructions, and how long reading all bodies took.
#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::{path::PathBuf, time::Instant};

use bytes::{Budget, Limits};
use code::{InputFile, Program};
use firmware::{FileKind, Input};
use packages::{CodeFile, Package};

#[derive(Default)]
struct Counts {
    apps: usize,
    own: usize,
    seen: usize,
    absent: usize,
    hidden: usize,
    instructions: u64,
    nanoseconds: u128,
}

fn main() {
    for argument in std::env::args().skip(1) {
        let input = Input { path: PathBuf::from(&argument) };
        let firmware = firmware::unfold(&[input], &Budget::new(Limits::FIRMWARE));
        let packages = packages::collect(&firmware, &mut |_, _| {});
        let is_there =
            |path: &str| firmware.files.iter().any(|file| file.path == path && matches!(file.kind, FileKind::File(_)));
        let mut counts = Counts::default();
        // Packages of resources have nothing that could run.
        let could_run = |app: &Package| !app.components.is_empty() || app.application_class.is_some();
        let apps = packages.iter().filter(|app| !app.name.is_empty() && app.has_code && could_run(app));
        let apps = apps.filter(|app| is_there(&app.path));
        for app in apps {
            count(app, &mut counts);
        }
        let Counts { apps, own, seen, absent, hidden, instructions, nanoseconds } = counts;
        let speed = instructions as f64 * 1000.0 / nanoseconds.max(1) as f64;
        println!(
            "{argument}: {apps} apps, {own} with code of their own, {seen} with compiled files, {absent} of the others \
             listed but absent, {hidden} hide code; {instructions} instructions, {speed:.1} million a second"
        );
    }
}

fn count(app: &Package, counts: &mut Counts) {
    counts.apps += 1;
    counts.own += usize::from(app.code_files.iter().any(|file| file.path.contains('!')));
    counts.hidden += usize::from(!app.hidden_files.is_empty());
    let file = |file: &CodeFile| InputFile { path: file.path.clone(), source: file.source.clone() };
    let files: Vec<InputFile> = app.code_files.iter().map(file).collect();
    let program = Program::build(&files, &Budget::new(Limits::FILE));
    if program.classes().is_empty() {
        let is_absent = app.problems.iter().any(|problem| problem.contains("which is absent"));
        counts.absent += usize::from(is_absent);
        println!("  {}: {:?} {:?}", app.path, app.problems, program.problems);
        return;
    }
    counts.seen += 1;
    let start = Instant::now();
    for class in program.classes() {
        for method in class.methods.iter().filter(|method| method.code.is_some()) {
            if let Ok(body) = program.body(class, method) {
                counts.instructions += u64::from(body.dalvik_instructions);
            }
        }
    }
    counts.nanoseconds += start.elapsed().as_nanos();
}
