//! The table: for each cluster the next one of its file.

use bytes::{Budget, ByteSource, Result};

use crate::record::{Record, len64};

/// Bytes of the table read at once; an entry of 12 bits may reach one byte further.
const WINDOW_LEN: u64 = 16 << 10;

/// How many bits an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Twelve,
    Sixteen,
    /// Of which 28 count.
    ThirtyTwo,
}

impl Width {
    const fn bits(self) -> u64 {
        match self {
            Self::Twelve => 12,
            Self::Sixteen => 16,
            Self::ThirtyTwo => 32,
        }
    }

    /// Bytes of a table for so many clusters; two entries stand in front.
    pub(super) const fn table_len(self, clusters: u64) -> u64 {
        clusters.saturating_add(2).saturating_mul(self.bits()).div_ceil(8)
    }

    const fn end(self) -> u32 {
        match self {
            Self::Twelve => 0xFF8,
            Self::Sixteen => 0xFFF8,
            Self::ThirtyTwo => 0x0FFF_FFF8,
        }
    }
}

/// The table and what of it was read last.
pub(super) struct Table {
    source: ByteSource,
    budget: Budget,
    offset: u64,
    width: Width,
    clusters: u64,
    window_at: u64,
    window: Vec<u8>,
}

impl Table {
    pub(super) const fn new(source: ByteSource, budget: Budget, offset: u64, width: Width, clusters: u64) -> Self {
        Self { source, budget, offset, width, clusters, window_at: 0, window: Vec::new() }
    }

    /// Whether there is a cluster of this number.
    pub(super) fn holds(&self, cluster: u32) -> bool {
        u64::from(cluster).checked_sub(2).is_some_and(|index| index < self.clusters)
    }

    /// Whether this stands for the end of a chain.
    pub(super) const fn is_end(&self, cluster: u32) -> bool {
        cluster >= self.width.end()
    }

    /// Byte offset of the entry of `cluster`.
    pub(super) fn entry_at(&self, cluster: u32) -> u64 {
        self.offset.saturating_add(u64::from(cluster).saturating_mul(self.width.bits()) >> 3)
    }

    /// What follows `cluster`.
    pub(super) fn next(&mut self, cluster: u32) -> Result<u32> {
        const WHAT: &str = "table entry";
        let at = self.entry_at(cluster);
        let is_there =
            at >= self.window_at && at.saturating_add(4) <= self.window_at.saturating_add(len64(self.window.len()));
        if !is_there {
            // A chain that jumps to and fro costs a node for each jump.
            self.budget.spend_nodes(1, WHAT, at)?;
            self.window.resize(usize::try_from(WINDOW_LEN).unwrap_or(0), 0);
            let count = self.source.read_some(at, &mut self.window)?;
            self.window.truncate(count);
            self.window_at = at;
        }
        let within = usize::try_from(at.saturating_sub(self.window_at)).unwrap_or(usize::MAX);
        let record = Record::new(&self.window, self.window_at);
        Ok(match self.width {
            Width::Twelve if cluster.is_multiple_of(2) => u32::from(record.u16(within, WHAT)? & 0xFFF),
            Width::Twelve => u32::from(record.u16(within, WHAT)? >> 4),
            Width::Sixteen => u32::from(record.u16(within, WHAT)?),
            Width::ThirtyTwo => record.u32(within, WHAT)? & 0x0FFF_FFFF,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Limits;

    use super::*;

    #[test]
    fn entries_of_each_width_are_read() {
        let bytes = vec![0xF8, 0xFF, 0xFF, 0x34, 0x12, 0xAB, 0xCD, 0xEF, 0x01, 0x02, 0x03, 0x04];
        for (width, expected) in
            [(Width::Twelve, [0x234, 0xAB1]), (Width::Sixteen, [0xAB12, 0xEFCD]), (Width::ThirtyTwo, [0x0403_0201, 0])]
        {
            let source = ByteSource::from_bytes(bytes.clone());
            let mut table = Table::new(source, Budget::new(Limits::FILE), 0, width, 1);
            assert_eq!(table.next(2), Ok(expected[0]), "{width:?}");
            assert_eq!(table.next(3).ok(), Some(expected[1]).filter(|&next| next != 0), "{width:?}");
        }
    }
}
