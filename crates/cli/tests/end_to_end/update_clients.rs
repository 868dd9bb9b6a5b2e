//! Clients of update services, found by what their code does: `fixtures/update-clients` has one that is two apps and one that is one,
//! under names that say nothing, with the script that builds them.

use serde_json::Value;

use crate::common::{Scratch, list, run, scan_of};

const FOLDER: &str = "fixtures/update-clients";

fn clients(of: &str) -> Vec<Value> {
    let (report, _) = scan_of(&[of]);
    list(&report, "update_clients").to_vec()
}

#[test]
fn clients_are_found_with_their_helpers_and_their_channel_is_told() {
    let found = clients(FOLDER);
    let [asker, whole] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&asker["package"], &asker["helper"]), (&"org.example.asker".into(), &"org.example.installer".into()));
    assert_eq!((&asker["standing"], &asker["transport"]), (&"present".into(), &"clear_http".into()));
    assert_eq!(asker["names_signature_check"], false);
    // The key is spelled as an array of characters, and a method away from the cipher.
    let [key] = list(asker, "constant_keys") else { panic!("{asker}") };
    assert_eq!((&key["algorithm"], &key["key"]), (&"DES".into(), &"NotKept!".into()));
    assert_eq!((&whole["package"], &whole["helper"]), (&"org.example.whole".into(), &Value::Null));
    // What the server says was followed to the updater.
    assert_eq!((&whole["standing"], &whole["transport"]), (&"proven".into(), &"tls".into()));
    assert_eq!((&whole["names_signature_check"], list(whole, "constant_keys").len()), (&true.into(), 0));
}

#[test]
fn half_a_client_is_told_as_what_it_is() {
    assert_eq!(clients(&format!("{FOLDER}/asker.apk")), Vec::<Value>::new(), "it updates nothing");
    let found = clients(&format!("{FOLDER}/installer.apk"));
    let [installer] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&installer["package"], &installer["standing"]), (&"org.example.installer".into(), &"updater".into()));
    assert_eq!((&installer["transport"], &installer["helper"]), (&"unknown".into(), &Value::Null));
}

#[test]
fn what_was_followed_and_what_is_only_named_are_told_apart() {
    let output = run(&["scan", FOLDER]);
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let asker = "its code names a server and sends to org.example.installer, which names the updater; no flow was followed between them";
    assert!(said.contains(asker), "{said}");
    assert!(said.contains("its code fixes keys of ciphers (DES), which everybody has who has the app"), "{said}");
    assert!(said.contains("org.example.whole data of a server was followed to the updater"), "{said}");
}

/// The certificate of the example's platform, as everybody's.
const PUBLIC: &str = r#"
[[known_certificate]]
sha256 = "2e04a3c2ac9f0f7afd8220b5a133e18158240a428c75911e9ff2850b2869a925"
name = "the key of the examples"
public = true
reference = "RFC 5737"
"#;

#[test]
fn an_app_signed_with_a_key_that_everybody_has_is_told() {
    const DEVICE: &str = "examples/firmware/device";
    let (report, _) = scan_of(&[DEVICE]);
    assert_eq!(list(&report, "public_keys"), &[] as &[Value], "nobody else is known to have it");
    let scratch = Scratch::new();
    std::fs::write(scratch.path().join("keys.toml"), PUBLIC).unwrap();
    let folder = scratch.path().to_str().unwrap();
    let (report, _) = scan_of(&[DEVICE, "--knowledge", folder]);
    let [key] = list(&report, "public_keys") else { panic!("{report}") };
    assert_eq!((&key["signs_platform"], &key["signs_system_user"]), (&true.into(), &true.into()));
    assert!(list(key, "apps").contains(&"org.example.fixture.collector".into()), "{key}");
    let output = run(&["scan", DEVICE, "--knowledge", folder]);
    let said = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the key of the examples signs the platform itself and"), "{said}");
    let collector = format!("{DEVICE}/system/priv-app/Collector/Collector.apk");
    let (report, _) = scan_of(&[&collector, "--knowledge", folder]);
    let [key] = list(&report, "public_keys") else { panic!("{report}") };
    assert_eq!((&key["signs_platform"], &key["signs_system_user"]), (&false.into(), &true.into()));
    let output = run(&["scan", &collector, "--knowledge", folder]);
    let said = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the platform's own package was not read: if that has the same key"), "{said}");
}
