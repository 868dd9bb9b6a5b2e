//! Native files, end to end: a program that a server can command is shown with who starts it, joined to the app that speaks to it
//! through a local socket; changed libraries of the platform are told from those that are as known; programs that have only a
//! part of what is asked for accuse nobody. The device is in `fixtures/native/device`, with the script that builds it.

use std::path::Path;

use crate::common::{code, list, root, scan};
use serde_json::Value;

fn texts(finding: &Value) -> Vec<&str> {
    list(finding, "proof").iter().map(|step| step["text"].as_str().unwrap()).collect()
}

#[test]
fn what_native_files_do_is_told_once_and_nothing_else_is() {
    let (report, output) = scan(Path::new("fixtures/native/device"));
    assert_eq!(code(&output), 1, "findings, and nothing unread");
    let told = |finding: &Value| {
        let field = |name: &str| finding[name].as_str().unwrap().to_owned();
        (field("app"), field("rule"), list(finding, "apps").len())
    };
    let mut found: Vec<_> = list(&report, "findings").iter().filter(|it| it["axis"] == "obeys").map(told).collect();
    found.sort();
    let (agent, client) = ("/system/bin/agent".to_owned(), "/system/bin/client".to_owned());
    let library = |name: &str| (format!("/system/lib/{name}"), "changed_system_library".to_owned(), 1);
    let expected = [
        (agent.clone(), "server_runs_commands_as_system".to_owned(), 1),
        (agent, "server_runs_commands_as_system".to_owned(), 2),
        (client.clone(), "server_runs_commands_as_system".to_owned(), 1),
        library("libandroid_runtime.so"),
        library("liblog.so"),
    ];
    assert_eq!(found, expected);
    for finding in list(&report, "findings") {
        if finding["app"].as_str().unwrap().starts_with('/') {
            // Where one function was found that leads to everything, the claim is surer.
            let level = if finding["app"] == client { "medium" } else { "low" };
            assert_eq!(finding["confidence"]["level"], level, "{}", finding["title"]);
            assert_eq!(finding["modifiers"]["reachable"], true, "{}", finding["title"]);
        }
    }
}

#[test]
fn a_native_client_is_joined_with_the_app_that_speaks_to_it() {
    let (report, _) = scan(Path::new("fixtures/native/device"));
    let of_agent: Vec<&Value> =
        list(&report, "findings").iter().filter(|finding| finding["app"] == "/system/bin/agent").collect();
    let own = of_agent.iter().find(|finding| list(finding, "apps").len() == 1).unwrap();
    assert_eq!(own["source"]["details"][0], "http://agent.fixture.example/commands");
    assert_eq!(own["modifiers"]["triggers"][0], "init service agent of /system/etc/init/agent.rc as root");
    let steps = texts(own);
    let request = r#"holds "GET %s HTTP/1.1\r\nHost: %s""#;
    assert!(steps.contains(&request) && steps.last() == Some(&"imports system"), "{steps:?}");
    // Each step stands where it says.
    let bytes = bytes::ByteSource::open(&root().join("fixtures/native/device/system/bin/agent")).unwrap();
    for step in list(own, "proof") {
        let text = step["text"].as_str().unwrap();
        let word = if text == request { "GET %s HTTP/1.1" } else { text.trim_start_matches("imports ") };
        assert!(bytes.has(step["at"]["offset"].as_u64().unwrap(), word.as_bytes()), "{text}");
    }
    let joined = of_agent.iter().find(|finding| list(finding, "apps").len() == 2).unwrap();
    assert_eq!(joined["apps"][0], "org.example.agent");
    assert_eq!(joined["source"]["details"][0], "http://peer.fixture.example/next");
    assert_eq!(joined["modifiers"]["carriers"][0], "local_socket agentsocket");
}

#[test]
fn a_program_is_told_by_the_way_through_its_code() {
    let (report, _) = scan(Path::new("fixtures/native/device"));
    let client = list(&report, "findings").iter().find(|finding| finding["app"] == "/system/bin/client").unwrap();
    let steps = texts(client);
    let position =
        |what: &str| steps.iter().position(|text| text.contains(what)).unwrap_or_else(|| panic!("{what}: {steps:?}"));
    // Entry, the function handed to the C library, the one that leads to both, and what each calls.
    let order =
        ["the program starts at function ", " hands out the address of function ", " calls recv", " calls system"];
    let order = order.map(position);
    assert!(order.is_sorted(), "{steps:?}");
    assert_eq!(order[3], steps.len() - 1, "{steps:?}");
    assert_eq!(client["modifiers"]["triggers"][0], "init service client of /system/etc/init/agent.rc as system");
    let reasons = &client["confidence"]["reasons"];
    assert!(reasons[0].as_str().unwrap().starts_with("one function of a native file leads to each"), "{reasons}");
}

#[test]
fn native_methods_and_carried_packages_are_told_with_the_app() {
    let (report, _) = scan(Path::new("fixtures/native/device"));
    let app = list(&report, "apps").iter().find(|app| app["package"] == "org.example.agent").unwrap();
    let told = |method: &Value| {
        let field = |name: &str| method[name].as_str().unwrap().to_owned();
        (field("method"), field("act"), field("import"))
    };
    let found: Vec<_> = list(app, "native_methods").iter().map(told).collect();
    let expected = [
        ("org.example.fixture.Calls.run", "exec", "system"),
        ("org.example.fixture.Calls.start", "connect", "connect"),
        ("org.example.fixture.Calls.start", "send", "send"),
    ];
    let expected = expected.map(|(method, act, import)| (method.to_owned(), act.to_owned(), import.to_owned()));
    assert_eq!(found, expected);
    let library = app["native_methods"][0]["library"].as_str().unwrap();
    assert!(library.ends_with("Agent.apk!lib/armeabi-v7a/libcalls.so"), "{library}");
    assert_eq!(list(&app["native_methods"][0], "way").len(), 3);
    let carried = list(app, "carried");
    assert_eq!(carried.len(), 1);
    assert_eq!((&carried[0]["package"], &carried[0]["version_name"]), (&"org.example.plugin".into(), &"2.1".into()));
    assert_eq!(carried[0]["permissions"][0], "android.permission.RECEIVE_SMS");
    assert_eq!(carried[0]["components"][0]["name"], "org.example.plugin.Listener");
}
