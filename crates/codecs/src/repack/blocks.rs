//! Blocks of a Deflate stream: symbols are collected, then written in the cheapest of three ways. Codes are those that
//! zlib makes: where two trees are as good, which of them decides the bits.

use bytes::Result;

use super::{get, set};
use crate::Sink;

/// Symbols of a block, at most: so many for a memory level of 8.
const SYMBOLS_MAX: usize = (16 << 10) - 1;
const LITERALS: usize = 256;
const END: usize = 256;
const LENGTH_CODES: usize = 29;
const LITERAL_CODES: usize = LITERALS + 1 + LENGTH_CODES;
const DISTANCE_CODES: usize = 30;
const LENGTH_OF_CODE_CODES: usize = 19;
const CODE_LEN_MAX: usize = 15;
/// Repeat the length before, three to six times; zero, three to ten times; zero, eleven to 138 times.
const REPEAT: usize = 16;
const ZEROS: usize = 17;
const MANY_ZEROS: usize = 18;
const LENGTH_EXTRA: [u8; LENGTH_CODES] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA: [u8; DISTANCE_CODES] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const LENGTH_OF_CODE_EXTRA: [u8; LENGTH_OF_CODE_CODES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7];
/// The order in which lengths of codes of lengths are written (RFC 1951, 3.2.7).
const ORDER: [usize; LENGTH_OF_CODE_CODES] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The code whose range `value` is in, and how far it is into the range.
fn code(value: usize, extra: &[u8]) -> (usize, usize) {
    let mut start = 0_usize;
    for (code, &bits) in extra.iter().enumerate() {
        let end = start.saturating_add(1 << bits);
        if value < end {
            return (code, value.saturating_sub(start));
        }
        start = end;
    }
    (0, 0)
}

/// The code of a length: the longest has one of its own, though the range before would hold it.
fn length_code(len: usize) -> (usize, usize) {
    if len == super::MATCH_LEN_MAX { (LENGTH_CODES - 1, 0) } else { code(len.saturating_sub(3), &LENGTH_EXTRA) }
}

fn distance_code(distance: usize) -> (usize, usize) {
    code(distance.saturating_sub(1), &DISTANCE_EXTRA)
}

/// A kind of codes: the bits behind each, from which symbol on, and how long a code may be.
struct Kind<'a> {
    extra: &'a [u8],
    first_extra: usize,
    len_max: usize,
}

/// Codes of one kind in one block.
struct Codes {
    counts: Vec<u32>,
    lens: Vec<u8>,
    bits: Vec<u16>,
    /// The last symbol that is used.
    last: usize,
}

impl Codes {
    fn new(symbols: usize) -> Self {
        Self { counts: vec![0; symbols], lens: vec![0; symbols], bits: vec![0; symbols], last: 0 }
    }

    fn count(&mut self, symbol: usize) {
        if let Some(count) = self.counts.get_mut(symbol) {
            *count = count.saturating_add(1);
        }
    }

    /// Codes with these lengths (RFC 1951, 3.2.2), the first bit lowest.
    fn assign(&mut self) {
        let mut next = [0_u16; CODE_LEN_MAX + 2];
        let mut code = 0_u16;
        for len in 1..=CODE_LEN_MAX {
            let shorter = self.lens.iter().filter(|&&other| usize::from(other) == len.saturating_sub(1) && other != 0);
            // At most 288 symbols; a code of 15 bits fits.
            code = code.wrapping_add(shorter.count() as u16) << 1;
            set(&mut next, len, code);
        }
        for (symbol, &len) in self.lens.iter().enumerate() {
            if len != 0 {
                let code = get(&next, usize::from(len));
                set(&mut next, usize::from(len), code.wrapping_add(1));
                set(&mut self.bits, symbol, code.reverse_bits() >> (16_u32.saturating_sub(u32::from(len))));
            }
        }
    }

    /// Makes the codes for what was counted; how many bits all symbols take with them.
    fn build(&mut self, kind: &Kind<'_>) -> u64 {
        Tree::new(self, kind).build()
    }

    /// How many bits all symbols would take with codes of these lengths.
    fn cost(&self, kind: &Kind<'_>, lens: &[u8]) -> u64 {
        let cost = |(symbol, &count): (usize, &u32)| {
            let extra = symbol.checked_sub(kind.first_extra).map_or(0, |at| get(kind.extra, at));
            u64::from(count).saturating_mul(u64::from(get(lens, symbol)).saturating_add(u64::from(extra)))
        };
        self.counts.iter().enumerate().map(cost).sum()
    }
}

