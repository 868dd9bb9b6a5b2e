//! Scores and the table of a suite.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::places;
use super::run::Outcome;
use super::truth::Case;

/// True, wrong and missed pairs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Found and expected.
    pub right: u64,
    /// Found, not expected.
    pub wrong: u64,
    /// Expected, not found.
    pub missed: u64,
    /// Found, and the truth does not speak of it.
    pub unlisted: u64,
}

impl Score {
    /// How a case fares; nothing where there is no truth.
    #[must_use]
    pub fn of(case: &Case, outcome: &Outcome) -> Self {
        if !case.listed.is_empty() {
            return places::score(&case.listed, &outcome.found);
        }
        let Some(expected) = case.expected else { return Self::default() };
        let (expected, found) =
            if case.yes_or_no { (expected.min(1), outcome.pairs.min(1)) } else { (expected, outcome.pairs) };
        let right = expected.min(found);
        Self { right, wrong: found - right, missed: expected - right, unlisted: 0 }
    }

    const fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missed += other.missed;
        self.unlisted += other.unlisted;
    }

    fn precision(self) -> f64 {
        ratio(self.right, self.right + self.wrong)
    }

    fn recall(self) -> f64 {
        ratio(self.right, self.right + self.missed)
    }

    fn f1(self) -> f64 {
        ratio(2 * self.right, 2 * self.right + self.wrong + self.missed)
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The table of a suite, in Markdown, and what was missed or wrong.
#[must_use]
pub fn table(cases: &[Case], outcomes: &[Outcome]) -> String {
    let mut categories: BTreeMap<&str, (usize, Score, u64)> = BTreeMap::new();
    let (mut total, mut cpu, mut peak, mut slowest, mut instructions) = (Score::default(), 0, 0, 0, 0);
    let mut remarks = String::new();
    for (case, outcome) in cases.iter().zip(outcomes) {
        let score = Score::of(case, outcome);
        let row = categories.entry(&case.category).or_default();
        row.0 += case.apps.len();
        row.1.add(score);
        row.2 += outcome.cpu_hundredths;
        total.add(score);
        cpu += outcome.cpu_hundredths;
        instructions += outcome.instructions;
        peak = peak.max(outcome.peak_mib);
        slowest = slowest.max(outcome.cpu_hundredths);
        remark(case, outcome, score, &mut remarks);
    }
    let mut text = String::from(
        "| category | apps | true | wrong | missed | P | R | F1 | CPU s |\n|--|--|--|--|--|--|--|--|--|\n",
    );
    for (name, (apps, score, cpu)) in categories.iter().filter(|_| categories.len() > 1) {
        line(&mut text, name, *apps, *score, *cpu);
    }
    line(&mut text, "all", cases.iter().map(|case| case.apps.len()).sum(), total, cpu);
    if total.unlisted > 0 {
        let _ = writeln!(text, "\n{} more pairs are found of which the truth says nothing.", total.unlisted);
    }
    let per_app = seconds(cpu) / (cases.len().max(1) as f64);
    let _ = writeln!(
        text,
        "\nCPU {per_app:.2} s per run (slowest {:.2} s), peak memory {peak} MiB, {instructions} instructions\n\n{remarks}",
        seconds(slowest)
    );
    text
}

fn line(text: &mut String, name: &str, apps: usize, score: Score, cpu: u64) {
    let Score { right, wrong, missed, .. } = score;
    let (precision, recall, f1) = (score.precision(), score.recall(), score.f1());
    let _ = writeln!(
        text,
        "| {name} | {apps} | {right} | {wrong} | {missed} | {precision:.3} | {recall:.3} | {f1:.3} | {:.2} |",
        seconds(cpu)
    );
}

fn seconds(hundredths: u64) -> f64 {
    hundredths as f64 / 100.0
}

fn remark(case: &Case, outcome: &Outcome, score: Score, remarks: &mut String) {
    let Case { category, name, .. } = case;
    let found = if outcome.claims.is_empty() { "nothing".to_owned() } else { outcome.claims.join("; ") };
    let rule = if case.yes_or_no { " (yes or no)" } else { "" };
    for line in places::remarks(&case.listed, &outcome.found) {
        let _ = writeln!(remarks, "{category}/{name}: {line}");
    }
    let mut say = |what: String| {
        let _ = writeln!(remarks, "{category}/{name}{rule}: {what}; found {found}");
    };
    if let Some(why) = &outcome.failed {
        say(format!("FAILED {why}"));
    }
    match case.expected {
        None => say("no truth".to_owned()),
        Some(_) if score.missed > 0 => say(format!("missed {}", score.missed)),
        Some(_) if score.wrong > 0 => say(format!("wrong {}", score.wrong)),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(expected: u64, found: u64, yes_or_no: bool) -> Score {
        let case = Case { expected: Some(expected), yes_or_no, ..Case::default() };
        Score::of(&case, &Outcome { pairs: found, ..Outcome::default() })
    }

    #[test]
    fn pairs_beyond_the_truth_are_wrong_and_pairs_short_of_it_missed() {
        assert_eq!(scored(2, 3, false), Score { right: 2, wrong: 1, missed: 0, unlisted: 0 });
        assert_eq!(scored(2, 1, false), Score { right: 1, wrong: 0, missed: 1, unlisted: 0 });
        assert_eq!(scored(2, 3, true), Score { right: 1, wrong: 0, missed: 0, unlisted: 0 });
        assert_eq!(scored(0, 3, true), Score { right: 0, wrong: 1, missed: 0, unlisted: 0 });
    }
}
