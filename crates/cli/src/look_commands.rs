//! `ls`, `cat` and `extract`: a look inside any layer, without unpacking the others.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use bytes::{Budget, ByteSource};
use filesystems::{Entry, EntryKind};
use findings::Outcome;
use firmware::look::{Listing, Look, LookError};
use firmware::{safe_relative_path, shown};
use reports::escape;
use sha2::{Digest, Sha256, digest::Output};

use crate::{
    arguments::{Cat, Extract, Ls},
    exit::{Exit, Stop},
    keys, output,
};

/// Bytes copied at a time.
const PIECE_LEN: usize = 1 << 20;

impl From<LookError> for Stop {
    fn from(error: LookError) -> Self {
        Self::because(error.to_string())
    }
}

pub(crate) fn ls(flags: &Ls) -> Result<Exit, Stop> {
    let (found, budget) = keys::look(&flags.place)?;
    if let Some(target) = found.symlink() {
        let mut out = output::result();
        writeln!(out, "{} -> {}", escape::shown(&found.name), shown(target))?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let listing = if flags.recursive { found.listing(&budget)? } else { found.children(&budget)? };
    let unreadable = if flags.sha256 {
        digests(&listing)?
    } else {
        let mut out = output::result();
        for entry in &listing.entries {
            writeln!(out, "{}", line(entry))?;
        }
        out.flush()?;
        0
    };
    Ok(if unreadable > 0 { Exit::Incomplete } else { problems(&found, &listing) })
}

/// A line for each file, in order, made on all cores; how many could not be read.
fn digests(listing: &Listing) -> Result<usize, Stop> {
    let mut unreadable: usize = 0;
    let mut out = output::result();
    let digests = scan::each_as_stored(&listing.entries, file, digest);
    for (entry, digest) in listing.entries.iter().zip(digests) {
        match digest {
            Some(Ok(digest)) => writeln!(out, "{digest:x}  {}", shown(&entry.path))?,
            Some(Err(why)) => {
                output::message(&why);
                unreadable = unreadable.saturating_add(1);
            }
            None => {}
        }
    }
    out.flush()?;
    Ok(unreadable)
}

/// The contents of a file; nothing of what is none.
const fn file(entry: &Entry) -> Option<&ByteSource> {
    match &entry.kind {
        EntryKind::File(source) => Some(source),
        EntryKind::Directory | EntryKind::Symlink(_) | EntryKind::Special => None,
    }
}

/// SHA-256 of a file.
fn digest(entry: &Entry) -> Option<Result<Output<Sha256>, String>> {
    let source = file(entry)?;
    let path = shown(&entry.path);
    let mut digest = Sha256::new();
    let copied = copy(source, &path, |piece| {
        digest.update(piece);
        Ok(())
    });
    Some(match copied {
        Ok(()) => Ok(digest.finalize()),
        Err(Stop::Unusable(why)) => Err(why),
        Err(Stop::ReaderGone) => Err(format!("{path}: cannot be read")),
    })
}

/// `-rw-r--r-- 1000 1000 12345 app/X.apk label`
fn line(entry: &Entry) -> String {
    let (kind, len, target) = match &entry.kind {
        EntryKind::Directory => ('d', None, None),
        EntryKind::File(source) => ('-', Some(source.len()), None),
        EntryKind::Symlink(target) => ('l', None, Some(target)),
        EntryKind::Special => ('s', None, None),
    };
    let attributes = &entry.attributes;
    let owner = |id: Option<u32>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let len = len.map_or_else(|| "-".to_owned(), |len| len.to_string());
    let mode = attributes.mode.map_or_else(|| "?????????".to_owned(), mode_text);
    let (user, group) = (owner(attributes.uid), owner(attributes.gid));
    let mut text = format!("{kind}{mode} {user:>5} {group:>5} {len:>11} {}", shown(&entry.path));
    if let Some(target) = target {
        text.push_str(&format!(" -> {}", shown(target)));
    }
    if let Some(label) = &attributes.selinux_label {
        text.push_str(&format!("  {}", shown(label)));
    }
    if let Some(capabilities) = attributes.capabilities {
        text.push_str(&format!("  capabilities {capabilities:#x}"));
    }
    text
}

/// Permission bits as `rwxr-xr-x`, with `s` and `t` where they change who the program runs as.
fn mode_text(mode: u16) -> String {
    let mut text = String::with_capacity(9);
    for (shift, special, with, without) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => with,
            (true, false) => without,
        });
    }
    text
}

/// Tells what of a listing, and of the device around it, could not be read.
fn problems(found: &Look, listing: &Listing) -> Exit {
    for hole in &found.holes {
        let why = match &hole.outcome {
            Outcome::Partial(reasons) => reasons.join("; "),
            Outcome::Unread(reason) => reason.clone(),
            Outcome::Read(_) | Outcome::Unknown => continue,
        };
        let layers = [hole.container.as_str(), hole.path.as_str()].into_iter().filter(|layer| !layer.is_empty());
        output::message(&format!("not read: {}: {why}", layers.collect::<Vec<_>>().join("!")));
    }
    for problem in &listing.problems {
        let path = if problem.path.is_empty() { "(the whole)".to_owned() } else { shown(&problem.path) };
        output::message(&format!("{path}: {}", problem.error));
    }
    if listing.problems.is_empty() && found.holes.is_empty() { Exit::Clean } else { Exit::Incomplete }
}

