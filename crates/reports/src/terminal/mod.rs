//! The report on a terminal: read by a person in a minute, from what was not seen to how much was looked at.
//!
//! ```text
//! what was scanned - what was not seen - the three grades - the apps with one - who is behind the device - claims by app, worst first - claims that no entry point
//! was found for - suppliers - coverage - figures
//! ```
//! The words keep three things apart: what is *present* in the bytes, what the code is *able* to do once an entry point
//! starts it, and how surely each hop was followed. Nothing was run, so nothing is ever said to have happened.

mod added;
mod claims;
mod coverage;
mod page;
mod parties;
mod public_keys;
mod rule_matches;
mod updates;

use std::io;

use findings::{AppRecord, Axis, Grade, Report, Standing, Supplier};

use crate::{Format, Options};
pub(crate) use added::{added_words, score_words};
pub(crate) use claims::{NAMED_ABOUT, named_in_code, title_words, user_words};
pub(crate) use page::{Look, Page, count, number, some_of};
pub(crate) use public_keys::public_key_words;
pub(crate) use rule_matches::{match_words, place_words, rules_words};
pub(crate) use updates::{client_words, key_words, whose_code};

/// For people.
pub static FORMAT: Format = Format { name: "terminal", about: "for people: claims, proofs, holes, in a minute", write };

/// Pieces of evidence shown for a supplier, without `-v`.
const EVIDENCE_SHOWN_MAX: usize = 4;
/// Apps in the ranking at the top, without `-v`.
const APPS_SHOWN_MAX: usize = 20;
/// Suppliers and limits listed, without `-v`.
const SUPPLIERS_SHOWN_MAX: usize = 8;

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let page = &mut Page::new(options, out);
    identity(page, report)?;
    coverage::headline(page, report)?;
    grades(page, report)?;
    ranking(page, report)?;
    parties::all(page, &report.parties)?;
    claims::all(page, report)?;
    suppliers(page, report)?;
    updates::told(page, report)?;
    public_keys::told(page, report)?;
    added::told(page, report)?;
    rule_matches::told(page, report)?;
    coverage::table(page, report)?;
    figures(page, report)
}

/// The proof of one claim, hop by hop. `Ok(false)` if the report has no claim whose id begins with `id`.
///
/// # Errors
/// `out` cannot be written.
pub fn explain(report: &Report, id: &str, options: &Options, out: &mut dyn io::Write) -> io::Result<bool> {
    let found = report.findings.iter().filter(|finding| !id.is_empty() && finding.id.starts_with(id));
    let mut any = false;
    for finding in found {
        let page = &mut Page::new(&Options { verbose: true, ..*options }, &mut *out);
        if any {
            page.blank()?;
        }
        claims::explained(page, finding)?;
        any = true;
    }
    Ok(any)
}

fn identity(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let inputs: Vec<String> =
        report.inputs.iter().map(|input| format!("{} ({} bytes)", input.name, number(input.len))).collect();
    let shown = if page.verbose { usize::MAX } else { 3 };
    let inputs = some_of(inputs.iter().map(String::as_str), shown, ", ");
    // Before the names, which may be long: whoever reads nothing but the first line must know.
    let holes = match coverage::hole_count(report) {
        0 => String::new(),
        holes => format!(" incomplete, {}:", count(holes, "hole", "holes")),
    };
    page.text(0, Look::Bold, &format!("{} {}:{holes} {inputs}", report.tool.name, report.tool.version))?;
    let identity = &report.identity;
    let brand = identity.brand.as_deref().or(identity.manufacturer.as_deref());
    let mut parts: Vec<String> = Vec::new();
    parts.extend(brand.into_iter().chain(identity.model.as_deref().or(identity.device.as_deref())).map(str::to_owned));
    let device = parts.join(" ");
    let mut parts: Vec<String> = if device.is_empty() { Vec::new() } else { vec![device] };
    match (&identity.android, identity.api_level) {
        (Some(release), Some(level)) => parts.push(format!("Android {release} (API {level})")),
        (Some(release), None) => parts.push(format!("Android {release}")),
        (None, Some(level)) => parts.push(format!("API {level}")),
        (None, None) => {}
    }
    parts.extend(identity.built_utc_seconds.map(|seconds| format!("built {}", date(seconds))));
    parts.extend(identity.security_patch.as_ref().map(|patch| format!("security patch {patch}")));
    if parts.is_empty() {
        page.text(0, Look::Dim, "no build properties: the image does not say whose it is")?;
    } else {
        page.text(0, Look::Plain, &parts.join(", "))?;
    }
    if let Some(fingerprint) = &identity.fingerprint {
        page.text(0, Look::Dim, fingerprint)?;
    }
    Ok(())
}

