//! Joining what the apps of an image do: fields, files, databases within an app or a shared user, content providers
//! between apps. A join is made only where the platform lets it happen, and says why.

mod components;
mod intents;
mod known;
mod names;
mod search;
mod services;
mod triggers;
mod user;
mod writers;

pub(crate) use names::authority;

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use knowledge::{Channel, Knowledge, Rule, Scope};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

pub use components::{LinkComponent, LinkFilter, LinkKind, LinkPath};
use intents::Intents;
use search::{Back, Cost, Datum, Drawbacks, Fill, Graph, Search, Starts, Wanted, Way};
use services::NamedServices;
use triggers::Triggers;
pub use user::Needs;
use user::WithoutUser;
use writers::Writers;

use crate::{
    domain::tags::tells_what_is_left,
    facts::{AppFacts, Fact, FactAct, FactData, FactWhat, Letter, ReplyTo},
    kinds::{BINDER, BOUND_ANSWER, EXTERNAL_INTENT, PROVIDER},
    speaking::Speaking,
};

/// Places that are searched from before what was found is told: bounds what is kept of ways.
const BATCH: usize = 64;

/// The sink that the answer of a provider is.
const PROVIDER_REPLY: &str = "provider_reply";

/// The table of what actions bring in the entries of an intent: `ACTION KEY`.
const INTENT_ENTRIES: &str = "intent_entries";

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
    /// What it, or another app of the same user, holds or asks for; nothing if that was not read.
    pub asks_for: Option<BTreeSet<String>>,
    /// Its content providers.
    pub providers: Vec<LinkProvider>,
    /// What intents reach in it, as the manifest says.
    pub components: Vec<LinkComponent>,
    /// Actions that only the platform may broadcast, because this is a part of it that says so.
    pub protects: Vec<String>,
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
    /// Whether every such app can also have it change something: behind no other permission for writers either.
    pub open_to_writers: bool,
    /// Permission a reader needs.
    pub read_permission: Option<String>,
}

/// A way of data from where it comes from to where it leaves: the best that was found.
#[derive(Debug)]
pub struct Flow<'f> {
    /// Kind of the data.
    pub source: &'f str,
    /// Kind of the sink.
    pub sink: &'f str,
    /// The worst rule of each axis that speaks of it; there is one.
    pub rules: &'f [&'f Rule],
    /// What the value said about it: URIs, addresses.
    pub source_details: &'f [String],
    /// The facts it passes, from the sink back: app, fact, position of the data in it.
    pub chain: &'f [Hop],
    /// What lets each join between apps happen.
    pub permissions: Vec<&'f String>,
    /// Whether the name of some store on the way was only partly known.
    pub name_partly_known: bool,
    /// Whether entry points lead to all facts of the way.
    pub is_reached: bool,
    /// Whether some part of the way is less than certain.
    pub is_doubtful: bool,
    /// Steps of the traces on the way.
    pub steps: u32,
    /// Entry points from which the platform comes to the sink, and what makes it come.
    pub triggers: Rc<[String]>,
    /// What the way needs of the user before it begins, and where it does, if nothing on it waits for them.
    pub without_user: Option<(Needs, Rc<str>)>,
    /// Whether every way from this source to this sink passes an act of the user.
    pub only_by_user: bool,
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

