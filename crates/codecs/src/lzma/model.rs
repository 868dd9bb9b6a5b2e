//! The model of LZMA: literals, and matches with what was unpacked before. Symbols go straight to where they are wanted, so
//! nothing is copied twice. Written from the LZMA specification of the LZMA SDK (`lzma-specification.txt`).

#![allow(
    clippy::indexing_slicing,
    reason = "every index of a table is masked by its length, a power of two; places of the output are checked when they are used"
)]

use super::range::{Coder, EVEN, Range};

/// Bytes that one symbol takes at most: 22 bits with probabilities and 26 without, of eleven bits and one bit.
pub(super) const SYMBOL_LEN_MAX: usize = 20;
/// Largest value of the properties: 9 * 5 * 5 combinations.
const PROPERTIES_MAX: u8 = 224;
/// States that a literal leads to.
const LITERAL_STATES: usize = 7;
const MATCH_LEN_MIN: usize = 2;
/// From here on a slot has more bits behind it.
const FIRST_LONG_SLOT: u32 = 4;
/// From here on most of them have no probabilities, but for the lowest.
const FIRST_DIRECT_SLOT: u32 = 14;
const ALIGN_BITS: u32 = 4;
/// Copies of this many bytes are done without asking the library.
const STEP_LEN: usize = 16;

/// How many bits of what stands before choose the probabilities of a symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Properties {
    literal_context_bits: u32,
    literal_position_bits: u32,
    position_bits: u32,
}

impl Properties {
    /// As one byte.
    pub(super) fn new(byte: u8) -> Option<Self> {
        let (byte, is_valid) = (u32::from(byte), byte <= PROPERTIES_MAX);
        let (literal_context_bits, rest) = (byte % 9, byte / 9);
        let (literal_position_bits, position_bits) = (rest % 5, rest / 5);
        is_valid.then_some(Self { literal_context_bits, literal_position_bits, position_bits })
    }

    /// LZMA2 has fewer of them.
    pub(super) fn new_lzma2(byte: u8) -> Option<Self> {
        Self::new(byte).filter(|properties| properties.literal_bits() <= 4)
    }

    const fn literal_bits(self) -> u32 {
        self.literal_context_bits.wrapping_add(self.literal_position_bits)
    }
}

/// Probabilities of a length.
struct Length {
    is_mid: u16,
    is_high: u16,
    low: [[u16; 8]; 16],
    mid: [[u16; 8]; 16],
    high: [u16; 256],
}

impl Length {
    const NEW: Self =
        Self { is_mid: EVEN, is_high: EVEN, low: [[EVEN; 8]; 16], mid: [[EVEN; 8]; 16], high: [EVEN; 256] };

    #[inline(always)]
    fn read(&mut self, range: &mut Range<'_>, position: usize) -> usize {
        if !range.bit(&mut self.is_mid) {
            return range.tree(&mut self.low[position & 15]) + MATCH_LEN_MIN;
        }
        if !range.bit(&mut self.is_high) {
            return range.tree(&mut self.mid[position & 15]) + MATCH_LEN_MIN + 8;
        }
        range.tree(&mut self.high) + MATCH_LEN_MIN + 16
    }
}

/// All other probabilities but those of literals; by state, of which there are twelve.
struct Tables {
    is_match: [[u16; 16]; 16],
    is_repeat: [u16; 16],
    is_not_first: [u16; 16],
    is_not_second: [u16; 16],
    is_not_third: [u16; 16],
    is_long: [[u16; 16]; 16],
    slot: [[u16; 64]; 4],
    distance: [u16; 128],
    align: [u16; 16],
    match_len: Length,
    repeat_len: Length,
}

impl Tables {
    const NEW: Self = Self {
        is_match: [[EVEN; 16]; 16],
        is_repeat: [EVEN; 16],
        is_not_first: [EVEN; 16],
        is_not_second: [EVEN; 16],
        is_not_third: [EVEN; 16],
        is_long: [[EVEN; 16]; 16],
        slot: [[EVEN; 64]; 4],
        distance: [EVEN; 128],
        align: [EVEN; 16],
        match_len: Length::NEW,
        repeat_len: Length::NEW,
    };

    /// Which of the distances but the first is repeated; it becomes the first.
    #[inline(always)]
    fn choose(&mut self, range: &mut Range<'_>, state: usize, last: [u32; 4]) -> [u32; 4] {
        let [first, second, third, fourth] = last;
        if !range.bit(&mut self.is_not_second[state & 15]) {
            [second, first, third, fourth]
        } else if !range.bit(&mut self.is_not_third[state & 15]) {
            [third, first, second, fourth]
        } else {
            [fourth, first, second, third]
        }
    }

