//! The walk over a body until nothing changes: which blocks run again, and what is known at the start of each.

use std::rc::Rc;

use code::{Block, Op, ValueId};

use super::frame::Frame;
use crate::domain::{
    heap::Heap,
    path::PathId,
    tags::Tags,
    value::{Object, ObjectId, ObjectKey, Value},
};

/// How often the blocks of a method are gone through before the rest is cut.
const SWEEPS_MAX: u32 = 4;

/// What a method ends with.
pub(crate) struct Outcome {
    pub(crate) result: Value,
    pub(crate) heap: Heap,
}

/// What is known of a block that has run.
#[derive(Clone)]
struct Run {
    start: Heap,
    end: Heap,
    /// The heap where the block returns.
    returned: Option<Heap>,
    /// Changes of values up to its end.
    changes: u32,
    /// What was thrown up to its end.
    thrown: Tags,
}

/// Which values changed when, counted in changes.
#[derive(Default)]
pub(crate) struct Changes {
    count: u32,
    of_value: Vec<u32>,
}

impl Frame<'_, '_> {
    /// Goes through the body until nothing changes.
    pub(crate) fn run(&mut self) -> Outcome {
        self.bind_parameters();
        self.prepare_control();
        self.prepare_actions();
        let body = self.body;
        let mut runs: Vec<Option<Run>> = vec![None; body.blocks.len()];
        let mut result = Value::default();
        let has_loop = body
            .blocks
            .iter()
            .enumerate()
            .any(|(at, block)| block.predecessors.iter().any(|before| before.index() >= at));
        self.work_end = self.app.work + self.app.method_work_max(body.instructions.len());
        for sweep in 0..SWEEPS_MAX {
            let changed = self.sweep(&mut runs, &mut result);
            if !has_loop || !changed || self.approximated {
                break;
            }
            if sweep + 1 == SWEEPS_MAX {
                self.app.cut("sweeps over a loop");
            }
        }
        let returned: Vec<Heap> = runs.into_iter().flatten().filter_map(|run| run.returned).collect();
        Outcome { result, heap: self.join_heaps(&returned) }
    }

    /// Goes once through the blocks; whether something changed.
    fn sweep(&mut self, runs: &mut [Option<Run>], result: &mut Value) -> bool {
        let mut changed = false;
        for (at, block) in self.body.blocks.iter().enumerate() {
            if self.is_spent() {
                self.approximated = true;
                break;
            }
            let Some(start) = self.start_heap(at, block, runs) else { continue };
            self.enter_block(at);
            changed |= self.join_phis(at, block, runs);
            let before = runs.get(at).and_then(Option::as_ref);
            let same = before.is_some_and(|before| before.start == start);
            if same && before.is_some_and(|before| self.runs_alike(block, before)) {
                continue;
            }
            changed |= !same;
            self.heap = start.clone();
            let (grew, returned) = self.run_block(block, result);
            changed |= grew;
            self.note_way(at, block);
            let (changes, thrown) = (self.changes.count, self.thrown.clone());
            if let Some(slot) = runs.get_mut(at) {
                *slot = Some(Run { start, end: self.heap.clone(), returned, changes, thrown });
            }
        }
        changed
    }

    /// Whether a block with the same heap as before would do what it did before: nothing that it reads has changed. What
    /// decides that it is come to may have, where branches are followed.
    fn runs_alike(&self, block: &Block, before: &Run) -> bool {
        if !self.deciders.is_empty() {
            return false;
        }
        let range = block.first as usize..block.end as usize;
        self.body.instructions.get(range).unwrap_or_default().iter().all(|instruction| {
            let mut alike = !matches!(instruction.op, Op::Caught { .. }) || self.thrown == before.thrown;
            instruction.op.for_each_use(|value| alike &= self.last_change(value) <= before.changes);
            alike
        })
    }

    fn last_change(&self, value: ValueId) -> u32 {
        self.changes.of_value.get(value.index()).copied().unwrap_or(0)
    }

