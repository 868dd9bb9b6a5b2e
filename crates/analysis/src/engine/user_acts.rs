//! Where the user comes in: methods that the platform calls for nothing but a touch, a key or a choice, and what can be reached
//! without them.
//!
//! Two questions are asked of every method, and each errs on its own side. *Is there a way without the user?* follows only what is
//! known: calls as the analysis followed them, and callbacks that the knowledge says need nobody. *Do all ways pass an act of
//! the user?* follows everything that might be: every override, every method of an object that anybody makes, everything that
//! code and user share. What neither answers stays open.

use code::{MethodId, TypeId};
use knowledge::{CHANGE, GESTURE};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{app::App, export::EntryComponent, reach, roots};
use crate::domain::trace::{Trace, TraceStep};

/// What the platform calls for the user, and what code has to do with it.
#[derive(Debug, Default)]
pub(crate) struct UserActs {
    /// Called for an act of the user.
    gestures: FxHashSet<MethodId>,
    /// Called where the user or code changes something.
    changes: FxHashSet<MethodId>,
    /// Gestures that code calls too, or has the platform call.
    called_by_code: FxHashSet<MethodId>,
    /// Gestures, each with one that it calls itself.
    passed_on: Vec<(MethodId, MethodId)>,
    /// Targets of calls that have too many for all of them to be followed.
    widely_called: FxHashSet<MethodId>,
    /// What each method calls, or makes and lets be called.
    wanted: FxHashMap<MethodId, Vec<MethodId>>,
}

/// What is reached how.
#[derive(Debug, Default)]
pub(crate) struct UserReach {
    /// The entry point of each method that one leads to without the user.
    without: FxHashMap<MethodId, u32>,
    /// Methods that may be reached without the user's act.
    perhaps: FxHashSet<MethodId>,
}

impl UserReach {
    /// The entry point that leads to a method without the user.
    pub(crate) fn without(&self, method: MethodId) -> Option<u32> {
        self.without.get(&method).copied()
    }

    /// Whether every way to a method that entry points lead to passes an act of the user.
    pub(crate) fn only_by_user(&self, method: MethodId, entry_of: &FxHashMap<MethodId, u32>) -> bool {
        entry_of.contains_key(&method) && !self.perhaps.contains(&method)
    }
}

impl UserActs {
    /// The methods of an app that are called for the user.
    pub(crate) fn of(app: &App<'_>, components: &[EntryComponent]) -> Self {
        let mut acts = Self::default();
        let knowledge = app.knowledge;
        let callbacks = knowledge.callbacks.iter().map(|callback| {
            let signature = callback.signature.as_deref();
            (callback.kind.as_str(), callback.method.as_str(), &callback.class, signature, callback.by_code.as_slice())
        });
        // The methods of a component wait for the same touches as those of its views.
        let any_by_code: Vec<String> =
            knowledge.callbacks.iter().flat_map(|callback| &callback.by_code).cloned().collect();
        let entries = knowledge.entry_points.iter().map(|entry| {
            let signature = Some(entry.signature.as_str());
            (entry.kind.as_str(), entry.method.as_str(), &entry.class, signature, any_by_code.as_slice())
        });
        let mut wanted: FxHashMap<&str, Vec<_>> = FxHashMap::default();
        for known in callbacks.chain(entries).filter(|(kind, ..)| [GESTURE, CHANGE].contains(kind)) {
            wanted.entry(known.1).or_default().push(known);
        }
        let named = named_methods(app);
        let has_code_call = |names: &[String]| names.iter().any(|name| named.contains(name.as_str()));
        for class in app.program.classes() {
            for definition in class.methods.iter().filter(|method| method.code.is_some()) {
                let method = definition.method;
                let name = app.program.method(method).map_or("", |method| app.program.text(method.name));
                let Some(known) = wanted.get(name) else { continue };
                let (parameters, ancestors) = (app.parameters_text(method), app.classes.ancestors(class.ty));
                let fits = known.iter().filter(|(_, _, class, signature, _)| {
                    signature.is_none_or(|wanted| wanted == parameters) && ancestors.contains(class)
                });
                for (kind, .., by_code) in fits {
                    acts.note(method, kind, has_code_call(by_code));
                }
            }
        }
        for component in components {
            let Some(ty) = roots::class_of(app, component) else { continue };
            for method in &component.methods {
                let found = roots::method_of_layout(app, ty, method);
                found.into_iter().for_each(|method| acts.note(method, GESTURE, has_code_call(&any_by_code)));
            }
        }
        acts
    }

    fn note(&mut self, method: MethodId, kind: &str, by_code: bool) {
        if kind == CHANGE {
            self.changes.insert(method);
        } else {
            self.gestures.insert(method);
        }
        if by_code {
            self.called_by_code.insert(method);
        }
    }

    /// Code of a method calls these.
    pub(crate) fn note_call(&mut self, caller: MethodId, target: MethodId) {
        if !self.gestures.contains(&target) {
            return;
        }
        if self.gestures.contains(&caller) {
            self.passed_on.push((caller, target));
        } else {
            self.called_by_code.insert(target);
        }
    }

    /// A call may come to more methods than are followed.
    pub(crate) fn note_wide(&mut self, targets: &[MethodId]) {
        self.widely_called.extend(targets);
    }

