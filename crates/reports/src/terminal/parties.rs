//! Who is behind the device, by role.

use std::io;

use findings::Party;

use super::page::{Look, Page, some_of};

/// Parties of one role shown, and pieces of evidence of one, without `-v`.
const PARTIES_SHOWN_MAX: usize = 2;
const EVIDENCE_SHOWN_MAX: usize = 2;
/// Width of the column of roles.
const ROLE_WIDTH: usize = 17;

pub(super) fn all(page: &mut Page<'_>, parties: &[Party]) -> io::Result<()> {
    if parties.is_empty() {
        return Ok(());
    }
    page.heading("Who is behind the device")?;
    page.text(2, Look::Dim, "What the image says of itself: properties are text that somebody wrote, not proof.")?;
    let (most, evidence) =
        if page.verbose { (usize::MAX, usize::MAX) } else { (PARTIES_SHOWN_MAX, EVIDENCE_SHOWN_MAX) };
    let mut role = "";
    let mut of_role = 0_usize;
    for party in parties {
        of_role = if party.role == role { of_role.saturating_add(1) } else { 1 };
        role = &party.role;
        if of_role > most {
            continue;
        }
        let label = if of_role == 1 { party.role.replace('_', " ") } else { String::new() };
        let text = format!("{} ({} % sure)", party.name, party.confidence_percent);
        page.labelled(2, ROLE_WIDTH, (Look::Dim, &label), (Look::Plain, &text))?;
        let by: Vec<&str> = party.evidence.iter().map(|piece| piece.value.as_str()).collect();
        let by = some_of(by.iter().copied(), evidence, "; ");
        page.labelled(2, ROLE_WIDTH, (Look::Dim, ""), (Look::Dim, &format!("by {by}")))?;
    }
    Ok(())
}
