//! Indicator files of others as a knowledge file: STIX 2.1 bundles, the form in which the Mobile Verification Toolkit and many
//! researchers publish theirs.
//!
//! Written from: OASIS, "STIX Version 2.1", sections 4.7 (indicator), 4.11 (malware), 5.1 (relationship), 9 (patterning), and
//! the documentation of MVT on its own object names. Only comparisons for equality are taken; an indicator that says
//! something else is counted as left out, never half understood.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::Deserialize;

use crate::problem::{Fault, Problem};

/// Weight of an imported indicator: somebody has published it, and nobody here has checked it.
const WEIGHT_PERCENT: u8 = 60;
/// Weight of a digest: it names one file.
const DIGEST_WEIGHT_PERCENT: u8 = 90;

/// What became of an indicator file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The knowledge file.
    pub toml: String,
    /// Indicators taken.
    pub taken: usize,
    /// Indicators left out, by their pattern's object and property.
    pub left_out: BTreeMap<String, usize>,
}

#[derive(Debug, Deserialize)]
struct Bundle {
    objects: Vec<Object>,
}

#[derive(Debug, Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    name: Option<String>,
    pattern: Option<String>,
    relationship_type: Option<String>,
    source_ref: Option<String>,
    target_ref: Option<String>,
}

/// Reads a STIX 2.1 bundle. `name` is that of the file, `reference` where it comes from.
///
/// # Errors
/// It is no bundle, or no indicator in it can be used.
pub fn import(name: &str, text: &str, reference: &str) -> Result<Imported, Problem> {
    let problem = |fault| Problem { file: name.to_owned(), entry: String::new(), fault };
    let bundle: Bundle = serde_json::from_str(text).map_err(|error| problem(Fault::Syntax(error.to_string())))?;
    let names = names(&bundle);
    let mut found: BTreeMap<String, Named> = BTreeMap::new();
    let (mut taken, mut left_out) = (0_usize, BTreeMap::new());
    for object in bundle.objects.iter().filter(|object| object.kind == "indicator") {
        let about = object.id.as_ref().and_then(|id| names.get(id.as_str()));
        let Some(pattern) = &object.pattern else { continue };
        match comparisons(pattern) {
            Some(all) if all.iter().all(|(path, value)| evidence(path, value).is_some()) => {
                taken = taken.saturating_add(1);
                let pieces = all.iter().filter_map(|(path, value)| evidence(path, value));
                let (name, is_malware) = about.map_or(("Unnamed", false), |(name, malware)| (name.as_str(), *malware));
                let named = found.entry(name.to_owned()).or_default();
                named.is_malware |= is_malware;
                named.pieces.extend(pieces);
            }
            other => {
                let path = other.and_then(|all| all.first().map(|(path, _)| path.clone()));
                let count = left_out.entry(path.unwrap_or_else(|| "no plain comparison".to_owned())).or_insert(0_usize);
                *count = count.saturating_add(1);
            }
        }
    }
    if found.is_empty() {
        return Err(problem(Fault::Value { field: "objects", expected: "at least one indicator that can be used" }));
    }
    Ok(Imported { toml: file(&found, reference), taken, left_out })
}

