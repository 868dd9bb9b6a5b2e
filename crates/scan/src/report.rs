//! Everything together: the report.

use std::collections::BTreeMap;

use attribution::Traits;
use findings::{AppRecord, Coverage, Outcome, Report, SCHEMA_VERSION, Statistics, Supplier, Tool};
use firmware::{FileKind, Firmware, Input};
use knowledge::{EvidenceKind, Knowledge};
use packages::Package;

use crate::{app::AppResult, link_apps, record};

/// Links the apps, makes the claims and writes the report.
pub(crate) fn tell(
    inputs: &[Input],
    firmware: &Firmware,
    packages: &[Package],
    results: &[AppResult],
    knowledge: &Knowledge,
) -> Report {
    let apps = link_apps(packages, results);
    let containers: Vec<String> = packages.iter().map(|package| package.container.clone()).collect();
    let (flows, cut_searches) = analysis::link::link(&apps, knowledge);
    let findings = analysis::claims::claim(&apps, &containers, &flows, knowledge);
    let records: Vec<AppRecord> = packages
        .iter()
        .zip(results)
        .filter(|(package, _)| !package.name.is_empty() || package.path.ends_with(".apk"))
        .map(|(package, result)| record::app_record(package, result, &findings, knowledge))
        .collect();
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
        coverage: coverage(firmware, packages, results),
        statistics: statistics(firmware, &records, results, cut_searches),
        findings,
        suppliers,
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
    let mut best: BTreeMap<String, Supplier> = BTreeMap::new();
    let from_image = attribution::attribute(&traits, knowledge);
    let from_apps = records.iter().flat_map(|record| record.suppliers.iter().cloned());
    for supplier in from_image.into_iter().chain(from_apps) {
        match best.get_mut(&supplier.id) {
            Some(known) => {
                known.confidence_percent = known.confidence_percent.max(supplier.confidence_percent);
                known.evidence.extend(supplier.evidence);
                known.evidence.sort();
                known.evidence.dedup();
            }
            None => {
                best.insert(supplier.id.clone(), supplier);
            }
        }
    }
    let mut suppliers: Vec<Supplier> = best.into_values().collect();
    suppliers.sort_by(|a, b| b.confidence_percent.cmp(&a.confidence_percent).then_with(|| a.id.cmp(&b.id)));
    suppliers
}

/// The lines of the walk, and one or two for each package.
fn coverage(firmware: &Firmware, packages: &[Package], results: &[AppResult]) -> Vec<Coverage> {
    let mut lines = firmware.coverage.clone();
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

fn statistics(firmware: &Firmware, records: &[AppRecord], results: &[AppResult], cut_searches: u64) -> Statistics {
    let mut cuts: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in results.iter().flat_map(|result| &result.facts.cuts) {
        *cuts.entry(name.clone()).or_default() += count;
    }
    if cut_searches > 0 {
        cuts.insert("searches for the origin of data".to_owned(), cut_searches);
    }
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
