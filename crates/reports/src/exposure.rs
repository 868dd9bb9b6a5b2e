//! Who ships a supplier's code: the table for people, and the same as JSON.

use std::io::{self, Write};

use findings::{Axis, Exposure, ExposureRow, Standing, StatedNumber};

use crate::{
    Options, json,
    terminal::{Look, Page, count, number},
};

/// Pieces of evidence, models and apps listed in one row, without `-v`.
const LISTED_SHOWN_MAX: usize = 4;

/// As JSON, for programs.
///
/// # Errors
/// `out` cannot be written.
pub fn write_json(exposure: &Exposure, out: &mut dyn Write) -> io::Result<()> {
    json::carefully(exposure, out)
}

/// For people.
///
/// # Errors
/// `out` cannot be written.
pub fn write(exposure: &Exposure, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(options, out);
    page.text(0, Look::Bold, &format!("Who ships {}", exposure.name))?;
    counts(page, exposure)?;
    page.heading("Observed: what the images themselves show")?;
    if exposure.observed.is_empty() {
        page.text(2, Look::Plain, "no image names the supplier or points to it")?;
    }
    for row in &exposure.observed {
        observed(page, row)?;
    }
    connections(page, exposure)?;
    stated(page, exposure)
}

fn counts(page: &mut Page<'_>, exposure: &Exposure) -> io::Result<()> {
    let text = format!(
        "{} images looked at, {} of them not completely read. The supplier is named in {}; the evidence points to it in {} more; {} have \
         a trace only, which proves nothing, and are not in the table.",
        number(exposure.images),
        number(exposure.images_incomplete),
        number(exposure.images_named),
        number(exposure.images_indicated),
        number(exposure.images_trace),
    );
    page.text(0, Look::Plain, &text)?;
    let about = "Present means that its code is in the image. A grade says what that code is able to do once its trigger comes, by a \
                 proof in the image's own report. Neither says that it has happened, or that a maker knew.";
    page.text(0, Look::Dim, about)
}

fn observed(page: &mut Page<'_>, row: &ExposureRow) -> io::Result<()> {
    page.blank()?;
    let named = |name: &str| if name.is_empty() { "not said".to_owned() } else { name.to_owned() };
    let title =
        format!("maker {}, brand {}, design house {}", named(&row.maker), named(&row.brand), named(&row.design_house));
    page.text(2, Look::Bold, &title)?;
    let standing = match row.standing {
        Standing::Named => "present, named",
        Standing::Indicated => "the evidence points to it, not enough to name it",
        Standing::Trace => "trace only",
    };
    let images = count(usize::try_from(row.images).unwrap_or(usize::MAX), "image", "images");
    page.labelled(4, 13, (Look::Dim, "images"), (Look::Plain, &format!("{images}: {}", listed(page, &row.models))))?;
    let text = format!("{standing} ({} % sure)", row.confidence_percent);
    page.labelled(4, 13, (Look::Dim, "supplier"), (Look::Plain, &text))?;
    if !row.apps.is_empty() {
        page.labelled(4, 13, (Look::Dim, "apps"), (Look::Plain, &listed(page, &row.apps)))?;
    }
    let graded: Vec<String> = row
        .grades
        .iter()
        .filter(|grade| grade.rank > 0)
        .map(|grade| format!("{} {}: {}", axis(grade.axis), grade.rank, grade.grade))
        .collect();
    let doubtful: Vec<String> = row
        .grades
        .iter()
        .filter(|grade| grade.doubtful_rank > grade.rank)
        .map(|grade| format!("{} {}", axis(grade.axis), grade.doubtful_rank))
        .collect();
    if graded.is_empty() {
        let text = "present; no flow that a rule speaks of was found in its apps";
        page.labelled(4, 13, (Look::Dim, "worst"), (Look::Plain, text))?;
    } else {
        // One model's grade is not another's.
        let on = if row.images > 1 { format!(" (on {})", listed(page, &row.worst_models)) } else { String::new() };
        page.labelled(4, 13, (Look::Dim, "worst"), (Look::Alarm, &format!("able to: {}{on}", graded.join("; "))))?;
    }
    if !doubtful.is_empty() {
        let text = format!("{}, by claims of low confidence alone; not counted", doubtful.join("; "));
        page.labelled(4, 13, (Look::Dim, "doubtful"), (Look::Dim, &text))?;
    }
    page.labelled(4, 13, (Look::Dim, "evidence"), (Look::Plain, &listed(page, &row.evidence)))
}

fn listed(page: &Page<'_>, names: &[String]) -> String {
    let max = if page.verbose { usize::MAX } else { LISTED_SHOWN_MAX };
    let rest = names.len().saturating_sub(max);
    let mut text = names.iter().take(max).map(String::as_str).collect::<Vec<_>>().join("; ");
    if rest > 0 {
        text.push_str(&format!("; and {rest} more"));
    }
    text
}

const fn axis(axis: Axis) -> &'static str {
    match axis {
        Axis::Takes => "takes",
        Axis::Obeys => "obeys",
        Axis::Exposes => "exposes",
    }
}

fn connections(page: &mut Page<'_>, exposure: &Exposure) -> io::Result<()> {
    if exposure.connections.is_empty() {
        return Ok(());
    }
    page.heading("Claimed: who others have named together with the supplier")?;
    let about = "A list that somebody published. It shows no device; the last column says whether an image here does.";
    page.text(2, Look::Dim, about)?;
    for connection in &exposure.connections {
        let seen = match connection.images_observed {
            0 => "claimed only".to_owned(),
            images => {
                format!("also observed in {}", count(usize::try_from(images).unwrap_or(usize::MAX), "image", "images"))
            }
        };
        let kinds = connection.kinds.join(", ").replace('_', " ");
        let source =
            if page.verbose { format!("; {}, {}", connection.by, connection.reference) } else { String::new() };
        let text = format!("{} ({kinds}): {seen}{source}", connection.organisation);
        page.text(2, Look::Plain, &text)?;
    }
    if !page.verbose
        && let Some(first) = exposure.connections.first()
    {
        page.text(2, Look::Dim, &format!("by {}, {}", first.by, first.reference))?;
    }
    Ok(())
}

fn stated(page: &mut Page<'_>, exposure: &Exposure) -> io::Result<()> {
    for (basis, title) in [
        ("claimed", "Claimed: numbers of somebody with an interest"),
        ("estimated", "Estimated: numbers derived from something else"),
    ] {
        let of_basis: Vec<&StatedNumber> = exposure.stated.iter().filter(|stated| stated.basis == basis).collect();
        if of_basis.is_empty() {
            continue;
        }
        page.heading(title)?;
        for stated in of_basis {
            let text = format!("{} {}: {} ({})", number(stated.value), stated.unit, stated.by, stated.reference);
            page.text(2, Look::Plain, &text)?;
        }
    }
    Ok(())
}
