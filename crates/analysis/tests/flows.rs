//! The cases of `fixtures/flows`: one behaviour of the language or the platform each, with what must be said about it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::{fs, path::Path};

use analysis::{EntryComponent, link::LinkProvider};
use common::{Pairs, pairs, program, said};
use knowledge::Knowledge;

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

#[test]
fn every_case_says_exactly_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/flows");
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
    let knowledge = Knowledge::embedded().unwrap();
    let said = said(&program(&folder.join("flows.dex")), &components, &providers, &[], &knowledge);
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
