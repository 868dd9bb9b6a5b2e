//! Registers to values: each assignment makes a new one, each join of different ones makes a [`crate::Phi`].
//!
//! Blocks are visited in reverse post-order, so that all predecessors but those at the end of a loop were visited before.
//! At the start of a loop every register that is read later gets a join; [`super::finish`] takes the superfluous away.

use bytes::Result;

use super::{
    Fuel,
    cfg::Graph,
    finish,
    liveness::{self, Bits, Edges},
    lower::{Action, Step},
};
use crate::{Body, Instruction, Program, RawCode, TypeId, ValueId, ValueInfo};

/// The value of a register that nothing assigned, or that is the second of a pair.
pub(crate) const NOTHING: u32 = 0;

/// A join before it is numbered.
#[derive(Debug)]
pub(crate) struct RawPhi {
    pub(crate) block: u32,
    pub(crate) register: u32,
    pub(crate) value: u32,
    /// Range in [`Renamed::operands`].
    pub(crate) first: u32,
    pub(crate) end: u32,
}

/// A method with values in place of registers, numbered from one in the order of visit.
#[derive(Debug, Default)]
pub(crate) struct Renamed {
    pub(crate) values: Vec<ValueInfo>,
    pub(crate) instructions: Vec<Instruction>,
    /// One past the last instruction of each block.
    pub(crate) ends: Vec<u32>,
    /// In the order of the blocks.
    pub(crate) phis: Vec<RawPhi>,
    /// Block and value.
    pub(crate) operands: Vec<(u32, u32)>,
}

struct Renamer<'a> {
    graph: &'a Graph,
    edges: &'a Edges,
    live: Bits,
    width: usize,
    /// Value of each register, now.
    state: Vec<u32>,
    /// Value of each register at the end of each block.
    exits: Vec<u32>,
    /// Register and value that handlers of a block may see, sorted by register within each block.
    visible: Vec<(u32, u32)>,
    /// One past the last of them, for each block.
    visible_ends: Vec<u32>,
    /// What the handlers of the current block know of each register.
    watch: Vec<Watch>,
    /// Registers with [`Watch::Changed`].
    changed: Vec<u32>,
    result: Renamed,
}

/// What the handlers of the current block know of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// No handler reads it.
    Unread,
    /// They know its value.
    Known,
    /// It was assigned since something could last throw.
    Changed,
}

/// Renames a method; what is left to fill in of the body are its counts.
pub(crate) fn rename(
    program: &Program,
    code: &RawCode<'_>,
    graph: &Graph,
    steps: Vec<Step>,
    ends: &[u32],
    parameters: &[TypeId],
    fuel: &mut Fuel,
) -> Result<Body> {
    let edges = liveness::edges(graph);
    // One more for `scratch_register`.
    let width = usize::from(code.registers).saturating_add(1);
    fuel.spend((graph.blocks.len() as u64).saturating_mul(width as u64))?;
    let joins = edges.iter().any(|into| into.len() > 1 || into.iter().any(|edge| edge.exceptional));
    let live = if joins { liveness::live_in(graph, &edges, &steps, ends, width, fuel)? } else { Bits::default() };
    let mut renamer = Renamer {
        graph,
        edges: &edges,
        live,
        width,
        state: vec![NOTHING; width],
        exits: Vec::with_capacity(graph.blocks.len().saturating_mul(width)),
        visible: Vec::new(),
        visible_ends: Vec::with_capacity(graph.blocks.len()),
        watch: vec![Watch::Unread; width],
        changed: Vec::new(),
        result: Renamed::default(),
    };
    renamer.result.values.reserve(steps.len().saturating_add(parameters.len()).saturating_add(1));
    renamer.result.instructions.reserve(steps.len());
    renamer.value(None);
    renamer.parameters(program, code, parameters);
    let mut steps = steps.into_iter();
    let mut start = 0_u32;
    for (block, &end) in (0_u32..).zip(ends) {
        renamer.enter(block, fuel)?;
        renamer.block(block, steps.by_ref().take(end.saturating_sub(start) as usize), fuel)?;
        start = end;
    }
    renamer.fill_loops(fuel)?;
    Ok(finish::finish(program, graph, &edges, renamer.result, parameters.len(), fuel))
}

