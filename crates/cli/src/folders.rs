//! Files that a user keeps in a folder for this program: knowledge, rules.

use std::path::{Path, PathBuf};

use bytes::host::{self, HostKind};

use crate::exit::Stop;

/// Most folders below each other, and files in all of them: collections of rules have some thousand.
const DEPTH_MAX: usize = 8;
const FILES_MAX: usize = 10_000;

/// Every file below `folder` whose name ends with one of `endings`, by its path from there. What is too deep or too many is an
/// error: a file that is quietly left out would say nothing, and nobody would know.
pub(crate) fn files_below(folder: &Path, endings: &[&str]) -> Result<Vec<(String, PathBuf)>, Stop> {
    let mut files = Vec::new();
    collect(folder, "", 0, endings, &mut files)?;
    if files.is_empty() {
        let wanted: Vec<String> = endings.iter().map(|ending| format!("*{ending}")).collect();
        return Err(Stop::because(format!("{}: no {} file in it", folder.display(), wanted.join(" or "))));
    }
    Ok(files)
}

/// `prefix` is the path from the top; the depth is bounded.
fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    endings: &[&str],
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), Stop> {
    let entries = host::list_folder(folder).map_err(|error| Stop::because(format!("{}: {error}", folder.display())))?;
    for entry in entries {
        let name = format!("{prefix}{}", firmware::shown(&entry.name));
        match entry.kind {
            HostKind::Directory if depth < DEPTH_MAX => {
                collect(&entry.path, &format!("{name}/"), depth.saturating_add(1), endings, files)?;
            }
            HostKind::Directory => return Err(Stop::because(format!("{name}: more than {DEPTH_MAX} folders deep"))),
            // A link may stand for a file; one that leads nowhere is an error the user wants to know.
            HostKind::File | HostKind::Symlink(_) if endings.iter().any(|ending| name.ends_with(ending)) => {
                if files.len() >= FILES_MAX {
                    return Err(Stop::because(format!("more than {FILES_MAX} files")));
                }
                files.push((name, entry.path));
            }
            HostKind::File | HostKind::Symlink(_) | HostKind::Special => {}
        }
    }
    Ok(())
}
