//! The framework of an image, as far as apps depend on it: what stands above each class. A maker's own activities, lists and
//! listeners are known by it for what they are.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use analysis::Supertypes;
use bytes::{Budget, Limits};
use code::{InputFile, Program, TypeId};
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
    digest: [u8; 32],
}

impl Framework {
    /// That of the libraries of the platform among the packages: archives that are no apps. Of several definitions the first
    /// counts, in the order of the packages.
    pub(crate) fn of(packages: &[Package], kept: Option<&Results>) -> Self {
        let libraries: Vec<&Package> = packages.iter().filter(|package| package.name.is_empty()).collect();
        let classes = |library: &&Package| {
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
        let mut supertypes = Supertypes::new();
        for (class, above) in found.into_iter().flatten() {
            supertypes.entry(class).or_insert(above);
        }
        let mut digest = Sha256::new();
        supertypes.iter().for_each(|entry| digest.update(format!("{entry:?}").as_bytes()));
        Self { supertypes, digest: digest.finalize().into() }
    }

    /// Tells all of it in a few bytes.
    pub(crate) const fn digest(&self) -> &[u8] {
        &self.digest
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
        let framework = Framework::of(&packages, None);
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
        assert_ne!(framework.digest(), Framework::default().digest());
    }
}
