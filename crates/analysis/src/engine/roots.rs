//! Where the platform enters an app, and what then happens with what nobody in the app brings.

use std::collections::VecDeque;

use code::{Body, MethodId, TypeId};
use findings::Hop;
use knowledge::Role;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    app::App,
    export::EntryComponent,
    frame::Frame,
    providers::{self, Request},
};
use crate::{
    domain::{
        source::{Names, Source, What},
        summary::{Act, Effect},
        tags::{Tag, Tags},
        trace::{Site, Trace},
        value::Value,
    },
    facts::{Reply, ReplyTo},
    kinds::EXTERNAL_INTENT,
};

/// The method that stands for the platform: no instruction of the app.
pub(crate) const PLATFORM: MethodId = MethodId(u32::MAX);

/// A method the platform may call.
struct Root {
    method: MethodId,
    /// What it passes, receiver first.
    roles: Vec<Role>,
    /// Whether other apps choose what is passed.
    exposed: bool,
    /// The answer to the client that the result is, and the authorities it is asked under.
    reply: Option<(Reply, Vec<String>)>,
}

/// The platform's ways into an app.
pub(crate) struct Roots {
    /// Names of the component entry points: `receiver org.example.Boot`.
    pub(crate) entries: Vec<String>,
    /// The nearest entry point of each method that one leads to.
    pub(crate) entry_of: FxHashMap<MethodId, u32>,
    /// Effects that only show where the platform calls, with the method they belong to.
    pub(crate) effects: Vec<(MethodId, Effect, Option<Reply>)>,
}

/// Finds the ways in, and settles what the summaries left to a caller that does not exist.
pub(crate) fn settle(app: &mut App<'_>, components: &[EntryComponent]) -> Roots {
    let mut entries = Vec::new();
    let mut roots: Vec<Root> = Vec::new();
    let mut starts: Vec<(MethodId, u32)> = Vec::new();
    for component in components {
        let found = component_roots(app, component);
        if found.is_empty() {
            continue;
        }
        let entry = entries.len() as u32;
        entries.push(format!("{} {}", component.kind, component.class));
        starts.extend(found.iter().map(|root| (root.method, entry)));
        roots.extend(found);
    }
    let entry_of = reach(app, &starts);
    roots.extend(other_roots(app, &roots));
    let mut effects = Vec::new();
    for root in &roots {
        enter(app, root, &mut effects);
    }
    Roots { entries, entry_of, effects }
}

fn component_roots(app: &App<'_>, component: &EntryComponent) -> Vec<Root> {
    let descriptor = format!("L{};", component.class.replace('.', "/"));
    let Some(ty) = app.program.find_type(&descriptor) else { return Vec::new() };
    let mut roots = Vec::new();
    for entry in app.knowledge.entry_points.iter().filter(|entry| entry.component == component.kind) {
        let Some(method) = app.classes.find(ty, &entry.method, Some(&entry.signature)) else { continue };
        let roles = std::iter::once(Role::Plain).chain(entry.parameters.iter().cloned()).collect();
        let reply = entry.reply.then(|| {
            let operation = entry.operation.clone().unwrap_or_default();
            let reply = Reply { class: component.class.clone(), operation, to: ReplyTo::All };
            (reply, component.authorities.clone())
        });
        roots.push(Root { method, roles, exposed: component.exported, reply });
    }
    for method in &component.methods {
        if let Some(method) = app.classes.find(ty, method, None) {
            roots.push(Root { method, roles: Vec::new(), exposed: component.exported, reply: None });
        }
    }
    roots
}

/// Which methods the entry points lead to: through calls, and through objects that are created and then called back.
fn reach(app: &App<'_>, starts: &[(MethodId, u32)]) -> FxHashMap<MethodId, u32> {
    let mut entry_of = FxHashMap::default();
    let mut pending: VecDeque<(MethodId, u32)> = starts.iter().copied().collect();
    let mut entered: FxHashSet<TypeId> = FxHashSet::default();
    while let Some((method, entry)) = pending.pop_front() {
        if entry_of.contains_key(&method) {
            continue;
        }
        entry_of.insert(method, entry);
        pending.extend(app.calls.get(&method).into_iter().flatten().map(|&target| (target, entry)));
        for &ty in app.creates.get(&method).into_iter().flatten() {
            pending.extend(app.classes.platform_callable(ty).into_iter().map(|target| (target, entry)));
        }
        let class = app.program.method(method).map(|method| method.class);
        if let Some(class) = class.filter(|class| entered.insert(*class)) {
            pending.extend(app.classes.find(class, "<clinit>", None).map(|initialiser| (initialiser, entry)));
        }
    }
    entry_of
}

