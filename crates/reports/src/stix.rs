//! What a report knows its suppliers by, as a STIX 2.1 bundle: for threat intelligence platforms, for MVT, and for
//! `tidewaiter knowledge import`.
//!
//! Written from: OASIS, "STIX Version 2.1", sections 2.9 (identifiers), 3.2 (common properties), 4.7 (indicator), 4.11 (malware),
//! 4.17 (tool), 5.1 (relationship), 9 (patterning); RFC 9562, section 5.5 (name-based identifiers), and the names that MVT
//! uses for packages and paths of phones.
//!
//! Only suppliers that the evidence allows to name are exported, with what was found of them in this image, and the apps
//! called theirs. An indicator says whose something is (`attribution`), not that it does harm: that is in the report's claims. Times are
//! those of the image's build, so that equal reports give equal bundles.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use findings::{Evidence, Report, Standing, Supplier};
use serde::Serialize;
use sha1::{Digest as _, Sha1};

use crate::{Format, Options, json, terminal};

/// For threat intelligence.
pub static FORMAT: Format =
    Format { name: "stix", about: "indicators of named suppliers, as a STIX 2.1 bundle", write };

/// The name space of the identifiers, chosen once: equal things get equal ids in every bundle.
const NAME_SPACE: [u8; 16] =
    [0x6b, 0x1d, 0x0e, 0x5a, 0x52, 0x0c, 0x4f, 0x3b, 0x9a, 0x71, 0x83, 0x4e, 0x0d, 0xc4, 0x2f, 0x97];

