//! What a constant may be: a small set of alternatives, copied at nearly every instruction and so shared, not copied.

use std::rc::Rc;

use code::TypeId;

use super::text::PatternId;

/// More alternatives than this become "anything".
pub(crate) const ALTERNATIVES_MAX: usize = 8;

/// One alternative of a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Symbol {
    /// Null.
    Null,
    /// A number.
    Number(i64),
    /// A text.
    Text(PatternId),
    /// A class literal.
    Class(TypeId),
}

/// A set of alternatives. Empty: nothing known to reach here yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Constants {
    symbols: Symbols,
    anything: bool,
}

/// In order, without repetition.
#[derive(Debug, Clone, Default)]
enum Symbols {
    #[default]
    None,
    One(Symbol),
    Several(Rc<[Symbol]>),
}

impl PartialEq for Constants {
    fn eq(&self, other: &Self) -> bool {
        self.anything == other.anything && self.has_same_symbols(other)
    }
}

impl Eq for Constants {}

impl Constants {
    /// Nothing known to reach here yet.
    pub(crate) const NONE: Self = Self { symbols: Symbols::None, anything: false };

    /// Exactly one alternative.
    pub(crate) const fn one(symbol: Symbol) -> Self {
        Self { symbols: Symbols::One(symbol), anything: false }
    }

    /// Anything.
    pub(crate) const fn anything() -> Self {
        Self { symbols: Symbols::None, anything: true }
    }

    /// The alternatives known so far, though there may be others.
    pub(crate) fn symbols(&self) -> &[Symbol] {
        match &self.symbols {
            Symbols::None => &[],
            Symbols::One(only) => std::slice::from_ref(only),
            Symbols::Several(symbols) => symbols,
        }
    }

    /// Whether something beyond the alternatives is possible.
    pub(crate) const fn is_open(&self) -> bool {
        self.anything
    }

    /// The only alternative.
    pub(crate) const fn single(&self) -> Option<Symbol> {
        match (&self.symbols, self.anything) {
            (&Symbols::One(one), false) => Some(one),
            _ => None,
        }
    }

    /// The only alternative, if it is a number.
    pub(crate) const fn number(&self) -> Option<i64> {
        match self.single() {
            Some(Symbol::Number(number)) => Some(number),
            Some(Symbol::Null) => Some(0),
            _ => None,
        }
    }

    fn has_same_symbols(&self, other: &Self) -> bool {
        match (&self.symbols, &other.symbols) {
            (Symbols::Several(mine), Symbols::Several(theirs)) => Rc::ptr_eq(mine, theirs) || mine == theirs,
            _ => self.symbols() == other.symbols(),
        }
    }

    /// Adds an alternative. Texts are kept when there are too many (they are evidence), numbers are not.
    pub(crate) fn add(&mut self, symbol: Symbol) {
        self.add_all(&[symbol]);
    }

    /// Makes room for anything else.
    pub(crate) const fn open(&mut self) {
        self.anything = true;
    }

    /// Whether nothing that is added would change it.
    pub(crate) fn is_full(&self) -> bool {
        self.anything && self.symbols().len() >= ALTERNATIVES_MAX
    }

    /// Adds the alternatives of `other`; whether something was new.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        if self.is_full() {
            return false;
        }
        let opened = other.anything && !self.anything;
        self.anything |= other.anything;
        if self.has_same_symbols(other) {
            return opened;
        }
        if matches!(self.symbols, Symbols::None) {
            self.symbols = other.symbols.clone();
            return true;
        }
        let before = (self.symbols().len(), self.anything);
        self.add_all(other.symbols());
        opened || before != (self.symbols().len(), self.anything)
    }

    /// Adds alternatives that are in order; those for which there is no room make it anything.
    fn add_all(&mut self, others: &[Symbol]) {
        let mine = self.symbols();
        let mut merged = [Symbol::Null; ALTERNATIVES_MAX];
        let (mut len, mut at, mut room) = (0, 0, ALTERNATIVES_MAX.saturating_sub(mine.len()));
        let mut is_left_out = false;
        let mut keep = |symbol: Symbol| {
            if let Some(place) = merged.get_mut(len) {
                *place = symbol;
                len += 1;
            }
        };
        for &other in others {
            while let Some(&known) = mine.get(at).filter(|&&known| known < other) {
                keep(known);
                at += 1;
            }
            if mine.get(at) == Some(&other) {
                continue;
            }
            if room > 0 {
                keep(other);
                room -= 1;
            } else {
                is_left_out = true;
            }
        }
        mine.get(at..).unwrap_or_default().iter().for_each(|&known| keep(known));
        let is_longer = len > mine.len();
        self.anything |= is_left_out;
        if is_longer {
            self.symbols = match merged.get(..len).unwrap_or_default() {
                &[only] => Symbols::One(only),
                several => Symbols::Several(several.into()),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(constants: &Constants) -> Vec<i64> {
        let number = |symbol: &Symbol| if let Symbol::Number(number) = symbol { Some(*number) } else { None };
        constants.symbols().iter().filter_map(number).collect()
    }

    #[test]
    fn alternatives_are_in_order_and_joined_once() {
        let mut some = Constants::one(Symbol::Number(5));
        assert_eq!(some.single(), Some(Symbol::Number(5)));
        let mut other = Constants::one(Symbol::Number(7));
        other.add(Symbol::Number(1));
        assert!(some.join(&other));
        assert_eq!(numbers(&some), [1, 5, 7]);
        assert!(!some.join(&other), "nothing is new");
        assert_eq!(some.single(), None);
        assert!(some.join(&Constants::anything()));
        assert!(some.is_open() && some != other);
    }

    #[test]
    fn what_there_is_no_room_for_makes_it_anything() {
        let mut many = Constants::default();
        (0..6).for_each(|number| many.add(Symbol::Number(number)));
        let mut more = Constants::default();
        (4..10).for_each(|number| more.add(Symbol::Number(number)));
        assert!(!many.is_open() && many.join(&more) && many.is_open());
        assert_eq!(numbers(&many), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(!many.join(&more), "there is no room and it is anything already");
    }
}
