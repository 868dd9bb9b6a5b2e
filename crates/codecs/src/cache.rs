//! Unpacked members kept for a while: out first is what was read to its end and is wanted only once, then what was not used
//! for the longest time.
//!
//! One cache serves the whole process: archives stay open by the hundred while an image is scanned, so a bound per
//! archive would be no bound at all.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{Method, len64};

/// Bytes of unpacked members kept in memory.
pub(crate) const CACHE_LEN_MAX: u64 = 256 << 20;

static CACHE: Mutex<Cache> = Mutex::new(Cache::new(CACHE_LEN_MAX));

/// A name that no other member of this process has.
pub(crate) fn new_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The bytes of `id`, if they are still kept.
pub(crate) fn get(id: u64) -> Option<Arc<Vec<u8>>> {
    lock().get((id, Block::default()))
}

/// Keeps the bytes of `id`.
pub(crate) fn put(id: u64, bytes: &Arc<Vec<u8>>) {
    lock().put((id, Block::default()), Arc::clone(bytes));
}

/// `id` was read to its end, and is likely not to be wanted again.
pub(crate) fn read_through(id: u64) {
    lock().read_through((id, Block::default()));
}

/// Forgets `id`: nobody can ask for it again.
pub(crate) fn forget(id: u64) {
    lock().forget((id, Block::default()));
}

/// Which block of a whole, and how it is read: a whole that lies may say of one place that it is packed in two ways, and
/// what one of them gives must not be what the other one gives a moment later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// Where it starts.
    pub offset: u64,
    /// Its length there.
    pub len: u32,
    /// How much of it is unpacked, at most.
    pub unpacked_len: u32,
    /// How it is packed, if it is.
    pub method: Option<Method>,
    /// Whether zeros in front of it are left out.
    pub is_padded: bool,
}

/// A whole of many packed blocks, such as the image of a file system: its unpacked blocks. Kept in the one cache, so kept
/// for a while only.
#[derive(Debug)]
pub struct Blocks {
    id: u64,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { id: new_id() }
    }
}

impl Blocks {
    /// The unpacked `block`, if it is still kept.
    #[must_use]
    pub fn get(&self, block: Block) -> Option<Arc<Vec<u8>>> {
        lock().get((self.id, block))
    }

    /// Keeps the unpacked `block`.
    pub fn put(&self, block: Block, bytes: &Arc<Vec<u8>>) {
        lock().put((self.id, block), Arc::clone(bytes));
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        lock().forget_all(self.id);
    }
}

// A panic while the lock was held can leave the cache with too few entries, never with wrong ones.
fn lock() -> MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Cache {
    len: u64,
    len_max: u64,
    /// Counts uses, from [`FIRST_USE`] on.
    now: u64,
    /// Counts those that were read to their ends: they are older than all uses.
    ends: u64,
    by_id: BTreeMap<Key, (u64, Arc<Vec<u8>>)>,
    by_use: BTreeMap<u64, Key>,
}

/// Half of all numbers: neither kind of them is ever used up.
const FIRST_USE: u64 = 1 << 63;

/// Whose bytes, and which of them.
type Key = (u64, Block);

impl Cache {
    const fn new(len_max: u64) -> Self {
        Self { len: 0, len_max, now: FIRST_USE, ends: 0, by_id: BTreeMap::new(), by_use: BTreeMap::new() }
    }

    fn get(&mut self, id: Key) -> Option<Arc<Vec<u8>>> {
        self.now = self.now.saturating_add(1);
        let (used, bytes) = self.by_id.get_mut(&id)?;
        self.by_use.remove(used);
        *used = self.now;
        self.by_use.insert(self.now, id);
        Some(Arc::clone(bytes))
    }

    fn read_through(&mut self, id: Key) {
        let Some((used, _)) = self.by_id.get_mut(&id) else { return };
        self.ends = self.ends.saturating_add(1);
        self.by_use.remove(used);
        *used = self.ends;
        self.by_use.insert(self.ends, id);
    }

    fn put(&mut self, id: Key, bytes: Arc<Vec<u8>>) {
        self.forget(id);
        let len = len64(bytes.len());
        while self.len.saturating_add(len) > self.len_max {
            let Some((_, &oldest)) = self.by_use.first_key_value() else { break };
            self.forget(oldest);
        }
        if len > self.len_max {
            return;
        }
        self.now = self.now.saturating_add(1);
        self.len = self.len.saturating_add(len);
        self.by_use.insert(self.now, id);
        self.by_id.insert(id, (self.now, bytes));
    }

    fn forget_all(&mut self, id: u64) {
        let from = self.by_id.range((id, Block::default())..);
        let keys: Vec<Key> = from.map(|(&key, _)| key).take_while(|(owner, _)| *owner == id).collect();
        for key in keys {
            self.forget(key);
        }
    }

    fn forget(&mut self, id: Key) {
        if let Some((used, bytes)) = self.by_id.remove(&id) {
            self.by_use.remove(&used);
            self.len = self.len.saturating_sub(len64(bytes.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u64, offset: u64) -> Key {
        (id, Block { offset, ..Block::default() })
    }

    #[test]
    fn the_least_recently_used_member_leaves_first_and_the_bound_holds() {
        let mut cache = Cache::new(30);
        for id in 0..3 {
            cache.put(key(id, 0), Arc::new(vec![0; 10]));
        }
        assert!(cache.get(key(0, 0)).is_some());
        cache.put(key(3, 0), Arc::new(vec![0; 10]));
        assert!(cache.get(key(1, 0)).is_none());
        assert!(cache.get(key(0, 0)).is_some() && cache.get(key(2, 0)).is_some() && cache.get(key(3, 0)).is_some());
        cache.put(key(4, 0), Arc::new(vec![0; 31]));
        assert!(cache.get(key(4, 0)).is_none());
        assert!(cache.len <= 30 && cache.by_id.len() == cache.by_use.len());
    }

    #[test]
    fn what_was_read_to_its_end_leaves_before_what_was_not() {
        let mut cache = Cache::new(30);
        for id in 0..3 {
            cache.put(key(id, 0), Arc::new(vec![0; 10]));
        }
        cache.read_through(key(2, 0));
        cache.read_through(key(1, 0));
        for id in 3..5 {
            cache.put(key(id, 0), Arc::new(vec![0; 10]));
        }
        assert!(cache.get(key(1, 0)).is_none() && cache.get(key(2, 0)).is_none());
        assert!(cache.get(key(0, 0)).is_some() && cache.by_id.len() == cache.by_use.len());
        // Used again, it is like the others.
        cache.read_through(key(3, 0));
        assert!(cache.get(key(3, 0)).is_some());
        cache.put(key(5, 0), Arc::new(vec![0; 10]));
        assert!(cache.get(key(4, 0)).is_none() && cache.get(key(3, 0)).is_some());
    }

    #[test]
    fn forgetting_all_of_one_whole_leaves_the_others() {
        let mut cache = Cache::new(100);
        for key in [key(1, 7), key(2, 0), key(2, 9), key(3, 0)] {
            cache.put(key, Arc::new(vec![0; 10]));
        }
        cache.forget_all(2);
        assert!(cache.get(key(1, 7)).is_some() && cache.get(key(3, 0)).is_some());
        assert!(cache.get(key(2, 0)).is_none() && cache.get(key(2, 9)).is_none());
        assert_eq!(cache.len, 20);
    }
}
