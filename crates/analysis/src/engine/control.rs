//! What decides which way a method goes: data that never leaves itself may still be told by what is done or left (implicit
//! flows). Followed only where the knowledge asks for it: most branches tell little, and everything is behind some branch.
//!
//! A block depends on a branch if one way from the branch always comes to the block and another need not (Ferrante, Ottenstein,
//! Warren, The Program Dependence Graph, TOPLAS 1987). What is written, sent or returned in the block is then made of the
//! data of the condition as well; so is what a join may be, which comes from blocks that depend on different branches. A caller's
//! branches reach its callees as one more input, [`PathId::CONTROL`].

use code::{Block, Body, Op, ValueId};

use super::frame::Frame;
use crate::domain::{
    path::PathId,
    tags::{Doubts, Tag, Tags},
    trace::Trace,
    value::{ObjectKey, Value},
};

/// Methods of more blocks than this are gone through without their branches.
const BLOCKS_MAX: usize = 512;

/// For each block the blocks whose branches decide whether it is come to, by position, sorted.
pub(crate) type Deciders = Vec<Vec<usize>>;

/// What decides about each block of a body.
pub(crate) fn deciders(body: &Body) -> Option<Deciders> {
    let count = body.blocks.len();
    if count > BLOCKS_MAX {
        return None;
    }
    let after = postdominators(&body.blocks);
    let mut direct: Deciders = vec![Vec::new(); count];
    for (at, block) in body.blocks.iter().enumerate().filter(|(_, block)| block.successors.len() > 1) {
        let Some(end) = after.get(at).copied().flatten() else { continue };
        for successor in &block.successors {
            let mut here = successor.index();
            // A walk up a tree of `count` nodes.
            for _ in 0..count {
                if here == end || here >= count {
                    break;
                }
                if !direct[here].contains(&at) {
                    direct[here].push(at);
                }
                let Some(next) = after[here] else { break };
                here = next;
            }
        }
    }
    Some(closed(&direct))
}

/// With what decides about the deciders.
fn closed(direct: &Deciders) -> Deciders {
    let all = direct.iter().map(|first| {
        let mut found = vec![false; direct.len()];
        let mut pending = first.clone();
        while let Some(at) = pending.pop() {
            if !std::mem::replace(&mut found[at], true) {
                pending.extend(&direct[at]);
            }
        }
        (0..direct.len()).filter(|&at| found[at]).collect()
    });
    all.collect()
}

