//! What was not seen: one line at the top, a table and a list at the end.

use std::collections::BTreeMap;
use std::io;

use findings::{Coverage, Outcome, Report};

use super::page::{Look, Page, count, number};

/// Holes listed, without `-v`.
const HOLES_SHOWN_MAX: usize = 12;

/// Says at the top whether anything was not seen.
pub(super) fn headline(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let holes = report.coverage.iter().filter(|line| line.outcome.is_hole()).count();
    let figures = &report.statistics;
    page.blank()?;
    if holes == 0 {
        let text = format!("Seen: all of it, {} files and {} apps.", number(figures.files), number(figures.apps));
        return page.text(0, Look::Good, &text);
    }
    let mut parts = Vec::new();
    let files = report.coverage.iter().filter(|line| is_device_file(line)).count();
    if files > 0 {
        parts.push(format!("{} (the device has {})", count(files, "file", "files"), number(figures.files)));
    }
    if figures.apps_opaque > 0 {
        parts.push(format!("the code of {} of {} apps", number(figures.apps_opaque), number(figures.apps)));
    }
    let named = files.saturating_add(usize::try_from(figures.apps_opaque).unwrap_or(usize::MAX));
    if let Some(rest) = holes.checked_sub(named).filter(|rest| *rest > 0) {
        parts.push(format!("all or part of {}", count(rest, "other place", "other places")));
    }
    let text = format!("Not seen: {}. Nothing is claimed about it; the holes are listed below.", parts.join("; "));
    page.text(0, Look::Alarm, &text)
}

/// A file of the device that was not read.
fn is_device_file(line: &Coverage) -> bool {
    line.kind == "file" && line.path.starts_with('/') && matches!(line.outcome, Outcome::Unread(_))
}

/// How many places of each kind were read, and what was not.
pub(super) fn table(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.heading("Coverage")?;
    let mut kinds: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for line in &report.coverage {
        let [read, partly, unread, unknown] = kinds.entry(&line.kind).or_default();
        let counter = match line.outcome {
            Outcome::Read(_) => read,
            Outcome::Partial(_) => partly,
            Outcome::Unread(_) => unread,
            Outcome::Unknown => unknown,
        };
        *counter = counter.saturating_add(1);
    }
    let rows = kinds.iter().map(|(kind, counts)| (*kind, *counts));
    let width = kinds.keys().map(|kind| kind.chars().count()).max().unwrap_or(0).clamp(4, 24).saturating_add(2);
    page.labelled(2, width, (Look::Dim, "kind"), (Look::Dim, &columns(["read", "partly", "unread", "unknown"])))?;
    for (kind, counts) in rows {
        let cells = counts.map(|value| number(u64::try_from(value).unwrap_or(u64::MAX)));
        page.labelled(2, width, (Look::Plain, kind), (Look::Plain, &columns(cells)))?;
    }
    holes(page, report)
}

fn columns(cells: [impl AsRef<str>; 4]) -> String {
    let cells = cells.map(|cell| format!("{:>8}", cell.as_ref()));
    cells.concat()
}

/// The holes: layers and code first, then single files.
fn holes(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let mut holes: Vec<&Coverage> = report.coverage.iter().filter(|line| line.outcome.is_hole()).collect();
    if holes.is_empty() {
        return Ok(());
    }
    holes.sort_by_key(|line| line.kind == "file");
    page.blank()?;
    page.text(2, Look::Bold, "Not seen, or not completely:")?;
    let max = if page.verbose { usize::MAX } else { HOLES_SHOWN_MAX };
    for line in holes.iter().take(max) {
        let place = match (line.container.is_empty(), line.path.is_empty()) {
            (true, _) => line.path.clone(),
            (false, true) => line.container.clone(),
            (false, false) => format!("{}!{}", line.container, line.path),
        };
        page.text(2, Look::Plain, &place)?;
        let why = match &line.outcome {
            Outcome::Partial(reasons) => format!("partly: {}", reasons.join("; ")),
            Outcome::Unread(reason) => format!("unread: {reason}"),
            Outcome::Read(_) | Outcome::Unknown => continue,
        };
        page.labelled(4, 0, (Look::Dim, ""), (Look::Dim, &format!("{}, {why}", line.kind)))?;
    }
    match holes.len().checked_sub(max) {
        Some(rest) if rest > 0 => page.text(
            2,
            Look::Dim,
            &format!("and {} more (-v lists all)", number(u64::try_from(rest).unwrap_or(u64::MAX))),
        ),
        _ => Ok(()),
    }
}
