//! Files that a user keeps in a folder for this program: knowledge, rules, reports.

use std::path::{Path, PathBuf};

use bytes::host::{self, HostKind};

use crate::exit::Stop;

/// Most folders below each other: a link that leads back to a folder above it ends here.
const DEPTH_MAX: usize = 8;
/// Most files taken, and most folders looked into: collections of rules have some thousand.
const FILES_MAX: usize = 10_000;
const FOLDERS_MAX: usize = 10_000;

/// Every file below `folder` whose name ends with one of `endings`, by its path from there. Links are followed, to files and to
/// folders. What is too deep or too many is an error: a file that is quietly left out would say nothing, and nobody would know.
pub(crate) fn files_below(folder: &Path, endings: &[&str]) -> Result<Vec<(String, PathBuf)>, Stop> {
    let mut search = Search { endings, files: Vec::new(), folders: 0 };
    search.look_into(folder, "", 0)?;
    if search.files.is_empty() {
        let wanted: Vec<String> = endings.iter().map(|ending| format!("*{ending}")).collect();
        return Err(Stop::because(format!("{}: no {} file in it", folder.display(), wanted.join(" or "))));
    }
    Ok(search.files)
}

struct Search<'e> {
    endings: &'e [&'e str],
    files: Vec<(String, PathBuf)>,
    folders: usize,
}

impl Search<'_> {
    /// `prefix` is the path from the top; the depth is bounded.
    fn look_into(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), Stop> {
        self.folders = self.folders.saturating_add(1);
        if depth > DEPTH_MAX {
            return Err(Stop::because(format!("{prefix}: more than {DEPTH_MAX} folders deep")));
        }
        if self.folders > FOLDERS_MAX {
            return Err(Stop::because(format!("{prefix}: more than {FOLDERS_MAX} folders")));
        }
        let because = |error: bytes::Error| Stop::because(format!("{}: {error}", folder.display()));
        for entry in host::list_folder(folder).map_err(because)? {
            let name = format!("{prefix}{}", firmware::shown(&entry.name));
            let is_folder = match entry.kind {
                HostKind::Directory => true,
                HostKind::Symlink(_) => host::is_folder(&entry.path),
                HostKind::File | HostKind::Special => false,
            };
            if is_folder {
                self.look_into(&entry.path, &format!("{name}/"), depth.saturating_add(1))?;
            } else if entry.kind != HostKind::Special && self.endings.iter().any(|ending| name.ends_with(ending)) {
                // A link that leads nowhere is among them: who reads it says so.
                if self.files.len() >= FILES_MAX {
                    return Err(Stop::because(format!("{name}: more than {FILES_MAX} files")));
                }
                self.files.push((name, entry.path));
            }
        }
        Ok(())
    }
}
