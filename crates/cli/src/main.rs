//! The command line: flags, progress, exit codes. The only crate that prints: the result on stdout, everything else on
//! stderr.

mod arguments;
mod code_command;
mod exit;
mod explain_command;
mod export_command;
mod fleet_command;
mod folders;
mod formats_command;
mod keys;
mod knowledge_command;
mod look_commands;
mod output;
mod process;
mod progress;
mod scan_command;
mod sketch_command;
mod threshold;
mod yara_rules;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;
use exit::{Exit, Stop};

/// Following data makes and drops millions of small objects, on several threads ([why this one](../../../docs/decisions/0010-allocator.md)).
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    process::tell_faults_briefly();
    let result = match &arguments.command {
        Command::Scan(flags) => scan_command::run(flags),
        Command::Ls(flags) => look_commands::ls(flags),
        Command::Cat(flags) => look_commands::cat(flags),
        Command::Extract(flags) => look_commands::extract(flags),
        Command::Code(flags) => code_command::run(flags),
        Command::Explain(flags) => explain_command::run(flags),
        Command::Export(flags) => export_command::run(flags),
        Command::Formats => formats_command::run(),
        Command::Knowledge(flags) => knowledge_command::run(flags),
        Command::Fleet(flags) => fleet_command::run(flags),
    };
    let exit = result.unwrap_or_else(|stop| match stop {
        // Whoever read the result has seen enough.
        Stop::ReaderGone => Exit::Clean,
        Stop::Unusable(message) => {
            output::message(&message);
            Exit::Unusable
        }
    });
    ExitCode::from(exit.code())
}
