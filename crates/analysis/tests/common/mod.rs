//! What the tests of flows share: analysing a program and asking what is said of its entry points.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use analysis::{
    AppInput, EntryComponent, Kinds, Library, analyse_app,
    constants::Bodies,
    facts::{AppFacts, FactAct},
    link::{LinkApp, LinkComponent, LinkProvider, link},
};
use bytes::{Budget, ByteSource, Limits};
use code::{Body, InputFile, MethodId, Program};
use knowledge::Knowledge;

struct Kept<'p>(&'p Program, RefCell<HashMap<MethodId, Option<Arc<Body>>>>);

impl Bodies for Kept<'_> {
    fn body(&self, method: MethodId) -> Option<Arc<Body>> {
        let made = || self.0.body_of(method).and_then(Result::ok).map(Arc::new);
        self.1.borrow_mut().entry(method).or_insert_with(made).clone()
    }
}

/// The action that the image of these tests lets nobody but the platform broadcast.
const PROTECTED: &str = "org.example.action.OF_THE_MAKER";

/// Pairs of source kind and sink kind.
pub(crate) type Pairs = BTreeSet<(String, String)>;

/// The code of a file, which must be sound.
pub(crate) fn program(path: &Path) -> Program {
    let file = InputFile { path: "fixture.dex".into(), source: ByteSource::open(path).unwrap() };
    let program = Program::build(&[file], &Budget::new(Limits::FILE));
    assert!(program.problems.is_empty(), "{:?}", program.problems);
    program
}

/// The pairs a list of tables names.
pub(crate) fn pairs(list: &toml::Value) -> Pairs {
    let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|pair| (text(pair, "source"), text(pair, "sink"))).collect()
}

/// What an app does to the world.
pub(crate) fn analysed(
    program: &Program,
    components: &[EntryComponent],
    libraries: &[Library],
    knowledge: &Knowledge,
    text: &dyn Fn(u32) -> Option<String>,
) -> AppFacts {
    let kept = Kept(program, RefCell::default());
    let kinds = Kinds::new(knowledge);
    analyse_app(AppInput {
        program,
        knowledge,
        kinds: &kinds,
        components,
        bodies: &kept,
        text,
        framework: &analysis::Supertypes::new(),
        broadcasts: &BTreeSet::from([PROTECTED.to_owned()]),
        libraries,
    })
}

/// The app that does all this, with what others may reach of it.
pub(crate) fn linked<'f>(facts: &'f AppFacts, providers: &[LinkProvider], components: &[LinkComponent]) -> LinkApp<'f> {
    LinkApp {
        package: "flows".into(),
        path: "/flows.dex".into(),
        owner: "flows".into(),
        core_user: false,
        permissions: Vec::new(),
        asks_for: None,
        providers: providers.to_vec(),
        components: components.to_vec(),
        protects: vec![PROTECTED.into()],
        facts,
    }
}

/// What is said about each entry point, as `kind class`: pairs that a rule could speak of.
pub(crate) fn said(
    program: &Program,
    components: &[EntryComponent],
    (providers, addressed): (&[LinkProvider], &[LinkComponent]),
    libraries: &[Library],
    knowledge: &Knowledge,
    text: &dyn Fn(u32) -> Option<String>,
) -> BTreeMap<String, Pairs> {
    let facts = analysed(program, components, libraries, knowledge, text);
    // Some rules speak only of what runs as a user of the system.
    let apps = [LinkApp { core_user: true, ..linked(&facts, providers, addressed) }];
    let mut said: BTreeMap<String, Pairs> = BTreeMap::new();
    let spoken_of: BTreeSet<(&String, &String)> = knowledge
        .rules
        .iter()
        .flat_map(|rule| rule.sources.iter().flat_map(move |source| rule.sinks.iter().map(move |sink| (source, sink))))
        .collect();
    link(&apps, knowledge, &mut |flow| {
        let fact = &facts.facts[flow.chain[0].fact];
        let (FactAct::Sink(sink), Some(entry)) = (&fact.act, fact.entry) else { return };
        let pair = (flow.source.to_owned(), sink.clone());
        if spoken_of.contains(&(&pair.0, &pair.1)) {
            said.entry(facts.entries[entry as usize].clone()).or_default().insert(pair);
        }
    });
    said
}
