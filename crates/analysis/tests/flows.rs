//! The cases of `fixtures/flows`: one behaviour of the language or the platform each, with what must be said about it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod common;
#[path = "../../code/tests/common/mod.rs"]
mod writers;

use std::{fs, path::Path};

use analysis::{
    EntryComponent,
    facts::{AppFacts, FactAct, ReplyTo},
    link::LinkProvider,
};
use bytes::{Budget, ByteSource, Limits};
use code::{InputFile, MethodId, Program};
use common::{Pairs, analysed, pairs, program, said};
use knowledge::Knowledge;
use writers::{oat, quick};

fn dotted(descriptor: &str) -> String {
    descriptor.trim_start_matches('L').trim_end_matches(';').replace('/', ".")
}

fn component(kind: &str, class: &str, methods: &[&str], authorities: &[String]) -> EntryComponent {
    EntryComponent {
        kind: kind.into(),
        class: class.into(),
        exported: false,
        authorities: authorities.to_vec(),
        methods: methods.iter().map(|&method| method.into()).collect(),
    }
}

/// Cases by class, providers, and the components of both.
type Cases = (Vec<(String, Pairs)>, Vec<LinkProvider>, Vec<EntryComponent>);

fn cases(folder: &Path) -> Cases {
    let expected: toml::Table = fs::read_to_string(folder.join("expected.toml")).unwrap().parse().unwrap();
    let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap().to_owned();
    let cases = expected["case"].as_array().unwrap().iter();
    let cases: Vec<(String, Pairs)> =
        cases.map(|case| (dotted(&text(case, "class")), pairs(&case["expect"]))).collect();
    let providers = expected["provider"].as_array().unwrap().iter().map(|provider| LinkProvider {
        class: dotted(&text(provider, "class")),
        authorities: vec![text(provider, "authority")],
        exported: provider["exported"].as_bool().unwrap(),
        open: provider["exported"].as_bool().unwrap(),
        open_to_writers: true,
        read_permission: None,
    });
    let providers: Vec<LinkProvider> = providers.collect();
    let mut components: Vec<EntryComponent> =
        cases.iter().map(|(class, _)| component("case", class, &["run"], &[])).collect();
    components
        .extend(providers.iter().map(|provider| component("provider", &provider.class, &[], &provider.authorities)));
    (cases, providers, components)
}

#[test]
fn every_case_says_exactly_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/flows");
    let (cases, providers, components) = cases(&folder);
    let knowledge = Knowledge::embedded().unwrap();
    let said = said(&program(&folder.join("flows.dex")), &components, (&providers, &[]), &[], &knowledge, &|_| None);
    let mut wrong = Vec::new();
    for (class, expected) in &cases {
        let found = said.get(&format!("case {class}")).cloned().unwrap_or_default();
        if found != *expected {
            let missed: Vec<_> = expected.difference(&found).collect();
            let invented: Vec<_> = found.difference(expected).collect();
            wrong.push(format!("{class}: missed {missed:?}, invented {invented:?}"));
        }
    }
    assert!(cases.len() > 50, "the cases are gone");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// An optimised file in which nothing was rewritten, and that names no class path.
fn optimised(dex: &[u8]) -> Vec<u8> {
    const HEADER_LEN: u32 = 40;
    let len = dex.len() as u32;
    let end = HEADER_LEN + len.next_multiple_of(8);
    let mut out = b"dey\n036\0".to_vec();
    for field in [HEADER_LEN, len, end, 16, end + 16, 0, 0, 0] {
        out.extend(field.to_le_bytes());
    }
    out.extend(dex);
    out.resize(end as usize + 16, 0);
    out
}

