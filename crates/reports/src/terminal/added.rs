//! What was added to the platform, beside a build of it without anything added.

use std::io;

use findings::{BaselineRecord, Report, ScoreRecord};

use super::page::{Look, Page, number};

/// Apps with unusual rights shown, without `-v`.
const OUTLIERS_SHOWN_MAX: usize = 6;

pub(super) fn told(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let Some(baseline) = &report.baseline else { return Ok(()) };
    page.heading("What was added to the platform")?;
    page.text(2, Look::Plain, &added_words(report, baseline))?;
    if let Some(score) = &baseline.score {
        page.text(2, Look::Plain, &score_words(score))?;
    }
    if baseline.outliers.is_empty() {
        return Ok(());
    }
    page.text(2, Look::Dim, "Added apps with rights that are granted from the start and seldom needed:")?;
    let max = if page.verbose { usize::MAX } else { OUTLIERS_SHOWN_MAX };
    for outlier in baseline.outliers.iter().take(max) {
        let names: Vec<&str> = outlier.permissions.iter().map(|name| name.rsplit('.').next().unwrap_or(name)).collect();
        page.text(4, Look::Plain, &format!("{}: {}", outlier.package, names.join(", ")))?;
    }
    match baseline.outliers.len().checked_sub(max) {
        Some(rest) if rest > 0 => page.text(4, Look::Dim, &format!("and {rest} more")),
        _ => Ok(()),
    }
}

/// How much was added, in a sentence.
pub(crate) fn added_words(report: &Report, baseline: &BaselineRecord) -> String {
    let apps = report.apps.iter().filter(|app| app.added.is_some()).count();
    let doubt = if baseline.same_api_level { "" } else { ", the nearest to this API level that is known" };
    format!(
        "{} of {} apps are not in {}{doubt}. Added says nothing about good or bad.",
        number(baseline.added),
        number(u64::try_from(apps).unwrap_or(u64::MAX)),
        baseline.name
    )
}

/// The published score, in a sentence.
pub(crate) fn score_words(score: &ScoreRecord) -> String {
    let points = |hundredths: u32| format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!(
        "Uraniborg's score of preloaded apps, without those of the platform's owner: {} of 10 (platform key {} of 6, permissions {} of 3, \
         clear traffic {} of 1). It counts rights, not what is done with them.",
        points(score.total_hundredths),
        points(score.platform_hundredths),
        points(score.permissions_hundredths),
        points(score.cleartext_hundredths)
    )
}
