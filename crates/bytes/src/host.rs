//! Folders of this computer, read without following symbolic links.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// One entry of a folder.
#[derive(Debug, Clone)]
pub struct HostEntry {
    /// Where it is on this computer.
    pub path: PathBuf,
    /// Its name, as stored.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: HostKind,
    /// Permission bits.
    pub mode: u16,
    /// Length in bytes, of a file.
    pub len: u64,
}

/// What a folder's entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKind {
    /// A folder.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link and its target, as stored.
    Symlink(Vec<u8>),
    /// A device, socket or pipe.
    Special,
}

/// The entries of `folder`, sorted by name.
pub fn list_folder(folder: &Path) -> Result<Vec<HostEntry>> {
    let failed = |error: std::io::Error| Error::io(&error, "folder", 0);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        let file_type = metadata.file_type();
        let kind = if file_type.is_dir() {
            HostKind::Directory
        } else if file_type.is_file() {
            HostKind::File
        } else if file_type.is_symlink() {
            HostKind::Symlink(fs::read_link(&path).map_err(failed)?.as_os_str().as_bytes().to_vec())
        } else {
            HostKind::Special
        };
        let name = entry.file_name().as_bytes().to_vec();
        // The low twelve bits are the permissions; they fit.
        let mode = (metadata.mode() & 0o7777) as u16;
        entries.push(HostEntry { path, name, kind, mode, len: metadata.len() });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Whether `path` names a folder.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Whether `path` names something, be it a link that leads nowhere.
#[must_use]
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
