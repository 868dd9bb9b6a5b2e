//! The cases of `fixtures/flows`: one behaviour of the language or the platform each, with what must be said about it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
    sync::Arc,
};

use analysis::{
    AppInput, EntryComponent, Kinds, analyse_app,
    constants::Bodies,
    facts::{AppFacts, FactAct},
    link::{LinkApp, LinkProvider, link},
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

/// Pairs of source kind and sink kind.
type Pairs = BTreeSet<(String, String)>;

struct Suite {
    program: Program,
    cases: Vec<(String, Pairs)>,
    providers: Vec<LinkProvider>,
}

fn suite() -> Suite {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/flows");
    let expected: toml::Table = fs::read_to_string(folder.join("expected.toml")).unwrap().parse().unwrap();
    let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap().to_owned();
    let cases = expected["case"].as_array().unwrap().iter().map(|case| {
        let pairs = case["expect"].as_array().unwrap().iter().map(|pair| (text(pair, "source"), text(pair, "sink")));
        (dotted(&text(case, "class")), pairs.collect())
    });
    let providers = expected["provider"].as_array().unwrap().iter().map(|provider| LinkProvider {
        class: dotted(&text(provider, "class")),
        authorities: vec![text(provider, "authority")],
        exported: provider["exported"].as_bool().unwrap(),
        read_permission: None,
    });
    let dex = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let dex = dex.filter(|path| path.extension().is_some_and(|extension| extension == "dex"));
    let files: Vec<InputFile> =
        dex.map(|path| InputFile { path: "flows.dex".into(), source: ByteSource::open(&path).unwrap() }).collect();
    let program = Program::build(&files, &Budget::new(Limits::FILE));
    assert!(program.problems.is_empty(), "{:?}", program.problems);
    Suite { program, cases: cases.collect(), providers: providers.collect() }
}

fn dotted(descriptor: &str) -> String {
    descriptor.trim_start_matches('L').trim_end_matches(';').replace('/', ".")
}

fn analysed(suite: &Suite, knowledge: &Knowledge) -> AppFacts {
    let case = |class: &String| EntryComponent {
        kind: "case".into(),
        class: class.clone(),
        exported: false,
        authorities: Vec::new(),
        methods: vec!["run".into()],
    };
    let provider = |provider: &LinkProvider| EntryComponent {
        kind: "provider".into(),
        class: provider.class.clone(),
        exported: false,
        authorities: provider.authorities.clone(),
        methods: Vec::new(),
    };
    let mut components: Vec<EntryComponent> = suite.cases.iter().map(|(class, _)| case(class)).collect();
    components.extend(suite.providers.iter().map(provider));
    let kept = Kept(&suite.program, RefCell::default());
    let kinds = Kinds::new(knowledge);
    analyse_app(AppInput { program: &suite.program, knowledge, kinds: &kinds, components: &components, bodies: &kept })
}

/// What is said about each case: pairs whose source a `takes` or `obeys` rule could speak of.
fn said(suite: &Suite, knowledge: &Knowledge) -> BTreeMap<String, Pairs> {
    let facts = analysed(suite, knowledge);
    let app = LinkApp {
        package: "flows".into(),
        path: "/flows.dex".into(),
        owner: "flows".into(),
        core_user: false,
        permissions: Vec::new(),
        providers: suite.providers.clone(),
        facts: &facts,
    };
    let apps = [app];
    let (flows, _) = link(&apps, knowledge);
    let mut said: BTreeMap<String, Pairs> = BTreeMap::new();
    let spoken_of: BTreeSet<(&String, &String)> = knowledge
        .rules
        .iter()
        .flat_map(|rule| rule.sources.iter().flat_map(move |source| rule.sinks.iter().map(move |sink| (source, sink))))
        .collect();
    for flow in &flows {
        let fact = &facts.facts[flow.chain[0].fact];
        let (FactAct::Sink(sink), Some(entry)) = (&fact.act, fact.entry) else { continue };
        if spoken_of.contains(&(&flow.source, sink)) {
            let case = facts.entries[entry as usize].trim_start_matches("case ").to_owned();
            said.entry(case).or_default().insert((flow.source.clone(), sink.clone()));
        }
    }
    said
}

#[test]
fn every_case_says_exactly_what_is_expected() {
    let suite = suite();
    let knowledge = Knowledge::embedded().unwrap();
    let said = said(&suite, &knowledge);
    let mut wrong = Vec::new();
    for (class, expected) in &suite.cases {
        let found = said.get(class).cloned().unwrap_or_default();
        if found != *expected {
            let missed: Vec<_> = expected.difference(&found).collect();
            let invented: Vec<_> = found.difference(expected).collect();
            wrong.push(format!("{class}: missed {missed:?}, invented {invented:?}"));
        }
    }
    assert!(suite.cases.len() > 50, "the cases are gone");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), suite.cases.len(), wrong.join("\n"));
}
