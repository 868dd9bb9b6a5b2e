//! Claims by app, worst first, each with a short proof.

use std::{collections::BTreeSet, io};

use findings::{AppRecord, Axis, Finding, Hop, Level, Modifiers, Report, Standing, Step, Transport, UserPart};

use super::{
    page::{Look, Page, count, number, some_of},
    question, rank_look, said_of_app,
};

/// Claims told in full, without `-v`; the others have a line.
const FULL_CLAIMS_MAX: usize = 8;
/// Lowest rank told in full, without `-v`.
const FULL_RANK_MIN: u8 = 3;
/// Claims without an entry point listed, without `-v`.
const PRESENT_SHOWN_MAX: usize = 20;
/// Steps of a proof shown, without `-v`.
const STEPS_SHOWN_MAX: usize = 12;
/// Entries of one list shown, without `-v`.
const LISTED_SHOWN_MAX: usize = 6;
/// Width of the column of labels.
const LABEL_WIDTH: usize = 13;

/// Every claim: first those an entry point leads to, then the others.
pub(super) fn all(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let (reached, present): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.parts.modifiers.reachable);
    page.heading("What the apps are able to do")?;
    if reached.is_empty() {
        page.text(2, Look::Plain, "No flow that a rule speaks of was found behind an entry point.")?;
    } else {
        let about = "Read from the code, with the place of every hop. Nothing was run: this says what the code can do once its \
                     trigger comes, not that it has happened.";
        page.text(2, Look::Dim, about)?;
    }
    let told_in_full = if page.verbose { usize::MAX } else { FULL_CLAIMS_MAX };
    by_app(page, report, &reached, told_in_full, usize::MAX)?;
    if !present.is_empty() {
        page.heading("Present, no entry point found")?;
        let about =
            "The code below is in the image. Nothing was found that starts it, so it is not part of the grades.";
        page.text(2, Look::Dim, about)?;
        let (in_full, listed) = if page.verbose { (usize::MAX, usize::MAX) } else { (0, PRESENT_SHOWN_MAX) };
        by_app(page, report, &present, in_full, listed)?;
    }
    let mut named = named_in_code(report).peekable();
    if named.peek().is_some() {
        page.heading("Named in the code, nothing was followed")?;
        page.text(2, Look::Dim, NAMED_ABOUT)?;
        for (app, words) in named {
            page.text(2, Look::Plain, &format!("{}: {words}", app.package))?;
        }
    }
    quiet_apps(page, report)
}

/// What it means that code names something.
pub(crate) const NAMED_ABOUT: &str = "Methods and texts that are there to do this. Whether anything leads to them, and who decides it, \
                                      was not followed, and no grade rests on it.";

/// Apps whose code names something worth telling, with what.
pub(crate) fn named_in_code(report: &Report) -> impl Iterator<Item = (&AppRecord, String)> {
    let named = report.apps.iter().filter(|app| !app.present.is_empty());
    named.map(|app| (app, app.present.join("; ")))
}

/// Groups in the order of each app's first claim; the claims come worst first. The first `in_full` claims of a high rank
/// are told in full, the others in a line, and after `listed` none.
fn by_app(
    page: &mut Page<'_>,
    report: &Report,
    findings: &[&Finding],
    in_full: usize,
    listed: usize,
) -> io::Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for finding in findings {
        if !names.contains(&finding.parts.app.as_str()) {
            names.push(&finding.parts.app);
        }
    }
    let (mut left_in_full, mut left) = (in_full, listed);
    for name in names {
        if left == 0 {
            break;
        }
        page.blank()?;
        let about_app: Vec<&&Finding> = findings.iter().filter(|finding| finding.parts.app == name).collect();
        let is_full = |finding: &Finding| page.verbose || finding.parts.rank >= FULL_RANK_MIN;
        let (full, brief): (Vec<&Finding>, Vec<&Finding>) = about_app.into_iter().partition(|finding| is_full(finding));
        let shown_in_full = full.len().min(left_in_full);
        app(page, name, report.apps.iter().filter(|app| app.package == name), shown_in_full > 0)?;
        for (position, finding) in full.into_iter().chain(brief).enumerate().take(left) {
            if position < shown_in_full {
                page.blank()?;
                claim(page, finding)?;
            } else {
                if position == shown_in_full && position > 0 {
                    page.blank()?;
                }
                one_line(page, finding)?;
            }
            left = left.saturating_sub(1);
        }
        left_in_full = left_in_full.saturating_sub(shown_in_full);
    }
    match findings.len().checked_sub(listed) {
        Some(rest) if rest > 0 => {
            page.blank()?;
            page.text(0, Look::Dim, &format!("and {} more (-v tells all)", count(rest, "claim", "claims")))
        }
        _ => Ok(()),
    }
}

