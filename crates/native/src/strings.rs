//! Texts in a file: runs of printable characters, of one byte or of two.

/// Shortest run that is a text.
pub const TEXT_LEN_MIN: usize = 4;
/// Longest text; what is longer is told in pieces.
const TEXT_LEN_MAX: usize = 4096;

/// A text and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// Its bytes: ASCII, or UTF-16 with the low byte first.
    bytes: &'a [u8],
    /// Where it stands in the file.
    pub offset: u64,
    /// Whether each character has two bytes.
    pub is_wide: bool,
}

impl Text<'_> {
    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        let step = if self.is_wide { 2 } else { 1 };
        self.bytes.iter().step_by(step).map(|&byte| char::from(byte)).collect()
    }
}

/// Every text of `bytes`: first those of one byte for each character, then those of two.
pub fn each<'a>(bytes: &'a [u8]) -> impl Iterator<Item = Text<'a>> {
    runs(bytes, false).chain(runs(bytes, true))
}

fn runs(bytes: &[u8], is_wide: bool) -> impl Iterator<Item = Text<'_>> {
    let step = if is_wide { 2 } else { 1 };
    let mut position = 0_usize;
    std::iter::from_fn(move || {
        while position < bytes.len() {
            let rest = bytes.get(position..).unwrap_or_default();
            let count = rest.chunks_exact(step).take(TEXT_LEN_MAX).take_while(|unit| is_printable(unit)).count();
            let start = position;
            // Texts of two bytes for each character may start at any address.
            position = position.saturating_add((count.saturating_mul(step)).max(1));
            if count >= TEXT_LEN_MIN {
                let bytes = rest.get(..count.saturating_mul(step)).unwrap_or_default();
                return Some(Text { bytes, offset: start as u64, is_wide });
            }
        }
        None
    })
}

fn is_printable(unit: &[u8]) -> bool {
    matches!(unit, [b' '..=b'~' | b'\t' | b'\n' | b'\r'] | [b' '..=b'~', 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_both_widths_are_found_where_they_stand() {
        let mut bytes = b"\0abc\0GET %s HTTP/1.1\r\n\0\x01".to_vec();
        bytes.extend("wide".encode_utf16().flat_map(u16::to_le_bytes));
        let found: Vec<(String, u64, bool)> =
            each(&bytes).map(|text| (text.text(), text.offset, text.is_wide)).collect();
        assert_eq!(found, [("GET %s HTTP/1.1\r\n".to_owned(), 5, false), ("wide".to_owned(), 24, true)]);
        assert_eq!(each(&[0; 64]).count(), 0);
        assert_eq!(each(&[b'a'; 10_000]).filter(|text| !text.is_wide).count(), 3);
    }
}
