//! What an app's code names: methods and texts of the knowledge files, without following anything.

use std::collections::{BTreeMap, BTreeSet};

use code::{MethodId, Program, StringId};
use findings::HiddenString;
use knowledge::{Knowledge, matches_pattern};

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
    let with_texts: Vec<_> = knowledge.markers.iter().filter(|marker| !marker.texts.is_empty()).collect();
    let mut schemes = (false, false);
    let mut look = |text: &str| {
        schemes.0 |= text.starts_with("http://");
        schemes.1 |= text.starts_with("https://");
        for marker in &with_texts {
            if marker.texts.iter().any(|pattern| matches_pattern(pattern, text)) {
                found.insert(marker.id.clone());
            }
        }
    };
    for id in 0..program.string_count() {
        look(program.text(StringId(u32::try_from(id).unwrap_or(u32::MAX))));
    }
    hidden.iter().for_each(|hidden| look(&hidden.value));
    (found, schemes)
}
