//! `--keys`: keys of the user for encrypted packages.

use std::path::Path;

use bytes::{Budget, Keys, Limits};

use crate::exit::Stop;

/// The keys in `file`.
pub(crate) fn read(file: &Path) -> Result<Keys, Stop> {
    Keys::read(file).map_err(|error| Stop::because(format!("{}: {error}", file.display())))
}

/// The budget for opening one input, with the keys of `file`.
pub(crate) fn budget(file: Option<&Path>) -> Result<Budget, Stop> {
    let keys = file.map(read).transpose()?.unwrap_or_default();
    Ok(Budget::new(Limits::FIRMWARE).with_keys(keys))
}
