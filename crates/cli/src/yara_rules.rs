//! `--yara`: rules of others, from a file or a folder.

use std::path::Path;

use bytes::{Budget, ByteSource, Limits, host};
use scan::Rules;
use sha2::{Digest as _, Sha256};
use yara::{RULES_LEN_MAX, RuleFile};

use crate::{exit::Stop, folders::files_below};

/// Endings of rule files in a folder.
const ENDINGS: [&str; 2] = [".yar", ".yara"];

/// The rules in `path`, compiled.
pub(crate) fn read(path: &Path) -> Result<Rules, Stop> {
    // Said before anything is read: no rule helps.
    if !yara::IS_BUILT_IN {
        return Err(Stop::because(yara::Error::NotBuiltIn.to_string()));
    }
    let found = if host::is_folder(path) {
        files_below(path, &ENDINGS)?
    } else {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        vec![(name, path.to_owned())]
    };
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
