//! From flows to findings: what a rule speaks of, grouped as a reader would, each with its best proof.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use findings::{
    Axis, Confidence, Endpoint, Finding, FindingParts, Level, Location, Modifiers, Place, Places, Proof, Step,
    Transport, UserPart,
};
use knowledge::{Knowledge, Rule};
use sha2::{Digest as _, Sha256};

use crate::{
    asked_permissions::{call, missing_of_all},
    domain::tags::{CALLER_ASKED, NATIVE_CODE, tells_what_is_left, words_for},
    facts::{AppFacts, Fact, FactAct, FactData, FactWhat, StepRef},
    kinds::{EXTERNAL_INTENT, EXTERNAL_RESULT},
    link::{Flow, Hop, LinkApp, Needs, authority, link},
    native_files,
    speaking::telling,
};

/// A way that is less than certain and passes more apps than this is told with low confidence, if it is followed at all: apps
/// that share a process or a user are passed without a passage.
const DOUBTFUL_APPS_MAX: usize = 2;
/// A way that is doubtful in more than one respect and is joined more often than this, by fields, stores or messages, is told with
/// low confidence: of the claims about real devices that were held against the code, one in ten of that kind was so.
const DOUBTFUL_JOINS_MAX: usize = 1;
/// What strangers choose.
const STRANGERS: [&str; 2] = [EXTERNAL_INTENT, EXTERNAL_RESULT];
/// What a stranger only begins, and nothing comes of unless the user does something, is no act of the stranger.
const WITH_USER_RANK_MAX: u8 = 1;
/// How many details, carriers or triggers a finding lists.
const LISTED_MAX: usize = 24;
/// How many pairs of places a finding lists; it counts all.
const PLACES_LISTED_MAX: usize = 256;

/// What was found in an image.
#[derive(Debug)]
pub struct Claims {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// How many searches for flows were cut.
    pub searches_cut: u64,
    /// How many ways were not followed: some step of theirs is doubtful, and they pass many apps.
    pub ways_not_followed: u64,
}

/// What the ways of data through an image come to. `containers` are the layers around each app.
#[must_use]
pub fn claim(apps: &[LinkApp<'_>], containers: &[String], knowledge: &Knowledge) -> Claims {
    let teller = Teller { apps, containers, knowledge };
    let mut groups: BTreeMap<Key<'_>, Group> = BTreeMap::new();
    let (searches_cut, ways_not_followed) = link(apps, knowledge, &mut |flow| {
        for rule in flow.rules {
            if let Some(key) = teller.key(rule, flow) {
                let is_little = teller.passes_on_little(&key, flow.chain);
                groups.entry(key).or_default().add(&teller, flow, is_little);
            }
        }
    });
    let mut findings: Vec<Finding> = groups.iter().filter_map(|(key, group)| teller.finding(key, group)).collect();
    findings.sort_by(|a, b| {
        let order =
            |finding: &Finding| (finding.parts.modifiers.reachable, finding.parts.rank, finding.parts.confidence.level);
        order(b).cmp(&order(a)).then_with(|| a.parts.cmp(&b.parts))
    });
    Claims { findings, searches_cut, ways_not_followed }
}

/// What one finding is about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    sink_app: usize,
    source_app: usize,
    rule: &'a str,
    source: &'a str,
    sink: &'a str,
}

/// The best flow of a finding, and what its other flows add.
#[derive(Debug, Default)]
struct Group {
    best: Option<Best>,
    source_details: BTreeSet<String>,
    /// App and fact of each sink.
    sinks: BTreeSet<(usize, usize)>,
    /// What leads to those of them that are reached.
    triggers: BTreeSet<String>,
    permissions: BTreeSet<String>,
    /// Where ways begin that do not wait for the user, by what they need of them before.
    without_user: BTreeSet<(Needs, Rc<str>)>,
    /// Whether some way that entry points lead to may do without an act of the user.
    not_only_by_user: bool,
    /// Places of source and sink of ways that entry points lead to, and of the others.
    reached_pairs: BTreeSet<Pair>,
    other_pairs: BTreeSet<Pair>,
}

/// App and step of a source and of a sink.
type Pair = (usize, u32, usize, u32);

