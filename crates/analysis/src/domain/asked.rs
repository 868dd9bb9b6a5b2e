//! Answers already given: a small map that is made and dropped for every call of the app's code.

use smallvec::SmallVec;

/// Answers by key. The keys are kept apart and in order, so that adding one moves little.
#[derive(Debug)]
pub(crate) struct Asked<K, V> {
    places: SmallVec<[(K, u32); 8]>,
    answers: Vec<V>,
}

impl<K, V> Default for Asked<K, V> {
    fn default() -> Self {
        Self { places: SmallVec::new(), answers: Vec::new() }
    }
}

impl<K: Copy + Ord, V> Asked<K, V> {
    pub(crate) fn get(&self, key: K) -> Option<&V> {
        let at = self.places.binary_search_by_key(&key, |&(known, _)| known).ok()?;
        self.answers.get(self.places.get(at)?.1 as usize)
    }

    /// Keeps the first answer to a question.
    pub(crate) fn insert(&mut self, key: K, answer: V) {
        if let Err(at) = self.places.binary_search_by_key(&key, |&(known, _)| known) {
            self.places.insert(at, (key, self.answers.len() as u32));
            self.answers.push(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn the_first_answer_is_found_again() {
        let mut asked = Asked::default();
        for key in [5, 1, 9, 3, 5] {
            asked.insert(key, key * 10);
        }
        asked.insert(9, 0);
        assert_eq!([1, 3, 5, 9, 2].map(|key| asked.get(key).copied()), [Some(10), Some(30), Some(50), Some(90), None]);
    }
}
