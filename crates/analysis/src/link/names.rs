//! Whether two names of a store, each perhaps only partly known, may mean the same store.

use crate::engine::uris::{parts, path_fits};

/// How sure it is that two names mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sameness {
    /// Both known in full, and equal.
    Equal,
    /// Their known parts agree, and say enough to tell them from others.
    Alike,
}

/// Fewer known characters than this tell nothing.
const TELLING_CHARACTERS_MIN: usize = 4;

/// The best match between two lists of names.
pub(crate) fn best_match(written: &[String], read: &[String]) -> Option<Sameness> {
    let pairs = written.iter().flat_map(|a| read.iter().map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| same(a, b)).min()
}

/// Compares two names, in which `*` stands for what is not known.
fn same(a: &str, b: &str) -> Option<Sameness> {
    if !a.contains('*') && !b.contains('*') {
        // A number or nothing at all is no name: what computes one often yields it where it knows no better.
        let is_name = a.chars().any(char::is_alphabetic);
        return (a == b).then_some(if is_name { Sameness::Equal } else { Sameness::Alike });
    }
    let (a_ends, b_ends) = (ends(a), ends(b));
    let starts_agree = a_ends.0.starts_with(b_ends.0) || b_ends.0.starts_with(a_ends.0);
    let tails_agree = a_ends.1.ends_with(b_ends.1) || b_ends.1.ends_with(a_ends.1);
    if !starts_agree || !tails_agree {
        return None;
    }
    // What both know at an end must say something: a path's last component, say.
    let common = shorter(a_ends.0, b_ends.0).max(shorter(a_ends.1, b_ends.1));
    (common >= TELLING_CHARACTERS_MIN).then_some(Sameness::Alike)
}

/// Known text before the first and after the last gap; the whole for both if there is none.
fn ends(name: &str) -> (&str, &str) {
    match (name.split_once('*'), name.rsplit_once('*')) {
        (Some((start, _)), Some((_, end))) => (start, end),
        _ => (name, name),
    }
}

fn shorter(a: &str, b: &str) -> usize {
    a.chars().count().min(b.chars().count())
}

/// Whether a request for a URI gets the answer for one that the code of a provider speaks of, which may have wildcards.
pub(crate) fn is_asked_for(spoken: &str, uri: &str) -> bool {
    let spoken = spoken.strip_prefix("content://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
    match (spoken, parts(uri)) {
        (Some((authority, path)), Some((asked, under))) => authority == asked && path_fits(path, under),
        _ => false,
    }
}

/// The authority of a content URI; nothing if it is not known in full.
pub(crate) fn authority(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("content://")?;
    let authority = rest.split_once(['/', '?', '#']).map_or(rest, |(authority, _)| authority);
    let authority = authority.split_once('@').map_or(authority, |(_, authority)| authority);
    (!authority.is_empty() && !authority.contains('*')).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parts_must_agree() {
        assert_eq!(same("/data/a.json", "/data/a.json"), Some(Sameness::Equal));
        assert_eq!(same("/data/a.json", "/data/b.json"), None);
        assert_eq!(same("*/messages.json", "/data/messages.json"), Some(Sameness::Alike));
        assert_eq!(same("*/messages.json", "*messages.json"), Some(Sameness::Alike));
        assert_eq!(same("*/messages.json", "*/calls.json"), None);
        assert_eq!(same("*", "/data/messages.json"), None);
        assert_eq!(same("/sdcard/*", "/data/*"), None);
        assert_eq!(same("0", "0"), Some(Sameness::Alike), "no name");
        assert_eq!(same("", ""), Some(Sameness::Alike), "no name");
    }

    #[test]
    fn an_answer_is_for_the_path_that_was_asked_for() {
        assert!(is_asked_for("content://org.example/msg", "content://org.example/msg?limit=1"));
        assert!(is_asked_for("content://org.example/msg/#", "content://org.example/msg/7"));
        assert!(!is_asked_for("content://org.example/msg", "content://org.example/call"));
        assert!(!is_asked_for("content://org.example/msg", "content://org.example.other/msg"));
    }

    #[test]
    fn an_authority_must_be_known_in_full() {
        assert_eq!(authority("content://org.example.info/msg"), Some("org.example.info"));
        assert_eq!(authority("content://0@sms"), Some("sms"));
        assert_eq!(authority("content://*"), None);
        assert_eq!(authority("content://org*/x"), None);
        assert_eq!(authority("http://sms"), None);
    }
}
