//! Where the platform enters a file.

use std::collections::BTreeSet;

use super::starts;
use crate::{jni, memory::Memory};

/// Most entries of one file.
const ENTRIES_MAX: usize = 1 << 16;
/// Tags of the dynamic table: a function, and a table of functions with its length, that run when the file is loaded.
const INITIALISER: u64 = 12;
const INITIALISERS: (u64, u64) = (25, 27);

/// Where the platform enters a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// How.
    pub kind: EntryKind,
    /// Address of the function; the lowest bit says Thumb.
    pub function: u64,
}

/// How a file is entered, surest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// The program is started.
    Start,
    /// The library is loaded by Java code.
    OnLoad,
    /// A Java method is called: its class, if that is known, and its name.
    Method {
        /// `com.example.Native`
        class: Option<String>,
        /// `run`
        method: String,
        /// `(I)V`, or the arguments alone, or nothing.
        signature: Option<String>,
    },
    /// The file is loaded.
    Loaded,
    /// Somebody calls what it exports.
    Exported(String),
}

/// The entries of a file, surest first.
pub(super) fn of(memory: &Memory<'_>, bytes: &[u8]) -> Vec<Entry> {
    let elf = memory.elf;
    let mut found = BTreeSet::new();
    let mut add = |kind: EntryKind, function: u64| {
        if found.len() < ENTRIES_MAX && memory.is_code(starts::plain(elf, function)) {
            found.insert(Entry { kind, function });
        }
    };
    if elf.entry != 0 {
        add(EntryKind::Start, elf.entry);
    }
    for binding in jni::exports(elf) {
        // What exports say of Thumb is not in the binding's address where a table says it.
        add(method(&binding), binding.address);
    }
    for binding in jni::registrations(elf, bytes) {
        add(method(&binding), binding.function);
    }
    if let Some(&address) = elf.dynamic.get(&INITIALISER) {
        add(EntryKind::Loaded, address);
    }
    for address in table(memory, INITIALISERS) {
        add(EntryKind::Loaded, address);
    }
    for symbol in elf.exports.iter().filter(|symbol| symbol.is_function) {
        match symbol.name.as_str() {
            "JNI_OnLoad" => add(EntryKind::OnLoad, symbol.address),
            // What a program exports is called by its own code; nobody else does.
            name if elf.entry == 0 && !name.starts_with("Java_") => {
                add(EntryKind::Exported(name.to_owned()), symbol.address);
            }
            _ => {}
        }
    }
    found.into_iter().collect()
}

fn method(binding: &jni::Binding) -> EntryKind {
    let (class, method, signature) = (binding.class.clone(), binding.method.clone(), binding.signature.clone());
    EntryKind::Method { class, method, signature }
}

/// Functions of a table; the first and last entry may be marks.
fn table(memory: &Memory<'_>, (place, len): (u64, u64)) -> Vec<u64> {
    let dynamic = &memory.elf.dynamic;
    let (Some(&address), Some(&len)) = (dynamic.get(&place), dynamic.get(&len)) else { return Vec::new() };
    let word = memory.elf.word_len() as u64;
    let count = (len / word).min(ENTRIES_MAX as u64);
    // At most 2^16 words.
    (0..count).filter_map(|number| memory.pointer(address.wrapping_add(number * word))).collect()
}