/// The question of an axis.
const fn question(axis: Axis) -> (&'static str, &'static str) {
    match axis {
        Axis::Takes => ("takes", "what personal data leaves"),
        Axis::Obeys => ("obeys", "what a server can make it do"),
        Axis::Exposes => ("exposes", "what any other app can make it do"),
    }
}

fn grades(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.blank()?;
    let has_holes = report.coverage.iter().any(|line| line.outcome.is_hole());
    for grade @ Grade { axis, rank, .. } in &report.grades {
        let (name, question) = question(*axis);
        let (look, words) = match rank {
            // What was not seen is not clean.
            0 if has_holes || report.statistics.apps == 0 => (Look::Warning, "nothing in what was seen".to_owned()),
            0 => (Look::Good, "nothing was found".to_owned()),
            _ => (rank_look(*rank), grade.grade.clone()),
        };
        page.labelled(0, 9, (Look::Bold, name), (look, &words))?;
        let more = [doubtful_words(grade), origin_words(report, grade).map(str::to_owned)].into_iter().flatten();
        let more: String = more.map(|words| format!("; {words}")).collect();
        page.labelled(0, 9, (Look::Plain, ""), (Look::Dim, &format!("rank {rank}: {question}{more}")))?;
    }
    Ok(())
}

/// What claims of low confidence would add to a grade.
pub(crate) fn doubtful_words(grade: &Grade) -> Option<String> {
    let rank = grade.doubtful_rank;
    (rank > grade.rank).then(|| format!("claims of low confidence alone would make it {rank}, and are not counted"))
}

/// That a grade rests on nothing but apps that the platform's own build has too, by their names.
pub(crate) fn origin_words(report: &Report, grade: &Grade) -> Option<&'static str> {
    let reaches = |app: &&AppRecord| {
        app.grades.iter().any(|own| own.axis == grade.axis && own.rank > 0 && own.rank >= grade.rank)
    };
    let mut apps = report.apps.iter().filter(reaches).peekable();
    let only_own = apps.peek().is_some() && apps.all(|app| app.added == Some(false));
    only_own.then_some("found only in apps of names that the platform's own build has too")
}

/// The apps with a grade, worst first: a line each.
fn ranking(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let ranks = |app: &AppRecord, axis: Axis| {
        let grade = app.grades.iter().find(|grade| grade.axis == axis);
        grade.map_or((0, 0), |grade| (grade.rank, grade.doubtful_rank))
    };
    let axes = [Axis::Takes, Axis::Obeys, Axis::Exposes];
    let mut rows: Vec<([u8; 3], [u8; 3], &AppRecord)> = Vec::new();
    for app in &report.apps {
        let both = axes.map(|axis| ranks(app, axis));
        rows.push((both.map(|(rank, _)| rank), both.map(|(_, doubtful)| doubtful), app));
    }
    rows.retain(|(ranks, ..)| ranks.iter().any(|rank| *rank > 0));
    if rows.is_empty() {
        return Ok(());
    }
    // The axes differ in length, so apps are ordered by their worst rank on any, then by what they take.
    rows.sort_by_key(|(ranks, _, app)| (std::cmp::Reverse((ranks.iter().max().copied(), *ranks)), app.path.as_str()));
    page.blank()?;
    page.row(0, Look::Dim, "takes  obeys  exposes  app")?;
    let max = if page.verbose { usize::MAX } else { APPS_SHOWN_MAX };
    for (ranks, doubtful, app) in rows.iter().take(max) {
        let [takes, obeys, exposes] = [0, 1, 2].map(|axis| cell(ranks, doubtful, axis));
        let name = if app.package.is_empty() { &app.path } else { &app.package };
        let name = format!("{name}{}", if app.added == Some(false) { " *" } else { "" });
        let look = rank_look(ranks.iter().copied().max().unwrap_or(0));
        page.labelled(0, 24, (look, &format!("{takes:>5}  {obeys:>5}  {exposes:>7}")), (Look::Plain, &name))?;
    }
    if let Some(rest) = rows.len().checked_sub(max).filter(|rest| *rest > 0) {
        page.row(24, Look::Dim, &format!("and {rest} more"))?;
    }
    if rows.iter().take(max).any(|(.., app)| app.added == Some(false)) {
        let about = "* The platform's own build has an app of this name, which mostly does what it is for; whether the code is the \
                     platform's was not compared.";
        page.text(0, Look::Dim, about)?;
    }
    Ok(())
}

