//! Which intent reaches which component, across all apps, and what lets it.

use std::collections::{BTreeMap, BTreeSet};

use knowledge::Knowledge;

use super::{
    LinkApp, Node, Writer,
    components::{LinkComponent, LinkKind},
};
use crate::{
    facts::{FactAct, Letter, Operation, Sent},
    kinds::{EXTERNAL_INTENT, EXTERNAL_RESULT},
};

/// A component: app and position among its components.
type At = (usize, usize);

/// A component that an intent reaches.
#[derive(Debug, Clone)]
struct Reached {
    component: At,
    /// What lets it, between apps.
    reason: Option<String>,
    /// Whether the address is only partly known.
    partly: bool,
    /// Whether what is not known of the address may be anything.
    guessed: bool,
}

/// Every intent and every component of an image.
pub(super) struct Intents<'a> {
    apps: &'a [LinkApp<'a>],
    /// Components of the manifest and registered receivers, by app.
    components: Vec<Vec<LinkComponent>>,
    packages: BTreeMap<&'a str, Vec<usize>>,
    by_action: BTreeMap<String, Vec<At>>,
    /// What is sent to each component.
    arriving: BTreeMap<At, Vec<(Node, Reached)>>,
    /// What each activity class gives back, by app.
    results: BTreeMap<(usize, &'a str), Vec<usize>>,
    /// What each receiver class gives on with an ordered broadcast, by app.
    passed_on: BTreeMap<(usize, &'a str), Vec<usize>>,
    /// Components that each broadcast reaches.
    broadcasts: BTreeMap<Node, Vec<Reached>>,
    /// Apps whose services an app binds, with what lets it.
    bound: BTreeMap<(usize, usize), Option<String>>,
    /// Activity classes that start somebody for a result without naming whom.
    asking_anybody: BTreeSet<(usize, &'a str)>,
    /// Activities started for a result, by the class of the app that starts them.
    awaited: BTreeMap<(usize, &'a str), Vec<Reached>>,
}

/// An intent without the data addresses and types of which not even the beginning is known; nothing if no other is left.
fn what_is_known(sent: &Sent) -> Option<Sent> {
    let known = |texts: &[String]| -> Option<Vec<String>> {
        let kept: Vec<String> = texts.iter().filter(|text| !text.starts_with('*')).cloned().collect();
        (texts.is_empty() || !kept.is_empty()).then_some(kept)
    };
    Some(Sent { data: known(&sent.data)?, mime_type: known(&sent.mime_type)?, ..sent.clone() })
}

impl<'a> Intents<'a> {
    pub(super) fn new(apps: &'a [LinkApp<'a>], knowledge: &Knowledge) -> Self {
        let mut intents = Self {
            apps,
            components: Vec::with_capacity(apps.len()),
            packages: BTreeMap::new(),
            by_action: BTreeMap::new(),
            arriving: BTreeMap::new(),
            results: BTreeMap::new(),
            passed_on: BTreeMap::new(),
            broadcasts: BTreeMap::new(),
            bound: BTreeMap::new(),
            asking_anybody: BTreeSet::new(),
            awaited: BTreeMap::new(),
        };
        let protected: BTreeSet<String> = apps.iter().flat_map(|app| &app.protects).cloned().collect();
        for (number, app) in apps.iter().enumerate() {
            intents.packages.entry(app.package.as_str()).or_default().push(number);
            let registered =
                app.facts.registrations.iter().map(|one| LinkComponent::registered(one, &protected, knowledge));
            let components: Vec<LinkComponent> = app.components.iter().cloned().chain(registered).collect();
            for (position, component) in components.iter().enumerate() {
                for action in component.filters.iter().flat_map(|filter| &filter.actions) {
                    let listed = intents.by_action.entry(action.clone()).or_default();
                    if listed.last() != Some(&(number, position)) {
                        listed.push((number, position));
                    }
                }
            }
            intents.components.push(components);
        }
        intents.resolve_all();
        intents
    }

    fn resolve_all(&mut self) {
        for (number, app) in self.apps.iter().enumerate() {
            let mut known: BTreeMap<Sent, Vec<Reached>> = BTreeMap::new();
            for (position, fact) in app.facts.facts.iter().enumerate() {
                let FactAct::Send(sent) = &fact.act else { continue };
                let sender = sent.sender.as_deref().unwrap_or_default();
                match sent.operation {
                    Operation::Result => self.results.entry((number, sender)).or_default().push(position),
                    Operation::PassOn => self.passed_on.entry((number, sender)).or_default().push(position),
                    // Who gets an intent that data addresses is not known: it may be anybody.
                    Operation::ActivityForResult
                        if sent.component.iter().chain(&sent.package).all(|name| name.contains('*')) =>
                    {
                        self.asking_anybody.insert((number, sender));
                    }
                    _ => {}
                }
                // The entries of one intent go the same way.
                let whole = Sent { key: None, ..Sent::clone(sent) };
                if !known.contains_key(&whole) {
                    let reached = self.resolve(number, sent);
                    if sent.operation == Operation::Bind {
                        let others = reached.iter().map(|to| ((number, to.component.0), to.reason.clone()));
                        self.bound.extend(others);
                    }
                    if let (Operation::ActivityForResult, Some(sender)) = (sent.operation, &sent.sender) {
                        self.awaited.entry((number, sender)).or_default().extend(reached.iter().cloned());
                    }
                    if sent.operation == Operation::Broadcast && reached.len() > 1 {
                        self.broadcasts.insert((number, position), reached.clone());
                    }
                    known.insert(whole.clone(), reached);
                }
                for reached in known.get(&whole).into_iter().flatten() {
                    self.arriving.entry(reached.component).or_default().push(((number, position), reached.clone()));
                }
            }
        }
    }

    fn component(&self, at: At) -> Option<&LinkComponent> {
        self.components.get(at.0)?.get(at.1)
    }

    fn resolve(&self, app: usize, sent: &Sent) -> Vec<Reached> {
        let Some(kind) = sent.operation.reaches() else { return Vec::new() };
        // Since Android 5 services are started and bound by component: apps ask the platform which component takes their action,
        // and name that one. Of such a component nothing is known but that it takes the action.
        let is_asked_for = sent.component.iter().all(|name| !name.contains(char::is_alphanumeric))
            && sent.action.iter().any(|action| !action.contains('*'));
        let is_implicit = sent.component.is_empty() || is_asked_for;
        let candidates = if is_implicit { self.implicit(sent, kind) } else { self.explicit(app, sent) };
        let known = what_is_known(sent);
        let mut found: Vec<Reached> = Vec::new();
        for (at, partly) in candidates {
            let Some(component) = self.component(at) else { continue };
            // Some app of a device takes any kind of data: an address that nothing is known of would join all to all.
            let is_known = || {
                let passes = |sent: &Sent| component.filters.iter().any(|filter| filter.lets_pass(sent, kind));
                known.as_ref().is_some_and(passes)
            };
            if is_implicit && at.0 != app && !is_known() {
                continue;
            }
            let local = sent.operation == Operation::LocalBroadcast;
            if component.kind != kind || component.local != local || (local && at.0 != app) {
                continue;
            }
            let in_package = sent.package.is_empty()
                || sent.package.iter().any(|package| self.own_name(app, package) == self.package(at.0));
            if !in_package || found.iter().any(|known| known.component == at) {
                continue;
            }
            // A service is often named by what the platform says takes the action: then nothing else needs to be known.
            let asked_service = kind == LinkKind::Service && is_asked_for;
            let is_open = |texts: &[String]| texts.iter().any(|text| text.contains('*'));
            let guessed =
                is_implicit && partly && !(asked_service && !is_open(&sent.data) && !is_open(&sent.mime_type));
            if let Ok(reason) = self.may_reach(app, sent, at) {
                found.push(Reached { component: at, reason, partly, guessed });
            }
        }
        found
    }

    fn package(&self, app: usize) -> &str {
        self.apps.get(app).map_or("", |app| &app.package)
    }

    /// A name in which `self` stands for the app's own package.
    fn own_name(&self, app: usize, name: &str) -> String {
        match name.strip_prefix("self") {
            Some(rest) if rest.is_empty() || rest.starts_with(['.', '/']) => format!("{}{rest}", self.package(app)),
            _ => name.to_owned(),
        }
    }

    /// Components that an intent names.
    fn explicit(&self, app: usize, sent: &Sent) -> Vec<(At, bool)> {
        let mut found = Vec::new();
        for name in sent.component.iter().filter(|name| !name.contains('*')) {
            let name = self.own_name(app, name);
            let (apps, class) = match name.split_once('/') {
                None => (vec![app], name.as_str()),
                Some((package, class)) => (self.packages.get(package).cloned().unwrap_or_default(), class),
            };
            for other in apps {
                let class =
                    if class.starts_with('.') { format!("{}{class}", self.package(other)) } else { class.to_owned() };
                let named = self.components.get(other).into_iter().flatten().enumerate();
                let named = named.filter(|(_, component)| component.name == class);
                found.extend(named.map(|(position, _)| ((other, position), sent.component.len() > 1)));
            }
        }
        found
    }

    /// Components whose filters let an intent pass.
    fn implicit(&self, sent: &Sent, kind: LinkKind) -> Vec<(At, bool)> {
        let known = sent.action.iter().filter(|action| !action.contains('*'));
        let mut candidates: Vec<At> =
            known.flat_map(|action| self.by_action.get(action.as_str())).flatten().copied().collect();
        if sent.action.is_empty() && !(sent.data.is_empty() && sent.mime_type.is_empty()) {
            candidates.extend(self.by_action.values().flatten());
        }
        candidates.sort_unstable();
        candidates.dedup();
        let texts = sent.data.iter().chain(&sent.mime_type).chain(&sent.component);
        let partly = texts.into_iter().any(|text| text.contains('*'));
        candidates.retain(|&at| {
            self.component(at)
                .is_some_and(|component| component.filters.iter().any(|filter| filter.lets_pass(sent, kind)))
        });
        candidates.into_iter().map(|at| (at, partly)).collect()
    }

    /// What lets an intent reach a component of an app, or nothing if the platform stops it.
    fn may_reach(&self, from: usize, sent: &Sent, at: At) -> Result<Option<String>, ()> {
        let (Some(sender), Some(server), Some(to)) = (self.apps.get(from), self.apps.get(at.0), self.component(at))
        else {
            return Err(());
        };
        let demanded = sent.permission.iter().filter(|permission| !permission.contains('*'));
        let missing = demanded.clone().any(|wanted| !server.core_user && !server.permissions.contains(wanted));
        if missing {
            return Err(());
        }
        let demanded = demanded.map(|wanted| format!("; {} holds {wanted}, which the sender asks for", server.package));
        let demanded: String = demanded.collect();
        if from == at.0 {
            return Ok(None);
        }
        let (from, class) = (&sender.package, &to.class);
        if sender.owner == server.owner {
            return Ok(Some(format!("{from} runs as the same user as {class}{demanded}")));
        }
        if sender.core_user {
            return Ok(Some(format!(
                "{from} runs as a core user, which no permission check stops at {class}{demanded}"
            )));
        }
        match &to.permission {
            _ if !to.exported => Err(()),
            None => Ok(Some(format!("{class} is exported without a permission: every app may send to it{demanded}"))),
            Some(permission) if sender.permissions.contains(permission) => {
                Ok(Some(format!("{class} is exported; {from} holds {permission}{demanded}")))
            }
            Some(_) => Err(()),
        }
    }

    /// Components of an app that are of a class or below it.
    fn of_class(&self, app: usize, class: &str) -> Vec<usize> {
        let components = self.components.get(app).into_iter().flatten().enumerate();
        components.filter(|(_, component)| self.is_of(app, &component.class, class)).map(|(at, _)| at).collect()
    }

    fn is_of(&self, app: usize, class: &str, wanted: &str) -> bool {
        let ancestors = self.apps.get(app).and_then(|app| app.facts.ancestors.get(class));
        class == wanted || ancestors.is_some_and(|ancestors| ancestors.iter().any(|ancestor| ancestor == wanted))
    }

    /// Facts that send what a component of this class reads.
    pub(super) fn writers(&self, app: usize, class: &str, letter: Letter, key: Option<&str>) -> Vec<Writer> {
        let mut found = Vec::new();
        for component in self.of_class(app, class) {
            let at = (app, component);
            match letter {
                Letter::Intent | Letter::OfPlatform => {
                    for (node, reached) in self.arriving.get(&at).into_iter().flatten() {
                        self.add(*node, reached, key, &mut found);
                    }
                }
                Letter::Result => self.result_writers(at, key, &mut found),
                Letter::PassedOn => self.passed_on_writers(at, &mut found),
            }
        }
        found
    }

    /// What the activities that one has started for a result give back.
    fn result_writers(&self, at: At, key: Option<&str>, found: &mut Vec<Writer>) {
        let Some(component) = self.component(at) else { return };
        let waiting = self.awaited.range((at.0, "")..).take_while(|((app, _), _)| *app == at.0);
        for ((_, starter), reached) in waiting {
            if !self.is_of(at.0, &component.class, starter) && !self.is_of(at.0, starter, &component.class) {
                continue;
            }
            for reached in reached {
                let (server, position) = reached.component;
                let Some(started) = self.component((server, position)) else { continue };
                let given = self.results.range((server, "")..).take_while(|((app, _), _)| *app == server);
                for ((_, giver), facts) in given {
                    if self.is_of(server, &started.class, giver) {
                        facts.iter().for_each(|&fact| self.add((server, fact), reached, key, found));
                    }
                }
            }
        }
    }

    /// What receivers of the same broadcasts give on to one that comes after them.
    fn passed_on_writers(&self, at: At, found: &mut Vec<Writer>) {
        let priority = |at: At| {
            let filters = self.component(at).map(|component| component.filters.as_slice()).unwrap_or_default();
            filters.iter().map(|filter| filter.priority).max().unwrap_or(0)
        };
        for (node, _) in self.arriving.get(&at).into_iter().flatten() {
            let before = self.broadcasts.get(node).into_iter().flatten();
            for before in before.filter(|before| before.component != at && priority(before.component) >= priority(at)) {
                let server = before.component.0;
                let Some(giver) = self.component(before.component) else { continue };
                let given = self.passed_on.range((server, "")..).take_while(|((app, _), _)| *app == server);
                for (_, facts) in given.filter(|((_, class), _)| self.is_of(server, &giver.class, class)) {
                    facts.iter().for_each(|&fact| self.add((server, fact), before, None, found));
                }
            }
        }
    }

    /// Whether one of two apps binds a service of the other, and what lets it.
    pub(super) fn bound(&self, one: usize, other: usize) -> Option<Option<String>> {
        self.bound.get(&(one, other)).or_else(|| self.bound.get(&(other, one))).cloned()
    }

    fn add(&self, node: Node, reached: &Reached, key: Option<&str>, found: &mut Vec<Writer>) {
        let fact = self.apps.get(node.0).and_then(|app| app.facts.facts.get(node.1));
        let Some(FactAct::Send(sent)) = fact.map(|fact| &fact.act) else { return };
        let same_key = match (&sent.key, key) {
            (Some(written), Some(read)) => written == read,
            _ => true,
        };
        if same_key {
            found.push(Writer { app: node.0, fact: node.1, reason: reached.reason.clone(), partly: reached.partly });
        }
    }

    /// What a component of this class is sent by apps that an owner may install, as a kind of data.
    pub(super) fn outside_kind(&self, app: usize, class: &str, letter: Letter) -> Option<&'static str> {
        match letter {
            Letter::Intent => self.is_open(app, class).then_some(EXTERNAL_INTENT),
            // Of actions that the platform alone may broadcast, activities and services are sent as many as anybody likes.
            Letter::OfPlatform => {
                let mut open = self.of_class(app, class).into_iter().filter_map(|at| self.component((app, at)));
                open.any(|to| to.open && to.kind != LinkKind::Receiver).then_some(EXTERNAL_INTENT)
            }
            Letter::Result => {
                let mut asking = self.asking_anybody.range((app, "")..).take_while(|(other, _)| *other == app);
                asking
                    .any(|(_, asker)| self.is_of(app, class, asker) || self.is_of(app, asker, class))
                    .then_some(EXTERNAL_RESULT)
            }
            Letter::PassedOn => None,
        }
    }

    /// Whether any app that an owner installs may send to a component of this class.
    fn is_open(&self, app: usize, class: &str) -> bool {
        self.of_class(app, class).iter().any(|&at| self.component((app, at)).is_some_and(|to| to.open))
    }

    /// The kind of sink that sending an intent is, if other apps may get it.
    pub(super) fn sink_kind(&self, app: usize, sent: &Sent) -> Option<&'static str> {
        match sent.operation {
            Operation::Result => {
                let sender = sent.sender.as_deref()?;
                self.is_open(app, sender).then_some("activity_result")
            }
            Operation::PassOn | Operation::LocalBroadcast | Operation::Register | Operation::RegisterLocal => None,
            _ if !sent.component.is_empty() && sent.component.iter().all(|name| name.contains('*')) => {
                Some("unresolved_intent")
            }
            _ if !sent.component.is_empty() || !sent.package.is_empty() => None,
            Operation::Activity | Operation::ActivityForResult | Operation::Service | Operation::Bind => {
                Some("implicit_intent")
            }
            Operation::Broadcast if sent.permission.is_empty() => Some("open_broadcast"),
            Operation::Broadcast => None,
        }
    }

    /// Entry points that start a component, as positions of (app, entry). An address of which some part is not known may be that
    /// of any component: what it may bring counts, that it starts each of them is not said.
    pub(super) fn starters(&self, app: usize, class: &str) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        for component in self.of_class(app, class) {
            for (node, _) in self.arriving.get(&(app, component)).into_iter().flatten().filter(|(_, to)| !to.guessed) {
                let fact = self.apps.get(node.0).and_then(|app| app.facts.facts.get(node.1));
                found.extend(fact.and_then(|fact| fact.entry).map(|entry| (node.0, entry)));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Entry points that start a component without the user, as positions of (app, entry).
    pub(super) fn starters_without_user(&self, app: usize, class: &str) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        for component in self.of_class(app, class) {
            for (node, _) in self.arriving.get(&(app, component)).into_iter().flatten().filter(|(_, to)| !to.guessed) {
                let fact = self.apps.get(node.0).and_then(|app| app.facts.facts.get(node.1));
                found.extend(fact.and_then(|fact| fact.without_user).map(|entry| (node.0, entry)));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What components of this class may read of an intent: each action that their filters name, with the entry.
    pub(super) fn entries_read(&self, app: usize, class: &str, key: Option<&str>) -> Vec<String> {
        let components = self.of_class(app, class).into_iter().filter_map(|at| self.component((app, at)));
        let actions = components.flat_map(|component| &component.filters).flat_map(|filter| &filter.actions);
        let read: BTreeSet<String> = actions.map(|action| format!("{action} {}", key.unwrap_or_default())).collect();
        read.into_iter().collect()
    }

    /// Actions that the filters of a component name.
    pub(super) fn actions(&self, app: usize, class: &str) -> Vec<&str> {
        let components = self.components.get(app).into_iter().flatten().filter(|component| component.class == class);
        let actions = components.flat_map(|component| &component.filters).flat_map(|filter| &filter.actions);
        let mut actions: Vec<&str> = actions.map(String::as_str).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(data: &[&str], mime_type: &[&str]) -> Sent {
        crate::link::components::tests::sent("view", data, mime_type)
    }

    #[test]
    fn an_address_of_which_nothing_is_known_reaches_no_other_app() {
        assert_eq!(what_is_known(&sent(&["*"], &[])), None);
        assert_eq!(what_is_known(&sent(&["http://*"], &["*/html"])), None);
        assert_eq!(what_is_known(&sent(&["*", "http://*"], &[])), Some(sent(&["http://*"], &[])));
        assert_eq!(what_is_known(&sent(&[], &[])), Some(sent(&[], &[])), "the action alone is an address");
    }
}
