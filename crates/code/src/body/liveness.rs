//! Which registers may still be read when a block is entered.
//!
//! Only these get joins. Each read is followed backwards from block to block until something assigns the register, so
//! the work is the size of the answer, whatever the shape of the graph.

use bytes::Result;
use smallvec::SmallVec;

use super::{
    Fuel,
    cfg::Graph,
    lower::{Action, Step},
};

/// An edge into a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    /// The block it comes from.
    pub(crate) from: u32,
    /// Whether control comes from the end of that block.
    pub(crate) ordinary: bool,
    /// Whether control comes from where something in that block throws.
    pub(crate) exceptional: bool,
}

/// Edges into each block, one for each predecessor, in the order of the predecessors.
pub(crate) type Edges = Vec<SmallVec<[Edge; 2]>>;

pub(crate) fn edges(graph: &Graph) -> Edges {
    let mut edges: Edges = vec![SmallVec::new(); graph.blocks.len()];
    for (from, block) in (0_u32..).zip(&graph.blocks) {
        let ordinary = block.successors.iter().map(|&target| (target, true));
        let exceptional = block.handlers.iter().map(|&(_, target)| (target, false));
        for (target, ordinary) in ordinary.chain(exceptional) {
            let Some(into) = edges.get_mut(target as usize) else { continue };
            match into.last_mut() {
                Some(edge) if edge.from == from => {
                    edge.ordinary |= ordinary;
                    edge.exceptional |= !ordinary;
                }
                _ => into.push(Edge { from, ordinary, exceptional: !ordinary }),
            }
        }
    }
    edges
}

/// A table of bits: a row for each block, a column for each register.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    columns: usize,
    words: usize,
    bits: Vec<u64>,
}

impl Bits {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let words = columns.div_ceil(64);
        Self { columns, words, bits: vec![0; rows.saturating_mul(words)] }
    }

    fn word(&self, row: u32, column: u32) -> usize {
        // A row that is missing gives a word that is missing.
        (row as usize).saturating_mul(self.words).saturating_add((column / 64) as usize)
    }

    /// Code may name registers that do not exist.
    fn contains(&self, column: u32) -> bool {
        (column as usize) < self.columns
    }

    pub(crate) fn get(&self, row: u32, column: u32) -> bool {
        self.contains(column)
            && self.bits.get(self.word(row, column)).is_some_and(|word| word >> (column % 64) & 1 == 1)
    }

    /// Sets a bit; whether it was not set before.
    pub(crate) fn set(&mut self, row: u32, column: u32) -> bool {
        if !self.contains(column) {
            return false;
        }
        let at = self.word(row, column);
        let Some(word) = self.bits.get_mut(at) else { return false };
        let before = *word;
        *word |= 1 << (column % 64);
        *word != before
    }

    fn row(&self, row: u32) -> &[u64] {
        let start = (row as usize).saturating_mul(self.words);
        self.bits.get(start..start.saturating_add(self.words)).unwrap_or_default()
    }

    /// The columns that are set in a row, rising.
    pub(crate) fn columns(&self, row: u32) -> impl Iterator<Item = u32> {
        (0_u32..).zip(self.row(row)).flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                // At most 65,537 columns.
                (bit < 64).then_some(at * 64 + bit)
            })
        })
    }

    /// One row: the union of some.
    pub(crate) fn union(&self, rows: impl Iterator<Item = u32>) -> Self {
        let mut union = Self { columns: self.columns, words: self.words, bits: vec![0; self.words] };
        for row in rows {
            union.add_row(0, self, row);
        }
        union
    }

    /// Adds `row` of `other` to `row` of this.
    fn add_row(&mut self, target: u32, other: &Self, source: u32) {
        let start = (target as usize).saturating_mul(self.words);
        let row = self.bits.get_mut(start..start.saturating_add(self.words)).unwrap_or_default();
        for (word, other) in row.iter_mut().zip(other.row(source)) {
            *word |= other;
        }
    }
}

/// Registers read in or after each block before something assigns them.
///
/// `ends`: one past the last step of each block. `width`: number of registers.
pub(crate) fn live_in(
    graph: &Graph,
    edges: &Edges,
    steps: &[Step],
    ends: &[u32],
    width: usize,
    fuel: &mut Fuel,
) -> Result<Bits> {
    let count = graph.blocks.len();
    fuel.spend((count as u64).saturating_mul(width.div_ceil(64) as u64))?;
    let mut live = Bits::new(count, width);
    let mut assigned = Bits::new(count, width);
    // Before anything in the block throws.
    let mut assigned_first = Bits::new(count, width);
    let mut pending: Vec<(u32, u32)> = Vec::new();
    let mut start = 0_usize;
    for ((block, &end), raw) in (0_u32..).zip(ends).zip(&graph.blocks) {
        let mut thrown = raw.handlers.is_empty();
        for step in steps.get(start..end as usize).unwrap_or_default() {
            step.for_each_read(|register| {
                if !assigned.get(block, register) && live.set(block, register) {
                    pending.push((block, register));
                }
            });
            if step.throws && !thrown {
                thrown = true;
                assigned_first.add_row(block, &assigned, block);
            }
            if let Some(register) = step.assigned() {
                assigned.set(block, register);
                if step.wide {
                    assigned.set(block, register.saturating_add(1));
                }
            }
        }
        start = end as usize;
    }
    while let Some((block, register)) = pending.pop() {
        let into = edges.get(block as usize).map_or(&[][..], |into| into);
        fuel.spend(into.len() as u64)?;
        for edge in into {
            let through = (edge.ordinary && !assigned.get(edge.from, register))
                || (edge.exceptional && !assigned_first.get(edge.from, register));
            if through && live.set(edge.from, register) {
                pending.push((edge.from, register));
            }
        }
    }
    Ok(live)
}

impl Step {
    pub(crate) fn for_each_read(&self, mut each: impl FnMut(u32)) {
        match &self.action {
            Action::Move { from, .. } => each(*from),
            Action::Nothing => {}
            Action::Keep(op) => op.for_each_use(|value| each(value.0)),
        }
    }

    pub(crate) fn assigned(&self) -> Option<u32> {
        match &self.action {
            Action::Move { to, .. } => Some(*to),
            Action::Nothing => None,
            Action::Keep(op) => op.defined().map(|value| value.0),
        }
    }
}
