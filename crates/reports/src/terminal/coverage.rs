//! What was not seen: one line at the top, a table and a list at the end.

use std::collections::BTreeMap;
use std::io;

use findings::{Coverage, Outcome, Report};
use unicode_width::UnicodeWidthStr;

use super::page::{Look, Page, count, number};
use crate::escape::shown;

/// Kinds of holes listed, and places of each, without `-v`.
const HOLES_SHOWN_MAX: usize = 12;
const PLACES_SHOWN_MAX: usize = 3;
/// Widest column of kinds; the rows of longer ones shift.
const KIND_WIDTH_MAX: usize = 24;

/// Places that were not read, or not completely.
pub(super) fn hole_count(report: &Report) -> usize {
    report.coverage.iter().filter(|line| line.outcome.is_hole()).count()
}

/// Says at the top whether anything was not seen.
pub(super) fn headline(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let holes = hole_count(report);
    let figures = &report.statistics;
    page.blank()?;
    if holes == 0 && figures.apps == 0 {
        let text = format!("Seen: {} files, and no app among them: nothing was analysed.", number(figures.files));
        return page.text(0, Look::Warning, &text);
    }
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
        let other = if parts.is_empty() { "" } else { "other " };
        let places = count(rest, &format!("{other}place"), &format!("{other}places"));
        parts.push(format!("all or part of {places}"));
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
    let width = kinds.keys().map(|kind| shown(kind).width()).max().unwrap_or(0).clamp(4, KIND_WIDTH_MAX);
    let row = |kind: &str, cells: [String; 4]| {
        let kind = shown(kind);
        let gap = width.saturating_sub(kind.width());
        let cells = cells.map(|cell| format!("{cell:>10}")).concat();
        format!("{kind}{:gap$}{cells}", "")
    };
    page.row(2, Look::Dim, &row("kind", ["read", "partly", "unread", "unknown"].map(str::to_owned)))?;
    for (kind, counts) in &kinds {
        let cells = counts.map(|value| number(u64::try_from(value).unwrap_or(u64::MAX)));
        page.row(2, Look::Plain, &row(kind, cells))?;
    }
    holes(page, report)
}

/// The holes by what they are: layers and code first, then single files, each with its places.
fn holes(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let mut groups: BTreeMap<(bool, &str, String), Vec<String>> = BTreeMap::new();
    for line in &report.coverage {
        let why = match &line.outcome {
            Outcome::Partial(reasons) => format!("partly: {}", reasons.join("; ")),
            Outcome::Unread(reason) => format!("unread: {reason}"),
            Outcome::Read(_) | Outcome::Unknown => continue,
        };
        let place = match (line.container.is_empty(), line.path.is_empty()) {
            (true, _) => line.path.clone(),
            (false, true) => line.container.clone(),
            (false, false) => format!("{}!{}", line.container, line.path),
        };
        groups.entry((line.kind == "file", &line.kind, why)).or_default().push(place);
    }
    if groups.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.text(2, Look::Bold, "Not seen, or not completely:")?;
    let (max, places_max) = if page.verbose { (usize::MAX, usize::MAX) } else { (HOLES_SHOWN_MAX, PLACES_SHOWN_MAX) };
    for ((_, kind, why), places) in groups.iter().take(max) {
        let times = if places.len() > 1 { format!("{} times ", number_of(places.len())) } else { String::new() };
        page.text(2, Look::Plain, &format!("{times}{kind}, {why}"))?;
        for place in places.iter().take(places_max) {
            page.text(4, Look::Dim, place)?;
        }
        if let Some(rest) = places.len().checked_sub(places_max).filter(|rest| *rest > 0) {
            page.text(4, Look::Dim, &format!("and {} more (-v lists all)", number_of(rest)))?;
        }
    }
    match groups.len().checked_sub(max) {
        Some(rest) if rest > 0 => {
            page.text(2, Look::Dim, &format!("and {} more kinds (-v lists all)", number_of(rest)))
        }
        _ => Ok(()),
    }
}

fn number_of(count: usize) -> String {
    number(u64::try_from(count).unwrap_or(u64::MAX))
}