/// `2`, `-` for nothing, `2 4?` where claims of low confidence alone would make it 4.
fn cell(ranks: &[u8; 3], doubtful: &[u8; 3], axis: usize) -> String {
    let of = |ranks: &[u8; 3]| ranks.get(axis).copied().unwrap_or(0);
    let rank = if of(ranks) == 0 { "-".to_owned() } else { of(ranks).to_string() };
    if of(doubtful) == 0 { rank } else { format!("{rank} {}?", of(doubtful)) }
}

const fn rank_look(rank: u8) -> Look {
    match rank {
        0 => Look::Good,
        1 | 2 => Look::Warning,
        _ => Look::Alarm,
    }
}

/// What may be said of an app: who wrote it, or what it contains, and how surely. Nobody is named below the standing that
/// allows it.
pub(crate) fn said_of_app(supplier: &Supplier) -> String {
    let Supplier { name, confidence_percent, .. } = supplier;
    match (supplier.standing, is_built_in(supplier)) {
        (Standing::Named, false) => format!("code of {name} ({confidence_percent} % sure)"),
        (Standing::Named, true) => format!("contains {name} ({confidence_percent} % sure)"),
        (Standing::Indicated, _) => format!("points to {name} ({confidence_percent} %: not enough to name it)"),
        (Standing::Trace, _) => format!("a trace of {name} ({confidence_percent} %), which proves nothing"),
    }
}

/// The same of an image.
pub(crate) fn said_of_image(supplier: &Supplier) -> String {
    let kind = supplier.kind.replace('_', " ");
    let kind = if kind.is_empty() || kind == "other" { String::new() } else { format!(", {kind}") };
    let Supplier { name, confidence_percent, .. } = supplier;
    match supplier.standing {
        Standing::Named => format!("{name}{kind}: present ({confidence_percent} % sure)"),
        Standing::Indicated => format!("{name}{kind}: points to it ({confidence_percent} %: not enough to name it)"),
        Standing::Trace => format!("{name}{kind}: a trace ({confidence_percent} %), which proves nothing"),
    }
}

/// Whether a supplier's code is built into the apps of others.
pub(crate) fn is_built_in(supplier: &Supplier) -> bool {
    matches!(supplier.kind.as_str(), "advertising" | "analytics" | "push" | "library")
}