/// What is indicated under one name.
#[derive(Debug, Default)]
struct Named {
    /// Whether the file calls it malware; a tool is none.
    is_malware: bool,
    pieces: BTreeSet<(&'static str, String)>,
}

/// Indicator -> name of the malware, tool or threat actor that it indicates, and whether it is malware.
fn names(bundle: &Bundle) -> BTreeMap<&str, (String, bool)> {
    let named: BTreeMap<&str, (&String, bool)> = bundle
        .objects
        .iter()
        .filter(|object| !matches!(object.kind.as_str(), "indicator" | "relationship"))
        .filter_map(|object| Some((object.id.as_deref()?, (object.name.as_ref()?, object.kind == "malware"))))
        .collect();
    let relations = bundle.objects.iter().filter(|object| object.relationship_type.as_deref() == Some("indicates"));
    relations
        .filter_map(|object| {
            let &(name, is_malware) = named.get(object.target_ref.as_deref()?)?;
            Some((object.source_ref.as_deref()?, (name.clone(), is_malware)))
        })
        .collect()
}

/// The comparisons of a pattern like `[domain-name:value = 'a' OR domain-name:value = 'b']`; `None` if it says anything else.
fn comparisons(pattern: &str) -> Option<Vec<(String, String)>> {
    let mut rest = pattern.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut found = Vec::new();
    loop {
        let (path, after) = rest.split_once('=')?;
        let value = after.trim_start().strip_prefix('\'')?;
        let mut text = String::new();
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next()? {
                (_, '\\') => text.push(characters.next()?.1),
                (at, '\'') => break at,
                (_, character) => text.push(character),
            }
        };
        let path = path.trim();
        if path.is_empty() || path.contains(['!', '>', '<', ' ']) {
            return None;
        }
        found.push((path.to_owned(), text));
        // The quotation mark is one byte.
        rest = value.get(end.checked_add(1)?..)?.trim_start();
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix("OR")?.trim_start();
    }
}

