//! Which way a method goes where a condition is constant: a switch that the code never turns, a number that cannot be, or
//! what its caller is known to ask for (a provider answers by the URI, and answers another URI with other data).

use code::{Block, Condition, Op, ValueId};
use rustc_hash::FxHashSet;

use super::frame::Frame;
use crate::domain::{path::PathId, summary::Assumed, text::Symbol, value::Value};

/// Least and greatest number, both possible.
type Range = (i64, i64);

/// Classes whose `nextInt` keeps below its bound.
const RANDOM: [&str; 3] =
    ["Ljava/util/Random;", "Ljava/security/SecureRandom;", "Ljava/util/concurrent/ThreadLocalRandom;"];

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
        let way = self.only_successor(block).and_then(|position| block.successors.get(position).copied());
        if way.is_none() && self.only_ways.is_empty() {
            return;
        }
        if self.only_ways.len() <= at {
            self.only_ways.resize(self.body.blocks.len().max(at + 1), None);
        }
        self.only_ways[at] = way;
    }

    fn only_successor(&self, block: &Block) -> Option<usize> {
        let last = self.body.instructions.get((block.end as usize).checked_sub(1)?)?;
        match &last.op {
            Op::If { condition, left, right } => {
                let left = self.certain_range(block, *left)?;
                let right = right.map_or(Some((0, 0)), |right| self.certain_range(block, right))?;
                Some(usize::from(!always_or_never(*condition, left, right)?))
            }
            Op::Switch { value, keys } => {
                let (least, most) = self.certain_range(block, *value)?;
                let possible = |key: &i32| (least..=most).contains(&i64::from(*key));
                match keys.iter().position(possible) {
                    Some(only) if least == most => Some(only),
                    Some(_) => None,
                    None => Some(keys.len()),
                }
            }
            _ => None,
        }
    }

    /// The number that a value is, if it is nothing else: no object, and made of no data.
    fn certain_number(&self, value: ValueId) -> Option<i64> {
        let value = self.value(value);
        if value.objects.is_empty() && value.tags.is_empty() { value.constants.number() } else { None }
    }

    /// The numbers that a value may be, as far as that is certain.
    fn certain_range(&self, block: &Block, value: ValueId) -> Option<Range> {
        match self.certain_number(value) {
            Some(number) => Some((number, number)),
            None => self.drawn_range(block, value),
        }
    }

    /// `java.util.Random.nextInt(n)` and `nextInt` of its kin give 0 to n - 1, as documented.
    fn drawn_range(&self, block: &Block, value: ValueId) -> Option<Range> {
        let range = block.first as usize..block.end as usize;
        let made = self.body.instructions.get(range)?.iter().rev().find_map(|instruction| match &instruction.op {
            Op::Invoke { to: Some(to), method, arguments, .. } if *to == value => Some((*method, arguments.last()?)),
            _ => None,
        });
        let (method, bound) = made?;
        let reference = self.app.program.method(method)?;
        let is_drawn = self.app.program.text(reference.name) == "nextInt"
            && reference.parameters.len() == 1
            && RANDOM.contains(&self.app.program.descriptor(reference.class));
        let bound = self.certain_number(*bound).filter(|bound| is_drawn && *bound > 0)?;
        Some((0, bound - 1))
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

/// Whether a condition holds for all numbers of two ranges, or for none; nothing if it depends.
fn always_or_never(condition: Condition, left: Range, right: Range) -> Option<bool> {
    let (below, above) = (left.1 < right.0, left.0 > right.1);
    let (not_above, not_below) = (left.1 <= right.0, left.0 >= right.1);
    let (equal, apart) = (left.0 == left.1 && left == right, below || above);
    let (always, never) = match condition {
        Condition::Equal => (equal, apart),
        Condition::NotEqual => (apart, equal),
        Condition::Less => (below, not_below),
        Condition::GreaterOrEqual => (not_below, below),
        Condition::Greater => (above, not_above),
        Condition::LessOrEqual => (not_above, above),
    };
    (always || never).then_some(always)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_decide_only_what_is_certain() {
        assert_eq!(always_or_never(Condition::Greater, (0, 29), (40, 40)), Some(false));
        assert_eq!(always_or_never(Condition::LessOrEqual, (0, 29), (40, 40)), Some(true));
        assert_eq!(always_or_never(Condition::Less, (0, 29), (29, 29)), None);
        assert_eq!(always_or_never(Condition::Equal, (3, 3), (3, 3)), Some(true));
        assert_eq!(always_or_never(Condition::NotEqual, (0, 1), (1, 1)), None);
        assert_eq!(always_or_never(Condition::GreaterOrEqual, (0, 1), (0, 0)), Some(true));
    }
}
