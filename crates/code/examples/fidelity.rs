//! Tells of every DEX file inside compiled code how it relates to the file that was shipped.
//!
//! `cargo run --release -p tidewaiter-code --example fidelity -- [[--whole] CLASS-PATH-FILE... --] FILE...`. One line for each DEX file, one for each problem;
//! the totals last. Files with the same stem are opened together, as an app's would be.
#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::{collections::BTreeMap, path::Path, time::Instant};

use bytes::{Budget, ByteSource, Limits};
use code::{ClassPath, Fidelity, InputFile, Program};

#[derive(Default)]
struct Totals {
    files: u64,
    identical: u64,
    restored: u64,
    unknown: u64,
    classes: usize,
    methods: usize,
    problems: usize,
}

fn main() {
    let mut apps: BTreeMap<String, Vec<InputFile>> = BTreeMap::new();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut parts = arguments.splitn(2, |argument| argument == "--");
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let class_path = second.map_or_else(ClassPath::default, |_| class_path(first));
    for path in second.unwrap_or(first) {
        let path = path.clone();
        let Ok(source) = ByteSource::open(Path::new(&path)) else {
            println!("{path}: cannot be opened");
            continue;
        };
        let stem = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem).to_owned();
        apps.entry(stem).or_default().push(InputFile { path, source });
    }
    let start = Instant::now();
    let mut totals = Totals::default();
    for files in apps.values() {
        let program = Program::build(files, &Budget::new(Limits::FILE));
        // What is left unknown by the file alone: restored wholly, a file does not say how much that was.
        let alone: Vec<u32> = program.files().iter().map(|file| file.fidelity.unknown()).collect();
        let before = program.files().iter().map(|file| u64::from(file.fidelity.restored())).sum::<u64>();
        let program = program.with_class_path(&class_path);
        let left =
            program.files().iter().zip(&alone).map(|(file, &alone)| alone.saturating_sub(file.fidelity.unknown()));
        totals.restored += before + left.map(u64::from).sum::<u64>();
        tell(&program, &mut totals);
    }
    let Totals { files, identical, restored, unknown, classes, methods, problems } = totals;
    println!("{files} dex files, {identical} byte-identical; {restored} instructions restored, {unknown} unknown");
    println!("{classes} classes, {methods} methods with code, {problems} problems, {:?}", start.elapsed());
}

/// Whoever gives all files of a class path says so by `--whole`.
fn class_path(paths: &[String]) -> ClassPath {
    let (is_whole, paths) =
        paths.split_first().filter(|(first, _)| *first == "--whole").map_or((false, paths), |(_, rest)| (true, rest));
    let open = |path: &String| Some(InputFile { path: path.clone(), source: ByteSource::open(Path::new(path)).ok()? });
    let files: Vec<InputFile> = paths.iter().filter_map(open).collect();
    ClassPath { program: Program::build(&files, &Budget::new(Limits::FIRMWARE)), is_whole }
}

fn tell(program: &Program, totals: &mut Totals) {
    for (path, problem) in &program.problems {
        println!("{path}: {problem}");
    }
    totals.problems += program.problems.len();
    for file in program.files() {
        println!("{}: {:?}", file.path, file.fidelity);
        totals.files += 1;
        totals.identical += u64::from(file.fidelity == Fidelity::ByteIdentical);
        totals.unknown += u64::from(file.fidelity.unknown());
    }
    totals.classes += program.classes().len();
    let methods = program.classes().iter().flat_map(|class| &class.methods);
    totals.methods += methods.filter(|method| method.code.is_some()).count();
}
