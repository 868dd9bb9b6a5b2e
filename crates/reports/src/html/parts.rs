//! The sections of the HTML report that tell who and what.

use std::io::{self, Write};

use findings::{AppRecord, Evidence, Finding, Level, Report, Standing, Supplier, Transport};

use super::{
    look, question,
    summary::{is_added, ranked},
    text,
};
use crate::terminal::some_of;

/// Claims with a proof in the file; further ones have a line.
const PROOFS_SHOWN_MAX: usize = 60;
/// Claims listed.
const CLAIMS_SHOWN_MAX: usize = 400;
/// Addresses, triggers and the like listed of one claim; the JSON report has all.
const LISTED_SHOWN_MAX: usize = 4;
/// Apps listed of one key.
const APPS_SHOWN_MAX: usize = 12;
/// Matches of rules of others listed; the JSON report has all.
const MATCHES_SHOWN_MAX: usize = 100;
/// Pieces of evidence listed for one supplier or party.
const EVIDENCE_SHOWN_MAX: usize = 12;

/// Who has to do with the device.
pub(super) fn parties(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>Who is behind it</h2>")?;
    if report.parties.is_empty() {
        return writeln!(out, "<p class=\"dim\">The image does not say.</p>");
    }
    writeln!(out, "<table><thead><tr><th>Part</th><th>Who</th><th>Sure</th><th>By what</th></tr></thead><tbody>")?;
    for party in &report.parties {
        let by: Vec<String> = party.evidence.iter().take(3).map(|piece| text(&piece.value)).collect();
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{} %</td><td><code>{}</code></td></tr>",
            text(&party.role.replace('_', " ")),
            text(&party.name),
            party.confidence_percent,
            by.join("<br>")
        )?;
    }
    writeln!(out, "</tbody></table>")
}

/// What the apps are able to do, then what is only present.
pub(super) fn claims(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (mut reached, present): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.parts.modifiers.reachable);
    // In the order of the apps at the top; claims that make no grade come last.
    let ranked = ranked(report);
    let place = |finding: &&Finding| {
        let at = ranked.iter().position(|app| app.package == finding.parts.app).unwrap_or(usize::MAX);
        (finding.parts.confidence.level == Level::Low, at)
    };
    reached.sort_by_cached_key(place);
    // Two apps may have one name: an added one decides.
    let of_platform = |finding: &&&Finding| {
        let mut apps = report.apps.iter().filter(|app| app.package == finding.parts.app).peekable();
        apps.peek().is_some() && !apps.any(is_added)
    };
    let (own, added): (Vec<&Finding>, Vec<&Finding>) = reached.iter().partition(|finding| of_platform(finding));
    writeln!(out, "<h2>What the apps are able to do</h2>")?;
    if reached.is_empty() {
        writeln!(out, "<p>No flow that a rule speaks of was found behind an entry point.</p>")?;
    }
    for (position, finding) in added.iter().take(CLAIMS_SHOWN_MAX).enumerate() {
        claim(report, finding, position < PROOFS_SHOWN_MAX, out)?;
    }
    more(added.len(), out)?;
    if !own.is_empty() {
        writeln!(
            out,
            "<h2>What the platform's own apps are able to do</h2>\n<p class=\"dim\">The platform's own build has apps of these names: mail \
             programs send mail. Whether the code is the platform's was not compared.</p>\n<details><summary>{} claims</summary>",
            own.len()
        )?;
        for (position, finding) in own.iter().take(CLAIMS_SHOWN_MAX).enumerate() {
            claim(report, finding, position < PROOFS_SHOWN_MAX, out)?;
        }
        more(own.len(), out)?;
        writeln!(out, "</details>")?;
    }
    if !present.is_empty() {
        writeln!(
            out,
            "<h2>Present, no entry point found</h2>\n<p class=\"dim\">This code is in the image. Nothing was found that starts it, so it \
             is not part of the grades.</p>\n<ul>"
        )?;
        for finding in present.iter().take(CLAIMS_SHOWN_MAX) {
            writeln!(out, "<li><code>{}</code> {}</li>", text(&finding.parts.app), text(&finding.parts.title))?;
        }
        writeln!(out, "</ul>")?;
        more(present.len(), out)?;
    }
    named_in_code(report, out)
}

fn more(count: usize, out: &mut dyn Write) -> io::Result<()> {
    match count.checked_sub(CLAIMS_SHOWN_MAX) {
        Some(rest) if rest > 0 => writeln!(out, "<p>and {rest} more, which the JSON report has</p>"),
        _ => Ok(()),
    }
}

