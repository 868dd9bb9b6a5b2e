//! Samples of an app's code, by the shapes of its method bodies, for the knowledge files.

use std::collections::BTreeSet;

use bytes::{Budget, Limits};
use code::{InputFile, Program};
use firmware::Input;
use packages::{Collector, Package};

use crate::record;

/// The sample of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: Option<String>,
    /// SHA-256 of the file, in lower-case hex.
    pub sha256: String,
    /// How many different shapes it has.
    pub bodies: usize,
    /// Some of them, sorted.
    pub shapes: Vec<u64>,
}

/// Samples of the packages called `package` (all, if absent) in `inputs`, of classes below `namespaces` if any are given,
/// without the bodies that packages in `without` have too: those are libraries.
#[must_use]
pub fn sketch(inputs: &[Input], package: Option<&str>, namespaces: &[String], without: &[Input]) -> Vec<Sketch> {
    let mut common = BTreeSet::new();
    if !without.is_empty() {
        for package in packages_of(without) {
            common.extend(shapes(&package, &[]));
        }
    }
    let wanted = packages_of(inputs).into_iter();
    let wanted = wanted.filter(|found| !found.name.is_empty() && package.is_none_or(|name| found.name == name));
    wanted
        .filter_map(|found| {
            let own: BTreeSet<u64> = shapes(&found, namespaces).difference(&common).copied().collect();
            (!own.is_empty()).then(|| Sketch {
                package: found.name.clone(),
                version: found.version_name.clone(),
                sha256: record::hex(&found.sha256),
                bodies: own.len(),
                shapes: attribution::sketch(&own),
            })
        })
        .collect()
}

fn packages_of(inputs: &[Input]) -> Vec<Package> {
    let firmware = firmware::unfold(inputs, &Budget::new(Limits::FIRMWARE));
    let collector = Collector::new(&firmware);
    collector.candidates().iter().map(|file| collector.open(file)).collect()
}

fn shapes(package: &Package, namespaces: &[String]) -> BTreeSet<u64> {
    let files: Vec<InputFile> = package
        .code_files
        .iter()
        .map(|file| InputFile { path: file.path.clone(), source: file.source.clone() })
        .collect();
    let program = Program::build(&files, &Budget::new(Limits::FILE));
    let prefixes: Vec<String> = namespaces.iter().map(|name| format!("L{}/", name.replace('.', "/"))).collect();
    let is_wanted = |name: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
    let classes = program.classes().iter().filter(|class| is_wanted(program.descriptor(class.ty)));
    classes.flat_map(|class| &class.methods).filter_map(|method| program.shape(method)).collect()
}
