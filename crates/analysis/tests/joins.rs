//! Joins between two apps, from facts written by hand: which the platform lets happen, and which would tie all to all.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use analysis::{
    claims::claim,
    facts::{AppFacts, Fact, FactAct, FactData, FactWhat, Letter, Operation, Sent, StepRef, StepText},
    link::{LinkApp, LinkComponent, LinkFilter, LinkKind, LinkProvider, link},
};
use findings::{Hop, Level, UserPart};
use knowledge::Knowledge;

const VIEW: &str = "android.intent.action.VIEW";
const VIEWER: &str = "org.example.viewer.Viewer";

fn data(what: FactWhat, doubts: Vec<&'static str>) -> FactData {
    let trace = vec![StepRef { step: 0, hop: Hop::Source, note: None }];
    FactData { what, trace, operations: Vec::new(), doubts, passes_user: false, only_by_user: false, user_acts: false }
}

fn fact(act: FactAct, names: &[&str], data: FactData) -> Fact {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    let trace = vec![StepRef { step: 1, hop: Hop::Sink, note: None }];
    Fact {
        act,
        names,
        data: vec![data],
        trace,
        entry: Some(0),
        without_user: Some(0),
        only_by_user: false,
        user_acts: false,
    }
}

fn kind(name: &str) -> FactWhat {
    FactWhat::Kind(name.into(), Vec::new())
}

fn facts(facts: Vec<Fact>) -> AppFacts {
    let step = |text: &str| StepText {
        path: "/classes.dex".into(),
        offset: 0,
        method: "m".into(),
        code_unit: 0,
        text: text.into(),
    };
    let entries = vec![format!("activity {VIEWER}")];
    AppFacts { facts, steps: vec![step("source"), step("sink")], entries, ..AppFacts::default() }
}

fn app<'a>(package: &str, owner: &str, facts: &'a AppFacts) -> LinkApp<'a> {
    let filter = LinkFilter {
        actions: vec![VIEW.into()],
        categories: vec!["android.intent.category.DEFAULT".into()],
        schemes: vec!["http".into(), "content".into()],
        hosts: Vec::new(),
        paths: Vec::new(),
        mime_types: Vec::new(),
        priority: 0,
    };
    let viewer = LinkComponent {
        kind: LinkKind::Activity,
        name: VIEWER.into(),
        class: VIEWER.into(),
        exported: true,
        open: true,
        permission: None,
        filters: vec![filter],
        local: false,
    };
    LinkApp {
        package: package.into(),
        path: format!("/system/app/{package}.apk"),
        owner: owner.into(),
        core_user: false,
        permissions: Vec::new(),
        asks_for: None,
        providers: Vec::new(),
        components: if package == "org.example.viewer" { vec![viewer] } else { Vec::new() },
        protects: Vec::new(),
        facts,
    }
}

/// Kind of the data and app it comes from, of what leaves to the network.
fn leaves(apps: &[LinkApp<'_>]) -> BTreeSet<(String, String)> {
    let mut told = BTreeSet::new();
    link(apps, &Knowledge::embedded().unwrap(), &mut |flow| {
        if flow.sink == "network" && !flow.source.starts_with("external") {
            let from = &apps[flow.chain.last().unwrap().app];
            told.insert((flow.source.to_owned(), from.package.clone()));
        }
    });
    told
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|&(kind, from)| (kind.to_owned(), from.to_owned())).collect()
}

fn to_network(what: FactWhat) -> Fact {
    fact(FactAct::Sink("network".into()), &["http://example.org"], data(what, Vec::new()))
}

fn viewed(address: &str) -> BTreeSet<(String, String)> {
    sent_to(&[], address)
}

fn sent_to(component: &[&str], address: &str) -> BTreeSet<(String, String)> {
    let sent = Sent {
        operation: Operation::Activity,
        component: component.iter().map(|&name| name.to_owned()).collect(),
        package: Vec::new(),
        action: vec![VIEW.into()],
        categories: Vec::new(),
        data: vec![address.into()],
        mime_type: Vec::new(),
        key: None,
        permission: Vec::new(),
        sender: None,
    };
    let sender = facts(vec![fact(FactAct::Send(Box::new(sent)), &[], data(kind("sms"), Vec::new()))]);
    let viewer = facts(vec![to_network(FactWhat::Received(VIEWER.into(), Letter::Intent, None))]);
    leaves(&[app("org.example.sender", "sender", &sender), app("org.example.viewer", "viewer", &viewer)])
}

