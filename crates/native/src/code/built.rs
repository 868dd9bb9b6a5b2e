//! Texts that code puts together on the stack: numbers that it stores there one beside the other, which as bytes are printable and end
//! with a zero. Compilers do so with short texts, and programs that hide what they say. Texts that are copied or changed on the way
//! are not seen.

use std::collections::BTreeMap;

use super::{Code, Event};

/// Shortest text: a shorter one is as often a number.
const TEXT_LEN_MIN: usize = 5;
/// Bytes of the stack that are looked at between two calls, and texts kept of one function.
const BYTES_MAX: usize = 4096;
const TEXTS_MAX: usize = 64;

/// A text that code puts together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuiltText {
    /// Where in the file the instruction stands that stores its beginning.
    pub offset: u64,
    /// The function, as ways name it.
    pub function: u64,
    /// The text.
    pub text: String,
}

/// What one function has stored since its last call.
#[derive(Debug, Default)]
pub(super) struct Stack {
    /// By register and distance: the byte, and the instruction.
    bytes: BTreeMap<(u8, i64), (u8, u64)>,
    /// Texts found, and where each begins to be stored.
    pub(super) texts: Vec<(u64, String)>,
}

impl Stack {
    /// Takes note of one event of the function, in the order of the code.
    pub(super) fn note(&mut self, at: u64, event: &Event) {
        match *event {
            Event::Store { base, distance, value, len } => {
                for (number, byte) in (0_i64..).zip(value.to_le_bytes().into_iter().take(len.into())) {
                    if self.bytes.len() < BYTES_MAX {
                        self.bytes.insert((base, distance.saturating_add(number)), (byte, at));
                    }
                }
            }
            Event::Branch { is_call: true, .. } | Event::Slot { is_call: true, .. } => self.end(),
            _ => {}
        }
    }

    /// Whoever is called may read what was stored; what is stored later is something else.
    pub(super) fn end(&mut self) {
        let (mut run, mut start, mut next) = (String::new(), 0, None);
        for (place, (byte, at)) in std::mem::take(&mut self.bytes) {
            if next != Some(place) {
                run.clear();
            }
            next = Some((place.0, place.1.saturating_add(1)));
            match byte {
                b' '..=b'~' | b'\t' | b'\n' | b'\r' => {
                    if run.is_empty() {
                        start = at;
                    }
                    run.push(char::from(byte));
                }
                0 if run.len() >= TEXT_LEN_MIN && self.texts.len() < TEXTS_MAX => {
                    if self.texts.iter().all(|(_, known)| *known != run) {
                        self.texts.push((start, run.clone()));
                    }
                    run.clear();
                }
                _ => run.clear(),
            }
        }
    }
}

impl Code<'_> {
    /// Texts that the functions put together on the stack, in the order of functions.
    pub fn built_texts(&self) -> impl Iterator<Item = BuiltText> {
        let each =
            self.functions.iter().flat_map(|(&function, known)| known.built.iter().map(move |built| (function, built)));
        each.map(|(function, (at, text))| BuiltText { offset: self.offset(*at), function, text: text.clone() })
    }
}
