//! House rules that no compiler checks.

use crate::{files, root};
use std::io;

/// Longest source file, in lines.
const LINES_MAX: usize = 600;

/// Marks of unfinished work, and folders of one computer. Written in halves so that this file does not break the rule.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!(")];
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// The supplier of the example firmware. Its names are reserved for examples (RFC 2606) and stand in tests.
const EXAMPLE_SUPPLIER: &str = "example";

/// Shortest part of a pattern that is looked for.
const PATTERN_LEN_MIN: usize = 6;

/// What breaks a rule, as `file: why`.
///
/// # Errors
/// The files cannot be read.
pub fn faults() -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    let root = root();
    for (file, text) in files::texts(&root, &[".rs"])? {
        if !text.starts_with("//!") {
            faults.push(format!("{file}: does not begin by saying what it is (`//!`)"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{file}: {lines} lines, at most {LINES_MAX}"));
        }
    }
    for (file, text) in files::texts(&root, &[".rs", ".toml", ".md", ".sh", ".py", ".java", "run"])? {
        for mark in UNFINISHED.iter().filter(|mark| text.contains(**mark)) {
            faults.push(format!("{file}: says {mark}"));
        }
        for path in MACHINE_PATHS.iter().filter(|path| names_path(&text, path)) {
            faults.push(format!("{file}: names a folder of one computer, {path}"));
        }
    }
    Ok(faults)
}

/// Whether `text` has `path` at the beginning of a path: `$folder/root/` is no such place.
fn names_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric() && !"}.)_-*".contains(before))
    })
}

/// Names of suppliers that stand in the code, as `file: name`. They belong in `knowledge/`.
///
/// # Errors
/// The files cannot be read.
pub fn supplier_names_in_code() -> io::Result<Vec<String>> {
    let words = supplier_words()?;
    let mut faults = Vec::new();
    for (file, text) in files::texts(&root().join("crates"), &[".rs"])? {
        let text = text.to_lowercase();
        for word in words.iter().filter(|word| file.contains("/src/") && text.contains(word.as_str())) {
            faults.push(format!("crates/{file}: {word}"));
        }
    }
    Ok(faults)
}

/// Names, other names and what gives suppliers away, in lower case.
///
/// # Errors
/// The files cannot be read or are no TOML.
pub fn supplier_words() -> io::Result<Vec<String>> {
    let mut words = Vec::new();
    for (file, text) in files::texts(&root().join("knowledge/suppliers"), &[".toml"])? {
        let table: toml::Table = text.parse().map_err(|error| io::Error::other(format!("{file}: {error}")))?;
        let suppliers = table.get("supplier").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for supplier in suppliers {
            if supplier.get("id").and_then(toml::Value::as_str) == Some(EXAMPLE_SUPPLIER) {
                continue;
            }
            for key in ["id", "name", "aliases"] {
                words.extend(strings(supplier.get(key)).map(str::to_lowercase));
            }
            let evidence =
                supplier.get("evidence").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for pattern in evidence.iter().flat_map(|piece| strings(piece.get("pattern"))) {
                let longest = pattern.split('*').max_by_key(|part| part.len()).unwrap_or_default();
                words.extend((longest.len() >= PATTERN_LEN_MIN).then(|| longest.to_lowercase()));
            }
        }
    }
    words.sort();
    words.dedup();
    Ok(words)
}

/// A string, or every string of a list.
fn strings(value: Option<&toml::Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    value.into_iter().chain(list).filter_map(toml::Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_inside_a_folder_is_no_place_of_one_computer() {
        for path in MACHINE_PATHS {
            for before in ["$tools", "a.b", "${folder}"] {
                assert!(!names_path(&format!("{before}{path}x"), path), "{before}{path}");
            }
            for before in ["", " ", "\"", "="] {
                assert!(names_path(&format!("{before}{path}x"), path), "{before}{path}");
            }
        }
    }
}
