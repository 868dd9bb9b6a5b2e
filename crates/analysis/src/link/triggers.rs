//! What makes the platform come to an entry point: itself, or the components that start its component.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use knowledge::Knowledge;

use super::{INTENT_ENTRIES, LinkApp, intents::Intents};

/// Entry points followed back from one.
const STARTERS_VISITED_MAX: usize = 256;
/// Actions named of one receiver.
const ACTIONS_NAMED_MAX: usize = 4;

/// What leads to each entry point: app and its position.
type Known = BTreeMap<(usize, u32), Rc<[String]>>;

/// Follows starts back.
pub(super) struct Triggers<'l, 'a> {
    apps: &'l [LinkApp<'a>],
    intents: &'l Intents<'a>,
    knowledge: &'l Knowledge,
    /// What was found out before: many sinks share an entry point.
    known: RefCell<Known>,
}

impl<'l, 'a> Triggers<'l, 'a> {
    pub(super) const fn new(apps: &'l [LinkApp<'a>], intents: &'l Intents<'a>, knowledge: &'l Knowledge) -> Self {
        Self { apps, intents, knowledge, known: RefCell::new(BTreeMap::new()) }
    }

    /// The entry points that lead to one through starts of components, itself among them, with what makes the platform
    /// enter there.
    pub(super) fn of(&self, app: usize, entry: u32) -> Rc<[String]> {
        if let Some(known) = self.known.borrow().get(&(app, entry)) {
            return known.clone();
        }
        let found: Rc<[String]> = self.find(app, entry).into();
        self.known.borrow_mut().insert((app, entry), found.clone());
        found
    }

    /// An entry point, with what makes the platform enter there.
    pub(super) fn words(&self, app: usize, entry: u32) -> String {
        let text = self.entry(app, entry).unwrap_or_default();
        text.split_once(' ').map_or_else(String::new, |(_, class)| self.told(app, text, class))
    }

    /// Only the entry point itself: somebody outside of the image sends there what starts it.
    pub(super) fn own(&self, app: usize, entry: u32) -> Rc<[String]> {
        Rc::from([self.words(app, entry)])
    }

    fn find(&self, app: usize, entry: u32) -> Vec<String> {
        let mut seen: BTreeSet<(usize, u32)> = BTreeSet::new();
        let mut pending = std::collections::VecDeque::from([(app, entry)]);
        let mut told = Vec::new();
        while let Some((app, entry)) = pending.pop_front() {
            if seen.len() >= STARTERS_VISITED_MAX || !seen.insert((app, entry)) {
                continue;
            }
            let Some(text) = self.entry(app, entry) else { continue };
            let Some((_, class)) = text.split_once(' ') else { continue };
            pending.extend(self.intents.starters(app, class));
            told.push(self.told(app, text, class));
        }
        told.sort();
        told.dedup();
        told
    }

    fn entry(&self, app: usize, entry: u32) -> Option<&'l str> {
        self.apps.get(app)?.facts.entries.get(entry as usize).map(String::as_str)
    }

    /// An entry point, with the actions that lead to it if broadcasts do, or the messages of a server that the platform hands to services.
    fn told(&self, app: usize, text: &str, class: &str) -> String {
        let mut actions = self.intents.actions(app, class);
        if !text.starts_with("receiver ") {
            let brings = |action: &&str| self.knowledge.table_kind(INTENT_ENTRIES, &format!("{action} ")).is_some();
            actions.retain(|action| text.starts_with("service ") && brings(action));
        }
        if actions.is_empty() {
            return text.to_owned();
        }
        let named: Vec<&str> = actions.iter().take(ACTIONS_NAMED_MAX).copied().collect();
        format!("{text} on {}", named.join(", "))
    }
}
