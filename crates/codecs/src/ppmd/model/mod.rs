//! The model: contexts, each with the symbols that were seen behind it, and how likely none of them comes.
//!
//! A context is a unit: number of symbols (u16), sum of frequencies (u16), where its symbols are (u32), the context that is one byte
//! shorter (u32). A symbol has six bytes: itself, its frequency, and where the longer context is, or in the text what followed. A
//! context of one symbol has that in the place of sum and symbols.

#![allow(
    clippy::indexing_slicing,
    reason = "tables of 256 are indexed by bytes, the others by numbers that are masked to their lengths"
)]

mod growth;

use bytes::Result;

use super::{
    range::Range,
    units::{UNIT_LEN, Units},
};

const STATE_LEN: u32 = 6;
/// Where in a context of one symbol the symbol is.
const ONLY: u32 = 2;
/// Frequencies above this are halved.
const FREQUENCY_MAX: u8 = 124;
/// Bits of the probability that a lone symbol comes, and of what it adapts by.
const BINARY_BITS: u32 = 14;
const BINARY_STEP: u16 = 1 << 7;
const PERIOD_BITS: u8 = 7;
/// Escapes of lone symbols, by their probability.
const LONE_ESCAPES: [u8; 16] = [25, 14, 9, 7, 5, 5, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2];
const LONE_ESCAPES_FIRST: [u16; 8] = [0x3cdd, 0x1f3f, 0x59bf, 0x48f3, 0x64a1, 0x5abc, 0x6632, 0x6051];

/// A symbol of a context.
#[derive(Clone, Copy)]
struct State {
    symbol: u8,
    frequency: u8,
    successor: u32,
}

/// How likely no symbol of a context comes, for contexts that are alike.
#[derive(Clone, Copy)]
struct Escape {
    sum: u16,
    shift: u8,
    count: u8,
}

/// A model, and what of it the last symbol left behind.
pub(crate) struct Ppmd {
    units: Units,
    order_max: u32,
    /// By how much the longest context is longer than the present one.
    order_fall: u32,
    run_first: i32,
    run: i32,
    was_likely: bool,
    shortest: u32,
    longest: u32,
    /// The symbol that was found, by its place.
    found: u32,
    high_bits: usize,
    lone_escape: u8,
    escapes: [[Escape; 16]; 25],
    binary: Box<[[u16; 64]; 128]>,
}

/// Symbols of more than six bits count apart.
const fn is_high(symbol: u8) -> usize {
    if symbol >= 0x40 { 8 } else { 0 }
}

/// A class of numbers from one on: three alone, then as many as there were classes.
const ESCAPE_CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let (mut number, mut class, mut left) = (0_usize, 0_u8, 1_u8);
    while number < classes.len() {
        classes[number] = class;
        left = left.wrapping_sub(1);
        number = number.wrapping_add(1);
        if left == 0 {
            class = class.wrapping_add(1);
            left = if class > 3 { class.wrapping_sub(2) } else { 1 };
        }
    }
    classes
};

impl Ppmd {
    pub(super) fn new(order: u32, memory_len: u32) -> Self {
        let mut model = Self {
            units: Units::new(memory_len),
            order_max: order,
            order_fall: 0,
            run_first: 0,
            run: 0,
            was_likely: false,
            shortest: 0,
            longest: 0,
            found: 0,
            high_bits: 0,
            lone_escape: 0,
            escapes: [[Escape { sum: 0, shift: 0, count: 0 }; 16]; 25],
            binary: Box::new([[0; 64]; 128]),
        };
        model.restart();
        model
    }

    fn restart(&mut self) {
        self.units.reset();
        self.order_fall = self.order_max;
        self.run_first = 0_i32.wrapping_sub(self.order_max.min(12) as i32).wrapping_sub(1);
        self.run = self.run_first;
        self.was_likely = false;
        // All bytes once, in no context. So much memory there always is.
        let (root, states) = (self.units.context().unwrap_or(0), self.units.block(128).unwrap_or(0));
        (self.shortest, self.longest, self.found) = (root, root, states);
        self.put_count(root, 256);
        self.put_sum(root, 257);
        self.units.put(root.wrapping_add(4), states.to_le_bytes());
        self.units.put(root.wrapping_add(8), [0; 4]);
        for symbol in 0..=255_u8 {
            let at = states.wrapping_add(u32::from(symbol).wrapping_mul(STATE_LEN));
            self.put_state(at, State { symbol, frequency: 1, successor: 0 });
        }
        for (frequency, row) in (2_u16..).zip(self.binary.iter_mut()) {
            for (value, first) in row.iter_mut().zip(LONE_ESCAPES_FIRST.iter().cycle()) {
                *value = (1_u16 << BINARY_BITS).wrapping_sub(first / frequency);
            }
        }
        for (class, row) in (0_u16..).zip(self.escapes.iter_mut()) {
            let shift = PERIOD_BITS.wrapping_sub(4);
            *row = [Escape { sum: class.wrapping_mul(5).wrapping_add(10) << shift, shift, count: 4 }; 16];
        }
    }

