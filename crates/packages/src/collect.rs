//! Every package of a firmware, and where the code of each is: in the archive, or in the file that the platform's
//! compiler put beside it.
//!
//! The layouts are those of Android 4 to 15: `X.odex` beside `X.apk`, `oat/<isa>/X.odex` (since 5.1), `<isa>/X.odex`
//! (5.0), with a `.vdex` beside the `.odex` since 8, and for the boot class path `<isa>/boot.oat` or, since 7, one
//! `<isa>/boot-<name>.oat` per jar. What a device compiled itself is in its cache, below the path of the archive with `@`
//! for `/`.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Limits};
use firmware::{FileKind, Firmware, FirmwareFile};

use crate::{
    manifest::problem,
    model::{CodeFile, Package},
    open::{is_dex, open_package_at},
};

/// Instruction sets, the preferred first: 64-bit code of an app is compiled from the same DEX files as its 32-bit code.
const INSTRUCTION_SETS: [&str; 7] = ["arm64", "x86_64", "riscv64", "mips64", "arm", "x86", "mips"];
/// Where devices up to Android 7 keep what they compile, in a folder for each instruction set since 5.
const CACHE: &str = "/data/dalvik-cache";
/// What follows the name of the archive there.
const CACHED: &str = "@classes.dex";
/// Most symbolic links that are followed from one path.
const LINKS_MAX: usize = 8;

/// Finds packages in a firmware and opens them one by one, in any order and from any thread.
pub struct Collector<'a> {
    by_path: BTreeMap<&'a str, &'a FirmwareFile>,
    candidates: Vec<&'a FirmwareFile>,
    api_level: u32,
}

/// What a path leads to.
enum Found<'a> {
    File(&'a ByteSource),
    Missing,
    Nothing,
}

/// Compiled code at one place.
#[derive(Default)]
struct Compiled {
    files: Vec<CodeFile>,
    /// A file that is known to be there and that the input does not hold.
    absent: Option<String>,
}

/// Every package of `firmware`, in device path order. `progress` is told how many of how many are done.
pub fn collect(firmware: &Firmware, progress: &mut dyn FnMut(usize, usize)) -> Vec<Package> {
    let collector = Collector::new(firmware);
    let total = collector.candidates().len();
    let mut packages = Vec::with_capacity(total);
    for file in collector.candidates() {
        progress(packages.len(), total);
        packages.push(collector.open(file));
    }
    progress(total, total);
    packages
}

impl<'a> Collector<'a> {
    /// Finds the files that are packages, by what they hold.
    #[must_use]
    pub fn new(firmware: &'a Firmware) -> Self {
        let mut by_path = BTreeMap::new();
        for file in &firmware.files {
            by_path.entry(file.path.as_str()).or_insert(file);
        }
        let api_level = firmware.property("ro.build.version.sdk").and_then(|level| level.trim().parse().ok());
        let mut collector = Self { by_path, candidates: Vec::new(), api_level: api_level.unwrap_or(u32::MAX) };
        collector.candidates = firmware.files.iter().filter(|file| collector.is_candidate(file)).collect();
        collector
    }

    /// The files that are packages, in device path order.
    #[must_use]
    pub fn candidates(&self) -> &[&'a FirmwareFile] {
        &self.candidates
    }

    /// Opens one of the candidates and finds its code.
    #[must_use]
    pub fn open(&self, file: &FirmwareFile) -> Package {
        let mut package = open_package_at(file, self.api_level, &Budget::new(Limits::FILE));
        let absent = matches!(file.kind, FileKind::Missing);
        if package.code_files.is_empty() && package.has_code && !absent {
            self.find_code(&mut package);
        } else if is_boot_image(&file.path) {
            self.add_vdex(&file.path.clone(), &mut package);
        }
        package
    }

    fn is_candidate(&self, file: &FirmwareFile) -> bool {
        let named = file.path.ends_with(".apk") || file.path.ends_with(".jar");
        match &file.kind {
            FileKind::Symlink(_) => false,
            FileKind::Missing => named || self.is_chosen_boot_image(&file.path),
            FileKind::File(source) => {
                named
                    || is_dex(source) && !self.is_cached(&file.path)
                    || holds_app(source)
                    || self.is_chosen_boot_image(&file.path)
            }
        }
    }

    /// Whether `path` is the compiled form of an archive that is there.
    fn is_cached(&self, path: &str) -> bool {
        let Some((_, name)) = split(path).filter(|(folder, _)| folder.starts_with(CACHE)) else { return false };
        let archive = name.strip_suffix(CACHED).map(|name| format!("/{}", name.replace('@', "/")));
        archive.is_some_and(|archive| matches!(self.find(&archive), Found::File(_)))
    }

    /// Whether `path` is a boot image that holds several jars, and of the preferred instruction set.
    fn is_chosen_boot_image(&self, path: &str) -> bool {
        let Some((folder, _)) = split(path).filter(|_| is_boot_image(path)) else { return false };
        let Some((framework, _)) = split(folder) else { return false };
        self.boot_image(framework, "boot").is_some_and(|chosen| chosen == path)
    }

    /// The path of a boot image: the first instruction set whose file is there, else the first that is listed.
    fn boot_image(&self, framework: &str, name: &str) -> Option<String> {
        let paths = || INSTRUCTION_SETS.iter().map(|isa| format!("{framework}/{isa}/{name}.oat"));
        paths()
            .find(|path| matches!(self.find(path), Found::File(_)))
            .or_else(|| paths().find(|path| matches!(self.find(path), Found::Missing)))
    }