/// The files of an app, by name.
type Files = Vec<(&'static str, Vec<u8>)>;

/// The same code in each kind of what holds code, as the files of an app; that bodies are the same from every version is tested where
/// they are read.
fn containers(dex: &[u8]) -> Vec<(&'static str, Files)> {
    let rewritten = [quick::quicken(dex, true)];
    let (shortened, kept) = quick::quicken(dex, false);
    let odex = |version, dex: &[u8]| oat::elf(&oat::oat(version, &[("X.apk", dex.to_vec())]), true);
    let quickened = oat::oat_with(88, &[("X.apk", shortened)], std::slice::from_ref(&kept));
    vec![
        ("dey036", vec![("X.odex", optimised(dex))]),
        ("oat 39", vec![("X.odex", odex(39, dex))]),
        ("oat 88", vec![("X.odex", oat::elf(&quickened, true))]),
        ("oat 131", vec![("X.odex", odex(131, dex)), ("X.vdex", quick::vdex(10, &rewritten))]),
        ("compact dex", vec![("X.vdex", quick::compact_vdex(&rewritten))]),
    ]
}

/// The facts without the places of files, which are those of the container.
fn facts(files: Files, components: &[EntryComponent], knowledge: &Knowledge) -> AppFacts {
    let open = |(path, bytes): (&str, Vec<u8>)| InputFile { path: path.into(), source: ByteSource::from_bytes(bytes) };
    let files: Vec<InputFile> = files.into_iter().map(open).collect();
    let program = Program::build(&files, &Budget::new(Limits::FILE));
    assert!(program.problems.is_empty(), "{:?}", program.problems);
    let mut facts = analysed(&program, components, &[], knowledge, &|_| None);
    for step in &mut facts.steps {
        (step.path, step.offset) = (String::new(), 0);
    }
    facts
}

#[test]
fn the_same_app_does_the_same_whichever_container_it_comes_from() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/flows");
    let (_, _, components) = cases(&folder);
    let knowledge = Knowledge::embedded().unwrap();
    let dex = writers::fixture("../flows/flows.dex");
    let expected = facts(vec![("classes.dex", dex.clone())], &components, &knowledge);
    assert!(expected.facts.len() > 100 && expected.steps.len() > 100, "{}", expected.facts.len());
    for (name, files) in containers(&dex) {
        let found = facts(files, &components, &knowledge);
        assert_eq!(found.steps, expected.steps, "{name}");
        assert_eq!(found.facts, expected.facts, "{name}");
        assert_eq!(
            (found.entries, found.registrations),
            (expected.entries.clone(), expected.registrations.clone()),
            "{name}"
        );
    }
}

/// The code with these calls of a matcher under a number that stands for nothing without the class path, as devices rewrite them.
fn without_matcher(dex: &[u8], calls: &[&str]) -> Vec<u8> {
    const INVOKE_VIRTUAL: u8 = 0x6e;
    const INVOKE_VIRTUAL_QUICK: u8 = 0xe9;
    let file = InputFile { path: "classes.dex".into(), source: ByteSource::from_bytes(dex.to_vec()) };
    let program = Program::build(&[file], &Budget::new(Limits::FILE));
    let of_matcher = |&id: &u32| {
        let method = program.method(MethodId(id)).unwrap();
        program.descriptor(method.class) == "Landroid/content/UriMatcher;" && calls.contains(&program.text(method.name))
    };
    let mut dex = dex.to_vec();
    for id in (0..program.method_count() as u32).filter(of_matcher) {
        let arguments = program.method(MethodId(id)).unwrap().parameters.len() as u8 + 1;
        let index = (id as u16).to_le_bytes();
        for unit in (0..dex.len() - 4).step_by(2) {
            if dex[unit] == INVOKE_VIRTUAL && dex[unit + 1] >> 4 == arguments && dex[unit + 2..unit + 4] == index {
                dex[unit] = INVOKE_VIRTUAL_QUICK;
            }
        }
    }
    let sum = writers::dex::adler32(&dex[12..]);
    dex[8..12].copy_from_slice(&sum.to_le_bytes());
    dex
}

/// Doubts of what a provider answers, by to whom.
fn answers(facts: &AppFacts, class: &str) -> Vec<(ReplyTo, Vec<&'static str>)> {
    let data = facts.facts.iter().filter_map(|fact| match &fact.act {
        FactAct::Reply(reply) if reply.class == class && reply.operation == "query" => Some((reply.to, &fact.data)),
        _ => None,
    });
    data.flat_map(|(to, data)| data.iter().map(move |data| (to, data.doubts.clone()))).collect()
}

#[test]
fn answers_that_are_told_apart_by_what_is_not_known_are_doubtful() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/flows");
    let (_, _, components) = cases(&folder);
    let knowledge = Knowledge::embedded().unwrap();
    let dex = writers::fixture("../flows/flows.dex");
    let whole = facts(vec![("classes.dex", dex.clone())], &components, &knowledge);
    let found = answers(&whole, "flows.SplitProvider");
    assert!(
        found.len() == 3 && found.iter().all(|(to, doubts)| *to == ReplyTo::Named && doubts.is_empty()),
        "{found:?}"
    );
    let is_doubtful =
        |doubts: &[&str]| doubts.iter().any(|doubt| doubt.starts_with("how a provider tells its requests apart"));
    // Whether the question is not known, or the entries that its answer rests on.
    for calls in [["addURI", "match"].as_slice(), &["addURI"]] {
        let rewritten = facts(vec![("classes.dex", without_matcher(&dex, calls))], &components, &knowledge);
        let found = answers(&rewritten, "flows.SplitProvider");
        assert!(
            !found.is_empty() && found.iter().all(|(to, doubts)| *to == ReplyTo::All && is_doubtful(doubts)),
            "{calls:?}: {found:?}"
        );
    }
}