/// What the apps called a supplier's were found able to do, so that presence alone is told apart from it; nothing where no
/// app is called the supplier's, and of libraries, which do what the apps around them let them.
pub(crate) fn able_words(report: &Report, supplier: &Supplier) -> Option<String> {
    if is_built_in(supplier) {
        return None;
    }
    let is_theirs = |known: &Supplier| known.id == supplier.id && known.standing == Standing::Named;
    let apps: Vec<&AppRecord> = report.apps.iter().filter(|app| app.suppliers.iter().any(is_theirs)).collect();
    let mut worst: Vec<&Grade> = Vec::new();
    for grade in apps.iter().flat_map(|app| &app.grades).filter(|grade| grade.rank > 0) {
        match worst.iter_mut().find(|known| known.axis == grade.axis) {
            Some(known) if grade.rank > known.rank => *known = grade,
            Some(_) => {}
            None => worst.push(grade),
        }
    }
    worst.sort_by_key(|grade| grade.axis);
    let unread = apps.iter().filter(|app| app.code == "opaque").count();
    let holes = match unread {
        0 => String::new(),
        _ => format!(" The code of {} was not recovered.", count(unread, "of its apps", "of its apps")),
    };
    if apps.is_empty() {
        return None;
    }
    if worst.is_empty() {
        let doubtful = apps.iter().flat_map(|app| &app.grades).any(|grade| grade.doubtful_rank > 0);
        let said = if doubtful {
            "nothing but claims of low confidence, which grade nobody,"
        } else {
            "no flow that a rule speaks of"
        };
        return Some(format!("Its apps here: present; {said} was found in them.{holes}"));
    }
    let able: Vec<String> =
        worst.iter().map(|grade| format!("{} {} ({})", question(grade.axis).0, grade.rank, grade.grade)).collect();
    Some(format!("Its apps here are able to: {}. This says nothing of other versions.{holes}", able.join("; ")))
}

fn suppliers(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let suppliers = &report.suppliers;
    page.heading("Whose code is aboard")?;
    let told: Vec<&Supplier> =
        suppliers.iter().filter(|known| page.verbose || known.standing >= Standing::Indicated).collect();
    if told.is_empty() {
        page.text(2, Look::Dim, "the evidence names no supplier that is known")?;
    }
    let max = if page.verbose { usize::MAX } else { SUPPLIERS_SHOWN_MAX };
    for supplier in told.iter().take(max) {
        page.text(2, Look::Plain, &said_of_image(supplier))?;
        if let Some(words) = able_words(report, supplier) {
            page.text(4, Look::Plain, &words)?;
        }
        supplier_evidence(page, supplier)?;
    }
    if let Some(rest) = told.len().checked_sub(max).filter(|rest| *rest > 0) {
        page.text(2, Look::Dim, &format!("and {rest} more"))?;
    }
    match suppliers.len().saturating_sub(told.len()) {
        0 => Ok(()),
        traces => page.text(2, Look::Dim, &format!("of {traces} more there are traces, too weak to name them")),
    }
}

fn supplier_evidence(page: &mut Page<'_>, supplier: &Supplier) -> io::Result<()> {
    let max = if page.verbose { usize::MAX } else { EVIDENCE_SHOWN_MAX };
    for piece in supplier.evidence.iter().take(max) {
        let mut text = format!("{} ({} %)", piece.value, piece.weight_percent);
        if page.verbose {
            text.push_str(&format!(", {}", piece.reference));
        }
        page.labelled(4, 13, (Look::Dim, &piece.kind), (Look::Plain, &text))?;
    }
    match supplier.evidence.len().checked_sub(max) {
        Some(rest) if rest > 0 => page.text(4, Look::Dim, &format!("and {rest} more")),
        _ => Ok(()),
    }
}

fn figures(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let figures = &report.statistics;
    page.heading("Looked at")?;
    page.text(
        2,
        Look::Plain,
        &format!(
            "{} files, {} apps, {} methods, {} instructions",
            number(figures.files),
            number(figures.apps),
            number(figures.methods),
            number(figures.instructions)
        ),
    )?;
    if !figures.cuts.is_empty() {
        let cuts: Vec<String> =
            figures.cuts.iter().map(|(name, times)| format!("{name} ({})", number(*times))).collect();
        let text = format!("Limits reached, so that some flows may be missed: {}", cuts.join("; "));
        page.text(2, Look::Warning, &text)?;
    }
    page.text(2, Look::Dim, &format!("knowledge {}, schema {}", report.tool.knowledge, report.schema_version))
}

/// Seconds since 1970 as a date in UTC.
pub(crate) fn date(seconds: u64) -> String {
    // The civil calendar repeats every 400 years of 146,097 days; years are counted from 1 March of year 0.
    let days = (seconds / 86_400).saturating_add(719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(u64::from(month <= 2));
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @N +%F
        let known = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_483_228_799, "2016-12-31"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, text) in known {
            assert_eq!(date(seconds), text);
        }
        assert!(!date(u64::MAX).is_empty());
    }
}