/// The tree that leads to the codes.
struct Tree<'a> {
    codes: &'a mut Codes,
    kind: &'a Kind<'a>,
    /// Weight, depth and parent of each node: symbols first, then what joins two nodes.
    weights: Vec<u32>,
    depths: Vec<u8>,
    parents: Vec<usize>,
    /// A heap with the lightest node at 1.
    heap: Vec<usize>,
    /// Nodes as they were joined.
    order: Vec<usize>,
}

impl<'a> Tree<'a> {
    fn new(codes: &'a mut Codes, kind: &'a Kind<'a>) -> Self {
        let nodes = codes.counts.len().saturating_mul(2);
        let weights: Vec<u32> = codes.counts.iter().copied().chain(std::iter::repeat(0)).take(nodes).collect();
        Self { weights, depths: vec![0; nodes], parents: vec![0; nodes], heap: vec![0], order: Vec::new(), codes, kind }
    }

    fn is_lighter(&self, a: usize, b: usize) -> bool {
        let key = |node: usize| (get(&self.weights, node), get(&self.depths, node));
        key(a) <= key(b)
    }

    /// Lets the node at `place` of the heap sink to where it belongs.
    fn sink(&mut self, place: usize) {
        let node = get(&self.heap, place);
        let mut place = place;
        loop {
            let mut below = place.saturating_mul(2);
            if below >= self.heap.len() {
                break;
            }
            let beside = below.saturating_add(1);
            if beside < self.heap.len() && self.is_lighter(get(&self.heap, beside), get(&self.heap, below)) {
                below = beside;
            }
            let other = get(&self.heap, below);
            if self.is_lighter(node, other) {
                break;
            }
            set(&mut self.heap, place, other);
            place = below;
        }
        set(&mut self.heap, place, node);
    }

    fn build(mut self) -> u64 {
        let symbols = self.codes.counts.len();
        for symbol in 0..symbols {
            if get(&self.weights, symbol) != 0 {
                self.heap.push(symbol);
                self.codes.last = symbol;
            }
        }
        // A code has two symbols at least; those made up for it take no bits.
        let mut last = self.heap.last().copied().filter(|_| self.heap.len() > 1).map_or(-1, |last| last as i64);
        while self.heap.len() < 3 {
            let symbol = if last < 2 { last.saturating_add(1) } else { 0 };
            last = last.max(symbol);
            let symbol = usize::try_from(symbol).unwrap_or(0);
            self.heap.push(symbol);
            set(&mut self.weights, symbol, 1);
        }
        self.codes.last = usize::try_from(last).unwrap_or(0);
        for place in (1..=(self.heap.len().saturating_sub(1) / 2)).rev() {
            self.sink(place);
        }
        let mut node = symbols;
        while self.heap.len() > 2 {
            let first = get(&self.heap, 1);
            if let Some(end) = self.heap.pop() {
                set(&mut self.heap, 1, end);
            }
            self.sink(1);
            let second = get(&self.heap, 1);
            self.order.extend([first, second]);
            let weight = get(&self.weights, first).saturating_add(get(&self.weights, second));
            set(&mut self.weights, node, weight);
            let depth = get(&self.depths, first).max(get(&self.depths, second)).saturating_add(1);
            set(&mut self.depths, node, depth);
            set(&mut self.parents, first, node);
            set(&mut self.parents, second, node);
            set(&mut self.heap, 1, node);
            node = node.saturating_add(1);
            self.sink(1);
        }
        self.limit(node.saturating_sub(1));
        self.codes.assign();
        self.codes.cost(self.kind, &self.codes.lens)
    }

    /// Lengths of codes, none longer than may be. The root has the number `root`.
    fn limit(&mut self, root: usize) {
        let symbols = self.codes.counts.len();
        let mut lens = vec![0_u8; root.saturating_add(1)];
        let mut of_len = [0_usize; CODE_LEN_MAX + 1];
        let mut overflow = 0_i64;
        self.codes.lens.fill(0);
        for &node in self.order.iter().rev() {
            let mut len = usize::from(get(&lens, get(&self.parents, node))).saturating_add(1);
            if len > self.kind.len_max {
                len = self.kind.len_max;
                overflow = overflow.saturating_add(1);
            }
            // At most fifteen.
            set(&mut lens, node, len as u8);
            if node < symbols {
                set(&mut self.codes.lens, node, len as u8);
                change(&mut of_len, len, 1);
            }
        }
        if overflow == 0 {
            return;
        }
        while overflow > 0 {
            let mut len = self.kind.len_max.saturating_sub(1);
            while len > 0 && get(&of_len, len) == 0 {
                len = len.saturating_sub(1);
            }
            // One code becomes longer, and one that was too long its neighbour.
            change(&mut of_len, len, -1);
            change(&mut of_len, len.saturating_add(1), 2);
            change(&mut of_len, self.kind.len_max, -1);
            overflow = overflow.saturating_sub(2);
        }
        // The lightest symbols get the longest codes.
        let mut leaves = self.order.iter().copied().filter(|&node| node < symbols);
        for len in (1..=self.kind.len_max).rev() {
            for leaf in leaves.by_ref().take(get(&of_len, len)) {
                set(&mut self.codes.lens, leaf, len as u8);
            }
        }
    }
}

