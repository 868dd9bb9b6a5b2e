//! Basic blocks and the edges between them, ordinary and exceptional, in reverse post-order.
//!
//! Written from the document "Dalvik bytecode". A block ends before every target of a jump or handler, at both ends of
//! every `try` range, and after every instruction that does not simply go on to the next one. Handlers are successors of
//! a block only if something in it can throw. A jump to where no instruction starts has no edge; it is counted.

use bytes::Result;
use smallvec::{SmallVec, smallvec};

use super::{
    Fuel,
    decode::{Decoded, Sweep},
    format::{self, Flow},
    payload::{self, SwitchTable},
};
use crate::{RawCode, TypeId};

/// A basic block that can be reached.
#[derive(Debug, Default)]
pub(crate) struct RawBlock {
    /// Index of its first instruction in the sweep.
    pub(crate) first: u32,
    /// One past its last instruction.
    pub(crate) end: u32,
    /// Ordinary successors by position in [`Graph::blocks`], as in [`crate::Block::successors`].
    pub(crate) successors: SmallVec<[u32; 2]>,
    /// As in [`crate::Block::handlers`].
    pub(crate) handlers: Vec<(Option<TypeId>, u32)>,
}

impl RawBlock {
    /// The edges in the order in which they are followed. What is followed last comes first in reverse post-order, so
    /// this gives about the order of the addresses: the next instruction, targets, handlers.
    fn edge(&self, number: usize) -> Option<u32> {
        if let Some((_, handler)) = self.handlers.iter().rev().nth(number) {
            return Some(*handler);
        }
        let (last, others) = self.successors.split_last()?;
        let number = number.checked_sub(self.handlers.len())?;
        others.iter().rev().chain([last]).nth(number).copied()
    }
}

/// The blocks of a method in reverse post-order; the first has no predecessors.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) blocks: Vec<RawBlock>,
    /// Tables of the switches, by index of the instruction, rising. A case without a target is left out.
    tables: Vec<(u32, SwitchTable)>,
    /// Jumps and handlers without an edge, and ways to run past the end.
    pub(crate) dropped_edges: u32,
}

/// What is known before blocks are numbered.
struct Builder<'a, 'b> {
    code: &'a RawCode<'b>,
    sweep: &'a Sweep,
    /// Index of the first instruction of each block; the last entry is the number of instructions.
    starts: Vec<u32>,
    graph: Graph,
}

impl Graph {
    /// The blocks of `code`, decoded as `sweep`.
    pub(crate) fn new(code: &RawCode<'_>, sweep: &Sweep, fuel: &mut Fuel) -> Result<Self> {
        let mut builder = Builder { code, sweep, starts: Vec::new(), graph: Self::default() };
        let leaders = builder.leaders(fuel);
        // Fewer than code units, which are counted in 32 bits.
        builder.starts = (0_u32..).zip(&leaders).filter(|&(_, &leads)| leads).map(|(index, _)| index).collect();
        builder.starts.push(leaders.len() as u32);
        builder.walk(fuel)?;
        Ok(builder.graph)
    }

    /// The cases of the switch at this index of the sweep; `None` if its table could not be read.
    pub(crate) fn table(&self, index: u32) -> Option<&SwitchTable> {
        let position = self.tables.binary_search_by_key(&index, |&(index, _)| index).ok()?;
        self.tables.get(position).map(|(_, table)| table)
    }
}

impl Builder<'_, '_> {
    /// Whether each instruction starts a block.
    fn leaders(&mut self, fuel: &mut Fuel) -> Vec<bool> {
        let sweep = self.sweep;
        let mut leaders = vec![false; sweep.instructions.len()];
        let mut lead = |index: Option<u32>| {
            if let Some(leader) = index.and_then(|index| leaders.get_mut(index as usize)) {
                *leader = true;
            }
        };
        lead(Some(0));
        for (index, decoded) in (0_u32..).zip(&sweep.instructions) {
            let flow = if decoded.bad { Flow::End } else { format::flow(decoded.opcode) };
            match flow {
                Flow::Next => continue,
                Flow::Goto | Flow::If => lead(decoded.target().and_then(|target| sweep.at(target))),
                Flow::Switch => {
                    if let Some(table) = self.switch(decoded, fuel) {
                        for &(_, distance) in &table.cases {
                            lead(decoded.address.checked_add_signed(distance).and_then(|target| sweep.at(target)));
                        }
                        self.graph.tables.push((index, table));
                    }
                }
                Flow::End => {}
            }
            lead(index.checked_add(1));
        }
        for range in &self.code.tries {
            lead(Some(sweep.at_or_after(range.start_unit)));
            lead(Some(sweep.at_or_after(range.end_unit)));
            for &(_, handler) in &range.handlers {
                lead(sweep.at(handler));
            }
        }
        leaders
    }

    fn switch(&mut self, decoded: &Decoded, fuel: &mut Fuel) -> Option<SwitchTable> {
        let mut table = payload::switch_table(self.code, decoded.target()?, decoded.opcode == 0x2b, fuel)?;
        let count = table.cases.len();
        table.cases.retain(|&(_, distance)| {
            decoded.address.checked_add_signed(distance).and_then(|target| self.sweep.at(target)).is_some()
        });
        // At most 65,535 cases.
        self.drop_edges(count.saturating_sub(table.cases.len()) as u32);
        Some(table)
    }

