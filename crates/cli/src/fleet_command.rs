//! `fleet`: questions to a folder of stored reports.

use std::io::Write;

use store::ExposureCount;

use crate::{
    arguments::{Fleet, FleetCommand, Makers},
    exit::{Exit, Stop},
    folders::files_below,
    knowledge_command, output,
};

pub(crate) fn run(flags: &Fleet) -> Result<Exit, Stop> {
    match &flags.what {
        FleetCommand::Makers(flags) => makers(flags),
    }
}

fn makers(flags: &Makers) -> Result<Exit, Stop> {
    let knowledge = knowledge_command::load(flags.knowledge.as_deref())?;
    let Some(mut count) = ExposureCount::new(&flags.supplier, &knowledge) else {
        let ids: Vec<&str> = knowledge.suppliers.iter().map(|supplier| supplier.id.as_str()).collect();
        let known = ids.join(" ");
        return Err(Stop::because(format!(
            "no supplier {:?} in the knowledge files, which know\n{known}",
            flags.supplier
        )));
    };
    let files = files_below(&flags.folder, &[".json"])?;
    let mut unread = 0_usize;
    for (_, file) in &files {
        // One report at a time: a fleet may be larger than memory.
        match output::read_text(file).and_then(|text| reports::json::read(&text).map_err(Stop::because)) {
            Ok(report) => count.add(&report),
            Err(Stop::ReaderGone) => return Err(Stop::ReaderGone),
            Err(Stop::Unusable(why)) => {
                unread = unread.saturating_add(1);
                output::message(&format!("{}: {why}", file.display()));
            }
        }
    }
    if unread == files.len() {
        return Err(Stop::because(format!("{}: no report in it (scan --json writes them)", flags.folder.display())));
    }
    let exposure = count.finish();
    let mut out = output::result();
    if flags.json {
        reports::exposure::write_json(&exposure, &mut out)?;
    } else {
        reports::exposure::write(&exposure, &output::options(flags.verbose), &mut out)?;
    }
    out.flush()?;
    Ok(if unread > 0 { Exit::Incomplete } else { Exit::Clean })
}
