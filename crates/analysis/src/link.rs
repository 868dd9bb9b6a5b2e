//! Joining what the apps of an image do: fields, files, databases within an app or a shared user, content providers
//! between apps. A join is made only where the platform lets it happen, and says why.

mod names;

use std::collections::{BTreeMap, VecDeque};

use knowledge::Knowledge;

use crate::{
    facts::{AppFacts, Fact, FactAct, FactWhat},
    kinds::PROVIDER,
};

/// Longest chain of stores one flow may pass.
const CHAIN_FACTS_MAX: usize = 12;
/// How many facts one search visits; more is cut, and counted.
const FACTS_VISITED_MAX: usize = 20_000;

/// One app of the image, as linking needs it.
#[derive(Debug, Clone)]
pub struct LinkApp<'a> {
    /// Package name.
    pub package: String,
    /// Apps with equal owners share files: the shared user id, else the package.
    pub owner: String,
    /// Whether it runs as a core user of the system, which bypasses permission checks.
    pub core_user: bool,
    /// Names of the permissions it holds.
    pub permissions: Vec<String>,
    /// Its content providers.
    pub providers: Vec<LinkProvider>,
    /// What it does.
    pub facts: &'a AppFacts,
}

/// A content provider of an app.
#[derive(Debug, Clone)]
pub struct LinkProvider {
    /// Class, with dots.
    pub class: String,
    /// Authorities.
    pub authorities: Vec<String>,
    /// Whether other apps can reach it.
    pub exported: bool,
    /// Permission a reader needs.
    pub read_permission: Option<String>,
}

/// A way of data from where it comes from to where it leaves.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Kind of the data.
    pub source: String,
    /// What the value said about it: URIs, addresses.
    pub source_details: Vec<String>,
    /// The facts it passes, from the sink back: app, fact, position of the data in it.
    pub chain: Vec<Hop>,
    /// What lets each join between apps happen.
    pub permissions: Vec<String>,
    /// Whether the name of some store on the way was only partly known.
    pub name_partly_known: bool,
}

/// One fact of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop {
    /// Position of the app.
    pub app: usize,
    /// Position of the fact in it.
    pub fact: usize,
    /// Position of the data in the fact.
    pub data: usize,
}

/// All flows of an image, by sink, and how many searches were cut.
#[must_use]
pub fn link(apps: &[LinkApp<'_>], knowledge: &Knowledge) -> (Vec<Flow>, u64) {
    let linker = Linker { apps, knowledge, writers: Writers::new(apps) };
    let (mut flows, mut cuts) = (Vec::new(), 0);
    for (app, link) in apps.iter().enumerate() {
        for (fact, found) in link.facts.facts.iter().enumerate() {
            if matches!(found.act, FactAct::Sink(_) | FactAct::Reply(_)) {
                cuts += u64::from(linker.flows_to(app, fact, &mut flows));
            }
        }
    }
    (flows, cuts)
}

/// Facts that fill a store or field, by app or owner.
struct Writers<'a> {
    fields: BTreeMap<(usize, &'a str), Vec<usize>>,
    stores: BTreeMap<(&'a str, &'a str), Vec<(usize, usize)>>,
    replies: BTreeMap<(usize, &'a str), Vec<usize>>,
}

impl<'a> Writers<'a> {
    fn new(apps: &'a [LinkApp<'a>]) -> Self {
        let mut writers = Self { fields: BTreeMap::new(), stores: BTreeMap::new(), replies: BTreeMap::new() };
        for (app, link) in apps.iter().enumerate() {
            for (fact, found) in link.facts.facts.iter().enumerate() {
                match &found.act {
                    FactAct::Field(field) => writers.fields.entry((app, field)).or_default().push(fact),
                    FactAct::Store(kind) => {
                        writers.stores.entry((link.owner.as_str(), kind)).or_default().push((app, fact));
                    }
                    FactAct::Reply(class) => writers.replies.entry((app, class)).or_default().push(fact),
                    FactAct::Sink(_) => {}
                }
            }
        }
        writers
    }
}

/// A place of the search.
struct Visit {
    chain: Vec<Hop>,
    permissions: Vec<String>,
    name_partly_known: bool,
}

struct Linker<'a> {
    apps: &'a [LinkApp<'a>],
    knowledge: &'a Knowledge,
    writers: Writers<'a>,
}

