//! Joining what the apps of an image do: fields, files, databases within an app or a shared user, content providers
//! between apps. A join is made only where the platform lets it happen, and says why.

mod components;
mod intents;
mod names;
mod triggers;

pub(crate) use names::authority;

use std::collections::{BTreeMap, BTreeSet};

use knowledge::{Channel, Knowledge, Scope};

pub use components::{LinkComponent, LinkFilter, LinkKind, LinkPath};
use intents::Intents;
use triggers::Triggers;

use crate::{
    facts::{AppFacts, Fact, FactAct, FactWhat, Letter, ReplyTo},
    kinds::{EXTERNAL_INTENT, OPEN, PROVIDER, QUERY},
};

/// The sink that the answer of a provider is.
const PROVIDER_REPLY: &str = "provider_reply";
/// Longest chain of stores one flow may pass.
const CHAIN_FACTS_MAX: usize = 12;
/// How many facts one search visits; more is cut, and counted.
const FACTS_VISITED_MAX: usize = 20_000;

/// One app of the image, as linking needs it.
#[derive(Debug, Clone)]
pub struct LinkApp<'a> {
    /// Package name.
    pub package: String,
    /// Device path.
    pub path: String,
    /// Apps with equal owners share files: the shared user id, else the package.
    pub owner: String,
    /// Whether it runs as a core user of the system, which bypasses permission checks.
    pub core_user: bool,
    /// Names of the permissions it holds.
    pub permissions: Vec<String>,
    /// Its content providers.
    pub providers: Vec<LinkProvider>,
    /// What intents reach in it, as the manifest says.
    pub components: Vec<LinkComponent>,
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
    /// Whether every app an owner may install can ask it: exported, and behind no permission but a normal one.
    pub open: bool,
    /// Permission a reader needs.
    pub read_permission: Option<String>,
}

/// A way of data from where it comes from to where it leaves.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Kind of the data.
    pub source: String,
    /// Kind of the sink.
    pub sink: String,
    /// What the value said about it: URIs, addresses.
    pub source_details: Vec<String>,
    /// The facts it passes, from the sink back: app, fact, position of the data in it.
    pub chain: Vec<Hop>,
    /// What lets each join between apps happen.
    pub permissions: Vec<String>,
    /// Whether the name of some store on the way was only partly known.
    pub name_partly_known: bool,
    /// Entry points from which the platform comes to the sink, and what makes it come.
    pub triggers: Vec<String>,
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
    let linker = Linker { apps, knowledge, writers: Writers::new(apps, knowledge), intents: Intents::new(apps) };
    let triggers = Triggers::new(apps, &linker.intents);
    let graph = linker.graph();
    let mut seen = Seen::new(apps);
    let sinks: BTreeSet<&str> = knowledge.rules.iter().flat_map(|rule| &rule.sinks).map(String::as_str).collect();
    let (mut flows, mut cuts) = (Vec::new(), 0);
    for (app, link) in apps.iter().enumerate() {
        for (fact, found) in link.facts.facts.iter().enumerate() {
            let Some(sink) = linker.sink_kind(app, found).filter(|sink| sinks.contains(sink)) else { continue };
            let first = flows.len();
            cuts += u64::from(graph.flows_to((app, fact), sink, &mut seen, &mut flows));
            if flows.len() == first {
                continue;
            }
            let triggers = found.entry.map(|entry| triggers.of(app, entry)).unwrap_or_default();
            flows.iter_mut().skip(first).for_each(|flow: &mut Flow| flow.triggers.clone_from(&triggers));
        }
    }
    (flows, cuts)
}

/// A fact: app and position.
type Node = (usize, usize);

