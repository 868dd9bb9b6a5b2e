//! Where the result and the messages go.

use std::io::{self, BufWriter, IsTerminal, Write};

use bytes::{Budget, ByteSource, Limits};
use reports::{Options, Style, escape::shown};

use crate::exit::Stop;

/// Columns assumed where there is no terminal.
const WIDTH_DEFAULT: usize = 100;

/// A message on stderr. Parts of it may come from firmware, so every line is escaped.
pub(crate) fn message(text: &str) {
    let mut lines = text.lines();
    let mut stderr = io::stderr().lock();
    // If stderr is gone there is nobody to tell.
    let _ = writeln!(stderr, "tidewaiter: {}", shown(lines.next().unwrap_or_default()));
    for line in lines {
        let _ = writeln!(stderr, "  {}", shown(line));
    }
}

/// Stdout, written in large pieces.
pub(crate) fn result() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// How to tell a report on stdout.
pub(crate) fn options(verbose: bool) -> Options {
    let is_terminal = io::stdout().is_terminal();
    // https://no-color.org: any value but an empty one switches colour off.
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    let style = if is_terminal && !is_plain { Style::Colour } else { Style::Plain };
    let size = if is_terminal { console::Term::stdout().size_checked() } else { None };
    let width = size.map_or(WIDTH_DEFAULT, |(_, columns)| usize::from(columns));
    Options { style, width, verbose }
}

/// A text file of the user's: a report, a knowledge file.
pub(crate) fn read_text(path: &std::path::Path) -> Result<String, Stop> {
    let failed = |error: bytes::Error| Stop::because(format!("{}: {error}", path.display()));
    let source = ByteSource::open(path).map_err(failed)?;
    let bytes = source.to_vec(&Budget::new(Limits::FILE), "file").map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| Stop::because(format!("{}: not UTF-8 text: {error}", path.display())))
}
