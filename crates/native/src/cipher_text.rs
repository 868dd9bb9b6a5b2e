//! Cipher text in what is loaded of a file: instructions, tables and texts repeat themselves, cipher text does not.

use bytes::bits_per_byte;

use crate::Elf;

/// Bytes looked at together.
const WINDOW_LEN: usize = 16 << 10;
/// From one look to the next.
const STEP_LEN: usize = 4 << 10;
/// Bits for a byte above which bytes count as cipher text. 16 KiB of random bytes have 7.98 or more; of 241 libraries of the
/// platform, 32 and 64 bits, none has more than 7.26 anywhere.
const CIPHER_BITS: f64 = 7.9;

/// Where 16 KiB of cipher text begin in the file, if a loaded segment holds that much.
#[must_use]
pub fn find(elf: &Elf, bytes: &[u8]) -> Option<u64> {
    // Segments may lie over each other; no byte is looked at twice.
    let mut ranges: Vec<(u64, u64)> =
        elf.segments.iter().map(|segment| (segment.offset, segment.offset.saturating_add(segment.len))).collect();
    ranges.sort_unstable();
    let mut seen = 0;
    for (start, end) in ranges {
        let start = start.max(seen);
        seen = seen.max(end);
        let place = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let loaded = place.and_then(|(start, end)| bytes.get(start..end.min(bytes.len()))).unwrap_or_default();
        let mut windows = loaded.windows(WINDOW_LEN).step_by(STEP_LEN);
        if let Some(number) = windows.position(|window| bits_per_byte(window) > CIPHER_BITS) {
            return Some(start.saturating_add(number.saturating_mul(STEP_LEN) as u64));
        }
    }
    None
}