impl Linker<'_> {
    /// Finds, breadth first, where the data of a sink comes from; whether the search was cut.
    fn flows_to(&self, app: usize, fact: usize, flows: &mut Vec<Flow>) -> bool {
        let mut pending: VecDeque<Visit> = VecDeque::new();
        let mut seen: std::collections::BTreeSet<(usize, usize)> = [(app, fact)].into();
        self.enter(
            app,
            fact,
            &Visit { chain: Vec::new(), permissions: Vec::new(), name_partly_known: false },
            &mut pending,
        );
        let mut visited = 0;
        while let Some(visit) = pending.pop_front() {
            visited += 1;
            if visited > FACTS_VISITED_MAX {
                return true;
            }
            let Some(&hop) = visit.chain.last() else { continue };
            let Some(data) = self.fact(hop.app, hop.fact).and_then(|fact| fact.data.get(hop.data)) else { continue };
            for (kind, details) in self.known_kinds(&data.what) {
                flows.push(Flow {
                    source: kind,
                    source_details: details,
                    chain: visit.chain.clone(),
                    permissions: visit.permissions.clone(),
                    name_partly_known: visit.name_partly_known,
                });
            }
            if visit.chain.len() >= CHAIN_FACTS_MAX {
                continue;
            }
            for (app, fact, permission, partly) in self.writers_of(hop.app, &data.what) {
                if !seen.insert((app, fact)) {
                    continue;
                }
                let mut permissions = visit.permissions.clone();
                permissions.extend(permission);
                let name_partly_known = visit.name_partly_known | partly;
                let next = Visit { chain: visit.chain.clone(), permissions, name_partly_known };
                self.enter(app, fact, &next, &mut pending);
            }
        }
        false
    }

    fn enter(&self, app: usize, fact: usize, visit: &Visit, pending: &mut VecDeque<Visit>) {
        let count = self.fact(app, fact).map_or(0, |fact| fact.data.len());
        for data in 0..count {
            let mut chain = visit.chain.clone();
            chain.push(Hop { app, fact, data });
            let permissions = visit.permissions.clone();
            pending.push_back(Visit { chain, permissions, name_partly_known: visit.name_partly_known });
        }
    }

    fn fact(&self, app: usize, fact: usize) -> Option<&Fact> {
        self.apps.get(app).and_then(|app| app.facts.facts.get(fact))
    }

    /// Kinds of data that the knowledge files know this to be.
    fn known_kinds(&self, what: &FactWhat) -> Vec<(String, Vec<String>)> {
        let by_name = |names: &[String], kind_of: &dyn Fn(&str) -> Option<String>| {
            let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for name in names {
                if let Some(kind) = kind_of(name) {
                    kinds.entry(kind).or_default().push(name.clone());
                }
            }
            kinds.into_iter().collect()
        };
        match what {
            FactWhat::Kind(kind, details) => vec![(kind.clone(), details.clone())],
            FactWhat::Provider(uris) => by_name(uris, &|uri| self.knowledge.provider_kind(uri).map(str::to_owned)),
            FactWhat::Table(table, keys) => {
                by_name(keys, &|key| self.knowledge.table_kind(table, key).map(str::to_owned))
            }
            FactWhat::Store(kind, paths) => {
                let table = self.knowledge.origins.values().find(|origin| origin.sink.as_ref() == Some(kind));
                let Some(table) = table.and_then(|origin| origin.table.as_ref()) else { return Vec::new() };
                by_name(paths, &|path| self.knowledge.table_kind(table, path).map(str::to_owned))
            }
            FactWhat::Field(_) => Vec::new(),
        }
    }

    /// Facts that may have filled what is read here: with what lets it happen, and whether a name was partly known.
    fn writers_of(&self, reader: usize, what: &FactWhat) -> Vec<(usize, usize, Option<String>, bool)> {
        match what {
            FactWhat::Field(field) => {
                let writers = self.writers.fields.get(&(reader, field.as_str())).into_iter().flatten();
                writers.map(|&fact| (reader, fact, None, false)).collect()
            }
            FactWhat::Store(kind, names) => self.store_writers(reader, kind, names),
            FactWhat::Provider(uris) => self.provider_writers(reader, uris),
            FactWhat::Kind(..) | FactWhat::Table(..) => Vec::new(),
        }
    }

    fn store_writers(&self, reader: usize, kind: &str, names: &[String]) -> Vec<(usize, usize, Option<String>, bool)> {
        let Some(link) = self.apps.get(reader) else { return Vec::new() };
        let mut found = Vec::new();
        for &(app, fact) in self.writers.stores.get(&(link.owner.as_str(), kind)).into_iter().flatten() {
            let Some(written) = self.fact(app, fact) else { continue };
            let Some(sameness) = names::best_match(&written.names, names) else { continue };
            let other = self.apps.get(app).map_or("", |app| &app.package);
            // A file or table of another app of the same user needs an exact name: too many apps share core users.
            if app != reader && sameness != names::Sameness::Equal {
                continue;
            }
            let reason = (app != reader).then(|| format!("{} and {other} share the user {}", link.package, link.owner));
            found.push((app, fact, reason, sameness == names::Sameness::Alike));
        }
        found
    }

    fn provider_writers(&self, reader: usize, uris: &[String]) -> Vec<(usize, usize, Option<String>, bool)> {
        let Some(client) = self.apps.get(reader) else { return Vec::new() };
        let mut found = Vec::new();
        for uri in uris {
            let Some(authority) = names::authority(uri) else { continue };
            for (app, server) in self.apps.iter().enumerate() {
                let serving =
                    server.providers.iter().filter(|provider| provider.authorities.iter().any(|a| a == authority));
                for provider in serving {
                    let Some(reason) = may_read(client, server, provider, app == reader) else { continue };
                    for &fact in self.writers.replies.get(&(app, provider.class.as_str())).into_iter().flatten() {
                        found.push((app, fact, Some(reason.clone()), false));
                    }
                    let stored = self.store_writers(app, PROVIDER, std::slice::from_ref(uri));
                    found.extend(stored);
                }
            }
        }
        found.sort();
        found.dedup_by(|a, b| (a.0, a.1) == (b.0, b.1));
        found
    }
}

/// Why a client may read a provider, or nothing if it may not.
fn may_read(client: &LinkApp<'_>, server: &LinkApp<'_>, provider: &LinkProvider, same: bool) -> Option<String> {
    let (from, to) = (&client.package, &provider.class);
    if same || client.owner == server.owner {
        return Some(format!("{from} runs as the same user as {to}"));
    }
    if client.core_user {
        return Some(format!("{from} runs as a core user, which no permission check stops at {to}"));
    }
    if !provider.exported {
        return None;
    }
    match &provider.read_permission {
        None => Some(format!("{to} is exported without a permission: every app may read it")),
        Some(permission) if client.permissions.contains(permission) => {
            Some(format!("{to} is exported; {from} holds {permission}"))
        }
        Some(_) => None,
    }
}
