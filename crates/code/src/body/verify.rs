//! Whether a body is what [`crate::Body`] says it is.
//!
//! Used by tests and by checks over whole firmwares. It shares no code with the construction: dominators are computed
//! here, by the iteration of Cooper, Harvey and Kennedy ("A Simple, Fast Dominance Algorithm", 2001).

use crate::{Block, BlockId, Body, Op, ValueId};

/// Where a value is assigned: block, and position in it; parameters come before everything, joins before instructions.
type Place = (u32, u32);

impl Body {
    /// Checks every property that readers of a body rely on; the first violation, in words.
    pub fn verify(&self) -> Result<(), String> {
        if self.blocks.is_empty() {
            return if self.instructions.is_empty() { Ok(()) } else { Err("instructions without blocks".to_owned()) };
        }
        self.verify_shape()?;
        let places = self.verify_definitions()?;
        let dominators = self.dominators();
        self.verify_uses(&places, &dominators)
    }

    fn verify_shape(&self) -> Result<(), String> {
        let mut expected: Vec<Vec<BlockId>> = vec![Vec::new(); self.blocks.len()];
        let mut next = 0;
        for (id, block) in self.numbered() {
            if block.first != next || block.end < block.first {
                return Err(format!("b{}: instructions {}..{} do not follow {next}", id.0, block.first, block.end));
            }
            next = block.end;
            self.verify_end(id, block)?;
            for &target in block.successors.iter().chain(block.handlers.iter().map(|(_, handler)| handler)) {
                let into = expected.get_mut(target.index()).ok_or_else(|| format!("b{}: no block {target:?}", id.0))?;
                if into.last() != Some(&id) {
                    into.push(id);
                }
            }
        }
        if next as usize != self.instructions.len() {
            return Err(format!("{} instructions, blocks end at {next}", self.instructions.len()));
        }
        for ((id, block), expected) in self.numbered().zip(expected) {
            if block.predecessors != expected {
                return Err(format!("b{}: predecessors {:?}, edges from {expected:?}", id.0, block.predecessors));
            }
            let reached = block.predecessors.iter().any(|before| before.0 < id.0);
            if reached != (id.0 > 0) || (id.0 == 0 && !block.predecessors.is_empty()) {
                return Err(format!("b{}: not in reverse post-order", id.0));
            }
        }
        Ok(())
    }

    fn verify_end(&self, id: BlockId, block: &Block) -> Result<(), String> {
        let instructions = self.instructions.get(block.first as usize..block.end as usize).unwrap_or_default();
        let count = block.successors.len();
        for (position, instruction) in instructions.iter().enumerate() {
            let fits = match &instruction.op {
                Op::Goto => count == 1,
                Op::If { .. } => count == 2,
                Op::Switch { keys, .. } => count == keys.len().saturating_add(1),
                Op::Return { .. } | Op::Throw { .. } => count == 0,
                _ => continue,
            };
            if !fits || position.saturating_add(1) != instructions.len() {
                return Err(format!("b{} at {:04x}: jump with {count} successors", id.0, instruction.address));
            }
        }
        Ok(())
    }

    fn verify_definitions(&self) -> Result<Vec<Option<Place>>, String> {
        let mut places: Vec<Option<Place>> = vec![None; self.values.len()];
        let mut define = |value: ValueId, place: Place| match places.get_mut(value.index()) {
            Some(entry @ None) => {
                *entry = Some(place);
                Ok(())
            }
            Some(Some(_)) => Err(format!("%{} is assigned twice", value.0)),
            None => Err(format!("%{} is out of range", value.0)),
        };
        for &parameter in &self.parameters {
            define(parameter, (0, 0))?;
        }
        for (id, block) in self.numbered() {
            for phi in &block.phis {
                define(phi.to, (id.0, 1))?;
            }
            let instructions = self.instructions.get(block.first as usize..block.end as usize).unwrap_or_default();
            for (position, instruction) in (2..).zip(instructions) {
                if let Some(value) = instruction.op.defined() {
                    define(value, (id.0, position))?;
                }
            }
        }
        match places.iter().position(Option::is_none) {
            Some(value) => Err(format!("%{value} is never assigned")),
            None => Ok(places),
        }
    }

    fn verify_uses(&self, places: &[Option<Place>], dominators: &[u32]) -> Result<(), String> {
        let place = |value: ValueId| {
            places.get(value.index()).copied().flatten().ok_or_else(|| format!("%{} is out of range", value.0))
        };
        for (id, block) in self.numbered() {
            for phi in &block.phis {
                let mut from: Vec<BlockId> = phi.from.iter().map(|&(before, _)| before).collect();
                from.dedup();
                if from != block.predecessors {
                    return Err(format!("%{}: operands from {from:?}, not {:?}", phi.to.0, block.predecessors));
                }
                let mut others = phi.from.iter().map(|&(_, value)| value).filter(|&value| value != phi.to);
                let first = others.next();
                if others.all(|value| Some(value) == first) {
                    return Err(format!("%{}: joins one value", phi.to.0));
                }
                for &(before, value) in &phi.from {
                    if !dominates(dominators, place(value)?.0, before.0) {
                        return Err(format!("%{}: %{} does not reach b{}", phi.to.0, value.0, before.0));
                    }
                }
            }
            let instructions = self.instructions.get(block.first as usize..block.end as usize).unwrap_or_default();
            for (position, instruction) in (2..).zip(instructions) {
                let mut result = Ok(());
                instruction.op.for_each_use(|value| {
                    let reaches = place(value).map(|(definer, at)| {
                        if definer == id.0 { at < position } else { dominates(dominators, definer, id.0) }
                    });
                    if reaches != Ok(true) && result.is_ok() {
                        result = Err(format!("b{} at {:04x}: %{} does not reach", id.0, instruction.address, value.0));
                    }
                });
                result?;
            }
        }
        Ok(())
    }

    /// The immediate dominator of each block; the entry's is itself.
    fn dominators(&self) -> Vec<u32> {
        const UNKNOWN: u32 = u32::MAX;
        let mut dominators = vec![UNKNOWN; self.blocks.len()];
        if let Some(entry) = dominators.first_mut() {
            *entry = 0;
        }
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for (id, block) in self.numbered().skip(1) {
                let mut new = UNKNOWN;
                for before in &block.predecessors {
                    let known = dominators.get(before.index()).is_some_and(|&dominator| dominator != UNKNOWN);
                    if known {
                        new = if new == UNKNOWN { before.0 } else { common(&dominators, new, before.0) };
                    }
                }
                if let Some(entry) = dominators.get_mut(id.index())
                    && *entry != new
                {
                    *entry = new;
                    changed = true;
                }
            }
        }
        dominators
    }

    fn numbered(&self) -> impl Iterator<Item = (BlockId, &Block)> {
        (0_u32..).map(BlockId).zip(&self.blocks)
    }
}

/// The nearest block that dominates both. Dominators have lower numbers.
fn common(dominators: &[u32], one: u32, other: u32) -> u32 {
    let (mut one, mut other) = (one, other);
    while one != other {
        let higher = if one > other { &mut one } else { &mut other };
        *higher = dominators.get(*higher as usize).copied().unwrap_or(0);
    }
    one
}

/// Whether `above` is `below` or on every way to it.
fn dominates(dominators: &[u32], above: u32, below: u32) -> bool {
    let mut below = below;
    while below > above {
        below = dominators.get(below as usize).copied().unwrap_or(0);
    }
    below == above
}
