//! Tools that seal an app's code and put a loader in its place.

use crate::platform::matches_pattern;

/// A packer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packer {
    /// Short name, unique.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Names of its files under `lib/` and `assets/`; patterns.
    pub files: Vec<String>,
    /// Names of its application classes; patterns.
    pub classes: Vec<String>,
    /// How many of its files an app carries at least.
    pub least: usize,
    /// Where they are documented.
    pub reference: String,
}

impl Packer {
    /// Whether `names`, those of the files under `lib/` and `assets/` without folders, hold enough of its own.
    #[must_use]
    pub fn has_files(&self, names: &[String]) -> bool {
        let is_there = |pattern: &&String| names.iter().any(|name| matches_pattern(pattern, name));
        !self.files.is_empty() && self.files.iter().filter(is_there).count() >= self.least
    }

    /// Whether an application class is its loader.
    #[must_use]
    pub fn has_class(&self, name: &str) -> bool {
        self.classes.iter().any(|pattern| matches_pattern(pattern, name))
    }
}