fn claim(report: &Report, finding: &Finding, with_proof: bool, out: &mut dyn Write) -> io::Result<()> {
    let parts = &finding.parts;
    let (axis, _) = question(parts.axis);
    let app = report.apps.iter().find(|app| app.package == parts.app);
    writeln!(
        out,
        "<article class=\"{}\">\n<h3><span>{axis} {}</span> {}</h3>\n<p><code>{}</code>{}</p>",
        look(parts.rank),
        parts.rank,
        text(&crate::terminal::title_words(finding)),
        text(&parts.app),
        app.map(written_by).unwrap_or_default()
    )?;
    let mut rows: Vec<(&str, String)> = vec![
        ("from", endpoint(&parts.source.label, &parts.source.details)),
        ("to", endpoint(&parts.sink.label, &parts.sink.details)),
    ];
    let modifiers = &parts.modifiers;
    rows.push(("transport", transport(modifiers.transport).to_owned()));
    for (label, values) in [
        ("through", &modifiers.carriers),
        ("operations", &modifiers.operations),
        ("started by", &modifiers.triggers),
        ("possible because", &modifiers.permissions),
        ("ATT&amp;CK", &parts.attack),
    ] {
        if !values.is_empty() {
            rows.push((label, text(&some_of(values.iter().map(String::as_str), LISTED_SHOWN_MAX, "; "))));
        }
    }
    rows.push(("the user", text(&crate::terminal::user_words(modifiers, LISTED_SHOWN_MAX))));
    let reasons = match parts.confidence.reasons.as_slice() {
        [] => "every hop was followed exactly".to_owned(),
        reasons => text(&reasons.join("; ")),
    };
    rows.push(("confidence", format!("{}: {reasons}", level(parts.confidence.level))));
    writeln!(out, "<dl>")?;
    for (label, value) in rows {
        writeln!(out, "<dt>{label}</dt><dd>{value}</dd>")?;
    }
    writeln!(out, "</dl>")?;
    if with_proof {
        proof(finding, out)?;
    }
    writeln!(out, "</article>")
}

fn proof(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let steps = finding.proof.steps();
    writeln!(out, "<details><summary>Proof {}, {} steps</summary><ol>", text(&finding.id), steps.len())?;
    for step in steps {
        let offset = step.at.offset.map(|offset| format!(" at {offset:#x}")).unwrap_or_default();
        // A native file was not read down to methods.
        let method = match step.method.as_str() {
            "" => String::new(),
            method => format!("{} +{:#x}, ", text(method), step.code_unit),
        };
        let (step, path) = (text(&step.text), text(&step.at.path));
        writeln!(out, "<li><code>{step}</code><br><span class=\"dim\">in {method}{path}{offset}</span></li>")?;
    }
    writeln!(out, "</ol></details>")
}

/// Whose an app is, as far as the evidence allows to say.
fn written_by(app: &AppRecord) -> String {
    let named = app.suppliers.iter().find(|supplier| supplier.standing >= Standing::Indicated);
    named.map(|supplier| format!(", {}", text(&crate::terminal::said_of_app(supplier)))).unwrap_or_default()
}

fn endpoint(label: &str, details: &[String]) -> String {
    if details.is_empty() {
        text(label)
    } else {
        let details = some_of(details.iter().map(String::as_str), LISTED_SHOWN_MAX, ", ");
        format!("{}: <code>{}</code>", text(label), text(&details))
    }
}

const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::ClearHttp => "clear HTTP: readable by everybody on the way",
        Transport::Tls => "only https addresses were recovered",
        Transport::Unknown => "no address was recovered",
    }
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::High => "high",
        Level::Medium => "medium",
        Level::Low => "low",
    }
}

/// Suppliers that the image names or points to. Traces are in the JSON report.
pub(super) fn suppliers(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>Whose code is aboard</h2>")?;
    let told: Vec<&Supplier> =
        report.suppliers.iter().filter(|supplier| supplier.standing >= Standing::Indicated).collect();
    if told.is_empty() {
        writeln!(out, "<p class=\"dim\">The evidence names no supplier that is known.</p>")?;
    }
    for supplier in told {
        writeln!(out, "<details><summary>{}</summary>", text(&crate::terminal::said_of_image(supplier)))?;
        if let Some(words) = crate::terminal::able_words(report, supplier) {
            writeln!(out, "<p>{}</p>", text(&words))?;
        }
        writeln!(out, "<ul>")?;
        for piece in supplier.evidence.iter().take(EVIDENCE_SHOWN_MAX) {
            writeln!(out, "<li>{}</li>", evidence(piece))?;
        }
        writeln!(out, "</ul></details>")?;
    }
    let traces = report.suppliers.iter().filter(|supplier| supplier.standing == Standing::Trace).count();
    if traces > 0 {
        writeln!(out, "<p class=\"dim\">Of {traces} more there are traces, too weak to name them.</p>")?;
    }
    Ok(())
}