    /// The distance of a match of `len` bytes, less one: a slot says how many bits it has and the two highest of them.
    #[inline(always)]
    fn distance(&mut self, range: &mut Range<'_>, len: usize) -> u32 {
        let slot = range.tree(&mut self.slot[len.wrapping_sub(MATCH_LEN_MIN).min(3)]) as u32;
        if slot < FIRST_LONG_SLOT {
            return slot;
        }
        let bits = (slot >> 1).wrapping_sub(1);
        let high = (2 | (slot & 1)) << bits;
        if slot < FIRST_DIRECT_SLOT {
            let start = high.wrapping_sub(slot) as usize;
            return high.wrapping_add(range.reverse_tree(&mut self.distance, start, bits));
        }
        let middle = range.direct(bits.wrapping_sub(ALIGN_BITS)) << ALIGN_BITS;
        high.wrapping_add(middle).wrapping_add(range.reverse_tree(&mut self.align, 0, ALIGN_BITS))
    }
}

/// Three tables of 256: for a literal alone, and for one behind a match by the bit that the match goes on with. A fourth
/// makes the length a power of two and is never touched.
type Literal = [u16; 1024];

/// Why decoding stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The place is full.
    Full,
    /// The packed bytes may not be enough for another symbol.
    Starved,
    /// The mark of the end.
    End,
    /// A match reaches back to before the start.
    Corrupt,
}

/// A decoder between two calls.
pub(super) struct Model {
    properties: Properties,
    state: usize,
    /// Distances of the last four matches, less one.
    last: [u32; 4],
    /// What of a match found no place.
    pending_len: usize,
    tables: Box<Tables>,
    literals: Vec<Literal>,
}

impl Model {
    pub(super) fn new(properties: Properties) -> Self {
        let literals = vec![[EVEN; 1024]; 1 << properties.literal_bits()];
        Self { properties, state: 0, last: [0; 4], pending_len: 0, tables: Box::new(Tables::NEW), literals }
    }

    /// Forgets what was learnt, and takes new properties if there are any.
    pub(super) fn reset(&mut self, properties: Option<Properties>) {
        self.properties = properties.unwrap_or(self.properties);
        (self.state, self.last, self.pending_len) = (0, [0; 4], 0);
        *self.tables = Tables::NEW;
        self.literals.clear();
        self.literals.resize(1 << self.properties.literal_bits(), [EVEN; 1024]);
    }

    /// Whether a match waits for place.
    pub(super) const fn has_pending(&self) -> bool {
        self.pending_len > 0
    }

    /// Decodes `packed` into `output` until its place is full. Begins no symbol where less than `spare` bytes are left, and
    /// gives nothing of one that the packed bytes were not enough for. What stands behind the place may be overwritten.
    #[allow(clippy::too_many_lines, reason = "one loop whose state lives in registers")]
    pub(super) fn decode(
        &mut self,
        packed: &mut Packed<'_>,
        output: &mut [u8],
        place: &mut Place,
        spare: usize,
    ) -> Stop {
        let Place { end, base, skew, dictionary_len, .. } = *place;
        let mut next = place.next;
        let end = end.min(output.len());
        let packed_len = packed.bytes.len();
        let position_mask = (1_usize << self.properties.position_bits) - 1;
        let literal_position_mask = (1_usize << self.properties.literal_position_bits) - 1;
        let context_bits = self.properties.literal_context_bits;
        let context_shift = 8 - context_bits;
        let tables = &mut *self.tables;
        let literals = self.literals.as_mut_slice();
        let mut range = Range::new(packed.bytes, packed.next, packed.coder);
        let mut state = self.state;
        let mut last = self.last;
        let mut pending_len = self.pending_len;
        let mut whole = next;
        let stop = 'symbols: loop {
            // A match of before, or of the last turn.
            if pending_len > 0 {
                let distance = (last[0] as usize).wrapping_add(1);
                if distance > next.wrapping_sub(base).min(dictionary_len) {
                    break Stop::Corrupt;
                }
                let len = pending_len.min(end.saturating_sub(next));
                repeat(output, next, distance, len);
                next = next.wrapping_add(len);
                pending_len = pending_len.wrapping_sub(len);
            }
            loop {
                if next >= end {
                    break 'symbols Stop::Full;
                }
                if range.next.wrapping_add(spare) > packed_len {
                    break 'symbols Stop::Starved;
                }
                whole = next;
                let position = next.wrapping_add(skew);
                if range.bit(&mut tables.is_match[state & 15][position & position_mask & 15]) {
                    break;
                }
                let before = if next > base { output[next.wrapping_sub(1)] } else { 0 };
                let context = (position & literal_position_mask) << context_bits | usize::from(before) >> context_shift;
                let Some(table) = literals.get_mut(context) else { break 'symbols Stop::Corrupt };
                output[next] = if state < LITERAL_STATES {
                    literal(&mut range, table)
                } else {
                    let matched = output.get(next.wrapping_sub(last[0] as usize).wrapping_sub(1)).copied().unwrap_or(0);
                    literal_behind_match(&mut range, table, matched)
                };
                next = next.wrapping_add(1);
                state = usize::from(BEHIND_LITERAL[state & 15]);
            }
            let position = next.wrapping_add(skew) & position_mask & 15;
            let is_behind_literal = state < LITERAL_STATES;
            if range.bit(&mut tables.is_repeat[state & 15]) {
                let is_first = !range.bit(&mut tables.is_not_first[state & 15]);
                if is_first && !range.bit(&mut tables.is_long[state & 15][position]) {
                    state = if is_behind_literal { 9 } else { 11 };
                    pending_len = 1;
                    continue;
                }
                if !is_first {
                    last = tables.choose(&mut range, state, last);
                }
                state = if is_behind_literal { 8 } else { 11 };
                pending_len = tables.repeat_len.read(&mut range, position);
                continue;
            }
            state = if is_behind_literal { 7 } else { 10 };
            let len = tables.match_len.read(&mut range, position);
            let [first, second, third, _] = last;
            last = [tables.distance(&mut range, len), first, second, third];
            if last[0] == u32::MAX {
                break Stop::End;
            }
            pending_len = len;
        };
        let stop = if range.next > packed_len {
            // Of the last symbol too few bytes were there, so it was none.
            next = whole;
            Stop::Starved
        } else {
            stop
        };
        (packed.next, packed.coder) = (range.next, range.coder);
        place.next = next;
        (self.state, self.last, self.pending_len) = (state, last, pending_len);
        stop
    }
}

