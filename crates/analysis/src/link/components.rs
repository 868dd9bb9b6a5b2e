//! Components and their intent filters, and whether an intent passes a filter. Written from the platform's documents on
//! intent resolution: the action test, the category test, the data test.

use std::collections::BTreeSet;

use knowledge::Knowledge;

use crate::{
    broadcasts::is_protected,
    facts::{Operation, Registration, Sent},
};

/// What every filter for activities needs, unless the intent names the component.
const DEFAULT_CATEGORY: &str = "android.intent.category.DEFAULT";

/// A kind of component that intents reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkKind {
    /// An activity or an alias of one.
    Activity,
    /// A service.
    Service,
    /// A receiver.
    Receiver,
}

/// A component of an app that intents reach.
#[derive(Debug, Clone)]
pub struct LinkComponent {
    /// What kind.
    pub kind: LinkKind,
    /// The name that intents use, with dots.
    pub name: String,
    /// Its class, with dots.
    pub class: String,
    /// Whether other apps can reach it.
    pub exported: bool,
    /// Whether every app an owner may install can reach it: exported, and behind no permission but a normal one.
    pub open: bool,
    /// Permission that a sender must hold.
    pub permission: Option<String>,
    /// Its filters.
    pub filters: Vec<LinkFilter>,
    /// Whether only intents from inside the app reach it: it is registered for local broadcasts.
    pub local: bool,
}

/// An intent filter.
#[derive(Debug, Clone, Default)]
pub struct LinkFilter {
    /// Actions.
    pub actions: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Schemes of data.
    pub schemes: Vec<String>,
    /// Hosts of data.
    pub hosts: Vec<String>,
    /// Paths of data.
    pub paths: Vec<LinkPath>,
    /// MIME types.
    pub mime_types: Vec<String>,
    /// Receivers of higher priority get ordered broadcasts first.
    pub priority: i32,
}

/// A path of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkPath {
    /// Equal.
    Exact(String),
    /// Starts with.
    Prefix(String),
    /// In the platform's simple pattern language: `.` is any character, `*` repeats the one before.
    Pattern(String),
}

impl LinkComponent {
    /// A receiver that code registers. Nobody can name it, so it hears what its filter asks for alone.
    pub(super) fn registered(registration: &Registration, protected: &BTreeSet<String>, knowledge: &Knowledge) -> Self {
        let of_platform = |action: &String| is_protected(action, protected, knowledge);
        let only_platform = !registration.actions.is_empty() && registration.actions.iter().all(of_platform);
        let known = |texts: &[String]| texts.iter().filter(|text| !text.contains('*')).cloned().collect();
        let filter = LinkFilter {
            actions: known(&registration.actions),
            categories: known(&registration.categories),
            schemes: known(&registration.schemes),
            hosts: known(&registration.hosts),
            paths: registration.paths.iter().cloned().map(LinkPath::Prefix).collect(),
            mime_types: known(&registration.mime_types),
            priority: 0,
        };
        Self {
            kind: LinkKind::Receiver,
            name: registration.class.clone(),
            class: registration.class.clone(),
            exported: !registration.local,
            open: !registration.local && registration.permission.is_empty() && !only_platform,
            permission: registration.permission.first().cloned(),
            filters: vec![filter],
            local: registration.local,
        }
    }
}

impl Operation {
    /// The kind of component that an intent sent so reaches.
    pub(super) const fn reaches(self) -> Option<LinkKind> {
        match self {
            Self::Activity | Self::ActivityForResult => Some(LinkKind::Activity),
            Self::Service | Self::Bind => Some(LinkKind::Service),
            Self::Broadcast | Self::LocalBroadcast => Some(LinkKind::Receiver),
            Self::Result | Self::PassOn | Self::Register | Self::RegisterLocal => None,
        }
    }
}

impl LinkFilter {
    /// Whether an intent passes. Of each list of alternatives one must.
    pub(super) fn lets_pass(&self, sent: &Sent, kind: LinkKind) -> bool {
        self.passes_action(sent) && self.passes_categories(sent, kind) && self.passes_data(sent)
    }

