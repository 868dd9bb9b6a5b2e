//! Packages in the words of a report.

use std::collections::BTreeMap;

use attribution::Traits;
use findings::{AppRecord, Axis, CarriedRecord, ComponentRecord, Finding, Grade, Level, SignerRecord, Supplier};
use knowledge::{EvidenceKind, Knowledge};
use packages::{Component, Package};

use crate::app::{AppResult, kind_word};

/// Protection levels of the platform's permissions at an API level, as the manifest's flags.
pub(crate) fn platform_levels(knowledge: &Knowledge, api_level: u32) -> BTreeMap<String, u32> {
    let known = knowledge.permissions.iter();
    known
        .filter_map(|(name, permission)| {
            let parts = permission.protection(api_level)?;
            Some((name.clone(), parts.iter().fold(0, |flags, part| flags | protection_flag(part))))
        })
        .collect()
}

/// `android:protectionLevel` as the platform packs it: a base in the low four bits, flags above.
fn protection_flag(part: &str) -> u32 {
    match part {
        "dangerous" => 1,
        "signature" => 2,
        "signatureOrSystem" => 3,
        "privileged" | "system" => 0x10,
        "development" => 0x20,
        "appop" => 0x40,
        "pre23" => 0x80,
        "installer" => 0x100,
        "verifier" => 0x200,
        "preinstalled" => 0x400,
        "setup" => 0x800,
        _ => 0,
    }
}

/// The name a package goes by: its own, or the file's if the manifest could not be read.
pub(crate) fn name_of(package: &Package) -> String {
    if package.name.is_empty() { package.path.clone() } else { package.name.clone() }
}

/// SHA-256 in lower-case hex.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One app in the words of a report.
pub(crate) fn app_record(
    package: &Package,
    result: &AppResult,
    added: Option<bool>,
    findings: &[Finding],
    knowledge: &Knowledge,
) -> AppRecord {
    let name = name_of(package);
    AppRecord {
        label: package.label.clone(),
        version_name: package.version_name.clone(),
        version_code: package.version_code,
        path: package.path.clone(),
        container: package.container.clone(),
        sha256: hex(&package.sha256),
        shared_user_id: package.shared_user_id.clone(),
        signers: package.signers.iter().map(signer_record).collect(),
        permissions_held: package.permissions_held.iter().map(|held| held.name.clone()).collect(),
        exposed_components: package.components.iter().filter(|part| is_exposed(part)).map(component_record).collect(),
        code: result.code.to_owned(),
        instructions: result.facts.instructions,
        markers: result.markers.iter().cloned().collect(),
        present: {
            let told = knowledge.markers.iter().filter(|marker| marker.told && result.markers.contains(&marker.id));
            told.map(|marker| marker.label.clone()).collect()
        },
        added: if package.name.is_empty() { None } else { added },
        grades: grades(findings.iter().filter(|finding| finding.parts.app == name), knowledge),
        suppliers: suppliers(package, result, knowledge),
        hidden_strings: result.hidden_strings.clone(),
        native_methods: result.native_records.clone(),
        carried: package.carried.iter().map(carried_record).collect(),
        package: name,
    }
}

fn is_exposed(part: &Component) -> bool {
    part.enabled && part.exported.is_exported()
}

fn component_record(part: &Component) -> ComponentRecord {
    ComponentRecord {
        kind: kind_word(part.kind).to_owned(),
        name: part.class.clone(),
        permission: part.permission.clone().or_else(|| part.read_permission.clone()),
        authorities: part.authorities.clone(),
    }
}

fn carried_record(package: &Package) -> CarriedRecord {
    CarriedRecord {
        path: package.path.clone(),
        package: package.name.clone(),
        version_name: package.version_name.clone(),
        permissions: package.uses_permissions.iter().map(|permission| permission.name.clone()).collect(),
        components: package.components.iter().map(component_record).collect(),
    }
}

fn signer_record(signer: &packages::Signer) -> SignerRecord {
    SignerRecord {
        certificate_sha256: hex(&signer.certificate_sha256),
        subject: signer.subject.clone(),
        schemes: signer.schemes.iter().map(|scheme| format!("v{scheme}")).collect(),
        verified: signer.verified.clone(),
    }
}

