//! Services that a maker added to the system's server: what they let every app do.
//!
//! Their code is in jars of the framework, runs as the system, and is found by every app under a name at the service manager. The public
//! platform's own services are not gone through: they are known to ask who calls, and are by far the most code.

use std::collections::{BTreeSet, HashSet};

use analysis::{
    AppInput, EntryComponent, KeptService, SERVICE_KEPT, SYSTEM_SERVICE, analyse_app, facts::AppFacts, kept_services,
};
use code::{ClassId, Library, MethodId, Program};
use packages::Package;

use crate::{app::World, bodies::KeptBodies};

/// What the services do that a library of the platform keeps; nothing if it keeps none under names of its own.
pub(crate) fn facts(package: &Package, program: &Program, world: &World<'_>) -> Option<AppFacts> {
    // A package whose manifest cannot be read is no library.
    if !package.name.is_empty() || package.path.ends_with(".apk") {
        return None;
    }
    let kept: Vec<KeptService> = kept_services(program)
        .into_iter()
        .filter(|kept| !world.knowledge.platform_services.contains(&kept.name))
        .collect();
    if kept.is_empty() {
        return None;
    }
    let library = with_added(program, world);
    let classes: Vec<String> = kept.iter().map(|kept| kept.class.clone()).collect();
    let part = library.part_for(&Program::default(), &classes);
    let followed = Program::default().with_parts_of(library.program(), &part.classes, &part.methods);
    let mut facts = analysed(&followed, &kept, world);
    crate::app::count_own(&mut facts, &part);
    let names: BTreeSet<String> = kept.into_iter().map(|kept| kept.name).collect();
    facts.named.entry(SERVICE_KEPT.to_owned()).or_default().extend(names);
    Some(facts)
}

/// The library itself, whatever its classes are called, with what else was added to the platform.
fn with_added(program: &Program, world: &World<'_>) -> Library {
    let added = world.image_libraries.library().program();
    let classes: BTreeSet<ClassId> =
        (0..added.classes().len()).filter_map(|id| u32::try_from(id).ok()).map(ClassId).collect();
    let methods: BTreeSet<MethodId> =
        added.classes().iter().flat_map(|class| &class.methods).map(|it| it.method).collect();
    let both = program.clone().with_parts_of(added, &classes, &methods);
    let own: HashSet<&str> = program.classes().iter().map(|class| program.descriptor(class.ty)).collect();
    Library::new(both, &|class| own.contains(class) || !world.knowledge.is_of_platform(class))
}

fn analysed(program: &Program, kept: &[KeptService], world: &World<'_>) -> AppFacts {
    let component = |kept: &KeptService| EntryComponent {
        kind: SYSTEM_SERVICE.to_owned(),
        class: kept.class.trim_start_matches('L').trim_end_matches(';').replace('/', "."),
        exported: true,
        authorities: vec![kept.name.clone()],
        methods: Vec::new(),
    };
    let components: Vec<EntryComponent> = kept.iter().map(component).collect();
    analyse_app(AppInput {
        program,
        knowledge: world.knowledge,
        kinds: world.kinds,
        components: &components,
        bodies: &KeptBodies::new(program),
        text: &|_| None,
        framework: &world.framework.supertypes,
        broadcasts: &world.framework.broadcasts,
        libraries: &[],
    })
}