/// Kind of evidence and value of a comparison.
fn evidence(path: &str, value: &str) -> Option<(&'static str, String)> {
    let digest = || {
        let value = value.to_ascii_lowercase();
        (value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(value)
    };
    let host = |text: &str| {
        let host = text.to_ascii_lowercase();
        let is_name =
            host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        let is_number = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (is_name && (!is_number || host.parse::<Ipv4Addr>().is_ok())).then_some(host)
    };
    match path {
        "domain-name:value" | "ipv4-addr:value" => Some(("domain", host(value)?)),
        "url:value" => {
            let after = value.split_once("://").map_or(value, |(_, after)| after);
            // Only an address without a path stands for its whole host.
            let (name, path) = after.split_once('/').unwrap_or((after, ""));
            if path.is_empty() { Some(("domain", host(name.split(':').next()?)?)) } else { None }
        }
        "app:id" if !value.is_empty() && !value.contains('*') => Some(("package", value.to_owned())),
        "app:cert.sha256" | "x509-certificate:hashes.'SHA-256'" | "x509-certificate:hashes.sha256" => {
            Some(("certificate", digest()?))
        }
        "file:hashes.sha256" | "file:hashes.'SHA-256'" => Some(("digest", digest()?)),
        "file:path" if value.starts_with('/') && !value.contains('*') => Some(("file", value.to_owned())),
        _ => None,
    }
}

fn file(found: &BTreeMap<String, Named>, reference: &str) -> String {
    let mut text = String::from("# Made from an indicator file of others; what it says was not checked.\n");
    for (name, named) in found {
        let id: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
        text.push_str(&format!(
            "\n[[supplier]]\nid = {}\nname = {}\nkind = \"{}\"\nsummary = \"Named by an indicator file.\"\nreferences = [{}]\n",
            quoted(&format!("imported_{id}")),
            quoted(name),
            if named.is_malware { "malware" } else { "other" },
            quoted(reference)
        ));
        let mut kinds: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for (kind, value) in &named.pieces {
            kinds.entry(kind).or_default().push(value);
        }
        for (kind, values) in kinds {
            let weight = if kind == "digest" || kind == "certificate" { DIGEST_WEIGHT_PERCENT } else { WEIGHT_PERCENT };
            let values: Vec<String> = values.into_iter().map(|value| format!("  {},\n", quoted(value))).collect();
            text.push_str(&format!(
                "\n[[supplier.evidence]]\nkind = \"{kind}\"\npattern = [\n{}]\nweight_percent = {weight}\nreference = {}\n",
                values.concat(),
                quoted(reference)
            ));
        }
    }
    text
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail")]

    use super::*;
    use crate::{EvidenceKind, Knowledge, SupplierKind};

    const BUNDLE: &str = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "malware", "id": "malware--1", "name": "Spy \"One\"", "is_family": true},
        {"type": "indicator", "id": "indicator--1", "pattern_type": "stix", "pattern": "[domain-name:value = 'C2.example.org' OR domain-name:value='c3.example.org']"},
        {"type": "indicator", "id": "indicator--2", "pattern_type": "stix", "pattern": "[app:id='org.example.spy']"},
        {"type": "indicator", "id": "indicator--3", "pattern_type": "stix", "pattern": "[file:hashes.sha256='ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB']"},
        {"type": "indicator", "id": "indicator--4", "pattern_type": "stix", "pattern": "[process:name='spy']"},
        {"type": "indicator", "id": "indicator--5", "pattern_type": "stix", "pattern": "[url:value='http://shared.example/its/page']"},
        {"type": "indicator", "id": "indicator--6", "pattern_type": "stix", "pattern": "[app:id='a' AND domain-name:value='b.example']"},
        {"type": "relationship", "id": "relationship--1", "relationship_type": "indicates", "source_ref": "indicator--1", "target_ref": "malware--1"},
        {"type": "relationship", "id": "relationship--2", "relationship_type": "indicates", "source_ref": "indicator--2", "target_ref": "malware--1"},
        {"type": "relationship", "id": "relationship--3", "relationship_type": "indicates", "source_ref": "indicator--3", "target_ref": "malware--1"}
    ]}"#;

    #[test]
    fn a_bundle_becomes_a_knowledge_file_that_loads() {
        let imported = import("spy.stix2", BUNDLE, "https://example.org/spy.stix2").unwrap();
        assert_eq!(imported.taken, 3);
        assert_eq!(imported.left_out.values().sum::<usize>(), 3, "{:?}", imported.left_out);
        let knowledge = Knowledge::with_files(&[("spy.toml".to_owned(), imported.toml)]).unwrap();
        let spy = knowledge.suppliers.iter().find(|supplier| supplier.name == "Spy \"One\"").unwrap();
        let matches = |kind, value: &str| spy.evidence.iter().any(|rule| rule.kind == kind && rule.matches(value));
        assert!(matches(EvidenceKind::Domain, "x.c2.example.org") && matches(EvidenceKind::Domain, "c3.example.org"));
        assert!(matches(EvidenceKind::Package, "org.example.spy"));
        assert_eq!(spy.kind, SupplierKind::Malware);
        assert!(matches(EvidenceKind::Digest, &"ab".repeat(32)));
        assert!(!matches(EvidenceKind::Domain, "shared.example"), "a page says nothing about its host");
    }

    #[test]
    fn an_address_is_taken_as_a_host_and_a_version_is_none() {
        assert_eq!(evidence("domain-name:value", "192.0.2.7"), Some(("domain", "192.0.2.7".to_owned())));
        assert_eq!(evidence("ipv4-addr:value", "192.0.2.7"), Some(("domain", "192.0.2.7".to_owned())));
        assert_eq!(evidence("domain-name:value", "1.2.3"), None);
        assert_eq!(evidence("ipv4-addr:value", "192.0.2.0/24"), None);
    }

    #[test]
    fn only_what_a_file_calls_malware_is_called_so() {
        let bundle = BUNDLE.replace("malware", "tool");
        let imported = import("tools.stix2", &bundle, "r").unwrap();
        let knowledge = Knowledge::with_files(&[("tools.toml".to_owned(), imported.toml)]).unwrap();
        let tool = knowledge.suppliers.iter().find(|supplier| supplier.name == "Spy \"One\"").unwrap();
        assert_eq!(tool.kind, SupplierKind::Other);
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for text in ["", "{}", "[1]", r#"{"objects": []}"#, r#"{"objects": [{"type": "indicator", "pattern": "["}]}"#] {
            assert!(import("x", text, "r").is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_are_read_whole_or_not_at_all() {
        assert_eq!(comparisons(r"[a:b = 'it\'s']").unwrap(), [("a:b".to_owned(), "it's".to_owned())]);
        for pattern in
            ["[a:b = 'x", "a:b='x'", "[a:b != 'x']", "[a:b = 'x' FOLLOWEDBY c:d = 'y']", "[]", "[a:b LIKE 'x']"]
        {
            assert_eq!(comparisons(pattern), None, "{pattern}");
        }
    }
}
