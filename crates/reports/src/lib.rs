//! One file per way of telling a report. Nothing is decided here: the same report told twice says the same.
//!
//! To add one: write `src/<name>.rs` with a `FORMAT`, name it twice below, and add a golden file under `tests/golden`.

pub mod escape;
pub mod exposure;
pub mod html;
pub mod json;
pub mod stix;
pub mod terminal;

use std::io;

use findings::Report;

/// Every way of telling.
pub const FORMATS: &[&Format] = &[&terminal::FORMAT, &json::FORMAT, &html::FORMAT, &stix::FORMAT];

/// A way of telling a report.
pub struct Format {
    /// Stable name, used on the command line and for golden files.
    pub name: &'static str,
    /// Who it is for, in a sentence.
    pub about: &'static str,
    /// Writes the report.
    pub write: fn(&Report, &Options, &mut dyn io::Write) -> io::Result<()>,
}

/// How to tell. What is told does not depend on it, except that details are left out where said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// With or without colour.
    pub style: Style,
    /// Columns of the terminal.
    pub width: usize,
    /// Every step, every hole, every reference.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { style: Style::Plain, width: 100, verbose: false }
    }
}

/// Whether text may carry colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// Colours by ANSI sequences.
    Colour,
}

/// The way of telling called `name`.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.name == name)
}
