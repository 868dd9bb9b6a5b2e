//! Which way a method goes where its caller knows what it was asked for: a provider answers by the URI, and answers
//! another URI with other data.

use code::{Block, Condition, Op, ValueId};
use rustc_hash::FxHashSet;

use super::frame::Frame;
use crate::domain::{path::PathId, summary::Assumed, text::Symbol, value::Value};

impl Frame<'_, '_> {
    /// Whether a caller's text or number may decide which way the method goes.
    pub(crate) fn is_constrained(&self) -> bool {
        self.assumptions.iter().any(|(_, assumed)| matches!(assumed, Assumed::Constant(_)))
    }

    /// Whether control may come from one block to another.
    pub(crate) fn goes(&self, from: usize, to: usize) -> bool {
        let Some(Some(only)) = self.only_ways.get(from) else { return true };
        let handled = |block: &Block| block.handlers.iter().any(|(_, handler)| handler.index() == to);
        only.index() == to || self.body.blocks.get(from).is_some_and(handled)
    }

    /// Notes where a block that has just run goes, if only one way is possible.
    pub(crate) fn note_way(&mut self, at: usize, block: &Block) {
        if !self.is_constrained() {
            return;
        }
        let way = self.only_successor(block).and_then(|position| block.successors.get(position).copied());
        if self.only_ways.len() <= at {
            self.only_ways.resize(self.body.blocks.len().max(at + 1), None);
        }
        self.only_ways[at] = way;
    }

    fn only_successor(&self, block: &Block) -> Option<usize> {
        let last = self.body.instructions.get((block.end as usize).checked_sub(1)?)?;
        match &last.op {
            Op::If { condition, left, right } => {
                let left = self.certain_number(*left)?;
                let right = right.map_or(Some(0), |right| self.certain_number(right))?;
                Some(usize::from(!holds(*condition, left, right)))
            }
            Op::Switch { value, keys } => {
                let number = self.certain_number(*value)?;
                Some(keys.iter().position(|&key| i64::from(key) == number).unwrap_or(keys.len()))
            }
            _ => None,
        }
    }

    /// The number that a value is, if it is nothing else: no object, and made of no data.
    fn certain_number(&self, value: ValueId) -> Option<i64> {
        let value = self.value(value);
        if value.objects.is_empty() && value.tags.is_empty() { value.constants.number() } else { None }
    }

    fn spelt(&self, op: &Op) -> Option<Symbol> {
        match op {
            Op::Number { value, .. } => Some(Symbol::Number(*value)),
            Op::Text { text, .. } => self.app.tables.patterns.known(self.app.program.text(*text)).map(Symbol::Text),
            _ => None,
        }
    }

    /// Texts and numbers among the arguments of a call, but for those that the method itself spells: these say nothing of
    /// what its caller asked for.
    pub(crate) fn constant_arguments(&mut self, arguments: &[Value]) -> Vec<(PathId, Assumed)> {
        let spelt: FxHashSet<Symbol> = self.body.instructions.iter().filter_map(|at| self.spelt(&at.op)).collect();
        let mut known = Vec::new();
        for (position, argument) in arguments.iter().enumerate() {
            let text = self.text(argument);
            let symbol = match text.single() {
                Some(Symbol::Text(id)) if self.app.tables.patterns.exact(id).is_some() => Symbol::Text(id),
                Some(Symbol::Number(number)) if argument.tags.is_empty() => Symbol::Number(number),
                _ => continue,
            };
            if spelt.contains(&symbol) {
                continue;
            }
            let path = PathId::root(u16::try_from(position).unwrap_or(u16::MAX));
            known.push((path, Assumed::Constant(symbol)));
        }
        known
    }
}

const fn holds(condition: Condition, left: i64, right: i64) -> bool {
    match condition {
        Condition::Equal => left == right,
        Condition::NotEqual => left != right,
        Condition::Less => left < right,
        Condition::GreaterOrEqual => left >= right,
        Condition::Greater => left > right,
        Condition::LessOrEqual => left <= right,
    }
}
