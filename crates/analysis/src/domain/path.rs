//! Access paths: a parameter of a method and the fields read from it, interned.

use code::FieldId;
use rustc_hash::FxHashMap;

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

/// An interned access path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PathId(pub(crate) u32);

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: Option<PathId>,
    step: Option<Step>,
    root: u16,
    steps: u8,
}

/// Every access path of one app's analysis.
#[derive(Debug, Default)]
pub(crate) struct PathTable {
    nodes: Vec<Node>,
    roots: FxHashMap<u16, PathId>,
    children: FxHashMap<(PathId, Step), PathId>,
}

impl PathTable {
    /// The path that is just parameter `root`, receiver first.
    pub(crate) fn root(&mut self, root: u16) -> PathId {
        let next = PathId(self.nodes.len() as u32);
        let nodes = &mut self.nodes;
        *self.roots.entry(root).or_insert_with(|| {
            nodes.push(Node { parent: None, step: None, root, steps: 0 });
            next
        })
    }

    /// The path one step further. Folds: a path that is full, or that already passed the same field, stays where it is,
    /// so that recursive data has finitely many paths.
    pub(crate) fn child(&mut self, path: PathId, step: Step) -> PathId {
        let Some(node) = self.nodes.get(path.0 as usize).copied() else { return path };
        if node.steps >= PATH_STEPS_MAX || self.passes(path, step) {
            return path;
        }
        let next = PathId(self.nodes.len() as u32);
        let nodes = &mut self.nodes;
        *self.children.entry((path, step)).or_insert_with(|| {
            nodes.push(Node { parent: Some(path), step: Some(step), root: node.root, steps: node.steps + 1 });
            next
        })
    }

    fn passes(&self, path: PathId, step: Step) -> bool {
        let mut at = self.nodes.get(path.0 as usize);
        while let Some(node) = at {
            if node.step == Some(step) {
                return true;
            }
            at = node.parent.and_then(|parent| self.nodes.get(parent.0 as usize));
        }
        false
    }

    /// The parameter a path starts from.
    pub(crate) fn root_of(&self, path: PathId) -> u16 {
        self.nodes.get(path.0 as usize).map_or(0, |node| node.root)
    }

    /// The steps of a path, first to last.
    pub(crate) fn steps(&self, path: PathId) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = self.nodes.get(path.0 as usize);
        while let Some(node) = at {
            steps.extend(node.step);
            at = node.parent.and_then(|parent| self.nodes.get(parent.0 as usize));
        }
        steps.reverse();
        steps
    }

    /// The last field a path passes, if any.
    pub(crate) fn last_field(&self, path: PathId) -> Option<FieldId> {
        let fields = self.steps(path).into_iter().rev();
        fields.into_iter().find_map(|step| if let Step::Field(field) = step { Some(field) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recursive_data_has_finitely_many_paths() {
        let mut table = PathTable::default();
        let next = Step::Field(FieldId(7));
        let mut path = table.root(0);
        for _ in 0..100 {
            path = table.child(path, next);
        }
        assert_eq!(table.steps(path), [next]);
        for field in 0..100 {
            path = table.child(path, Step::Field(FieldId(field)));
        }
        assert_eq!(table.steps(path).len(), usize::from(PATH_STEPS_MAX));
    }
}