    fn count(&self, context: u32) -> u32 {
        u32::from(self.units.u16(context))
    }

    fn put_count(&mut self, context: u32, count: u32) {
        self.units.put(context, (count as u16).to_le_bytes());
    }

    fn sum(&self, context: u32) -> u32 {
        u32::from(self.units.u16(context.wrapping_add(2)))
    }

    fn put_sum(&mut self, context: u32, sum: u32) {
        self.units.put(context.wrapping_add(2), (sum as u16).to_le_bytes());
    }

    fn states(&self, context: u32) -> u32 {
        self.units.u32(context.wrapping_add(4))
    }

    fn suffix(&self, context: u32) -> u32 {
        self.units.u32(context.wrapping_add(8))
    }

    fn state(&self, at: u32) -> State {
        State { symbol: self.symbol_at(at), frequency: self.frequency(at), successor: self.successor(at) }
    }

    fn put_state(&mut self, at: u32, state: State) {
        let [a, b, c, d] = state.successor.to_le_bytes();
        self.units.put(at, [state.symbol, state.frequency, a, b, c, d]);
    }

    fn symbol_at(&self, at: u32) -> u8 {
        self.units.u8(at)
    }

    fn frequency(&self, at: u32) -> u8 {
        self.units.u8(at.wrapping_add(1))
    }

    fn put_frequency(&mut self, at: u32, frequency: u8) {
        self.units.put(at.wrapping_add(1), [frequency]);
    }

    fn successor(&self, at: u32) -> u32 {
        self.units.u32(at.wrapping_add(2))
    }

    fn put_successor(&mut self, at: u32, successor: u32) {
        self.units.put(at.wrapping_add(2), successor.to_le_bytes());
    }

    fn swap(&mut self, one: u32, other: u32) {
        let (first, second) = (self.state(one), self.state(other));
        self.put_state(one, second);
        self.put_state(other, first);
    }

    /// Where in a context the state of `symbol` is. Of a context that has it: so has every shorter one.
    fn find(&self, context: u32, symbol: u8) -> u32 {
        let count = self.count(context);
        if count == 1 {
            return context.wrapping_add(ONLY);
        }
        let mut at = self.states(context);
        for _ in 1..count {
            if self.symbol_at(at) == symbol {
                break;
            }
            at = at.wrapping_add(STATE_LEN);
        }
        at
    }

    /// The next symbol; nothing if the stream says that it ends.
    pub(crate) fn symbol(&mut self, range: &mut impl Range) -> Result<Option<u8>> {
        let mut is_masked = [false; 256];
        let context = self.shortest;
        let found = if self.count(context) == 1 { self.lone(range)? } else { self.of_several(range)? };
        if let Some(symbol) = found {
            return Ok(Some(symbol));
        }
        self.mask(context, &mut is_masked);
        loop {
            let masked = self.count(self.shortest);
            loop {
                self.order_fall = self.order_fall.wrapping_add(1);
                let suffix = self.suffix(self.shortest);
                if suffix == 0 {
                    return Ok(None);
                }
                self.shortest = suffix;
                if self.count(suffix) != masked {
                    break;
                }
            }
            if let Some(symbol) = self.unmasked(range, masked, &is_masked)? {
                return Ok(Some(symbol));
            }
            self.mask(self.shortest, &mut is_masked);
        }
    }

    /// What a context has will not come in a shorter one.
    fn mask(&self, context: u32, is_masked: &mut [bool; 256]) {
        let count = self.count(context);
        let mut at = if count == 1 { context.wrapping_add(ONLY) } else { self.states(context) };
        for _ in 0..count {
            is_masked[usize::from(self.symbol_at(at))] = true;
            at = at.wrapping_add(STATE_LEN);
        }
    }

    /// A symbol of a context of several.
    fn of_several(&mut self, range: &mut impl Range) -> Result<Option<u8>> {
        let context = self.shortest;
        let (count, sum, first) = (self.count(context), self.sum(context), self.states(context));
        let threshold = range.threshold(sum);
        let (mut at, mut start) = (first, 0_u32);
        for _ in 0..count {
            let frequency = u32::from(self.frequency(at));
            if threshold.wrapping_sub(start) < frequency {
                range.take(start, frequency)?;
                self.found = at;
                let symbol = self.symbol_at(at);
                if at == first {
                    self.was_first()
                } else {
                    self.was_other()
                }
                return Ok(Some(symbol));
            }
            start = start.wrapping_add(frequency);
            at = at.wrapping_add(STATE_LEN);
        }
        if threshold >= sum {
            return Err(range.corrupt("PPMd symbol"));
        }
        self.was_likely = false;
        self.high_bits = is_high(self.symbol_at(self.found));
        range.take(start, sum.wrapping_sub(start))?;
        Ok(None)
    }

