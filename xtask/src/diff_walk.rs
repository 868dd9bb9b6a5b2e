//! `cargo xtask diff-walk IMAGE`: the kernel's view of an image against ours, entry by entry: type, mode, owner, length,
//! SHA-256, link target, SELinux label and capabilities. The kernel mounts ext4, EROFS and squashfs; where it does not,
//! nothing is compared, and that is said.

#[path = "../../crates/filesystems/tests/common/listing.rs"]
mod listing;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

use bytes::{Budget, ByteSource, Limits};

use crate::root;

/// Differences that are shown.
const SHOWN_MAX: usize = 20;

/// Compares and says how many entries are the same.
///
/// # Errors
/// The image cannot be read or mounted, or the two views differ.
pub fn diff_walk(image: &Path) -> Result<String, String> {
    let (format, ours) = our_view(image)?;
    let theirs = kernel_view(image)?;
    let differences = differences(&ours, &theirs);
    if differences.is_empty() {
        return Ok(format!("{format}: {} entries, each as the kernel sees it", theirs.len()));
    }
    let shown = differences.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join("\n");
    let count = differences.len();
    Err(format!("{format}: {count} differences in {} entries (- kernel, + ours)\n{shown}", theirs.len()))
}

/// Every entry as a line; what could not be read stands as a line too, so that it differs.
fn our_view(image: &Path) -> Result<(&'static str, BTreeSet<String>), String> {
    let source = ByteSource::open(image).map_err(|error| error.to_string())?;
    let format = filesystems::identify(&source).ok_or("no file system that is known here")?;
    let tree = (format.read)(&source, &Budget::new(Limits::FIRMWARE)).map_err(|error| error.to_string())?;
    let mut lines = BTreeSet::new();
    for entry in &tree.entries {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        lines.insert(listing::line(entry).unwrap_or_else(|error| format!("{path}\tunreadable: {error}")));
    }
    for problem in &tree.problems {
        lines.insert(format!("{}\tproblem: {}", String::from_utf8_lossy(&problem.path), problem.error));
    }
    Ok((format.name, lines))
}

/// A mounted image; unmounted when dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // If it cannot be unmounted the folder cannot be removed, and stays for whoever looks after it.
        let _ = Command::new("umount").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

fn kernel_view(image: &Path) -> Result<BTreeSet<String>, String> {
    let folder = env::temp_dir().join(format!("tidewaiter-diff-walk-{}", process::id()));
    fs::create_dir(&folder).map_err(|error| error.to_string())?;
    let output = Command::new("mount").args(["-o", "loop,ro"]).arg(image).arg(&folder).output();
    let mounted = match output {
        Ok(output) if output.status.success() => Mounted(folder),
        failed => {
            let _ = fs::remove_dir(&folder);
            let why = failed.map_or_else(|error| error.to_string(), |output| text(&output.stderr));
            return Err(format!("not compared: the kernel cannot mount it here: {}", why.trim()));
        }
    };
    let lister = root().join("fixtures/filesystems/list_tree.py");
    let output = Command::new("python3").arg(lister).arg(&mounted.0).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("not compared: {}", text(&output.stderr).trim()));
    }
    Ok(text(&output.stdout).lines().map(str::to_owned).collect())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of only one of the two, in order of path.
fn differences(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) -> Vec<String> {
    let missing = theirs.difference(ours).map(|line| (line, '-'));
    let invented = ours.difference(theirs).map(|line| (line, '+'));
    let all: BTreeSet<_> = missing.chain(invented).collect();
    all.into_iter().map(|(line, sign)| format!("{sign} {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_side_has_is_a_difference() {
        let set = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<BTreeSet<_>>();
        let (ours, theirs) = (set(&["a\tf", "b\tf", "c\td"]), set(&["a\tf", "b\td", "c\td"]));
        assert!(differences(&ours, &ours).is_empty());
        assert_eq!(differences(&ours, &theirs), ["- b\td", "+ b\tf"]);
    }
}
