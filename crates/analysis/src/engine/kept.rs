//! Services that code keeps at the service manager, under a name by which every app finds them.
//!
//! The platform lets only its own users keep services, and gives them to whoever asks: what stands behind the binder has to ask who calls.
//! Written from the platform's `ServiceManager` and `SystemService`.

use code::{Body, MethodId, Op, Program, ValueId};
use rustc_hash::FxHashMap;

use super::bound::types_of;

/// A service that code keeps for all apps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptService {
    /// Its name at the service manager.
    pub name: String,
    /// The class of its binder, or one above it, as a descriptor.
    pub class: String,
}

/// What keeps a service: name, beginning of the parameters, and whether it is called on an object.
const KEEPING: [(&str, &str, bool); 2] = [
    ("addService", "(Ljava/lang/String;Landroid/os/IBinder;", false),
    ("publishBinderService", "(Ljava/lang/String;Landroid/os/IBinder;", true),
];
const SERVICE_MANAGER: &str = "Landroid/os/ServiceManager;";

/// The services that a program keeps under constant names, and whose class it names.
#[must_use]
pub fn kept_services(program: &Program) -> Vec<KeptService> {
    let keeping: FxHashMap<MethodId, usize> = (0..program.method_count())
        .filter_map(|id| u32::try_from(id).ok().map(MethodId))
        .filter_map(|method| Some((method, position_of_name(program, method)?)))
        .collect();
    let mut found = Vec::new();
    if keeping.is_empty() {
        return found;
    }
    let methods = program.classes().iter().flat_map(|class| &class.methods);
    for definition in methods.filter(|definition| definition.code.is_some()) {
        if let Some(Ok(body)) = program.body_of(definition.method) {
            kept_in(program, &body, &keeping, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// At which argument the name stands, if calling the method keeps a service.
fn position_of_name(program: &Program, method: MethodId) -> Option<usize> {
    let reference = program.method(method)?;
    let name = program.text(reference.name);
    let (_, parameters, is_on_object) = KEEPING.iter().find(|(known, ..)| *known == name)?;
    let is_managers = *is_on_object || program.descriptor(reference.class) == SERVICE_MANAGER;
    let takes = program.method_descriptor(method).starts_with(parameters);
    (is_managers && takes).then_some(usize::from(*is_on_object))
}

fn kept_in(program: &Program, body: &Body, keeping: &FxHashMap<MethodId, usize>, found: &mut Vec<KeptService>) {
    let mut texts: FxHashMap<ValueId, &str> = FxHashMap::default();
    for instruction in &body.instructions {
        match &instruction.op {
            Op::Text { to, text } => drop(texts.insert(*to, program.text(*text))),
            Op::Invoke { method, arguments, .. } => {
                let Some(&at) = keeping.get(method) else { continue };
                let name = arguments.get(at).and_then(|name| texts.get(name));
                let (Some(name), Some(binder)) = (name, arguments.get(at + 1)) else { continue };
                let classes = types_of(body, vec![*binder]).into_iter().filter(|&ty| program.class_of(ty).is_some());
                let kept = |ty| KeptService { name: (*name).to_owned(), class: program.descriptor(ty).to_owned() };
                found.extend(classes.map(kept));
            }
            _ => {}
        }
    }
}
