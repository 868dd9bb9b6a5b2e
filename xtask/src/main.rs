//! `cargo xtask TASK`: the tasks of the workshop. Called without a task it lists them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;
use std::{env, fs, io};

use xtask::{bench, diff_walk, field, limits, root, schema};

const HELP: &str = "cargo xtask TASK

  ci              every check: format, lints, tests, documentation, licences and sources of dependencies
  yara            lints and tests of the feature `yara`, which `ci` leaves out; the first time it compiles for ten minutes
  docs            writes the generated documents anew
  docs --check    fails if one of them is stale
  bench SUITE     holds a public suite of apps against its truth; without arguments it says how
  bench open DIR  holds what is read of images, and how fast, against other readers; without arguments it says how
  field REPORTS   holds reports of the devices of docs/field.toml against what is known of them, for docs/field.md
  bench formats   of the golden fixtures of each format, how many files are read right, beside other readers
  diff-walk IMAGE compares what is read of an image with what the kernel mounts: ext4, EROFS, squashfs; as root
";

/// Version of the tool that checks licences, bans and sources; it is installed below the target folder if it is missing.
const DENY_VERSION: &str = "0.20.2";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["ci"] => ci(),
        ["yara"] => yara(),
        ["docs"] => docs(true),
        ["docs", "--check"] => docs(false),
        ["bench", "open", rest @ ..] => bench::open::open(rest).and_then(|table| print(&table)),
        ["bench", "formats", rest @ ..] => bench::formats::formats(rest).and_then(|table| print(&table)),
        ["bench", rest @ ..] => bench::bench(rest).and_then(|table| print(&table)),
        ["field", reports] => field::field(Path::new(reports)).and_then(|tables| print(&tables)),
        ["diff-walk", image] => diff_walk::diff_walk(Path::new(image)).map(|same| tell(&same)),
        _ => Err(HELP.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tell(&why);
            ExitCode::FAILURE
        }
    }
}

fn tell(text: &str) {
    // If nobody reads stderr there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn print(text: &str) -> Result<(), String> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| error.to_string())
}

/// Runs everything that must hold; stops at the first failure.
fn ci() -> Result<(), String> {
    let start = Instant::now();
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    step("lints", cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    step("without C", cargo(&["check", "--package", "tidewaiter", "--no-default-features", "--locked", "--quiet"]))?;
    // The tests hold the arrows between crates, the house rules and the generated documents.
    step("tests", cargo(&["test", "--workspace", "--locked", "--quiet"]))?;
    let mut documentation =
        cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet", "--document-private-items"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    step("documentation", documentation)?;
    deny()?;
    tell(&format!("everything holds, {} s", start.elapsed().as_secs()));
    Ok(())
}

/// What only a program with YARA does: its lints and its tests.
fn yara() -> Result<(), String> {
    let of = |what: &[&str]| {
        let packages = ["--package", "tidewaiter-yara", "--package", "tidewaiter", "--features", "yara", "--locked"];
        cargo(&[what, packages.as_slice()].concat())
    };
    let mut lints = of(&["clippy", "--all-targets"]);
    lints.args(["--", "-D", "warnings"]);
    step("lints", lints)?;
    let mut tests = of(&["test", "--quiet", "--test", "rules", "--test", "end_to_end"]);
    tests.args(["--", "yara", "rule", "matches"]);
    step("tests", tests)
}

fn step(name: &str, mut command: Command) -> Result<(), String> {
    let start = Instant::now();
    tell(&format!("== {name}"));
    let status = command.status().map_err(|error| format!("{name}: {error}"))?;
    if !status.success() {
        return Err(format!("{name}: failed"));
    }
    tell(&format!("== {name}: {} s", start.elapsed().as_secs()));
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Licences, duplicate and banned crates, sources. Advisories change by the day and need the network: they are not part of
/// what a commit must hold.
fn deny() -> Result<(), String> {
    let checks = ["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    let installed = Command::new("cargo-deny").arg("--version").output().is_ok_and(|output| output.status.success());
    let mut command = if installed {
        Command::new("cargo-deny")
    } else {
        let tools = target().join("tools");
        let program = tools.join("bin/cargo-deny");
        if !program.exists() {
            let root = tools.display().to_string();
            step(
                "cargo-deny is missing: installing it",
                cargo(&["install", "--locked", "--quiet", "--root", &root, "--version", DENY_VERSION, "cargo-deny"]),
            )?;
        }
        Command::new(program)
    };
    command.args(checks).current_dir(root());
    step("licences and sources of dependencies", command)
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Writes, or compares, what is generated.
fn docs(write: bool) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let limits_file = root().join("LIMITS.md");
    let current = fs::read_to_string(&limits_file).map_err(failed)?;
    let documents =
        [(limits_file, limits::document(&current)), (root().join("docs/report-schema.md"), schema::document())];
    for (path, text) in documents {
        put(&path, &text.map_err(failed)?, write)?;
    }
    // The others are what the program itself says; its own test writes and compares them.
    let mut command = cargo(&["test", "--quiet", "--package", "tidewaiter", "--test", "end_to_end", "documents"]);
    if write {
        command.env("TIDEWAITER_WRITE_DOCUMENTS", "1");
    }
    step("documents of the command line", command)
}

fn put(path: &Path, text: &str, write: bool) -> Result<(), String> {
    let current = fs::read_to_string(path).unwrap_or_default();
    if current == text {
        return Ok(());
    }
    if !write {
        return Err(format!("{} is stale; `cargo xtask docs` writes it anew", path.display()));
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
