//! `explain`: the whole proof of one finding of a stored report.

use std::io::Write;

use crate::{
    arguments::Explain,
    exit::{Exit, Stop},
    output,
};

pub(crate) fn run(flags: &Explain) -> Result<Exit, Stop> {
    let text = output::read_text(&flags.report)?;
    let report =
        reports::json::read(&text).map_err(|why| Stop::because(format!("{}: {why}", flags.report.display())))?;
    let mut out = output::result();
    let found = reports::terminal::explain(&report, &flags.finding, &output::options(true), &mut out)?;
    out.flush()?;
    if found {
        return Ok(Exit::Clean);
    }
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id.as_str()).collect();
    let known = if ids.is_empty() { "it has none".to_owned() } else { format!("it has\n{}", ids.join("\n")) };
    Err(Stop::because(format!("{}: no finding {:?}; {known}", flags.report.display(), flags.finding)))
}
