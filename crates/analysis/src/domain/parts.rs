//! What was written to the parts of an object: a sorted list.
//!
//! Most objects have none or a few parts and are copied often, block by block and call by call. A list takes what it needs;
//! a node of a tree takes room for eleven parts, over a kilobyte, each time.

use super::{path::Step, value::Value};

/// Parts of an object, by the step that leads to them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Parts(Vec<(Step, Value)>);

impl Parts {
    fn place(&self, step: Step) -> Result<usize, usize> {
        self.0.binary_search_by_key(&step, |&(known, _)| known)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains_key(&self, step: Step) -> bool {
        self.place(step).is_ok()
    }

    pub(crate) fn get(&self, step: Step) -> Option<&Value> {
        let at = self.place(step).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, step: Step) -> Option<&mut Value> {
        let at = self.place(step).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Sets what a part is. Parts are written about in the order of their numbers, so there is little to move.
    pub(crate) fn insert(&mut self, step: Step, value: Value) {
        match self.place(step) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at) {
                    *known = value;
                }
            }
            Err(at) => self.0.insert(at, (step, value)),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Step> {
        self.0.iter().map(|&(step, _)| step)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Step, &Value)> {
        self.0.iter().map(|(step, value)| (*step, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::{Constants, Symbol};

    fn number(value: i64) -> Value {
        Value::constant(Constants::one(Symbol::Number(value)))
    }

    #[test]
    fn the_last_value_written_to_a_part_stays_and_parts_are_in_order() {
        let mut parts = Parts::default();
        parts.insert(Step::Key(9), number(1));
        parts.insert(Step::Element, number(2));
        parts.insert(Step::Key(3), number(3));
        parts.insert(Step::Key(9), number(4));
        assert_eq!(parts.keys().collect::<Vec<_>>(), [Step::Element, Step::Key(3), Step::Key(9)]);
        assert_eq!(parts.get(Step::Key(9)), Some(&number(4)));
        assert_eq!(parts.get(Step::Key(4)), None);
        assert_eq!(parts.len(), 3);
    }
}