/// What is claimed. A claim of low confidence rests on code that was not seen, and is told as a guess.
pub(crate) fn title_words(finding: &Finding) -> String {
    let parts = &finding.parts;
    let is_guess = parts.confidence.level == Level::Low && parts.modifiers.reachable;
    format!("{}{}", if is_guess { "perhaps " } else { "" }, parts.title)
}

/// A claim in a line: what, where to, how surely.
fn one_line(page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
    let parts = &finding.parts;
    let (axis, _) = question(parts.axis);
    let details: Vec<&str> =
        parts.source.details.iter().take(1).chain(parts.sink.details.iter().take(2)).map(String::as_str).collect();
    let details = if details.is_empty() { String::new() } else { format!(": {}", details.join(", ")) };
    let text = format!("{}{details} ({}, {})", title_words(finding), level_word(parts.confidence.level), finding.id);
    page.labelled(2, 11, (rank_look(parts.rank), &format!("{axis} {}", parts.rank)), (Look::Plain, &text))
}

/// What is known about the app itself.
fn app<'r>(
    page: &mut Page<'_>,
    name: &str,
    records: impl Iterator<Item = &'r AppRecord>,
    in_full: bool,
) -> io::Result<()> {
    page.text(0, Look::Bold, name)?;
    for record in records {
        let mut parts: Vec<String> = vec![record.path.clone()];
        parts.extend(record.label.as_ref().map(|label| format!("\"{label}\"")));
        parts.extend(record.version_name.as_ref().map(|version| format!("version {version}")));
        parts.extend(record.shared_user_id.as_ref().map(|user| format!("shared user {user}")));
        page.text(2, Look::Dim, &parts.join(", "))?;
        let is_doubtful = record.signers.iter().any(|signer| signer.verified.is_err());
        if !in_full && !is_doubtful {
            continue;
        }
        for signer in &record.signers {
            let certificate = signer.certificate_sha256.get(..16).unwrap_or(&signer.certificate_sha256);
            let text = format!("signed by {} (certificate {certificate}...)", signer.subject);
            match &signer.verified {
                Ok(()) => page.text(2, Look::Dim, &text)?,
                Err(why) => page.text(2, Look::Warning, &format!("{text}, NOT verified: {why}"))?,
            }
        }
        let told = record.suppliers.iter().filter(|supplier| page.verbose || supplier.standing >= Standing::Indicated);
        for supplier in told.take(2).collect::<Vec<_>>() {
            page.text(2, Look::Dim, &said_of_app(supplier))?;
        }
        hidden_strings(page, record)?;
        native_methods(page, record)?;
        carried(page, record)?;
    }
    Ok(())
}

