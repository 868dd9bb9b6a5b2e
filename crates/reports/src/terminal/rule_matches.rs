//! What rules of others say of files: beside the claims, and told as what they are.

use std::io;

use findings::{Report, RuleMatch, RuleMatches};

use super::page::{Look, Page, number, some_of};

/// Matches listed, without `-v`.
const MATCHES_SHOWN_MAX: usize = 20;
/// Places of one match listed, without `-v`.
const PLACES_SHOWN_MAX: usize = 3;

pub(super) fn told(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let Some(found) = &report.rule_matches else { return Ok(()) };
    page.heading("What rules of others match")?;
    page.text(2, Look::Dim, &rules_words(found))?;
    let max = if page.verbose { usize::MAX } else { MATCHES_SHOWN_MAX };
    for matched in found.matches.iter().take(max) {
        page.text(2, Look::Plain, &match_words(matched))?;
        page.text(4, Look::Dim, &place_words(matched, if page.verbose { usize::MAX } else { PLACES_SHOWN_MAX }))?;
        for (name, value) in &matched.meta {
            page.labelled(4, 13, (Look::Dim, name), (Look::Plain, value))?;
        }
    }
    match found.matches.len().checked_sub(max) {
        Some(rest) if rest > 0 => page.text(2, Look::Dim, &format!("and {rest} more")),
        _ => Ok(()),
    }
}

/// What was held against what, and what a match means.
pub(crate) fn rules_words(found: &RuleMatches) -> String {
    let (rules, files) = (number(found.rules), number(found.files));
    let matches = match found.matches.len() {
        0 => "None matches.".to_owned(),
        _ => "A match says that a file looks like one that the author of the rule had seen: it is present. It proves nothing of what \
              the code does, and no grade rests on it."
            .to_owned(),
    };
    format!("{rules} YARA rules were held against {files} files. {matches}")
}

/// Which rule matches which file.
pub(crate) fn match_words(matched: &RuleMatch) -> String {
    let app = matched.app.as_ref().map(|app| format!(" of {app}")).unwrap_or_default();
    let tags = if matched.tags.is_empty() { String::new() } else { format!(" [{}]", matched.tags.join(", ")) };
    format!("{}{tags} of {} matches {}{app}", matched.rule, matched.rule_file, matched.path)
}

/// Where it matches.
pub(crate) fn place_words(matched: &RuleMatch, max: usize) -> String {
    if matched.places_found == 0 {
        return "by its condition alone".to_owned();
    }
    let places: Vec<String> =
        matched.places.iter().map(|place| format!("{} at {:#x}", place.text, place.offset)).collect();
    let shown = some_of(places.iter().map(String::as_str), max, ", ");
    format!("{} places: {shown}", number(matched.places_found))
}
