//! Parts of URIs, comparisons with texts, and the table of an `UriMatcher`: what a provider tells its answers apart by.
//!
//! Written from the documentation of `android.net.Uri`, `android.content.UriMatcher` and `java.lang.String`.

use std::rc::Rc;

use super::{frame::Frame, library::LibraryCall};
use crate::domain::{
    tags::Tag,
    text::{Constants, Symbol},
    value::Value,
};

/// What `UriMatcher.match` yields for a URI that no entry fits.
const NO_MATCH: i64 = -1;
/// Most entries of the matchers of one app.
const ROUTES_MAX: usize = 512;

/// An entry of a `UriMatcher`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) authority: Rc<str>,
    /// Without leading slash; `#` is any number, `*` any text of one segment.
    pub(crate) path: Rc<str>,
    pub(crate) code: i64,
}

impl Route {
    fn fits(&self, uri: &str) -> bool {
        let Some((authority, path)) = parts(uri) else { return false };
        *self.authority == *authority && path_fits(&self.path, path)
    }
}

/// Whether a path is one of those a pattern with wildcards means.
pub(crate) fn path_fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (segments(pattern), segments(path));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some("#"), Some(segment)) if segment.bytes().all(|byte| byte.is_ascii_digit()) => {}
            (Some(wanted), Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Authority and path of a content URI, without query and fragment.
pub(crate) fn parts(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("content://")?;
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

impl Frame<'_, '_> {
    /// Parts of a URI, and what a matcher says of it.
    pub(crate) fn computed_by_uri(&mut self, call: &LibraryCall<'_>, name: &str) -> Option<Constants> {
        match name {
            "addURI" => {
                self.note_route(call);
                None
            }
            "match" => {
                let uri = self.exact_text(call.arguments.first()?)?;
                let fitting = self.app.routes.iter().filter(|route| route.fits(&uri)).map(|route| route.code);
                let mut codes = Constants::default();
                fitting.for_each(|code| codes.add(Symbol::Number(code)));
                if codes.symbols().is_empty() {
                    codes.add(Symbol::Number(NO_MATCH));
                }
                Some(codes)
            }
            "getLastPathSegment"
            | "getPath"
            | "getEncodedPath"
            | "getAuthority"
            | "getHost"
            | "getEncodedAuthority" => {
                let uri = self.exact_text(call.receiver?)?;
                let (authority, path) = parts(&uri)?;
                let part = match name {
                    "getLastPathSegment" => segments(path).last()?.to_owned(),
                    "getPath" | "getEncodedPath" => format!("/{path}"),
                    _ => authority.to_owned(),
                };
                Some(Constants::one(Symbol::Text(self.app.tables.patterns.literal(&part))))
            }
            "equals" => self.compared(call, name),
            _ => None,
        }
    }

    fn note_route(&mut self, call: &LibraryCall<'_>) -> Option<()> {
        let [authority, path, code] = call.arguments else { return None };
        let (authority, path) = (self.exact_text(authority)?, self.exact_text(path)?);
        let route = Route { authority, path: path.trim_start_matches('/').into(), code: code.constants.number()? };
        let routes = &mut self.app.routes;
        if routes.len() < ROUTES_MAX
            && let Err(at) = routes.binary_search(&route)
        {
            routes.insert(at, route);
        }
        Some(())
    }

    /// Comparisons of texts that are both known.
    pub(crate) fn compared(&mut self, call: &LibraryCall<'_>, name: &str) -> Option<Constants> {
        let (left, right) = match (call.receiver, call.arguments) {
            (Some(receiver), [other, ..]) => (receiver, Some(other)),
            (Some(receiver), []) => (receiver, None),
            (None, [left, right]) => (left, Some(right)),
            (None, _) => return None,
        };
        let left = self.exact_text(left)?;
        if name == "hashCode" {
            return Some(Constants::one(Symbol::Number(i64::from(hash_code(&left)))));
        }
        let right = self.exact_text(right?)?;
        let holds = match name {
            "equals" | "contentEquals" => left == right,
            "equalsIgnoreCase" => left.eq_ignore_ascii_case(&right),
            "startsWith" => left.starts_with(&*right),
            "endsWith" => left.ends_with(&*right),
            "contains" => left.contains(&*right),
            _ => return None,
        };
        Some(Constants::one(Symbol::Number(i64::from(holds))))
    }

    /// The text of a value, if it is this and no other: data that comes in may have any.
    fn exact_text(&mut self, value: &Value) -> Option<Rc<str>> {
        if self.deep_tags(value).iter().any(|tagged| matches!(tagged.tag, Tag::Source(_))) {
            return None;
        }
        match self.text(value).single()? {
            Symbol::Text(id) => self.app.tables.patterns.exact(id),
            Symbol::Null | Symbol::Number(_) | Symbol::Class(_) => None,
        }
    }
}

/// `String.hashCode`, which switches over strings compare first.
fn hash_code(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_a_matcher_fit_whole_segments() {
        let route = |path: &str| Route { authority: "org.example".into(), path: path.into(), code: 1 };
        assert!(route("msg").fits("content://org.example/msg"));
        assert!(route("msg").fits("content://org.example/msg/?limit=1"));
        assert!(!route("msg").fits("content://org.example/msg/1"));
        assert!(route("msg/#").fits("content://org.example/msg/1"));
        assert!(!route("msg/#").fits("content://org.example/msg/one"));
        assert!(route("*/one").fits("content://org.example/msg/one"));
        assert!(!route("msg").fits("content://org.example.other/msg"));
        assert!(!route("msg").fits("http://org.example/msg"));
    }

    #[test]
    fn hashes_are_those_of_the_documents() {
        // s[0]*31^(n-1) + ... + s[n-1], as the documentation of java.lang.String says; "msg" is 109*961 + 115*31 + 103.
        assert_eq!(hash_code("msg"), 108_417);
        assert_eq!(hash_code(""), 0);
    }
}
