//! Analysing one app by itself, and putting what it does into plain words.

use std::collections::{BTreeMap, BTreeSet};

use code::{FieldId, MethodId, Program};
use knowledge::Knowledge;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    app::App,
    field_texts::{self, Resolved},
    intents::dotted,
    native::Library,
    platform::Supertypes,
    roots::{self, PLATFORM, Roots},
    schedule,
    user_acts::UserActs,
};
use crate::{
    constants::Bodies,
    domain::{
        intents::{Enrolment, Letter, Operation, Sending},
        source::{Names, What},
        summary::{Act, Effect},
        tags::{Doubts, Tag, Tags},
        text::PatternId,
        trace::{Site, Trace, TraceStep},
    },
    facts::{AppFacts, Fact, FactAct, FactData, FactWhat, Registration, Reply, Sent, StepRef, StepText},
    kinds::Kinds,
};

/// Bytes of a code item before its first instruction.
const CODE_ITEM_HEADER_BYTES: u64 = 16;

/// An app to analyse.
#[derive(Clone, Copy)]
pub struct AppInput<'a> {
    /// Its code.
    pub program: &'a Program,
    /// What is known of the platform and its libraries.
    pub knowledge: &'a Knowledge,
    /// Names of kinds, of the same knowledge.
    pub kinds: &'a Kinds,
    /// What the platform starts.
    pub components: &'a [EntryComponent],
    /// Where the interpreter of constants gets method bodies.
    pub bodies: &'a dyn Bodies,
    /// The text of a resource of the app, by number; of a view, what is typed into it.
    pub text: &'a dyn Fn(u32) -> Option<String>,
    /// What stands above the classes of the framework that it runs on, as far as an image brings one.
    pub framework: &'a Supertypes,
    /// Actions that the image lets nobody but the platform broadcast, besides those of the public platform.
    pub broadcasts: &'a BTreeSet<String>,
    /// Its native libraries.
    pub libraries: &'a [Library],
}

/// A component the platform starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryComponent {
    /// `activity`, `service`, `receiver`, `provider`, `application`; `view` and `fragment` for what layouts make.
    pub kind: String,
    /// Fully qualified class name, with dots.
    pub class: String,
    /// Whether other apps can reach it.
    pub exported: bool,
    /// Authorities of a provider.
    pub authorities: Vec<String>,
    /// Further methods the platform calls on it (from `android:onClick`, say), by name and, if it matters, parameters.
    pub methods: Vec<String>,
}

/// What an app does to the world.
#[must_use]
pub fn analyse_app(input: AppInput<'_>) -> AppFacts {
    let mut app = App::new(input);
    roots::note_components(&mut app, input.components);
    app.user_acts = UserActs::of(&app, input.components);
    let size = schedule::summarise_all(&mut app);
    let roots = roots::settle(&mut app, input.components);
    let resolved = field_texts::resolve(&mut app);
    let mut export = Export { app: &app, resolved, steps: Vec::new(), positions: BTreeMap::new() };
    let facts = export.facts(&roots);
    let steps = export.step_texts();
    let registrations = export.registrations(&roots);
    let named = export.named(&roots);
    let ancestors = export.ancestors(&facts, input.components);
    AppFacts {
        facts,
        steps,
        entries: roots.entries,
        registrations,
        named,
        ancestors,
        methods: size.methods,
        instructions: size.instructions,
        unknown_instructions: size.unknown_instructions,
        cuts: app.cuts.iter().map(|(&name, &count)| (name.to_owned(), count)).collect(),
    }
}

struct Export<'e, 'a> {
    app: &'e App<'a>,
    resolved: Resolved,
    steps: Vec<Site>,
    positions: BTreeMap<Site, u32>,
}

impl Export<'_, '_> {
    fn facts(&mut self, roots: &Roots) -> Vec<Fact> {
        let mut methods: Vec<MethodId> = self.app.facts.keys().copied().collect();
        methods.sort();
        let own = methods.iter().flat_map(|&method| {
            self.app.facts.get(&method).into_iter().flatten().map(move |effect| (effect, method, None))
        });
        let entered = roots.effects.iter().map(|(method, effect, reply)| (effect, *method, reply.as_ref()));
        let all: Vec<(&Effect, MethodId, Option<&Reply>)> = own.chain(entered).collect();
        let fields = LinkedFields::new(self.app, all.iter().map(|(effect, ..)| *effect));
        let mut facts = Vec::new();
        for (effect, method, reply) in all {
            if matches!(effect.act, Act::Register(_) | Act::Forward(..) | Act::Enrol(..) | Act::Name(_))
                || matches!(effect.act, Act::Field(field) if !fields.needed.contains(&field))
            {
                continue;
            }
            facts.extend(self.fact(effect, (method, roots), reply, &fields));
        }
        if self.app.knowledge.follows_branches {
            leave_out_deciders(&mut facts);
        }
        facts
    }

