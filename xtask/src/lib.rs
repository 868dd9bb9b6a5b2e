//! Tasks of the workshop, as functions: the program `xtask` runs them, and so do its tests.

pub mod bench;
pub mod diff_walk;
pub mod field;
pub mod files;
pub mod layers;
pub mod limits;
pub mod schema;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
