//! Modified UTF-8, the encoding of every string of a DEX file.
//!
//! It differs from UTF-8 in three ways: zero is two bytes, a character past the basic plane is two surrogates of three
//! bytes each, and surrogates may stand alone. Written from the "Dalvik Executable format" document, "MUTF-8 encoding".

use std::borrow::Cow;

/// A lone surrogate has no place in Rust's strings, yet strings that hide data consist of them: surrogate `D800 + n` is
/// kept as the private character `10F800 + n`, so that different strings stay different and [`units`] gives back what
/// the file said.
const LONE_SURROGATES: u32 = 0x10_f800;
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// The text of `raw`, and the position of the first byte that is not modified UTF-8; such a byte reads as U+FFFD.
pub(crate) fn decode(raw: &[u8]) -> (Cow<'_, str>, Option<usize>) {
    // Text without zeros and surrogates is UTF-8.
    if let Ok(text) = str::from_utf8(raw) {
        return (Cow::Borrowed(text), None);
    }
    let mut text = String::with_capacity(raw.len());
    let mut first_bad = None;
    let mut high = None;
    let mut rest = raw;
    while let Some(&first) = rest.first() {
        let (unit, len) = sequence(first, rest);
        let low = unit.filter(|unit| (0xdc00..=0xdfff).contains(unit));
        match (high.take(), low) {
            (Some(high), Some(low)) => text.push(pair(high, low)),
            (pending, _) => {
                text.extend(pending.map(lone));
                match unit {
                    Some(unit @ 0xd800..=0xdbff) => high = Some(unit),
                    Some(unit) => text.push(char::from_u32(unit).unwrap_or_else(|| lone(unit))),
                    None => {
                        first_bad.get_or_insert(raw.len().saturating_sub(rest.len()));
                        text.push(REPLACEMENT);
                    }
                }
            }
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    text.extend(high.map(lone));
    (Cow::Owned(text), first_bad)
}

/// The UTF-16 code unit at the start of `bytes` and the number of bytes it takes; `None` for a byte that starts nothing.
fn sequence(first: u8, bytes: &[u8]) -> (Option<u32>, usize) {
    let continuation =
        |at: usize| bytes.get(at).filter(|&&byte| byte & 0xc0 == 0x80).map(|&byte| u32::from(byte & 0x3f));
    let first = u32::from(first);
    match first {
        0x00..=0x7f => (Some(first), 1),
        0xc0..=0xdf => match continuation(1) {
            Some(second) => (Some((first & 0x1f) << 6 | second), 2),
            None => (None, 1),
        },
        0xe0..=0xef => match (continuation(1), continuation(2)) {
            (Some(second), Some(third)) => (Some((first & 0x0f) << 12 | second << 6 | third), 3),
            _ => (None, 1),
        },
        _ => (None, 1),
    }
}

fn pair(high: u32, low: u32) -> char {
    char::from_u32(0x1_0000 + ((high & 0x3ff) << 10 | low & 0x3ff)).unwrap_or(REPLACEMENT)
}

fn lone(unit: u32) -> char {
    char::from_u32(LONE_SURROGATES + (unit & 0x7ff)).unwrap_or(REPLACEMENT)
}

/// The UTF-16 code units of a decoded text, lone surrogates as they were in the file.
pub(crate) fn units(text: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character).checked_sub(LONE_SURROGATES) {
            // Below 0x800, because no character is past 10FFFF.
            Some(surrogate) => units.push(0xd800 | (surrogate & 0x7ff) as u16),
            None => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `java.io.DataOutputStream.writeUTF` gives for these code units.
    fn encode(units: &[u16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &unit in units {
            match unit {
                1..=0x7f => bytes.push(unit as u8),
                0 | 0x80..=0x7ff => bytes.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
                _ => bytes.extend([
                    0xe0 | (unit >> 12) as u8,
                    0x80 | (unit >> 6 & 0x3f) as u8,
                    0x80 | (unit & 0x3f) as u8,
                ]),
            }
        }
        bytes
    }

    #[test]
    fn every_code_unit_survives_alone_and_between_others() {
        for unit in 0..=u16::MAX {
            for units_in in [vec![unit], vec![b'a'.into(), unit, b'b'.into()], vec![unit, unit]] {
                let raw = encode(&units_in);
                let (text, bad) = decode(&raw);
                assert_eq!((units(&text), bad), (units_in, None));
            }
        }
    }

    #[test]
    fn a_surrogate_pair_is_one_character() {
        let raw = encode(&[0xd83d, 0xde00]);
        assert_eq!(raw, [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]);
        assert_eq!(decode(&raw), (Cow::Borrowed("\u{1f600}"), None));
    }

    #[test]
    fn undecodable_bytes_are_replaced_and_the_first_is_told() {
        assert_eq!(decode(b"ab\xffcd\xc3"), (Cow::Borrowed("ab\u{fffd}cd\u{fffd}"), Some(2)));
        assert_eq!(decode(b"\xe2\x82"), (Cow::Borrowed("\u{fffd}\u{fffd}"), Some(0)));
    }
}
