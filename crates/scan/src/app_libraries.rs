//! Native libraries that apps bring: what the native methods of an app lead to in them.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use analysis::native_methods::{Implemented, NativeMethod, Reached, implemented};
use bytes::ByteSource;
use findings::{Coverage, NativeMethodRecord, NativeStep, Outcome};
use firmware::{FileKind, Firmware};
use knowledge::Knowledge;
use native::Elf;
use packages::Package;

/// Most native methods told of one app.
const METHODS_MAX: usize = 256;
/// Folders of an archive by processor, the one that a device of several would take first.
const PROCESSORS: [&str; 9] =
    ["arm64-v8a", "arm64", "armeabi-v7a", "armeabi", "arm", "x86_64", "x86", "mips64", "mips"];

/// A library of an app.
pub(crate) struct Library<'a> {
    /// Position of the app among the packages.
    pub(crate) package: usize,
    /// The way to it, or its device path.
    pub(crate) path: &'a str,
    pub(crate) container: &'a str,
    pub(crate) source: &'a ByteSource,
}

/// The libraries of each app, each once: of copies for several processors the first. What an installer unpacks stands in `lib`
/// beside the app.
pub(crate) fn of<'a>(packages: &'a [Package], firmware: &'a Firmware) -> Vec<Library<'a>> {
    let mut libraries = Vec::new();
    for (package, app) in packages.iter().enumerate().filter(|(_, app)| !app.name.is_empty()) {
        let mut by_name: BTreeMap<&str, (usize, Library<'a>)> = BTreeMap::new();
        let inside = app.natives.iter().filter_map(|file| {
            let (_, inner) = file.path.split_once("!lib/")?;
            Some((inner, Library { package, path: &file.path, container: &app.container, source: &file.source }))
        });
        // `/system/app/Name/lib/arm/`: an app without a folder of its own has no such place.
        let own_folder = app.path.rsplit_once('/').filter(|(folder, _)| folder.matches('/').count() > 2);
        let beside = own_folder.map(|(folder, _)| unpacked(&format!("{folder}/lib/"), package, firmware));
        let beside = beside.into_iter().flatten();
        for (inner, library) in inside.chain(beside) {
            let (processor, name) = inner.rsplit_once('/').unwrap_or(("", inner));
            let order = PROCESSORS.iter().position(|known| *known == processor).unwrap_or(PROCESSORS.len());
            match by_name.get(name) {
                Some((known, _)) if *known <= order => {}
                _ => drop(by_name.insert(name, (order, library))),
            }
        }
        libraries.extend(by_name.into_values().map(|(_, library)| library));
    }
    libraries
}

/// Those of one app.
pub(crate) fn of_package<'l, 'a>(libraries: &'l [Library<'a>], package: usize) -> &'l [Library<'a>] {
    let first = libraries.partition_point(|library| library.package < package);
    let rest = libraries.get(first..).unwrap_or_default();
    rest.get(..rest.partition_point(|library| library.package == package)).unwrap_or_default()
}

fn unpacked<'a>(folder: &str, package: usize, firmware: &'a Firmware) -> Vec<(&'a str, Library<'a>)> {
    let first = firmware.files.partition_point(|file| file.path.as_str() < folder);
    let below = firmware.files.get(first..).unwrap_or_default().iter();
    below
        .map_while(|file| Some((file.path.strip_prefix(folder)?, file)))
        .filter_map(|(inner, file)| match &file.kind {
            FileKind::File(source) => {
                Some((inner, Library { package, path: &file.path, container: &file.container, source }))
            }
            FileKind::Symlink(_) | FileKind::Missing => None,
        })
        .collect()
}

/// What the libraries of one app say of its native methods.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// By the name of each library.
    pub(crate) implemented: Vec<(String, Implemented)>,
    /// What is told with the app.
    pub(crate) records: Vec<NativeMethodRecord>,
    /// Libraries that could not be read.
    pub(crate) unread: Vec<Coverage>,
}

/// Reads the libraries of an app that declares these native methods (sorted).
pub(crate) fn read(libraries: &[Library<'_>], declared: &[NativeMethod], knowledge: &Knowledge) -> Read {
    let mut read = Read::default();
    for library in libraries.iter().filter(|library| Elf::probe(library.source)) {
        match one(library, declared, knowledge) {
            Ok(found) => {
                read.records.extend(found.reached.iter().map(|reached| record(library, reached)));
                let name = library.path.rsplit('/').next().unwrap_or(library.path);
                read.implemented.push((name.to_owned(), found));
            }
            Err(line) => read.unread.push(line),
        }
    }
    read.records.sort();
    read.records.truncate(METHODS_MAX);
    read
}

fn one(library: &Library<'_>, declared: &[NativeMethod], knowledge: &Knowledge) -> Result<Implemented, Coverage> {
    let read = || implemented(library.source, declared, knowledge);
    // A fault of this program is a hole of this file, not the end of the scan.
    let reason = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) if matches!(error.kind, bytes::Kind::Unsupported(_)) => return Ok(Implemented::default()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "reading this native file failed inside".to_owned(),
    };
    Err(Coverage {
        container: library.container.to_owned(),
        path: library.path.to_owned(),
        kind: "native".to_owned(),
        outcome: Outcome::Unread(reason),
    })
}

fn record(library: &Library<'_>, found: &Reached) -> NativeMethodRecord {
    NativeMethodRecord {
        method: found.name(),
        act: found.act.clone(),
        import: found.import.clone(),
        library: library.path.to_owned(),
        way: found.way.iter().map(|(offset, text)| NativeStep { offset: *offset, text: text.clone() }).collect(),
    }
}