    /// Notes that a value has changed.
    pub(crate) fn note_change(&mut self, value: ValueId) {
        if self.changes.of_value.is_empty() {
            self.changes.of_value.resize(self.values.len(), 0);
        }
        self.changes.count += 1;
        if let Some(last) = self.changes.of_value.get_mut(value.index()) {
            *last = self.changes.count;
        }
    }

    fn bind_parameters(&mut self) {
        let body = self.body;
        for (position, &value) in body.parameters.iter().enumerate() {
            let path = PathId::root(u16::try_from(position).unwrap_or(u16::MAX));
            let ty = self.app.type_of_path(self.method, path);
            let bound = self.input_value(path, ty);
            self.set(value, bound);
        }
    }

    /// The heap at the start of a block: what its predecessors left, as far as they were visited.
    fn start_heap(&mut self, at: usize, block: &Block, runs: &[Option<Run>]) -> Option<Heap> {
        if at == 0 && block.predecessors.is_empty() {
            return Some(Heap::default());
        }
        let mut heaps: Vec<Heap> = Vec::new();
        if at == 0 {
            heaps.push(Heap::default());
        }
        for before in &block.predecessors {
            let index = before.index();
            let Some(Some(run)) = runs.get(index) else { continue };
            if self.goes(index, at) {
                heaps.push(run.end.clone());
            }
            let exceptional = self
                .body
                .blocks
                .get(index)
                .is_some_and(|before| before.handlers.iter().any(|(_, handler)| handler.index() == at));
            if exceptional {
                heaps.push(run.start.clone());
            }
        }
        if heaps.is_empty() { None } else { Some(self.join_heaps(&heaps)) }
    }

    /// What any of these heaps may hold.
    pub(crate) fn join_heaps(&mut self, heaps: &[Heap]) -> Heap {
        let Some((first, rest)) = heaps.split_first() else { return Heap::default() };
        let mut joined = first.clone();
        for heap in rest {
            for object in joined.differences(heap) {
                match (joined.get(object).cloned(), heap.get(object)) {
                    (Some(mine), Some(theirs)) if mine == *theirs => {}
                    (Some(mine), Some(theirs)) => self.join_object(&mut joined, object, &mine, theirs),
                    (Some(touched), None) => self.join_absent(&mut joined, object, &touched),
                    (None, Some(touched)) => self.join_absent(&mut joined, object, touched),
                    (None, None) => {}
                }
            }
        }
        joined
    }

    fn join_object(&mut self, joined: &mut Heap, object: ObjectId, mine: &Rc<Object>, theirs: &Object) {
        let mut both = Object::clone(mine);
        if both.join(theirs, |step| self.unwritten_part(object, step)) {
            joined.insert(object, Rc::new(both));
        }
    }

    /// One branch touched an object, the other did not: an input or shared object keeps what its name says, an object
    /// made on one branch only does not exist on the other.
    fn join_absent(&mut self, joined: &mut Heap, object: ObjectId, touched: &Rc<Object>) {
        match self.key(object) {
            ObjectKey::Made(..) => return joined.insert(object, Rc::clone(touched)),
            // Where one branch wrote no static field, nothing is known of them afterwards.
            ObjectKey::Statics => return joined.insert(object, Rc::default()),
            ObjectKey::Input(_) | ObjectKey::Shared(_) | ObjectKey::Received(..) => {}
        }
        let mut both = Object::clone(&self.untouched(object));
        both.join(touched, |step| self.unwritten_part(object, step));
        joined.insert(object, Rc::new(both));
    }

    fn join_phis(&mut self, at: usize, block: &Block, runs: &[Option<Run>]) -> bool {
        let mut changed = false;
        for phi in &block.phis {
            let mut joined = self.value(phi.to).clone();
            for (before, value) in &phi.from {
                if runs.get(before.index()).is_some_and(Option::is_some) && self.goes(before.index(), at) {
                    changed |= joined.join(self.value(*value));
                }
            }
            let decided = self.control_of_join(at, &phi.from);
            changed |= joined.tags.join(&decided);
            self.set(phi.to, joined);
        }
        changed
    }
}
