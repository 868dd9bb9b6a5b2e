//! Running the program on the apps of a suite, and what of its report is counted.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::places::{self, Found};
use super::truth::Case;

/// What the program says about a case.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Pairs of source and sink instructions that an entry point leads to.
    pub pairs: u64,
    /// The pairs themselves, as far as the report lists them.
    pub found: Vec<Found>,
    /// Each claim, in a line.
    pub claims: Vec<String>,
    /// Processor time, in hundredths of a second.
    pub cpu_hundredths: u64,
    /// Peak memory, in MiB.
    pub peak_mib: u64,
    /// Instructions followed.
    pub instructions: u64,
    /// Why there is nothing to count.
    pub failed: Option<String>,
}

/// Runs the program on every case, one after the other, so that times can be compared.
///
/// # Errors
/// The program cannot be started.
pub fn run_all(program: &Path, knowledge: Option<&Path>, cases: &[Case]) -> Result<Vec<Outcome>, String> {
    cases.iter().map(|case| run(program, knowledge, case)).collect()
}

fn run(program: &Path, knowledge: Option<&Path>, case: &Case) -> Result<Outcome, String> {
    let mut command = Command::new(program);
    command.args(["scan", "--json", "--timings", "--jobs", "1"]);
    if let Some(folder) = knowledge {
        command.arg("--knowledge").arg(folder);
    }
    let output = command.args(&case.apps).output().map_err(|error| format!("{}: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mut outcome = Outcome {
        cpu_hundredths: figure(&said, "CPU").map_or(0, |text| text.replace('.', "").parse().unwrap_or(0)),
        peak_mib: figure(&said, "peak memory").and_then(|text| text.parse().ok()).unwrap_or(0),
        ..Outcome::default()
    };
    match serde_json::from_slice::<Value>(&output.stdout) {
        Ok(report) => count(&report, &mut outcome),
        Err(_) => outcome.failed = Some(said.lines().next().unwrap_or("no report").to_owned()),
    }
    Ok(outcome)
}

/// The first word after a label that a line starts with.
fn figure(said: &str, label: &str) -> Option<String> {
    let line = said.lines().find_map(|line| line.trim_start().strip_prefix(label))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// Counts the pairs of what is taken. A pair is one claim on that axis, whatever is said of it on others.
fn count(report: &Value, outcome: &mut Outcome) {
    outcome.instructions = report.pointer("/statistics/instructions").and_then(Value::as_u64).unwrap_or(0);
    let findings = report.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut claims = BTreeSet::new();
    for finding in findings {
        let takes = finding.get("axis").and_then(Value::as_str) == Some("takes");
        let reachable = finding.pointer("/modifiers/reachable").and_then(Value::as_bool) == Some(true);
        if !takes || !reachable {
            continue;
        }
        let pairs = finding.get("pairs").and_then(Value::as_u64).unwrap_or(1);
        outcome.pairs += pairs;
        outcome.found.extend(places::found(finding));
        let word = |path| finding.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        claims.insert(format!("{} x{pairs}: {} -> {}", word("/app"), word("/source/kind"), word("/sink/kind")));
    }
    outcome.claims = claims.into_iter().collect();
    outcome.found.sort();
    outcome.found.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_the_program_writes_them() {
        let said = "tidewaiter: timings\n  wall                  11.20 s\n  CPU                    7.54 s\n  peak memory             108 MiB\n";
        assert_eq!(figure(said, "CPU").as_deref(), Some("7.54"));
        assert_eq!(figure(said, "peak memory").as_deref(), Some("108"));
        assert_eq!(figure(said, "per instruction"), None);
    }
}