    fn fact(
        &mut self,
        effect: &Effect,
        (method, roots): (MethodId, &Roots),
        reply: Option<&Reply>,
        fields: &LinkedFields,
    ) -> Option<Fact> {
        let kinds = self.app.kinds;
        let act = match &effect.act {
            Act::Sink(kind) => FactAct::Sink(kinds.name(*kind).to_owned()),
            Act::Store(kind) => FactAct::Store(kinds.name(*kind).to_owned()),
            Act::Field(field) => FactAct::Field(self.app.program.field_text(*field)),
            Act::Reply => FactAct::Reply(reply?.clone()),
            Act::Send(sending) => FactAct::Send(Box::new(self.sent(sending))),
            Act::Callback(..)
            | Act::Stream(_)
            | Act::Forward(..)
            | Act::Register(_)
            | Act::Enrol(..)
            | Act::Name(_) => return None,
        };
        let mut data = self.data(&effect.data, fields, roots);
        // An answer without data is one too: for its URI there is no other.
        if data.is_empty() && !effect.act.tells_alone() && !matches!(act, FactAct::Reply(_)) {
            return None;
        }
        let (names, several) = self.names(&effect.names);
        if several && matches!(act, FactAct::Store(_)) {
            data.iter_mut().for_each(|data| data.doubts.extend(Doubts::STORE_NAME_PARTIAL.reasons()));
        }
        let trace = self.trace(&effect.trace);
        let entry = roots.entry_of.get(&method).copied();
        let passes_user = self.app.user_acts.is_passed_by(&effect.trace);
        let without_user = roots.user.without(method).filter(|_| !passes_user);
        let only_by_user = [method, effect.site.method].iter().any(|&method| roots.only_by_user(method));
        let user_acts = self.app.user_acts.acts_in(&effect.trace, Some(method));
        Some(Fact { act, names, data, trace, entry, without_user, only_by_user, user_acts })
    }

    fn data(&mut self, tags: &Tags, fields: &LinkedFields, roots: &Roots) -> Vec<FactData> {
        let mut data = Vec::new();
        for tagged in tags.iter() {
            let Tag::Source(id) = tagged.tag else { continue };
            let Some(source) = self.app.tables.sources.get(id) else { continue };
            let mut doubts = tagged.doubts;
            let mut names = |names: &Names| {
                let (names, several) = self.names(names);
                doubts = if several { doubts.and(Doubts::STORE_NAME_PARTIAL) } else { doubts };
                names
            };
            let kind_name = |kind: u32| self.app.kinds.name(kind).to_owned();
            let what = match &source.what {
                What::Kind(kind, details) => FactWhat::Kind(kind_name(*kind), self.names(details).0),
                What::Provider(operation, uris) => FactWhat::Provider(kind_name(*operation), names(uris)),
                What::Store(kind, parts) => FactWhat::Store(kind_name(*kind), names(parts)),
                What::Table(table, keys) => FactWhat::Table(kind_name(*table), names(keys)),
                What::Field(field) if fields.filled.contains(field) => {
                    FactWhat::Field(self.app.program.field_text(*field))
                }
                What::Received(class, letter, key) => {
                    let key = key.map(|key| self.app.tables.patterns.display(PatternId(key)));
                    let of_platform = tagged.doubts.is_of_platform() && *letter == Letter::Intent;
                    let letter = if of_platform { Letter::OfPlatform } else { *letter };
                    FactWhat::Received(dotted(self.app.program.descriptor(*class)), letter, key)
                }
                What::Field(_) | What::Stream(_) => continue,
            };
            let trace = self.trace(&tagged.trace);
            let told = |words: &str| trace.iter().any(|step| step.note.as_deref() == Some(words));
            let passed = tagged.operations.positions().filter_map(|position| self.app.operations.get(position));
            let operations = passed.filter(|words| !told(words)).map(|words| words.to_string()).collect();
            let passes_user = self.app.user_acts.is_passed_by(&tagged.trace);
            let only_by_user = roots.only_by_user(source.site.method);
            let user_acts = self.app.user_acts.acts_in(&tagged.trace, None);
            let doubts = doubts.reasons();
            data.push(FactData { what, trace, operations, doubts, passes_user, only_by_user, user_acts });
        }
        data
    }