/// Facts that fill a store or field, by app or owner.
struct Writers<'a> {
    fields: BTreeMap<(usize, &'a str), Vec<usize>>,
    stores: BTreeMap<(&'a str, &'a str), Vec<Node>>,
    replies: BTreeMap<(usize, &'a str), Vec<usize>>,
    /// By kind and name, of channels that not only the apps of one user share.
    wires: BTreeMap<(&'a str, &'a str), Vec<Node>>,
}

impl<'a> Writers<'a> {
    fn new(apps: &'a [LinkApp<'a>], knowledge: &Knowledge) -> Self {
        let mut writers =
            Self { fields: BTreeMap::new(), stores: BTreeMap::new(), replies: BTreeMap::new(), wires: BTreeMap::new() };
        for (app, link) in apps.iter().enumerate() {
            for (fact, found) in link.facts.facts.iter().enumerate() {
                match &found.act {
                    FactAct::Field(field) => writers.fields.entry((app, field)).or_default().push(fact),
                    FactAct::Store(kind) => {
                        let channel = knowledge.channels.get(kind).filter(|channel| channel.scope != Scope::Owner);
                        if let Some(channel) = channel {
                            writers.note_wire(*channel, kind, found, (app, fact));
                            continue;
                        }
                        writers.stores.entry((link.owner.as_str(), kind)).or_default().push((app, fact));
                    }
                    FactAct::Reply(reply) => writers.replies.entry((app, reply.class.as_str())).or_default().push(fact),
                    FactAct::Sink(_) | FactAct::Send(_) => {}
                }
            }
        }
        writers
    }

    /// A name that is only partly known joins nothing: too many apps share these.
    fn note_wire(&mut self, channel: Channel, kind: &'a str, fact: &'a Fact, node: Node) {
        let known = fact.names.iter().map(String::as_str).filter(|name| !name.contains('*'));
        let names: Vec<&str> = if channel.named { known.collect() } else { vec![""] };
        for name in names {
            self.wires.entry((kind, name)).or_default().push(node);
        }
    }
}

/// A fact that may have filled what another reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Writer {
    app: usize,
    fact: usize,
    /// What lets the join happen.
    reason: Option<String>,
    /// Whether a name was only partly known.
    partly: bool,
}

/// What one kind of data, read in one app, is known to be, and who may have filled it.
#[derive(Debug, Default)]
struct Read {
    kinds: Vec<(String, Vec<String>)>,
    writers: Vec<Writer>,
    /// Whether some way leads on to data that a rule speaks of.
    useful: bool,
}

/// Every read of every fact, resolved once.
struct Graph {
    reads: Vec<Read>,
    /// For each fact, the read of each of its data.
    data: BTreeMap<Node, Vec<usize>>,
}

/// A place of the search.
struct Visit {
    hop: Hop,
    read: usize,
    before: Option<usize>,
    reason: Option<String>,
    partly: bool,
    length: usize,
}

/// The facts a search has come to; cleared in no time, for there are many searches.
struct Seen {
    starts: Vec<usize>,
    marks: Vec<u32>,
    search: u32,
}

impl Seen {
    fn new(apps: &[LinkApp<'_>]) -> Self {
        let mut starts = Vec::with_capacity(apps.len());
        let mut count = 0;
        for app in apps {
            starts.push(count);
            count += app.facts.facts.len();
        }
        Self { starts, marks: vec![0; count], search: 0 }
    }

    const fn clear(&mut self) {
        self.search += 1;
    }

    /// Whether it is the first time.
    fn insert(&mut self, node: Node) -> bool {
        let at = self.starts.get(node.0).map(|start| start + node.1);
        let search = self.search;
        at.and_then(|at| self.marks.get_mut(at)).is_some_and(|mark| std::mem::replace(mark, search) != search)
    }
}

impl Graph {
    /// Finds, breadth first, where the data of a sink comes from; whether the search was cut.
    fn flows_to(&self, sink: Node, kind_of_sink: &str, seen: &mut Seen, flows: &mut Vec<Flow>) -> bool {
        let mut visits: Vec<Visit> = Vec::new();
        seen.clear();
        seen.insert(sink);
        self.enter(sink, None, None, false, &mut visits);
        let mut at = 0;
        while let Some(visit) = visits.get(at) {
            if at > FACTS_VISITED_MAX {
                return true;
            }
            let Some(read) = self.reads.get(visit.read) else { break };
            for (kind, details) in &read.kinds {
                flows.push(Flow { sink: kind_of_sink.to_owned(), ..flow(&visits, at, kind, details) });
            }
            if visit.length < CHAIN_FACTS_MAX {
                for writer in &read.writers {
                    let node = (writer.app, writer.fact);
                    if seen.insert(node) {
                        self.enter(node, Some(at), writer.reason.as_ref(), writer.partly, &mut visits);
                    }
                }
            }
            at += 1;
        }
        false
    }

