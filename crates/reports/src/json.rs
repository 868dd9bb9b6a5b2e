//! The report as JSON, for programs. `docs/report-schema.md` describes every field.
//!
//! The order of keys is that of the types; equal reports are equal bytes. Characters that act on a terminal or hide are
//! written as `\uXXXX`, which is the same text to a reader of JSON (RFC 8259, section 7).

use std::io::{self, Write};

use findings::Report;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::{Format, Options, escape::hides};

/// For programs.
pub static FORMAT: Format = Format { name: "json", about: "every fact of the report, for programs", write };

fn write(report: &Report, _options: &Options, out: &mut dyn Write) -> io::Result<()> {
    carefully(report, out)
}

/// Any value of a report, as JSON.
pub(crate) fn carefully(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Careful { layout: PrettyFormatter::new() });
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Reads a report that this module wrote.
///
/// # Errors
/// It is not JSON, or not of this version of the schema.
pub fn read(text: &str) -> Result<Report, String> {
    let version = serde_json::from_str::<Version>(text).map_err(|error| format!("not a report: {error}"))?;
    if version.schema_version != findings::SCHEMA_VERSION {
        let (found, known) = (version.schema_version, findings::SCHEMA_VERSION);
        return Err(format!("the report has schema version {found}; this program reads version {known}"));
    }
    serde_json::from_str(text).map_err(|error| format!("not a report: {error}"))
}

/// What every version of the schema has.
#[derive(serde::Deserialize)]
struct Version {
    schema_version: u32,
}

/// Pretty-printed, with careful strings.
struct Careful<'a> {
    layout: PrettyFormatter<'a>,
}

/// Methods that only pass on to the layout.
macro_rules! as_laid_out {
    ($($name:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.layout.$name(writer $(, $argument)*)
        })*
    };
}

impl Formatter for Careful<'_> {
    as_laid_out! {
        begin_array(), end_array(), begin_array_value(first: bool), end_array_value(),
        begin_object(), end_object(), begin_object_key(first: bool), begin_object_value(), end_object_value(),
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = fragment;
        while let Some((at, character)) = plain.char_indices().find(|(_, character)| hides(*character)) {
            let (before, rest) = plain.split_at_checked(at).unwrap_or((plain, ""));
            CompactFormatter.write_string_fragment(writer, before)?;
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = rest.get(character.len_utf8()..).unwrap_or_default();
        }
        CompactFormatter.write_string_fragment(writer, plain)
    }
}
