//! Tells what a native file imports, exports, registers and says: `cargo run --example tell FILE`.

#![allow(clippy::print_stdout, reason = "an example tells on stdout")]

use std::{error::Error, path::Path};

use bytes::{Budget, ByteSource, Limits};
use native::{Code, Elf, EntryKind, jni, strings};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give a file")?;
    let budget = Budget::new(Limits::FILE);
    let source = ByteSource::open(Path::new(&path))?;
    let elf = Elf::read(&source, &budget)?;
    println!("{:?} {} needed {:?}", elf.machine, if elf.is_64 { 64 } else { 32 }, elf.needed);
    println!("{} imports, {} exports, {} sections", elf.imports.len(), elf.exports.len(), elf.sections.len());
    for problem in &elf.problems {
        println!("problem: {problem}");
    }
    let bytes = jni::whole(&source, &budget)?;
    for binding in jni::exports(&elf).into_iter().chain(jni::registrations(&elf, &bytes)) {
        println!("{:#x} {:?} {} {:?}", binding.offset, binding.class, binding.method, binding.signature);
    }
    if let Some(code) = Code::read(&elf, &bytes) {
        println!("{} entries lead to {} functions, cut: {}", code.entries.len(), code.function_count(), code.is_cut);
        for (entry, asks) in code.asks(&bytes, |kind| matches!(kind, EntryKind::Method { .. } | EntryKind::OnLoad)) {
            for asks in asks {
                println!("{:?} at {:#x} may ask for {:?} {:?}", entry.kind, asks.offset, asks.classes, asks.methods);
            }
        }
        for built in code.built_texts() {
            println!("{:#x} puts together {:?}", built.offset, built.text);
        }
        for name in std::env::args().skip(2) {
            match code.way(std::slice::from_ref(&name)) {
                Some((_, steps)) => steps.iter().for_each(|step| println!("{name}: {:#x} {}", step.offset, step.text)),
                None => println!("{name}: no way"),
            }
        }
    }
    println!("{} texts", strings::each(&bytes).count());
    Ok(())
}
