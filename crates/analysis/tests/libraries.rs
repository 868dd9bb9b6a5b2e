//! The cases of `fixtures/libraries`: what an app does by code of a library that its device brings.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::{collections::BTreeMap, collections::BTreeSet, fs, path::Path, path::PathBuf};

use analysis::EntryComponent;
use code::{Library, Part, Program};
use common::{Pairs, pairs, program, said};
use knowledge::Knowledge;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/libraries")
}

fn expected() -> toml::Table {
    fs::read_to_string(folder().join("expected.toml")).unwrap().parse().unwrap()
}

fn library(knowledge: &Knowledge) -> Library {
    Library::new(program(&folder().join("library.dex")), &|class| !knowledge.is_of_platform(class))
}

fn part(library: &Library, app: &Program) -> Part {
    library.part_for(app, &["Lmaker/library/Watcher;".to_owned(), "Lorg/example/app/Static;".to_owned()])
}

fn components(expected: &toml::Table) -> Vec<(EntryComponent, Pairs)> {
    let components = expected["component"].as_array().unwrap().iter();
    let component = |entry: &toml::Value| {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        let (kind, class) = (text("kind"), text("class"));
        let component = EntryComponent { kind, class, exported: false, authorities: Vec::new(), methods: Vec::new() };
        (component, pairs(&entry["pairs"]))
    };
    components.map(component).collect()
}

fn told(program: &Program, components: &[(EntryComponent, Pairs)], knowledge: &Knowledge) -> BTreeMap<String, Pairs> {
    let entries: Vec<EntryComponent> = components.iter().map(|(component, _)| component.clone()).collect();
    said(program, &entries, (&[], &[]), &[], knowledge, &|_| None)
}

#[test]
fn what_a_library_does_for_an_app_is_said_of_the_app() {
    let (knowledge, expected) = (Knowledge::embedded().unwrap(), expected());
    let (library, app) = (library(&knowledge), program(&folder().join("app.dex")));
    let part = part(&library, &app);
    let followed = app.clone().with_parts_of(library.program(), &part.classes, &part.methods);
    let components = components(&expected);
    let told_alone = told(&app, &components, &knowledge);
    assert_eq!(told_alone.values().flatten().count(), 0, "the app alone does nothing of it");
    let told = told(&followed, &components, &knowledge);
    let name = |component: &EntryComponent| format!("{} {}", component.kind, component.class);
    for (component, expected) in &components {
        assert_eq!(told.get(&name(component)).cloned().unwrap_or_default(), *expected, "{}", component.class);
    }
}

#[test]
fn only_what_the_app_comes_to_is_taken() {
    let (knowledge, expected) = (Knowledge::embedded().unwrap(), expected());
    let (library, app) = (library(&knowledge), program(&folder().join("app.dex")));
    let part = part(&library, &app);
    let text = |&method| library.program().method_text(method).split_once('(').unwrap().0.to_owned();
    let reached: BTreeSet<String> = part.methods.iter().map(text).collect();
    let wanted = expected["reached"][0]["methods"].as_array().unwrap();
    let wanted: BTreeSet<String> = wanted.iter().map(|method| method.as_str().unwrap().to_owned()).collect();
    assert_eq!(reached, wanted);
    assert!(!part.is_cut);
    // An app that names nothing of it gets nothing.
    assert_eq!(library.part_for(&Program::default(), &[]), Part::default());
}
