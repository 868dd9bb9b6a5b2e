//! Traces: how data came to where it is, as shared linked lists.

use std::rc::Rc;

use code::MethodId;
use findings::Hop;

/// Longest trace kept, in steps; a longer one keeps its beginning.
const TRACE_STEPS_MAX: u16 = 48;

/// An instruction of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Site {
    /// The method.
    pub(crate) method: MethodId,
    /// Address in code units.
    pub(crate) address: u32,
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceStep {
    /// Where.
    pub(crate) site: Site,
    /// How.
    pub(crate) hop: Hop,
    /// An operation worth reporting: `encrypt DES/CBC`.
    pub(crate) note: Option<Rc<str>>,
}

/// A trace; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Option<Rc<Node>>);

#[derive(Debug)]
struct Node {
    before: Trace,
    item: Item,
    /// Number of steps up to here: bounds both the length and the depth of sharing.
    steps: u16,
}

#[derive(Debug)]
enum Item {
    Step(TraceStep),
    Part(Trace),
}

impl Trace {
    fn len(&self) -> u16 {
        self.0.as_ref().map_or(0, |node| node.steps)
    }

    /// Whether it has so many steps that some may be left out.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= TRACE_STEPS_MAX
    }

    /// This trace and one step more.
    #[must_use]
    pub(crate) fn then(&self, site: Site, hop: Hop, note: Option<Rc<str>>) -> Self {
        let steps = self.len() + 1;
        if steps > TRACE_STEPS_MAX {
            return self.clone();
        }
        let item = Item::Step(TraceStep { site, hop, note });
        Self(Some(Rc::new(Node { before: self.clone(), item, steps })))
    }

    /// This trace and all of `part` after it.
    #[must_use]
    pub(crate) fn then_all(&self, part: &Self) -> Self {
        if part.0.is_none() {
            return self.clone();
        }
        if self.0.is_none() {
            return part.clone();
        }
        let steps = self.len() + part.len();
        if steps > TRACE_STEPS_MAX {
            return self.clone();
        }
        Self(Some(Rc::new(Node { before: self.clone(), item: Item::Part(part.clone()), steps })))
    }

    /// The steps, first to last.
    pub(crate) fn steps(&self) -> Vec<TraceStep> {
        let mut reversed = Vec::new();
        let mut pending = vec![self];
        while let Some(trace) = pending.pop() {
            let Some(node) = &trace.0 else { continue };
            pending.push(&node.before);
            match &node.item {
                Item::Step(step) => reversed.push(step.clone()),
                Item::Part(part) => {
                    pending.push(part);
                }
            }
        }
        reversed.reverse();
        reversed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_order_and_length_is_bounded() {
        let site = |address| Site { method: MethodId(0), address };
        let part = Trace::default().then(site(2), Hop::Call, None).then(site(3), Hop::Sink, None);
        let trace = Trace::default().then(site(1), Hop::Source, None).then_all(&part).then(site(4), Hop::Return, None);
        let order: Vec<u32> = trace.steps().iter().map(|step| step.site.address).collect();
        assert_eq!(order, [1, 2, 3, 4]);
        let mut long = Trace::default();
        for address in 0..100_000 {
            long = long.then(site(address), Hop::Through, None);
        }
        assert_eq!(long.steps().len(), usize::from(TRACE_STEPS_MAX));
    }
}