fn native_methods(page: &mut Page<'_>, record: &AppRecord) -> io::Result<()> {
    if record.native_methods.is_empty() {
        return Ok(());
    }
    let acts: BTreeSet<&str> = record.native_methods.iter().map(|method| method.act.as_str()).collect();
    let acts: Vec<&str> = acts.into_iter().collect();
    let methods: BTreeSet<&str> = record.native_methods.iter().map(|method| method.method.as_str()).collect();
    let found = count(methods.len(), "native method leads", "native methods lead");
    page.text(2, Look::Dim, &format!("{found} to {}", acts.join(", ")))?;
    if page.verbose {
        for method in &record.native_methods {
            let calls = method.way.len().saturating_sub(1);
            let text = format!("{} to {} ({}, {calls} calls)", method.method, method.import, method.library);
            page.text(4, Look::Dim, &text)?;
        }
    }
    Ok(())
}

fn carried(page: &mut Page<'_>, record: &AppRecord) -> io::Result<()> {
    for package in record.carried.iter().take(if page.verbose { usize::MAX } else { LISTED_SHOWN_MAX }) {
        let name = if package.package.is_empty() { "a package without a readable manifest" } else { &package.package };
        let components = count(package.components.len(), "component", "components");
        page.text(2, Look::Dim, &format!("carries {name} with {components} ({})", package.path))?;
    }
    Ok(())
}

fn hidden_strings(page: &mut Page<'_>, record: &AppRecord) -> io::Result<()> {
    if record.hidden_strings.is_empty() {
        return Ok(());
    }
    let found = count(record.hidden_strings.len(), "hidden string", "hidden strings");
    page.text(2, Look::Dim, &format!("{found} recovered from its code"))?;
    if page.verbose {
        for hidden in &record.hidden_strings {
            let place = format!("{} +{:#x}, {}", short_method(&hidden.method), hidden.code_unit, hidden.how);
            page.text(4, Look::Dim, &format!("\"{}\" ({place})", hidden.value))?;
        }
    }
    Ok(())
}

fn claim(page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
    let parts = &finding.parts;
    let (axis, _) = question(parts.axis);
    let label = format!("{axis} {}", parts.rank);
    page.labelled(2, 11, (rank_look(parts.rank), &label), (Look::Bold, &title_words(finding)))?;
    details(page, finding)?;
    proof(page, finding)
}

fn details(page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
    let (parts, modifiers) = (&finding.parts, &finding.parts.modifiers);
    let max = if page.verbose { usize::MAX } else { LISTED_SHOWN_MAX };
    let list = |items: &[String], between: &str| some_of(items.iter().map(String::as_str), max, between);
    let with = |label: &str, details: &[String]| match details {
        [] => label.to_owned(),
        _ => format!("{label}: {}", list(details, ", ")),
    };
    row(page, "from", &with(&parts.source.label, &parts.source.details))?;
    row(page, "to", &with(&parts.sink.label, &parts.sink.details))?;
    if parts.axis == Axis::Takes || modifiers.transport != Transport::Unknown {
        row(page, "transport", transport(modifiers.transport))?;
    }
    row(page, "carried by", &list(&modifiers.carriers, " -> "))?;
    row(page, "operations", &list(&modifiers.operations, ", "))?;
    if parts.apps.len() > 1 {
        row(page, "across apps", &parts.apps.join(" -> "))?;
    }
    row(page, "let by", &list(&modifiers.permissions, "; "))?;
    row(page, "started by", &list(&modifiers.triggers, ", "))?;
    row(page, "the user", &user_words(modifiers, max))?;
    let sure = match (&parts.confidence.level, parts.confidence.reasons.is_empty()) {
        (Level::High, true) => "high: every hop was followed exactly".to_owned(),
        (level, true) => level_word(*level).to_owned(),
        (level, false) => format!("{}: {}", level_word(*level), parts.confidence.reasons.join("; ")),
    };
    row(page, "confidence", &sure)?;
    row(page, "ATT&CK", &parts.attack.join(", "))
}

/// A line of details, unless there is nothing to say.
fn row(page: &mut Page<'_>, label: &str, text: &str) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { page.labelled(4, LABEL_WIDTH, (Look::Dim, label), (Look::Plain, text)) }
}

