//! What was made last: matches repeat it, filters wait for their range of it to be full, and it is given out from here.

use std::collections::VecDeque;

use bytes::{Error, Limit, Result};

use super::{
    FILTER_LEN_MAX, FILTERS_MAX, FILTERS_OF_RANGE_MAX, WINDOW_LEN_MAX,
    filters::{Filter, Kind},
};
use crate::{Sink, len64};

/// Bytes that are made before they are given out.
const PIECE_LEN: usize = 1 << 20;

/// The window, and of the present file how much was given out, its filters, and how much there is to come.
pub(super) struct Window {
    window_len: usize,
    /// The window, and behind it what was not given out.
    made: Vec<u8>,
    given: usize,
    file_given: u64,
    filters: VecDeque<Filter>,
    left: u64,
}

impl Window {
    /// A window of `window_len` bytes, of which no more than `unpacked_len` are ever filled.
    pub(super) fn new(window_len: u64, unpacked_len: u64) -> Result<Self> {
        let needed = window_len.min(unpacked_len);
        if needed > WINDOW_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "RAR dictionary", 0));
        }
        Ok(Self {
            // Bounded above.
            window_len: usize::try_from(needed).unwrap_or(0),
            made: Vec::new(),
            given: 0,
            file_given: 0,
            filters: VecDeque::new(),
            left: 0,
        })
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, unpacked_len: u64) {
        (self.file_given, self.left) = (0, unpacked_len);
        self.filters.clear();
    }

    /// Whether the file has all its bytes.
    pub(super) const fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Whether it is time to give something out.
    pub(super) const fn is_due(&self) -> bool {
        self.made.len().saturating_sub(self.given) >= PIECE_LEN
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.made.push(byte);
        self.left = self.left.saturating_sub(1);
    }

    /// Repeats `len` bytes from `distance` before, or as many as the file has; whether so far back there is something.
    #[must_use]
    pub(super) fn copy(&mut self, len: usize, distance: usize) -> bool {
        let len = len.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if distance == 0 || distance > self.made.len() {
            return false;
        }
        let start = self.made.len().saturating_sub(distance);
        if distance >= len {
            self.made.extend_from_within(start..start.saturating_add(len));
        } else {
            for at in start..start.saturating_add(len) {
                let byte = self.made.get(at).copied().unwrap_or(0);
                self.made.push(byte);
            }
        }
        self.left = self.left.saturating_sub(len64(len));
        true
    }

    /// Notes a filter for `len` bytes, `start` behind what was made so far; whether there may be such a one. Filters come in the
    /// order of their ranges. Those for one range are undone one after the other.
    #[must_use]
    pub(super) fn filter(&mut self, kind: Kind, start: u64, len: u64) -> bool {
        let position = self.file_given.saturating_add(len64(self.made.len().saturating_sub(self.given)));
        let filter = Filter { kind, start: position.saturating_add(start), len };
        let is_behind = self.filters.back().is_none_or(|last| filter.start >= last.end() || filter.has_range_of(last));
        let alike = self.filters.iter().rev().take_while(|other| filter.has_range_of(other)).count();
        if len > FILTER_LEN_MAX || !is_behind || self.filters.len() >= FILTERS_MAX || alike >= FILTERS_OF_RANGE_MAX {
            return false;
        }
        if len > 0 {
            self.filters.push_back(filter);
        }
        true
    }

    /// Gives out what no filter waits for, and forgets what is behind the window.
    pub(super) fn give(&mut self, sink: &mut Sink<'_>) -> Result<()> {
        loop {
            let waiting = self.made.get(self.given..).unwrap_or_default();
            let end = self.file_given.saturating_add(len64(waiting.len()));
            let plain_end = self.filters.front().map_or(end, |filter| filter.start.min(end));
            let plain_len = usize::try_from(plain_end.saturating_sub(self.file_given)).unwrap_or(0);
            let plain = waiting.get(..plain_len).unwrap_or_default();
            if !plain.is_empty() {
                sink(plain)?;
            }
            self.given = self.given.saturating_add(plain_len);
            self.file_given = plain_end;
            let Some(&filter) = self.filters.front().filter(|filter| filter.end() <= end) else { break };
            let len = usize::try_from(filter.len).unwrap_or(0);
            let mut bytes = self.made.get(self.given..self.given.saturating_add(len)).unwrap_or_default().to_vec();
            while let Some(next) = self.filters.front().filter(|next| next.has_range_of(&filter)) {
                next.undo(&mut bytes);
                self.filters.pop_front();
            }
            sink(&bytes)?;
            self.given = self.given.saturating_add(len);
            self.file_given = filter.end();
        }
        // As much again as the window is, so that bytes are seldom moved.
        let kept = self.window_len.saturating_mul(2).max(4 * PIECE_LEN);
        if self.given > kept {
            let surplus = self.given.saturating_sub(self.window_len);
            self.made.drain(..surplus);
            self.given = self.given.saturating_sub(surplus);
        }
        Ok(())
    }

    /// Ends a file of `packed_len` packed bytes.
    pub(super) fn end(&mut self, packed_len: u64, sink: &mut Sink<'_>) -> Result<()> {
        self.give(sink)?;
        if self.left > 0 || self.given < self.made.len() {
            return Err(Error::truncated("RAR file", packed_len, self.left.max(1), 0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_few_filters() {
        let mut window = Window::new(1 << 20, 1 << 20).unwrap();
        window.begin(1 << 20);
        let kind = Kind::Delta { channels: 1 };
        assert!((0..FILTERS_OF_RANGE_MAX).all(|_| window.filter(kind, 0, 100)));
        assert!(!window.filter(kind, 0, 100), "each costs another pass over the range");
        assert!(window.filter(kind, 100, 100), "the next range has its own");
    }
}