    /// The symbol of a context that has one.
    fn lone(&mut self, range: &mut impl Range) -> Result<Option<u8>> {
        let (context, at) = (self.shortest, self.shortest.wrapping_add(ONLY));
        let State { symbol, frequency, .. } = self.state(at);
        self.high_bits = is_high(self.symbol_at(self.found));
        // By the number of symbols of the shorter context: one, two, up to eleven, more.
        let shorter = match self.count(self.suffix(context)) {
            0 | 1 => 0,
            2 => 2,
            3..=11 => 4,
            _ => 6,
        };
        // A negative run is a long one: its sign is the highest bit.
        let run = (self.run as u32 >> 26 & 0x20) as usize;
        let column = usize::from(self.was_likely)
            .wrapping_add(shorter)
            .wrapping_add(self.high_bits)
            .wrapping_add(2 * is_high(symbol))
            .wrapping_add(run);
        let row = usize::from(frequency.wrapping_sub(1) & 127);
        let value = &mut self.binary[row][column & 63];
        let mean = value.wrapping_add(1 << (PERIOD_BITS - 2)) >> PERIOD_BITS;
        if range.bit(u32::from(*value), BINARY_BITS)? {
            *value = value.wrapping_sub(mean);
            self.lone_escape = LONE_ESCAPES[usize::from(*value >> 10) & 15];
            self.was_likely = false;
            return Ok(None);
        }
        *value = value.wrapping_add(BINARY_STEP).wrapping_sub(mean);
        self.found = at;
        self.put_frequency(at, frequency.wrapping_add(u8::from(frequency < 128)));
        self.was_likely = true;
        self.run = self.run.wrapping_add(1);
        self.next_context();
        Ok(Some(symbol))
    }

    /// A symbol of a shorter context that no longer one had. `masked` is how many of its symbols cannot come.
    fn unmasked(&mut self, range: &mut impl Range, masked: u32, is_masked: &[bool; 256]) -> Result<Option<u8>> {
        let context = self.shortest;
        let (count, first) = (self.count(context), self.states(context));
        let places = (0..count).map(|number| first.wrapping_add(number.wrapping_mul(STATE_LEN)));
        let can_come = |model: &Self, at: u32| !is_masked[usize::from(model.symbol_at(at))];
        let known = places.clone().filter(|&at| can_come(self, at));
        let known = known.fold(0_u32, |sum, at| sum.wrapping_add(u32::from(self.frequency(at))));
        let (place, escape) = self.escape(masked);
        let sum = known.wrapping_add(escape);
        let threshold = range.threshold(sum);
        if threshold >= sum {
            return Err(range.corrupt("PPMd symbol"));
        }
        if threshold >= known {
            range.take(known, escape)?;
            if let Some(escape) = self.learnt(place) {
                escape.sum = escape.sum.wrapping_add(sum as u16);
            }
            return Ok(None);
        }
        let mut start = 0_u32;
        for at in places {
            if !can_come(self, at) {
                continue;
            }
            let frequency = u32::from(self.frequency(at));
            if threshold.wrapping_sub(start) < frequency {
                range.take(start, frequency)?;
                self.seen(place);
                self.found = at;
                let symbol = self.symbol_at(at);
                self.was_behind_escape();
                return Ok(Some(symbol));
            }
            start = start.wrapping_add(frequency);
        }
        Err(range.corrupt("PPMd symbol"))
    }

    /// What was learnt of escapes at a place; nothing is learnt of those from the context that has all bytes.
    fn learnt(&mut self, place: Option<(usize, usize)>) -> Option<&mut Escape> {
        let (row, column) = place?;
        self.escapes.get_mut(row)?.get_mut(column)
    }

    /// Where it is kept how likely none of the symbols comes that are left of the present context, and what it says.
    fn escape(&mut self, masked: u32) -> (Option<(usize, usize)>, u32) {
        let context = self.shortest;
        let count = self.count(context);
        if count == 256 {
            return (None, 1);
        }
        let left = count.wrapping_sub(masked);
        let shorter = self.count(self.suffix(context));
        let column = usize::from(left < shorter.wrapping_sub(count))
            .wrapping_add(2 * usize::from(self.sum(context) < count.wrapping_mul(11)))
            .wrapping_add(4 * usize::from(masked > left))
            .wrapping_add(self.high_bits);
        let row = ESCAPE_CLASSES.get(left.wrapping_sub(1) as usize).copied().map_or(0, usize::from);
        let place = Some((row, column & 15));
        let Some(escape) = self.learnt(place) else { return (None, 1) };
        let mean = escape.sum >> (escape.shift & 15);
        escape.sum = escape.sum.wrapping_sub(mean);
        (place, u32::from(mean.max(1)))
    }

