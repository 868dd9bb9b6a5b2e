//! Packages in the words of a report.

use std::collections::BTreeMap;

use attribution::Traits;
use findings::{AppRecord, Axis, ComponentRecord, Finding, Grade, SignerRecord, Supplier};
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
        added: if package.name.is_empty() { None } else { added },
        grades: grades(findings.iter().filter(|finding| finding.parts.app == name), knowledge),
        suppliers: suppliers(package, result, knowledge),
        hidden_strings: result.hidden_strings.clone(),
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

/// The worst grade on each axis. What no entry point leads to is shown, and not graded.
pub(crate) fn grades<'f>(findings: impl Iterator<Item = &'f Finding>, knowledge: &Knowledge) -> Vec<Grade> {
    let mut worst = [(Axis::Takes, 0), (Axis::Obeys, 0), (Axis::Exposes, 0)];
    for finding in findings.filter(|finding| finding.parts.modifiers.reachable) {
        for (axis, rank) in &mut worst {
            if *axis == finding.parts.axis {
                *rank = finding.parts.rank.max(*rank);
            }
        }
    }
    let named = worst.into_iter().map(|(axis, rank)| Grade { axis, rank, grade: grade_name(axis, rank, knowledge) });
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