/// The flow that proves a finding.
#[derive(Debug)]
struct Best {
    order: Order,
    chain: Vec<Hop>,
    name_partly_known: bool,
}

/// Sort key of proofs: reached first, then those that pass on more, then surer, then those that say where to, then shorter.
type Order = (bool, bool, bool, bool, usize, u32);

impl Group {
    fn add(&mut self, teller: &Teller<'_>, flow: &Flow<'_>, is_little: bool) {
        let (Some(&first), Some(&last)) = (flow.chain.first(), flow.chain.last()) else { return };
        let fact = teller.fact(first);
        let unnamed = fact.is_none_or(|fact| !fact.names.iter().any(|name| telling(name)));
        let order = (!flow.is_reached, is_little, flow.is_doubtful, unnamed, flow.chain.len(), flow.steps);
        let best = self.best.as_ref().map(|best| (best.order, best.chain.as_slice()));
        if best.is_none_or(|best| (order, flow.chain) < best) {
            let name_partly_known = flow.name_partly_known;
            self.best = Some(Best { order, chain: flow.chain.to_vec(), name_partly_known });
        }
        if flow.is_reached {
            self.without_user.extend(flow.without_user.clone());
            self.not_only_by_user |= !flow.only_by_user;
        }
        note_all(&mut self.source_details, flow.source_details);
        note_all(&mut self.permissions, flow.permissions.iter().copied());
        self.sinks.insert((first.app, first.fact));
        if flow.is_reached {
            note_all(&mut self.triggers, flow.triggers.iter());
        }
        let sink = fact.and_then(|fact| fact.trace.last());
        let source = teller.data(last).and_then(|data| data.trace.first());
        if let (Some(source), Some(sink)) = (source, sink) {
            let pairs = if flow.is_reached { &mut self.reached_pairs } else { &mut self.other_pairs };
            pairs.insert((last.app, source.step, first.app, sink.step));
        }
    }

    fn is_reached(&self) -> bool {
        self.best.as_ref().is_some_and(|best| !best.order.0)
    }

    /// Pairs that an entry point leads to; where none does, all of them.
    fn pairs(&self) -> &BTreeSet<Pair> {
        if self.is_reached() { &self.reached_pairs } else { &self.other_pairs }
    }

    /// Where ways begin that need least of the user.
    fn without_user(&self) -> Vec<String> {
        let least = self.without_user.first().map(|(needs, _)| *needs);
        let of_least = self.without_user.iter().filter(|(needs, _)| Some(*needs) == least);
        of_least.map(|(_, trigger)| trigger.to_string()).take(LISTED_MAX).collect()
    }

    fn triggers(&self) -> Vec<String> {
        self.triggers.iter().take(LISTED_MAX).cloned().collect()
    }
}

struct Teller<'a> {
    apps: &'a [LinkApp<'a>],
    containers: &'a [String],
    knowledge: &'a Knowledge,
}