    fn passes_action(&self, sent: &Sent) -> bool {
        if sent.action.is_empty() {
            return !self.actions.is_empty();
        }
        sent.action.iter().any(|action| self.actions.contains(action))
    }

    fn passes_categories(&self, sent: &Sent, kind: LinkKind) -> bool {
        let default = kind != LinkKind::Activity || self.has_category(DEFAULT_CATEGORY);
        default && sent.categories.iter().all(|category| category.contains('*') || self.has_category(category))
    }

    fn has_category(&self, name: &str) -> bool {
        self.categories.iter().any(|category| category == name)
    }

    fn passes_data(&self, sent: &Sent) -> bool {
        let none = || vec![None];
        let some = |texts: &[String]| texts.iter().map(|text| Some(text.clone())).collect();
        let data: Vec<Option<String>> = if sent.data.is_empty() { none() } else { some(&sent.data) };
        let types: Vec<Option<String>> = if sent.mime_type.is_empty() { none() } else { some(&sent.mime_type) };
        data.iter().any(|data| types.iter().any(|ty| self.passes(data.as_deref(), ty.as_deref())))
    }

    fn passes(&self, data: Option<&str>, mime_type: Option<&str>) -> bool {
        if self.schemes.is_empty() && self.mime_types.is_empty() {
            return data.is_none() && mime_type.is_none();
        }
        let scheme = data.map(|data| data.split_once(':').map_or(data, |(scheme, _)| scheme));
        let scheme_passes = if self.schemes.is_empty() {
            matches!(scheme, None | Some("" | "content" | "file"))
        } else {
            scheme.is_some_and(|scheme| alike(scheme, |known| self.schemes.iter().any(|other| other == known)))
        };
        let type_passes = match mime_type {
            None => self.mime_types.is_empty() || data.is_some_and(|data| data.starts_with("content:")),
            Some(ty) => self.mime_types.iter().any(|known| same_type(known, ty)),
        };
        scheme_passes && type_passes && self.passes_place(data)
    }

    /// Host and path, where the filter speaks of them.
    fn passes_place(&self, data: Option<&str>) -> bool {
        if self.schemes.is_empty() || self.hosts.is_empty() {
            return true;
        }
        let Some(rest) = data.and_then(|data| data.split_once("://")).map(|(_, rest)| rest) else { return false };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let host_passes = self.hosts.iter().any(|known| match known.strip_prefix('*') {
            Some(tail) => host.ends_with(tail),
            None => alike(host, |host| host.eq_ignore_ascii_case(known)),
        });
        host_passes && (self.paths.is_empty() || self.paths.iter().any(|known| known.matches(path)))
    }
}

/// Whether a text is one that is known; text with a gap may be.
fn alike(text: &str, known: impl Fn(&str) -> bool) -> bool {
    text.contains('*') || known(text)
}

/// Whether a MIME type is of a filter's type; either may have a wildcard for a half.
fn same_type(filter: &str, ty: &str) -> bool {
    let halves = |text: &'_ str| -> (String, String) {
        let (main, sub) = text.split_once('/').unwrap_or((text, "*"));
        (main.to_owned(), sub.to_owned())
    };
    let ((main, sub), (other_main, other_sub)) = (halves(filter), halves(ty));
    let same = |a: &str, b: &str| a == "*" || b == "*" || a == b;
    same(&main, &other_main) && same(&sub, &other_sub)
}

impl LinkPath {
    fn matches(&self, path: &str) -> bool {
        if path.contains('*') {
            return true;
        }
        match self {
            Self::Exact(known) => known == path,
            Self::Prefix(known) => path.starts_with(known.as_str()),
            Self::Pattern(pattern) => glob(pattern, path),
        }
    }
}

