//! The grammar of the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::threshold::Threshold;

/// Boards an Android firmware and shows what is hidden aboard: which pre-installed app takes what, obeys whom and exposes
/// what, with the place of every step. Only reads; nothing of a firmware is ever run.
#[derive(Debug, Parser)]
#[command(name = "tidewaiter", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes of scan: 0 everything read and nothing at or above --fail-on, 1 findings, 2 input or \
                          command line cannot be used, 3 something was not read (whatever was found).";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Scan one device: a firmware file, a folder with its files, or packages
    #[command(after_help = EXIT_CODES)]
    Scan(Scan),
    /// List what is inside a file, image or archive
    Ls(Ls),
    /// Write a file from inside any layer to stdout
    Cat(Cat),
    /// Copy files from inside any layer into a new folder: one file, a folder, or with WHAT! all of an archive or image
    Extract(Extract),
    /// Show the code of a DEX, OAT or APK file as text
    Code(Code),
    /// Show the whole proof of one finding of a JSON report
    Explain(Explain),
    /// Write a JSON report in another form
    Export(Export),
    /// List the formats that can be read, and what of them is not
    Formats,
    /// List or check what the program knows about the world
    Knowledge(Knowledge),
    /// Ask many stored reports at once
    Fleet(Fleet),
}

/// Flags of `scan`.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// Firmware files, folders or packages that together make one device
    #[arg(required = true, value_name = "WHAT")]
    pub(crate) what: Vec<PathBuf>,
    /// Write the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report to this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Also write the report as one HTML file, for somebody who decides
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Number of threads; the report does not depend on it
    #[arg(long, short, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Lay the knowledge files (*.toml) of this folder over the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(crate) knowledge: Option<PathBuf>,
    /// Keep the results of apps in this folder and use those kept there: a second scan of equal apps takes seconds
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Keys for encrypted packages: a line for each, a scheme (ozip, ofp, ofp_mtk, ops) and its values in hexadecimal
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Hold the YARA rules of this file, or of the *.yar and *.yara files of this folder, against every file; needs a program
    /// built with the feature `yara`
    #[arg(long, value_name = "RULES")]
    pub(crate) yara: Option<PathBuf>,
    /// What the device has before an incremental update: a firmware file or folder with the older images (may be repeated)
    #[arg(long, value_name = "WHAT")]
    pub(crate) base: Vec<PathBuf>,
    /// Exit with 1 from this rank on: a number for every axis, or axis:rank,... or "never"
    #[arg(long, value_name = "GRADE", default_value = "1")]
    pub(crate) fail_on: Threshold,
    /// Every step, every hole, every reference; progress as lines where there is no terminal
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// No progress and no remarks on stderr
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Times of each stage and peak memory on stderr
    #[arg(long)]
    pub(crate) timings: bool,
}

/// A place inside layers.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// A file or folder, and parts inside it: ota.zip!system.img!app/X.apk; ota.zip!/system/app/X.apk by device path;
    /// boot.img.gz! for what a wrapper holds without a name
    #[arg(value_name = "WHAT!PATH")]
    pub(crate) place: String,
    /// Keys for encrypted packages, as for `scan`
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// What the device has before an incremental update, as for `scan`
    #[arg(long, value_name = "WHAT")]
    pub(crate) base: Vec<PathBuf>,
}

/// Flags of `ls`.
#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Everything below, not only what is directly inside
    #[arg(long, short = 'R')]
    pub(crate) recursive: bool,
    /// Only files, each with the SHA-256 of what is read of it, as sha256sum(1) writes them
    #[arg(long)]
    pub(crate) sha256: bool,
}

/// Flags of `cat`.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Flags of `extract`.
#[derive(Debug, Args)]
pub(crate) struct Extract {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Folder to write into; it is made, or must be empty
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

/// Flags of `code`.
#[derive(Debug, Args)]
pub(crate) struct Code {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only methods whose name contains this: com.example.Report.send, or Lcom/example/Report;->send
    pub(crate) method: Option<String>,
}

/// Flags of `explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A report written by `scan --json`
    #[arg(value_name = "REPORT.json")]
    pub(crate) report: PathBuf,
    /// The id of the finding, or its beginning
    #[arg(value_name = "FINDING-ID")]
    pub(crate) finding: String,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A report written by `scan --json`
    #[arg(value_name = "REPORT.json")]
    pub(crate) report: PathBuf,
    /// The form: html (one file, for somebody who decides), stix (indicators of named suppliers, STIX 2.1), terminal, json
    #[arg(long = "as", value_name = "FORM")]
    pub(crate) form: String,
    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Every step, every hole, every reference
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// Flags of `knowledge`.
#[derive(Debug, Args)]
pub(crate) struct Knowledge {
    #[command(subcommand)]
    pub(crate) what: KnowledgeCommand,
}

/// What to do with the knowledge.
#[derive(Debug, Subcommand)]
pub(crate) enum KnowledgeCommand {
    /// List kinds of data, sinks, rules and suppliers
    List {
        /// Lay the files of this folder over the built-in ones
        dir: Option<PathBuf>,
    },
    /// Check the built-in files, and those of a folder laid over them
    Check {
        /// The folder
        dir: Option<PathBuf>,
    },
    /// Print a sample of an app's code for a knowledge file: what it is recognised by, whoever signs or renames it
    Sketch(Sketch),
    /// Print an indicator file of others (STIX 2.1, as MVT uses it) as a knowledge file
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Where it comes from, for every entry
        #[arg(long, value_name = "TEXT")]
        reference: Option<String>,
    },
}

/// Flags of `knowledge sketch`.
#[derive(Debug, Args)]
pub(crate) struct Sketch {
    /// Firmware files, folders or packages; code beside a package is found as in a scan
    #[arg(required = true, value_name = "WHAT")]
    pub(crate) what: Vec<PathBuf>,
    /// The supplier whose code it is
    #[arg(long, value_name = "ID")]
    pub(crate) supplier: String,
    /// Only the package of this name
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) package: Option<String>,
    /// Only classes below these Java packages: the supplier's own, not the libraries it uses
    #[arg(long, value_name = "PREFIX")]
    pub(crate) namespace: Vec<String>,
    /// Leave out what the packages in here have too: libraries
    #[arg(long, value_name = "WHAT")]
    pub(crate) without: Vec<PathBuf>,
}

/// Flags of `fleet`.
#[derive(Debug, Args)]
pub(crate) struct Fleet {
    #[command(subcommand)]
    pub(crate) what: FleetCommand,
}

/// What to ask.
#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// Which makers, brands and design houses ship a supplier's code, by what evidence, and how bad it is there
    Makers(Makers),
}

/// Flags of `fleet makers`.
#[derive(Debug, Args)]
pub(crate) struct Makers {
    /// A folder of reports written by `scan --json`
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The supplier, by the id of its knowledge file
    #[arg(long, value_name = "ID")]
    pub(crate) supplier: String,
    /// Write the table as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Lay the knowledge files (*.toml) of this folder over the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(crate) knowledge: Option<PathBuf>,
    /// Every model, app, piece of evidence and reference
    #[arg(long, short)]
    pub(crate) verbose: bool,
}