/// Methods that nobody in the app calls: callbacks of objects the platform was given, and code nothing leads to.
fn other_roots(app: &App<'_>, known: &[Root]) -> Vec<Root> {
    let called: FxHashSet<MethodId> = app.calls.values().flatten().copied().collect();
    let taken: FxHashSet<MethodId> = known.iter().map(|root| root.method).collect();
    let mut methods: Vec<MethodId> = app.summaries.keys().copied().collect();
    methods.sort();
    methods.retain(|method| !called.contains(method) && !taken.contains(method));
    let roots = methods.into_iter().map(|method| Root {
        method,
        roles: callback_roles(app, method),
        exposed: false,
        reply: None,
    });
    roots.collect()
}

fn callback_roles(app: &App<'_>, method: MethodId) -> Vec<Role> {
    let Some(reference) = app.program.method(method) else { return Vec::new() };
    let name = app.program.text(reference.name);
    let parameters = app.parameters_text(method);
    let ancestors = app.classes.ancestors(reference.class);
    let callback = app.knowledge.callbacks.iter().find(|callback| {
        callback.method == name
            && callback.signature.as_ref().is_none_or(|signature| *signature == parameters)
            && ancestors.contains(&callback.class)
    });
    callback.map_or_else(Vec::new, |callback| {
        std::iter::once(Role::Plain).chain(callback.parameters.iter().cloned()).collect()
    })
}

/// Calls a method as the platform does: nothing is known of the receiver but its fields' names.
fn enter(app: &mut App<'_>, root: &Root, effects: &mut Vec<(MethodId, Effect, Option<Reply>)>) {
    let Some(parameters) = app.program.method(root.method).map(|method| method.parameters.len()) else { return };
    let is_static = app
        .program
        .definition(root.method)
        .is_some_and(|(_, definition)| definition.access & super::app::access::STATIC != 0);
    let count = parameters + usize::from(!is_static);
    let arguments: Vec<Value> = (0..count).map(|position| argument(app, root, position)).collect();
    let body = Body::default();
    let mut frame = Frame::new(app, PLATFORM, &body);
    let result = frame.apply(root.method, &arguments);
    let data = frame.deep_tags(&result);
    let found = std::mem::take(&mut frame.effects).into_values().flatten();
    let found: Vec<Effect> = found
        .filter(|effect| !matches!(effect.act, Act::Callback(..) | Act::Stream(_)) && !effect.data.is_empty())
        .collect();
    effects.extend(found.into_iter().map(|effect| (root.method, effect, None)));
    if let Some((reply, authorities)) = &root.reply
        && !data.is_empty()
    {
        let uri = root.roles.iter().position(|role| matches!(role, Role::Uri));
        let request = Request { method: root.method, arguments: &arguments, uri, authorities };
        let answers = providers::answers(app, &request, data);
        effects.extend(answers.into_iter().map(|answer| {
            let site = Site { method: root.method, address: 0 };
            let names = answer.names;
            let effect = Effect { act: Act::Reply, data: answer.data, names, site, trace: Trace::default() };
            (root.method, effect, Some(Reply { to: answer.to, ..reply.clone() }))
        }));
    }
}

fn argument(app: &mut App<'_>, root: &Root, position: usize) -> Value {
    let kind = match root.roles.get(position) {
        Some(Role::Intent | Role::Uri | Role::Outside) if root.exposed => EXTERNAL_INTENT,
        Some(Role::Kind(kind)) => kind.as_str(),
        _ => return Value::made_of(Tags::default()),
    };
    let kind = app.kinds.id(kind);
    let site = Site { method: root.method, address: 0 };
    let id = app.tables.sources.intern(Source { what: What::Kind(kind, Names::new()), site });
    Value::made_of(Tags::one(Tag::Source(id), Trace::default().then(site, Hop::Source, None)))
}
