//! The cases of `fixtures/rules`: one behaviour each, told in prose, in Java and in what must be said about it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use analysis::{
    EntryComponent,
    claims::claim,
    link::{LinkApp, LinkComponent, LinkFilter, LinkKind, LinkProvider},
};
use common::{Pairs, analysed, linked, pairs, program, said};
use findings::UserPart;
use knowledge::Knowledge;

struct Case {
    name: String,
    components: Vec<EntryComponent>,
    /// Those of them whose filters name actions, or of which the case tells whether strangers, or only the app's own code, may reach them.
    addressed: Vec<LinkComponent>,
    expected: Pairs,
    /// Rules that must speak, worst first, and what they must say of the user's part; nothing where the case does not tell.
    claims: Option<Vec<(String, String)>>,
    /// How sure these claims are, where the case tells.
    confidence: Vec<String>,
    /// What starts each of these claims, and its rank, where the case tells.
    triggers: Vec<Vec<String>>,
    ranks: Vec<i64>,
    /// Whether the app runs as a user of the system where it is asked for claims.
    core_user: bool,
    /// Whether data that decides a branch is followed.
    follows_branches: bool,
    /// Texts of resources, and what is typed into views, by number.
    texts: BTreeMap<u32, String>,
}

/// The case a file tells: the block marked `toml` says what the platform starts and what must be said.
fn case(path: &Path) -> Option<Case> {
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("```toml\n")?;
    let (block, _) = rest.split_once("```").unwrap();
    let table: toml::Table = block.parse().unwrap();
    let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap().to_owned();
    let components = table["components"].as_array().unwrap().iter().map(|component| {
        let methods = component.get("methods").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        EntryComponent {
            kind: text(component, "kind"),
            class: text(component, "class"),
            exported: component.get("exported").and_then(toml::Value::as_bool).unwrap_or(false),
            authorities: Vec::new(),
            methods: methods.iter().map(|method| method.as_str().unwrap().to_owned()).collect(),
        }
    });
    let addressed = table["components"].as_array().unwrap().iter().filter_map(|component| {
        let actions = component.get("actions").and_then(toml::Value::as_array);
        let own = component.get("own").and_then(toml::Value::as_bool).unwrap_or(false);
        if actions.is_none() && component.get("open").is_none() && !own {
            return None;
        }
        let actions = actions.map(Vec::as_slice).unwrap_or_default();
        let actions = actions.iter().map(|action| action.as_str().unwrap().to_owned()).collect();
        let open = component.get("open").and_then(toml::Value::as_bool).unwrap_or(false);
        Some(LinkComponent {
            kind: match text(component, "kind").as_str() {
                "service" => LinkKind::Service,
                "activity" => LinkKind::Activity,
                _ => LinkKind::Receiver,
            },
            name: text(component, "class"),
            class: text(component, "class"),
            exported: !own,
            open,
            permission: (!open && !own).then(|| "org.example.SEND".to_owned()),
            filters: vec![LinkFilter { actions, ..LinkFilter::default() }],
            local: false,
        })
    });
    let claims = table
        .get("claims")
        .and_then(toml::Value::as_array)
        .map(|claims| claims.iter().map(|claim| (text(claim, "rule"), text(claim, "user"))).collect());
    let confident = table.get("claims").and_then(toml::Value::as_array).into_iter().flatten();
    let confident = confident.filter_map(|claim| Some(claim.get("confidence")?.as_str()?.to_owned()));
    let told = || table.get("claims").and_then(toml::Value::as_array).into_iter().flatten();
    let triggers = told().filter_map(|claim| claim.get("triggers")?.as_array());
    let triggers = triggers.map(|all| all.iter().map(|one| one.as_str().unwrap().to_owned()).collect());
    let ranks = told().filter_map(|claim| claim.get("rank")?.as_integer());
    let texts = table.get("texts").and_then(toml::Value::as_array).into_iter().flatten();
    let texts = texts.map(|entry| (u32::try_from(entry["number"].as_integer().unwrap()).unwrap(), text(entry, "text")));
    Some(Case {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        components: components.collect(),
        addressed: addressed.collect(),
        claims,
        confidence: confident.collect(),
        triggers: triggers.collect(),
        ranks: ranks.collect(),
        expected: pairs(&table["expect"]),
        core_user: table.get("core_user").and_then(toml::Value::as_bool).unwrap_or(false),
        follows_branches: table.get("follows_branches").and_then(toml::Value::as_bool).unwrap_or(false),
        texts: texts.collect(),
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/rules")
}

fn cases() -> Vec<Case> {
    let mut paths: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths.iter().filter_map(|path| case(path)).collect()
}

/// Providers among the components: strangers may ask all that are exported.
fn providers(components: &[EntryComponent]) -> Vec<LinkProvider> {
    let open = |component: &EntryComponent| LinkProvider {
        class: component.class.clone(),
        authorities: component.authorities.clone(),
        exported: component.exported,
        open: component.exported,
        open_to_writers: component.exported,
        read_permission: None,
    };
    components.iter().filter(|component| component.kind == "provider").map(open).collect()
}

#[test]
fn every_rule_says_exactly_what_is_expected() {
    let (folder, cases) = (folder(), cases());
    let program = program(&folder.join("rules.dex"));
    let texts: BTreeMap<u32, String> = cases.iter().flat_map(|case| case.texts.clone()).collect();
    let says = |follows: bool| {
        let cases = cases.iter().filter(|case| case.follows_branches == follows);
        let components: Vec<EntryComponent> = cases.clone().flat_map(|case| case.components.iter().cloned()).collect();
        let providers = providers(&components);
        let more = ("more.toml".to_owned(), format!("follows_branches = {follows}"));
        let knowledge = Knowledge::with_files(&[more]).unwrap();
        let addressed: Vec<LinkComponent> = cases.clone().flat_map(|case| case.addressed.iter().cloned()).collect();
        let open = (providers.as_slice(), addressed.as_slice());
        said(&program, &components, open, &[], &knowledge, &|number| texts.get(&number).cloned())
    };
    let (plainly, with_branches) = (says(false), says(true));
    let mut wrong = Vec::new();
    for case in &cases {
        let said = if case.follows_branches { &with_branches } else { &plainly };
        let names = case.components.iter().map(|component| format!("{} {}", component.kind, component.class));
        let found: Pairs = names.filter_map(|name| said.get(&name)).flatten().cloned().collect();
        if found != case.expected {
            wrong.push(format!("{}: expected {:?}, said {found:?}", case.name, case.expected));
        }
    }
    assert!(cases.len() > 20, "the cases are gone");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn claims_say_which_rule_speaks_and_what_the_user_has_to_do_with_it() {
    let knowledge = Knowledge::embedded().unwrap();
    let program = program(&folder().join("rules.dex"));
    let (mut told, mut wrong) = (0, Vec::new());
    for case in cases() {
        let Some(expected) = case.claims else { continue };
        let facts = analysed(&program, &case.components, &[], &knowledge, &|_| None);
        let app =
            LinkApp { core_user: case.core_user, ..linked(&facts, &providers(&case.components), &case.addressed) };
        let claims = claim(&[app], &[String::new()], &knowledge).findings;
        let reached: Vec<_> = claims.iter().filter(|claim| claim.parts.modifiers.reachable).collect();
        if !case.confidence.is_empty() {
            let levels: Vec<String> =
                reached.iter().map(|claim| format!("{:?}", claim.parts.confidence.level).to_lowercase()).collect();
            assert_eq!(levels, case.confidence, "{}", case.name);
        }
        if !case.triggers.is_empty() {
            let triggers: Vec<_> = reached.iter().map(|claim| claim.parts.modifiers.triggers.clone()).collect();
            assert_eq!(triggers, case.triggers, "{}", case.name);
        }
        if !case.ranks.is_empty() {
            let ranks: Vec<_> = reached.iter().map(|claim| i64::from(claim.parts.rank)).collect();
            assert_eq!(ranks, case.ranks, "{}", case.name);
        }
        let part = |user| match user {
            UserPart::NotNeeded => "not_needed",
            UserPart::Opens => "opens",
            UserPart::AlwaysActs => "always_acts",
            UserPart::Acts => "acts",
            UserPart::Unknown => "unknown",
        };
        let found: Vec<_> = reached
            .iter()
            .map(|claim| (claim.parts.rule.clone(), part(claim.parts.modifiers.user).to_owned()))
            .collect();
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, said {found:?}", case.name));
        }
        told += 1;
    }
    assert!(wrong.is_empty(), "{} of {told} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(told > 5, "the cases are gone");
}
