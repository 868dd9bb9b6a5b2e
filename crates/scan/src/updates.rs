//! Which apps update the firmware, found by what their code does, whatever they are called; and how their channel is. A client may be
//! two apps: one that asks a server and holds no rights, and a helper of the system's user that gives the update to the platform.

use std::collections::BTreeSet;

use analysis::facts::{AppFacts, FactAct};
use findings::{Coverage, Finding, Outcome, Transport, UpdateClient, UpdateKeyRecord};
use firmware::Firmware;
use knowledge::Knowledge;
use packages::Package;

use crate::{app::AppResult, record};

/// Markers of the knowledge files that this asks for.
const STARTS_UPDATE: &str = "starts_firmware_update";
const VERIFIES_UPDATE: &str = "verifies_firmware_update";
const TALKS_HTTP: &str = "talks_http";
const INSTALLS: &str = "installs_silently";
const TOLD_BY_PUSH: &str = "is_told_by_push";
const COMES_BACK: &str = "polls_by_alarm";

/// The update clients of an image.
pub(crate) fn clients(
    packages: &[Package],
    results: &[AppResult],
    findings: &[Finding],
    knowledge: &Knowledge,
) -> Vec<UpdateClient> {
    let search = Search { packages, results, findings, knowledge, platform: packages::platform_certificates(packages) };
    let mut clients: Vec<UpdateClient> = (0..packages.len()).filter_map(|at| search.client(at)).collect();
    let known: BTreeSet<String> =
        clients.iter().flat_map(|client| std::iter::once(&client.package).chain(&client.helper)).cloned().collect();
    clients.extend((0..packages.len()).filter_map(|at| search.updater(at)).filter(|one| !known.contains(&one.package)));
    clients.sort_by(|a, b| a.path.cmp(&b.path));
    clients
}

/// Whose updates the image accepts, and what of that could not be read.
pub(crate) fn keys(firmware: &Firmware, knowledge: &Knowledge) -> (Vec<UpdateKeyRecord>, Vec<Coverage>) {
    let (mut keys, mut unread) = (Vec::new(), Vec::new());
    for packages::UpdateKey { path, container, certificate } in packages::update_keys(firmware) {
        match certificate {
            Ok((digest, subject)) => {
                let certificate_sha256 = record::hex(&digest);
                let known = knowledge.known_certificates.get(&certificate_sha256);
                let (known_as, public) =
                    (known.map(|known| known.name.clone()), known.is_some_and(|known| known.public));
                keys.push(UpdateKeyRecord { path, certificate_sha256, subject, known_as, public });
            }
            Err(why) => {
                let kind = "update key".to_owned();
                unread.push(Coverage { container, path, kind, outcome: Outcome::Unread(why) });
            }
        }
    }
    (keys, unread)
}

struct Search<'s> {
    packages: &'s [Package],
    results: &'s [AppResult],
    findings: &'s [Finding],
    knowledge: &'s Knowledge,
    platform: BTreeSet<[u8; 32]>,
}

impl Search<'_> {
    fn client(&self, at: usize) -> Option<UpdateClient> {
        let (package, result) =
            (self.packages.get(at).filter(|package| !package.name.is_empty())?, self.results.get(at)?);
        let own = || self.findings.iter().filter(|finding| finding.parts.app == package.name);
        let from_server =
            |sink: &str| own().any(|found| found.parts.source.kind == "network_input" && found.parts.sink.kind == sink);
        let proven = from_server("firmware_update") || own().any(|found| found.parts.rule == "server_prepares_update");
        let names = |marker: &str| result.markers.contains(marker);
        let by_itself = proven || names(STARTS_UPDATE) && names(TALKS_HTTP);
        let helper = if by_itself || !names(TALKS_HTTP) { None } else { self.helper(at, &result.facts) };
        if !by_itself && helper.is_none() {
            return None;
        }
        let standing = if proven { "proven" } else { "present" };
        Some(self.record((package, result), helper, standing, from_server("install")))
    }

    /// An app that gives updates to the platform, whoever gives them to it.
    fn updater(&self, at: usize) -> Option<UpdateClient> {
        let (package, result) =
            (self.packages.get(at).filter(|package| !package.name.is_empty())?, self.results.get(at)?);
        result.markers.contains(STARTS_UPDATE).then(|| self.record((package, result), None, "updater", false))
    }

    fn record(
        &self,
        (package, result): (&Package, &AppResult),
        helper: Option<(&Package, &AppResult)>,
        standing: &str,
        installs: bool,
    ) -> UpdateClient {
        let names = |marker: &str| result.markers.contains(marker);
        let (helper, helper_result) = helper.unzip();
        let either = |marker: &str| {
            names(marker) || helper_result.is_some_and(|result: &AppResult| result.markers.contains(marker))
        };
        let is_platform = package.signers.iter().any(|signer| self.platform.contains(&signer.certificate_sha256));
        let is_public = |signer: &packages::Signer| {
            let known = self.knowledge.known_certificates.get(&record::hex(&signer.certificate_sha256));
            known.is_some_and(|known| known.public)
        };
        UpdateClient {
            package: package.name.clone(),
            path: package.path.clone(),
            helper: helper.map(|helper: &Package| helper.name.clone()),
            standing: standing.to_owned(),
            signed_by: if is_platform { "platform" } else { "third" }.to_owned(),
            transport: match result.schemes {
                (true, _) => Transport::ClearHttp,
                (false, true) => Transport::Tls,
                (false, false) => Transport::Unknown,
            },
            names_signature_check: either(VERIFIES_UPDATE),
            installs_packages: either(INSTALLS) || installs,
            told_by_push: either(TOLD_BY_PUSH),
            comes_back: either(COMES_BACK),
            signed_with_public_key: package.signers.iter().any(is_public),
            constant_keys: {
                let helpers = helper_result.map(|result| result.constant_keys.as_slice()).unwrap_or_default();
                result.constant_keys.iter().chain(helpers).cloned().collect()
            },
        }
    }

    /// An app that starts updates, talks to no server itself, and is sent to by the app whose facts these are.
    fn helper(&self, client: usize, facts: &AppFacts) -> Option<(&Package, &AppResult)> {
        let pairs = self.packages.iter().zip(self.results).enumerate();
        let helpers = pairs.filter(|(at, (package, result))| {
            let markers = &result.markers;
            *at != client
                && !package.name.is_empty()
                && markers.contains(STARTS_UPDATE)
                && !markers.contains(TALKS_HTTP)
        });
        let mut asked = helpers.filter(|(_, (package, _))| self.sends_to(facts, package));
        asked.next().map(|(_, pair)| pair)
    }

    /// Whether some intent names a package, one of its components, or an action that its components alone take.
    fn sends_to(&self, facts: &AppFacts, to: &Package) -> bool {
        let takes = |package: &Package, action: &String| {
            let mut filters = package.components.iter().flat_map(|part| &part.filters);
            filters.any(|filter| filter.actions.contains(action))
        };
        let alone = |action: &String| {
            takes(to, action) && self.packages.iter().filter(|package| takes(package, action)).count() == 1
        };
        facts.facts.iter().any(|fact| match &fact.act {
            FactAct::Send(sent) => {
                let component = |name: &String| name.split_once('/').is_some_and(|(package, _)| package == to.name);
                sent.package.contains(&to.name) || sent.component.iter().any(component) || sent.action.iter().any(alone)
            }
            _ => false,
        })
    }
}
