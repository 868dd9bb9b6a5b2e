//! Names of results: a digest over everything that a result depends on.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a result was made from, as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key([u8; 32]);

impl Key {
    /// In lower-case hex, 64 characters.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Collects what a result depends on. Parts are told apart by their lengths, so that no two lists of parts are the same.
#[derive(Debug, Clone, Default)]
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part.
    pub fn part(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(part);
        self
    }

    /// The key of all parts so far.
    #[must_use]
    pub fn finish(&self) -> Key {
        Key(self.0.clone().finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let key = |parts: &[&[u8]]| {
            let mut builder = KeyBuilder::new();
            for part in parts {
                builder.part(part);
            }
            builder.finish()
        };
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
        assert_ne!(key(&[b"abc"]), key(&[b"abc", b""]));
        assert_eq!(key(&[b"abc"]), key(&[b"abc"]));
        assert_eq!(key(&[]).hex().len(), 64);
    }
}
