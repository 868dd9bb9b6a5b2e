//! The objects of a method at one point: a map from dense numbers, cheap to copy and to join.
//!
//! Each block of a method has its own heap, and neighbours differ in few objects; so a heap is a list of shared chunks,
//! and what two heaps share is neither copied nor compared.

use std::rc::Rc;

use super::value::{Object, ObjectId};

/// Objects per chunk.
const CHUNK_OBJECTS: usize = 32;

type Chunk = [Option<Rc<Object>>; CHUNK_OBJECTS];

/// The objects of a method at one point.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heap {
    chunks: Rc<Vec<Rc<Chunk>>>,
}

impl PartialEq for Heap {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.chunks, &other.chunks)
            || (self.chunks.len() == other.chunks.len()
                && self.chunks.iter().zip(other.chunks.iter()).all(|(a, b)| same_chunk(a, b)))
    }
}

fn same_chunk(mine: &Rc<Chunk>, theirs: &Rc<Chunk>) -> bool {
    let same = |pair: (&Option<Rc<Object>>, &Option<Rc<Object>>)| match pair {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b) || a == b,
        (a, b) => a.is_none() && b.is_none(),
    };
    Rc::ptr_eq(mine, theirs) || mine.iter().zip(theirs.iter()).all(same)
}

const fn place(object: ObjectId) -> (usize, usize) {
    (object.0 as usize / CHUNK_OBJECTS, object.0 as usize % CHUNK_OBJECTS)
}

impl Heap {
    pub(crate) fn get(&self, object: ObjectId) -> Option<&Rc<Object>> {
        let (chunk, slot) = place(object);
        self.chunks.get(chunk)?[slot].as_ref()
    }

    pub(crate) fn insert(&mut self, object: ObjectId, known: Rc<Object>) {
        *self.slot(object) = Some(known);
    }

    /// The object, for changing; made if it is not there.
    pub(crate) fn change(&mut self, object: ObjectId) -> &mut Object {
        Rc::make_mut(self.slot(object).get_or_insert_default())
    }

    fn slot(&mut self, object: ObjectId) -> &mut Option<Rc<Object>> {
        let (chunk, slot) = place(object);
        let chunks = Rc::make_mut(&mut self.chunks);
        if chunks.len() <= chunk {
            // One empty chunk serves for all that were never written.
            let empty: Rc<Chunk> = Rc::new([const { None }; CHUNK_OBJECTS]);
            chunks.resize(chunk + 1, empty);
        }
        &mut Rc::make_mut(&mut chunks[chunk])[slot]
    }

    /// The objects that are here, in order.
    pub(crate) fn objects(&self) -> Vec<ObjectId> {
        let numbers = 0..self.chunks.len() * CHUNK_OBJECTS;
        numbers.map(|number| ObjectId(number as u32)).filter(|&object| self.get(object).is_some()).collect()
    }

    /// Objects that may differ between two heaps.
    pub(crate) fn differences(&self, other: &Self) -> Vec<ObjectId> {
        if Rc::ptr_eq(&self.chunks, &other.chunks) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for chunk in 0..self.chunks.len().max(other.chunks.len()) {
            let (mine, theirs) = (self.chunks.get(chunk), other.chunks.get(chunk));
            if let (Some(mine), Some(theirs)) = (mine, theirs)
                && Rc::ptr_eq(mine, theirs)
            {
                continue;
            }
            for slot in 0..CHUNK_OBJECTS {
                let object = ObjectId((chunk * CHUNK_OBJECTS + slot) as u32);
                let same = match (mine.and_then(|c| c[slot].as_ref()), theirs.and_then(|c| c[slot].as_ref())) {
                    (None, None) => true,
                    (Some(a), Some(b)) => Rc::ptr_eq(a, b),
                    _ => false,
                };
                if !same {
                    found.push(object);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_changes_by_itself_and_only_differences_are_told() {
        let mut heap = Heap::default();
        heap.change(ObjectId(3)).many = true;
        heap.change(ObjectId(100));
        let mut copy = heap.clone();
        assert!(heap.differences(&copy).is_empty());
        copy.change(ObjectId(70)).escaped = true;
        assert_eq!(heap.differences(&copy), [ObjectId(70)]);
        assert_eq!(heap.objects(), [ObjectId(3), ObjectId(100)]);
        assert_eq!(copy.objects(), [ObjectId(3), ObjectId(70), ObjectId(100)]);
        assert!(heap != copy);
    }
}