    fn enter(&self, node: Node, before: Option<usize>, reason: Option<&String>, partly: bool, visits: &mut Vec<Visit>) {
        let length = before.and_then(|before| visits.get(before)).map_or(0, |visit| visit.length) + 1;
        for (data, &read) in self.data.get(&node).into_iter().flatten().enumerate() {
            if self.reads.get(read).is_some_and(|read| read.useful) {
                let hop = Hop { app: node.0, fact: node.1, data };
                visits.push(Visit { hop, read, before, reason: reason.cloned(), partly, length });
            }
        }
    }
}

/// The way back from a visit to the sink.
fn flow(visits: &[Visit], at: usize, kind: &str, details: &[String]) -> Flow {
    let (mut chain, mut permissions, mut name_partly_known) = (Vec::new(), Vec::new(), false);
    let mut next = Some(at);
    while let Some(visit) = next.and_then(|at| visits.get(at)) {
        chain.push(visit.hop);
        permissions.extend(visit.reason.clone());
        name_partly_known |= visit.partly;
        next = visit.before;
    }
    chain.reverse();
    let (sink, triggers) = (String::new(), Vec::new());
    let (source, source_details) = (kind.to_owned(), details.to_vec());
    Flow { source, sink, source_details, chain, permissions, name_partly_known, triggers }
}

struct Linker<'a> {
    apps: &'a [LinkApp<'a>],
    knowledge: &'a Knowledge,
    writers: Writers<'a>,
    intents: Intents<'a>,
}

