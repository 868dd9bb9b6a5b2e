//! Superfluous joins away, values numbered in the order in which they appear, blocks as others see them.
//!
//! A join of one value and itself is that value. What the method of Braun et al. ("Simple and Efficient Construction of
//! Static Single Assignment Form", 2013) does while it builds is done here once for all joins.

use super::{
    Fuel, NEVER_ASSIGNED,
    cfg::Graph,
    liveness::Edges,
    rename::{NOTHING, RawPhi, Renamed},
};
use crate::{Block, BlockId, Body, ElementKind, Instruction, Op, Phi, Program, TypeId, ValueId, ValueInfo};

const NONE: u32 = u32::MAX;

/// Leaves out operands that hold nothing.
pub(crate) fn drop_nothing(op: &mut Op) {
    let (Op::Unknown { uses: values, .. } | Op::Invoke { arguments: values, .. }) = op else { return };
    if values.iter().any(|value| value.0 == NOTHING) {
        *values = values.iter().copied().filter(|value| value.0 != NOTHING).collect();
    }
}

/// Makes the body. `parameter_count` values after [`NOTHING`] are the parameters.
pub(crate) fn finish(
    program: &Program,
    graph: &Graph,
    edges: &Edges,
    renamed: Renamed,
    parameter_count: usize,
    fuel: &mut Fuel,
) -> Body {
    let same = Same::new(&renamed, fuel);
    let mut finisher = Finisher {
        program,
        numbers: vec![NONE; renamed.values.len()],
        same,
        nothing_used: false,
        body: Body::default(),
    };
    finisher.body.values.reserve(renamed.values.len());
    finisher.body.blocks.reserve_exact(graph.blocks.len());
    finisher.body.parameters.reserve_exact(parameter_count);
    let Renamed { values, mut instructions, ends, phis, operands } = renamed;
    for value in (NOTHING + 1..).take(parameter_count) {
        let id = finisher.define(value, &values);
        finisher.body.parameters.push(id);
    }
    let mut phis_left = phis.iter().peekable();
    let mut first = 0_u32;
    for (((block, raw), &end), into) in (0_u32..).zip(&graph.blocks).zip(&ends).zip(edges) {
        let mut joins = Vec::new();
        while let Some(phi) = phis_left.next_if(|phi| phi.block == block) {
            if finisher.same.is_kept(phi.value) {
                joins.push(Phi { to: finisher.define(phi.value, &values), from: Vec::new() });
            }
        }
        for instruction in instructions.get_mut(first as usize..end as usize).unwrap_or_default() {
            finisher.number(&mut instruction.op, &values);
        }
        finisher.body.blocks.push(Block {
            phis: joins,
            first,
            end,
            successors: raw.successors.iter().map(|&successor| BlockId(successor)).collect(),
            handlers: raw.handlers.iter().map(|&(ty, handler)| (ty, BlockId(handler))).collect(),
            predecessors: into.iter().map(|edge| BlockId(edge.from)).collect(),
        });
        first = end;
    }
    finisher.body.instructions = instructions;
    finisher.operands(&phis, &operands);
    finisher.place_nothing();
    finisher.body
}

struct Finisher<'a> {
    program: &'a Program,
    /// Final number of each value.
    numbers: Vec<u32>,
    same: Same,
    nothing_used: bool,
    body: Body,
}

impl Finisher<'_> {
    fn define(&mut self, value: u32, values: &[ValueInfo]) -> ValueId {
        // No more than before.
        let number = self.body.values.len() as u32;
        self.body.values.push(ValueInfo { ty: values.get(value as usize).and_then(|info| info.ty) });
        if let Some(entry) = self.numbers.get_mut(value as usize) {
            *entry = number;
        }
        ValueId(number)
    }

    /// The final number of a value; of [`NOTHING`] a mark that [`Self::place_nothing`] replaces.
    fn resolve(&mut self, value: u32) -> ValueId {
        let value = self.same.find(value);
        if value == NOTHING {
            self.nothing_used = true;
            return ValueId(NONE);
        }
        ValueId(self.numbers.get(value as usize).copied().unwrap_or(NONE))
    }

    fn number(&mut self, op: &mut Op, values: &[ValueInfo]) {
        if let Op::Unknown { uses, .. } = op {
            for value in uses.iter_mut() {
                value.0 = self.same.find(value.0);
            }
            drop_nothing(op);
        }
        op.for_each_use_mut(|value| *value = self.resolve(value.0));
        if let Some(to) = op.defined_mut() {
            *to = self.define(to.0, values);
        }
        if let Op::ArrayGet { to, array, kind: ElementKind::Object, .. } = op {
            let array = self.body.values.get(array.index()).and_then(|info| info.ty);
            let element = array.and_then(|array| element_type(self.program, array));
            if let Some(info) = self.body.values.get_mut(to.index()) {
                info.ty = element;
            }
        }
    }

    /// Gives the joins that were kept their operands.
    fn operands(&mut self, phis: &[RawPhi], operands: &[(u32, u32)]) {
        let kept: Vec<&RawPhi> = phis.iter().filter(|phi| self.same.is_kept(phi.value)).collect();
        let mut blocks = std::mem::take(&mut self.body.blocks);
        for (raw, phi) in kept.into_iter().zip(blocks.iter_mut().flat_map(|block| &mut block.phis)) {
            let range = operands.get(raw.first as usize..raw.end as usize).unwrap_or_default();
            phi.from = range.iter().map(|&(block, value)| (BlockId(block), self.resolve(value))).collect();
            phi.from.sort_unstable();
            phi.from.dedup();
        }
        self.body.blocks = blocks;
    }

    /// If something reads [`NOTHING`], assigns it at the entry.
    fn place_nothing(&mut self) {
        if !self.nothing_used {
            return;
        }
        let body = &mut self.body;
        let nothing = ValueId(body.values.len() as u32);
        body.values.push(ValueInfo { ty: None });
        let place = |value: &mut ValueId| {
            if value.0 == NONE {
                *value = nothing;
            }
        };
        for instruction in &mut body.instructions {
            instruction.op.for_each_use_mut(place);
        }
        for block in &mut body.blocks {
            block.phis.iter_mut().flat_map(|phi| &mut phi.from).for_each(|(_, value)| place(value));
            block.first = block.first.saturating_add(1);
            block.end = block.end.saturating_add(1);
        }
        if let Some(entry) = body.blocks.first_mut() {
            entry.first = 0;
        }
        let op = Op::Unknown { to: Some(nothing), opcode: NEVER_ASSIGNED, uses: Box::default() };
        body.instructions.insert(0, Instruction { address: 0, op });
        body.unknown_instructions = body.unknown_instructions.saturating_add(1);
    }
}