    fn drop_edges(&mut self, count: u32) {
        self.graph.dropped_edges = self.graph.dropped_edges.saturating_add(count);
    }

    /// The position in `starts` of the block that starts with this instruction.
    fn block_at(&self, index: u32) -> Option<u32> {
        // Fewer blocks than instructions.
        self.starts.binary_search(&index).ok().map(|block| block as u32)
    }

    fn block_at_address(&self, address: Option<u32>) -> Option<u32> {
        self.block_at(self.sweep.at(address?)?)
    }

    /// Visits what can be reached, depth first, and numbers it in reverse post-order.
    fn walk(&mut self, fuel: &mut Fuel) -> Result<()> {
        const UNSEEN: u32 = u32::MAX;
        const SEEN: u32 = u32::MAX - 1;
        let count = self.starts.len().saturating_sub(1);
        let mut numbers = vec![UNSEEN; count];
        let mut finished = Vec::with_capacity(count);
        // The block, and how many of its edges were followed.
        let mut path: Vec<(RawBlock, u32, usize)> = Vec::new();
        if let Some(entry) = numbers.first_mut() {
            *entry = SEEN;
            path.push((self.block(0, fuel)?, 0, 0));
        }
        while let Some((block, position, followed)) = path.last_mut() {
            let next = block.edge(*followed);
            *followed = followed.saturating_add(1);
            let Some(next) = next else {
                let position = *position;
                if let Some((block, ..)) = path.pop() {
                    finished.push((position, block));
                }
                continue;
            };
            if let Some(number) = numbers.get_mut(next as usize)
                && *number == UNSEEN
            {
                *number = SEEN;
                path.push((self.block(next, fuel)?, next, 0));
            }
        }
        self.number(finished, numbers);
        Ok(())
    }

    fn number(&mut self, finished: Vec<(u32, RawBlock)>, mut numbers: Vec<u32>) {
        let jumps_to_entry = finished
            .iter()
            .any(|(_, block)| block.successors.contains(&0) || block.handlers.iter().any(|&(_, handler)| handler == 0));
        self.graph.blocks.reserve_exact(finished.len().saturating_add(1));
        // The parameters need a block to come from that nothing else leads to.
        let shift = u32::from(jumps_to_entry);
        if jumps_to_entry {
            self.graph.blocks.push(RawBlock { successors: smallvec![1], ..RawBlock::default() });
        }
        for (number, (position, _)) in (shift..).zip(finished.iter().rev()) {
            if let Some(entry) = numbers.get_mut(*position as usize) {
                *entry = number;
            }
        }
        let renumber = |target: &mut u32| *target = numbers.get(*target as usize).copied().unwrap_or(0);
        for (_, mut block) in finished.into_iter().rev() {
            block.successors.iter_mut().for_each(renumber);
            block.handlers.iter_mut().for_each(|(_, handler)| renumber(handler));
            self.graph.blocks.push(block);
        }
    }

    /// The block at this position of `starts`, its edges by position too.
    fn block(&mut self, position: u32, fuel: &mut Fuel) -> Result<RawBlock> {
        let start = |position: usize| self.starts.get(position).copied().unwrap_or(0);
        let (first, end) = (start(position as usize), start((position as usize).saturating_add(1)));
        let sweep = self.sweep;
        let instructions = sweep.instructions.get(first as usize..end as usize).unwrap_or_default();
        let mut block = RawBlock { first, end, ..RawBlock::default() };
        let Some(last) = instructions.last() else { return Ok(block) };
        self.successors(&mut block, last);
        if instructions.iter().any(|decoded| decoded.bad || format::throws(decoded.opcode)) {
            self.handlers(&mut block, instructions);
        }
        fuel.spend((block.successors.len() as u64).saturating_add(block.handlers.len() as u64))?;
        Ok(block)
    }

    fn successors(&mut self, block: &mut RawBlock, last: &Decoded) {
        if last.bad {
            return;
        }
        let flow = format::flow(last.opcode);
        let mut missing = 0;
        let mut add = |target: Option<u32>| match target {
            Some(target) => block.successors.push(target),
            None => missing += 1,
        };
        if matches!(flow, Flow::Goto | Flow::If) {
            add(self.block_at_address(last.target()));
        }
        if flow == Flow::Switch {
            match self.graph.table(block.end.saturating_sub(1)) {
                Some(table) => {
                    for &(_, distance) in &table.cases {
                        add(self.block_at_address(last.address.checked_add_signed(distance)));
                    }
                }
                None => add(None),
            }
        }
        if matches!(flow, Flow::Next | Flow::If | Flow::Switch) {
            add(self.block_at_address(Some(last.next)));
        }
        self.drop_edges(missing);
    }

    fn handlers(&mut self, block: &mut RawBlock, instructions: &[Decoded]) {
        let Some(address) = instructions.first().map(|decoded| decoded.address) else { return };
        let tries = &self.code.tries;
        let after = tries.partition_point(|range| range.start_unit <= address);
        let Some(range) = after.checked_sub(1).and_then(|at| tries.get(at)) else { return };
        if range.end_unit <= address {
            return;
        }
        let mut missing = 0_u32;
        for &(ty, handler) in &range.handlers {
            match self.block_at_address(Some(handler)) {
                Some(target) => block.handlers.push((ty, target)),
                None => missing = missing.saturating_add(1),
            }
        }
        self.drop_edges(missing);
    }
}
