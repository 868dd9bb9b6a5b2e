//! `scan`: from the inputs to the report.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use findings::{Outcome, Report};
use firmware::Input;
use scan::Stage;
use store::Results;

use crate::{
    arguments::Scan,
    exit::{Exit, Stop},
    keys, knowledge_command, output, process,
    progress::{Display, Way},
    yara_rules,
};

/// Stack of each thread. Nothing recurses as deep as the input says; this is room for ordinary calls.
const STACK_LEN: usize = 8 << 20;

/// Reasons listed when nothing could be opened.
const REASONS_SHOWN_MAX: usize = 5;

pub(crate) fn run(flags: &Scan) -> Result<Exit, Stop> {
    let (base, inputs) = (inputs(&flags.base)?, inputs(&flags.what)?);
    let knowledge = knowledge_command::load(flags.knowledge.as_deref())?;
    let keys = flags.keys.as_deref().map(keys::read).transpose()?;
    let rules = flags.yara.as_deref().map(yara_rules::read).transpose()?;
    // An output that cannot be written should be known before the work, not after it.
    let target = flags.output.as_deref().map(create).transpose()?;
    let results = flags.store.as_deref().map(open_store).transpose()?;
    let options = scan::Options { results: results.as_ref(), keys: keys.as_ref(), rules: rules.as_ref(), base: &base };
    let page = flags.html.as_deref().map(create).transpose()?;
    let start = Instant::now();
    let display = Display::new(Way::suiting(flags.quiet, flags.verbose));
    let report = on_threads(flags, || scan::scan(&inputs, &knowledge, options, &display))?;
    let stages = display.finish();
    match target {
        Some(file) => write(flags, &report, BufWriter::new(file))?,
        None => match write(flags, &report, output::result()) {
            Ok(()) | Err(Stop::ReaderGone) => {}
            Err(stop) => return Err(stop),
        },
    }
    if let Some(file) = page {
        let mut file = BufWriter::new(file);
        (reports::html::FORMAT.write)(&report, &reports::Options::default(), &mut file)?;
        file.flush()?;
    }
    if flags.timings {
        if let Some((found, made)) = results.map(|results| results.counts()) {
            output::message(&format!("store: {found} results of apps found, {made} made"));
        }
        timings(&stages, start.elapsed(), report.statistics.instructions);
    }
    let exit = verdict(flags, &report);
    if !flags.quiet {
        remark(exit, &report);
    }
    Ok(exit)
}

pub(crate) fn inputs(what: &[PathBuf]) -> Result<Vec<Input>, Stop> {
    for path in what {
        if !bytes::host::exists(path) {
            return Err(Stop::because(format!(
                "{}: not found\ngive a firmware file, a folder with the files of a device, or packages (APK, JAR, DEX)\n\
                 `tidewaiter formats` lists what can be read; `tidewaiter ls WHAT!PATH` looks inside one",
                path.display()
            )));
        }
    }
    Ok(what.iter().map(|path| Input { path: path.clone() }).collect())
}

fn open_store(path: &Path) -> Result<Results, Stop> {
    Results::open(path).map_err(|error| Stop::because(format!("{}: {error}; --store needs a folder", path.display())))
}

fn create(path: &Path) -> Result<File, Stop> {
    File::create(path).map_err(|error| Stop::because(format!("{}: {error}", path.display())))
}

fn on_threads(flags: &Scan, work: impl FnOnce() -> Report + Send) -> Result<Report, Stop> {
    let builder = rayon::ThreadPoolBuilder::new().stack_size(STACK_LEN);
    let builder = match flags.jobs {
        Some(jobs) => builder.num_threads(jobs.get()),
        None => builder,
    };
    let pool = builder.build().map_err(|error| Stop::because(format!("cannot start threads: {error}")))?;
    Ok(pool.install(work))
}

fn write(flags: &Scan, report: &Report, mut out: impl Write) -> Result<(), Stop> {
    let format = if flags.json { &reports::json::FORMAT } else { &reports::terminal::FORMAT };
    let mut options = output::options(flags.verbose);
    if flags.output.is_some() {
        options.style = reports::Style::Plain;
    }
    (format.write)(report, &options, &mut out)?;
    out.flush()?;
    Ok(())
}

/// What the exit code says. A hole comes before findings: see `docs/decisions/0002-exit-codes.md`.
fn verdict(flags: &Scan, report: &Report) -> Exit {
    let is_read = |outcome: &Outcome| matches!(outcome, Outcome::Read(_) | Outcome::Partial(_));
    if report.apps.is_empty() && !report.coverage.iter().any(|line| is_read(&line.outcome)) {
        return Exit::Unusable;
    }
    if report.coverage.iter().any(|line| line.outcome.is_hole()) {
        return Exit::Incomplete;
    }
    // A folder with nothing in it was opened, and is no image.
    if report.apps.is_empty() && report.statistics.files == 0 {
        return Exit::Unusable;
    }
    let counts = report.findings.iter().any(|finding| flags.fail_on.is_reached_by(finding));
    if counts { Exit::Findings } else { Exit::Clean }
}

/// What to do next, where the report alone does not say it.
fn remark(exit: Exit, report: &Report) {
    match exit {
        Exit::Unusable => {
            let holds_nothing = report.coverage.iter().all(|line| matches!(line.outcome, Outcome::Read(_)));
            let what = if holds_nothing { "the input holds no file" } else { "nothing in the input could be opened" };
            let mut text = String::from(what);
            for line in report.coverage.iter().take(REASONS_SHOWN_MAX) {
                let why = match &line.outcome {
                    Outcome::Unread(why) => why.as_str(),
                    Outcome::Unknown => "no format claims it",
                    Outcome::Read(_) | Outcome::Partial(_) => continue,
                };
                text.push_str(&format!("\n{}: {why}", line.path));
            }
            text.push_str("\n`tidewaiter formats` lists what can be read; is the file complete?");
            output::message(&text);
        }
        Exit::Incomplete => output::message("incomplete: something was not read, see the coverage in the report"),
        Exit::Clean | Exit::Findings if report.apps.is_empty() => {
            output::message(
                "no app was found in the input, so nothing was analysed; is this the image that holds /system?",
            );
        }
        Exit::Clean | Exit::Findings => {}
    }
}

fn timings(stages: &[(Stage, Duration)], wall: Duration, instructions: u64) {
    let mut text = String::from("timings");
    for (stage, time) in stages {
        text.push_str(&format!("\n{:<18} {:8.2} s", stage.words(), time.as_secs_f64()));
    }
    text.push_str(&format!("\n{:<18} {:8.2} s", "wall", wall.as_secs_f64()));
    if let Some(hundredths) = process::cpu_hundredths() {
        text.push_str(&format!("\n{:<18} {:5}.{:02} s", "CPU", hundredths / 100, hundredths % 100));
        if let Some(nanoseconds) = hundredths.saturating_mul(10_000_000).checked_div(instructions) {
            let (whole, part) = (nanoseconds / 1000, nanoseconds % 1000 / 10);
            text.push_str(&format!(
                "\n{:<18} {whole:5}.{part:02} us of CPU, {instructions} instructions",
                "per instruction"
            ));
        }
    }
    if let Some(kib) = process::peak_memory_kib() {
        text.push_str(&format!("\n{:<18} {:8} MiB", "peak memory", kib / 1024));
    }
    output::message(&text);
}