impl Renamer<'_> {
    fn value(&mut self, ty: Option<TypeId>) -> u32 {
        // At most one for each step and as many as fuel allows for joins.
        let value = self.result.values.len() as u32;
        self.result.values.push(ValueInfo { ty });
        value
    }

    fn set(&mut self, register: u32, value: u32) {
        if let Some(entry) = self.state.get_mut(register as usize) {
            *entry = value;
        }
    }

    fn parameters(&mut self, program: &Program, code: &RawCode<'_>, parameters: &[TypeId]) {
        let mut register = u32::from(code.registers.saturating_sub(code.ins));
        for &ty in parameters {
            let value = self.value(Some(ty));
            self.set(register, value);
            register = register.saturating_add(if super::is_wide(program, ty) { 2 } else { 1 });
        }
    }

    /// Sets the registers to what they are at the start of a block.
    fn enter(&mut self, block: u32, fuel: &mut Fuel) -> Result<()> {
        let edges = self.edges;
        let into = edges.get(block as usize).map_or(&[][..], |into| into);
        match into {
            // The entry.
            [] => return Ok(()),
            // A lone predecessor was visited before.
            [edge] if !edge.exceptional => {
                let start = (edge.from as usize).saturating_mul(self.width);
                let exit = self.exits.get(start..start.saturating_add(self.width)).unwrap_or_default();
                if exit.len() == self.state.len() {
                    self.state.copy_from_slice(exit);
                }
                return Ok(());
            }
            _ => {}
        }
        self.state.fill(NOTHING);
        let is_loop = into.iter().any(|edge| edge.from >= block);
        let live: Vec<u32> = self.live.columns(block).collect();
        for register in live {
            let first = self.result.operands.len();
            let mut joined = None;
            if !is_loop {
                self.gather(block, register, fuel)?;
                joined = self.only_value(first);
            }
            if joined.is_some() {
                self.result.operands.truncate(first);
            }
            let value = joined.unwrap_or_else(|| {
                let value = self.value(None);
                // Fuel keeps the number of operands far below 4 G.
                let (first, end) = (first as u32, self.result.operands.len() as u32);
                self.result.phis.push(RawPhi { block, register, value, first, end });
                value
            });
            self.set(register, value);
        }
        Ok(())
    }

    /// The value of all operands from `first` on, if it is one.
    fn only_value(&self, first: usize) -> Option<u32> {
        let (&(_, value), rest) = self.result.operands.get(first..)?.split_first()?;
        rest.iter().all(|&(_, other)| other == value).then_some(value)
    }

    /// Appends what each edge into a block brings for a register.
    fn gather(&mut self, block: u32, register: u32, fuel: &mut Fuel) -> Result<()> {
        let edges = self.edges;
        for edge in edges.get(block as usize).map_or(&[][..], |into| into) {
            let before = self.result.operands.len();
            if edge.ordinary {
                let at = (edge.from as usize).saturating_mul(self.width).saturating_add(register as usize);
                self.result.operands.push((edge.from, self.exits.get(at).copied().unwrap_or(NOTHING)));
            }
            if edge.exceptional {
                let visible = visible(&self.visible, &self.visible_ends, edge.from);
                let start = visible.partition_point(|&(other, _)| other < register);
                let of_register = visible.get(start..).unwrap_or_default();
                let values = of_register.iter().take_while(|&&(other, _)| other == register);
                self.result.operands.extend(values.map(|&(_, value)| (edge.from, value)));
            }
            fuel.spend(self.result.operands.len().saturating_sub(before).saturating_add(1) as u64)?;
        }
        Ok(())
    }

    /// Renames a block from the registers set by [`Self::enter`].
    fn block(&mut self, block: u32, steps: impl Iterator<Item = Step>, fuel: &mut Fuel) -> Result<()> {
        let graph = self.graph;
        let handlers = graph.blocks.get(block as usize).map_or(&[][..], |block| &block.handlers);
        let first_visible = self.visible.len();
        let watched = self.watch(handlers, fuel)?;
        for step in steps {
            let Step { address, throws, wide, lenient, ty, action } = step;
            if throws && !self.changed.is_empty() {
                self.show(fuel)?;
            }
            let assigned = match action {
                Action::Nothing => None,
                Action::Move { to, from } => Some((to, self.state.get(from as usize).copied().unwrap_or(NOTHING))),
                Action::Keep(op) => self.keep(address, op, ty, lenient),
            };
            if let Some((register, value)) = assigned {
                self.assign(register, value);
                if wide {
                    self.assign(register.saturating_add(1), NOTHING);
                }
            }
        }
        for register in watched {
            if let Some(watch) = self.watch.get_mut(register as usize) {
                *watch = Watch::Unread;
            }
        }
        self.changed.clear();
        if let Some(visible) = self.visible.get_mut(first_visible..) {
            visible.sort_unstable();
        }
        self.visible_ends.push(self.visible.len() as u32);
        self.exits.extend_from_slice(&self.state);
        self.result.ends.push(self.result.instructions.len() as u32);
        Ok(())
    }

    /// Watches the registers that these handlers read; returns them. They know none of the values yet.
    fn watch(&mut self, handlers: &[(Option<TypeId>, u32)], fuel: &mut Fuel) -> Result<Vec<u32>> {
        if handlers.is_empty() {
            return Ok(Vec::new());
        }
        fuel.spend((handlers.len() as u64).saturating_mul(self.width.div_ceil(64) as u64))?;
        let watched: Vec<u32> = self.live.union(handlers.iter().map(|&(_, handler)| handler)).columns(0).collect();
        for &register in &watched {
            if let Some(watch) = self.watch.get_mut(register as usize) {
                *watch = Watch::Changed;
            }
        }
        self.changed.extend_from_slice(&watched);
        Ok(watched)
    }

    /// Shows the handlers what changed: something can throw now.
    fn show(&mut self, fuel: &mut Fuel) -> Result<()> {
        fuel.spend(self.changed.len() as u64)?;
        for register in self.changed.drain(..) {
            self.visible.push((register, self.state.get(register as usize).copied().unwrap_or(NOTHING)));
            if let Some(watch) = self.watch.get_mut(register as usize) {
                *watch = Watch::Known;
            }
        }
        Ok(())
    }

    fn assign(&mut self, register: u32, value: u32) {
        self.set(register, value);
        if let Some(watch @ Watch::Known) = self.watch.get_mut(register as usize) {
            *watch = Watch::Changed;
            self.changed.push(register);
        }
    }

    /// Renames an operation; the register it assigns, and the value.
    fn keep(&mut self, address: u32, mut op: crate::Op, ty: Option<TypeId>, lenient: bool) -> Option<(u32, u32)> {
        let state = &self.state;
        op.for_each_use_mut(|value| *value = ValueId(state.get(value.index()).copied().unwrap_or(NOTHING)));
        if lenient {
            finish::drop_nothing(&mut op);
        }
        let assigned = op.defined().map(|to| (to.0, self.value(ty)));
        if let (Some(to), Some((_, value))) = (op.defined_mut(), assigned) {
            *to = ValueId(value);
        }
        self.result.instructions.push(Instruction { address, op });
        assigned
    }

    /// Gives the joins of loops their operands, now that all blocks were visited.
    fn fill_loops(&mut self, fuel: &mut Fuel) -> Result<()> {
        for at in 0..self.result.phis.len() {
            let Some(&RawPhi { block, register, first, end, .. }) = self.result.phis.get(at) else { continue };
            if first != end {
                continue;
            }
            let first = self.result.operands.len() as u32;
            self.gather(block, register, fuel)?;
            let end = self.result.operands.len() as u32;
            if let Some(phi) = self.result.phis.get_mut(at) {
                (phi.first, phi.end) = (first, end);
            }
        }
        Ok(())
    }
}

fn visible<'a>(visible: &'a [(u32, u32)], ends: &[u32], block: u32) -> &'a [(u32, u32)] {
    let end = |block: u32| ends.get(block as usize).map_or(0, |&end| end as usize);
    let start = block.checked_sub(1).map_or(0, end);
    visible.get(start..end(block)).unwrap_or_default()
}
