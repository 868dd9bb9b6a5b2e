//! Native files of the device: which are held against the facts, who starts them, and which apps speak to them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use analysis::{
    facts::{AppFacts, FactAct},
    link::LinkApp,
    native_files::{ChannelNames, NativeFile, Starter, examine},
};
use bytes::{Budget, ByteSource, Limits};
use findings::{Coverage, Outcome};
use firmware::{FileKind, Firmware};
use knowledge::{Knowledge, NativeSource};
use native::{Elf, init};
use packages::Package;
use rayon::prelude::*;

use crate::{app::AppResult, app_libraries::Library, in_order::each_as_stored, record};

/// Longest init script that is read.
const SCRIPT_LEN_MAX: u64 = 4 << 20;
/// Users that the platform trusts like itself.
const CORE_USERS: &[&str] = &["root", "system"];

/// What was found out about the native files.
#[derive(Debug, Default)]
pub(crate) struct NativeFiles {
    /// Files that facts speak of, in the order of the device, with what they do.
    files: Vec<Spoken>,
    /// Files that could not be read.
    pub(crate) coverage: Vec<Coverage>,
}

/// A file that facts speak of.
#[derive(Debug)]
struct Spoken {
    file: NativeFile,
    facts: AppFacts,
    /// The app that it is a library of, or its own path.
    package: String,
    /// Whether a core user starts it.
    is_core: bool,
}

/// Examines every native file, on the threads of the current pool.
pub(crate) fn read(
    firmware: &Firmware,
    packages: &[Package],
    libraries: &[Library<'_>],
    results: &[AppResult],
    knowledge: &Knowledge,
) -> NativeFiles {
    let names = channel_names(results, knowledge);
    let mut starters = services(firmware);
    starters.extend(naming_apps(packages, results));
    let on_device = firmware.files.iter().filter_map(|file| match &file.kind {
        FileKind::File(source) => Some((file.path.as_str(), file.container.as_str(), source)),
        FileKind::Symlink(_) | FileKind::Missing => None,
    });
    let in_packages = packages.iter().flat_map(|package| {
        let elsewhere = package.natives.iter().filter(|file| !file.path.contains("!lib/"));
        elsewhere.map(|file| (file.path.as_str(), package.container.as_str(), &file.source))
    });
    let all: Vec<(&str, &str, &ByteSource)> = on_device.chain(in_packages).collect();
    let of_apps: Vec<&Library<'_>> = libraries.iter().filter(|library| library.path.contains("!lib/")).collect();
    let examined = each_as_stored(&all, |(_, _, source)| Some(source), |&file| one(file, &names, &starters, knowledge));
    let examined_of_apps: Vec<Examined> =
        of_apps.into_par_iter().filter_map(|library| of_app(library, packages, &names, &starters, knowledge)).collect();
    let mut result = NativeFiles::default();
    for file in examined.into_iter().flatten().chain(examined_of_apps) {
        match file {
            Examined::Spoken(file, app) => {
                let (facts, is_core) = (file.facts(&starters, knowledge), file.is_core(&starters));
                let package = app.unwrap_or_else(|| file.path.clone());
                result.files.push(Spoken { file: *file, facts, package, is_core });
            }
            Examined::Unread(line) => result.coverage.push(line),
        }
    }
    result
}

enum Examined {
    /// A file, and the app that it is a library of.
    Spoken(Box<NativeFile>, Option<String>),
    Unread(Coverage),
}

fn one(
    file: (&str, &str, &ByteSource),
    names: &ChannelNames,
    starters: &[Starter],
    knowledge: &Knowledge,
) -> Option<Examined> {
    let (path, container, source) = file;
    if !Elf::probe(source) {
        return None;
    }
    // A fault of this program is a hole of this file, not the end of the scan.
    let reason = match catch_unwind(AssertUnwindSafe(|| examine(file, names, starters, knowledge))) {
        Ok(Ok(found)) => return found.map(|found| Examined::Spoken(Box::new(found), None)),
        // Files for other processors of the phone are no programs of the device.
        Ok(Err(error)) if matches!(error.kind, bytes::Kind::Unsupported(_)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "reading this native file failed inside".to_owned(),
    };
    Some(Examined::Unread(Coverage {
        container: container.to_owned(),
        path: path.to_owned(),
        kind: "native".to_owned(),
        outcome: Outcome::Unread(reason),
    }))
}

/// A library that an app brings. Libraries of browsers and players import and say everything that a client of commands does: only
/// what their code shows counts. What cannot be read of it is told with its methods.
fn of_app(
    library: &Library<'_>,
    packages: &[Package],
    names: &ChannelNames,
    starters: &[Starter],
    knowledge: &Knowledge,
) -> Option<Examined> {
    let file = (library.path, library.container, library.source);
    match one(file, names, starters, knowledge)? {
        Examined::Spoken(file, _) => {
            let app = packages.get(library.package).map(record::name_of);
            file.by_code().map(|file| Examined::Spoken(Box::new(file), app))
        }
        Examined::Unread(_) => None,
    }
}

/// Names under which apps write to the channels that facts read from.
fn channel_names(results: &[AppResult], knowledge: &Knowledge) -> ChannelNames {
    let read = |kind: &String| {
        knowledge
            .native_facts
            .iter()
            .any(|fact| matches!(&fact.source, NativeSource::Channel(channel) if channel == kind))
    };
    let facts = results.iter().flat_map(|result| &result.facts.facts);
    let written = facts.filter_map(|fact| match &fact.act {
        FactAct::Store(kind) if read(kind) => Some((kind, &fact.names)),
        _ => None,
    });
    let names = written.flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)));
    names.filter(|(_, name)| !name.contains('*')).map(|(kind, name)| (kind.clone(), name.clone())).collect()
}