const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::ClearHttp => "clear HTTP: readable by everybody on the way",
        Transport::Tls => "TLS",
        Transport::Unknown => "not known: no address was recovered",
    }
}

/// The user's part, and where it begins without them.
pub(crate) fn user_words(modifiers: &Modifiers, listed_max: usize) -> String {
    let began = some_of(modifiers.without_user.iter().map(String::as_str), listed_max, ", ");
    match modifiers.user {
        UserPart::NotNeeded => format!("has no part in it: it waits for no touch and no choice after {began}"),
        UserPart::Opens => format!("has at most to open it: it waits for no touch and no choice after {began}"),
        UserPart::AlwaysActs => {
            "does something on every way that was found; what they were told is not judged".to_owned()
        }
        UserPart::Acts => {
            "does something on the way shown, other ways may need nothing; what they were told is not judged".to_owned()
        }
        UserPart::Unknown => "not found out whether they have a part in it".to_owned(),
    }
}

const fn level_word(level: Level) -> &'static str {
    match level {
        Level::High => "high",
        Level::Medium => "medium",
        Level::Low => "low",
    }
}

/// Source, hops between apps and stores, sink; with `-v` every step.
fn proof(page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
    let steps = finding.proof.steps();
    let chosen: Vec<&Step> = if page.verbose { steps.iter().collect() } else { turning_points(steps) };
    let mut lead = format!("proof {}, {}", finding.id, count(steps.len(), "step", "steps"));
    if finding.parts.pairs > 1 {
        lead.push_str(&format!(", the best of {}", number(u64::from(finding.parts.pairs))));
    }
    page.text(4, Look::Dim, &lead)?;
    for step in chosen {
        one_step(page, &finding.parts.app, step)?;
    }
    Ok(())
}

/// The steps that a reader needs first: both ends, every store, every change of app.
fn turning_points(steps: &[Step]) -> Vec<&Step> {
    let last = steps.len().saturating_sub(1);
    let before = std::iter::once(None).chain(steps.iter().map(Some));
    let mut chosen: Vec<&Step> = steps
        .iter()
        .zip(before)
        .enumerate()
        .filter(|(position, (step, before))| {
            let is_store = matches!(step.hop, Hop::Database | Hop::File | Hop::Provider | Hop::Channel);
            let moves = before.is_some_and(|before| before.app != step.app);
            *position == 0 || *position == last || is_store || moves
        })
        .map(|(_, (step, _))| step)
        .collect();
    if chosen.len() > STEPS_SHOWN_MAX {
        // The ends stay: the last one is moved in front of what is left out.
        let end = chosen.pop();
        chosen.truncate(STEPS_SHOWN_MAX.saturating_sub(1));
        chosen.extend(end);
    }
    chosen
}

/// In the app of the claim the package is known, and only the file in it is named.
fn one_step(page: &mut Page<'_>, app: &str, step: &Step) -> io::Result<()> {
    let offset = step.at.offset.map(|offset| format!(" at {offset:#x}")).unwrap_or_default();
    let (text, place) = if page.verbose {
        // A native file was not read down to methods.
        let method = match step.method.as_str() {
            "" => String::new(),
            method => format!("{method} +{:#x} ", step.code_unit),
        };
        let mut place = format!("{method}in {}{offset}", step.at.path);
        if !step.at.container.is_empty() {
            place.push_str(&format!(" ({})", step.at.container));
        }
        (step.text.clone(), place)
    } else {
        let separator = if step.app == app { ['/', '!'] } else { ['/', '/'] };
        let file = step.at.path.rsplit(separator).next().unwrap_or_default();
        let place = match step.method.as_str() {
            "" => format!("in {file}{offset}"),
            method => format!("in {} +{:#x}, {file}{offset}", short_method(method), step.code_unit),
        };
        (short_instruction(&step.text), place)
    };
    page.labelled(6, 10, (Look::Dim, hop_word(step.hop)), (Look::Plain, &text))?;
    page.labelled(6, 10, (Look::Dim, ""), (Look::Dim, &place))
}

