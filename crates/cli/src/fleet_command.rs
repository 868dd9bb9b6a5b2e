//! `fleet`: questions to a folder of stored reports.

use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::host::{self, HostKind};
use store::ExposureCount;

use crate::{
    arguments::{Fleet, FleetCommand, Makers},
    exit::{Exit, Stop},
    knowledge_command, output,
};

/// Most folders below each other.
const DEPTH_MAX: usize = 8;

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
    let mut files = Vec::new();
    reports(&flags.folder, 0, &mut files)?;
    let mut unread = 0_usize;
    for file in &files {
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

/// Every `*.json` below `folder`, by name; the depth is bounded.
fn reports(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Stop> {
    let entries = host::list_folder(folder).map_err(|error| Stop::because(format!("{}: {error}", folder.display())))?;
    for entry in entries {
        match entry.kind {
            HostKind::Directory if depth < DEPTH_MAX => reports(&entry.path, depth.saturating_add(1), files)?,
            HostKind::File if entry.name.ends_with(b".json") => files.push(entry.path),
            _ => {}
        }
    }
    Ok(())
}
