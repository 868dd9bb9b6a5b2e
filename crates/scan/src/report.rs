//! Everything together: the report.

use std::collections::BTreeMap;

use attribution::Traits;
use findings::{
    AppRecord, Coverage, Outcome, Party, Report, SCHEMA_VERSION, Statistics, Supplier, Tool, UpdateKeyRecord,
};
use firmware::{FileKind, Firmware, Input};
use knowledge::{EvidenceKind, Knowledge};
use packages::Package;

use crate::{
    OpenPermissions, api_level, app::AppResult, app_libraries, baseline, link_apps, native, native_files, public_keys,
    record, updates,
};

/// Names of limits that ways through several apps meet.
const SEARCHES_CUT: &str = "searches for the origin of data";
const FAR_FETCHED: &str = "doubtful ways over three or more apps";

/// Links the apps, makes the claims and writes the report.
pub(crate) fn tell(
    inputs: &[Input],
    firmware: &Firmware,
    packages: &[Package],
    libraries: &[app_libraries::Library<'_>],
    results: &[AppResult],
    knowledge: &Knowledge,
) -> Report {
    let open = OpenPermissions::new(packages, firmware, knowledge);
    let mut apps = link_apps(packages, results, &open, api_level(firmware));
    let mut containers: Vec<String> = packages.iter().map(|package| package.container.clone()).collect();
    let natives = native_files::read(firmware, packages, libraries, results, knowledge);
    for (app, container) in natives.link_apps() {
        apps.push(app);
        containers.push(container);
    }
    let claims = analysis::claims::claim(&apps, &containers, knowledge);
    let cut_ways = [(SEARCHES_CUT, claims.searches_cut), (FAR_FETCHED, claims.ways_not_followed)];
    let findings = claims.findings;
    let known = baseline::of(firmware, knowledge).map(|(known, _)| known);
    let records: Vec<AppRecord> = packages
        .iter()
        .zip(results)
        .filter(|(package, _)| !package.name.is_empty() || package.path.ends_with(".apk"))
        .map(|(package, result)| {
            let added = known.map(|known| baseline::is_added(&package.name, known, knowledge));
            record::app_record(package, result, added, &findings, knowledge)
        })
        .collect();
    // What is beside an app is read for itself and as a part of it.
    let unread_libraries = results.iter().flat_map(|result| &result.unread_libraries);
    let mut unread_natives = natives.coverage;
    unread_natives.extend(unread_libraries.filter(|line| !unread_natives.contains(line)).cloned().collect::<Vec<_>>());
    let update_clients = updates::clients(packages, results, &findings, knowledge);
    let (update_keys, unread_keys) = updates::keys(firmware, knowledge);
    unread_natives.extend(unread_keys);
    let suppliers = image_suppliers(firmware, &records, knowledge);
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool {
            name: "tidewaiter".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            knowledge: knowledge.digest().to_owned(),
        },
        inputs: inputs.iter().map(|input| input_record(input, firmware)).collect(),
        identity: packages::identity(firmware, packages),
        grades: record::grades(findings.iter(), knowledge),
        coverage: coverage(firmware, packages, results, unread_natives, knowledge),
        statistics: statistics(firmware, &records, results, &cut_ways),
        findings,
        suppliers,
        parties: parties(firmware, packages, &update_keys, knowledge),
        update_clients,
        update_keys,
        public_keys: public_keys::found(packages, knowledge),
        baseline: baseline::compare(firmware, packages, knowledge),
        rule_matches: None,
        apps: records,
    }
}

fn input_record(input: &Input, firmware: &Firmware) -> findings::Input {
    let name = input.name();
    let len = match bytes::host::is_folder(&input.path) {
        true => firmware.files.iter().map(file_len).sum(),
        false => bytes::ByteSource::open(&input.path).map_or(0, |source| source.len()),
    };
    findings::Input { name, len }
}

const fn file_len(file: &firmware::FirmwareFile) -> u64 {
    match &file.kind {
        FileKind::File(source) => source.len(),
        FileKind::Symlink(_) | FileKind::Missing => 0,
    }
}

/// Suppliers of the image: what its files and properties say, and what its apps say.
fn image_suppliers(firmware: &Firmware, records: &[AppRecord], knowledge: &Knowledge) -> Vec<Supplier> {
    let mut traits = Traits::default();
    for (key, value) in firmware.merged_properties() {
        traits.add(EvidenceKind::Property, format!("{key}={value}"));
    }
    for file in &firmware.files {
        traits.add(EvidenceKind::File, file.path.clone());
    }
    for (kind, value, place) in native::traits(firmware, knowledge) {
        traits.add_in(kind, value, place);
    }
    let from_image = attribution::attribute(&traits, knowledge);
    let from_apps = records.iter().flat_map(|record| record.suppliers.iter().cloned());
    attribution::merge(from_image.into_iter().chain(from_apps))
}

