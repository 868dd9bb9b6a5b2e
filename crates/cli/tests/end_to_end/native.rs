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
    let agent = "/system/bin/agent".to_owned();
    let library = |name: &str| (format!("/system/lib/{name}"), "changed_system_library".to_owned(), 1);
    let expected = [
        (agent.clone(), "server_runs_commands_as_system".to_owned(), 1),
        (agent, "server_runs_commands_as_system".to_owned(), 2),
        library("libandroid_runtime.so"),
        library("liblog.so"),
    ];
    assert_eq!(found, expected);
    for finding in list(&report, "findings") {
        if finding["app"].as_str().unwrap().starts_with('/') {
            assert_eq!(finding["confidence"]["level"], "low", "{}", finding["title"]);
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
