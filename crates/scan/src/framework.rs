//! The framework of an image, as far as apps depend on it: what stands above each class. A maker's own activities, lists and
//! listeners are known by it for what they are. Which of its libraries have classes that the public platform does not have.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use analysis::Supertypes;
use bytes::{Budget, Limits};
use code::{InputFile, Program, StringId, TypeId};
use knowledge::Knowledge;
use packages::Package;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use store::{KeyBuilder, Results};

use crate::reuse;

/// More classes above one class of an app are left out.
const ABOVE_MAX: usize = 4096;
/// Android 8.
const PRIVILEGED_ALONE_SINCE: u32 = 26;

/// The framework of an image.
#[derive(Debug, Default)]
pub(crate) struct Framework {
    pub(crate) supertypes: Supertypes,
    /// Actions that it lets nobody but the platform broadcast.
    pub(crate) broadcasts: BTreeSet<String>,
    /// Positions, among the packages, of libraries with classes that were added to the public platform.
    pub(crate) added: Vec<usize>,
    /// Absent: not asked for, or the code of a library cannot be read through.
    digest: Option<[u8; 32]>,
}

/// Actions that the platform lets nobody else broadcast because this package says so. What the owner may replace is no part of the
/// system. Later platforms believe no package but the privileged ones, and all in the folder of the framework are such; since
/// when was not found out, so from `PRIVILEGED_ALONE_SINCE` on only these are believed here.
pub(crate) fn protected_by(package: &Package, api_level: u32) -> &[String] {
    let is_of_system = !package.path.starts_with("/data/");
    let is_privileged = package.privileged || package.path.contains("/framework/");
    let believed = is_of_system && (is_privileged || api_level < PRIVILEGED_ALONE_SINCE);
    if believed { &package.protects_broadcasts } else { &[] }
}

impl Framework {
    /// That of the libraries of the platform among the packages: archives that are no apps. Of several definitions the first
    /// counts, in the order of the packages.
    pub(crate) fn of(packages: &[Package], api_level: u32, knowledge: &Knowledge, kept: Option<&Results>) -> Self {
        let libraries: Vec<(usize, &Package)> =
            packages.iter().enumerate().filter(|(_, package)| package.name.is_empty()).collect();
        let classes = |(_, library): &(usize, &Package)| {
            let key = kept.and_then(|kept| Some((kept, key(library)?)));
            if let Some(known) = key.and_then(|(kept, key)| kept.get::<Supertypes>(key)) {
                return known;
            }
            // A fault of this program leaves a library out here; where the library is read as a package of its own it is told.
            let found = catch_unwind(AssertUnwindSafe(|| supertypes(library))).unwrap_or_default();
            if let Some((kept, key)) = key {
                // What cannot be kept is read again.
                let _ = kept.put(key, &found);
            }
            found
        };
        let found: Vec<Supertypes> = libraries.par_iter().map(classes).collect();
        let is_added = |classes: &Supertypes| classes.keys().any(|class| !knowledge.is_of_platform(class));
        let added = libraries.iter().zip(&found).filter(|(_, classes)| is_added(classes));
        let added: Vec<usize> = added.map(|((at, _), _)| *at).collect();
        let mut supertypes = Supertypes::new();
        for (class, above) in found.into_iter().flatten() {
            supertypes.entry(class).or_insert(above);
        }
        let added_code = added.iter().filter_map(|&at| packages.get(at));
        let broadcasts = packages.iter().flat_map(|package| protected_by(package, api_level)).cloned().collect();
        let digest = kept.and_then(|_| digest(&supertypes, &broadcasts, added_code));
        Self { supertypes, broadcasts, added, digest }
    }

    /// Tells all of it in a few bytes, the code that was added as well.
    pub(crate) fn digest(&self) -> Option<&[u8]> {
        self.digest.as_ref().map(<[u8; 32]>::as_slice)
    }

    /// Tells `to` the part that an app may ask for: what stands above the classes that it names, and which of its texts are
    /// protected actions.
    pub(crate) fn tell_part_of(&self, program: &Program, to: &mut dyn FnMut(&[u8])) {
        let texts = (0..program.string_count()).map(|id| program.text(StringId(u32::try_from(id).unwrap_or(u32::MAX))));
        let protected: BTreeSet<&str> = texts.filter(|text| self.broadcasts.contains(*text)).collect();
        protected.into_iter().for_each(|action| to(format!("protected {action}").as_bytes()));
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for ty in 0..program.type_count() {
            let mut pending = vec![program.descriptor(TypeId(u32::try_from(ty).unwrap_or(u32::MAX)))];
            for _ in 0..ABOVE_MAX {
                let Some((class, above)) = pending.pop().and_then(|class| self.supertypes.get_key_value(class)) else {
                    if pending.is_empty() {
                        break;
                    }
                    continue;
                };
                if told.insert(class) {
                    to(format!("{class} {above:?}").as_bytes());
                    pending.extend(above.iter().map(String::as_str));
                }
            }
        }
    }
}

