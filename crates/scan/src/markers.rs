//! What an app's code names: methods and texts of the knowledge files, without following anything.

use std::collections::{BTreeMap, BTreeSet};

use code::{MethodId, Program, StringId};
use findings::HiddenString;
use knowledge::{Knowledge, matches_pattern};
use memchr::memmem;

/// Ids of the markers found, and whether an `http:` and an `https:` address is in the strings.
pub(crate) fn found_in(
    program: &Program,
    hidden: &[HiddenString],
    knowledge: &Knowledge,
) -> (BTreeSet<String>, (bool, bool)) {
    let mut found = BTreeSet::new();
    let mut by_method: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for marker in &knowledge.markers {
        for (class, name) in &marker.methods {
            by_method.entry((class, name)).or_default().push(&marker.id);
        }
    }
    for id in 0..program.method_count() {
        // Ids are counted in 32 bits.
        let Some(method) = program.method(MethodId(u32::try_from(id).unwrap_or(u32::MAX))) else { continue };
        let key = (program.descriptor(method.class), program.text(method.name));
        if let Some(ids) = by_method.get(&key) {
            found.extend(ids.iter().map(|id| (*id).to_owned()));
        }
    }
    // Nearly no text of an app has what the longest part of a pattern says: that is looked for first.
    let longest = |pattern: &str| {
        pattern.split('*').max_by_key(|part| part.len()).map(memmem::Finder::new).map(memmem::Finder::into_owned)
    };
    let patterns: Vec<_> = knowledge
        .markers
        .iter()
        .flat_map(|marker| marker.texts.iter().map(move |pattern| (longest(pattern), pattern, &marker.id)))
        .collect();
    let mut schemes = (false, false);
    let mut look = |text: &str| {
        schemes.0 |= text.starts_with("http://");
        schemes.1 |= text.starts_with("https://");
        for (part, pattern, id) in &patterns {
            let may_match = part.as_ref().is_none_or(|part| part.find(text.as_bytes()).is_some());
            if may_match && matches_pattern(pattern, text) {
                found.insert((*id).clone());
            }
        }
    };
    for id in 0..program.string_count() {
        look(program.text(StringId(u32::try_from(id).unwrap_or(u32::MAX))));
    }
    hidden.iter().for_each(|hidden| look(&hidden.value));
    (found, schemes)
}
