//! `export`: a stored report in another form.

use std::fs::File;
use std::io::{BufWriter, Write};

use crate::{
    arguments::Export,
    exit::{Exit, Stop},
    output,
};

pub(crate) fn run(flags: &Export) -> Result<Exit, Stop> {
    let Some(format) = reports::format(&flags.form) else {
        let known: Vec<&str> = reports::FORMATS.iter().map(|format| format.name).collect();
        return Err(Stop::because(format!("no form {:?}; there are {}", flags.form, known.join(", "))));
    };
    let text = output::read_text(&flags.report)?;
    let report =
        reports::json::read(&text).map_err(|why| Stop::because(format!("{}: {why}", flags.report.display())))?;
    let mut options = output::options(flags.verbose);
    match &flags.output {
        Some(path) => {
            options.style = reports::Style::Plain;
            let file = File::create(path).map_err(|error| Stop::because(format!("{}: {error}", path.display())))?;
            let mut out = BufWriter::new(file);
            (format.write)(&report, &options, &mut out)?;
            out.flush()?;
        }
        None => {
            let mut out = output::result();
            (format.write)(&report, &options, &mut out)?;
            out.flush()?;
        }
    }
    Ok(Exit::Clean)
}
