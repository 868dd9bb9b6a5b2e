//! Libraries that an image brings for all its apps: jars of the framework with classes that the public platform does not have.
//!
//! Their code runs in the process of the app that calls it, with its rights, and is in no package: a maker's own push client or statistics
//! may be there alone. So what an app comes to of them is followed as code of that app. Written from the documents on `<uses-library>` and
//! the boot class path; which of the two lists a library is not asked, since code that names a class without having it would not run.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
};

use bytes::{Budget, Limits};
use code::{InputFile, Library, Part, Program};
use knowledge::Knowledge;
use packages::Package;

use crate::{class_path::ClassPath, framework::Framework};

/// The libraries of an image, read when an app first needs one.
pub(crate) struct ImageLibraries<'i> {
    packages: &'i [Package],
    class_path: &'i ClassPath,
    framework: &'i Framework,
    knowledge: &'i Knowledge,
    library: OnceLock<Library>,
}

impl<'i> ImageLibraries<'i> {
    pub(crate) const fn new(
        packages: &'i [Package],
        class_path: &'i ClassPath,
        framework: &'i Framework,
        knowledge: &'i Knowledge,
    ) -> Self {
        Self { packages, class_path, framework, knowledge, library: OnceLock::new() }
    }

    /// What an app comes to of them; nothing if it names none of their classes.
    pub(crate) fn part_for(&self, package: &Package, app: &Program) -> Option<Part> {
        let started: Vec<String> = started(package).filter(|class| self.is_added(class)).collect();
        let types = (0..app.type_count()).filter_map(|ty| u32::try_from(ty).ok()).map(code::TypeId);
        let mut foreign = types.filter(|&ty| app.class_of(ty).is_none());
        if started.is_empty() && !foreign.any(|ty| self.is_added(app.descriptor(ty))) {
            return None;
        }
        let part = self.library().part_for(app, &started);
        (!part.methods.is_empty()).then_some(part)
    }

    /// All their code.
    pub(crate) fn library(&self) -> &Library {
        self.library.get_or_init(|| {
            let libraries = self.framework.added.iter().filter_map(|&at| self.packages.get(at));
            let files = libraries.flat_map(|library| &library.code_files);
            let files: Vec<InputFile> =
                files.map(|file| InputFile { path: file.path.clone(), source: file.source.clone() }).collect();
            // A fault of this program costs the libraries, not every app that calls them; where a library is read as a package of its
            // own it is told.
            catch_unwind(AssertUnwindSafe(|| self.opened(&files))).unwrap_or_default()
        })
    }

    fn opened(&self, files: &[InputFile]) -> Library {
        let program = Program::build(files, &Budget::new(Limits::FIRMWARE));
        let program =
            if program.needs_class_path() { program.with_class_path(self.class_path.classes()) } else { program };
        Library::new(program, &|class| !self.knowledge.is_of_platform(class))
    }

    /// Whether the image adds a class of this descriptor.
    fn is_added(&self, class: &str) -> bool {
        self.framework.supertypes.contains_key(class) && !self.knowledge.is_of_platform(class)
    }
}

/// Descriptors of the classes that the platform makes objects of for an app.
fn started(package: &Package) -> impl Iterator<Item = String> {
    let components = package.components.iter().filter(|part| part.enabled).map(|part| &part.class);
    let classes = package.application_class.iter().chain(components);
    classes.map(|class| format!("L{};", class.replace('.', "/")))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use analysis::{Kinds, facts::FactAct};
    use attribution::CodeShapes;
    use bytes::ByteSource;
    use packages::{CodeFile, Component, ComponentKind, ExportState};

    use super::*;
    use crate::app::{self, AppResult, World};

    fn package(name: &str, dex: &str) -> Package {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/libraries").join(dex);
        let source = ByteSource::open(&path).expect("the fixture is there");
        let code_files = vec![CodeFile { path: dex.to_owned(), source }];
        Package { name: name.to_owned(), code_files, ..Package::default() }
    }

    #[test]
    fn services_that_a_maker_adds_to_the_system_are_gone_through_and_those_of_the_platform_are_not() {
        let library = Package { path: "/system/framework/library.jar".to_owned(), ..package("", "library.dex") };
        let result = analysed(&library, std::slice::from_ref(&library));
        assert_eq!(result.facts.entries, ["system_service maker.library.OrderService"]);
        let kept = result.facts.named.get("service_kept").cloned().unwrap_or_default();
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), ["orders"]);
        let sinks = result.facts.facts.iter().filter_map(|fact| match &fact.act {
            FactAct::Sink(kind) => fact.entry.map(|_| kind.as_str()),
            _ => None,
        });
        assert_eq!(sinks.collect::<BTreeSet<_>>(), BTreeSet::from(["exec", "sms_send"]));
        // A package without a readable manifest is no library.
        let app = Package { path: "/system/app/Library.apk".to_owned(), ..library };
        assert!(analysed(&app, std::slice::from_ref(&app)).facts.facts.is_empty());
    }

    fn analysed(app: &Package, packages: &[Package]) -> AppResult {
        let knowledge = Knowledge::embedded().expect("the knowledge is sound");
        let (class_path, framework) = (ClassPath::default(), Framework::of(packages, 23, &knowledge, None));
        let image_libraries = ImageLibraries::new(packages, &class_path, &framework, &knowledge);
        let (kinds, shapes) = (Kinds::new(&knowledge), CodeShapes::new(&knowledge));
        let world = World {
            class_path: &class_path,
            framework: &framework,
            image_libraries: &image_libraries,
            knowledge: &knowledge,
            kinds: &kinds,
            shapes: &shapes,
        };
        app::analyse(app, &[], &world, None)
    }

    #[test]
    fn what_an_app_comes_to_of_a_library_is_its_deed_and_not_its_own_code() {
        let component = Component {
            kind: ComponentKind::Receiver,
            name: "maker.library.Watcher".to_owned(),
            class: "maker.library.Watcher".to_owned(),
            exported: ExportState::No,
            permission: None,
            read_permission: None,
            write_permission: None,
            authorities: Vec::new(),
            grants_uri_permissions: false,
            path_permissions: Vec::new(),
            filters: Vec::new(),
            enabled: true,
            process: None,
            offset: 0,
        };
        let app = Package { components: vec![component], has_code: true, ..package("org.example.app", "app.dex") };
        let packages = [app.clone(), package("", "library.dex")];
        let (alone, both) = (analysed(&app, &packages[..1]), analysed(&app, &packages));
        let of_library = |result: &AppResult| {
            let paths = result.facts.steps.iter().filter(|step| step.path == "library.dex");
            paths.map(|step| step.method.clone()).collect::<BTreeSet<String>>()
        };
        assert!(of_library(&alone).is_empty());
        assert!(of_library(&both).iter().any(|method| method.starts_with("Lmaker/library/Watcher;->onReceive")));
        assert!(both.facts.facts.len() > alone.facts.facts.len());
        // What it is counted and known by stays its own.
        assert_eq!((alone.facts.methods, alone.facts.instructions), (both.facts.methods, both.facts.instructions));
        assert_eq!((&alone.hosts, &alone.namespaces), (&both.hosts, &both.namespaces));
        assert!(!both.hosts.contains("192.0.2.7"));
    }
}