impl<'a> Teller<'a> {
    fn fact(&self, hop: Hop) -> Option<&'a Fact> {
        self.apps.get(hop.app)?.facts.facts.get(hop.fact)
    }

    fn data(&self, hop: Hop) -> Option<&'a FactData> {
        self.fact(hop)?.data.get(hop.data)
    }

    fn key(&self, rule: &Rule, flow: &Flow<'_>) -> Option<Key<'a>> {
        let (first, last) = (flow.chain.first()?, flow.chain.last()?);
        let rule = self.knowledge.rules.iter().find(|known| known.id == rule.id)?;
        let source = rule.sources.iter().find(|kind| *kind == flow.source)?;
        let sink = rule.sinks.iter().find(|kind| *kind == flow.sink)?;
        Some(Key { rule: &rule.id, sink_app: first.app, source_app: last.app, source, sink })
    }

    fn finding(&self, key: &Key<'_>, group: &Group) -> Option<Finding> {
        let rule = self.knowledge.rules.iter().find(|rule| rule.id == key.rule)?;
        let best = group.best.as_ref()?;
        let source = self.source_endpoint(key.source, group);
        let sink = self.sink_endpoint(key.sink, group);
        let apps = self.apps_of(&best.chain);
        let mut title = rule.title.replace("{source}", &source.label).replace("{sink}", &sink.label);
        let modifiers = self.modifiers(best, group, &source, &sink);
        let (mut rank, mut grade) = (rule.rank, rule.grade.clone());
        if STRANGERS.contains(&key.source) && modifiers.user == UserPart::AlwaysActs {
            title.push_str(", once the user does something");
            rank = rank.min(WITH_USER_RANK_MAX);
            grade = self.knowledge.grade(rule.axis, rank).to_owned();
        }
        let attack = self.attack(rule, key);
        let parts = FindingParts {
            axis: axis(rule.axis),
            rank,
            grade,
            rule: rule.id.clone(),
            title,
            attack,
            app: self.apps.get(key.sink_app)?.package.clone(),
            apps,
            confidence: self.confidence(key, group, best),
            modifiers,
            source,
            sink,
            pairs: u32::try_from(group.pairs().len().max(1)).unwrap_or(u32::MAX),
            places: self.places(group.pairs()),
        };
        let proof = Proof::new(self.steps(&best.chain))?;
        Some(Finding::new(
            digest(&parts, [key.source_app, key.sink_app].map(|app| self.apps.get(app).map_or("", |app| &app.path))),
            parts,
            proof,
        ))
    }

    /// The first pairs by app, method and address.
    fn places(&self, pairs: &BTreeSet<Pair>) -> Vec<Places> {
        let tell = |&(source_app, source, sink_app, sink): &Pair| {
            Some(Places { source: self.place(source_app, source)?, sink: self.place(sink_app, sink)? })
        };
        let all: BTreeSet<Places> = pairs.iter().filter_map(tell).collect();
        all.into_iter().take(PLACES_LISTED_MAX).collect()
    }

    fn place(&self, app: usize, step: u32) -> Option<Place> {
        let link = self.apps.get(app)?;
        let text = link.facts.steps.get(step as usize)?;
        let calls = call(&text.text).and_then(|word| word.split_once('(')).map_or("", |(name, _)| name).to_owned();
        Some(Place { app: link.package.clone(), method: text.method.clone(), code_unit: text.code_unit, calls })
    }

    fn apps_of(&self, chain: &[Hop]) -> Vec<String> {
        let mut apps: Vec<String> = Vec::new();
        for hop in chain.iter().rev() {
            let package = self.apps.get(hop.app).map(|app| app.package.clone()).unwrap_or_default();
            if apps.last() != Some(&package) {
                apps.push(package);
            }
        }
        apps
    }

    fn source_endpoint(&self, kind: &str, group: &Group) -> Endpoint {
        let label = self.knowledge.data_kinds.get(kind).map_or(kind, |kind| &kind.label).to_owned();
        Endpoint { kind: kind.to_owned(), label, details: listed(group.source_details.iter()) }
    }

    fn sink_endpoint(&self, kind: &str, group: &Group) -> Endpoint {
        let label = self.knowledge.sink_kinds.get(kind).map_or(kind, |kind| &kind.label).to_owned();
        let facts = group.sinks.iter().filter_map(|&(app, fact)| self.fact(Hop { app, fact, data: 0 }));
        Endpoint { kind: kind.to_owned(), label, details: listed(facts.flat_map(|fact| &fact.names)) }
    }

    fn attack(&self, rule: &Rule, key: &Key<'_>) -> Vec<String> {
        let source = self.knowledge.data_kinds.get(key.source).map(|kind| kind.attack.as_slice()).unwrap_or_default();
        let sink = self.knowledge.sink_kinds.get(key.sink).map(|kind| kind.attack.as_slice()).unwrap_or_default();
        let all: BTreeSet<&String> = rule.attack.iter().chain(source).chain(sink).collect();
        all.into_iter().cloned().collect()
    }

    fn confidence(&self, key: &Key<'_>, group: &Group, best: &Best) -> Confidence {
        let mut reasons: BTreeSet<&str> = BTreeSet::new();
        let too_little = self.too_little(key);
        for data in best.chain.iter().filter_map(|hop| self.data(*hop)) {
            reasons
                .extend(data.doubts.iter().filter(|words| !tells_what_is_left(words) || too_little.contains(*words)));
        }
        let answer = best.chain.first().and_then(|hop| self.fact(*hop)).map(|fact| &fact.act);
        if matches!(answer, Some(FactAct::Reply(reply)) if reply.asks_who_calls) {
            reasons.insert(CALLER_ASKED);
        }
        let is_little = reasons.iter().any(|words| too_little.contains(words));
        let mut level = if reasons.is_empty() { Level::High } else { Level::Medium };
        if best.name_partly_known {
            reasons.insert("the name of a store is only partly known");
            level = level.min(Level::Medium);
        }
        if native_files::DOUBTS.iter().chain([&NATIVE_CODE, &CALLER_ASKED]).any(|doubt| reasons.contains(doubt)) {
            level = Level::Low;
        }
        // Every join on the way, and every app, is a place where unlike things may have been taken for one.
        if reasons.len() > 1 && best.chain.len() > DOUBTFUL_JOINS_MAX + 1 {
            reasons.insert("is joined more than once by fields, stores or messages, and doubtful in several respects");
            level = Level::Low;
        }
        if !reasons.is_empty() && self.apps_of(&best.chain).len() > DOUBTFUL_APPS_MAX {
            reasons.insert("passes three or more apps, and not every step is certain");
            level = Level::Low;
        }
        if is_little {
            level = Level::Low;
        }
        let (unreached, ..) = best.order;
        if unreached {
            reasons.insert("no entry point was found that leads to every part of it");
            level = Level::Low;
        }
        let mut reasons: Vec<String> = reasons.into_iter().map(str::to_owned).collect();
        let missing = self.missing_permissions(key, group);
        if !missing.is_empty() {
            level = Level::Low;
            reasons.extend(missing);
        }
        Confidence { level, reasons }
    }

    /// Words for what is too little of the data for the kinds of a claim.
    fn too_little(&self, key: &Key<'_>) -> Vec<&'static str> {
        let of_data = self.knowledge.data_kinds.get(key.source).map(|kind| &kind.not_by);
        let of_sink = self.knowledge.sink_kinds.get(key.sink).map(|kind| &kind.not_by);
        of_data.into_iter().chain(of_sink).flatten().filter_map(|operation| words_for(operation)).collect()
    }

    /// Whether a way passes on too little for that.
    fn passes_on_little(&self, key: &Key<'_>, chain: &[Hop]) -> bool {
        let doubts = chain.iter().filter_map(|hop| self.data(*hop)).flat_map(|data| &data.doubts);
        let mut of_little = doubts.filter(|words| tells_what_is_left(words)).peekable();
        // Most ways have none.
        of_little.peek().is_some() && {
            let too_little = self.too_little(key);
            of_little.any(|words| too_little.contains(words))
        }
    }

    /// What the platform does not let the two ends of a finding do.
    fn missing_permissions(&self, key: &Key<'_>, group: &Group) -> BTreeSet<String> {
        let source = self.knowledge.data_kinds.get(key.source).map(|kind| (key.source_app, &kind.permissions));
        let source = source.filter(|&(app, _)| !self.keeps(app, key.source));
        let sink = self.knowledge.sink_kinds.get(key.sink).map(|kind| (key.sink_app, &kind.permissions));
        let sources: BTreeSet<u32> = group.pairs().iter().map(|pair| pair.1).collect();
        let sinks: BTreeSet<u32> = group.pairs().iter().map(|pair| pair.3).collect();
        let ends = [source.map(|end| (end, sources)), sink.map(|end| (end, sinks))].into_iter().flatten();
        ends.filter_map(|((app, any_of), steps)| missing_of_all(self.apps.get(app)?, &steps, any_of, self.knowledge))
            .flatten()
            .collect()
    }

    /// Whether an app is where the image keeps such data: it needs nobody's permission for its own.
    fn keeps(&self, app: usize, kind: &str) -> bool {
        let owner = self.apps.get(app).map(|app| app.owner.as_str());
        let of_owner = self.apps.iter().filter(|app| owner == Some(app.owner.as_str()));
        let mut authorities = of_owner.flat_map(|app| &app.providers).flat_map(|provider| &provider.authorities);
        authorities.any(|authority| self.knowledge.provider_kind(&format!("content://{authority}")) == Some(kind))
    }

    fn modifiers(&self, best: &Best, group: &Group, source: &Endpoint, sink: &Endpoint) -> Modifiers {
        let triggers = group.triggers();
        let user = self.user_part(&best.chain, group);
        Modifiers {
            // What arrives from a server travels on the way from its source.
            transport: transport(if sink.kind == "network" { &sink.details } else { &source.details }),
            reachable: group.is_reached(),
            triggers,
            user,
            without_user: group.without_user(),
            operations: self.operations(&best.chain),
            carriers: self.carriers(&best.chain),
            permissions: group.permissions.iter().take(LISTED_MAX).cloned().collect(),
        }
    }

    /// Whether the user has a part: what no way waits for, what all wait for, or else what the way that is shown passes.
    fn user_part(&self, chain: &[Hop], group: &Group) -> UserPart {
        match group.without_user.first() {
            Some((Needs::Nothing, _)) => return UserPart::NotNeeded,
            Some((Needs::Opening, _)) => return UserPart::Opens,
            None if group.is_reached() && !group.not_only_by_user => return UserPart::AlwaysActs,
            None => {}
        }
        let acts = chain.iter().any(|hop| {
            self.fact(*hop).is_some_and(|fact| fact.user_acts) || self.data(*hop).is_some_and(|data| data.user_acts)
        });
        if acts { UserPart::Acts } else { UserPart::Unknown }
    }

    /// Operations on the way, in order, then those on other ways between the same places; each once.
    fn operations(&self, chain: &[Hop]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for hop in chain.iter().rev() {
            let data = self.data(*hop);
            let way = data.map(|data| data.trace.as_slice()).unwrap_or_default();
            let act = self.fact(*hop).map(|fact| fact.trace.as_slice()).unwrap_or_default();
            let notes = way.iter().chain(act).filter_map(|step| step.note.as_ref());
            for note in notes.chain(data.into_iter().flat_map(|data| &data.operations)) {
                if !found.contains(note) {
                    found.push(note.clone());
                }
            }
        }
        found.truncate(LISTED_MAX);
        found
    }

    /// Stores on the way, in order.
    fn carriers(&self, chain: &[Hop]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for (position, hop) in chain.iter().enumerate().rev() {
            let Some(fact) = self.fact(*hop) else { continue };
            let names: Vec<&str> = fact.names.iter().map(String::as_str).filter(|name| telling(name)).collect();
            let carrier = match &fact.act {
                FactAct::Sink(_) => continue,
                FactAct::Store(kind) if names.is_empty() => kind.clone(),
                FactAct::Store(kind) => format!("{kind} {}", names.join(" or ")),
                FactAct::Field(field) => format!("field {field}"),
                FactAct::Reply(reply) => match self.asked_for(chain, position) {
                    Some(uris) => format!("{uris} (provider {})", reply.class),
                    None => format!("provider {}", reply.class),
                },
                FactAct::Send(sent) => sent.to_string(),
            };
            if !found.contains(&carrier) {
                found.push(carrier);
            }
        }
        found.truncate(LISTED_MAX);
        found
    }

    /// The URIs under which the fact at a position of the chain was asked for.
    fn asked_for(&self, chain: &[Hop], position: usize) -> Option<String> {
        let (reader, answer) = (chain.get(position.checked_sub(1)?)?, chain.get(position)?);
        let FactWhat::Provider(_, uris) = &self.data(*reader)?.what else { return None };
        let providers = self.apps.get(answer.app).map(|app| app.providers.as_slice()).unwrap_or_default();
        let served = |uri: &&String| {
            let authority = authority(uri);
            authority.is_some_and(|name| providers.iter().any(|p| p.authorities.iter().any(|own| own == name)))
        };
        let served: Vec<&str> = uris.iter().filter(served).map(String::as_str).collect();
        (!served.is_empty()).then(|| served.join(" or "))
    }

    fn steps(&self, chain: &[Hop]) -> Vec<Step> {
        let mut steps = Vec::new();
        let last = chain.len().saturating_sub(1);
        for (position, hop) in chain.iter().enumerate().rev() {
            let (Some(fact), Some(data)) = (self.fact(*hop), self.data(*hop)) else { continue };
            let Some(app) = self.apps.get(hop.app) else { continue };
            let container = self.containers.get(hop.app).map_or("", String::as_str);
            for (at, step) in data.trace.iter().enumerate() {
                let entering = at == 0 && position < last;
                let way = if entering { read_hop(&data.what) } else { step.hop };
                steps.push(tell(app.facts, &app.package, container, step, way));
            }
            let trace_last = fact.trace.len().saturating_sub(1);
            for (at, step) in fact.trace.iter().enumerate() {
                let way = if at == trace_last && position > 0 { write_hop(&fact.act) } else { step.hop };
                steps.push(tell(app.facts, &app.package, container, step, way));
            }
        }
        steps.dedup();
        steps
    }
}

/// Most texts are known already: there are many flows.
fn note_all<'t>(known: &mut BTreeSet<String>, texts: impl IntoIterator<Item = &'t String>) {
    for text in texts {
        if !known.contains(text) {
            known.insert(text.clone());
        }
    }
}

