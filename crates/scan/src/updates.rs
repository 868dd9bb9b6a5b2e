//! Which apps update the firmware, found by what their code does, whatever they are called; and how their channel is.

use std::collections::BTreeSet;

use findings::{Finding, Transport, UpdateClient};
use knowledge::Knowledge;
use packages::Package;

use crate::{app::AppResult, record};

/// Markers of the knowledge files that this asks for.
const STARTS_UPDATE: &str = "starts_firmware_update";
const VERIFIES_UPDATE: &str = "verifies_firmware_update";
const TALKS_HTTP: &str = "talks_http";
const INSTALLS: &str = "installs_silently";

/// The update clients of an image.
pub(crate) fn clients(
    packages: &[Package],
    results: &[AppResult],
    findings: &[Finding],
    knowledge: &Knowledge,
) -> Vec<UpdateClient> {
    let platform = packages::platform_certificates(packages);
    let pairs = packages.iter().zip(results).filter(|(package, _)| !package.name.is_empty());
    let mut clients: Vec<UpdateClient> =
        pairs.filter_map(|(package, result)| client(package, result, findings, &platform, knowledge)).collect();
    clients.sort_by(|a, b| a.path.cmp(&b.path));
    clients
}

fn client(
    package: &Package,
    result: &AppResult,
    findings: &[Finding],
    platform: &BTreeSet<[u8; 32]>,
    knowledge: &Knowledge,
) -> Option<UpdateClient> {
    let own = || findings.iter().filter(|finding| finding.parts.app == package.name);
    let from_server =
        |sink: &str| own().any(|found| found.parts.source.kind == "network_input" && found.parts.sink.kind == sink);
    let proven = from_server("firmware_update") || own().any(|found| found.parts.rule == "server_prepares_update");
    let names = |marker: &str| result.markers.contains(marker);
    if !(proven || names(STARTS_UPDATE) && names(TALKS_HTTP)) {
        return None;
    }
    let is_platform = package.signers.iter().any(|signer| platform.contains(&signer.certificate_sha256));
    let is_public = |signer: &packages::Signer| {
        let known = knowledge.known_certificates.get(&record::hex(&signer.certificate_sha256));
        known.is_some_and(|known| known.public)
    };
    Some(UpdateClient {
        package: package.name.clone(),
        path: package.path.clone(),
        standing: if proven { "proven" } else { "present" }.to_owned(),
        signed_by: if is_platform { "platform" } else { "third" }.to_owned(),
        transport: match result.schemes {
            (true, _) => Transport::ClearHttp,
            (false, true) => Transport::Tls,
            (false, false) => Transport::Unknown,
        },
        names_signature_check: names(VERIFIES_UPDATE),
        installs_packages: names(INSTALLS) || from_server("install"),
        signed_with_public_key: package.signers.iter().any(is_public),
    })
}
