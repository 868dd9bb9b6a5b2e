//! Zeros between and behind the parts of a package.

use bytes::{ByteSource, Result};

/// Bytes looked at at a time.
const WINDOW_LEN: usize = 64 << 10;

/// Offset of the first byte from `from` on that is not zero; nothing if there is none.
pub(crate) fn end(source: &ByteSource, from: u64) -> Result<Option<u64>> {
    let mut window = vec![0; WINDOW_LEN];
    let mut offset = from;
    while offset < source.len() {
        let count = source.read_some(offset, &mut window)?;
        let read = window.get(..count).unwrap_or_default();
        if let Some(at) = read.iter().position(|&byte| byte != 0) {
            return Ok(Some(offset.saturating_add(at as u64)));
        }
        offset = offset.saturating_add(count as u64);
    }
    Ok(None)
}
