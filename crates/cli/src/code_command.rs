//! `code`: the methods of a DEX, OAT or APK file as text.

use std::io::Write;

use bytes::{Budget, Limits};
use code::{InputFile, Program};
use filesystems::EntryKind;
use firmware::look::Look;

use crate::{
    arguments::{Code, Place},
    exit::{Exit, Stop},
    keys, output,
};

/// What code files begin with: DEX files, those that Dalvik optimised, OAT files, and what stands beside OAT files since Android 8.
const MAGICS: [&[u8]; 4] = [b"dex\n", b"dey\n", b"\x7fELF", b"vdex"];

pub(crate) fn run(flags: &Code) -> Result<Exit, Stop> {
    let place = &flags.place.place;
    let (found, budget) = keys::look(&flags.place)?;
    let mut files = files(place, &found, &budget)?;
    files.extend(beside(flags));
    let program = Program::build(&files, &Budget::new(Limits::FILE));
    for (path, error) in &program.problems {
        output::message(&format!("{path}: {error}"));
    }
    let mut shown: usize = 0;
    let mut out = output::result();
    for class in program.classes() {
        for method in &class.methods {
            if is_wanted(&program.method_text(method.method), flags.method.as_deref()) {
                out.write_all(program.body_text(method.method).as_bytes())?;
                shown = shown.saturating_add(1);
            }
        }
    }
    out.flush()?;
    match (shown, &flags.method) {
        (0, Some(method)) => Err(Stop::because(format!("{place}: no method whose name contains {method:?}"))),
        (0, None) => Err(Stop::because(format!("{place}: no method could be read"))),
        _ if program.problems.is_empty() => Ok(Exit::Clean),
        _ => Ok(Exit::Incomplete),
    }
}

/// What has the code of an OAT file since Android 8: the VDEX file of the same name, if it is there.
fn beside(flags: &Code) -> Option<InputFile> {
    let (stem, extension) = flags.place.place.rsplit_once('.')?;
    let is_compiled = ["odex", "oat"].contains(&extension);
    let place = Place { place: format!("{stem}.vdex"), ..flags.place.clone() };
    let (found, _) = keys::look(&place).ok().filter(|_| is_compiled)?;
    let source = found.source().filter(|source| source.has(0, b"vdex"))?.clone();
    // The program knows the two as one by their names.
    Some(InputFile { path: found.name, source })
}

/// The file itself if it is code, or the code in it if it is a package.
fn files(place: &str, found: &Look, budget: &Budget) -> Result<Vec<InputFile>, Stop> {
    let is_code = |source: &bytes::ByteSource| MAGICS.iter().any(|magic| source.has(0, magic));
    if let Some(source) = found.source().filter(|source| is_code(source)) {
        return Ok(vec![InputFile { path: found.name.clone(), source: source.clone() }]);
    }
    let listing = found.listing(budget).map_err(|error| Stop::because(error.to_string()))?;
    for problem in &listing.problems {
        output::message(&format!("{}: {}", firmware::shown(&problem.path), problem.error));
    }
    let mut files: Vec<InputFile> = listing
        .entries
        .into_iter()
        .filter_map(|entry| match entry.kind {
            EntryKind::File(source) if entry.path.ends_with(b".dex") => {
                Some(InputFile { path: firmware::shown(&entry.path), source })
            }
            _ => None,
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if files.is_empty() { Err(Stop::because(format!("{place}: no code in it"))) } else { Ok(files) }
}

/// Whether a name has `part` in it, written as in the file or as people write it.
fn is_wanted(name: &str, part: Option<&str>) -> bool {
    let Some(part) = part else { return true };
    let dotted = name.strip_prefix('L').unwrap_or(name).replace(";->", ".").replace('/', ".");
    name.contains(part) || dotted.contains(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_by_either_way_of_writing_their_name() {
        let name = "Lcom/example/Report;->send(I)V";
        for part in [None, Some("Lcom/example/Report;->send"), Some("com.example.Report.send"), Some("send")] {
            assert!(is_wanted(name, part));
        }
        assert!(!is_wanted(name, Some("receive")));
    }
}
