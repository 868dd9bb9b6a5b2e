//! The truth of a suite: one JSON object a line, each an app with the number of flows it has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::places::{self, Listed};

/// Category whose apps talk to each other: they are one device.
const TOGETHER: &str = "InterAppCommunication";

/// What is scanned at once, and what should be found.
#[derive(Debug, Default)]
pub struct Case {
    /// Category, as the suite has it.
    pub category: String,
    /// Name for the table.
    pub name: String,
    /// The apps.
    pub apps: Vec<PathBuf>,
    /// Pairs expected; absent: nobody says.
    pub expected: Option<u64>,
    /// The flows themselves, if the truth lists them.
    pub listed: Vec<Listed>,
    /// Whether two truths disagree about the number.
    pub yes_or_no: bool,
}

/// Reads a truth. The first component of its paths names the suite and is not part of the checkout.
///
/// # Errors
/// The file cannot be read, or an app is missing.
pub fn read(truth: &Path, suite: &Path, only: &str) -> Result<Vec<Case>, String> {
    let text = fs::read_to_string(truth).map_err(|error| format!("{}: {error}", truth.display()))?;
    let mut cases: BTreeMap<(String, String), Case> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let row: Value = serde_json::from_str(line).map_err(|error| format!("{}: {error}", truth.display()))?;
        let listed = row.get("apk").and_then(Value::as_str).ok_or("a row without an app")?;
        if !listed.contains(only) {
            continue;
        }
        let inside = listed.split_once('/').map_or(listed, |(_, inside)| inside);
        let app = suite.join(inside);
        if !app.is_file() {
            return Err(format!("{}: no such app", app.display()));
        }
        let category = row.get("category").and_then(Value::as_str).unwrap_or("all").to_owned();
        let together = category == TOGETHER;
        let name = if together { "together".to_owned() } else { stem(&app) };
        let case =
            cases.entry((category.clone(), if together { name.clone() } else { inside.to_owned() })).or_default();
        let expected =
            ["expected_leaks", "expected_flows"].iter().find_map(|key| row.get(*key).and_then(Value::as_u64));
        let other = row.get("comment_leaks").and_then(Value::as_u64);
        case.expected = match (case.expected, expected) {
            (Some(before), Some(more)) => Some(before + more),
            (before, more) => before.or(more),
        };
        case.yes_or_no = !together && expected.is_some() && other.is_some_and(|other| Some(other) != expected);
        (case.category, case.name) = (category, name);
        case.listed.extend(places::listed(&row));
        case.apps.push(app);
    }
    Ok(cases.into_values().collect())
}

fn stem(app: &Path) -> String {
    app.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