/// Tells all flows of an image that a rule speaks of, one for each place the data comes from and each sink; how many searches
/// were cut, and how many doubtful ways over many apps were not followed.
pub fn link<'a>(apps: &'a [LinkApp<'a>], knowledge: &'a Knowledge, tell: &mut dyn FnMut(&Flow<'_>)) -> (u64, u64) {
    let speaking = Speaking::new(apps, knowledge);
    let linker = Linker {
        apps,
        knowledge,
        writers: Writers::new(apps, knowledge),
        intents: Intents::new(apps, knowledge),
        services: NamedServices::new(apps),
    };
    let starts_of = StartsOf {
        triggers: Triggers::new(apps, &linker.intents, knowledge),
        without_user: WithoutUser::new(apps, &linker.intents),
    };
    let reads = linker.reads();
    let (graph, sinks) = linker.graph(&reads);
    let starts: Vec<(Place<'_>, Vec<Datum>)> = linker.starts(&reads, &speaking).into_iter().collect();
    let ahead = linker.ahead(&starts, &graph, &sinks, &speaking);
    let known = reads.by_kind();
    let (mut cut, mut far_fetched) = (0, 0);
    for batch in starts.chunks(BATCH) {
        let searches = batch.par_iter().map_init(
            || Search::new(&graph, starts.len()),
            |search, (place, starts)| {
                let known = known.get(place.kind).map(Vec::as_slice).unwrap_or_default();
                let knows = |read: u32| known.get(read as usize).copied().unwrap_or(false);
                let (mut ways, ahead) = (Vec::new(), ahead.get(place.kind)?);
                let left = search.run(starts, &ahead.wanted, &knows, &mut |cost, way| ways.push((cost, way)));
                Some((place, &ahead.rules, ways, left))
            },
        );
        // Told in the order of the places, on whatever threads they were found.
        for (place, rules, ways, left) in searches.collect::<Vec<_>>().into_iter().flatten() {
            cut += u64::from(left.cut);
            far_fetched += left.far_fetched;
            for (cost, way) in &ways {
                let (Some(rules), Some(&sink)) = (rules.get(&way.sink), sinks.get(way.sink as usize)) else { continue };
                linker.tell(place, (sink.unwrap_or_default(), rules), (*cost, way), &reads, &starts_of, tell);
            }
        }
    }
    (cut, far_fetched)
}

/// A fact: app and position.
type Node = (usize, usize);

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
}

/// Every read of every fact, resolved once.
struct Reads {
    all: Vec<Read>,
    /// For each fact of each app, the read of each of its data.
    of_data: Vec<Vec<Vec<u32>>>,
    /// What lets data pass between apps.
    reasons: Vec<String>,
}

/// A place where data comes from: an instruction of an app, and what the data is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'r> {
    app: usize,
    kind: &'r str,
    details: &'r [String],
    /// Position of the instruction among the steps of the app.
    step: Option<u32>,
}

/// What data of a kind is looked for at.
struct Ahead<'a> {
    /// For each sink, by the number of its fact, what speaks of such data there.
    rules: FxHashMap<u32, Vec<&'a Rule>>,
    wanted: Wanted,
}

/// What starts ways.
struct StartsOf<'l, 'a> {
    triggers: Triggers<'l, 'a>,
    without_user: WithoutUser<'l, 'a>,
}

struct Linker<'a> {
    apps: &'a [LinkApp<'a>],
    knowledge: &'a Knowledge,
    writers: Writers<'a>,
    intents: Intents<'a>,
    services: NamedServices,
}

impl Reads {
    /// For each kind of data, whether each read is known to be it.
    fn by_kind(&self) -> BTreeMap<&str, Vec<bool>> {
        let mut known: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
        for (number, read) in self.all.iter().enumerate() {
            for (kind, _) in &read.kinds {
                known.entry(kind).or_insert_with(|| vec![false; self.all.len()])[number] = true;
            }
        }
        known
    }
}