fn suppliers(package: &Package, result: &AppResult, knowledge: &Knowledge) -> Vec<Supplier> {
    let mut traits = Traits::default();
    for signer in &package.signers {
        traits.add(EvidenceKind::Certificate, hex(&signer.certificate_sha256));
    }
    traits.add(EvidenceKind::Package, package.name.clone());
    traits.add(EvidenceKind::Digest, hex(&package.sha256));
    for part in &package.components {
        traits.add(EvidenceKind::Component, part.class.clone());
        for authority in &part.authorities {
            traits.add(EvidenceKind::Authority, authority.clone());
        }
    }
    for host in &result.hosts {
        traits.add(EvidenceKind::Domain, host.clone());
    }
    for namespace in &result.namespaces {
        traits.add(EvidenceKind::Namespace, namespace.clone());
    }
    for hidden in &result.hidden_strings {
        traits.add(EvidenceKind::Text, hidden.value.clone());
    }
    traits.add_shapes(&result.shapes);
    attribution::attribute(&traits, knowledge)
}

/// The worst grade on each axis. What no entry point leads to is shown, and not graded; what is claimed with low confidence
/// is told beside the grade.
pub(crate) fn grades<'f>(findings: impl Iterator<Item = &'f Finding>, knowledge: &Knowledge) -> Vec<Grade> {
    let mut worst = [Axis::Takes, Axis::Obeys, Axis::Exposes].map(|axis| (axis, 0, 0));
    for finding in findings.filter(|finding| finding.parts.modifiers.reachable) {
        let is_sure = finding.parts.confidence.level > Level::Low;
        for (axis, sure, any) in &mut worst {
            if *axis == finding.parts.axis {
                *any = finding.parts.rank.max(*any);
                *sure = if is_sure { finding.parts.rank.max(*sure) } else { *sure };
            }
        }
    }
    let named = worst.into_iter().map(|(axis, rank, any)| Grade {
        axis,
        rank,
        grade: grade_name(axis, rank, knowledge),
        doubtful_rank: if any > rank { any } else { 0 },
    });
    named.collect()
}

fn grade_name(axis: Axis, rank: u8, knowledge: &Knowledge) -> String {
    let axis = match axis {
        Axis::Takes => knowledge::Axis::Takes,
        Axis::Obeys => knowledge::Axis::Obeys,
        Axis::Exposes => knowledge::Axis::Exposes,
    };
    knowledge.grade(axis, rank).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail")]

    use super::*;
    use findings::{Confidence, Endpoint, FindingParts, Hop, Location, Modifiers, Proof, Step, Transport};

    fn claim(rank: u8, level: Level, reachable: bool) -> Finding {
        let end = || Endpoint { kind: String::new(), label: String::new(), details: Vec::new() };
        let parts = FindingParts {
            axis: Axis::Takes,
            rank,
            grade: String::new(),
            rule: String::new(),
            title: String::new(),
            attack: Vec::new(),
            app: String::new(),
            apps: Vec::new(),
            source: end(),
            sink: end(),
            pairs: 1,
            places: Vec::new(),
            confidence: Confidence { level, reasons: Vec::new() },
            modifiers: Modifiers {
                transport: Transport::Unknown,
                reachable,
                triggers: Vec::new(),
                user: findings::UserPart::Unknown,
                without_user: Vec::new(),
                operations: Vec::new(),
                carriers: Vec::new(),
                permissions: Vec::new(),
            },
        };
        let at = Location { container: String::new(), path: String::new(), offset: None };
        let step =
            Step { hop: Hop::Source, app: String::new(), at, method: String::new(), code_unit: 0, text: String::new() };
        Finding::new(String::new(), parts, Proof::new(vec![step]).unwrap())
    }

    #[test]
    fn a_guess_and_code_that_nothing_starts_grade_nobody() {
        let knowledge = Knowledge::embedded().unwrap();
        let takes = |claims: &[Finding]| {
            let grades = grades(claims.iter(), &knowledge);
            grades
                .iter()
                .find(|grade| grade.axis == Axis::Takes)
                .map(|grade| (grade.rank, grade.doubtful_rank))
                .unwrap()
        };
        let (sure, guess) = (claim(2, Level::Medium, true), claim(4, Level::Low, true));
        assert_eq!(takes(&[sure.clone(), guess.clone()]), (2, 4));
        assert_eq!(takes(std::slice::from_ref(&guess)), (0, 4));
        assert_eq!(takes(&[sure, claim(4, Level::High, false)]), (2, 0), "nothing starts it");
        assert_eq!(takes(&[claim(4, Level::High, true), guess]), (4, 0));
    }
}
