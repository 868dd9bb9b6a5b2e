//! Whether an entry point is come to without the user: what the platform or another app starts by itself, what an activity that is opened
//! starts, and what is started by these.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::{Hop, LinkApp, LinkKind, intents::Intents, triggers::Triggers};

/// Components followed back from one.
const STARTERS_FOLLOWED_MAX: usize = 64;

/// What a way needs of the user before it begins, rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Nothing: a broadcast, or another app, starts it.
    Nothing,
    /// That an activity is opened: by them or by another app.
    Opening,
}

/// What is known of each entry point: by app and position.
type Known = BTreeMap<(usize, u32), Option<(Needs, Rc<str>)>>;

/// Ways that begin without the user.
pub(super) struct WithoutUser<'l, 'a> {
    apps: &'l [LinkApp<'a>],
    intents: &'l Intents<'a>,
    known: RefCell<Known>,
}

impl<'l, 'a> WithoutUser<'l, 'a> {
    pub(super) const fn new(apps: &'l [LinkApp<'a>], intents: &'l Intents<'a>) -> Self {
        Self { apps, intents, known: RefCell::new(BTreeMap::new()) }
    }

    /// What a way needs of the user, and the entry point that says so, if no part of it waits for them.
    pub(super) fn way(&self, chain: &[Hop], triggers: &Triggers<'_, '_>) -> Option<(Needs, Rc<str>)> {
        let mut most: Option<(Needs, Rc<str>)> = None;
        for hop in chain {
            let fact = self.apps.get(hop.app)?.facts.facts.get(hop.fact)?;
            let entry = fact.without_user.filter(|_| fact.data.get(hop.data).is_none_or(|data| !data.passes_user))?;
            let needs = self.entry(hop.app, entry, triggers)?;
            if most.as_ref().is_none_or(|(known, _)| *known < needs.0) {
                most = Some(needs);
            }
        }
        most
    }

    fn entry(&self, app: usize, entry: u32, triggers: &Triggers<'_, '_>) -> Option<(Needs, Rc<str>)> {
        if let Some(known) = self.known.borrow().get(&(app, entry)) {
            return known.clone();
        }
        let found = self.find(app, entry).map(|(needs, app, entry)| (needs, triggers.words(app, entry).into()));
        self.known.borrow_mut().insert((app, entry), found.clone());
        found
    }

    /// The entry point that needs least, of one and of those that start it without the user.
    fn find(&self, app: usize, entry: u32) -> Option<(Needs, usize, u32)> {
        let mut seen = vec![(app, entry)];
        let mut best: Option<(Needs, usize, u32)> = None;
        let mut at = 0;
        while let Some(&(app, entry)) = seen.get(at) {
            at += 1;
            let link = self.apps.get(app)?;
            let Some((kind, class)) = link.facts.entries.get(entry as usize).and_then(|text| text.split_once(' '))
            else {
                continue;
            };
            match self.started_by_others(link, app, kind, class) {
                Some(Needs::Nothing) => return Some((Needs::Nothing, app, entry)),
                Some(needs) if best.is_none() => best = Some((needs, app, entry)),
                _ => {}
            }
            for starter in self.intents.starters_without_user(app, class) {
                if seen.len() < STARTERS_FOLLOWED_MAX && !seen.contains(&starter) {
                    seen.push(starter);
                }
            }
        }
        best
    }

    /// What the platform and other apps need to start a component; nothing if only the app itself does.
    fn started_by_others(&self, link: &LinkApp<'_>, app: usize, kind: &str, class: &str) -> Option<Needs> {
        let mut components = link.components.iter().filter(|component| component.exported);
        match kind {
            "receiver" => {
                let heard = !self.intents.actions(app, class).is_empty();
                (heard || components.any(|component| component.class == class)).then_some(Needs::Nothing)
            }
            "service" => components.any(|component| component.class == class).then_some(Needs::Nothing),
            "activity" => components.any(|component| component.class == class).then_some(Needs::Opening),
            "provider" => {
                let mut providers = link.providers.iter();
                providers.any(|provider| provider.class == class && provider.exported).then_some(Needs::Nothing)
            }
            // The process starts with whatever is asked of the app first.
            "application" => {
                let kinds: Vec<LinkKind> = components.map(|component| component.kind).collect();
                let alone = kinds.iter().any(|kind| *kind != LinkKind::Activity);
                alone.then_some(Needs::Nothing).or_else(|| (!kinds.is_empty()).then_some(Needs::Opening))
            }
            _ => None,
        }
    }
}