    /// Keeps who wants whom, by positions in `methods`.
    pub(crate) fn keep(&mut self, methods: &[MethodId], edges: &[Vec<u32>]) {
        let found = methods.iter().zip(edges).filter(|(_, edges)| !edges.is_empty());
        self.wanted = found
            .map(|(&method, edges)| {
                (method, edges.iter().filter_map(|&to| methods.get(to as usize).copied()).collect())
            })
            .collect();
        self.close();
    }

    /// What a gesture calls is called by code if the gesture is.
    fn close(&mut self) {
        let mut calls: FxHashMap<MethodId, Vec<MethodId>> = FxHashMap::default();
        for (caller, target) in self.passed_on.drain(..) {
            calls.entry(caller).or_default().push(target);
        }
        let mut pending: Vec<MethodId> = self.called_by_code.iter().copied().collect();
        while let Some(method) = pending.pop() {
            let next = calls.get(&method).into_iter().flatten().filter(|&&next| self.called_by_code.insert(next));
            pending.extend(next);
        }
    }

    /// Whether the platform calls it for the user, whatever else does.
    pub(crate) fn is_noted(&self, method: MethodId) -> bool {
        self.gestures.contains(&method) || self.changes.contains(&method)
    }

    /// Whether nothing but an act of the user leads there.
    fn is_pure(&self, method: MethodId) -> bool {
        self.gestures.contains(&method) && !self.called_by_code.contains(&method)
    }

    /// Whether a trace, or the method that it starts in, passes a method that is called for nothing but an act of the user.
    pub(crate) fn acts_in(&self, trace: &Trace, method: Option<MethodId>) -> bool {
        method.is_some_and(|method| self.is_pure(method))
            || trace.steps().iter().any(|step| self.is_pure(step.site.method))
    }

    /// Whether a trace passes a method that is called for the user, or may: its end is left out where it is long.
    pub(crate) fn is_passed_by(&self, trace: &Trace) -> bool {
        trace.is_full() || trace.steps().iter().any(|step: &TraceStep| self.is_noted(step.site.method))
    }
}

/// Names of all methods that the code may call.
fn named_methods<'a>(app: &App<'a>) -> FxHashSet<&'a str> {
    let methods = (0..app.program.method_count()).filter_map(|id| app.program.method(MethodId(id as u32)));
    methods.map(|method| app.program.text(method.name)).collect()
}

/// Which methods are reached without the user, and which may be. `starts` are the entry points' methods with the position of the
/// entry; `rank` says which entry points need least.
pub(super) fn reach(
    app: &mut App<'_>,
    starts: &[(MethodId, u32)],
    platform_made: &[TypeId],
    rank: &dyn Fn(u32) -> u8,
) -> UserReach {
    let perhaps = perhaps_reached(app, starts);
    let mut created: Vec<TypeId> = app.creates.values().flatten().copied().collect();
    created.sort_unstable();
    created.dedup();
    let mut called_back: FxHashMap<TypeId, Vec<MethodId>> = FxHashMap::default();
    for ty in created {
        let methods: Vec<MethodId> = app.callbacks_of(ty).iter().map(|(method, _)| *method).collect();
        if !methods.is_empty() {
            called_back.insert(ty, methods);
        }
    }
    let mut alone: Vec<(MethodId, u32)> =
        starts.iter().copied().filter(|(method, _)| !app.user_acts.is_noted(*method)).collect();
    alone.sort_by_key(|&(_, entry)| rank(entry));
    let groups: Vec<&[(MethodId, u32)]> = alone.chunk_by(|a, b| rank(a.1) == rank(b.1)).collect();
    let without = reach::reach_without_user(app, &groups, platform_made, &called_back);
    app.user_acts.wanted = FxHashMap::default();
    UserReach { without, perhaps }
}

/// What might be reached though the user does nothing: too much rather than too little.
fn perhaps_reached(app: &App<'_>, starts: &[(MethodId, u32)]) -> FxHashSet<MethodId> {
    let acts = &app.user_acts;
    let mut found = FxHashSet::default();
    let (mut made, mut entered): (FxHashSet<TypeId>, FxHashSet<TypeId>) = Default::default();
    let mut pending: Vec<MethodId> = starts.iter().map(|(method, _)| *method).collect();
    pending.extend(&acts.widely_called);
    app.made_by_name.iter().for_each(|&ty| pending.extend(called_on(app, ty, &mut made)));
    while let Some(method) = pending.pop() {
        if acts.is_pure(method) || !found.insert(method) {
            continue;
        }
        pending.extend(acts.wanted.get(&method).into_iter().flatten());
        pending.extend(app.calls.get(&method).into_iter().flatten());
        for &ty in app.creates.get(&method).into_iter().flatten() {
            pending.extend(called_on(app, ty, &mut made));
        }
        let class = app.program.method(method).map(|method| method.class);
        if let Some(class) = class.filter(|class| entered.insert(*class)) {
            pending.extend(app.classes.find(class, "<clinit>", None));
        }
    }
    found
}

/// What may be called on an object of a class, of the class and of all above it.
fn called_on(app: &App<'_>, ty: TypeId, made: &mut FxHashSet<TypeId>) -> Vec<MethodId> {
    let (mut above, mut found) = (vec![ty], Vec::new());
    while let Some(ty) = above.pop() {
        let Some(class) = app.program.class_of(ty).filter(|_| made.insert(ty)) else { continue };
        found.extend(app.classes.platform_callable(ty));
        above.extend(class.superclass.iter().chain(class.interfaces.iter()));
    }
    found
}
