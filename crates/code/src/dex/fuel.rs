//! What reading one file may cost.

use bytes::{Error, Limit, Result};

/// Entries of a well-formed file do not overlap, so following every offset touches each byte about once; the files of a
/// container may share their data. A hostile file makes a million entries point at the same megabyte; it stops here.
const READS_PER_BYTE: u64 = 8;
/// What even the smallest file may spend.
const BASE: u64 = 64 << 10;

/// Bytes that may still be read by following offsets.
#[derive(Debug)]
pub(crate) struct Fuel {
    left: u64,
}

impl Fuel {
    /// For a file of `len` bytes.
    pub(crate) const fn for_file(len: u64) -> Self {
        Self { left: len.saturating_mul(READS_PER_BYTE).saturating_add(BASE) }
    }

    /// Spends `bytes` on `what` at `offset`.
    pub(crate) fn spend(&mut self, bytes: u64, what: &'static str, offset: u64) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or(Error::limit(Limit::Nodes, what, offset))?;
        Ok(())
    }

    /// How much may still be spent at once.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }
}
