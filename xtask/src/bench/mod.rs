//! `cargo xtask bench`: a public suite of apps held against its truth.
//!
//! Suites and truths are given by path and are never part of the repository. The program itself is run on each app, as a
//! user would; what it says is read from its JSON report.
//!
//! **Counting rule.** A flow is counted once for each pair of source and sink instructions, as far as an entry point leads to
//! every part of it. The truth of an app is a number of such pairs (`expected_leaks`): of the pairs found, as many as
//! expected are true, the rest are wrong, and what is lacking is missed. Where a second truth (`comment_leaks`) gives
//! another number, the app is scored by yes or no: whether anything is found and whether `expected_leaks` expects anything. Apps
//! of a category about communication between apps are scanned together as one device and scored together. An app without
//! a truth is listed, not scored.
//!
//! Where the truth lists the flows themselves, each with the method and the call at both ends, these are looked for one by
//! one ([`places`]): of the listed flows those found are true, of the flows listed as absent those found are wrong.
//! What else is found is counted apart, for nobody has said whether it is so.

pub mod formats;
pub mod open;
pub mod places;
pub mod run;
pub mod score;
pub mod truth;

use std::path::PathBuf;
use std::process::Command;

use crate::root;

/// How it is called.
pub const HELP: &str = "cargo xtask bench SUITE --suite DIR --truth FILE [--knowledge DIR] [--program FILE] [--only TEXT]

  SUITE        name of a folder xtask/bench/SUITE with knowledge to lay over (sources and sinks of the suite); may be missing
  --suite      a checkout of the suite
  --truth      its truth, one JSON object a line
  --knowledge  other knowledge than that of xtask/bench/SUITE
  --program    the program to run; otherwise it is built for release
  --only       only apps whose path contains this
";

/// What to run.
#[derive(Debug, Default)]
pub struct Bench {
    suite: PathBuf,
    truth: PathBuf,
    knowledge: Option<PathBuf>,
    program: Option<PathBuf>,
    only: String,
}

/// Runs a suite and tells its table.
///
/// # Errors
/// The call is not understood, or something cannot be read or run.
pub fn bench(arguments: &[&str]) -> Result<String, String> {
    let asked = Bench::parse(arguments)?;
    let program = match &asked.program {
        Some(program) => program.clone(),
        None => built()?,
    };
    let cases = truth::read(&asked.truth, &asked.suite, &asked.only)?;
    let results = run::run_all(&program, asked.knowledge.as_deref(), &cases)?;
    Ok(score::table(&cases, &results))
}

impl Bench {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut asked = Self::default();
        let Some((name, rest)) = arguments.split_first() else { return Err(HELP.to_owned()) };
        let own = root().join("xtask/bench").join(name);
        asked.knowledge = own.is_dir().then_some(own);
        let mut rest = rest.iter();
        while let Some(flag) = rest.next() {
            let value = rest.next().ok_or_else(|| HELP.to_owned())?;
            match *flag {
                "--suite" => asked.suite = value.into(),
                "--truth" => asked.truth = value.into(),
                "--knowledge" => asked.knowledge = Some(value.into()),
                "--program" => asked.program = Some(value.into()),
                "--only" => asked.only = (*value).to_owned(),
                _ => return Err(HELP.to_owned()),
            }
        }
        if asked.suite.as_os_str().is_empty() || asked.truth.as_os_str().is_empty() {
            return Err(HELP.to_owned());
        }
        Ok(asked)
    }
}

/// The program, built for release.
fn built() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--locked", "--quiet", "--package", "tidewaiter"]).current_dir(root());
    let status = command.status().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err("the program could not be built".to_owned());
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder));
    Ok(target.join("release/tidewaiter"))
}