/// The platform's simple patterns, by the set of positions of the pattern that each prefix of the text may have reached.
fn glob(pattern: &str, text: &str) -> bool {
    let tokens = tokens(pattern);
    let mut reached = vec![false; tokens.len() + 1];
    reached[0] = true;
    skip_repeated(&tokens, &mut reached);
    for character in text.chars() {
        let mut next = vec![false; tokens.len() + 1];
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| reached[*at]) {
            if token.character.is_none_or(|wanted| wanted == character) {
                next[if token.repeated { at } else { at + 1 }] = true;
            }
        }
        skip_repeated(&tokens, &mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

fn skip_repeated(tokens: &[Token], reached: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        if reached[at] && token.repeated {
            reached[at + 1] = true;
        }
    }
}

struct Token {
    /// Absent: any.
    character: Option<char>,
    repeated: bool,
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => tokens.extend(characters.next().map(|next| Token { character: Some(next), repeated: false })),
            '.' => tokens.push(Token { character: None, repeated: false }),
            '*' => {
                if let Some(last) = tokens.last_mut() {
                    last.repeated = true;
                }
            }
            other => tokens.push(Token { character: Some(other), repeated: false }),
        }
    }
    tokens
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An intent without an address but these.
    pub(in crate::link) fn sent(action: &str, data: &[&str], mime_type: &[&str]) -> Sent {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Sent {
            operation: Operation::Activity,
            component: Vec::new(),
            package: Vec::new(),
            action: vec![action.to_owned()],
            categories: Vec::new(),
            data: texts(data),
            mime_type: texts(mime_type),
            key: None,
            permission: Vec::new(),
            sender: None,
        }
    }

    fn filter(schemes: &[&str], hosts: &[&str], types: &[&str]) -> LinkFilter {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        LinkFilter {
            actions: vec!["view".to_owned()],
            categories: vec![DEFAULT_CATEGORY.to_owned()],
            schemes: texts(schemes),
            hosts: texts(hosts),
            paths: Vec::new(),
            mime_types: texts(types),
            priority: 0,
        }
    }

    #[test]
    fn data_and_type_are_tested_as_the_platform_does() {
        let pass = |filter: &LinkFilter, data: &[&str], ty: &[&str]| {
            filter.lets_pass(&sent("view", data, ty), LinkKind::Activity)
        };
        let plain = filter(&[], &[], &[]);
        assert!(pass(&plain, &[], &[]));
        assert!(!pass(&plain, &["amp://x"], &[]), "a filter without data takes no data");
        let scheme = filter(&["amp"], &[], &[]);
        assert!(pass(&scheme, &["amp://x"], &[]));
        assert!(!pass(&scheme, &["bmp://x"], &[]));
        assert!(!pass(&scheme, &[], &[]));
        assert!(!pass(&scheme, &["amp://x"], &["text/plain"]), "a filter without types takes no typed intent");
        let typed = filter(&[], &[], &["text/*"]);
        assert!(pass(&typed, &[], &["text/plain"]));
        assert!(pass(&typed, &["content://a/b"], &["text/plain"]), "content: needs no scheme in a typed filter");
        assert!(!pass(&typed, &["http://a/b"], &["text/plain"]));
        let host = filter(&["http"], &["example.org"], &[]);
        assert!(pass(&host, &["http://example.org:80/x"], &[]));
        assert!(!pass(&host, &["http://example.com/x"], &[]));
    }

    #[test]
    fn activities_need_the_default_category_and_every_category_of_the_intent() {
        let mut plain = filter(&[], &[], &[]);
        let mut intent = sent("view", &[], &[]);
        intent.categories = vec!["c".to_owned()];
        assert!(!plain.lets_pass(&intent, LinkKind::Activity));
        plain.categories.push("c".to_owned());
        assert!(plain.lets_pass(&intent, LinkKind::Activity));
        plain.categories.remove(0);
        assert!(!plain.lets_pass(&intent, LinkKind::Activity));
        assert!(plain.lets_pass(&intent, LinkKind::Receiver));
    }

    #[test]
    fn simple_patterns() {
        assert!(glob("/a.*b", "/axyzb"));
        assert!(glob("/a*b", "/aaab"));
        assert!(!glob("/a*b", "/axb"));
        assert!(glob(r"/a\.b", "/a.b"));
        assert!(!glob(r"/a\.b", "/axb"));
        assert!(glob(".*", ""));
    }
}