/// Packed bytes, and how far they are decoded.
pub(super) struct Packed<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) next: usize,
    pub(super) coder: Coder,
}

/// Where in the output to go on, and what of it matches may repeat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Where the next byte goes.
    pub(super) next: usize,
    /// Where to stop.
    pub(super) end: usize,
    /// No match reaches further back than here.
    pub(super) base: usize,
    /// What to add to a place for its distance from where the dictionary began.
    pub(super) skew: usize,
    /// Longest distance.
    pub(super) dictionary_len: usize,
}

/// The state behind a literal, by the state before it.
const BEHIND_LITERAL: [u8; 16] = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5, 0, 0, 0, 0];

#[inline(always)]
fn literal(range: &mut Range<'_>, table: &mut Literal) -> u8 {
    let mut symbol = 1;
    let mut probability = table[1];
    for _ in 0..7 {
        let below = symbol << 1;
        let (zero, one) = (table[below & 0x3ff], table[(below | 1) & 0x3ff]);
        let (bit, adapted) = range.tree_bit(probability);
        table[symbol & 0x3ff] = adapted;
        probability = if bit { one } else { zero };
        symbol = below | usize::from(bit);
    }
    let (bit, adapted) = range.tree_bit(probability);
    table[symbol & 0x3ff] = adapted;
    (symbol << 1 | usize::from(bit)) as u8
}

/// Behind a match the byte that the match would go on with is a hint, until a bit differs from it.
#[inline(always)]
fn literal_behind_match(range: &mut Range<'_>, table: &mut Literal, matched: u8) -> u8 {
    let (mut symbol, mut hint, mut matched) = (1_usize, 0x100_usize, usize::from(matched) << 1);
    let place =
        |hint: usize, matched: usize, symbol: usize| hint.wrapping_add(matched & hint).wrapping_add(symbol) & 0x3ff;
    let mut at = place(hint, matched, symbol);
    let mut probability = table[at];
    for _ in 0..7 {
        let (below, hint_of_one) = (symbol << 1, matched & hint);
        let hint_of_zero = hint ^ hint_of_one;
        matched <<= 1;
        let (at_zero, at_one) = (place(hint_of_zero, matched, below), place(hint_of_one, matched, below | 1));
        let (zero, one) = (table[at_zero], table[at_one]);
        let (bit, adapted) = range.tree_bit(probability);
        table[at] = adapted;
        (probability, at, hint) = if bit { (one, at_one, hint_of_one) } else { (zero, at_zero, hint_of_zero) };
        symbol = below | usize::from(bit);
    }
    let (bit, adapted) = range.tree_bit(probability);
    table[at] = adapted;
    (symbol << 1 | usize::from(bit)) as u8
}

/// Writes again what stands `distance` before `next`; `distance` is at least one and reaches no further back than there is.
#[inline(always)]
fn repeat(output: &mut [u8], next: usize, distance: usize, len: usize) {
    let from = next.wrapping_sub(distance);
    if distance >= STEP_LEN && next.wrapping_add(len).wrapping_add(STEP_LEN) <= output.len() {
        let mut done = 0_usize;
        while done < len {
            let (before, behind) = output.split_at_mut(next.wrapping_add(done));
            let source = &before[from.wrapping_add(done)..][..STEP_LEN];
            behind[..STEP_LEN].copy_from_slice(source);
            done = done.wrapping_add(STEP_LEN);
        }
        return;
    }
    let mut done = 0_usize;
    while done < len {
        // What was written is repeated as well.
        let step = distance.wrapping_add(done).min(len.wrapping_sub(done));
        output.copy_within(from..from.wrapping_add(step), next.wrapping_add(done));
        done = done.wrapping_add(step);
    }
}
