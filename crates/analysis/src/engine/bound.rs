//! Services that hand a binder to whoever binds them, and whether its methods ask who calls.
//!
//! Whoever may bind a service gets what its `onBind` returns, and may then call every method behind it: the permission of the
//! service is asked for binding only. A provider is asked by whoever its permissions let, and may ask the same itself. Written from the platform's documents on bound services and on permissions.

use std::collections::VecDeque;

use code::{Body, MethodId, Op, TypeId, ValueId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{app::App, export::EntryComponent, kept::kept_services, roots::class_of};
use crate::kinds::{KEPT_AS, SYSTEM_SERVICE};

/// Methods behind one call that are looked through for a question about the caller: it stands at the beginning.
const LOOKED_THROUGH_MAX: usize = 64;

const MESSENGER: &str = "Landroid/os/Messenger;";
const HANDLER: &str = "Landroid/os/Handler;";

/// Types that say nothing of which binder it is.
const ANY_BINDER: [&str; 4] =
    ["Landroid/os/IBinder;", "Landroid/os/Binder;", "Landroid/os/IInterface;", "Ljava/lang/Object;"];

/// Methods of the platform that ask who calls.
const ASKS_WHO_CALLS: [&str; 10] = [
    "checkCallingPermission",
    "checkCallingOrSelfPermission",
    "checkCallingUriPermission",
    "checkPermission",
    "enforceCallingPermission",
    "enforceCallingOrSelfPermission",
    "enforcePermission",
    "getCallingPackage",
    "getCallingPid",
    "getCallingUid",
];

/// A class of binders, or one above them, that a service hands out to other apps.
pub(super) struct HandedOut {
    class: TypeId,
    /// The service, as the manifest names it, or [`KEPT_AS`] and its name at the service manager.
    service: String,
}

impl HandedOut {
    /// All of the app's services that other apps may find.
    pub(super) fn of(app: &App<'_>, components: &[EntryComponent]) -> Vec<Self> {
        let mut found = Vec::new();
        for component in components.iter().filter(|component| component.kind == "service" && component.exported) {
            let Some(ty) = class_of(app, component) else { continue };
            let bind = app.classes.find(ty, "onBind", Some("(Landroid/content/Intent;)"));
            let Some(Ok(body)) = bind.and_then(|bind| app.program.body_of(bind)) else { continue };
            let classes = returned(&body).into_iter().flat_map(|returned| match returned {
                returned if ANY_BINDER.contains(&app.program.descriptor(returned)) => made_by(app, ty),
                returned => vec![returned],
            });
            found.extend(classes.map(|class| Self { class, service: component.class.clone() }));
        }
        let kept = kept_services(app.program).into_iter().filter_map(|kept| {
            Some(Self { class: app.program.find_type(&kept.class)?, service: format!("{KEPT_AS}{}", kept.name) })
        });
        found.extend(kept);
        let of_system = components.iter().filter(|component| component.kind == SYSTEM_SERVICE);
        found.extend(
            of_system
                .filter_map(|component| class_of(app, component).zip(component.authorities.first()))
                .map(|(class, name)| Self { class, service: format!("{KEPT_AS}{name}") }),
        );
        found
    }

    /// Handlers behind the messengers whose binders such services hand out: whoever may bind sends them messages.
    pub(super) fn handlers(app: &App<'_>, components: &[EntryComponent]) -> Vec<Self> {
        let mut found = Vec::new();
        for component in components.iter().filter(|component| component.kind == "service" && component.exported) {
            let Some(ty) = class_of(app, component) else { continue };
            let bind = app.classes.find(ty, "onBind", Some("(Landroid/content/Intent;)"));
            let Some(Ok(body)) = bind.and_then(|bind| app.program.body_of(bind)) else { continue };
            if !calls(app, &body, MESSENGER, "getBinder") {
                continue;
            }
            let mut classes: Vec<TypeId> = given_to_messengers(app, ty);
            classes.sort_unstable();
            classes.dedup();
            found.extend(classes.into_iter().map(|class| Self { class, service: component.class.clone() }));
        }
        found
    }

    /// The class, and the service that hands it out.
    pub(super) fn parts(&self) -> (TypeId, &str) {
        (self.class, &self.service)
    }

    /// Services that hand out objects of this class.
    pub(super) fn services(handed_out: &[Self], app: &App<'_>, binder: TypeId) -> Vec<String> {
        let is_of = |class: TypeId| class == binder || app.classes.is_below(binder, app.program.descriptor(class));
        let mut services: Vec<String> =
            handed_out.iter().filter(|handed| is_of(handed.class)).map(|handed| handed.service.clone()).collect();
        services.sort();
        services.dedup();
        services
    }
}

/// Whether a body calls a method of this class and name.
fn calls(app: &App<'_>, body: &Body, class: &str, name: &str) -> bool {
    body.instructions.iter().any(|instruction| match &instruction.op {
        Op::Invoke { method, .. } => app.program.method(*method).is_some_and(|called| {
            app.program.descriptor(called.class) == class && app.program.text(called.name) == name
        }),
        _ => false,
    })
}

/// Handlers that the methods of a service give to new messengers; those that it makes, where the code does not say which.
fn given_to_messengers(app: &App<'_>, service: TypeId) -> Vec<TypeId> {
    let mut found = Vec::new();
    for definition in app.program.class_of(service).into_iter().flat_map(|class| &class.methods) {
        let Some(Ok(body)) = app.program.body_of(definition.method) else { continue };
        for instruction in &body.instructions {
            let Op::Invoke { method, arguments, .. } = &instruction.op else { continue };
            let Some(called) = app.program.method(*method) else { continue };
            let of_handler = matches!(&*called.parameters, [only] if app.program.descriptor(*only) == HANDLER);
            if app.program.descriptor(called.class) != MESSENGER || !of_handler {
                continue;
            }
            let given = arguments.get(1).and_then(|value| body.values.get(value.index())).and_then(|info| info.ty);
            match given.filter(|ty| app.program.descriptor(*ty) != HANDLER) {
                Some(ty) => found.push(ty),
                None => found.extend(made(app, service, HANDLER)),
            }
        }
    }
    found
}

/// Types of what a method returns.
fn returned(body: &Body) -> FxHashSet<TypeId> {
    let returned = body.instructions.iter().filter_map(|instruction| match instruction.op {
        Op::Return { from } => from,
        _ => None,
    });
    types_of(body, returned.collect())
}

/// Types of values, and of those that joins, casts and `asBinder` make them from.
pub(super) fn types_of(body: &Body, values: Vec<ValueId>) -> FxHashSet<TypeId> {
    let mut pending = values;
    // What each value may be another name of: looked up, since the sample chooses how many joins a method has.
    let mut same_as: FxHashMap<ValueId, Vec<ValueId>> = FxHashMap::default();
    for instruction in &body.instructions {
        match &instruction.op {
            Op::Cast { to, from, .. } => same_as.entry(*to).or_default().push(*from),
            // `asBinder` of an interface is the object itself.
            Op::Invoke { to: Some(to), arguments, .. } => {
                if let [only] = &**arguments {
                    same_as.entry(*to).or_default().push(*only);
                }
            }
            _ => {}
        }
    }
    for join in body.blocks.iter().flat_map(|block| &block.phis) {
        same_as.entry(join.to).or_default().extend(join.from.iter().map(|&(_, from)| from));
    }
    let (mut seen, mut types) = (FxHashSet::default(), FxHashSet::default());
    while let Some(value) = pending.pop() {
        if !seen.insert(value) {
            continue;
        }
        types.extend(body.values.get(value.index()).and_then(|info| info.ty));
        pending.extend(same_as.get(&value).into_iter().flatten());
    }
    types
}

/// Classes of binders that the service itself makes objects of.
fn made_by(app: &App<'_>, service: TypeId) -> Vec<TypeId> {
    made(app, service, "Landroid/os/Binder;")
}

/// Classes below another one that the service itself makes objects of, in any of its methods.
fn made(app: &App<'_>, service: TypeId, above: &str) -> Vec<TypeId> {
    let methods = app.program.class_of(service).into_iter().flat_map(|class| &class.methods);
    let made = methods.filter_map(|definition| app.creates.get(&definition.method)).flatten();
    made.copied().filter(|&made| app.classes.is_below(made, above)).collect()
}

/// Whether any of these methods, or what they lead to, asks who calls.
pub(super) fn asks_who_calls(app: &App<'_>, methods: &[MethodId]) -> bool {
    let mut pending: VecDeque<MethodId> = methods.iter().copied().collect();
    let mut seen = FxHashSet::default();
    while let Some(method) = pending.pop_front() {
        if seen.len() >= LOOKED_THROUGH_MAX {
            return false;
        }
        if !seen.insert(method) {
            continue;
        }
        let Some(Ok(body)) = app.program.body_of(method) else { continue };
        let mut called = body.instructions.iter().filter_map(|instruction| match &instruction.op {
            Op::Invoke { method, .. } => app.program.method(*method),
            _ => None,
        });
        if called.any(|called| ASKS_WHO_CALLS.contains(&app.program.text(called.name))) || reads_sender(app, &body) {
            return true;
        }
        pending.extend(app.calls.get(&method).into_iter().flatten());
    }
    false
}

/// Whether a body reads which user's app sent a message.
fn reads_sender(app: &App<'_>, body: &Body) -> bool {
    body.instructions.iter().any(|instruction| match &instruction.op {
        Op::FieldGet { field, .. } => app.program.field(*field).is_some_and(|field| {
            app.program.descriptor(field.class) == "Landroid/os/Message;"
                && app.program.text(field.name) == "sendingUid"
        }),
        _ => false,
    })
}
