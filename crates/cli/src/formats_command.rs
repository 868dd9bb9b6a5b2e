//! `formats`: what can be read, as Markdown; `docs/formats.md` is this text.

use std::io::Write;

use crate::{
    exit::{Exit, Stop},
    output,
};

pub(crate) fn run() -> Result<Exit, Stop> {
    let mut out = output::result();
    out.write_all(text().as_bytes())?;
    out.flush()?;
    Ok(Exit::Clean)
}

fn text() -> String {
    let mut text =
        String::from("# Formats that can be read\n\nLayers nest as the input has them; each is read in place.\n");
    text.push_str("\n## Containers\n");
    for format in containers::FORMATS {
        text.push_str(&entry(format.name, None, format.references, format.limitations));
    }
    text.push_str("\n## Sets of files\n");
    for set in containers::FILE_SETS.iter().chain(firmware::FILE_SETS) {
        text.push_str(&entry(set.name, Some(set.what), set.references, set.limitations));
    }
    text.push_str("\n## File systems\n");
    for format in filesystems::FORMATS {
        text.push_str(&entry(format.name, None, format.references, format.limitations));
    }
    text
}

fn entry(name: &str, what: Option<&str>, references: &[&str], limitations: &[&str]) -> String {
    let mut text = format!("\n### {name}\n\n");
    text.extend(what.map(|what| format!("{what}\n\n")));
    text.push_str("Written from:\n\n");
    text.extend(references.iter().map(|reference| format!("* {reference}\n")));
    if limitations.is_empty() {
        text.push_str("\nNothing of it is knowingly left unread.\n");
    } else {
        text.push_str("\nNot read, or not checked:\n\n");
        text.extend(limitations.iter().map(|limitation| format!("* {limitation}\n")));
    }
    text
}