    /// No escape came.
    fn seen(&mut self, place: Option<(usize, usize)>) {
        let Some(escape) = self.learnt(place) else { return };
        if escape.shift < PERIOD_BITS {
            escape.count = escape.count.wrapping_sub(1);
            if escape.count == 0 {
                escape.sum <<= 1;
                escape.count = (3_u16 << escape.shift) as u8;
                escape.shift = escape.shift.wrapping_add(1);
            }
        }
    }

    /// The found symbol counts four more; whether its context must be rescaled.
    fn count_found(&mut self) -> bool {
        let context = self.shortest;
        self.put_sum(context, self.sum(context).wrapping_add(4));
        let frequency = self.frequency(self.found).wrapping_add(4);
        self.put_frequency(self.found, frequency);
        frequency > FREQUENCY_MAX
    }

    fn was_first(&mut self) {
        let twice = 2 * u32::from(self.frequency(self.found));
        self.was_likely = twice > self.sum(self.shortest);
        self.run = self.run.wrapping_add(i32::from(self.was_likely));
        if self.count_found() {
            self.rescale();
        }
        self.next_context();
    }

    fn was_other(&mut self) {
        self.was_likely = false;
        let is_large = self.count_found();
        let before = self.found.wrapping_sub(STATE_LEN);
        if self.frequency(self.found) > self.frequency(before) {
            self.swap(self.found, before);
            self.found = before;
            if is_large {
                self.rescale();
            }
        }
        self.next_context();
    }

    fn was_behind_escape(&mut self) {
        self.run = self.run_first;
        if self.count_found() {
            self.rescale();
        }
        self.update();
    }

    fn next_context(&mut self) {
        let successor = self.successor(self.found);
        if self.order_fall == 0 && successor > self.units.text {
            (self.shortest, self.longest) = (successor, successor);
        } else {
            self.update();
        }
    }

    /// Halves the frequencies of a context, and forgets symbols of which nothing is left.
    fn rescale(&mut self) {
        let context = self.shortest;
        let (count, first) = (self.count(context), self.states(context));
        let found = self.state(self.found);
        let mut at = self.found;
        while at > first {
            self.put_state(at, self.state(at.wrapping_sub(STATE_LEN)));
            at = at.wrapping_sub(STATE_LEN);
        }
        // In contexts that are not the longest, one is added so that nothing vanishes.
        let adder = u8::from(self.order_fall != 0);
        let halved = |frequency: u8| frequency.wrapping_add(adder) >> 1;
        let mut escape = self.sum(context).wrapping_sub(u32::from(found.frequency));
        self.put_state(first, State { frequency: halved(found.frequency.wrapping_add(4)), ..found });
        let mut sum = u32::from(self.frequency(first));
        for number in 1..count {
            let mut at = first.wrapping_add(number.wrapping_mul(STATE_LEN));
            let old = self.state(at);
            escape = escape.wrapping_sub(u32::from(old.frequency));
            let state = State { frequency: halved(old.frequency), ..old };
            sum = sum.wrapping_add(u32::from(state.frequency));
            // Sorted by frequency.
            while at > first && state.frequency > self.frequency(at.wrapping_sub(STATE_LEN)) {
                self.put_state(at, self.state(at.wrapping_sub(STATE_LEN)));
                at = at.wrapping_sub(STATE_LEN);
            }
            self.put_state(at, state);
        }
        let is_gone = |model: &Self, number: u32| {
            model.frequency(first.wrapping_add(number.wrapping_sub(1).wrapping_mul(STATE_LEN))) == 0
        };
        let mut kept = count;
        while kept > 1 && is_gone(self, kept) {
            kept = kept.wrapping_sub(1);
        }
        escape = escape.wrapping_add(count.wrapping_sub(kept));
        let units = |count: u32| count.wrapping_add(1) >> 1;
        self.put_count(context, kept);
        if kept == 1 && count > 1 {
            let mut state = self.state(first);
            loop {
                state.frequency = state.frequency.wrapping_sub(state.frequency >> 1);
                escape >>= 1;
                if escape <= 1 {
                    break;
                }
            }
            self.units.release(first, units(count));
            self.found = context.wrapping_add(ONLY);
            self.put_state(self.found, state);
            return;
        }
        if units(kept) != units(count) {
            let shrunk = self.units.shrunk(first, units(count), units(kept));
            self.units.put(context.wrapping_add(4), shrunk.to_le_bytes());
        }
        self.put_sum(context, sum.wrapping_add(escape.wrapping_sub(escape >> 1)));
        self.found = self.states(context);
    }
}

const _: () = assert!(UNIT_LEN == 2 * STATE_LEN);