/// A call as the name of what is called, and what is noted behind it; any other instruction as it is.
fn short_instruction(text: &str) -> String {
    let Some((before, after)) = text.split_once(";->") else { return text.to_owned() };
    let Some((name, rest)) = after.split_once('(') else { return text.to_owned() };
    let class = before.rsplit(' ').next().unwrap_or(before);
    let note = rest.rsplit_once("  [").map(|(_, note)| format!("  [{note}")).unwrap_or_default();
    format!("{}{note}", short_method(&format!("{class};->{name}")))
}

const fn hop_word(hop: Hop) -> &'static str {
    match hop {
        Hop::Source => "source",
        Hop::Through => "through",
        Hop::Call => "call",
        Hop::Return => "return",
        Hop::Field => "field",
        Hop::Database => "database",
        Hop::File => "file",
        Hop::Provider => "provider",
        Hop::Channel => "channel",
        Hop::Sink => "sink",
    }
}

/// `Lcom/example/Report;->send(I)V` as `com.example.Report.send`.
fn short_method(descriptor: &str) -> String {
    let named = descriptor.strip_prefix('L').and_then(|rest| rest.split_once(";->"));
    match named {
        Some((class, method)) => {
            let name = method.split_once('(').map_or(method, |(name, _)| name);
            format!("{}.{name}", class.replace('/', "."))
        }
        None => descriptor.to_owned(),
    }
}

/// Apps about which nothing is claimed, the opaque ones apart: those are not clean, they are not known.
fn quiet_apps(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let quiet: Vec<&AppRecord> = report
        .apps
        .iter()
        .filter(|app| !report.findings.iter().any(|finding| finding.parts.app == app.package))
        .collect();
    let counted = |code: &str| quiet.iter().filter(|app| app.code == code).count();
    let kinds = [
        ("read", "read completely"),
        ("partial", "read in part, so not judged as a whole"),
        ("opaque", "whose code was not recovered, so not judged"),
        ("none", "without code"),
    ];
    let parts: Vec<String> = kinds
        .iter()
        .filter_map(|(code, words)| match counted(code) {
            0 => None,
            some => Some(format!("{} {words}", number(u64::try_from(some).unwrap_or(u64::MAX)))),
        })
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    page.heading("No claim is made about")?;
    page.text(2, Look::Plain, &format!("{}: {}", count(quiet.len(), "app", "apps"), parts.join("; ")))
}

/// One claim with all its proof.
pub(super) fn explained(page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
    page.text(0, Look::Bold, &finding.parts.app)?;
    claim(page, finding)?;
    let text = match finding.parts.modifiers.reachable {
        true => "An entry point leads here. Nothing was run: this is what the code is able to do.",
        false => "No entry point was found that leads here: the code is present, and may never run.",
    };
    page.text(4, Look::Dim, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_named_as_people_write_them() {
        assert_eq!(short_method("Lcom/example/Report;->send(I)V"), "com.example.Report.send");
        assert_eq!(short_method("Lcom/example/A$1;-><init>()V"), "com.example.A$1.<init>");
        assert_eq!(short_method("not a descriptor"), "not a descriptor");
    }

    #[test]
    fn calls_are_named_by_what_is_called() {
        let call = "%6: Landroid/database/Cursor; = virtual Landroid/content/ContentResolver;->query(Landroid/net/Uri;)L… (%1)";
        assert_eq!(short_instruction(call), "android.content.ContentResolver.query");
        let noted = "%2: [B = virtual Ljavax/crypto/Cipher;->doFinal([B)[B (%1, %0)  [DES]";
        assert_eq!(short_instruction(noted), "javax.crypto.Cipher.doFinal  [DES]");
        for other in ["%1 = %0 Lcom/example/A;->field:I", "array data", ""] {
            assert_eq!(short_instruction(other), other);
        }
    }
}