fn change(counts: &mut [usize], index: usize, by: isize) {
    if let Some(count) = counts.get_mut(index) {
        *count = count.saturating_add_signed(by);
    }
}

/// Bits, the first lowest, gathered into bytes.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    word: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: usize, count: u8) {
        // At most 16 bits come to less than eight.
        self.word |= (value as u64) << self.count;
        self.count = self.count.saturating_add(u32::from(count));
        while self.count >= 8 {
            self.bytes.push((self.word & 0xff) as u8);
            self.word >>= 8;
            self.count = self.count.saturating_sub(8);
        }
    }

    /// Fills up the last byte.
    fn align(&mut self) {
        if self.count > 0 {
            self.bytes.push((self.word & 0xff) as u8);
        }
        (self.word, self.count) = (0, 0);
    }

    fn code(&mut self, codes: &Codes, symbol: usize) {
        self.put(usize::from(get(&codes.bits, symbol)), get(&codes.lens, symbol));
    }
}

const LITERAL_KIND: Kind<'static> = Kind { extra: &LENGTH_EXTRA, first_extra: LITERALS + 1, len_max: CODE_LEN_MAX };
const DISTANCE_KIND: Kind<'static> = Kind { extra: &DISTANCE_EXTRA, first_extra: 0, len_max: CODE_LEN_MAX };
const LENGTH_OF_CODE_KIND: Kind<'static> = Kind { extra: &LENGTH_OF_CODE_EXTRA, first_extra: 0, len_max: 7 };

/// Fixed codes (RFC 1951, 3.2.6).
fn fixed() -> (Codes, Codes) {
    let (mut literals, mut distances) = (Codes::new(LITERALS + 32), Codes::new(DISTANCE_CODES));
    for (symbol, len) in literals.lens.iter_mut().enumerate() {
        *len = match symbol {
            0..=143 => 8,
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        };
    }
    distances.lens.fill(5);
    literals.assign();
    distances.assign();
    (literals, distances)
}

/// Symbols of the block that is being made, and the stream so far.
pub(super) struct Blocks {
    /// A distance and a length, or zero and a byte.
    symbols: Vec<(u16, u16)>,
    literals: Codes,
    distances: Codes,
    fixed: (Codes, Codes),
    bits: Bits,
}

impl Blocks {
    pub(super) fn new() -> Self {
        let (literals, distances) = (Codes::new(LITERAL_CODES), Codes::new(DISTANCE_CODES));
        Self { symbols: Vec::new(), literals, distances, fixed: fixed(), bits: Bits::default() }
    }

    /// Adds a byte; whether the block is full.
    pub(super) fn literal(&mut self, byte: u8) -> bool {
        self.symbols.push((0, u16::from(byte)));
        self.literals.count(usize::from(byte));
        self.symbols.len() == SYMBOLS_MAX
    }

    /// Adds a match; whether the block is full.
    pub(super) fn reference(&mut self, len: usize, distance: usize) -> bool {
        // Both are bounded by the window.
        self.symbols.push((distance as u16, len as u16));
        self.literals.count(LITERALS.saturating_add(1).saturating_add(length_code(len).0));
        self.distances.count(distance_code(distance).0);
        self.symbols.len() == SYMBOLS_MAX
    }

    /// Writes the block. `stored` is what it packs, if that is still at hand.
    pub(super) fn flush(&mut self, stored: Option<&[u8]>, is_last: bool, sink: &mut Sink<'_>) -> Result<()> {
        self.literals.count(END);
        let fixed_cost = self
            .literals
            .cost(&LITERAL_KIND, &self.fixed.0.lens)
            .saturating_add(self.distances.cost(&DISTANCE_KIND, &self.fixed.1.lens));
        let own_cost = self.literals.build(&LITERAL_KIND).saturating_add(self.distances.build(&DISTANCE_KIND));
        let mut lens = Lens::of(&self.literals, &self.distances);
        let own_cost = own_cost.saturating_add(lens.cost());
        let bytes = |bits: u64| bits.saturating_add(3 + 7) >> 3;
        let (fixed_len, own_len) = (bytes(fixed_cost), bytes(own_cost));
        let best = fixed_len.min(own_len);
        let header = usize::from(is_last);
        match stored.filter(|stored| (stored.len() as u64).saturating_add(4) <= best) {
            Some(stored) => {
                self.bits.put(header, 3);
                self.bits.align();
                // A block that is cheaper stored is shorter than 64 KiB: it has fewer symbols than that.
                let len = stored.len() as u16;
                self.bits.bytes.extend(len.to_le_bytes());
                self.bits.bytes.extend((!len).to_le_bytes());
                self.bits.bytes.extend(stored);
            }
            None if fixed_len <= own_len => {
                self.bits.put(header | 2, 3);
                Self::write(&mut self.bits, &self.symbols, &self.fixed.0, &self.fixed.1);
            }
            None => {
                self.bits.put(header | 4, 3);
                lens.write(&mut self.bits);
                Self::write(&mut self.bits, &self.symbols, &self.literals, &self.distances);
            }
        }
        if is_last {
            self.bits.align();
        }
        self.symbols.clear();
        self.literals.counts.fill(0);
        self.distances.counts.fill(0);
        sink(&std::mem::take(&mut self.bits.bytes))
    }