pub(crate) fn cat(flags: &Cat) -> Result<Exit, Stop> {
    let (found, _) = keys::look(&flags.place)?;
    let source = found.source().ok_or_else(|| Stop::because(format!("{}: not a file", flags.place.place)))?;
    let mut out = output::result();
    if io::stdout().is_terminal() {
        // Bytes of a sample could act on the terminal.
        copy(source, &flags.place.place, |piece| {
            for character in String::from_utf8_lossy(piece).chars() {
                match character {
                    '\n' | '\t' => write!(out, "{character}")?,
                    _ if escape::hides(character) => write!(out, "{}", character.escape_unicode())?,
                    _ => write!(out, "{character}")?,
                }
            }
            Ok(())
        })?;
    } else {
        copy(source, &flags.place.place, |piece| out.write_all(piece))?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// Reads all of `source`, a piece at a time.
fn copy(source: &ByteSource, name: &str, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Stop> {
    let mut piece = vec![0; PIECE_LEN];
    let mut offset: u64 = 0;
    while offset < source.len() {
        let count = source.read_some(offset, &mut piece).map_err(|error| Stop::because(format!("{name}: {error}")))?;
        to(piece.get(..count).unwrap_or_default())?;
        // The offset stays below the length of the source, since no piece goes past its end.
        offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(())
}

pub(crate) fn extract(flags: &Extract) -> Result<Exit, Stop> {
    let (found, budget) = keys::look(&flags.place)?;
    empty_folder(&flags.to)?;
    // Of a file of this computer its contents are meant: there is nothing to gain by copying it.
    let is_whole = Path::new(&flags.place.place).is_file();
    let listing = if is_whole { found.listing(&budget)? } else { members(&found, &budget)? };
    let mut left_out: usize = 0;
    let mut written: usize = 0;
    for entry in &listing.entries {
        match write_entry(entry, &flags.to, &budget) {
            Ok(true) => written = written.saturating_add(1),
            Ok(false) => {}
            Err(why) => {
                output::message(&format!("{}: not written: {why}", shown(&entry.path)));
                left_out = left_out.saturating_add(1);
            }
        }
    }
    let exit = problems(&found, &listing);
    output::message(&format!("{written} files written, {left_out} not"));
    Ok(if left_out > 0 { Exit::Incomplete } else { exit })
}

/// A file alone, or everything below a folder or container.
fn members(found: &Look, budget: &Budget) -> Result<Listing, Stop> {
    let Some(source) = found.source() else { return Ok(found.listing(budget)?) };
    let entry = Entry {
        path: found.name.clone().into_bytes(),
        kind: EntryKind::File(source.clone()),
        attributes: filesystems::Attributes::default(),
    };
    Ok(Listing { entries: vec![entry], problems: Vec::new() })
}

/// Nothing is written among files that are there already: a link among them could lead anywhere.
fn empty_folder(folder: &Path) -> Result<(), Stop> {
    let failed = |error: io::Error| Stop::because(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    match fs::read_dir(folder).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(Stop::because(format!("{}: not empty; give a new folder", folder.display()))),
    }
}

/// Whether a file was written. Links and special files are told and not made.
fn write_entry(entry: &Entry, folder: &Path, budget: &Budget) -> Result<bool, String> {
    let relative = safe_relative_path(&entry.path).ok_or("its name leads out of the folder")?;
    let path = folder.join(relative);
    let failed = |error: io::Error| error.to_string();
    match &entry.kind {
        EntryKind::Directory => fs::create_dir_all(&path).map(|()| false).map_err(failed),
        EntryKind::Symlink(target) => Err(format!("a link to {}; links are not made", shown(target))),
        EntryKind::Special => Err("a device, socket or pipe".to_owned()),
        EntryKind::File(source) => {
            budget.spend_bytes(source.len(), "extracted file", 0).map_err(|error| error.to_string())?;
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
            let copied = copy(source, "content", |piece| file.write_all(piece));
            copied.map(|()| true).map_err(|stop| match stop {
                Stop::Unusable(why) => why,
                Stop::ReaderGone => "cannot be written".to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_shown_as_other_tools_show_them() {
        // stat -c %A
        let known = [
            (0o644, "rw-r--r--"),
            (0o4755, "rwsr-xr-x"),
            (0o2750, "rwxr-s---"),
            (0o1777, "rwxrwxrwt"),
            (0o6644, "rwSr-Sr--"),
        ];
        for (mode, text) in known {
            assert_eq!(mode_text(mode), text);
        }
    }
}
