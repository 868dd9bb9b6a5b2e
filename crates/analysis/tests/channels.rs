//! The cases of `fixtures/channels`: what one app sends and another gets, with what must be said about it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use analysis::{
    AppInput, EntryComponent, Kinds, analyse_app,
    constants::Bodies,
    facts::AppFacts,
    link::{LinkApp, LinkComponent, LinkFilter, LinkKind, LinkPath, link},
};
use bytes::{Budget, ByteSource, Limits};
use code::{Body, InputFile, MethodId, Program};
use knowledge::Knowledge;
use toml::Value;

struct Kept<'p>(&'p Program, RefCell<HashMap<MethodId, Option<Arc<Body>>>>);

impl Bodies for Kept<'_> {
    fn body(&self, method: MethodId) -> Option<Arc<Body>> {
        let made = || self.0.body_of(method).and_then(Result::ok).map(Arc::new);
        self.1.borrow_mut().entry(method).or_insert_with(made).clone()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/channels")
}

fn list<'v>(table: &'v Value, key: &str) -> &'v [Value] {
    table.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(table: &Value, key: &str) -> String {
    table.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(table: &Value, key: &str) -> Vec<String> {
    list(table, key).iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn components<'v>(expected: &'v Value, package: &str) -> Vec<&'v Value> {
    list(expected, "component").iter().filter(|component| text(component, "app") == package).collect()
}

fn analysed(dex: &str, components: &[&Value], knowledge: &Knowledge) -> AppFacts {
    let source = ByteSource::open(&folder().join(dex)).unwrap();
    let program = Program::build(&[InputFile { path: dex.into(), source }], &Budget::new(Limits::FILE));
    assert!(program.problems.is_empty(), "{:?}", program.problems);
    let entries: Vec<EntryComponent> = components
        .iter()
        .map(|component| EntryComponent {
            kind: text(component, "kind"),
            class: text(component, "class"),
            exported: component["exported"].as_bool().unwrap(),
            authorities: Vec::new(),
            methods: Vec::new(),
        })
        .collect();
    let kept = Kept(&program, RefCell::default());
    let kinds = Kinds::new(knowledge);
    analyse_app(AppInput {
        program: &program,
        knowledge,
        kinds: &kinds,
        components: &entries,
        bodies: &kept,
        text: &|_| None,
        framework: &analysis::Supertypes::new(),
        broadcasts: &BTreeSet::new(),
        libraries: &[],
    })
}

fn link_component(component: &Value) -> LinkComponent {
    let filter = |filter: &Value| LinkFilter {
        actions: texts(filter, "actions"),
        categories: texts(filter, "categories"),
        schemes: texts(filter, "schemes"),
        hosts: texts(filter, "hosts"),
        paths: texts(filter, "path_prefixes").into_iter().map(LinkPath::Prefix).collect(),
        mime_types: texts(filter, "mime_types"),
        priority: filter.get("priority").and_then(Value::as_integer).unwrap_or(0) as i32,
    };
    let kind = match component["kind"].as_str().unwrap() {
        "activity" => LinkKind::Activity,
        "service" => LinkKind::Service,
        _ => LinkKind::Receiver,
    };
    let exported = component["exported"].as_bool().unwrap();
    let permission = component.get("permission").map(|permission| permission.as_str().unwrap().to_owned());
    LinkComponent {
        kind,
        name: text(component, "class"),
        class: text(component, "class"),
        exported,
        open: exported && permission.is_none(),
        permission,
        filters: list(component, "filter").iter().map(filter).collect(),
        local: false,
    }
}

/// App, entry point, kind of the data, app it comes from.
type Leaves = BTreeSet<(String, String, String, String)>;

fn said(expected: &Value) -> Leaves {
    let knowledge = Knowledge::embedded().unwrap();
    let apps = list(expected, "app");
    let facts: Vec<AppFacts> = apps
        .iter()
        .map(|app| analysed(&text(app, "dex"), &components(expected, &text(app, "package")), &knowledge))
        .collect();
    let linked: Vec<LinkApp<'_>> = apps
        .iter()
        .zip(&facts)
        .map(|(app, facts)| LinkApp {
            package: text(app, "package"),
            path: text(app, "dex"),
            owner: text(app, "package"),
            core_user: app.get("core_user").and_then(Value::as_bool).unwrap_or(false),
            permissions: texts(app, "permissions"),
            asks_for: None,
            providers: Vec::new(),
            components: components(expected, &text(app, "package")).into_iter().map(link_component).collect(),
            protects: Vec::new(),
            facts,
        })
        .collect();
    let mut told = Leaves::new();
    let (cuts, _) = link(&linked, &knowledge, &mut |flow| {
        if flow.sink != "network" || flow.source.starts_with("external") {
            return;
        }
        let (Some(first), Some(last)) = (flow.chain.first(), flow.chain.last()) else { return };
        let app = &linked[first.app];
        let Some(entry) = app.facts.facts[first.fact].entry else { return };
        let entry = app.facts.entries[entry as usize].clone();
        told.insert((app.package.clone(), entry, flow.source.to_owned(), linked[last.app].package.clone()));
    });
    assert_eq!(cuts, 0);
    told
}

#[test]
fn exactly_what_is_expected_arrives() {
    let expected: Value =
        fs::read_to_string(folder().join("expected.toml")).unwrap().parse::<toml::Table>().unwrap().into();
    let wanted: Leaves = list(&expected, "leaves")
        .iter()
        .map(|case| (text(case, "app"), text(case, "entry"), text(case, "source"), text(case, "from")))
        .collect();
    let said = said(&expected);
    let missed: Vec<_> = wanted.difference(&said).collect();
    let invented: Vec<_> = said.difference(&wanted).collect();
    assert!(wanted.len() > 20, "the cases are gone");
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:#?}\ninvented {invented:#?}");
}