    fn write(bits: &mut Bits, symbols: &[(u16, u16)], literals: &Codes, distances: &Codes) {
        for &(distance, value) in symbols {
            if distance == 0 {
                bits.code(literals, usize::from(value));
                continue;
            }
            let (code, rest) = length_code(usize::from(value));
            bits.code(literals, LITERALS.saturating_add(1).saturating_add(code));
            bits.put(rest, get(&LENGTH_EXTRA, code));
            let (code, rest) = distance_code(usize::from(distance));
            bits.code(distances, code);
            bits.put(rest, get(&DISTANCE_EXTRA, code));
        }
        bits.code(literals, END);
    }
}

/// Lengths of the codes of a block, as they are written in front of it: runs, with codes of their own.
struct Lens {
    literal_count: usize,
    distance_count: usize,
    /// A symbol and what its extra bits say.
    runs: Vec<(usize, usize)>,
    codes: Codes,
    cost: u64,
}

impl Lens {
    fn of(literals: &Codes, distances: &Codes) -> Self {
        let mut codes = Codes::new(LENGTH_OF_CODE_CODES);
        let mut runs = Vec::new();
        for part in [literals, distances] {
            Self::runs_of(part.lens.get(..=part.last).unwrap_or_default(), &mut runs);
        }
        for &(symbol, _) in &runs {
            codes.count(symbol);
        }
        let cost = codes.build(&LENGTH_OF_CODE_KIND);
        let (literal_count, distance_count) = (literals.last.saturating_add(1), distances.last.saturating_add(1));
        Self { literal_count, distance_count, runs, codes, cost }
    }

    /// The runs of one kind of codes.
    fn runs_of(lens: &[u8], runs: &mut Vec<(usize, usize)>) {
        let mut before = None;
        let mut rest = lens;
        while let Some(&len) = rest.first() {
            let symbol = usize::from(len);
            let same = rest.iter().take_while(|&&other| other == len).count();
            let count = match (len, before == Some(len)) {
                (0, _) => same.min(138),
                (_, true) => same.min(6),
                // The length itself, and it again three to six times.
                (_, false) => same.min(7),
            };
            match (len, before == Some(len)) {
                (0, _) if count >= 11 => runs.push((MANY_ZEROS, count.saturating_sub(11))),
                (0, _) if count >= 3 => runs.push((ZEROS, count.saturating_sub(3))),
                (1.., true) if count >= 3 => runs.push((REPEAT, count.saturating_sub(3))),
                (1.., false) if count >= 4 => runs.extend([(symbol, 0), (REPEAT, count.saturating_sub(4))]),
                _ => runs.extend(std::iter::repeat_n((symbol, 0), count)),
            }
            before = Some(len);
            rest = rest.get(count..).unwrap_or_default();
        }
    }

    /// Lengths of codes of lengths that are written.
    fn order_count(&self) -> usize {
        let used = ORDER.iter().rposition(|&symbol| get(&self.codes.lens, symbol) != 0);
        used.map_or(4, |last| last.saturating_add(1)).max(4)
    }

    fn cost(&self) -> u64 {
        self.cost.saturating_add(3 * self.order_count() as u64).saturating_add(5 + 5 + 4)
    }

    fn write(&mut self, bits: &mut Bits) {
        bits.put(self.literal_count.saturating_sub(257), 5);
        bits.put(self.distance_count.saturating_sub(1), 5);
        bits.put(self.order_count().saturating_sub(4), 4);
        for &symbol in ORDER.iter().take(self.order_count()) {
            bits.put(usize::from(get(&self.codes.lens, symbol)), 3);
        }
        for &(symbol, rest) in &self.runs {
            bits.code(&self.codes, symbol);
            bits.put(rest, get(&LENGTH_OF_CODE_EXTRA, symbol));
        }
    }
}
