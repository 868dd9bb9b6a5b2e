//! Deflate, packed as zlib packs it, to the bit: patches of packed files (imgdiff) say what is in the file, and which
//! settings of zlib pack it. Written from RFC 1951 and zlib's own description of its algorithm (algorithm.txt, "Compression
//! algorithm (deflate)"), for the levels that look for a better match before they take one; the result is held against zlib.

mod blocks;

use bytes::{ByteSource, Error, Result};

use crate::Sink;
use blocks::Blocks;

/// Bytes that a match may lie back; a power of two.
const WINDOW_LEN: usize = 32 << 10;
const MATCH_LEN_MIN: usize = 3;
const MATCH_LEN_MAX: usize = 258;
/// Length of a match that is none.
const NO_MATCH_LEN: usize = MATCH_LEN_MIN - 1;
/// So much of the input must be in the window to look for a match.
const LOOKAHEAD_LEN_MIN: usize = MATCH_LEN_MAX + MATCH_LEN_MIN + 1;
/// Farthest match: what is further back may be gone when the input moves on.
const DISTANCE_MAX: usize = WINDOW_LEN - LOOKAHEAD_LEN_MIN;
/// A match of three bytes that is further back than this costs more than it saves.
const FAR: usize = 4096;
const HASH_BITS: u32 = 15;

/// What a level of zlib means: lengths of matches from which on less is searched, no better one is looked for, and the
/// search ends, and how many candidates are looked at.
#[derive(Clone, Copy)]
struct Level {
    good: usize,
    lazy: usize,
    nice: usize,
    chain: usize,
}

impl Level {
    fn new(number: u32) -> Option<Self> {
        let (good, lazy, nice, chain) = match number {
            4 => (4, 4, 16, 16),
            5 => (8, 16, 32, 32),
            6 => (8, 16, 128, 128),
            7 => (8, 32, 128, 256),
            8 => (32, 128, 258, 1024),
            9 => (32, 258, 258, 4096),
            _ => return None,
        };
        Some(Self { good, lazy, nice, chain })
    }
}

/// Packs `source` as a raw Deflate stream, as zlib does at `level` with a window of 32 KiB, a memory level of 8 and the
/// default strategy.
pub fn deflate_as_zlib(source: &ByteSource, level: u32, sink: &mut Sink<'_>) -> Result<()> {
    let settings = Level::new(level).ok_or(Error::unsupported("level of zlib", 0, u64::from(level)))?;
    Packer {
        source,
        read_to: 0,
        window: vec![0; 2 * WINDOW_LEN],
        heads: vec![0; 1 << HASH_BITS],
        chains: vec![0; WINDOW_LEN],
        level: settings,
        at: 0,
        lookahead: 0,
        found: Match { len: NO_MATCH_LEN, at: 0 },
        block_start: 0,
        blocks: Blocks::new(),
    }
    .run(sink)
}

fn get<T: Copy + Default>(table: &[T], index: usize) -> T {
    table.get(index).copied().unwrap_or_default()
}

fn set<T>(table: &mut [T], index: usize, value: T) {
    if let Some(place) = table.get_mut(index) {
        *place = value;
    }
}

struct Packer<'a> {
    source: &'a ByteSource,
    /// How much of the source is in the window or was.
    read_to: u64,
    /// Two halves: what was packed, and what is being packed. Positions count in it; zero stands for none.
    window: Vec<u8>,
    /// The last position of each hash of three bytes, and before each position the one of the same hash.
    heads: Vec<u16>,
    chains: Vec<u16>,
    level: Level,
    at: usize,
    lookahead: usize,
    /// The match that was found last; a byte later there may be a better one.
    found: Match,
    /// Where the block starts; nothing once that is out of the window.
    block_start: i64,
    blocks: Blocks,
}

/// A match: its length and where it is.
#[derive(Clone, Copy)]
struct Match {
    len: usize,
    at: usize,
}