fn tell(facts: &AppFacts, app: &str, container: &str, step: &StepRef, hop: findings::Hop) -> Step {
    let text = facts.steps.get(step.step as usize);
    let location = Location {
        container: container.to_owned(),
        path: text.map(|text| text.path.clone()).unwrap_or_default(),
        offset: text.map(|text| text.offset),
    };
    let instruction = text.map(|text| text.text.clone()).unwrap_or_default();
    let told = match &step.note {
        Some(note) => format!("{instruction}  [{note}]"),
        None => instruction,
    };
    Step {
        hop,
        app: app.to_owned(),
        at: location,
        method: text.map(|text| text.method.clone()).unwrap_or_default(),
        code_unit: text.map_or(0, |text| text.code_unit),
        text: told,
    }
}

fn read_hop(what: &FactWhat) -> findings::Hop {
    match what {
        FactWhat::Field(_) => findings::Hop::Field,
        FactWhat::Provider(..) => findings::Hop::Provider,
        FactWhat::Store(kind, _) => store_hop(kind),
        FactWhat::Received(..) => findings::Hop::Channel,
        FactWhat::Kind(..) | FactWhat::Table(..) => findings::Hop::Source,
    }
}

fn write_hop(act: &FactAct) -> findings::Hop {
    match act {
        FactAct::Sink(_) => findings::Hop::Sink,
        FactAct::Field(_) => findings::Hop::Field,
        FactAct::Reply(_) => findings::Hop::Provider,
        FactAct::Store(kind) => store_hop(kind),
        FactAct::Send(_) => findings::Hop::Channel,
    }
}