impl Linker<'_> {
    /// The kind of sink that a fact is, if it is one.
    fn sink_kind<'f>(&self, app: usize, fact: &'f Fact) -> Option<&'f str> {
        match &fact.act {
            FactAct::Sink(kind) => Some(kind),
            FactAct::Reply(_) => Some(PROVIDER_REPLY),
            FactAct::Send(_) if fact.data.is_empty() => None,
            FactAct::Send(sent) => self.intents.sink_kind(app, sent),
            FactAct::Store(_) | FactAct::Field(_) => None,
        }
    }

    /// Resolves every read, and marks those that lead to data a rule speaks of.
    fn graph(&self) -> Graph {
        let mut numbers: BTreeMap<(usize, &FactWhat), usize> = BTreeMap::new();
        let mut graph = Graph { reads: Vec::new(), data: BTreeMap::new() };
        let mut readers: Vec<Vec<Node>> = Vec::new();
        for (app, link) in self.apps.iter().enumerate() {
            for (fact, found) in link.facts.facts.iter().enumerate() {
                let mut reads = Vec::with_capacity(found.data.len());
                for data in &found.data {
                    let read = *numbers.entry((app, &data.what)).or_insert_with(|| {
                        graph.reads.push(self.read(app, &data.what));
                        readers.push(Vec::new());
                        graph.reads.len() - 1
                    });
                    if let Some(readers) = readers.get_mut(read) {
                        readers.push((app, fact));
                    }
                    reads.push(read);
                }
                graph.data.insert((app, fact), reads);
            }
        }
        self.mark_useful(&mut graph, &readers);
        graph
    }

    /// Data of a kind that a rule speaks of is useful; so is what a fact with useful data fills.
    fn mark_useful(&self, graph: &mut Graph, readers: &[Vec<Node>]) {
        let spoken: BTreeSet<&str> =
            self.knowledge.rules.iter().flat_map(|rule| &rule.sources).map(String::as_str).collect();
        let mut filled_by: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
        for (number, read) in graph.reads.iter_mut().enumerate() {
            read.kinds.retain(|(kind, _)| spoken.contains(kind.as_str()));
            for writer in &read.writers {
                filled_by.entry((writer.app, writer.fact)).or_default().push(number);
            }
        }
        let mut fresh: Vec<usize> = (0..graph.reads.len()).filter(|&at| !graph.reads[at].kinds.is_empty()).collect();
        while let Some(at) = fresh.pop() {
            if std::mem::replace(&mut graph.reads[at].useful, true) {
                continue;
            }
            let nodes = readers.get(at).into_iter().flatten();
            fresh.extend(nodes.flat_map(|node| filled_by.get(node).into_iter().flatten()));
        }
        // A writer without useful data is a dead end for every search: most are, and there are many searches.
        let useful: Vec<bool> = graph.reads.iter().map(|read| read.useful).collect();
        let leads_on = |writer: &Writer| {
            let reads = graph.data.get(&(writer.app, writer.fact)).into_iter().flatten();
            reads.into_iter().any(|&read| useful.get(read).copied().unwrap_or(false))
        };
        for read in &mut graph.reads {
            read.writers.retain(leads_on);
        }
    }

    fn read(&self, app: usize, what: &FactWhat) -> Read {
        let mut writers = self.writers_of(app, what);
        writers.sort();
        writers.dedup_by(|b, a| (a.app, a.fact) == (b.app, b.fact));
        Read { kinds: self.known_kinds(app, what), writers, useful: false }
    }

    fn fact(&self, app: usize, fact: usize) -> Option<&Fact> {
        self.apps.get(app).and_then(|app| app.facts.facts.get(fact))
    }

    /// Kinds of data that the knowledge files know this to be.
    fn known_kinds(&self, app: usize, what: &FactWhat) -> Vec<(String, Vec<String>)> {
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
            FactWhat::Kind(kind, classes) if kind == EXTERNAL_INTENT => {
                let providers = self.apps.get(app).map(|app| app.providers.as_slice()).unwrap_or_default();
                let mut open = classes.iter().map(|class| {
                    providers.iter().any(|p| p.class == *class && p.open)
                        || self.intents.outside_kind(app, class, Letter::Intent).is_some()
                });
                (classes.is_empty() || open.any(|open| open))
                    .then(|| (kind.clone(), classes.clone()))
                    .into_iter()
                    .collect()
            }
            FactWhat::Kind(kind, details) => vec![(kind.clone(), details.clone())],
            // Only rows and files are the data that a provider of the platform keeps.
            FactWhat::Provider(operation, uris) if [QUERY, OPEN].contains(&operation.as_str()) => {
                by_name(uris, &|uri| self.knowledge.provider_kind(uri).map(str::to_owned))
            }
            FactWhat::Table(table, keys) => {
                by_name(keys, &|key| self.knowledge.table_kind(table, key).map(str::to_owned))
            }
            FactWhat::Store(kind, paths) => {
                let table = self.knowledge.origins.values().find(|origin| origin.sink.as_ref() == Some(kind));
                let Some(table) = table.and_then(|origin| origin.table.as_ref()) else { return Vec::new() };
                by_name(paths, &|path| self.knowledge.table_kind(table, path).map(str::to_owned))
            }
            FactWhat::Received(class, letter, _) => {
                let kind = self.intents.outside_kind(app, class, *letter);
                kind.map(|kind| (kind.to_owned(), Vec::new())).into_iter().collect()
            }
            FactWhat::Field(_) | FactWhat::Provider(..) => Vec::new(),
        }
    }

    /// Facts that may have filled what is read here.
    fn writers_of(&self, reader: usize, what: &FactWhat) -> Vec<Writer> {
        match what {
            FactWhat::Field(field) => {
                let writers = self.writers.fields.get(&(reader, field.as_str())).into_iter().flatten();
                writers.map(|&fact| Writer { app: reader, fact, reason: None, partly: false }).collect()
            }
            FactWhat::Store(kind, names) => match self.knowledge.channels.get(kind) {
                Some(channel) if channel.scope != Scope::Owner => self.wire_writers(reader, kind, names, *channel),
                _ => self.store_writers(reader, kind, names),
            },
            FactWhat::Provider(operation, uris) => self.provider_writers(reader, operation, uris),
            FactWhat::Received(class, letter, key) => self.intents.writers(reader, class, *letter, key.as_deref()),
            FactWhat::Kind(..) | FactWhat::Table(..) => Vec::new(),
        }
    }

    fn store_writers(&self, reader: usize, kind: &str, names: &[String]) -> Vec<Writer> {
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
            found.push(Writer { app, fact, reason, partly: sameness == names::Sameness::Alike });
        }
        found
    }

    /// What apps put on a wire or into a store that not only those of one user share.
    fn wire_writers(&self, reader: usize, kind: &str, names: &[String], channel: Channel) -> Vec<Writer> {
        let Some(client) = self.apps.get(reader) else { return Vec::new() };
        let named: Vec<&str> = if channel.named { names.iter().map(String::as_str).collect() } else { vec![""] };
        let mut found = Vec::new();
        for name in named {
            for &(app, fact) in self.writers.wires.get(&(kind, name)).into_iter().flatten() {
                let Some(server) = self.apps.get(app) else { continue };
                let (from, to) = (&server.package, &client.package);
                let reason = match channel.scope {
                    _ if app == reader => None,
                    Scope::Bound => match self.intents.bound(app, reader) {
                        Some(reason) => reason,
                        None => continue,
                    },
                    Scope::Owner | Scope::Image => {
                        Some(format!("{kind} {name} is shared by all apps: {from} and {to}"))
                    }
                };
                found.push(Writer { app, fact, reason, partly: false });
            }
        }
        found
    }

    fn provider_writers(&self, reader: usize, operation: &str, uris: &[String]) -> Vec<Writer> {
        let Some(client) = self.apps.get(reader) else { return Vec::new() };
        let mut found = Vec::new();
        for uri in uris {
            let Some(authority) = names::authority(uri) else { continue };
            for (app, server) in self.apps.iter().enumerate() {
                let serving = server.providers.iter().filter(|p| p.authorities.iter().any(|a| a == authority));
                for provider in serving {
                    let Some(reason) = may_read(client, server, provider, app == reader) else { continue };
                    let replies = self.replies_to(app, &provider.class, operation, uri);
                    found.extend(replies.into_iter().map(|(fact, partly)| Writer {
                        app,
                        fact,
                        reason: Some(reason.clone()),
                        partly,
                    }));
                    found.extend(self.store_writers(app, PROVIDER, std::slice::from_ref(uri)));
                }
            }
        }
        found
    }
}

impl Linker<'_> {
    /// Answers to a request for a URI, and whether it is only known in part that they are.
    fn replies_to(&self, app: usize, class: &str, operation: &str, uri: &str) -> Vec<(usize, bool)> {
        let all = self.writers.replies.get(&(app, class)).into_iter().flatten();
        let replies: Vec<(usize, &Fact, ReplyTo)> = all
            .filter_map(|&fact| {
                let found = self.fact(app, fact)?;
                match &found.act {
                    FactAct::Reply(reply) if reply.operation == operation => Some((fact, found, reply.to)),
                    _ => None,
                }
            })
            .collect();
        let is_known = !uri.contains('*');
        let named = |found: &Fact| found.names.iter().any(|name| names::is_asked_for(name, uri));
        let any_named = is_known && replies.iter().any(|(_, found, to)| *to == ReplyTo::Named && named(found));
        let answers = |found: &Fact, to: ReplyTo| match to {
            ReplyTo::All => true,
            ReplyTo::Named => !is_known || named(found),
            ReplyTo::Others => !any_named,
        };
        let answering = replies.into_iter().filter(|(_, found, to)| answers(found, *to));
        answering.map(|(fact, _, to)| (fact, !is_known && to != ReplyTo::All)).collect()
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