impl Linker<'_> {
    fn tell(
        &self,
        place: &Place<'_>,
        (sink, rules): (&str, &[&Rule]),
        (cost, way): (Cost, &Way),
        reads: &Reads,
        starts_of: &StartsOf<'_, '_>,
        tell: &mut dyn FnMut(&Flow<'_>),
    ) {
        let Some(&first) = way.chain.first() else { return };
        let Some(fact) = self.fact(first.app, first.fact) else { return };
        let drawbacks = cost.drawbacks();
        tell(&Flow {
            source: place.kind,
            sink,
            rules,
            source_details: place.details,
            chain: &way.chain,
            permissions: way.reasons.iter().filter_map(|&at| reads.reasons.get(at as usize)).collect(),
            name_partly_known: way.partly,
            is_reached: drawbacks.unreached == 0,
            is_doubtful: drawbacks.doubtful > 0,
            steps: drawbacks.steps,
            triggers: self.triggers_of(place.kind, &way.chain, &starts_of.triggers),
            without_user: starts_of.without_user.way(&way.chain, &starts_of.triggers),
            only_by_user: fact.only_by_user || self.is_read_only_by_user(&way.chain),
        });
    }

    /// What starts the sink of a way. What an intent or a call through a binder brings comes when it is sent or called, so where all of the way
    /// from there is by such, that is what starts it, and nothing else that starts the same components.
    fn triggers_of(&self, source: &str, chain: &[Hop], triggers: &Triggers<'_, '_>) -> Rc<[String]> {
        let mut started = None;
        for hop in chain {
            let Some(fact) = self.fact(hop.app, hop.fact) else { break };
            let Some(entry) = fact.entry else { break };
            started = Some((hop.app, entry));
            match fact.data.get(hop.data).map(|data| &data.what) {
                Some(FactWhat::Received(_, Letter::Intent | Letter::OfPlatform, _)) => {}
                Some(FactWhat::Kind(kind, _)) if kind == EXTERNAL_INTENT => {}
                Some(FactWhat::Store(kind, _)) if kind == BINDER => {}
                _ => return triggers.of(hop.app, entry),
            }
        }
        match started {
            Some((app, entry)) if source == EXTERNAL_INTENT => triggers.own(app, entry),
            Some((app, entry)) => triggers.of(app, entry),
            None => Rc::default(),
        }
    }

    /// Whether the data of a way is read where only the user leads.
    fn is_read_only_by_user(&self, chain: &[Hop]) -> bool {
        let last = chain.last().and_then(|hop| self.fact(hop.app, hop.fact)?.data.get(hop.data));
        last.is_some_and(|data| data.only_by_user)
    }

    /// The kind of sink that a fact is, if it is one.
    fn sink_kind<'f>(&self, app: usize, fact: &'f Fact) -> Option<&'f str> {
        match &fact.act {
            // The names are those of the services that hand the binder out.
            FactAct::Sink(kind) if kind == BOUND_ANSWER => {
                fact.names.iter().any(|service| self.serves_strangers(app, service)).then_some(BOUND_ANSWER)
            }
            FactAct::Sink(kind) => Some(kind),
            FactAct::Reply(_) => Some(PROVIDER_REPLY),
            FactAct::Send(_) if fact.data.is_empty() => None,
            FactAct::Send(sent) => self.intents.sink_kind(app, sent),
            FactAct::Store(kind) => Some(kind),
            FactAct::Field(_) => None,
        }
    }

    /// Resolves every read.
    fn reads(&self) -> Reads {
        let mut reads = Reads { all: Vec::new(), of_data: Vec::new(), reasons: Vec::new() };
        for (app, link) in self.apps.iter().enumerate() {
            let mut numbers: FxHashMap<&FactWhat, u32> = FxHashMap::default();
            let of_facts = link.facts.facts.iter().map(|fact| {
                let of_fact = fact.data.iter().map(|data| {
                    *numbers.entry(&data.what).or_insert_with(|| {
                        reads.all.push(self.read(app, &data.what));
                        (reads.all.len() - 1) as u32
                    })
                });
                of_fact.collect()
            });
            let of_facts = of_facts.collect();
            reads.of_data.push(of_facts);
        }
        let reasons = reads.all.iter().flat_map(|read| &read.writers).filter_map(|writer| writer.reason.clone());
        reads.reasons = reasons.collect::<BTreeSet<String>>().into_iter().collect();
        reads
    }

    /// What fills what, and the kind of sink that each fact is.
    fn graph(&self, reads: &Reads) -> (Graph, Vec<Option<&str>>) {
        let mut graph = Graph { readers: vec![Vec::new(); reads.all.len()], ..Graph::default() };
        let (mut sinks, mut first_facts) = (Vec::new(), Vec::with_capacity(self.apps.len()));
        for ((app, link), of_data) in self.apps.iter().enumerate().zip(&reads.of_data) {
            first_facts.push(graph.nodes.len());
            for ((position, fact), of_data) in link.facts.facts.iter().enumerate().zip(of_data) {
                let number = graph.nodes.len() as u32;
                graph.nodes.push((app, position));
                sinks.push(self.sink_kind(app, fact));
                graph.costs.push(fact.data.iter().map(|data| cost(fact, data)).collect());
                for (data, &read) in of_data.iter().enumerate() {
                    graph.readers[read as usize].push(Datum { fact: number, data: data as u32 });
                }
            }
        }
        graph.fills.resize_with(graph.nodes.len(), Vec::new);
        for (number, read) in reads.all.iter().enumerate() {
            for writer in &read.writers {
                let reason = writer.reason.as_ref().and_then(|reason| reads.reasons.binary_search(reason).ok());
                let fill = Fill { read: number as u32, reason: reason.map(|at| at as u32), partly: writer.partly };
                graph.fills[first_facts[writer.app] + writer.fact].push(fill);
            }
        }
        (graph, sinks)
    }

    /// Where data that a rule speaks of comes from.
    fn starts<'r>(&self, reads: &'r Reads, speaking: &Speaking<'_>) -> Starts<Place<'r>> {
        let (mut starts, mut number) = (Starts::new(), 0);
        for ((app, link), of_data) in self.apps.iter().enumerate().zip(&reads.of_data) {
            for (fact, of_data) in link.facts.facts.iter().zip(of_data) {
                for (position, (data, &read)) in fact.data.iter().zip(of_data).enumerate() {
                    let step = data.trace.first().map(|step| step.step);
                    let kinds = &reads.all[read as usize].kinds;
                    for (kind, details) in kinds.iter().filter(|(kind, _)| speaking.is_source(kind)) {
                        let starts: &mut Vec<Datum> = starts.entry(Place { app, kind, details, step }).or_default();
                        starts.push(Datum { fact: number, data: position as u32 });
                    }
                }
                number += 1;
            }
        }
        starts
    }

    /// What each kind of data that there is is looked for at.
    fn ahead<'r>(
        &self,
        starts: &[(Place<'r>, Vec<Datum>)],
        graph: &Graph,
        sinks: &[Option<&str>],
        speaking: &'r Speaking<'_>,
    ) -> BTreeMap<&'r str, Ahead<'r>> {
        let back = Back::of(graph);
        let kinds: BTreeSet<&str> = starts.iter().map(|(place, _)| place.kind).collect();
        let of_kind = |kind| {
            let mut rules: FxHashMap<u32, Vec<&Rule>> = FxHashMap::default();
            for (number, (&(app, fact), sink)) in graph.nodes.iter().zip(sinks).enumerate() {
                let Some((sink, fact)) = sink.zip(self.fact(app, fact)) else { continue };
                let speaking = speaking.rules_for(kind, sink, app, fact);
                if !speaking.is_empty() {
                    rules.insert(number as u32, speaking);
                }
            }
            let wanted = back.wanted((0..sinks.len() as u32).map(|fact| rules.contains_key(&fact)).collect());
            (kind, Ahead { rules, wanted })
        };
        kinds.into_par_iter().map(of_kind).collect()
    }

    fn read(&self, app: usize, what: &FactWhat) -> Read {
        let mut writers = self.writers_of(app, what);
        writers.sort();
        writers.dedup_by(|b, a| (a.app, a.fact) == (b.app, b.fact));
        Read { kinds: self.known_kinds(app, what), writers }
    }

    fn fact(&self, app: usize, fact: usize) -> Option<&Fact> {
        self.apps.get(app).and_then(|app| app.facts.facts.get(fact))
    }

    /// Facts that may have filled what is read here.
    fn writers_of(&self, reader: usize, what: &FactWhat) -> Vec<Writer> {
        match what {
            FactWhat::Field(field) => {
                let writers = self.writers.fields.get(&(reader, field.as_str())).into_iter().flatten();
                writers.map(|&fact| Writer { app: reader, fact, reason: None, partly: false }).collect()
            }
            FactWhat::Store(kind, names) => match self.knowledge.channels.get(kind) {
                Some(channel) if channel.scope != Scope::Owner => self.wire_writers(reader, kind, names, channel),
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
        let Some(stores) = self.writers.stores.get(&(link.owner.as_str(), kind)) else { return Vec::new() };
        for (written, nodes) in stores {
            let Some(sameness) = names::best_match(written, names) else { continue };
            for &(app, fact) in nodes {
                let other = self.apps.get(app).map_or("", |app| &app.package);
                // A file or table of another app of the same user needs an exact name: too many apps share core users.
                if app != reader && sameness != names::Sameness::Equal {
                    continue;
                }
                let reason =
                    (app != reader).then(|| format!("{} and {other} share the user {}", link.package, link.owner));
                found.push(Writer { app, fact, reason, partly: sameness == names::Sameness::Alike });
            }
        }
        found.sort();
        found
    }

    /// What apps put on a wire or into a store that not only those of one user share.
    fn wire_writers(&self, reader: usize, kind: &str, names: &[String], channel: &Channel) -> Vec<Writer> {
        let Some(client) = self.apps.get(reader) else { return Vec::new() };
        let named: Vec<&str> = if channel.named { names.iter().map(String::as_str).collect() } else { vec![""] };
        let mut found = Vec::new();
        for name in named {
            for &(app, fact) in self.writers.wires.get(&(kind, name)).into_iter().flatten() {
                let Some(server) = self.apps.get(app) else { continue };
                let (from, to) = (&server.package, &client.package);
                let reason = match channel.scope {
                    _ if app == reader => None,
                    Scope::Bound => {
                        let bound = self.intents.bound(app, reader);
                        let found = || self.services.between(app, reader).map(|reason| Some(reason.clone()));
                        match bound.or_else(found) {
                            Some(reason) => reason,
                            None => continue,
                        }
                    }
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

/// What a fact with one of its data adds to the cost of a way.
fn cost(fact: &Fact, data: &FactData) -> Cost {
    let (of_little, others): (Vec<&str>, Vec<&str>) = data.doubts.iter().partition(|words| tells_what_is_left(words));
    Cost::new(Drawbacks {
        passages: 0,
        unreached: u8::from(fact.entry.is_none()),
        // A way that passes on more of the data is a better one, even if it is doubtful.
        doubtful: u8::from(!others.is_empty()) + 2 * u8::from(!of_little.is_empty()),
        facts: 1,
        uncertain: u8::from(!others.is_empty()),
        steps: (fact.trace.len() + data.trace.len()) as u32,
    })
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
