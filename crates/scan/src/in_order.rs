//! Work on many files of an image, in the order in which they are stored.

use bytes::ByteSource;
use rayon::prelude::*;

/// What `one` makes of each of `items`, in their order. They are worked on as their bytes are stored: where an image is
/// packed in pieces, the files of one piece come after each other, so that it is unpacked once.
pub fn each_as_stored<T: Sync, R: Send>(
    items: &[T],
    source: impl Fn(&T) -> Option<&ByteSource>,
    one: impl Fn(&T) -> R + Sync + Send,
) -> Vec<R> {
    let order = bytes::reading_order(items.iter().map(source));
    let known = order.into_par_iter().with_max_len(1).filter_map(|at| items.get(at).map(|item| (at, one(item))));
    let mut made: Vec<(usize, R)> = known.collect();
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn files_are_read_as_they_are_stored_and_told_in_their_own_order() {
        let whole = ByteSource::from_bytes(b"tidewaiter".to_vec());
        let part = |at| whole.slice(at, 1, "part").ok();
        let items: Vec<Option<ByteSource>> = [7, 2, 9, 0].into_iter().map(part).collect();
        let read = Mutex::new(Vec::new());
        let one = |item: &Option<ByteSource>| {
            let at = item.as_ref().map(ByteSource::stored_at);
            read.lock().map(|mut read| read.push(at)).ok();
            at
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().ok();
        let told = pool.map(|pool| pool.install(|| each_as_stored(&items, Option::as_ref, one)));
        assert_eq!(told, Some([7, 2, 9, 0].map(Some).to_vec()));
        assert_eq!(read.into_inner().ok(), Some([0, 2, 7, 9].map(Some).to_vec()));
    }
}
