//! The files of the repository.

use std::path::Path;
use std::{fs, io};

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", "target", "__pycache__", "build"];

/// Every file below `folder` whose name ends in one of `endings`, sorted, as (path from `folder`, text). Files that are no
/// text are left out.
///
/// # Errors
/// A folder or file cannot be read.
pub fn texts(folder: &Path, endings: &[&str]) -> io::Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) && !name.starts_with("target-") {
                    left.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let named = paths.into_iter().filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        Some((relative(folder, &path), text))
    });
    Ok(named.collect())
}

fn relative(folder: &Path, path: &Path) -> String {
    let inner = path.strip_prefix(folder).unwrap_or(path);
    inner.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