    fn sent(&self, sending: &Sending) -> Sent {
        let address = &sending.address;
        Sent {
            operation: sending.manner.operation,
            component: self.names(&address.component).0,
            package: self.names(&address.package).0,
            action: self.names(&address.action).0,
            categories: self.names(&address.categories).0,
            data: self.names(&address.data).0,
            mime_type: self.names(&address.mime_type).0,
            key: sending.key.map(|key| self.app.tables.patterns.display(key)),
            permission: self.names(&sending.manner.permission).0,
            sender: sending.manner.sender.map(|ty| dotted(self.app.program.descriptor(ty))),
        }
    }

    fn registrations(&self, roots: &Roots) -> Vec<Registration> {
        let own = self.app.facts.values().flatten();
        let all = own.chain(roots.effects.iter().map(|(_, effect, _)| effect));
        let found: BTreeSet<Registration> = all
            .filter_map(|effect| match &effect.act {
                Act::Register(enrolment) => Some(self.registration(enrolment)),
                _ => None,
            })
            .collect();
        found.into_iter().collect()
    }

    /// What is done with names alone, by kind; a name that is only partly known is none.
    fn named(&self, roots: &Roots) -> BTreeMap<String, BTreeSet<String>> {
        let own = self.app.facts.values().flatten();
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for effect in own.chain(roots.effects.iter().map(|(_, effect, _)| effect)) {
            let Act::Name(kind) = effect.act else { continue };
            let names = self.names(&effect.names).0.into_iter().filter(|name| !name.is_empty() && !name.contains('*'));
            found.entry(self.app.kinds.name(kind).to_owned()).or_default().extend(names);
        }
        found
    }

    fn registration(&self, enrolment: &Enrolment) -> Registration {
        let [actions, categories, schemes, hosts, paths, mime_types] =
            enrolment.filter.each_ref().map(|names| self.names(names).0);
        Registration {
            class: dotted(self.app.program.descriptor(enrolment.receiver)),
            local: enrolment.manner.operation == Operation::RegisterLocal,
            actions,
            categories,
            schemes,
            hosts,
            paths,
            mime_types,
            permission: self.names(&enrolment.manner.permission).0,
        }
    }

    /// What stands above each class that is sent or receives something.
    fn ancestors(&self, facts: &[Fact], components: &[EntryComponent]) -> BTreeMap<String, Vec<String>> {
        let mut classes: BTreeSet<&str> = components.iter().map(|component| component.class.as_str()).collect();
        classes.extend(facts.iter().filter_map(|fact| match &fact.act {
            FactAct::Send(sent) => sent.sender.as_deref(),
            _ => None,
        }));
        let program = self.app.program;
        let mut found = BTreeMap::new();
        for class in classes {
            let descriptor = format!("L{};", class.replace('.', "/"));
            let Some(ty) = program.find_type(&descriptor) else { continue };
            let own = self.app.classes.ancestors(ty);
            let own = own
                .iter()
                .skip(1)
                .filter(|above| program.find_type(above).is_some_and(|above| program.class_of(above).is_some()));
            found.insert(class.to_owned(), own.map(|above| dotted(above)).collect());
        }
        found
    }

    /// Names as texts, and whether a field they come from is given several.
    fn names(&self, names: &Names) -> (Vec<String>, bool) {
        let (mut texts, mut several) = (BTreeSet::new(), false);
        for &name in names {
            let (patterns, more) = self.resolved.of(name);
            several |= more;
            texts.extend(patterns.into_iter().map(|pattern| self.app.tables.patterns.display(pattern)));
        }
        (texts.into_iter().collect(), several)
    }

    fn trace(&mut self, trace: &Trace) -> Vec<StepRef> {
        let steps = trace.steps();
        steps.iter().filter(|step| step.site.method != PLATFORM).map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &TraceStep) -> StepRef {
        let next = self.steps.len() as u32;
        let steps = &mut self.steps;
        let position = *self.positions.entry(step.site).or_insert_with(|| {
            steps.push(step.site);
            next
        });
        StepRef { step: position, hop: step.hop, note: step.note.as_ref().map(|note| note.to_string()) }
    }

    fn step_texts(&self) -> Vec<StepText> {
        let mut by_method: BTreeMap<MethodId, Vec<usize>> = BTreeMap::new();
        for (position, site) in self.steps.iter().enumerate() {
            by_method.entry(site.method).or_default().push(position);
        }
        let mut texts: Vec<Option<StepText>> = vec![None; self.steps.len()];
        for (method, positions) in by_method {
            self.method_texts(method, &positions, &mut texts);
        }
        texts.into_iter().map(|text| text.unwrap_or_else(missing)).collect()
    }

