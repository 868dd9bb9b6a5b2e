//! `cargo xtask bench open`: how many files of an image are read right, how fast and in how much memory, beside others who read
//! such images.
//!
//! A folder holds images and `expected.sha256`, the files that each of them must hold, as sha256sum(1) lists them
//! (`xtask/bench/open/inputs.sh` makes such a folder). `xtask/bench/open/readers.toml` says who reads what, and how. A reader that is
//! not installed, or fails, stands in the table with the reason. All run after the image was read once, so that the disk
//! is no part of what is compared; of several rounds the fastest counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use bytes::ByteSource;

use crate::root;

/// How it is called.
pub const HELP: &str = "cargo xtask bench open FOLDER [--program FILE] [--rounds N] [--only TEXT]

  FOLDER     images, and expected.sha256 with the files that each of them must hold
  --program  the program to run; otherwise it is built for release
  --rounds   how often; the fastest counts (2)
  --only     only images whose name contains this
";

/// Who reads images, and how.
pub(super) struct Reader {
    pub(super) name: String,
    needs: Vec<String>,
    /// Formats it is given.
    pub(super) formats: Vec<String>,
    script: String,
}

impl Reader {
    /// The first tool that it needs and that is not installed.
    pub(super) fn missing(&self) -> Option<&str> {
        let is_missing =
            |tool: &&String| !Command::new("which").arg(tool).output().is_ok_and(|done| done.status.success());
        self.needs.iter().find(is_missing).map(String::as_str)
    }
}

/// What one run cost, and what it gave.
#[derive(Debug, Clone, Default)]
struct Run {
    wall: f64,
    cpu: f64,
    /// CPU seconds of the whole machine meanwhile.
    machine: f64,
    peak_mib: u64,
    right: usize,
    told: usize,
    failed: Option<String>,
}

/// Digest and last part of the path, and how often.
pub(super) type Files = BTreeMap<(String, String), usize>;

/// Runs every reader on every image and tells the table.
///
/// # Errors
/// The call is not understood, or something cannot be read or run.
pub fn open(arguments: &[&str]) -> Result<String, String> {
    let (Some((folder, rest)), mut program, mut rounds, mut only) = (arguments.split_first(), None, 2, "") else {
        return Err(HELP.to_owned());
    };
    let mut rest = rest.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next().ok_or_else(|| HELP.to_owned())?;
        match *flag {
            "--program" => program = Some(PathBuf::from(value)),
            "--rounds" => rounds = value.parse().map_err(|_| HELP.to_owned())?,
            "--only" => only = value,
            _ => return Err(HELP.to_owned()),
        }
    }
    let folder = fs::canonicalize(folder).map_err(|error| format!("{folder}: {error}"))?;
    let program = match program {
        Some(program) => fs::canonicalize(&program).map_err(|error| format!("{}: {error}", program.display()))?,
        None => super::built()?,
    };
    let expected = files(&text(&folder.join("expected.sha256"))?);
    let readers = readers("xtask/bench/open/readers.toml")?;
    let mut table =
        "| image | reader | files right of | wall s | CPU s | whole machine | peak MiB |\n|--|--|--|--|--|--|--|\n"
            .to_owned();
    for image in images(&folder, only)? {
        let format = format_of(&image)?;
        for reader in readers.iter().filter(|reader| reader.formats.iter().any(|name| name == format)) {
            let run = measure(reader, &image, &program, rounds, &expected)?;
            table.push_str(&row(&image, format, reader, &run, expected.values().sum()));
        }
    }
    Ok(table)
}

fn row(image: &Path, format: &str, reader: &Reader, run: &Run, expected: usize) -> String {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let Reader { name: by, .. } = reader;
    match &run.failed {
        Some(why) => format!("| {name} ({format}) | {by} | not run: {why} | | | | |\n"),
        None => {
            let more = run.told.saturating_sub(run.right);
            let more = if more > 0 { format!(" (and {more} others)") } else { String::new() };
            let Run { wall, cpu, machine, peak_mib, right, .. } = run;
            let costs = format!("{wall:.1} | {cpu:.1} | {machine:.1} | {peak_mib}");
            format!("| {name} ({format}) | {by} | {right} of {expected}{more} | {costs} |\n")
        }
    }
}

pub(super) fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The files of a listing as sha256sum(1) writes it.
fn files(listing: &str) -> Files {
    let mut files = Files::new();
    for (digest, path) in listing.lines().filter_map(|line| line.split_once("  ")) {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        *files.entry((digest.trim_start_matches('\\').to_owned(), name)).or_default() += 1;
    }
    files
}

/// The same by digest alone.
pub(super) fn by_digest(listing: &str) -> Files {
    let mut files = Files::new();
    for (digest, _) in listing.lines().filter_map(|line| line.split_once("  ")) {
        *files.entry((digest.trim_start_matches('\\').to_owned(), String::new())).or_default() += 1;
    }
    files
}

/// How many of `expected` are among `found`.
pub(super) fn in_common(expected: &Files, found: &Files) -> usize {
    expected.iter().map(|(file, &count)| count.min(found.get(file).copied().unwrap_or(0))).sum()
}

fn images(folder: &Path, only: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_image = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_file() && name != "expected.sha256" && name.contains(only)
    };
    let mut images: Vec<_> = paths.filter(is_image).collect();
    images.sort();
    Ok(images)
}