/// The nearest block that every way from each block to an end comes to; the number of blocks stands for the end itself.
/// Nothing for blocks from which no way leads to an end.
fn postdominators(blocks: &[Block]) -> Vec<Option<usize>> {
    let end = blocks.len();
    let mut after: Vec<Option<usize>> = vec![None; blocks.len()];
    let next = |at: usize, after: &[Option<usize>]| if at == end { None } else { after[at] };
    // Blocks are in reverse post-order: backwards, most of what is below is known. Each round brings something nearer to the end.
    for _ in 0..=blocks.len() {
        let mut changed = false;
        for (at, block) in blocks.iter().enumerate().rev() {
            let mut meet = if block.successors.is_empty() { Some(end) } else { None };
            for successor in block.successors.iter().map(|successor| successor.index()) {
                if after.get(successor).copied().flatten().is_none() {
                    continue;
                }
                meet = Some(meet.map_or(successor, |meet| common(meet, successor, end, &|at| next(at, &after))));
            }
            if meet.is_some() && after[at] != meet {
                after[at] = meet;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    after
}

/// The first block that both chains pass.
fn common(a: usize, b: usize, end: usize, next: &dyn Fn(usize) -> Option<usize>) -> usize {
    // Until all is known chains may run in circles: each block is passed once.
    let (mut left, mut right) = (vec![false; end + 1], vec![false; end + 1]);
    let mut at = Some(a);
    while let Some(here) = at.filter(|&here| !std::mem::replace(&mut left[here], true)) {
        at = next(here);
    }
    let mut at = Some(b);
    while let Some(here) = at.filter(|&here| !std::mem::replace(&mut right[here], true)) {
        if left[here] {
            return here;
        }
        at = next(here);
    }
    end
}

impl Frame<'_, '_> {
    /// Prepares the body, if branches are to be followed.
    pub(crate) fn prepare_control(&mut self) {
        if !self.app.knowledge.follows_branches {
            return;
        }
        match deciders(self.body) {
            Some(deciders) => self.deciders = deciders,
            None => self.app.cut("branches of large methods"),
        }
        self.control_of_caller = Tags::one(Tag::Input(PathId::CONTROL), Trace::default());
        self.control = self.control_of_caller.clone();
    }

    /// What decides that a block is come to, within the method.
    fn control_at(&mut self, at: usize, but_for: &[usize]) -> Tags {
        let mut tags = Tags::default();
        for decider in self.deciders.get(at).cloned().unwrap_or_default() {
            self.app.work += 1;
            if !but_for.contains(&decider) {
                tags.join(&self.condition(decider));
            }
        }
        tags
    }

    /// What the condition at the end of a block is made of. That a reference is there says nothing about what it refers to.
    fn condition(&mut self, at: usize) -> Tags {
        let body = self.body;
        let last = body.blocks.get(at).and_then(|block| body.instructions.get((block.end as usize).checked_sub(1)?));
        let values: Vec<ValueId> = match last.map(|last| &last.op) {
            Some(Op::If { left, right, .. }) => std::iter::once(*left).chain(*right).collect(),
            Some(Op::Switch { value, .. }) => vec![*value],
            _ => Vec::new(),
        };
        let mut tags = Tags::default();
        for value in values {
            let is_reference = body
                .values
                .get(value.index())
                .and_then(|info| info.ty)
                .is_some_and(|ty| matches!(self.app.program.descriptor(ty).as_bytes().first(), Some(b'L' | b'[')));
            if !is_reference && self.value(value).objects.is_empty() {
                tags.join(&self.value(value).tags.doubted(Doubts::BRANCH));
            }
        }
        tags
    }

    /// A block begins.
    pub(crate) fn enter_block(&mut self, at: usize) {
        self.block = at;
        if self.deciders.is_empty() {
            return;
        }
        let own = self.control_at(at, &[]);
        self.control = self.control_of_caller.clone();
        self.control.join(&own);
        self.control_here = own;
    }

    /// What a join is also made of, by where it comes from: unless it is the same from everywhere.
    pub(crate) fn control_of_join(&mut self, at: usize, from: &[(code::BlockId, ValueId)]) -> Tags {
        if self.deciders.is_empty() || self.is_one(from) {
            return Tags::default();
        }
        let own = self.deciders.get(at).cloned().unwrap_or_default();
        let mut tags = Tags::default();
        for (before, _) in from {
            tags.join(&self.control_at(before.index(), &own));
            let branches = self.body.blocks.get(before.index()).is_some_and(|block| block.successors.len() > 1);
            if branches && !own.contains(&before.index()) {
                tags.join(&self.condition(before.index()));
            }
        }
        tags
    }

    /// Which object it is decides what a call does.
    pub(crate) fn decide_by_class(&mut self, receiver: Option<&Value>) {
        if let Some(receiver) = receiver.filter(|_| self.app.knowledge.follows_branches) {
            self.control.join(&receiver.tags.doubted(Doubts::BRANCH));
        }
    }

    /// A value, made also of what decides that it is written.
    pub(crate) fn decided(&self, value: &Value) -> Value {
        let mut value = value.clone();
        value.tags.join(&self.control);
        value
    }

    /// What an array was made of as a whole: how long it is says nothing of what was put into it since.
    pub(crate) fn shallow_tags(&mut self, value: &Value) -> Tags {
        let mut tags = value.tags.clone();
        for &object in &value.objects {
            if let ObjectKey::Input(path) = self.key(object) {
                tags.join(&Tags::one(Tag::Input(path), Trace::default()));
            }
            tags.join(&self.known(object).content);
        }
        tags
    }

    fn is_one(&self, from: &[(code::BlockId, ValueId)]) -> bool {
        let mut values = from.iter().map(|(_, value)| self.value(*value));
        let Some(first) = values.next() else { return true };
        let is_known = |value: &Value| !value.constants.is_open() && value.objects.is_empty() && value.tags.is_empty();
        is_known(first) && values.all(|other| other == first)
    }

    /// What a library method says of what it is given, where it says only that something is so, or how much, or where: this
    /// too may be told by a branch.
    pub(crate) fn told_by_result(&mut self, descriptor: &str, receiver: Option<&Value>, arguments: &[Value]) -> Tags {
        let mut tags = Tags::default();
        if !self.app.knowledge.follows_branches {
            return tags;
        }
        if matches!(descriptor, "Z" | "I") {
            for value in receiver.into_iter().chain(arguments) {
                let made_of = self.deep_tags(value);
                tags.join(&made_of.doubted(Doubts::BRANCH));
            }
        }
        for value in arguments.iter().filter(|value| value.objects.is_empty()) {
            tags.join(&value.tags.doubted(Doubts::BRANCH));
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use code::BlockId;

    use super::*;

    fn blocks(successors: &[&[u32]]) -> Body {
        let block = |to: &&[u32]| Block { successors: to.iter().map(|&to| BlockId(to)).collect(), ..Block::default() };
        Body { blocks: successors.iter().map(block).collect(), ..Body::default() }
    }

    #[test]
    fn a_branch_decides_until_its_ways_meet() {
        let body = blocks(&[&[1, 2], &[3], &[3], &[]]);
        assert_eq!(deciders(&body), Some(vec![vec![], vec![0], vec![0], vec![]]));
    }

    #[test]
    fn a_loop_decides_about_itself() {
        // 0 -> 1; 1 -> 2 or 3; 2 -> 1.
        let body = blocks(&[&[1], &[2, 3], &[1], &[]]);
        assert_eq!(deciders(&body), Some(vec![vec![], vec![1], vec![1], vec![]]));
    }

    #[test]
    fn branches_in_branches_decide_together_and_loops_without_an_end_decide_nothing() {
        let body = blocks(&[&[1, 4], &[2, 3], &[3], &[4], &[]]);
        assert_eq!(deciders(&body), Some(vec![vec![], vec![0], vec![0, 1], vec![0], vec![]]));
        let body = blocks(&[&[1], &[0]]);
        assert_eq!(deciders(&body), Some(vec![vec![], vec![]]));
    }
}