#[test]
fn an_intent_reaches_another_app_only_if_something_of_its_address_is_known() {
    assert_eq!(viewed("http://*"), pairs(&[("sms", "org.example.sender")]));
    assert_eq!(viewed("*"), BTreeSet::new());
}

#[test]
fn a_component_that_the_platform_was_asked_for_is_one_that_takes_the_action() {
    assert_eq!(sent_to(&["*/*"], "http://*"), pairs(&[("sms", "org.example.sender")]));
    assert_eq!(sent_to(&["*/*"], "ftp://*"), BTreeSet::new(), "nobody takes it");
    assert_eq!(sent_to(&["org.example.viewer/*"], "http://*"), BTreeSet::new(), "half a name is another one");
    assert_eq!(sent_to(&["org.example.other/Other"], "http://*"), BTreeSet::new());
}

/// Rule, rank and the user's part of the only claim about what `names` are given by a server.
fn obeyed(names: &[&str], entry: &str) -> (String, u8, UserPart) {
    obeyed_with(names, entry, (Some(0), false, false))
}

/// The same, where an entry point leads there without the user, every way passes an act of theirs, or this one does.
fn obeyed_with(
    names: &[&str],
    entry: &str,
    (without_user, only_by_user, user_acts): (Option<u32>, bool, bool),
) -> (String, u8, UserPart) {
    let command = fact(FactAct::Sink("exec".into()), names, data(kind("network_input"), Vec::new()));
    let command = Fact { without_user, only_by_user, user_acts, ..command };
    let mut facts = facts(vec![command]);
    facts.entries = vec![entry.into()];
    let mut app = app("org.example.viewer", "viewer", &facts);
    app.components[0].kind = LinkKind::Receiver;
    let claims = claim(&[app], &[String::new()], &Knowledge::embedded().unwrap()).findings;
    assert_eq!(claims.len(), 1, "{claims:?}");
    let parts = &claims[0].parts;
    (parts.rule.clone(), parts.rank, parts.modifiers.user)
}

#[test]
fn a_command_that_only_measures_is_none_that_a_server_chooses() {
    let rank = |names: &[&str]| obeyed(names, "service org.example.S").1;
    assert_eq!(rank(&["ping *"]), 1);
    assert_eq!(rank(&["ping *", "getprop *"]), 1);
    for names in [&["ping *", "sh -c *"][..], &["*"], &[], &["pm install -r *"]] {
        assert_eq!(rank(names), 3, "{names:?}");
    }
}

#[test]
fn the_users_part_is_told_from_what_starts_the_way_and_what_it_passes() {
    let receiver = format!("receiver {VIEWER}");
    let part = |entry: &str, how: (Option<u32>, bool, bool)| obeyed_with(&["*"], entry, how).2;
    let without = (Some(0), false, false);
    assert_eq!(part(&receiver, without), UserPart::NotNeeded);
    assert_eq!(part("activity org.example.A", without), UserPart::Unknown, "nobody but the app opens it");
    assert_eq!(
        part(&receiver, (None, false, true)),
        UserPart::Acts,
        "a broadcast starts the app, the user does the rest"
    );
    assert_eq!(part(&receiver, (None, true, true)), UserPart::AlwaysActs);
    assert_eq!(part(&receiver, (None, false, false)), UserPart::Unknown);
}

#[test]
fn what_the_clipboard_holds_is_told_from_where_it_is_read() {
    let clip = |what: &str| fact(FactAct::Store("clip".into()), &["clipboard"], data(kind(what), Vec::new()));
    let reader = facts(vec![to_network(FactWhat::Store("clip".into(), vec!["clipboard".into()]))]);
    let from = |what: &str| {
        let writer = facts(vec![clip(what)]);
        leaves(&[app("org.example.writer", "writer", &writer), app("org.example.reader", "reader", &reader)])
    };
    let own = ("clipboard", "org.example.reader");
    assert_eq!(from("device_id"), pairs(&[own, ("device_id", "org.example.writer")]));
    assert_eq!(from("clipboard"), pairs(&[own]), "the reader is nearer than who copied the clipboard into it");
}

