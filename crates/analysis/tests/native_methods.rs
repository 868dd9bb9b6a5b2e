//! What Java code gives to native methods, and gets from them: one library for each processor, each with the same five methods.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use analysis::{
    EntryComponent,
    native_methods::{Implemented, NativeMethod, implemented},
};
use bytes::ByteSource;
use common::Pairs;
use knowledge::Knowledge;

const LIBRARIES: [&str; 5] = ["asks_arm.so", "asks_thumb.so", "asks_aarch64.so", "asks_x86.so", "asks_x86_64.so"];
const CLASSES: [&str; 5] = ["Text", "Back", "Ask", "Send", "Nothing"];
const IDENTIFIER: &str = "device_id";
/// Where the identifier goes, by class.
const EXPECTED: &str = r#"
Text = [{ source = "device_id", sink = "sms_send" }]
Back = [{ source = "device_id", sink = "network" }]
Ask = [{ source = "device_id", sink = "sms_send" }]
Send = [{ source = "device_id", sink = "network" }]
Nothing = []
"#;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/native").join(name)
}

fn declared() -> Vec<NativeMethod> {
    let method = |class: &str, name: &str, signature: &str| NativeMethod {
        name: name.to_owned(),
        signature: signature.to_owned(),
        class: format!("org.example.asks.{class}"),
    };
    let mut methods = vec![
        method("Text", "give", "(Ljava/lang/String;)V"),
        method("Back", "give", "(Ljava/lang/String;)V"),
        method("Ask", "get", "(Landroid/telephony/TelephonyManager;)Ljava/lang/String;"),
        method("Send", "give", "(Ljava/lang/String;)I"),
        method("Nothing", "give", "(Ljava/lang/String;)I"),
    ];
    methods.sort();
    methods
}

fn read(library: &str, knowledge: &Knowledge) -> Implemented {
    implemented(&ByteSource::open(&fixture(library)).unwrap(), &declared(), knowledge).unwrap()
}

fn said(libraries: &[(String, Implemented)], knowledge: &Knowledge) -> BTreeMap<String, Pairs> {
    let components: Vec<EntryComponent> = CLASSES
        .iter()
        .map(|class| EntryComponent {
            kind: "activity".to_owned(),
            class: format!("org.example.asks.{class}"),
            exported: false,
            authorities: Vec::new(),
            methods: Vec::new(),
        })
        .collect();
    common::said(&common::program(&fixture("asks.dex")), &components, (&[], &[]), libraries, knowledge, &|_| None)
}

#[test]
fn what_native_methods_are_given_goes_where_their_code_leads() {
    let knowledge = Knowledge::embedded().unwrap();
    for library in LIBRARIES {
        let found = said(&[(library.to_owned(), read(library, &knowledge))], &knowledge);
        for (class, pairs) in toml::from_str::<toml::Table>(EXPECTED).unwrap() {
            let about = found.get(&format!("activity org.example.asks.{class}")).into_iter().flatten();
            let about: Pairs = about.filter(|(source, _)| source == IDENTIFIER).cloned().collect();
            assert_eq!(about, common::pairs(&pairs), "{library}: {class}");
        }
    }
}

#[test]
fn without_a_library_nothing_is_known_of_native_methods() {
    let knowledge = Knowledge::embedded().unwrap();
    let found = said(&[], &knowledge);
    assert!(found.values().flatten().all(|(source, _)| source != IDENTIFIER), "{found:?}");
}

#[test]
fn a_name_and_a_signature_that_stand_together_are_asked_for() {
    let knowledge = Knowledge::embedded().unwrap();
    for library in LIBRARIES {
        let read = read(library, &knowledge);
        let asked = |class: &str| {
            let asking = read.asking.iter().find(|asking| asking.method.class.ends_with(class)).unwrap();
            let asks = &asking.asks[0];
            let names: Vec<&str> = asks.methods.iter().map(|(name, _)| name.as_str()).collect();
            (asks.classes.concat(), names.join(" "))
        };
        assert_eq!(
            asked("Ask"),
            ("android/telephony/TelephonyManager".to_owned(), "getDeviceId".to_owned()),
            "{library}"
        );
        assert_eq!(asked("Back"), (String::new(), "take".to_owned()), "{library}");
        let (class, names) = asked("Text");
        assert_eq!(class, "android/telephony/SmsManager", "{library}");
        assert!(names.contains("sendTextMessage") && names.contains("getDefault"), "{library}: {names}");
        assert!(read.reached.iter().all(|reached| reached.name() != "org.example.asks.Nothing.give"), "{library}");
    }
}
