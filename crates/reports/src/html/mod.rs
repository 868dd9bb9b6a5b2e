//! The report as one HTML file for somebody who decides: no script, no request, nothing beside it. Prints well.
//!
//! ```text
//! what was scanned - what was not seen - three grades - which apps - who is behind the device - what added apps are able to do, worst
//! first, each with its proof folded away - the same of the platform's own apps - suppliers and their evidence - how much was
//! looked at
//! ```
//! Every text that comes from firmware is escaped twice: what acts or hides is written out, then what HTML would read as
//! markup. A content policy in the file itself forbids scripts and requests, should both fail.

mod parts;
mod summary;

use std::io::{self, Write};

use findings::{Axis, Grade, Outcome, Report};

use crate::{Format, Options, terminal};
use parts::{added, claims, parties, public_keys, rule_matches, suppliers, updates};

/// For somebody who decides.
pub static FORMAT: Format = Format { name: "html", about: "one HTML file for somebody who decides", write };

/// Kinds of holes listed.
const HOLES_SHOWN_MAX: usize = 40;

const STYLE: &str = include_str!("style.css");

fn write(report: &Report, _options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let device = device(report);
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<title>{}: what is aboard</title>\n<style>\n{STYLE}</style>\n</head>\n<body>", text(&device))?;
    head(report, &device, out)?;
    grades(report, out)?;
    summary::apps(report, out)?;
    parties(report, out)?;
    claims(report, out)?;
    suppliers(report, out)?;
    updates(report, out)?;
    public_keys(report, out)?;
    added(report, out)?;
    rule_matches(report, out)?;
    coverage(report, out)?;
    writeln!(out, "</body>\n</html>")
}

/// `text` as it may stand between tags and in quoted attributes.
fn text(text: &str) -> String {
    let mut out = String::new();
    for character in crate::escape::shown(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn device(report: &Report) -> String {
    let identity = &report.identity;
    let maker = identity.brand.as_deref().or(identity.manufacturer.as_deref());
    let model = identity.model.as_deref().or(identity.device.as_deref());
    let names: Vec<&str> = maker.into_iter().chain(model).collect();
    if names.is_empty() { "A device without build properties".to_owned() } else { names.join(" ") }
}

fn head(report: &Report, device: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<header>\n<h1>{}</h1>", text(device))?;
    let identity = &report.identity;
    let mut facts: Vec<String> = Vec::new();
    facts.extend(identity.android.as_ref().map(|release| format!("Android {release}")));
    facts.extend(identity.built_utc_seconds.map(|seconds| format!("built {}", terminal::date(seconds))));
    facts.extend(identity.security_patch.as_ref().map(|patch| format!("security patch {patch}")));
    facts.extend(report.inputs.iter().map(|input| format!("{} ({} bytes)", input.name, terminal::number(input.len))));
    writeln!(out, "<p>{}</p>", text(&facts.join(" · ")))?;
    if let Some(fingerprint) = &identity.fingerprint {
        writeln!(out, "<p class=\"dim\"><code>{}</code></p>", text(fingerprint))?;
    }
    writeln!(out, "</header>")?;
    let holes = report.coverage.iter().filter(|line| line.outcome.is_hole()).count();
    let figures = &report.statistics;
    if holes == 0 && figures.apps > 0 {
        return writeln!(
            out,
            "<p class=\"good\">Everything was read: {} files and {} apps.</p>",
            terminal::number(figures.files),
            terminal::number(figures.apps)
        );
    }
    writeln!(
        out,
        "<p class=\"bad\"><strong>Not everything was seen.</strong> {} places were not or only partly read, and the code of {} of {} apps \
         was not recovered. Nothing is claimed about them, and nothing there counts as clean.</p>",
        terminal::number(u64::try_from(holes).unwrap_or(u64::MAX)),
        terminal::number(figures.apps_opaque),
        terminal::number(figures.apps)
    )
}

const fn question(axis: Axis) -> (&'static str, &'static str) {
    match axis {
        Axis::Takes => ("Takes", "What personal data leaves, and to whom?"),
        Axis::Obeys => ("Obeys", "What can a server make it do?"),
        Axis::Exposes => ("Exposes", "What can any other app make it do?"),
    }
}

/// How a rank looks.
const fn look(rank: u8) -> &'static str {
    match rank {
        0 => "none",
        1 => "low",
        2 => "middle",
        _ => "high",
    }
}

fn grades(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let has_holes = report.coverage.iter().any(|line| line.outcome.is_hole()) || report.statistics.apps == 0;
    writeln!(out, "<section class=\"grades\">")?;
    for grade @ Grade { axis, rank, .. } in &report.grades {
        let (name, question) = question(*axis);
        let more = [terminal::doubtful_words(grade), terminal::origin_words(report, grade).map(str::to_owned)];
        let doubtful: String = more.into_iter().flatten().map(|words| format!(" ({words})")).collect();
        let grade = match rank {
            0 if has_holes => "nothing in what was seen",
            0 => "nothing was found",
            _ => &grade.grade,
        };
        writeln!(
            out,
            "<div class=\"grade {}\"><h2>{name} <span>{rank}</span></h2><p>{}</p><p class=\"dim\">{question}{}</p></div>",
            look(*rank),
            text(grade),
            text(&doubtful)
        )?;
    }
    writeln!(
        out,
        "</section>\n<p class=\"dim\">Grades rise from 0. They say what the code is <em>able</em> to do once its trigger comes, shown \
         step by step from the image; how surely each was followed stands with the claim. Nothing was run, so nothing is said to have happened.</p>"
    )
}

fn coverage(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let figures = &report.statistics;
    writeln!(
        out,
        "<h2>How much was looked at</h2>\n<p>{} files, {} apps, {} methods, {} instructions.</p>",
        terminal::number(figures.files),
        terminal::number(figures.apps),
        terminal::number(figures.methods),
        terminal::number(figures.instructions)
    )?;
    let holes: Vec<_> = report.coverage.iter().filter(|line| line.outcome.is_hole()).collect();
    if !holes.is_empty() {
        writeln!(out, "<details><summary>What was not read ({})</summary><ul>", holes.len())?;
        for line in holes.iter().take(HOLES_SHOWN_MAX) {
            let why = match &line.outcome {
                Outcome::Partial(reasons) => reasons.join("; "),
                Outcome::Unread(why) => why.clone(),
                Outcome::Read(_) | Outcome::Unknown => continue,
            };
            writeln!(out, "<li><code>{}</code>: {}</li>", text(&line.path), text(&why))?;
        }
        if let Some(rest) = holes.len().checked_sub(HOLES_SHOWN_MAX).filter(|rest| *rest > 0) {
            writeln!(out, "<li>and {rest} more</li>")?;
        }
        writeln!(out, "</ul></details>")?;
    }
    writeln!(
        out,
        "<p class=\"dim\">{} {}, knowledge <code>{}</code></p>",
        text(&report.tool.name),
        text(&report.tool.version),
        text(&report.tool.knowledge)
    )
}