    /// Finds the compiled form of an archive without code.
    fn find_code(&self, package: &mut Package) {
        let path = package.path.clone();
        let Some((folder, name)) = split(&path) else { return };
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let beside = INSTRUCTION_SETS
            .iter()
            .flat_map(|isa| [format!("{folder}/oat/{isa}/{stem}.odex"), format!("{folder}/{isa}/{stem}.odex")])
            .chain([format!("{folder}/{stem}.odex")])
            .chain(cached(&path));
        let found: Vec<Compiled> = beside.map(|candidate| self.compiled(&candidate)).collect();
        // The first that is whole; else the first of which there is something.
        let whole = found.iter().find(|compiled| !compiled.files.is_empty() && compiled.absent.is_none());
        let absent = found.iter().find_map(|compiled| compiled.absent.as_ref());
        if let Some(compiled) = whole.or_else(|| found.iter().find(|compiled| !compiled.files.is_empty())) {
            package.code_files.clone_from(&compiled.files);
            if let Some(absent) = compiled.absent.as_ref() {
                problem(package, format!("code is in {absent}, which is absent"));
            }
            return;
        }
        if absent.is_none() && path.ends_with(".jar") && folder.ends_with("/framework") {
            return self.find_boot_code(folder, stem, package);
        }
        let text = match absent {
            Some(first) => format!("code is in {first}, which is absent"),
            // Archives of resources: a jar without a manifest of an app, an app without anything that could run.
            None if package.components.is_empty() && package.application_class.is_none() => return,
            None => "no classes.dex in the archive and no compiled code beside it".to_owned(),
        };
        problem(package, text);
    }

    /// The compiled file at `path`, and the `.vdex` beside it: since Android 8 the DEX code is there.
    fn compiled(&self, path: &str) -> Compiled {
        let mut compiled = Compiled::default();
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let vdex = format!("{stem}.vdex");
        for path in [path, vdex.as_str()] {
            match self.find(path) {
                Found::File(source) => {
                    compiled.files.push(CodeFile { source: source.clone(), path: path.to_owned() });
                }
                // Of both the second is the one with the DEX code.
                Found::Missing => compiled.absent = Some(path.to_owned()),
                Found::Nothing => {}
            }
        }
        // With its `.vdex` there, an absent `.odex` is no loss: it holds machine code.
        if compiled.files.iter().any(|file| file.path == vdex) {
            compiled.absent = None;
        }
        compiled
    }

    /// Adds the `.vdex` beside a compiled file that is there.
    fn add_vdex(&self, compiled: &str, package: &mut Package) {
        let found = self.compiled(compiled);
        package.code_files.extend(found.files.into_iter().filter(|file| file.path != compiled));
        if let Some(absent) = found.absent.filter(|absent| absent != compiled) {
            problem(package, format!("code is in {absent}, which is absent"));
        }
    }

    /// The code of a boot class path jar: its own boot image, or its share of the common one.
    fn find_boot_code(&self, framework: &str, stem: &str, package: &mut Package) {
        if let Some(path) = self.boot_image(framework, &format!("boot-{stem}")) {
            let compiled = self.compiled(&path);
            package.code_files.clone_from(&compiled.files);
            if let Some(absent) = compiled.absent {
                problem(package, format!("code is in {absent}, which is absent"));
            }
            return;
        }
        let Some(path) = self.boot_image(framework, "boot") else {
            return problem(package, "no classes.dex in the archive and no boot image".to_owned());
        };
        if matches!(self.find(&path), Found::Missing) {
            problem(package, format!("code is in {path}, which is absent"));
        }
        package.code_in = Some(path);
    }

    fn find(&self, path: &str) -> Found<'a> {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            match self.by_path.get(path.as_str()).map(|file| &file.kind) {
                Some(FileKind::File(source)) => return Found::File(source),
                Some(FileKind::Missing) => return Found::Missing,
                Some(FileKind::Symlink(target)) if target.starts_with('/') => path.clone_from(target),
                Some(FileKind::Symlink(target)) => {
                    let folder = split(&path).map_or("", |(folder, _)| folder);
                    path = join(folder, target);
                }
                None => return Found::Nothing,
            }
        }
        Found::Nothing
    }
}

/// Whether the bytes are an archive with a manifest or DEX code at its root.
fn holds_app(source: &ByteSource) -> bool {
    if !source.has(0, b"PK\x03\x04") {
        return false;
    }
    let Ok(archive) = containers::zip::Archive::read(source, &Budget::new(Limits::FILE)) else { return false };
    let named = |name: &[u8]| archive.member(name).is_some() || archive.problem(name).is_some();
    named(crate::open::MANIFEST) || named(b"classes.dex")
}

fn is_boot_image(path: &str) -> bool {
    path.ends_with("/boot.oat") && path.contains("/framework/")
}

/// Where the device keeps what it compiled from the archive at `path`.
fn cached(path: &str) -> impl Iterator<Item = String> {
    let name = format!("{}{CACHED}", path.trim_start_matches('/').replace('/', "@"));
    let without_folder = format!("{CACHE}/{name}");
    INSTRUCTION_SETS.iter().map(move |isa| format!("{CACHE}/{isa}/{name}")).chain([without_folder])
}

/// Folder and name.
fn split(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once('/')
}

/// `target` seen from `folder`, with `.` and `..` resolved.
fn join(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