/// What the init scripts of the device start.
fn services(firmware: &Firmware) -> Vec<Starter> {
    let mut starters = Vec::new();
    for file in firmware.files.iter().filter(|file| file.path.ends_with(".rc")) {
        let FileKind::File(source) = &file.kind else { continue };
        let Some(script) = script(source) else { continue };
        for service in init::services(&script) {
            let user = service.user.as_deref().unwrap_or("root");
            let words = format!("init service {} of {} as {user}", service.name, file.path);
            let is_core = CORE_USERS.contains(&user);
            let sockets = service.sockets.into_iter().map(|socket| socket.name).collect();
            let program = of_same_ramdisk(firmware, &file.path, &service.program).unwrap_or(service.program);
            starters.push(Starter { program, words, is_core, sockets });
        }
    }
    starters.sort();
    starters.dedup();
    starters
}

/// The program in the same ramdisk as the script: a ramdisk is the root of the device while its scripts run, and is kept below
/// the name of its image here (`/boot/init.rc` starts `/boot/sbin/adbd`).
fn of_same_ramdisk(firmware: &Firmware, script: &str, program: &str) -> Option<String> {
    let (folder, _) = script.rsplit_once('/')?;
    let path = format!("{folder}{program}");
    firmware.files.binary_search_by(|file| file.path.as_str().cmp(&path)).is_ok().then_some(path)
}

/// What cannot be read is told in the coverage by whoever lists it.
pub(crate) fn script(source: &ByteSource) -> Option<Vec<u8>> {
    if source.len() > SCRIPT_LEN_MAX {
        return None;
    }
    source.to_vec(&Budget::new(Limits::FILE), "init script").ok()
}

/// Apps whose code names a program of the device, and those that carry one.
fn naming_apps(packages: &[Package], results: &[AppResult]) -> Vec<Starter> {
    let mut starters = Vec::new();
    for (package, result) in packages.iter().zip(results).filter(|(package, _)| !package.name.is_empty()) {
        let (name, is_core) = (record::name_of(package), package.bypasses_permission_checks());
        let starter =
            |program: &String, words| Starter { program: program.clone(), words, is_core, sockets: Vec::new() };
        starters.extend(result.programs.iter().map(|program| starter(program, format!("app {name} names it"))));
        starters.extend(package.natives.iter().map(|file| starter(&file.path, format!("app {name} carries it"))));
    }
    starters
}

impl NativeFiles {
    /// The files as the linker needs them, with the layers around each.
    pub(crate) fn link_apps(&self) -> impl Iterator<Item = (LinkApp<'_>, String)> {
        self.files.iter().map(|Spoken { file, facts, package, is_core }| {
            let app = LinkApp {
                package: package.clone(),
                path: file.path.clone(),
                // It shares files with nobody: what it reads was not read.
                owner: file.path.clone(),
                core_user: *is_core,
                permissions: Vec::new(),
                asks_for: None,
                providers: Vec::new(),
                components: Vec::new(),
                protects: Vec::new(),
                facts,
            };
            (app, file.container.clone())
        })
    }
}
