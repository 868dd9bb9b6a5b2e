//! Entries written as `fixtures/filesystems/list_tree.py` writes those of a mounted tree, so that two readers can be
//! compared line by line.

use std::fmt::Write;

use bytes::{ByteSource, Result};
use filesystems::{Entry, EntryKind};
use sha2::{Digest, Sha256};

fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        if matches!(byte, 0x21..=0x7e) && byte != b'%' {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    if text.is_empty() { "-".to_owned() } else { text }
}

fn digest(source: &ByteSource) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut offset = 0;
    loop {
        let count = source.read_some(offset, &mut buffer)?;
        if count == 0 {
            return Ok(format!("{:x}", hasher.finalize()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        offset += count as u64;
    }
}

fn column<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The line of `entry`; fails if its contents cannot be read.
pub(crate) fn line(entry: &Entry) -> Result<String> {
    let (kind, file, target) = match &entry.kind {
        EntryKind::Directory => ("d", None, None),
        EntryKind::File(source) => ("f", Some(source), None),
        EntryKind::Symlink(target) => ("l", None, Some(shown(target))),
        EntryKind::Special => ("s", None, None),
    };
    let attributes = &entry.attributes;
    let columns = [
        shown(&entry.path),
        kind.to_owned(),
        column(attributes.mode.map(|mode| format!("{mode:04o}"))),
        column(attributes.uid),
        column(attributes.gid),
        column(file.map(ByteSource::len)),
        column(file.map(digest).transpose()?),
        column(target),
        column(attributes.selinux_label.as_deref().map(shown)),
        column(attributes.capabilities.map(|set| format!("{set:x}"))),
    ];
    Ok(columns.join("\t"))
}
