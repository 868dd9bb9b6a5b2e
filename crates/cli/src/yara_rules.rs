//! `--yara`: rules of others, from a file or a folder.

use std::path::{Path, PathBuf};

use bytes::{
    Budget, ByteSource, Limits,
    host::{self, HostKind},
};
use scan::Rules;
use sha2::{Digest as _, Sha256};
use yara::{RULES_LEN_MAX, RuleFile};

use crate::exit::Stop;

/// Most folders below each other, and files in all of them: collections of rules have some thousand.
const DEPTH_MAX: usize = 8;
const FILES_MAX: usize = 10_000;
/// Endings of rule files in a folder.
const ENDINGS: [&str; 2] = [".yar", ".yara"];

/// The rules in `path`, compiled.
pub(crate) fn read(path: &Path) -> Result<Rules, Stop> {
    // Said before anything is read: no rule helps.
    if !yara::IS_BUILT_IN {
        return Err(Stop::because(yara::Error::NotBuiltIn.to_string()));
    }
    let mut found = Vec::new();
    if host::is_folder(path) {
        collect(path, "", 0, &mut found)?;
    } else {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        found.push((name, path.to_owned()));
    }
    if found.is_empty() {
        return Err(Stop::because(format!("{}: no *.yar or *.yara file in it", path.display())));
    }
    let budget = Budget::new(Limits { unpacked_bytes: RULES_LEN_MAX, ..Limits::FILE });
    let mut files = Vec::new();
    let mut digest = Sha256::new();
    for (name, path) in found {
        let because = |error: bytes::Error| Stop::because(format!("{}: {error}", path.display()));
        let text = ByteSource::open(&path).and_then(|source| source.to_vec(&budget, "rules")).map_err(because)?;
        for part in [name.as_bytes(), &text] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        files.push(RuleFile { name, text });
    }
    let rules = yara::Rules::compile(&files).map_err(|error| Stop::because(format!("rules: {error}")))?;
    Ok(Rules { rules, digest: digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect() })
}

/// Rule files below `folder`, by name. `prefix` is the path from the top; the depth is bounded.
fn collect(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<(String, PathBuf)>) -> Result<(), Stop> {
    let entries = host::list_folder(folder).map_err(|error| Stop::because(format!("{}: {error}", folder.display())))?;
    for entry in entries {
        let name = format!("{prefix}{}", firmware::shown(&entry.name));
        match entry.kind {
            HostKind::Directory if depth < DEPTH_MAX => {
                collect(&entry.path, &format!("{name}/"), depth.saturating_add(1), files)?;
            }
            HostKind::File if ENDINGS.iter().any(|ending| name.ends_with(ending)) => files.push((name, entry.path)),
            _ => {}
        }
        if files.len() > FILES_MAX {
            return Err(Stop::because(format!("{}: more than {FILES_MAX} rule files", folder.display())));
        }
    }
    Ok(())
}
