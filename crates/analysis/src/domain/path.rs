//! Access paths: a parameter of a method and the fields read from it, interned.

use code::FieldId;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Longest access path. A longer one is folded onto its last prefix, which then stands for everything below it.
pub(crate) const PATH_STEPS_MAX: u8 = 4;

/// One step into an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    /// A field.
    Field(FieldId),
    /// Any element of a collection, array or holder.
    Element,
    /// The entry under a constant key, or at a constant index.
    Key(PatternKey),
}

/// A constant key, interned by the pattern table.
pub(crate) type PatternKey = u32;

/// An interned access path: the parameter in the high byte, a serial number below; 0 for the parameter itself. So the
/// paths of one parameter sort together, the parameter first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PathId(u32);

/// Bits of the serial number.
const SERIAL_BITS: u32 = 24;
/// Parameters that are told apart (the platform allows 255).
const ROOTS_MAX: u16 = 254;

impl PathId {
    /// What decides whether the method is called at all: behind every parameter.
    pub(crate) const CONTROL: Self = Self(255 << SERIAL_BITS);

    /// The path that is just parameter `position`, receiver first.
    pub(crate) fn root(position: u16) -> Self {
        Self(u32::from(position.min(ROOTS_MAX)) << SERIAL_BITS)
    }

    /// The parameter it starts from, as a path.
    pub(crate) const fn whole(self) -> Self {
        Self(self.0 >> SERIAL_BITS << SERIAL_BITS)
    }

    const fn position(self) -> u16 {
        (self.0 >> SERIAL_BITS) as u16
    }
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: PathId,
    step: Step,
    steps: u8,
}

/// Every access path of one app's analysis.
#[derive(Debug, Default)]
pub(crate) struct PathTable {
    /// By serial number, from 1 on.
    nodes: Vec<Node>,
    children: FxHashMap<(PathId, Step), PathId>,
}

/// The steps of one path.
pub(crate) type Steps = SmallVec<[Step; PATH_STEPS_MAX as usize]>;

impl PathTable {
    fn node(&self, path: PathId) -> Option<&Node> {
        self.nodes.get((path.0 ^ path.whole().0).checked_sub(1)? as usize)
    }

    /// The path one step further. Folds: a path that is full, or that already passed the same field, stays where it is,
    /// so that recursive data has finitely many paths.
    pub(crate) fn child(&mut self, path: PathId, step: Step) -> PathId {
        if let Some(&known) = self.children.get(&(path, step)) {
            return known;
        }
        let steps = self.node(path).map_or(0, |node| node.steps);
        let serial = self.nodes.len() as u32 + 1;
        let folds = steps >= PATH_STEPS_MAX || serial >> SERIAL_BITS != 0 || self.steps(path).contains(&step);
        let child = if folds { path } else { PathId(path.whole().0 | serial) };
        if !folds {
            self.nodes.push(Node { parent: path, step, steps: steps + 1 });
        }
        self.children.insert((path, step), child);
        child
    }

    /// The parameter a path starts from.
    pub(crate) const fn root_of(&self, path: PathId) -> u16 {
        path.position()
    }

    /// The path one step before the end of one, and that step; nothing for a parameter itself.
    pub(crate) fn last(&self, path: PathId) -> Option<(PathId, Step)> {
        self.node(path).map(|node| (node.parent, node.step))
    }

    /// The steps of a path, first to last.
    pub(crate) fn steps(&self, path: PathId) -> Steps {
        let mut steps = Steps::new();
        let mut at = path;
        while let Some(node) = self.node(at) {
            steps.push(node.step);
            at = node.parent;
        }
        steps.reverse();
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recursive_data_has_finitely_many_paths() {
        let mut table = PathTable::default();
        let next = Step::Field(FieldId(7));
        let mut path = PathId::root(0);
        for _ in 0..100 {
            path = table.child(path, next);
        }
        assert_eq!(table.steps(path).as_slice(), [next]);
        assert_eq!((table.last(path), table.last(PathId::root(0))), (Some((PathId::root(0), next)), None));
        assert_eq!(path.whole(), PathId::root(0));
        for field in 0..100 {
            path = table.child(path, Step::Field(FieldId(field)));
        }
        assert_eq!(table.steps(path).len(), usize::from(PATH_STEPS_MAX));
    }
}