fn digest<'p>(
    supertypes: &Supertypes,
    broadcasts: &BTreeSet<String>,
    added: impl Iterator<Item = &'p Package>,
) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    supertypes.iter().for_each(|entry| digest.update(format!("{entry:?}").as_bytes()));
    digest.update(format!("{broadcasts:?}").as_bytes());
    for file in added.flat_map(|library| &library.code_files) {
        digest.update(file.path.as_bytes());
        digest.update(reuse::digest(&file.source)?);
    }
    Some(digest.finalize().into())
}

fn key(library: &Package) -> Option<store::Key> {
    let mut key = KeyBuilder::new();
    key.part(reuse::SOURCES.as_bytes()).part(b"framework");
    for file in &library.code_files {
        key.part(&reuse::digest(&file.source)?);
    }
    Some(key.finish())
}

/// What of it cannot be read is told where it is read as a package of its own.
fn opened(library: &Package) -> Program {
    let files = library.code_files.iter();
    let files: Vec<InputFile> =
        files.map(|file| InputFile { path: file.path.clone(), source: file.source.clone() }).collect();
    Program::build(&files, &Budget::new(Limits::FILE))
}

fn supertypes(library: &Package) -> Supertypes {
    let program = opened(library);
    let text = |ty: TypeId| program.descriptor(ty).to_owned();
    let above = |class: &code::Class| -> Vec<String> {
        class.superclass.iter().chain(class.interfaces.iter()).map(|&ty| text(ty)).collect()
    };
    program.classes().iter().map(|class| (text(class.ty), above(class))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::ByteSource;
    use packages::CodeFile;

    use super::*;

    fn library(name: &str, dex: &str) -> Package {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(dex);
        let source = ByteSource::open(&path).expect("the fixture is there");
        let code_files = vec![CodeFile { path: dex.to_owned(), source }];
        Package { name: name.to_owned(), code_files, ..Package::default() }
    }

    #[test]
    fn classes_of_libraries_have_what_stands_above_them_and_those_of_apps_do_not_count() {
        let packages = [library("", "rules/rules.dex"), library("com.example.app", "flows/flows.dex")];
        let knowledge = Knowledge::embedded().expect("the knowledge is sound");
        let framework = Framework::of(&packages, 23, &knowledge, None);
        let above = |class: &str| framework.supertypes.get(class).map(|above| above.join(" "));
        assert_eq!(above("Lrules/list_fragment_is_clicked/Main;").as_deref(), Some("Landroid/app/Activity;"));
        let (own, same) = (opened(&packages[1]), opened(&packages[0]));
        assert!(own.classes().iter().all(|class| above(own.descriptor(class.ty)).is_none()));
        // An app depends on the part that it names, and this one names nothing of that library.
        let mut told = 0;
        framework.tell_part_of(&own, &mut |_| told += 1);
        assert_eq!(told, 0);
        framework.tell_part_of(&same, &mut |_| told += 1);
        assert_eq!(told, framework.supertypes.len());
        assert_eq!(framework.added, [0]);
        let told = |packages: &[Package]| digest(&framework.supertypes, &framework.broadcasts, packages.iter());
        assert!(told(&packages).is_some() && told(&packages) != told(&packages[1..]));
    }

    #[test]
    fn what_the_system_protects_counts_and_what_an_owner_installs_does_not() {
        let package = |path: &str, privileged, action: &str| Package {
            name: path.to_owned(),
            path: path.to_owned(),
            privileged,
            protects_broadcasts: vec![action.to_owned()],
            ..Package::default()
        };
        let packages = [
            package("/system/framework/maker-res/maker-res.apk", false, "org.example.FRAMEWORK"),
            package("/system/priv-app/Phone/Phone.apk", true, "org.example.PRIVILEGED"),
            package("/system/app/Stk/Stk.apk", false, "org.example.PLAIN"),
            package("/data/app/Game/Game.apk", false, "org.example.OWNERS"),
        ];
        let knowledge = Knowledge::embedded().expect("the knowledge is sound");
        let of = |packages: &[Package], api_level| Framework::of(packages, api_level, &knowledge, None);
        let protected = |api_level| of(&packages, api_level).broadcasts.into_iter().collect::<Vec<_>>();
        assert_eq!(protected(23), ["org.example.FRAMEWORK", "org.example.PLAIN", "org.example.PRIVILEGED"]);
        assert_eq!(protected(28), ["org.example.FRAMEWORK", "org.example.PRIVILEGED"]);
        // An app depends on what is protected only where it names it.
        let (unprotected, action) = (Framework::default(), "android.intent.action.BOOT_COMPLETED");
        let protecting = of(&[package("/system/framework/framework-res.apk", false, action)], 23);
        let names_it = library("", "rules/rules.dex");
        let told = |framework: &Framework| {
            let mut told = 0;
            framework.tell_part_of(&opened(&names_it), &mut |_| told += 1);
            told
        };
        assert_eq!((told(&unprotected), told(&protecting)), (0, 1));
        let digest = |framework: &Framework| digest(&framework.supertypes, &framework.broadcasts, std::iter::empty());
        assert_ne!(digest(&protecting), digest(&unprotected));
    }
}
