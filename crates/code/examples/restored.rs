//! Writes the DEX files that an app's code is read from, as restored from compiled code, so that another tool can read them too.
//!
//! `cargo run --release -p tidewaiter-code --example restored -- FOLDER [[--whole] CLASS-PATH-FILE... --] FILE...`: files with the same stem are opened
//! together, as an app's would be. A line for each DEX file: its name in FOLDER, classes, methods with code, instructions, where
//! it comes from. Compact DEX is not written.
#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::{collections::BTreeMap, fs, path::Path};

use bytes::{Budget, ByteSource, Limits};
use code::{ClassPath, InputFile, Program};

fn main() -> Result<(), std::io::Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((folder, rest)) = arguments.split_first() else { return Ok(()) };
    let mut parts = rest.splitn(2, |argument| argument == "--");
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let class_path = second.map_or_else(ClassPath::default, |_| ClassPath {
        program: Program::build(&inputs(first), &Budget::new(Limits::FIRMWARE)),
        is_whole: first.first().is_some_and(|first| first == "--whole"),
    });
    let mut apps: BTreeMap<String, Vec<InputFile>> = BTreeMap::new();
    for file in inputs(second.unwrap_or(first)) {
        let stem = file.path.rsplit_once('.').map_or(file.path.as_str(), |(stem, _)| stem).to_owned();
        apps.entry(stem).or_default().push(file);
    }
    let mut number = 0_u32;
    for files in apps.values() {
        let program = Program::build(files, &Budget::new(Limits::FILE)).with_class_path(&class_path);
        let mut counts: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for class in program.classes() {
            for method in &class.methods {
                let Some(code) = method.code else { continue };
                let instructions = program.body(class, method).map_or(0, |body| u64::from(body.dalvik_instructions));
                let count = counts.entry(code.file).or_default();
                *count = (count.0 + 1, count.1 + instructions);
            }
        }
        for (at, file) in (0..).zip(program.files()) {
            number += 1;
            let name = format!("{number}.dex");
            if file.bytes.starts_with(b"dex\n") {
                fs::write(Path::new(folder).join(&name), &file.bytes)?;
            }
            let (methods, instructions) = counts.get(&at).copied().unwrap_or_default();
            println!("{name} {methods} {instructions} {:?} {}", file.fidelity, file.path);
        }
    }
    Ok(())
}

fn inputs(paths: &[String]) -> Vec<InputFile> {
    let open = |path: &String| Some(InputFile { path: path.clone(), source: ByteSource::open(Path::new(path)).ok()? });
    paths.iter().filter_map(open).collect()
}
