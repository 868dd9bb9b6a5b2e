//! The boot class path of an image: what explains instructions that were quickened against it.
//!
//! Needed for code compiled for Android up to 6. An optimised Dalvik file lists the files it was optimised against; later
//! code was compiled against the boot image. Where that is absent, the jars that it is made from may still hold their DEX files:
//! `BOOTCLASSPATH` in the init scripts lists them.

use std::sync::OnceLock;

use bytes::{Budget, Limits};
use code::{InputFile, Program};
use firmware::{FileKind, Firmware};
use packages::{CodeFile, Package};

use crate::{native_files::script, reuse};

/// The first API level whose compiler keeps beside what it rewrites.
const EXPLAINED_SINCE: u32 = 24;

/// The files of the class path, read when an app first needs them.
#[cfg_attr(test, derive(Default))]
pub(crate) struct ClassPath {
    files: Vec<InputFile>,
    /// Whether each file of a list was found.
    all_found: bool,
    classes: OnceLock<code::ClassPath>,
}

impl ClassPath {
    /// Finds the class path among the code of all packages.
    pub(crate) fn of(packages: &[Package], firmware: &Firmware) -> Self {
        let code_files: Vec<&CodeFile> = packages.iter().flat_map(|package| &package.code_files).collect();
        // Apps list all of it; files of the class path itself list what was before them.
        let mut listed: Vec<String> = Vec::new();
        for file in &code_files {
            let list = code::dalvik_class_path(&file.source);
            if list.len() > listed.len() {
                listed = list;
            }
        }
        if listed.is_empty() {
            let boot_images: Vec<&CodeFile> =
                code_files.iter().copied().filter(|file| file.path.ends_with("/boot.oat")).collect();
            if !boot_images.is_empty() {
                return Self::new(boot_images, true);
            }
            if crate::api_level(firmware) < EXPLAINED_SINCE {
                listed = exported(firmware);
            }
        }
        let mut found: Vec<&CodeFile> = Vec::new();
        let mut all_found = !listed.is_empty();
        for path in &listed {
            let (stem, before) = (stem(path), found.len());
            found.extend(code_files.iter().copied().filter(|file| is_of(file, &stem)));
            all_found &= found.len() > before;
        }
        Self::new(found, all_found)
    }

    fn new(files: Vec<&CodeFile>, all_found: bool) -> Self {
        let input = |file: &CodeFile| InputFile { path: file.path.clone(), source: file.source.clone() };
        Self { files: files.into_iter().map(input).collect(), all_found, classes: OnceLock::new() }
    }

    /// The classes.
    pub(crate) fn classes(&self) -> &code::ClassPath {
        self.classes.get_or_init(|| {
            let program = Program::build(&self.files, &Budget::new(Limits::FIRMWARE));
            let is_whole = self.all_found && program.problems.is_empty();
            code::ClassPath { program, is_whole }
        })
    }

    /// What results of apps depend on: the contents of all files. `None` if one cannot be read.
    pub(crate) fn digest(&self) -> Option<Vec<u8>> {
        let mut digests = vec![u8::from(self.all_found)];
        for file in &self.files {
            digests.extend(reuse::digest(&file.source)?);
        }
        Some(digests)
    }
}

/// The longest class path that an init script of the image exports: a recovery system may have a shorter one of its own.
fn exported(firmware: &Firmware) -> Vec<String> {
    let mut longest = Vec::new();
    for file in firmware.files.iter().filter(|file| file.path.ends_with(".rc")) {
        let FileKind::File(source) = &file.kind else { continue };
        let list = script(source).map(|script| exported_by(&script)).unwrap_or_default();
        if list.len() > longest.len() {
            longest = list;
        }
    }
    longest
}

/// `export BOOTCLASSPATH /system/framework/core.jar:...`
fn exported_by(script: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(script);
    let mut lines = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let list = lines.find_map(|words| match words.as_slice() {
        ["export", "BOOTCLASSPATH", list] => Some((*list).to_owned()),
        _ => None,
    });
    list.map_or_else(Vec::new, |list| list.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Path up to the last dot; of a file in the cache of a device that of the jar it was made from.
fn stem(path: &str) -> String {
    const CACHE: &str = "/data/dalvik-cache/";
    let path = match path.strip_prefix(CACHE) {
        Some(name) => format!("/{}", name.strip_suffix("@classes.dex").unwrap_or(name).replace('@', "/")),
        None => path.to_owned(),
    };
    path.rsplit_once('.').map_or_else(|| path.clone(), |(stem, _)| stem.to_owned())
}

fn is_of(file: &CodeFile, stem: &str) -> bool {
    file.path.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::ByteSource;
    use firmware::{Attributes, FirmwareFile};

    use super::*;

    #[test]
    fn a_file_of_the_cache_stands_for_its_jar() {
        assert_eq!(stem("/system/framework/core.odex"), "/system/framework/core");
        assert_eq!(stem("/data/dalvik-cache/system@framework@core.jar@classes.dex"), "/system/framework/core");
    }

    fn file(path: &str, text: &str) -> FirmwareFile {
        FirmwareFile {
            path: path.to_owned(),
            container: String::new(),
            kind: FileKind::File(ByteSource::from_bytes(text.as_bytes().to_vec())),
            attributes: Attributes::default(),
        }
    }

    fn library(path: &str, dex: &str) -> Package {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(dex);
        let source = ByteSource::open(&fixture).expect("the fixture is there");
        Package { code_files: vec![CodeFile { path: path.to_owned(), source }], ..Package::default() }
    }

    #[test]
    fn without_a_boot_image_the_jars_that_a_script_lists_are_the_class_path() {
        let script = "on init\n    export BOOTCLASSPATH /system/framework/b.jar:/system/framework/a.jar\n";
        let recovery = "    export BOOTCLASSPATH /system/framework/a.jar\n";
        let scripts = vec![file("/boot/init.environ.rc", script), file("/recovery/init.rc", recovery)];
        let image = Firmware { files: scripts, ..Firmware::default() };
        let a = library("/system/framework/a.jar!classes.dex", "flows/flows.dex");
        let b = library("/system/framework/b.odex", "rules/rules.dex");
        let app = library("/system/app/a.apk!classes.dex", "rules/rules.dex");
        let paths = |path: &ClassPath| path.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>().join(" ");
        let whole = ClassPath::of(&[app, a.clone(), b.clone()], &image);
        assert_eq!(paths(&whole), "/system/framework/b.odex /system/framework/a.jar!classes.dex");
        assert!(whole.classes().is_whole);
        let part = ClassPath::of(std::slice::from_ref(&a), &image);
        assert!(!part.classes().is_whole && part.classes().program.type_count() > 0, "one jar is absent");
        assert_ne!(whole.digest(), part.digest());
        // The boot image counts where it is there, and where nothing is listed nothing is known.
        let boot = library("/system/framework/arm/boot.oat", "flows/flows.dex");
        assert_eq!(paths(&ClassPath::of(&[a.clone(), b, boot], &image)), "/system/framework/arm/boot.oat");
        let none = ClassPath::of(&[a], &Firmware::default());
        assert!(none.files.is_empty() && !none.classes().is_whole);
    }
}