impl Packer<'_> {
    fn run(mut self, sink: &mut Sink<'_>) -> Result<()> {
        let mut has_literal = false;
        loop {
            if self.lookahead < LOOKAHEAD_LEN_MIN {
                self.fill()?;
                if self.lookahead == 0 {
                    break;
                }
            }
            let head = if self.lookahead >= MATCH_LEN_MIN { self.insert(self.at) } else { 0 };
            let previous = self.found;
            self.found.len = NO_MATCH_LEN;
            if head != 0 && previous.len < self.level.lazy && self.at.saturating_sub(head) <= DISTANCE_MAX {
                self.found = self.longest(head, previous);
                if self.found.len == MATCH_LEN_MIN && self.at.saturating_sub(self.found.at) > FAR {
                    self.found.len = NO_MATCH_LEN;
                }
            }
            if previous.len >= MATCH_LEN_MIN && self.found.len <= previous.len {
                self.take(previous, sink)?;
                has_literal = false;
                self.found.len = NO_MATCH_LEN;
            } else {
                if has_literal && self.blocks.literal(get(&self.window, self.at.saturating_sub(1))) {
                    self.flush(false, sink)?;
                }
                has_literal = true;
                self.at = self.at.saturating_add(1);
                self.lookahead = self.lookahead.saturating_sub(1);
            }
        }
        if has_literal {
            self.blocks.literal(get(&self.window, self.at.saturating_sub(1)));
        }
        self.flush(true, sink)
    }

    /// Takes a match that starts one byte back.
    fn take(&mut self, found: Match, sink: &mut Sink<'_>) -> Result<()> {
        let last = self.at.saturating_add(self.lookahead).saturating_sub(MATCH_LEN_MIN);
        let distance = self.at.saturating_sub(1).saturating_sub(found.at);
        let is_full = self.blocks.reference(found.len, distance);
        // The first two bytes are in the chains already.
        self.lookahead = self.lookahead.saturating_sub(found.len.saturating_sub(1));
        for _ in 0..found.len.saturating_sub(2) {
            self.at = self.at.saturating_add(1);
            if self.at <= last {
                self.insert(self.at);
            }
        }
        self.at = self.at.saturating_add(1);
        if is_full { self.flush(false, sink) } else { Ok(()) }
    }

    /// Puts the three bytes at `at` into their chain; what was its head before.
    fn insert(&mut self, at: usize) -> usize {
        let byte = |at: usize| usize::from(get(&self.window, at));
        let [a, b, c] = [byte(at), byte(at.saturating_add(1)), byte(at.saturating_add(2))];
        let hash = ((a << 10) ^ (b << 5) ^ c) & ((1 << HASH_BITS) - 1);
        let head = get(&self.heads, hash);
        set(&mut self.chains, at & (WINDOW_LEN - 1), head);
        // Positions are below twice the window.
        set(&mut self.heads, hash, at as u16);
        usize::from(head)
    }

    /// The longest match for what comes next, from `candidate` on back, if it is longer than `previous`.
    fn longest(&self, candidate: usize, previous: Match) -> Match {
        let mut best = Match { len: previous.len, at: previous.at };
        let mut left = if previous.len >= self.level.good { self.level.chain >> 2 } else { self.level.chain };
        let nice = self.level.nice.min(self.lookahead);
        let limit = self.at.saturating_sub(DISTANCE_MAX);
        let wanted = self.window.get(self.at..).unwrap_or_default();
        let mut candidate = candidate;
        loop {
            let there = self.window.get(candidate..).unwrap_or_default();
            // Most candidates differ where the best one ends.
            if there.get(best.len) == wanted.get(best.len) {
                let pairs = there.iter().zip(wanted).take(MATCH_LEN_MAX);
                let len = pairs.take_while(|(a, b)| a == b).count();
                if len > best.len {
                    best = Match { len, at: candidate };
                    if len >= nice {
                        break;
                    }
                }
            }
            candidate = usize::from(get(&self.chains, candidate & (WINDOW_LEN - 1)));
            left = left.saturating_sub(1);
            if candidate <= limit || left == 0 {
                break;
            }
        }
        Match { len: best.len.min(self.lookahead), at: best.at }
    }

    /// Reads on, and moves the window if its second half is used up.
    fn fill(&mut self) -> Result<()> {
        loop {
            if self.at >= WINDOW_LEN.saturating_add(DISTANCE_MAX) {
                self.window.copy_within(WINDOW_LEN.., 0);
                self.at = self.at.saturating_sub(WINDOW_LEN);
                self.found.at = self.found.at.saturating_sub(WINDOW_LEN);
                self.block_start = self.block_start.saturating_sub(WINDOW_LEN as i64);
                for position in self.heads.iter_mut().chain(&mut self.chains) {
                    *position = position.saturating_sub(WINDOW_LEN as u16);
                }
            }
            let end = self.at.saturating_add(self.lookahead);
            let room = self.window.get_mut(end..).unwrap_or_default();
            let count = self.source.read_some(self.read_to, room)?;
            self.read_to = self.read_to.saturating_add(count as u64);
            self.lookahead = self.lookahead.saturating_add(count);
            if count == 0 || self.lookahead >= LOOKAHEAD_LEN_MIN {
                return Ok(());
            }
        }
    }

    fn flush(&mut self, is_last: bool, sink: &mut Sink<'_>) -> Result<()> {
        let stored = usize::try_from(self.block_start).ok().and_then(|start| self.window.get(start..self.at));
        self.blocks.flush(stored, is_last, sink)?;
        self.block_start = self.at as i64;
        Ok(())
    }
}
