//! Analysing one app by itself, and putting what it does into plain words.

use std::collections::{BTreeMap, BTreeSet};

use code::{MethodId, Program};
use knowledge::Knowledge;
use rustc_hash::FxHashMap;

use super::{
    app::App,
    roots::{self, PLATFORM, Roots},
    schedule,
};
use crate::{
    constants::Bodies,
    domain::{
        source::{Names, What},
        summary::{Act, Effect},
        tags::{Tag, Tags},
        trace::{Site, Trace, TraceStep},
    },
    facts::{AppFacts, Fact, FactAct, FactData, FactWhat, StepRef, StepText},
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
}

/// A component the platform starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryComponent {
    /// `activity`, `service`, `receiver`, `provider`, `application`.
    pub kind: String,
    /// Fully qualified class name, with dots.
    pub class: String,
    /// Whether other apps can reach it.
    pub exported: bool,
    /// Further methods the platform calls on it, by name (from `android:onClick`, say).
    pub methods: Vec<String>,
}

/// What an app does to the world.
#[must_use]
pub fn analyse_app(input: AppInput<'_>) -> AppFacts {
    let mut app = App::new(input.program, input.knowledge, input.kinds, input.bodies);
    let size = schedule::summarise_all(&mut app);
    let roots = roots::settle(&mut app, input.components);
    let mut export = Export { app: &app, steps: Vec::new(), positions: BTreeMap::new() };
    let mut facts = export.facts(&roots);
    keep_needed(&mut facts);
    let steps = export.step_texts();
    AppFacts {
        facts,
        steps,
        entries: roots.entries,
        methods: size.methods,
        instructions: size.instructions,
        unknown_instructions: size.unknown_instructions,
        cuts: app.cuts.iter().map(|(&name, &count)| (name.to_owned(), count)).collect(),
    }
}

struct Export<'e, 'a> {
    app: &'e App<'a>,
    steps: Vec<Site>,
    positions: BTreeMap<Site, u32>,
}

impl Export<'_, '_> {
    fn facts(&mut self, roots: &Roots) -> Vec<Fact> {
        let mut methods: Vec<MethodId> = self.app.facts.keys().copied().collect();
        methods.sort();
        let mut facts = Vec::new();
        for method in methods {
            let entry = roots.entry_of.get(&method).copied();
            for effect in self.app.facts.get(&method).into_iter().flatten() {
                facts.extend(self.fact(effect, entry, None));
            }
        }
        for (method, effect, reply) in &roots.effects {
            let entry = roots.entry_of.get(method).copied();
            facts.extend(self.fact(effect, entry, reply.as_deref()));
        }
        facts
    }

    fn fact(&mut self, effect: &Effect, entry: Option<u32>, reply: Option<&str>) -> Option<Fact> {
        let kinds = self.app.kinds;
        let act = match &effect.act {
            Act::Sink(kind) => FactAct::Sink(kinds.name(*kind).to_owned()),
            Act::Store(kind) => FactAct::Store(kinds.name(*kind).to_owned()),
            Act::Field(field) => FactAct::Field(self.app.program.field_text(*field)),
            Act::Reply => FactAct::Reply(reply?.to_owned()),
            Act::Callback(..) | Act::Stream(_) => return None,
        };
        let data = self.data(&effect.data);
        if data.is_empty() {
            return None;
        }
        let names = self.names(&effect.names);
        let trace = self.trace(&effect.trace);
        Some(Fact { act, names, data, trace, entry })
    }

    fn data(&mut self, tags: &Tags) -> Vec<FactData> {
        let mut data = Vec::new();
        for tagged in tags.iter() {
            let Tag::Source(id) = tagged.tag else { continue };
            let Some(source) = self.app.tables.sources.get(id) else { continue };
            let what = match &source.what {
                What::Kind(kind, names) => FactWhat::Kind(self.app.kinds.name(*kind).to_owned(), self.names(names)),
                What::Provider(names) => FactWhat::Provider(self.names(names)),
                What::Store(kind, names) => FactWhat::Store(self.app.kinds.name(*kind).to_owned(), self.names(names)),
                What::Table(table, names) => FactWhat::Table(self.app.kinds.name(*table).to_owned(), self.names(names)),
                What::Field(field) => FactWhat::Field(self.app.program.field_text(*field)),
                What::Stream(_) => continue,
            };
            let trace = self.trace(&tagged.trace);
            data.push(FactData { what, trace, doubts: tagged.doubts.reasons() });
        }
        data
    }

    fn names(&self, names: &Names) -> Vec<String> {
        let mut texts: Vec<String> = names.iter().map(|&name| self.app.tables.patterns.display(name)).collect();
        texts.sort();
        texts.dedup();
        texts
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
        let body = program.body_of(method).and_then(Result::ok);
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

/// Drops writes to fields that no other kept fact reads.
fn keep_needed(facts: &mut Vec<Fact>) {
    let mut needed: BTreeSet<String> = BTreeSet::new();
    let mut kept: Vec<bool> = facts.iter().map(|fact| !matches!(fact.act, FactAct::Field(_))).collect();
    let mut fresh: Vec<usize> = (0..facts.len()).filter(|&at| kept[at]).collect();
    let mut writers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, fact) in facts.iter().enumerate() {
        if let FactAct::Field(field) = &fact.act {
            writers.entry(field).or_default().push(at);
        }
    }
    while let Some(at) = fresh.pop() {
        for data in &facts[at].data {
            let FactWhat::Field(field) = &data.what else { continue };
            if !needed.insert(field.clone()) {
                continue;
            }
            for &writer in writers.get(field.as_str()).into_iter().flatten() {
                if !kept[writer] {
                    kept[writer] = true;
                    fresh.push(writer);
                }
            }
        }
    }
    let mut keep = kept.into_iter();
    facts.retain(|_| keep.next().unwrap_or(false));
}