/// Who has to do with the device.
fn parties(
    firmware: &Firmware,
    packages: &[Package],
    update_keys: &[UpdateKeyRecord],
    knowledge: &Knowledge,
) -> Vec<Party> {
    let certificates = packages::platform_certificates(packages);
    let signers: Vec<attribution::Signer> = certificates
        .iter()
        .map(|certificate| {
            let mut signers = packages.iter().flat_map(|package| &package.signers);
            let subject = signers.find(|signer| signer.certificate_sha256 == *certificate);
            attribution::Signer {
                sha256: record::hex(certificate),
                subject: subject.map(|signer| signer.subject.clone()).unwrap_or_default(),
            }
        })
        .collect();
    let update_signer = |key: &UpdateKeyRecord| attribution::Signer {
        sha256: key.certificate_sha256.clone(),
        subject: key.subject.clone(),
    };
    let update_signers: Vec<attribution::Signer> = update_keys.iter().map(update_signer).collect();
    let properties = firmware.properties.iter().flat_map(|file| &file.entries);
    let properties = properties.map(|(key, value)| (key.as_str(), value.as_str()));
    attribution::parties(properties, &signers, &update_signers, knowledge)
}

/// The lines of the walk, and one or two for each package.
fn coverage(
    firmware: &Firmware,
    packages: &[Package],
    results: &[AppResult],
    natives: Vec<Coverage>,
    knowledge: &Knowledge,
) -> Vec<Coverage> {
    let mut lines = firmware.coverage.clone();
    lines.extend(natives);
    for line in lines.iter_mut().filter(|line| line.kind == "vbmeta") {
        if let Outcome::Read(text) = &mut line.outcome
            && let Some((_, name)) = knowledge.boot_keys.iter().find(|(sha1, _)| text.contains(sha1.as_str()))
        {
            *text = format!("{text} ({name})");
        }
    }
    for (package, result) in packages.iter().zip(results) {
        let line = |kind: &str, outcome| Coverage {
            container: package.container.clone(),
            path: package.path.clone(),
            kind: kind.to_owned(),
            outcome,
        };
        if !package.problems.is_empty() {
            lines.push(line("package", Outcome::Partial(package.problems.clone())));
        }
        // What is wrong with a manifest that is carried says nothing of the app that carries it.
        for carried in package.carried.iter().filter(|carried| !carried.problems.is_empty()) {
            let outcome = Outcome::Partial(carried.problems.clone());
            lines.push(Coverage { path: carried.path.clone(), ..line("carried package", outcome) });
        }
        let hidden = package.hidden_files.iter().map(|file| file.path.as_str());
        let places: Vec<&str> = hidden.chain(result.unlocked.iter().map(String::as_str)).collect();
        if !places.is_empty() {
            lines.push(line("hidden code", Outcome::Read(places.join(", "))));
        }
        let outcome = match result.code {
            "read" if result.fidelity.is_empty() => Outcome::Read(format!("{} methods", result.facts.methods)),
            "read" => Outcome::Read(format!("{} methods; {}", result.facts.methods, result.fidelity)),
            "partial" => Outcome::Partial(partial(result)),
            "opaque" => Outcome::Unread(why_opaque(package, result)),
            _ => continue,
        };
        lines.push(line("code", outcome));
    }
    lines.sort();
    lines.dedup();
    lines
}

/// What was not read, and what became of the rest.
fn partial(result: &AppResult) -> Vec<String> {
    let mut told = result.problems.clone();
    if !result.fidelity.is_empty() {
        told.push(result.fidelity.clone());
    }
    told
}

fn why_opaque(package: &Package, result: &AppResult) -> String {
    let reasons: Vec<&str> = result.problems.iter().chain(&package.problems).map(String::as_str).collect();
    if reasons.is_empty() && package.name.is_empty() {
        return "no manifest could be read and no code was found".to_owned();
    }
    if reasons.is_empty() {
        "no code was found, though the manifest says there is some".to_owned()
    } else {
        reasons.join("; ")
    }
}

fn statistics(
    firmware: &Firmware,
    records: &[AppRecord],
    results: &[AppResult],
    cut_ways: &[(&str, u64)],
) -> Statistics {
    let mut cuts: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in results.iter().flat_map(|result| &result.facts.cuts) {
        *cuts.entry(name.clone()).or_default() += count;
    }
    cuts.extend(cut_ways.iter().filter(|(_, count)| *count > 0).map(|&(name, count)| (name.to_owned(), count)));
    let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    Statistics {
        files: count(firmware.files.len()),
        apps: count(records.len()),
        apps_opaque: count(records.iter().filter(|record| record.code == "opaque").count()),
        methods: results.iter().map(|result| result.facts.methods).sum(),
        instructions: results.iter().map(|result| result.facts.instructions).sum(),
        cuts: cuts.into_iter().collect(),
    }
}
