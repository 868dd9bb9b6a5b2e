//! Types as a graph: direct supertypes and direct subtypes of each, in flat tables.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::direct_supertypes;
use crate::{Program, TypeId};

/// Supertypes told of one type. Real types have below a hundred.
const MAX_ANCESTORS: usize = 256;

/// A type: the program's types first, by their id, then types that only the platform names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node(u32);

impl Node {
    pub(super) const fn of_type(ty: TypeId) -> Self {
        Self(ty.0)
    }

    /// The type; one past the program's types if only the platform names it.
    pub(super) const fn ty(self) -> TypeId {
        TypeId(self.0)
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Who is directly above and below each type.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    parents: Rows,
    children: Rows,
    /// Descriptors of the types that only the platform names.
    platform_names: Vec<String>,
    platform_nodes: FxHashMap<String, Node>,
    cut: usize,
}

/// A list of nodes for each node, one after the other.
#[derive(Debug, Clone, Default)]
struct Rows {
    /// Where the row of a node starts; one more at the end.
    starts: Vec<u32>,
    nodes: Vec<Node>,
}

impl Rows {
    /// From pairs of row and entry, sorted by row.
    fn new(count: usize, pairs: &[(Node, Node)]) -> Self {
        let mut starts = Vec::with_capacity(count.saturating_add(1));
        let mut position = 0_usize;
        for row in 0..=count {
            while pairs.get(position).is_some_and(|(node, _)| node.index() < row) {
                position = position.saturating_add(1);
            }
            // Each pair is an entry of a list in a file, paid for when it was read: far fewer than 4 G.
            starts.push(u32::try_from(position).unwrap_or(u32::MAX));
        }
        Self { starts, nodes: pairs.iter().map(|(_, node)| *node).collect() }
    }

    fn row(&self, node: Node) -> &[Node] {
        let bounds = self.starts.get(node.index()..).and_then(|tail| tail.first_chunk::<2>());
        bounds.and_then(|&[start, end]| self.nodes.get(start as usize..end as usize)).unwrap_or_default()
    }
}

impl Graph {
    pub(super) fn new(program: &Program, platform: &BTreeMap<String, Vec<String>>) -> Self {
        let mut graph = Self::default();
        let mut pairs = Vec::new();
        for class in program.classes() {
            pairs.extend(direct_supertypes(class).map(|parent| (Node::of_type(class.ty), Node::of_type(parent))));
        }
        // The platform's types, as far as the program reaches them.
        let mut next = 0_usize;
        while next < program.type_count().saturating_add(graph.platform_names.len()) {
            let node = Node(u32::try_from(next).unwrap_or(u32::MAX));
            next = next.saturating_add(1);
            if program.class_of(node.ty()).is_some() {
                continue;
            }
            let supertypes = platform.get(graph.descriptor(program, node));
            for name in supertypes.into_iter().flatten() {
                pairs.push((node, graph.add(program, name)));
            }
        }
        let count = program.type_count().saturating_add(graph.platform_names.len());
        pairs.retain(|(child, parent)| child != parent);
        // By child; the superclass stays first among the parents, since the sort is stable.
        pairs.sort_by_key(|(child, _)| *child);
        graph.parents = Rows::new(count, &pairs);
        for (child, parent) in &mut pairs {
            std::mem::swap(child, parent);
        }
        pairs.sort_unstable();
        pairs.dedup();
        graph.children = Rows::new(count, &pairs);
        graph.cut = graph.count_cut(program, count);
        graph
    }

    fn add(&mut self, program: &Program, name: &str) -> Node {
        if let Some(node) = self.node(program, name) {
            return node;
        }
        let count = program.type_count().saturating_add(self.platform_names.len());
        let node = Node(u32::try_from(count).unwrap_or(u32::MAX));
        self.platform_names.push(name.to_owned());
        self.platform_nodes.insert(name.to_owned(), node);
        node
    }