fn store_hop(kind: &str) -> findings::Hop {
    match kind {
        "database" => findings::Hop::Database,
        "file" => findings::Hop::File,
        "provider" => findings::Hop::Provider,
        _ => findings::Hop::Channel,
    }
}

const fn axis(axis: knowledge::Axis) -> Axis {
    match axis {
        knowledge::Axis::Takes => Axis::Takes,
        knowledge::Axis::Obeys => Axis::Obeys,
        knowledge::Axis::Exposes => Axis::Exposes,
    }
}

fn listed<'s>(details: impl Iterator<Item = &'s String>) -> Vec<String> {
    let all: BTreeSet<&String> = details.filter(|detail| telling(detail)).collect();
    all.into_iter().take(LISTED_MAX).cloned().collect()
}

fn transport(addresses: &[String]) -> Transport {
    if addresses.iter().any(|address| address.starts_with("http://")) {
        Transport::ClearHttp
    } else if addresses.iter().any(|address| address.starts_with("https://")) {
        Transport::Tls
    } else {
        Transport::Unknown
    }
}

/// Names a claim by what it claims, not by where the image was packed.
fn digest(parts: &FindingParts, paths: [&str; 2]) -> String {
    let mut digest = Sha256::new();
    let words = [&parts.rule, &parts.source.kind, &parts.sink.kind].into_iter().chain(&parts.apps);
    for part in words.map(String::as_str).chain(paths) {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
