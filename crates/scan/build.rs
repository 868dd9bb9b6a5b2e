//! A digest of the sources that the analysis of an app is made of: kept results of other sources are not used.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::error::Error;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Folders below `crates/` whose code decides what is found in an app.
const CRATES: &[&str] =
    &["bytes", "codecs", "findings", "knowledge", "packages", "code", "analysis", "attribution", "scan"];

fn main() -> Result<(), Box<dyn Error>> {
    let crates = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let mut files = Vec::new();
    for name in CRATES {
        collect(&crates.join(name).join("src"), &mut files)?;
    }
    files.push(crates.join("../Cargo.lock"));
    files.sort();
    // Not a defence: two versions of one program must be told apart, and the hasher's start is fixed.
    let mut hasher = DefaultHasher::new();
    for path in files {
        writeln!(io::stdout(), "cargo::rerun-if-changed={}", path.display())?;
        path.strip_prefix(&crates).unwrap_or(&path).hash(&mut hasher);
        fs::read_to_string(&path)?.hash(&mut hasher);
    }
    writeln!(io::stdout(), "cargo::rustc-env=TIDEWAITER_SOURCES={:016x}", hasher.finish())?;
    Ok(())
}

/// Source files below a folder. The depth is that of the repository's own tree.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    // A folder's own time changes with its list of files.
    writeln!(io::stdout(), "cargo::rerun-if-changed={}", folder.display())?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
