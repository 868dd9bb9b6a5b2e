//! What can be wrong with a knowledge file.

use std::fmt;

/// A knowledge file that cannot be used, with the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the file, relative to `knowledge/` (or as it was given).
    pub file: String,
    /// The entry: its table and number from 1, and what it is about: `model 3 (java.util.List add)`.
    pub entry: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The file is not TOML of the expected shape; the text of the TOML reader says where.
    Syntax(String),
    /// A sentence of the mini-language cannot be read: the sentence and what was expected.
    Sentence {
        /// The sentence.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A class, method signature or field is not written as it should be.
    Descriptor(String),
    /// A name that no entry defines: what kind of name, and the name.
    Undefined {
        /// `data kind`, `sink kind`, `table`, ...
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The same thing is said twice.
    Duplicate {
        /// What is said twice.
        key: String,
        /// Where it was said first.
        first: String,
    },
    /// A field has a value outside its range, or is missing where it must be said.
    Value {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.file)?;
        if !self.entry.is_empty() {
            write!(out, "{}: ", self.entry)?;
        }
        match &self.fault {
            Fault::Syntax(message) => write!(out, "{}", message.trim_end()),
            Fault::Sentence { text, expected } => write!(out, "cannot read {text:?}; expected {expected}"),
            Fault::Descriptor(text) => write!(out, "not a well-formed name: {text:?}"),
            Fault::Undefined { what, name } => write!(out, "no {what} is called {name:?}"),
            Fault::Duplicate { key, first } => write!(out, "{key} is already defined in {first}"),
            Fault::Value { field, expected } => write!(out, "field {field}: expected {expected}"),
        }
    }
}

impl std::error::Error for Problem {}
