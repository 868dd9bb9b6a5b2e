//! What one task may spend on hostile input.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{Base, Error, Keys, Result};

/// Upper bounds for one task. Every loop whose length the input chooses spends from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep containers may nest.
    pub depth: u32,
    /// How many nodes (files, chunks, table rows) may be unfolded.
    pub nodes: u64,
    /// How many bytes unpacking may produce.
    pub unpacked_bytes: u64,
}

impl Limits {
    /// For one firmware: 16 layers, 4 M nodes, 64 GiB unpacked.
    pub const FIRMWARE: Self = Self { depth: 16, nodes: 4_000_000, unpacked_bytes: 64 << 30 };
    /// For one file of a firmware: 8 layers, 4 M nodes, 2 GiB unpacked.
    pub const FILE: Self = Self { depth: 8, nodes: 4_000_000, unpacked_bytes: 2 << 30 };
}

/// Which bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::nodes`].
    Nodes,
    /// [`Limits::unpacked_bytes`].
    UnpackedBytes,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "nesting depth",
            Self::Nodes => "node count",
            Self::UnpackedBytes => "unpacked bytes",
        })
    }
}

/// What is left of [`Limits`]. Clones share what is left.
///
/// One budget belongs to one task (one firmware walk, one app): a budget shared by tasks that race would make the
/// report depend on the number of threads.
#[derive(Debug, Clone)]
pub struct Budget {
    depth: u32,
    left: Arc<Left>,
    /// Every reader is given a budget, so the keys go with it: a package may need one at any depth.
    keys: Arc<Keys>,
    /// The same holds for the images that an update is made for.
    base: Arc<Base>,
}

#[derive(Debug)]
struct Left {
    nodes: AtomicU64,
    unpacked_bytes: AtomicU64,
}

impl Budget {
    /// A fresh budget of `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let left = Left { nodes: AtomicU64::new(limits.nodes), unpacked_bytes: AtomicU64::new(limits.unpacked_bytes) };
        Self { depth: limits.depth, left: Arc::new(left), keys: Arc::default(), base: Arc::default() }
    }

    /// The same budget, and keys for what is encrypted.
    #[must_use]
    pub fn with_keys(self, keys: Keys) -> Self {
        Self { keys: Arc::new(keys), ..self }
    }

    /// The same budget, and images for updates that change older ones.
    #[must_use]
    pub fn with_base(self, base: Base) -> Self {
        Self { base: Arc::new(base), ..self }
    }

    /// Images of the device before the update.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Keys that the user brought.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Spends `count` nodes for `what` at `offset`.
    pub fn spend_nodes(&self, count: u64, what: &'static str, offset: u64) -> Result<()> {
        spend(&self.left.nodes, count).ok_or(Error::limit(Limit::Nodes, what, offset))
    }

    /// Spends `count` unpacked bytes for `what` at `offset`.
    pub fn spend_bytes(&self, count: u64, what: &'static str, offset: u64) -> Result<()> {
        spend(&self.left.unpacked_bytes, count).ok_or(Error::limit(Limit::UnpackedBytes, what, offset))
    }

    /// The budget one layer further in; fails when the nesting is too deep.
    pub fn deeper(&self, what: &'static str) -> Result<Self> {
        let depth = self.depth.checked_sub(1).ok_or(Error::limit(Limit::Depth, what, 0))?;
        Ok(Self { depth, ..self.clone() })
    }
}

fn spend(left: &AtomicU64, count: u64) -> Option<()> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(count)).ok().map(|_| ())
}
