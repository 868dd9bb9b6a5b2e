//! Bytes of any length, a window at a time.

use bytes::{ByteSource, Result};

/// Bytes held at a time.
const WINDOW_LEN: usize = 1 << 16;

/// Hands every byte of `source` to `sink`, in order, with bounded memory.
pub(crate) fn for_each_window(source: &ByteSource, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
    let mut window = vec![0; WINDOW_LEN];
    let mut offset = 0;
    while offset < source.len() {
        let count = source.read_some(offset, &mut window)?;
        let read = window.get(..count).unwrap_or_default();
        if read.is_empty() {
            return Err(bytes::Error::truncated("bytes", offset, 1, 0));
        }
        sink(read);
        offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(())
}
