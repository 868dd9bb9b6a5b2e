//! Which crate may use which: arrows point down. The levels are read from the picture in ARCHITECTURE.md, so that the
//! picture cannot be wrong.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::root;

/// Arrows within one level that are part of the design.
const SIDEWAYS: &[(&str, &str)] = &[("codecs", "bytes")];

/// Foreign crates that are an effect, and the crates that may have it. Tests may use what they like.
const FENCES: &[(&str, &[&str])] = &[
    ("brotli-decompressor", &["codecs"]),
    ("bzip2", &["codecs"]),
    ("clap", &["cli"]),
    ("console", &["cli"]),
    ("indicatif", &["cli"]),
    ("flate2", &["codecs"]),
    ("lz4_flex", &["codecs"]),
    ("lzma-rust2", &["codecs"]),
    ("lzokay", &["codecs"]),
    ("postcard", &["store"]),
    ("rayon", &["analysis", "scan", "cli"]),
    ("ruzstd", &["codecs"]),
    ("serde_json", &["reports", "knowledge"]),
    ("toml", &["knowledge"]),
    ("yara-x", &["yara"]),
];

/// One crate of the workspace and what it uses.
#[derive(Debug)]
pub struct Crate {
    /// Name of its folder.
    pub name: String,
    /// Names of the crates it uses, and whether only its tests do.
    pub uses: Vec<(String, bool)>,
}

/// The crates under `crates/`, from `cargo metadata`.
///
/// # Errors
/// `cargo metadata` fails or says something else than expected.
pub fn crates() -> Result<Vec<Crate>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let packages = metadata.get("packages").and_then(Value::as_array).ok_or("no packages")?;
    packages.iter().filter_map(|package| read(package).transpose()).collect()
}

fn read(package: &Value) -> Result<Option<Crate>, String> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let manifest = text(package, "manifest_path").ok_or("no manifest path")?;
    let mut parts = manifest.rsplit('/').skip(1);
    let (Some(folder), Some(parent)) = (parts.next(), parts.next()) else { return Ok(None) };
    if parent != "crates" {
        return Ok(None);
    }
    let mut uses = Vec::new();
    for dependency in package.get("dependencies").and_then(Value::as_array).ok_or("no dependencies")? {
        let name = text(dependency, "name").ok_or("no name")?;
        let is_test = text(dependency, "kind").is_some_and(|kind| kind == "dev");
        uses.push((name.strip_prefix("tidewaiter-").unwrap_or(&name).to_owned(), is_test));
    }
    Ok(Some(Crate { name: folder.to_owned(), uses }))
}

/// Crate -> level, from the picture: lines `L4 claim | analysis | attribution |`.
#[must_use]
pub fn picture(document: &str) -> BTreeMap<String, u32> {
    let mut levels = BTreeMap::new();
    for line in document.lines() {
        let Some((level, rest)) = line.trim_start().strip_prefix('L').and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let (Ok(level), Some((_, cells))) = (level.parse(), rest.split_once('|')) else { continue };
        let names = cells.split('|').filter_map(|cell| cell.split_whitespace().next());
        levels.extend(names.map(|name| (name.to_owned(), level)));
    }
    levels
}

/// Everything that is wrong with the arrows between `crates`.
#[must_use]
pub fn faults(crates: &[Crate], levels: &BTreeMap<String, u32>) -> Vec<String> {
    let mut faults = Vec::new();
    for name in levels.keys().filter(|name| !crates.iter().any(|known| known.name == **name)) {
        faults.push(format!("{name} is in the picture, and there is no such crate"));
    }
    for Crate { name, uses } in crates {
        let Some(level) = levels.get(name) else {
            faults.push(format!("{name} is not in the picture of ARCHITECTURE.md"));
            continue;
        };
        for (used, is_test) in uses {
            let is_ours = levels.contains_key(used) || crates.iter().any(|known| known.name == *used);
            let is_down = levels.get(used).is_some_and(|below| below < level);
            if is_ours && !is_down && !SIDEWAYS.contains(&(name, used)) {
                faults.push(format!("{name} uses {used}, which is not below it"));
            }
            let fence = FENCES.iter().find(|(foreign, _)| foreign == used);
            if let Some((_, allowed)) = fence.filter(|_| !is_test)
                && !allowed.contains(&name.as_str())
            {
                faults.push(format!("{name} uses {used}, which only {} may", allowed.join(" and ")));
            }
        }
    }
    faults
}
