//! Lists every file under `knowledge/` and embeds its text, sorted by name.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../knowledge").canonicalize()?;
    let mut names = Vec::new();
    collect(&root, &mut names)?;
    names.sort();
    let mut text = String::from("pub(crate) static FILES: &[(&str, &str)] = &[\n");
    for path in names {
        let name = path.strip_prefix(&root)?.components().map(|part| part.as_os_str().to_string_lossy());
        let name = name.collect::<Vec<_>>().join("/");
        text.push_str(&format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string()));
    }
    text.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("embedded.rs"), text)?;
    Ok(())
}

/// Data files below a folder. The depth is that of the repository's own tree.
fn collect(folder: &Path, names: &mut Vec<PathBuf>) -> io::Result<()> {
    // A folder's own time changes with its list of files; a file's with its text. Both matter, at every level.
    writeln!(io::stdout(), "cargo::rerun-if-changed={}", folder.display())?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, names)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            writeln!(io::stdout(), "cargo::rerun-if-changed={}", path.display())?;
            names.push(path);
        }
    }
    Ok(())
}
