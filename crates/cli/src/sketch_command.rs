//! `knowledge sketch`: a sample of an app's code, as an entry of a knowledge file.

use std::io::Write;
use std::path::PathBuf;

use firmware::Input;

use crate::{
    arguments::Sketch,
    exit::{Exit, Stop},
    output,
};

/// Shapes on one line of the entry.
const SHAPES_PER_LINE: usize = 6;
/// What a sample is taken to prove, unless the reader knows better.
const WEIGHT_PERCENT: u8 = 90;

pub(crate) fn run(flags: &Sketch) -> Result<Exit, Stop> {
    let inputs = |paths: &[PathBuf]| paths.iter().map(|path| Input { path: path.clone() }).collect::<Vec<_>>();
    for path in flags.what.iter().chain(&flags.without) {
        if !bytes::host::exists(path) {
            return Err(Stop::because(format!("{}: not found", path.display())));
        }
    }
    let sketches =
        scan::sketch(&inputs(&flags.what), flags.package.as_deref(), &flags.namespace, &inputs(&flags.without));
    if sketches.is_empty() {
        return Err(Stop::because("no package with code of its own in it: nothing to recognise it by".to_owned()));
    }
    let mut out = output::result();
    for sketch in sketches {
        let about = match &sketch.version {
            Some(version) => format!("{} {version}", sketch.package),
            None => sketch.package.clone(),
        };
        let words: Vec<String> = sketch.shapes.iter().map(|shape| format!("{shape:016x}")).collect();
        let lines: Vec<String> = words.chunks(SHAPES_PER_LINE).map(|line| line.join(" ")).collect();
        writeln!(
            out,
            "[[code_sample]]\nsupplier = {}\nsample = \"{}\"\nabout = {}\nbodies = {}\nweight_percent = {WEIGHT_PERCENT}\n\
             reference = \"say where the package can be found\"\nshapes = \"\"\"\n{}\n\"\"\"\n",
            quoted(&flags.supplier),
            sketch.sha256,
            quoted(&about),
            sketch.bodies,
            lines.join("\n")
        )?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// A text as TOML writes it; what could end it or act on a terminal is written out.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            other if reports::escape::hides(other) => out.push_str(&format!("\\U{:08X}", u32::from(other))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_toml_string() {
        let hostile = "a\"b\\c\n\u{1b}[31m";
        let table: toml::Table = format!("x = {}", quoted(hostile)).parse().unwrap_or_default();
        assert_eq!(table.get("x").and_then(toml::Value::as_str), Some(hostile));
    }
}