#[derive(Serialize)]
struct Bundle {
    r#type: &'static str,
    id: String,
    objects: Vec<Object>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Object {
    Named(Named),
    Indicator(Indicator),
    Relationship(Relationship),
}

/// What every object has.
#[derive(Serialize)]
struct Common {
    r#type: &'static str,
    spec_version: &'static str,
    id: String,
    created: String,
    modified: String,
}

/// A `tool`, or `malware` where the supplier is known as such.
#[derive(Serialize)]
struct Named {
    #[serde(flatten)]
    common: Common,
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_family: Option<bool>,
}

#[derive(Serialize)]
struct Indicator {
    #[serde(flatten)]
    common: Common,
    name: String,
    description: String,
    indicator_types: [&'static str; 1],
    pattern: String,
    pattern_type: &'static str,
    valid_from: String,
    confidence: u8,
}

#[derive(Serialize)]
struct Relationship {
    #[serde(flatten)]
    common: Common,
    relationship_type: &'static str,
    source_ref: String,
    target_ref: String,
}

fn write(report: &Report, _options: &Options, out: &mut dyn Write) -> io::Result<()> {
    // A date in UTC; the start of 1970 where the image has none.
    let time = format!("{}T00:00:00.000Z", terminal::date(report.identity.built_utc_seconds.unwrap_or(0)));
    let maker = Maker { time };
    let mut objects = Vec::new();
    for supplier in report.suppliers.iter().filter(|supplier| supplier.standing == Standing::Named) {
        let named = maker.named(report, supplier);
        let target = named.common.id.clone();
        objects.push(Object::Named(named));
        for (pattern, (weight, about)) in patterns(report, supplier) {
            let indicator = maker.indicator(supplier, pattern, weight, about);
            let relationship = maker.relationship(&indicator.common.id, &target);
            objects.extend([Object::Indicator(indicator), Object::Relationship(relationship)]);
        }
    }
    let names: Vec<&str> = report.inputs.iter().map(|input| input.name.as_str()).collect();
    let parts = names.into_iter().chain([report.tool.knowledge.as_str()]).chain(objects.iter().map(Object::id));
    let id = identifier("bundle", parts);
    json::carefully(&Bundle { r#type: "bundle", id, objects }, out)
}

impl Object {
    fn id(&self) -> &str {
        match self {
            Self::Named(object) => &object.common.id,
            Self::Indicator(object) => &object.common.id,
            Self::Relationship(object) => &object.common.id,
        }
    }
}

/// Makes objects of one time.
struct Maker {
    time: String,
}

impl Maker {
    fn common<'p>(&self, kind: &'static str, parts: impl Iterator<Item = &'p str>) -> Common {
        Common {
            r#type: kind,
            spec_version: "2.1",
            id: identifier(kind, parts),
            created: self.time.clone(),
            modified: self.time.clone(),
        }
    }

    fn named(&self, report: &Report, supplier: &Supplier) -> Named {
        let is_malware = supplier.kind == "malware";
        Named {
            common: self.common(if is_malware { "malware" } else { "tool" }, [supplier.id.as_str()].into_iter()),
            name: supplier.name.clone(),
            description: {
                let able = terminal::able_words(report, supplier);
                let able = able.unwrap_or_else(|| "What it is able to do is in the report's claims.".to_owned());
                format!(
                    "Code of this supplier is present in the image ({} % sure). {able}",
                    supplier.confidence_percent
                )
            },
            is_family: is_malware.then_some(true),
        }
    }

    fn indicator(&self, supplier: &Supplier, pattern: String, weight: u8, about: String) -> Indicator {
        let parts = [supplier.id.as_str(), pattern.as_str()];
        Indicator {
            common: self.common("indicator", parts.into_iter()),
            name: supplier.name.clone(),
            description: about,
            indicator_types: ["attribution"],
            pattern,
            pattern_type: "stix",
            valid_from: self.time.clone(),
            confidence: weight,
        }
    }

    fn relationship(&self, source: &str, target: &str) -> Relationship {
        Relationship {
            common: self.common("relationship", [source, "indicates", target].into_iter()),
            relationship_type: "indicates",
            source_ref: source.to_owned(),
            target_ref: target.to_owned(),
        }
    }
}

/// Patterns of a supplier, each with its weight and what it rests on.
fn patterns(report: &Report, supplier: &Supplier) -> BTreeMap<String, (u8, String)> {
    let mut found: BTreeMap<String, (u8, String)> = BTreeMap::new();
    let mut add = |pattern: String, weight: u8, about: &str| {
        let known = found.entry(pattern).or_insert_with(|| (weight, about.to_owned()));
        known.0 = known.0.max(weight);
    };
    for piece in &supplier.evidence {
        if let Some(pattern) = pattern(piece) {
            add(pattern, piece.weight_percent, &piece.reference);
        }
    }
    let is_theirs = |known: &Supplier| known.id == supplier.id && known.standing == Standing::Named;
    let mut digests: BTreeSet<&str> = BTreeSet::new();
    for app in report.apps.iter().filter(|app| app.suppliers.iter().any(is_theirs)) {
        if digests.insert(&app.sha256) {
            // An app that has somebody's library in it is not that somebody's.
            let about = if terminal::is_built_in(supplier) {
                format!("{}, an app of the image that contains its code and is not called its own", app.package)
            } else {
                format!("{}, an app of the image that the evidence calls the supplier's", app.package)
            };
            add(comparison("file:hashes.'SHA-256'", &app.sha256), supplier.confidence_percent, &about);
        }
    }
    found
}

/// The pattern of a piece of evidence; nothing where no object of STIX or MVT says the same.
fn pattern(piece: &Evidence) -> Option<String> {
    // What was found in one file says so behind the value.
    let value = piece.value.split_once(" in /").map_or(piece.value.as_str(), |(value, _)| value);
    let path = match piece.kind.as_str() {
        "domain" if value.parse::<std::net::Ipv4Addr>().is_ok() => "ipv4-addr:value",
        "domain" => "domain-name:value",
        "certificate" => "x509-certificate:hashes.'SHA-256'",
        "digest" => "file:hashes.'SHA-256'",
        "content" => return Some(comparison("file:hashes.'SHA-256'", value.split_once('/')?.0)),
        "package" => "app:id",
        "file" => "file:path",
        _ => return None,
    };
    Some(comparison(path, value))
}

/// A comparison for equality: section 9.3 of the specification, with its two escapes.
fn comparison(path: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('\'', "\\'");
    format!("[{path} = '{value}']")
}

/// A name-based identifier: version 5 of RFC 9562.
fn identifier<'p>(kind: &str, parts: impl Iterator<Item = &'p str>) -> String {
    let mut digest = Sha1::new();
    digest.update(NAME_SPACE);
    digest.update(kind.as_bytes());
    for part in parts {
        digest.update([0]);
        digest.update(part.as_bytes());
    }
    let mut hex = String::new();
    for (position, byte) in digest.finalize().iter().take(16).enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            hex.push('-');
        }
        let byte = match position {
            6 => byte & 0x0f | 0x50,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        hex.push_str(&format!("{byte:02x}"));
    }
    format!("{kind}--{hex}")
}