#[test]
fn files_of_one_user_need_a_name_that_is_one() {
    let shared = |name: &str| {
        let writer = facts(vec![fact(FactAct::Store("file".into()), &[name], data(kind("sms"), Vec::new()))]);
        let reader = facts(vec![to_network(FactWhat::Store("file".into(), vec![name.into()]))]);
        leaves(&[app("org.example.writer", "one", &writer), app("org.example.reader", "one", &reader)])
    };
    assert_eq!(shared("/data/out.json"), pairs(&[("sms", "org.example.writer")]));
    assert_eq!(shared(""), BTreeSet::new());
    assert_eq!(shared("0"), BTreeSet::new());
}

/// The confidence in a way from a first app over files of one user to the last of `count`, if it is told; how many ways are not followed.
fn confidence(count: usize, doubts: &[&'static str]) -> (Option<Level>, u64) {
    let file = |number: usize| format!("/data/step{number}.json");
    let of_app = |number: usize| {
        let what = match number {
            0 => kind("sms"),
            _ => FactWhat::Store("file".into(), vec![file(number - 1)]),
        };
        let had = data(what, if number == 0 { doubts.to_vec() } else { Vec::new() });
        if number + 1 == count {
            return facts(vec![fact(FactAct::Sink("network".into()), &["http://example.org"], had)]);
        }
        facts(vec![fact(FactAct::Store("file".into()), &[&file(number)], had)])
    };
    let all: Vec<AppFacts> = (0..count).map(of_app).collect();
    let names = ["org.example.a", "org.example.b", "org.example.c"];
    let apps: Vec<LinkApp<'_>> = all.iter().zip(names).map(|(facts, name)| app(name, "one", facts)).collect();
    let containers = vec![String::new(); count];
    let claims = claim(&apps, &containers, &Knowledge::embedded().unwrap());
    let leaving = claims.findings.iter().find(|finding| finding.parts.rule == "content_leaves");
    (leaving.map(|finding| finding.parts.confidence.level), claims.ways_not_followed)
}

#[test]
fn a_doubtful_way_over_many_apps_is_counted_and_not_told() {
    let doubt = ["passes a field that is joined by name"];
    assert_eq!(confidence(3, &[]), (Some(Level::High), 0));
    assert_eq!(confidence(2, &doubt), (Some(Level::Medium), 0));
    assert_eq!(confidence(3, &doubt), (None, 1));
}

/// Rules that speak of what a request of any other app reaches in an app, as a core user of the system or not.
fn exposed(sink: &str, names: &[&str], core_user: bool) -> Vec<(String, u8)> {
    let facts = facts(vec![fact(FactAct::Sink(sink.into()), names, data(kind("external_intent"), Vec::new()))]);
    let app = LinkApp { core_user, ..app("org.example.viewer", "viewer", &facts) };
    let claims = claim(&[app], &[String::new()], &Knowledge::embedded().unwrap()).findings;
    claims.into_iter().map(|claim| (claim.parts.rule, claim.parts.rank)).collect()
}

#[test]
fn a_stranger_who_names_any_file_to_the_system_writes_it() {
    let writes = vec![("any_app_writes_files_as_system".to_owned(), 3)];
    assert_eq!(exposed("file_choice", &[], true), writes);
    assert_eq!(exposed("file_choice", &["*"], true), writes);
    assert!(exposed("file_choice", &["/data/data/self/files/*"], true).is_empty(), "the code fixes the folder");
    assert!(exposed("file_choice", &[], false).is_empty(), "an app's own files");
}

#[test]
fn a_stranger_whose_request_is_passed_on_to_the_messages_changes_them() {
    let changes = vec![("any_app_changes_content".to_owned(), 3)];
    for user in [true, false] {
        assert_eq!(exposed("content_change", &["content://sms"], user), changes, "the rights are those of the app");
        assert_eq!(exposed("content_change", &["content://call_log/calls"], user), changes);
        assert!(exposed("content_change", &["content://org.example.own/rows"], user).is_empty());
    }
}

#[test]
fn a_provider_that_lets_only_few_write_is_not_open_to_requests() {
    let class = "org.example.viewer.Provider";
    let request = FactWhat::Kind("external_intent".into(), vec![class.into()]);
    let facts =
        facts(vec![fact(FactAct::Sink("content_change".into()), &["content://sms"], data(request, Vec::new()))]);
    let provider = |open_to_writers| LinkProvider {
        class: class.into(),
        authorities: vec!["org.example.viewer".into()],
        exported: true,
        open: true,
        open_to_writers,
        read_permission: None,
    };
    for (open_to_writers, expected) in [(true, 1), (false, 0)] {
        let app = LinkApp { providers: vec![provider(open_to_writers)], ..app("org.example.viewer", "viewer", &facts) };
        let claims = claim(&[app], &[String::new()], &Knowledge::embedded().unwrap()).findings;
        assert_eq!(claims.len(), expected, "{claims:?}");
    }
}

#[test]
fn what_an_app_asks_no_permission_for_is_told_with_low_confidence() {
    let facts = facts(vec![fact(FactAct::Sink("network".into()), &[], data(kind("contacts"), Vec::new()))]);
    let told = |asks_for: Option<&[&str]>, authorities: &[&str]| {
        let provider = LinkProvider {
            class: "org.example.reader.Rows".into(),
            authorities: authorities.iter().map(|&authority| authority.to_owned()).collect(),
            exported: false,
            open: false,
            open_to_writers: false,
            read_permission: None,
        };
        let asks_for = asks_for.map(|names| names.iter().map(|name| format!("android.permission.{name}")).collect());
        let reader = app("org.example.reader", "reader", &facts);
        let reader = LinkApp { asks_for, providers: vec![provider], ..reader };
        let claims = claim(&[reader], &[String::new()], &Knowledge::embedded().unwrap()).findings;
        let confidence = claims.into_iter().map(|claim| claim.parts.confidence).next().unwrap();
        (confidence.level, confidence.reasons)
    };
    assert_eq!(told(None, &[]), (Level::High, Vec::new()), "its manifest was not read");
    assert_eq!(told(Some(&["INTERNET", "READ_CONTACTS"]), &[]), (Level::High, Vec::new()));
    let reason =
        |of: &str| format!("org.example.reader asks for no permission that this needs: android.permission.{of}");
    assert_eq!(told(Some(&["INTERNET"]), &[]), (Level::Low, vec![reason("READ_CONTACTS")]));
    assert_eq!(told(Some(&["READ_CONTACTS"]), &[]), (Level::Low, vec![reason("INTERNET")]));
    let keeper = told(Some(&["INTERNET"]), &["com.android.contacts"]);
    assert_eq!(keeper, (Level::High, Vec::new()), "who keeps the contacts asks nobody for them");
}

#[test]
fn what_a_single_call_needs_counts_where_other_ways_need_nothing() {
    let imei = "v1 = invoke-virtual Landroid/telephony/TelephonyManager;->getDeviceId()Ljava/lang/String; v0";
    let android_id = "v1 = invoke-static Landroid/provider/Settings$Secure;->getString(Landroid/content/ContentResolver;Ljava/lang/String;)Ljava/lang/String; v0, v2";
    let read_at = |step: u32| {
        let trace = vec![StepRef { step, hop: Hop::Source, note: None }];
        fact(FactAct::Sink("network".into()), &[], FactData { trace, ..data(kind("device_id"), Vec::new()) })
    };
    let told = |calls: &[&str], asks_for: &[&str]| {
        let mut known = facts((2..).take(calls.len()).map(read_at).collect());
        let step = |text: &&str| StepText { text: (*text).to_owned(), ..known.steps[0].clone() };
        let steps: Vec<StepText> = calls.iter().map(step).collect();
        known.steps.extend(steps);
        let asks_for = asks_for.iter().map(|name| format!("android.permission.{name}")).collect();
        let reader = LinkApp { asks_for: Some(asks_for), ..app("org.example.reader", "reader", &known) };
        let claims = claim(&[reader], &[String::new()], &Knowledge::embedded().unwrap()).findings;
        let confidence = claims.into_iter().map(|claim| claim.parts.confidence).next().unwrap();
        (confidence.level, confidence.reasons.join(";"))
    };
    assert_eq!(told(&[imei], &["INTERNET", "READ_PHONE_STATE"]), (Level::High, String::new()));
    let (level, reason) = told(&[imei], &["INTERNET"]);
    assert_eq!(level, Level::Low);
    assert!(reason.contains("needs: android.permission.READ_PHONE_STATE or"), "{reason}");
    assert_eq!(told(&[android_id], &["INTERNET"]), (Level::High, String::new()), "nothing is needed for that");
    assert_eq!(told(&[imei, android_id], &["INTERNET"]), (Level::High, String::new()), "one of the ways is free");
}
