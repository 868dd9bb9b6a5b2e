//! `cargo xtask bench formats`: of the golden fixtures of each format, how many files this program reads right, and others who open
//! such files.
//!
//! The fixtures are those of the tests, with what an independent reader or the writer says they hold. A file is right if its digest is
//! among those that a reader gives, as often as it is expected: names are left aside, since readers make up their own. A reader
//! that gives less than all and still ends with exit code 0 was silent about it; that is counted too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::open::{self, Files, Reader};
use crate::root;

/// How it is called.
pub const HELP: &str = "cargo xtask bench formats [--program FILE] [--only TEXT]

  --program  the program to run; otherwise it is built for release
  --only     only formats whose name contains this
";

/// A fixture, unpacked if it is stored packed.
struct Fixture {
    format: String,
    path: PathBuf,
    is_packed: bool,
    expected: Files,
}

/// What a reader did with the fixtures of a format.
#[derive(Default)]
struct Score {
    right: usize,
    silent: usize,
}

/// Runs every reader on every fixture and tells the table.
///
/// # Errors
/// The call is not understood, or something cannot be read or run.
pub fn formats(arguments: &[&str]) -> Result<String, String> {
    let (mut program, mut only) = (None, "");
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next().ok_or_else(|| HELP.to_owned())?;
        match *flag {
            "--program" => program = Some(PathBuf::from(value)),
            "--only" => only = value,
            _ => return Err(HELP.to_owned()),
        }
    }
    let program = match program {
        Some(program) => fs::canonicalize(&program).map_err(|error| format!("{}: {error}", program.display()))?,
        None => super::built()?,
    };
    let fixtures: Vec<Fixture> = fixtures()?.into_iter().filter(|fixture| fixture.format.contains(only)).collect();
    let scratch = root().join(format!("target/bench-formats-{}", std::process::id()));
    let inputs = unpacked(&fixtures, &scratch.join("inputs"))?;
    let (mut columns, mut absent) = (Vec::new(), String::new());
    for reader in open::readers("xtask/bench/formats/readers.toml")? {
        if let Some(tool) = reader.missing() {
            absent.push_str(&format!("\n{}: not run, {tool} is not installed\n", reader.name));
            continue;
        }
        let scores = scores(&reader, &fixtures, &inputs, &program, &scratch)?;
        columns.push((reader, scores));
    }
    fs::remove_dir_all(&scratch).map_err(|error| error.to_string())?;
    Ok(table(&fixtures, &columns) + &absent)
}

fn table(fixtures: &[Fixture], columns: &[(Reader, BTreeMap<String, Score>)]) -> String {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for Fixture { format, expected, .. } in fixtures {
        let (count, files) = counts.entry(format).or_default();
        (*count, *files) = (count.saturating_add(1), expected.values().sum::<usize>().saturating_add(*files));
    }
    let mut table = String::from("| format | fixtures | files |");
    columns.iter().for_each(|(reader, _)| table.push_str(&format!(" {} |", reader.name)));
    table.push_str(&format!("\n|--|--|--|{}\n", "--|".repeat(columns.len())));
    for (format, (count, files)) in counts {
        table.push_str(&format!("| {format} | {count} | {files} |"));
        for (_, scores) in columns {
            table.push_str(&match scores.get(format) {
                None => " |".to_owned(),
                Some(Score { right, silent: 0 }) => format!(" {right} |"),
                Some(Score { right, silent }) => format!(" {right}, silent in {silent} |"),
            });
        }
        table.push('\n');
    }
    table
}

/// The fixtures as files of one folder, numbered.
fn unpacked(fixtures: &[Fixture], folder: &Path) -> Result<Vec<PathBuf>, String> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let one = |(number, fixture): (usize, &Fixture)| {
        let name = fixture.path.file_name().unwrap_or_default().to_string_lossy();
        let name = if fixture.is_packed { "image" } else { &name };
        let input = folder.join(format!("{number:03}_{name}"));
        let target = fs::File::create(&input).map_err(|error| error.to_string())?;
        let mut command = Command::new(if fixture.is_packed { "gzip" } else { "cat" });
        let command = command.args(fixture.is_packed.then_some("-dc")).arg(&fixture.path).stdout(target);
        let is_made = command.status().map_err(|error| error.to_string())?.success();
        is_made.then_some(input).ok_or_else(|| format!("{}: cannot be unpacked", fixture.path.display()))
    };
    fixtures.iter().enumerate().map(one).collect()
}

/// What a reader gives for each format that it is given.
fn scores(
    reader: &Reader,
    fixtures: &[Fixture],
    inputs: &[PathBuf],
    program: &Path,
    scratch: &Path,
) -> Result<BTreeMap<String, Score>, String> {
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let run = |input: &Path| open::once(reader, input, &scratch.join("run"), program);
    for (fixture, input) in fixtures.iter().zip(inputs) {
        if !reader.formats.is_empty() && !reader.formats.contains(&fixture.format) {
            continue;
        }
        let run = run(input)?;
        let right = open::in_common(&fixture.expected, &open::by_digest(&run.listing));
        let score = scores.entry(fixture.format.clone()).or_default();
        score.right = score.right.saturating_add(right);
        let is_short = right < fixture.expected.values().sum();
        score.silent = score.silent.saturating_add(usize::from(run.code == 0 && is_short));
    }
    Ok(scores)
}

/// The golden fixtures, with the digests of the files they hold.
fn fixtures() -> Result<Vec<Fixture>, String> {
    let mut all = Vec::new();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for folder in entries(&root().join("fixtures/containers"))?.into_iter().filter(|path| path.is_dir()) {
        for path in entries(&folder)? {
            let listing = PathBuf::from(format!("{}.list", path.display()));
            if listing.is_file() {
                // Digest, length, mode, name: folders and links hold nothing of their own.
                let of_file = |line: &str| {
                    let words: Vec<&str> = line.splitn(4, ' ').collect();
                    let is_file = !line.ends_with('/') && words.get(2).is_none_or(|mode| !mode.starts_with("120"));
                    words.first().filter(|_| is_file).map(|digest| (*digest).to_owned())
                };
                let expected = expected(&open::text(&listing)?, of_file);
                all.push(Fixture { format: name(&folder), path, is_packed: false, expected });
            }
        }
    }
    for folder in entries(&root().join("fixtures/filesystems"))?.into_iter().filter(|path| path.is_dir()) {
        for case in entries(&folder)? {
            let of_file = |line: &str| line.split('\t').nth(6).filter(|word| word.len() == 64).map(str::to_owned);
            let expected = expected(&open::text(&case.join("expected.txt"))?, of_file);
            all.push(Fixture { format: name(&folder), path: case.join("image.gz"), is_packed: true, expected });
        }
    }
    Ok(all)
}

fn expected(listing: &str, digest: impl Fn(&str) -> Option<String>) -> Files {
    let mut expected = Files::new();
    for digest in listing.lines().filter_map(digest) {
        *expected.entry((digest, String::new())).or_default() += 1;
    }
    expected
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixture_stands_in_the_table_with_its_files() {
        let all = fixtures().unwrap();
        let names = containers::FORMATS.iter().map(|format| format.name);
        for name in names.chain(filesystems::FORMATS.iter().map(|format| format.name)) {
            assert!(all.iter().any(|fixture| fixture.format == name), "{name}");
        }
        let files: usize = all.iter().flat_map(|fixture| fixture.expected.values()).sum();
        assert!(files > 1000, "{files}");
    }

    #[test]
    fn every_reader_of_formats_is_understood() {
        assert!(open::readers("xtask/bench/formats/readers.toml").unwrap().len() > 2);
    }
}
