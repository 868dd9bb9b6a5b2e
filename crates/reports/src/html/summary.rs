//! The table at the top of the HTML report: which apps are behind the grades, those that were added to the platform first.

use std::io::{self, Write};

use findings::{AppRecord, Axis, Finding, Level, Report, Standing};

use super::text;

const AXES: [Axis; 3] = [Axis::Takes, Axis::Obeys, Axis::Exposes];
/// Apps in the table.
const APPS_SHOWN_MAX: usize = 12;

/// Whether an app is not among those of the platform's own build, by its name.
pub(super) fn is_added(app: &AppRecord) -> bool {
    app.added != Some(false)
}

/// The apps with a grade, added ones first, then worst first.
pub(super) fn ranked(report: &Report) -> Vec<&AppRecord> {
    let rank =
        |app: &AppRecord, axis: Axis| app.grades.iter().find(|grade| grade.axis == axis).map_or(0, |grade| grade.rank);
    let mut rows: Vec<(bool, [u8; 3], &AppRecord)> =
        report.apps.iter().map(|app| (is_added(app), AXES.map(|axis| rank(app, axis)), app)).collect();
    rows.retain(|(_, ranks, _)| ranks.iter().any(|rank| *rank > 0));
    rows.sort_by_key(|(added, ranks, app)| {
        (!added, std::cmp::Reverse((ranks.iter().max().copied(), *ranks)), app.path.as_str())
    });
    rows.into_iter().map(|(_, _, app)| app).collect()
}

/// The table of them.
pub(super) fn apps(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rows = ranked(report);
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Which apps</h2>\n<p class=\"dim\">Those that were added to the platform first; what an app of the platform itself does is \
         mostly what it is for. The worst that each was found able to do is below, with its proof.</p>\n\
         <table><thead><tr><th>App</th><th>Takes</th><th>Obeys</th><th>Exposes</th></tr></thead><tbody>"
    )?;
    for app in rows.iter().take(APPS_SHOWN_MAX) {
        let cells: Vec<String> = AXES.iter().map(|axis| cell(report, app, *axis)).collect();
        writeln!(out, "<tr><td>{}</td>{}</tr>", name(app), cells.concat())?;
    }
    writeln!(out, "</tbody></table>")?;
    match rows.len().checked_sub(APPS_SHOWN_MAX) {
        Some(rest) if rest > 0 => writeln!(out, "<p class=\"dim\">and {rest} more apps with a grade</p>"),
        _ => Ok(()),
    }
}

fn name(app: &AppRecord) -> String {
    let label = app.label.as_ref().map(|label| format!("{}<br>", text(label))).unwrap_or_default();
    let version = app.version_name.as_ref().map(|version| format!(" {}", text(version))).unwrap_or_default();
    let by = app.suppliers.iter().find(|supplier| supplier.standing >= Standing::Indicated);
    let by = by.map(|supplier| format!("<br>{}", text(&crate::terminal::said_of_app(supplier)))).unwrap_or_default();
    let origin =
        if is_added(app) { "" } else { "<br><span class=\"dim\">in the platform's own build, by its name</span>" };
    format!("{label}<code>{}</code>{version}{by}{origin}", text(&app.package))
}

/// The worst claim of an app on an axis that counts for its grade.
fn cell(report: &Report, app: &AppRecord, axis: Axis) -> String {
    let counts = |finding: &&Finding| {
        let parts = &finding.parts;
        let is_sure = parts.confidence.level > Level::Low && parts.modifiers.reachable;
        parts.axis == axis && parts.app == app.package && is_sure
    };
    let mut worst: Vec<&Finding> = report.findings.iter().filter(counts).collect();
    let rank = worst.iter().map(|finding| finding.parts.rank).max().unwrap_or(0);
    worst.retain(|finding| finding.parts.rank == rank);
    let mut titles: Vec<&str> = worst.iter().map(|finding| finding.parts.title.as_str()).collect();
    titles.sort_unstable();
    titles.dedup();
    if titles.is_empty() {
        return "<td class=\"dim\">-</td>".to_owned();
    }
    format!("<td><strong>{rank}</strong> {}</td>", text(&titles.join("; ")))
}
