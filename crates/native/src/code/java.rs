//! Java methods that native code asks the runtime for. `FindClass`, `GetMethodID` and `GetStaticMethodID` take a class, a method and a
//! signature as texts; code that puts the addresses of such texts together in one function asks for what they name. Written from the
//! Java Native Interface specification, chapter 4. The calls themselves go through a table and are not followed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Code, Entry, EntryKind, Function, Target};
use crate::jni;

/// Most texts of one kind in one function: one that asks for more sets up a whole library.
const TEXTS_MAX: usize = 64;
/// Most functions with such texts that are told for one entry, and most steps back to entries from all of them.
const ASKING_MAX: usize = 16;
const STEPS_BACK_MAX: usize = 1 << 20;

/// What one function may ask the runtime for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asks {
    /// Where in the file the function stands.
    pub offset: u64,
    /// Classes: `android/util/Log`. Which method is of which class is not known.
    pub classes: Vec<String>,
    /// Names that methods may have, and signatures that stand beside them: `run`, `(I)V`.
    pub methods: Vec<(String, String)>,
}

impl Code<'_> {
    /// For each entry of these kinds, what the functions that it leads to may ask for, nearest first. `bytes` are the whole file.
    pub fn asks(&self, bytes: &[u8], is_asked_for: impl Fn(&EntryKind) -> bool) -> Vec<(&Entry, Vec<Asks>)> {
        let asking: BTreeMap<u64, Asks> = self
            .functions
            .iter()
            .filter_map(|(&key, function)| Some((key, self.texts(key, function, bytes)?)))
            .collect();
        if asking.is_empty() {
            return Vec::new();
        }
        let entries: Vec<&Entry> = self.entries.iter().filter(|entry| is_asked_for(&entry.kind)).collect();
        let wanted: BTreeSet<u64> = entries.iter().map(|entry| entry.function).collect();
        let found = self.askers_of(&wanted, &asking);
        let told = |entry: &&Entry| {
            let keys = found.get(&entry.function)?;
            Some(keys.iter().filter_map(|key| asking.get(key).cloned()).collect::<Vec<_>>())
        };
        entries.into_iter().filter_map(|entry| Some((entry, told(&entry)?))).collect()
    }

    /// The texts of a function, if it may ask for a method with them. A name and its signature are put together one after the other,
    /// in either order.
    fn texts(&self, key: u64, function: &Function, bytes: &[u8]) -> Option<Asks> {
        let mut asks = Asks { offset: self.offset(key), ..Asks::default() };
        let mut before: Option<&str> = None;
        for &address in &function.in_order {
            let Some(text) = self.text(address, bytes) else { continue };
            let is_signature = jni::is_signature(text);
            if !is_signature && !jni::is_method_name(text) {
                if is_class(text) && asks.classes.len() < TEXTS_MAX && !asks.classes.iter().any(|class| class == text) {
                    asks.classes.push(text.to_owned());
                }
                continue;
            }
            let pair = match before {
                Some(before) if is_signature && !jni::is_signature(before) => Some((before, text)),
                Some(before) if !is_signature && jni::is_signature(before) => Some((text, before)),
                _ => None,
            };
            if let Some((name, signature)) = pair.filter(|_| asks.methods.len() < TEXTS_MAX) {
                asks.methods.push((name.to_owned(), signature.to_owned()));
            }
            before = Some(text);
        }
        asks.methods.sort();
        asks.methods.dedup();
        (!asks.methods.is_empty()).then_some(asks)
    }

    fn text<'b>(&self, address: u64, bytes: &'b [u8]) -> Option<&'b str> {
        let at = usize::try_from(self.elf.file_offset(address)?).ok()?;
        jni::text_at(bytes, at, jni::SIGNATURE_LEN_MAX)
    }

    /// For each wanted function those that ask and that it leads to, nearest first.
    fn askers_of(&self, wanted: &BTreeSet<u64>, asking: &BTreeMap<u64, Asks>) -> BTreeMap<u64, Vec<u64>> {
        let mut callers: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for (&key, function) in &self.functions {
            for call in &function.calls {
                if let Target::Function(target) = call.target {
                    callers.entry(target).or_default().insert(key);
                }
            }
        }
        let mut found: BTreeMap<u64, Vec<(usize, u64)>> = BTreeMap::new();
        let mut left = STEPS_BACK_MAX;
        for &asker in asking.keys() {
            let mut seen = BTreeSet::from([asker]);
            let mut waiting = VecDeque::from([(asker, 0_usize)]);
            while let Some((key, calls)) = waiting.pop_front() {
                left = left.saturating_sub(1);
                if left == 0 {
                    break;
                }
                if wanted.contains(&key) {
                    found.entry(key).or_default().push((calls, asker));
                }
                let above = callers.get(&key).into_iter().flatten().filter(|caller| seen.insert(**caller));
                waiting.extend(above.map(|&caller| (caller, calls.saturating_add(1))).collect::<Vec<_>>());
            }
        }
        let nearest = |mut askers: Vec<(usize, u64)>| {
            askers.sort_unstable();
            askers.into_iter().take(ASKING_MAX).map(|(_, asker)| asker).collect()
        };
        found.into_iter().map(|(key, askers)| (key, nearest(askers))).collect()
    }
}

/// `android/util/Log`: names with slashes between them.
fn is_class(text: &str) -> bool {
    text.contains('/') && text.split('/').all(jni::is_method_name)
}
