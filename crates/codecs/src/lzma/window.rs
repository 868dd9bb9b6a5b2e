//! What was unpacked last: matches repeat it, and it is given away from here, without a copy. Grows with what is unpacked,
//! so a declared dictionary takes no memory before it is used.

use super::model::Place;

/// The window has this much more than the dictionary, or half a dictionary: so much is unpacked before what must stay is moved
/// to the front.
const SPARE_LEN_MIN: usize = 1 << 20;
/// The window begins with this length.
const FIRST_LEN: usize = 64 << 10;
/// LZMA knows no shorter dictionary; its length is a multiple of 16.
const DICTIONARY_LEN_MIN: usize = 4096;

pub(super) struct Window {
    pub(super) bytes: Vec<u8>,
    pub(super) place: Place,
    /// Up to here it was given away.
    given: usize,
    len_max: usize,
}

impl Window {
    pub(super) fn new(dictionary_len: u32) -> Self {
        let len = usize::try_from(dictionary_len).unwrap_or(usize::MAX);
        let dictionary_len = len.max(DICTIONARY_LEN_MIN).checked_next_multiple_of(16).unwrap_or(len);
        let len_max = dictionary_len.saturating_add((dictionary_len / 2).max(SPARE_LEN_MIN));
        let place = Place { next: 0, end: 0, base: 0, skew: 0, dictionary_len };
        Self { bytes: Vec::new(), place, given: 0, len_max }
    }

    /// Forgets everything: what follows repeats nothing of it.
    pub(super) const fn reset(&mut self) {
        self.place.base = self.place.next;
        self.place.skew = 0_usize.wrapping_sub(self.place.next);
    }

    /// Makes room for up to `len` bytes and lets the place end with them. Everything must have been given away.
    pub(super) fn make_room(&mut self, len: usize) -> usize {
        let next = self.place.next;
        if next >= self.len_max {
            // What matches can reach stays.
            let kept_len = next.min(self.place.dictionary_len);
            let gone = next.saturating_sub(kept_len);
            self.bytes.copy_within(gone..next, 0);
            self.place.base = self.place.base.saturating_sub(gone);
            self.place.skew = self.place.skew.wrapping_add(gone);
            self.place.next = kept_len;
            self.given = kept_len;
        }
        let wanted = self.place.next.saturating_add(len).min(self.len_max);
        if wanted > self.bytes.len() {
            let grown = wanted.max(self.bytes.len().saturating_mul(2)).max(FIRST_LEN).min(self.len_max);
            self.bytes.resize(grown, 0);
        }
        self.place.end = wanted;
        wanted.saturating_sub(self.place.next)
    }

    /// The place that was made room for.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.place.next..self.place.end).unwrap_or_default()
    }

    /// `len` bytes of the room are filled.
    pub(super) fn filled(&mut self, len: usize) {
        self.place.next = self.place.next.saturating_add(len).min(self.place.end);
    }

    /// How much was unpacked and not yet given away.
    pub(super) const fn fresh_len(&self) -> usize {
        self.place.next.saturating_sub(self.given)
    }

    /// Gives away what is new.
    pub(super) fn give(&mut self) -> &[u8] {
        let from = std::mem::replace(&mut self.given, self.place.next);
        self.bytes.get(from..self.place.next).unwrap_or_default()
    }
}