    /// How many classes of the program may have supertypes that [`Self::ancestors`] does not tell.
    fn count_cut(&self, program: &Program, count: usize) -> usize {
        // An upper bound of the number of supertypes, from the top down; who is never reached is below a cycle.
        let mut bound = vec![0_usize; count];
        let mut waiting: Vec<usize> = Vec::with_capacity(count);
        let mut ready = Vec::new();
        for node in (0..).map(Node).take(count) {
            // A parent named twice waits for once: the children have no duplicates.
            let mut parents = self.parents.row(node).to_vec();
            parents.sort_unstable();
            parents.dedup();
            waiting.push(parents.len());
            if parents.is_empty() {
                ready.push(node);
            }
        }
        while let Some(node) = ready.pop() {
            let above = bound.get(node.index()).map_or(1, |bound| bound.saturating_add(1));
            for child in self.children.row(node) {
                let (Some(bound), Some(waiting)) = (bound.get_mut(child.index()), waiting.get_mut(child.index()))
                else {
                    continue;
                };
                *bound = bound.saturating_add(above);
                *waiting = waiting.saturating_sub(1);
                if *waiting == 0 {
                    ready.push(*child);
                }
            }
        }
        let is_cut = |ty: TypeId| {
            waiting.get(ty.index()).is_some_and(|left| *left > 0)
                || bound.get(ty.index()).is_some_and(|bound| *bound > MAX_ANCESTORS)
        };
        program.classes().iter().filter(|class| is_cut(class.ty)).count()
    }

    pub(super) const fn cut(&self) -> usize {
        self.cut
    }

    pub(super) fn node(&self, program: &Program, descriptor: &str) -> Option<Node> {
        program.find_type(descriptor).map(Node::of_type).or_else(|| self.platform_nodes.get(descriptor).copied())
    }

    pub(super) fn descriptor<'a>(&'a self, program: &'a Program, node: Node) -> &'a str {
        match node.index().checked_sub(program.type_count()) {
            Some(position) => self.platform_names.get(position).map_or("", String::as_str),
            None => program.descriptor(node.ty()),
        }
    }

    pub(super) fn children(&self, node: Node) -> &[Node] {
        self.children.row(node)
    }

    /// Everything above `node`, nearest first, without itself; at most 256.
    pub(super) fn ancestors(&self, node: Node) -> Vec<Node> {
        let mut above = vec![node];
        self.climb(&mut above, |_| false);
        above.remove(0);
        above
    }

    /// Whether `of` is `node` or above it.
    pub(super) fn is_above(&self, of: Node, node: Node) -> bool {
        let mut above = smallvec::SmallVec::<[Node; 16]>::new();
        above.push(node);
        of == node || self.climb(&mut above, |parent| parent == of)
    }

    /// Extends `above` with what is above its first node, until `found`.
    fn climb<L>(&self, above: &mut L, found: impl Fn(Node) -> bool) -> bool
    where
        L: Extend<Node> + AsRef<[Node]>,
    {
        let mut next = 0_usize;
        while let Some(&node) = above.as_ref().get(next) {
            next = next.saturating_add(1);
            for &parent in self.parents.row(node) {
                if found(parent) {
                    return true;
                }
                if above.as_ref().len() > MAX_ANCESTORS {
                    return false;
                }
                if !above.as_ref().contains(&parent) {
                    above.extend([parent]);
                }
            }
        }
        false
    }

    /// Everything below `node`, nearest first, without itself.
    pub(super) fn descendants(&self, node: Node) -> Vec<Node> {
        let mut below = vec![node];
        let mut seen: rustc_hash::FxHashSet<Node> = below.iter().copied().collect();
        let mut next = 0_usize;
        while let Some(&node) = below.get(next) {
            next = next.saturating_add(1);
            below.extend(self.children.row(node).iter().copied().filter(|child| seen.insert(*child)));
        }
        below.remove(0);
        below
    }
}