fn element_type(program: &Program, array: TypeId) -> Option<TypeId> {
    program.find_type(program.descriptor(array).strip_prefix('[')?)
}

/// Which joins are superfluous, and what they are the same as.
struct Same {
    /// A value that is the same and nearer to the one that stands for all; itself if it is that one.
    nearer: Vec<u32>,
}

impl Same {
    fn new(renamed: &Renamed, fuel: &mut Fuel) -> Self {
        let count = if renamed.phis.is_empty() { 0 } else { renamed.values.len() as u32 };
        let mut same = Self { nearer: (0..count).collect() };
        let mut users = Users::new(renamed);
        let mut pending: Vec<u32> = (0..renamed.phis.len() as u32).collect();
        while let Some(at) = pending.pop() {
            let Some(phi) = renamed.phis.get(at as usize) else { continue };
            let operands = renamed.operands.get(phi.first as usize..phi.end as usize).unwrap_or_default();
            if !same.is_kept(phi.value) {
                continue;
            }
            let (only, mut work) = same.only(phi.value, operands);
            if let Some(only) = only {
                if let Some(nearer) = same.nearer.get_mut(phi.value as usize) {
                    *nearer = only;
                }
                let before = pending.len();
                users.take(phi.value, only, &mut pending);
                work = work.saturating_add(pending.len().saturating_sub(before) as u64);
            }
            // Superfluous joins are no error: without fuel the rest stays.
            if fuel.spend(work).is_err() {
                break;
            }
        }
        same
    }

    fn is_kept(&self, value: u32) -> bool {
        self.nearer.get(value as usize).is_none_or(|&nearer| nearer == value)
    }

    /// The value that stands for `value`.
    fn find(&mut self, value: u32) -> u32 {
        let mut value = value;
        while let Some(&nearer) = self.nearer.get(value as usize) {
            if nearer == value {
                break;
            }
            let further = self.nearer.get(nearer as usize).copied().unwrap_or(nearer);
            if let Some(entry) = self.nearer.get_mut(value as usize) {
                *entry = further;
            }
            value = further;
        }
        value
    }

    /// The one value besides `phi` among its operands, and how many were looked at.
    fn only(&mut self, phi: u32, operands: &[(u32, u32)]) -> (Option<u32>, u64) {
        let mut only = None;
        let mut scanned = 0_u64;
        for &(_, value) in operands {
            scanned = scanned.saturating_add(1);
            let value = self.find(value);
            if value == phi || only == Some(value) {
                continue;
            }
            if only.is_some() {
                return (None, scanned);
            }
            only = Some(value);
        }
        // A join of nothing but itself cannot be reached.
        (Some(only.unwrap_or(NOTHING)), scanned)
    }
}

/// For each value the joins that have it as operand: lists that can be appended to each other.
struct Users {
    /// First and last link of each value.
    lists: Vec<(u32, u32)>,
    /// Position of a join and the next link.
    links: Vec<(u32, u32)>,
}

impl Users {
    fn new(renamed: &Renamed) -> Self {
        let count = if renamed.phis.is_empty() { 0 } else { renamed.values.len() };
        let mut users = Self { lists: vec![(NONE, NONE); count], links: Vec::new() };
        // Only joins go away, so only their users are asked for.
        let mut is_phi = vec![false; count];
        for phi in &renamed.phis {
            if let Some(entry) = is_phi.get_mut(phi.value as usize) {
                *entry = true;
            }
        }
        for (position, phi) in (0_u32..).zip(&renamed.phis) {
            let operands = renamed.operands.get(phi.first as usize..phi.end as usize).unwrap_or_default();
            for &(_, value) in operands {
                if value != phi.value && is_phi.get(value as usize).is_some_and(|&is_phi| is_phi) {
                    users.add(value, position);
                }
            }
        }
        users
    }

    fn add(&mut self, value: u32, position: u32) {
        let link = self.links.len() as u32;
        if let Some((first, last)) = self.lists.get_mut(value as usize) {
            self.links.push((position, *first));
            *first = link;
            if *last == NONE {
                *last = link;
            }
        }
    }

    /// Appends the users of `from` to those of `to`, and to `pending`.
    fn take(&mut self, from: u32, to: u32, pending: &mut Vec<u32>) {
        let Some(&(first, last)) = self.lists.get(from as usize) else { return };
        let mut link = first;
        while let Some(&(position, next)) = self.links.get(link as usize) {
            pending.push(position);
            link = next;
        }
        if let (Some((start, end)), true) = (self.lists.get_mut(to as usize), first != NONE) {
            if let Some((_, next)) = self.links.get_mut(last as usize) {
                *next = *start;
            }
            *start = first;
            if *end == NONE {
                *end = last;
            }
        }
    }
}