fn evidence(piece: &Evidence) -> String {
    format!(
        "{} <code>{}</code> ({} %), <span class=\"dim\">{}</span>",
        text(&piece.kind),
        text(&piece.value),
        piece.weight_percent,
        text(&piece.reference)
    )
}

/// What was added to the platform.
pub(super) fn added(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(baseline) = &report.baseline else { return Ok(()) };
    writeln!(
        out,
        "<h2>What was added to the platform</h2>\n<p>{}</p>",
        text(&crate::terminal::added_words(report, baseline))
    )?;
    if let Some(score) = &baseline.score {
        writeln!(out, "<p>{}</p>", text(&crate::terminal::score_words(score)))?;
    }
    if !baseline.outliers.is_empty() {
        writeln!(out, "<details><summary>Added apps with unusual rights ({})</summary><ul>", baseline.outliers.len())?;
        for outlier in &baseline.outliers {
            writeln!(
                out,
                "<li><code>{}</code>: {}</li>",
                text(&outlier.package),
                text(&outlier.permissions.join(", "))
            )?;
        }
        writeln!(out, "</ul></details>")?;
    }
    Ok(())
}

/// Who can update the firmware.
pub(super) fn updates(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.update_clients.is_empty() && report.update_keys.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Who can update the firmware</h2>\n<p class=\"dim\">Found by what the code does. Whoever holds such a channel and the key can \
         replace the system: the channel is the risk, even where the client is clean.</p>\n<ul>"
    )?;
    for key in &report.update_keys {
        writeln!(out, "<li>{}</li>", text(&crate::terminal::key_words(key)))?;
    }
    for client in &report.update_clients {
        let words = crate::terminal::client_words(client);
        let whose = text(&crate::terminal::whose_code(report, client));
        writeln!(out, "<li><code>{}</code>{whose}: {}</li>", text(&client.package), text(&words))?;
    }
    writeln!(out, "</ul>")
}

/// What is signed with keys that everybody has.
pub(super) fn public_keys(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.public_keys.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Signed with keys that everybody has</h2>\n<ul>")?;
    for key in &report.public_keys {
        let apps = some_of(key.apps.iter().map(String::as_str), APPS_SHOWN_MAX, ", ");
        let words = text(&crate::terminal::public_key_words(key));
        writeln!(out, "<li>{words}<br><span class=\"dim\">{}</span></li>", text(&apps))?;
    }
    writeln!(out, "</ul>")
}

/// What code names, though nothing was followed.
fn named_in_code(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let named: Vec<(&AppRecord, String)> = crate::terminal::named_in_code(report).collect();
    if named.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Named in the code, nothing was followed</h2>\n<p class=\"dim\">{}</p>\n<ul>",
        crate::terminal::NAMED_ABOUT
    )?;
    for (app, words) in named {
        writeln!(out, "<li><code>{}</code>{}: {}</li>", text(&app.package), written_by(app), text(&words))?;
    }
    writeln!(out, "</ul>")
}

/// What rules of others match.
pub(super) fn rule_matches(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(found) = &report.rule_matches else { return Ok(()) };
    let about = text(&crate::terminal::rules_words(found));
    writeln!(out, "<h2>What rules of others match</h2>\n<p class=\"dim\">{about}</p>\n<ul>")?;
    for matched in found.matches.iter().take(MATCHES_SHOWN_MAX) {
        let places = crate::terminal::place_words(matched, LISTED_SHOWN_MAX);
        let meta: Vec<String> = matched.meta.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        writeln!(
            out,
            "<li>{}; {}<br><span class=\"dim\">{}</span></li>",
            text(&crate::terminal::match_words(matched)),
            text(&places),
            text(&meta.join("; "))
        )?;
    }
    if let Some(rest) = found.matches.len().checked_sub(MATCHES_SHOWN_MAX).filter(|rest| *rest > 0) {
        writeln!(out, "<li>and {rest} more</li>")?;
    }
    writeln!(out, "</ul>")
}