    fn method_texts(&self, method: MethodId, positions: &[usize], texts: &mut [Option<StepText>]) {
        let program = self.app.program;
        let code = program.definition(method).and_then(|(_, definition)| definition.code);
        let path = code.and_then(|code| program.files().get(code.file as usize)).map(|file| file.path.clone());
        let body = self.app.body(method);
        let lines: FxHashMap<u32, String> = body.as_ref().map_or_else(FxHashMap::default, |body| {
            let wanted: BTreeSet<u32> = positions.iter().map(|&position| self.steps[position].address).collect();
            let found = body.instructions.iter().filter(|instruction| wanted.contains(&instruction.address));
            found.map(|instruction| (instruction.address, program.instruction_text(body, instruction))).collect()
        });
        for &position in positions {
            let address = self.steps[position].address;
            let start = code.map_or(0, |code| u64::from(code.offset) + CODE_ITEM_HEADER_BYTES);
            texts[position] = Some(StepText {
                path: path.clone().unwrap_or_default(),
                offset: start + 2 * u64::from(address),
                method: program.method_text(method),
                code_unit: address,
                text: lines.get(&address).cloned().unwrap_or_else(|| "entry".to_owned()),
            });
        }
    }
}

fn missing() -> StepText {
    StepText { path: String::new(), offset: 0, method: String::new(), code_unit: 0, text: String::new() }
}

/// A branch is told by what a call in it is given only where that is no data of its own: a text of the code that stands for
/// the way that was gone. Of a call that gives data away it would tell just that it is made. Calls are told apart by the ways
/// to them: others may give other things to a method that they share.
fn leave_out_deciders(facts: &mut Vec<Fact>) {
    let is_decider = |data: &FactData| data.doubts.contains(&Doubts::DECIDES_ONLY);
    let way = |fact: &Fact| -> Vec<u32> { fact.trace.iter().rev().map(|step| step.step).collect() };
    let is_sink = |fact: &Fact| matches!(fact.act, FactAct::Sink(_));
    let giving = facts.iter().filter(|fact| is_sink(fact) && fact.data.iter().any(|data| !is_decider(data)));
    let giving: BTreeSet<Vec<u32>> = giving.map(way).collect();
    let gives = |way: &[u32]| {
        let on_this_way = (1..=way.len()).filter_map(|len| way.get(..len)).any(|part| giving.contains(part));
        on_this_way || giving.range(way.to_vec()..).next().is_some_and(|longer| longer.starts_with(way))
    };
    facts.retain_mut(|fact| {
        if !is_sink(fact) || !fact.data.iter().any(is_decider) || !gives(&way(fact)) {
            return true;
        }
        fact.data.retain(|data| !is_decider(data));
        !fact.data.is_empty()
    });
}

/// Fields that join facts: filled with something that comes from outside the app's own fields, and needed by something
/// other than fields.
struct LinkedFields {
    filled: FxHashSet<FieldId>,
    needed: FxHashSet<FieldId>,
}

impl LinkedFields {
    fn new<'e>(app: &App<'_>, effects: impl Iterator<Item = &'e Effect>) -> Self {
        let (mut filled, mut needed) = (FxHashSet::default(), FxHashSet::default());
        let mut into: FxHashMap<FieldId, Vec<FieldId>> = FxHashMap::default();
        let mut out_of: FxHashMap<FieldId, Vec<FieldId>> = FxHashMap::default();
        for effect in effects {
            for tagged in effect.data.iter() {
                let Tag::Source(id) = tagged.tag else { continue };
                let read = app.tables.sources.get(id).map(|source| &source.what);
                match (&effect.act, read) {
                    (Act::Field(to), Some(What::Field(from))) => {
                        into.entry(*from).or_default().push(*to);
                        out_of.entry(*to).or_default().push(*from);
                    }
                    (Act::Field(to), Some(_)) => {
                        filled.insert(*to);
                    }
                    (_, Some(What::Field(from))) => {
                        needed.insert(*from);
                    }
                    _ => {}
                }
            }
        }
        close(&mut filled, &into);
        close(&mut needed, &out_of);
        needed.retain(|field| filled.contains(field));
        Self { filled, needed }
    }
}

/// Adds everything that the edges lead to.
fn close(set: &mut FxHashSet<FieldId>, edges: &FxHashMap<FieldId, Vec<FieldId>>) {
    let mut pending: Vec<FieldId> = set.iter().copied().collect();
    while let Some(field) = pending.pop() {
        for &next in edges.get(&field).into_iter().flatten() {
            if set.insert(next) {
                pending.push(next);
            }
        }
    }
}