fn format_of(image: &Path) -> Result<&'static str, String> {
    let source = ByteSource::open(image).map_err(|error| error.to_string())?;
    let file_system = filesystems::identify(&source).map(|format| format.name);
    let format = file_system.or_else(|| containers::identify(&source).map(|format| format.name));
    format.ok_or_else(|| format!("{}: no format that is known here", image.display()))
}

pub(super) fn readers(path: &str) -> Result<Vec<Reader>, String> {
    let path = root().join(path);
    let document: toml::Table = text(&path)?.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    let list = document.get("reader").and_then(toml::Value::as_array).ok_or("readers.toml names nobody")?;
    let one = |entry: &toml::Value| {
        let word = |key| entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let words = |key| {
            let list = entry.get(key).and_then(toml::Value::as_array)?;
            Some(list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
        };
        Some(Reader {
            name: word("name")?,
            needs: words("needs")?,
            formats: words("formats").unwrap_or_default(),
            script: word("script")?,
        })
    };
    list.iter().map(|entry| one(entry).ok_or_else(|| format!("not understood: {entry}"))).collect()
}

/// The fastest of some rounds, or why there is none.
fn measure(reader: &Reader, image: &Path, program: &Path, rounds: usize, expected: &Files) -> Result<Run, String> {
    if let Some(tool) = reader.missing() {
        return Ok(Run { failed: Some(format!("{tool} is not installed")), ..Run::default() });
    }
    // Once through, so that all of them find the image in memory.
    Command::new("cksum").arg(image).output().map_err(|error| error.to_string())?;
    let mut fastest: Option<Run> = None;
    let parent = image.parent().and_then(Path::parent).ok_or("the folder of images has no parent")?;
    // Beside the images, not in the folder for temporary files: that may be memory.
    let scratch = parent.join(format!("bench-open-{}", process::id()));
    for _ in 0..rounds {
        let run = scored(&once(reader, image, &scratch, program)?, expected);
        if run.failed.is_some() {
            return Ok(run);
        }
        if fastest.as_ref().is_none_or(|fastest| run.wall < fastest.wall) {
            fastest = Some(run);
        }
    }
    fastest.ok_or_else(|| HELP.to_owned())
}

/// What one run of a reader gave.
pub(super) struct Raw {
    pub(super) listing: String,
    /// Exit code.
    pub(super) code: i32,
    figures: [f64; 4],
    /// The last line that it said beside the listing.
    why: String,
}

/// Runs a reader in `scratch`, which is removed afterwards.
pub(super) fn once(reader: &Reader, input: &Path, scratch: &Path, program: &Path) -> Result<Raw, String> {
    let failed = |error: std::io::Error| error.to_string();
    fs::create_dir_all(scratch.join("work")).map_err(failed)?;
    let listing = scratch.join("listing");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let output = Command::new("python3")
        .arg(root().join("xtask/bench/open/measure.py"))
        .arg(&reader.script)
        .arg(&listing)
        .env("INPUT", input)
        .env("WORK", scratch.join("work"))
        .env("TIDEWAITER", program)
        .env("KEYS", root().join("fixtures/containers/keys.txt"))
        .env("CORES", cores.to_string())
        .output()
        .map_err(failed)?;
    #[allow(clippy::disallowed_methods, reason = "a listing is text of some megabytes, and names in it may be none")]
    let listing = String::from_utf8_lossy(&fs::read(&listing).unwrap_or_default()).into_owned();
    fs::remove_dir_all(scratch).map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let &[wall, cpu, machine, peak, code] = figures.as_slice() else { return Err(format!("measure.py says {said:?}")) };
    let why = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("no message").replace('|', "/");
    #[allow(clippy::cast_possible_truncation, reason = "an exit code")]
    Ok(Raw { listing, code: code as i32, figures: [wall, cpu, machine, peak], why })
}

fn scored(raw: &Raw, expected: &Files) -> Run {
    let found = files(&raw.listing);
    let told = found.values().sum();
    let [wall, cpu, machine, peak] = raw.figures;
    // A reader that fails and gives something is told by what it gives.
    let failed = (raw.code != 0 && told == 0).then(|| format!("exit code {}: {}", raw.code, raw.why.trim()));
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "a number of MiB")]
    Run { wall, cpu, machine, peak_mib: peak as u64, right: in_common(expected, &found), told, failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_by_digest_and_name_as_often_as_they_are_there() {
        let expected = files("aa  ./x/one\naa  ./y/one\nbb  ./two\n");
        assert_eq!(in_common(&expected, &files("aa  z/one\nbb  two\ncc  two\n")), 2);
        assert_eq!(in_common(&expected, &files("aa  one\naa  one\naa  one\nbb  three\n")), 2);
    }

    #[test]
    fn every_reader_is_understood() {
        let readers = readers("xtask/bench/open/readers.toml").unwrap();
        assert!(readers.len() > 5);
        let known = |name: &String| {
            filesystems::FORMATS.iter().any(|format| format.name == name)
                || containers::FORMATS.iter().any(|format| format.name == name)
        };
        assert!(readers.iter().all(|reader| reader.formats.iter().all(known)));
    }
}
