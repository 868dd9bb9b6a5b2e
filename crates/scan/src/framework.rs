//! The framework of an image, as far as apps depend on it: what stands above each class. A maker's own activities, lists and
//! listeners are known by it for what they are. Which of its libraries have classes that the public platform does not have.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use analysis::Supertypes;
use bytes::{Budget, Limits};
use code::{InputFile, Program, TypeId};
use knowledge::Knowledge;
use packages::Package;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use store::{KeyBuilder, Results};

use crate::reuse;

/// More classes above one class of an app are left out.
const ABOVE_MAX: usize = 4096;

/// The framework of an image.
#[derive(Debug, Default)]
pub(crate) struct Framework {
    pub(crate) supertypes: Supertypes,
    /// Positions, among the packages, of libraries with classes that were added to the public platform.
    pub(crate) added: Vec<usize>,
    /// Absent: not asked for, or the code of a library cannot be read through.
    digest: Option<[u8; 32]>,
}

impl Framework {
    /// That of the libraries of the platform among the packages: archives that are no apps. Of several definitions the first
    /// counts, in the order of the packages.
    pub(crate) fn of(packages: &[Package], knowledge: &Knowledge, kept: Option<&Results>) -> Self {
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
        let digest = kept.and_then(|_| digest(&supertypes, added_code));
        Self { supertypes, added, digest }
    }

    /// Tells all of it in a few bytes, the code that was added as well.
    pub(crate) fn digest(&self) -> Option<&[u8]> {
        self.digest.as_ref().map(<[u8; 32]>::as_slice)
    }

    /// Tells `to` the part that an app may ask for: what stands above the classes that it names.
    pub(crate) fn tell_part_of(&self, program: &Program, to: &mut dyn FnMut(&[u8])) {
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

fn digest<'p>(supertypes: &Supertypes, added: impl Iterator<Item = &'p Package>) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    supertypes.iter().for_each(|entry| digest.update(format!("{entry:?}").as_bytes()));
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
        let framework = Framework::of(&packages, &knowledge, None);
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
        let told = |packages: &[Package]| digest(&framework.supertypes, packages.iter());
        assert!(told(&packages).is_some() && told(&packages) != told(&packages[1..]));
    }
}
