//! Where the platform enters an app, and what then happens with what nobody in the app brings.

use code::{Body, MethodId, TypeId};
use findings::Hop;
use knowledge::Role;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    app::App,
    binder,
    bound::{self, HandedOut},
    export::EntryComponent,
    frame::Frame,
    life,
    providers::{self, Request},
    reach,
    user_acts::{self, UserReach},
};
use crate::{
    domain::{
        intents::Letter,
        source::{Names, Source, What},
        summary::{Act, Effect},
        tags::{Doubts, Tag, Tags},
        trace::{Site, Trace},
        value::{ObjectKey, Value},
    },
    facts::{Reply, ReplyTo},
    kinds::{BINDER, BINDER_REPLY, BOUND_ANSWER, EXTERNAL_INTENT, KEPT_AS, SYSTEM_SERVICE},
};

/// Work that entering one method outside the lives may cost (tags and objects moved).
const ENTRY_WORK_MAX: u64 = 50_000;

/// The method that stands for the platform: no instruction of the app.
pub(crate) const PLATFORM: MethodId = MethodId(u32::MAX);

/// A method the platform may call.
pub(crate) struct Root {
    pub(crate) method: MethodId,
    /// Its name.
    pub(crate) name: String,
    pub(crate) is_static: bool,
    /// What it passes, receiver first.
    pub(crate) roles: Vec<Role>,
    /// Whether other apps choose what is passed.
    pub(crate) exposed: bool,
    /// The answer to the client that the result is, and the authorities it is asked under.
    pub(crate) reply: Option<(Reply, Vec<String>)>,
    /// The class it is called on.
    pub(crate) class: TypeId,
    /// Interface and code, if other processes call it through a binder.
    pub(crate) transaction: Option<String>,
    /// Services that let other apps call it so.
    pub(crate) bound_through: Vec<String>,
    /// Whether it, called so or as a provider's, asks who calls.
    pub(crate) asks_who_calls: bool,
}

impl Root {
    /// A method that the platform calls and passes nothing known.
    pub(crate) fn of(app: &App<'_>, method: MethodId) -> Self {
        let name = app.program.method(method).map(|reference| app.program.text(reference.name).to_owned());
        let definition = app.program.definition(method).map(|(_, definition)| definition.access);
        Self {
            method,
            name: name.unwrap_or_default(),
            is_static: definition.is_some_and(|flags| flags & super::app::access::STATIC != 0),
            roles: Vec::new(),
            exposed: false,
            reply: None,
            class: app.program.method(method).map_or(TypeId(u32::MAX), |method| method.class),
            transaction: None,
            bound_through: Vec::new(),
            asks_who_calls: false,
        }
    }
}

impl Root {
    /// What is doubtful about other apps coming here.
    fn doubts_of_strangers(&self) -> Doubts {
        let asks = if self.asks_who_calls { Doubts::CALLER_ASKED } else { Doubts::default() };
        // Who binds a service needs no name of it.
        let only_by_name = self.bound_through.iter().all(|service| service.starts_with(KEPT_AS));
        if only_by_name && !self.bound_through.is_empty() { asks.and(Doubts::FOUND_BY_NAME) } else { asks }
    }
}

/// How many values a method is called with, receiver included.
pub(crate) fn parameter_count(app: &App<'_>, method: MethodId) -> usize {
    let root = Root::of(app, method);
    app.program.method(method).map_or(0, |method| method.parameters.len()) + usize::from(!root.is_static)
}

/// The platform's ways into an app.
pub(crate) struct Roots {
    /// Names of the component entry points: `receiver org.example.Boot`.
    pub(crate) entries: Vec<String>,
    /// The nearest entry point of each method that one leads to.
    pub(crate) entry_of: FxHashMap<MethodId, u32>,
    /// What is reached with and without the user.
    pub(crate) user: UserReach,
    /// Effects that only show where the platform calls, with the method they belong to.
    pub(crate) effects: Vec<(MethodId, Effect, Option<Reply>)>,
}

impl Roots {
    /// Whether every way from an entry point to a method passes an act of the user.
    pub(crate) fn only_by_user(&self, method: MethodId) -> bool {
        self.user.only_by_user(method, &self.entry_of)
    }
}

/// The platform creates the components: their methods may be called where code speaks of an interface they implement.
pub(crate) fn note_components(app: &mut App<'_>, components: &[EntryComponent]) {
    for component in components {
        if let Some(ty) = class_of(app, component) {
            app.classes.note_created(ty);
        }
    }
}

/// Finds the ways in, and settles what the summaries left to a caller that does not exist.
pub(crate) fn settle(app: &mut App<'_>, components: &[EntryComponent]) -> Roots {
    let mut entries = Vec::new();
    let mut lives: Vec<(&EntryComponent, Vec<Root>)> = Vec::new();
    let mut starts: Vec<(MethodId, u32)> = Vec::new();
    for component in components {
        let found = component_roots(app, component);
        // A component may be a listener too, of itself or of what it makes.
        let mut made = listens(app, component);
        let is_system_service = component.kind == SYSTEM_SERVICE;
        if let Some(ty) = class_of(app, component).filter(|_| is_system_service) {
            made.extend(app.classes.platform_callable(ty));
        }
        if found.is_empty() && (made.is_empty() || (life::is_of_manifest(&component.kind) && !is_system_service)) {
            continue;
        }
        let entry = entries.len() as u32;
        entries.push(format!("{} {}", component.kind, component.class));
        let made_by = class_of(app, component).and_then(|ty| life::constructor(app, ty));
        starts.extend(found.iter().map(|root| root.method).chain(made).chain(made_by).map(|method| (method, entry)));
        lives.push((component, found));
    }
    let platform_made: Vec<TypeId> = components.iter().filter_map(|component| class_of(app, component)).collect();
    let entry_of = reach::reach(app, &starts, &platform_made);
    let rank = |entry: u32| lives.get(entry as usize).map_or(u8::MAX, |(component, _)| needs(component));
    let user = user_acts::reach(app, &starts, &platform_made, &rank);
    let certain = certain(app, &starts);
    app.find_outside_writes(&certain);
    let mut effects = Vec::new();
    for (component, roots) in &lives {
        if let Some(ty) = class_of(app, component) {
            effects.extend(life::live(app, ty, &component.kind, roots));
        }
    }
    // What no life led to: callbacks of objects that no life was seen to register, and code that nothing leads to.
    let called_by_others = binder_roots(app, components).into_iter().chain(message_roots(app, components));
    for root in other_roots(app).into_iter().chain(called_by_others.collect::<Vec<_>>()) {
        enter(app, &root, &mut effects);
    }
    Roots { entries, entry_of, user, effects }
}

/// What has to happen before the platform enters a component, rising: a broadcast or another app's request, something that the app
/// does itself, an activity that is opened.
fn needs(component: &EntryComponent) -> u8 {
    let is_shown = matches!(component.kind.as_str(), "activity" | "view" | "fragment");
    u8::from(!component.exported && component.kind != "receiver") + if is_shown { 2 } else { 0 }
}

/// What the platform calls on an object that it or a layout makes, once that is registered.
fn listens(app: &mut App<'_>, component: &EntryComponent) -> Vec<MethodId> {
    let Some(ty) = class_of(app, component) else { return Vec::new() };
    app.callbacks_of(ty).iter().map(|(method, _)| *method).collect()
}

pub(super) fn class_of(app: &App<'_>, component: &EntryComponent) -> Option<TypeId> {
    app.program.find_type(&format!("L{};", component.class.replace('.', "/")))
}

fn component_roots(app: &App<'_>, component: &EntryComponent) -> Vec<Root> {
    let Some(ty) = class_of(app, component) else { return Vec::new() };
    let mut roots = Vec::new();
    for entry in app.knowledge.entry_points.iter().filter(|entry| entry.component == component.kind) {
        let Some(method) = app.classes.find(ty, &entry.method, Some(&entry.signature)) else { continue };
        // Intents do not tell who sends them: only who asks a provider is known while it answers.
        let asks_who_calls =
            component.kind == "provider" && component.exported && bound::asks_who_calls(app, &[method]);
        let roles = std::iter::once(Role::Plain).chain(entry.parameters.iter().cloned()).collect();
        let reply = entry.reply.then(|| {
            let operation = entry.operation.clone().unwrap_or_default();
            let reply = Reply { class: component.class.clone(), operation, to: ReplyTo::All, asks_who_calls };
            (reply, component.authorities.clone())
        });
        roots.push(Root {
            roles,
            exposed: component.exported,
            reply,
            class: ty,
            asks_who_calls,
            ..Root::of(app, method)
        });
    }
    for method in &component.methods {
        if let Some(method) = method_of_layout(app, ty, method) {
            roots.push(Root { exposed: component.exported, class: ty, ..Root::of(app, method) });
        }
    }
    roots
}

/// A method that a layout names, perhaps with its parameters.
pub(super) fn method_of_layout(app: &App<'_>, ty: TypeId, method: &str) -> Option<MethodId> {
    let (name, parameters) = match method.find('(') {
        Some(at) => (method.get(..at).unwrap_or_default(), method.get(at..)),
        None => (method, None),
    };
    app.classes.find(ty, name, parameters)
}

fn binder_roots(app: &App<'_>, components: &[EntryComponent]) -> Vec<Root> {
    let handed_out = HandedOut::of(app, components);
    let transactions = binder::transactions(app).into_iter();
    let roots = transactions.map(|found| {
        let bound_through = HandedOut::services(&handed_out, app, found.class);
        let asked_in = [found.transact, found.method];
        let asks_who_calls = !bound_through.is_empty() && bound::asks_who_calls(app, &asked_in);
        let transaction = Some(found.name);
        Root { class: found.class, transaction, bound_through, asks_who_calls, ..Root::of(app, found.method) }
    });
    roots.collect()
}

/// What is called on the handlers that services give to other apps behind messengers.
fn message_roots(app: &App<'_>, components: &[EntryComponent]) -> Vec<Root> {
    let handlers = HandedOut::handlers(app, components);
    let roots = handlers.iter().filter_map(|handed| {
        let (class, service) = handed.parts();
        let method = app.classes.find(class, "handleMessage", Some("(Landroid/os/Message;)"))?;
        let asks_who_calls = bound::asks_who_calls(app, &[method]);
        Some(Root { class, bound_through: vec![service.to_owned()], asks_who_calls, ..Root::of(app, method) })
    });
    roots.collect()
}

/// Methods that lives come to: through calls, and through objects with callbacks that the knowledge speaks of.
fn certain(app: &mut App<'_>, starts: &[(MethodId, u32)]) -> FxHashSet<MethodId> {
    let mut found = FxHashSet::default();
    let mut pending: Vec<MethodId> = starts.iter().map(|(method, _)| *method).collect();
    while let Some(method) = pending.pop() {
        if !found.insert(method) {
            continue;
        }
        pending.extend(app.calls.get(&method).into_iter().flatten());
        let created = app.creates.get(&method).cloned().unwrap_or_default();
        for ty in created {
            pending.extend(app.callbacks_of(ty).iter().map(|(method, _)| *method));
        }
        let class = app.program.method(method).map(|method| method.class);
        pending.extend(class.and_then(|class| app.classes.find(class, "<init>", Some("()"))));
    }
    found
}

/// What the platform calls on an object of a class that it was given: overrides of the methods that the knowledge lists.
pub(crate) fn callbacks_of(app: &App<'_>, ty: TypeId) -> Vec<(MethodId, Vec<Role>)> {
    if app.program.class_of(ty).is_none() {
        return Vec::new();
    }
    let ancestors = app.classes.ancestors(ty);
    if !ancestors.iter().any(|ancestor| app.has_callbacks(ancestor)) {
        return Vec::new();
    }
    let mut found: Vec<(MethodId, Vec<Role>)> = Vec::new();
    for callback in app.knowledge.callbacks.iter().filter(|callback| ancestors.contains(&callback.class)) {
        let Some(method) = app.classes.find(ty, &callback.method, callback.signature.as_deref()) else { continue };
        if !found.iter().any(|(known, _)| *known == method) {
            let roles = std::iter::once(Role::Plain).chain(callback.parameters.iter().cloned());
            found.push((method, roles.collect()));
        }
    }
    found
}

/// Methods that nobody in the app calls: callbacks of objects the platform was given, and code nothing leads to.
fn other_roots(app: &App<'_>) -> Vec<Root> {
    let called: FxHashSet<MethodId> = app.calls.values().flatten().copied().collect();
    let mut methods: Vec<MethodId> = app.summaries.keys().copied().collect();
    methods.sort();
    methods.retain(|method| !called.contains(method));
    methods.into_iter().map(|method| Root { roles: callback_roles(app, method), ..Root::of(app, method) }).collect()
}

/// What the platform passes to a method of an object it was given, receiver first.
pub(crate) fn callback_roles(app: &App<'_>, method: MethodId) -> Vec<Role> {
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
    let count = parameter_count(app, root.method);
    let body = Body::default();
    let work_end = app.work + ENTRY_WORK_MAX;
    let mut frame = Frame::new(app, PLATFORM, &body);
    frame.work_end = work_end;
    frame.entered = Some(root.method);
    let arguments: Vec<Value> = (0..count).map(|position| argument(&mut frame, root, position)).collect();
    let result = frame.apply(root.method, &arguments);
    let data = frame.deep_tags(&result);
    if let Some(name) = &root.transaction {
        let site = Site { method: root.method, address: 0 };
        if !data.is_empty() {
            let names = smallvec::smallvec![frame.app.tables.patterns.literal(name)];
            let act = Act::Store(frame.app.kinds.id(BINDER_REPLY));
            effects.push((root.method, Effect { act, data: data.clone(), names, site, trace: Trace::default() }, None));
        }
        effects.extend(answer(frame.app, root, &data).map(|effect| (root.method, effect, None)));
    }
    let found = std::mem::take(&mut frame.effects).into_values().flatten();
    let found: Vec<Effect> = found
        .filter(|effect| !matches!(effect.act, Act::Callback(..) | Act::Stream(_)))
        .filter(|effect| effect.act.tells_alone() || !effect.data.is_empty())
        .collect();
    effects.extend(found.into_iter().map(|effect| (root.method, effect, None)));
    effects.extend(replies(app, root, data));
}

/// What a method behind a binder gives to whoever may bind one of the services that hand it out. Whether strangers may is decided where
/// all permissions are known.
fn answer(app: &mut App<'_>, root: &Root, data: &Tags) -> Option<Effect> {
    if data.is_empty() || root.bound_through.is_empty() {
        return None;
    }
    let names = root.bound_through.iter().map(|service| app.tables.patterns.literal(service)).collect();
    let doubts = root.doubts_of_strangers();
    let site = Site { method: root.method, address: 0 };
    let act = Act::Sink(app.kinds.id(BOUND_ANSWER));
    Some(Effect { act, data: data.doubted(doubts), names, site, trace: Trace::default() })
}

/// The answers of a provider, told apart by what it is asked for.
pub(crate) fn replies(app: &mut App<'_>, root: &Root, data: Tags) -> Vec<(MethodId, Effect, Option<Reply>)> {
    let Some((reply, authorities)) = root.reply.as_ref().filter(|_| !data.is_empty()) else { return Vec::new() };
    let count = parameter_count(app, root.method);
    let body = Body::default();
    let mut frame = Frame::new(app, PLATFORM, &body);
    let arguments: Vec<Value> = (0..count).map(|position| argument(&mut frame, root, position)).collect();
    let uri = root.roles.iter().position(|role| matches!(role, Role::Uri));
    let request = Request { method: root.method, arguments: &arguments, uri, authorities };
    let answers = providers::answers(app, &request, data).into_iter().map(|answer| {
        let site = Site { method: root.method, address: 0 };
        let effect = Effect { act: Act::Reply, data: answer.data, names: answer.names, site, trace: Trace::default() };
        (root.method, effect, Some(Reply { to: answer.to, ..reply.clone() }))
    });
    answers.collect()
}

/// What the platform passes at a position.
pub(crate) fn argument(frame: &mut Frame<'_, '_>, root: &Root, position: usize) -> Value {
    match (&root.transaction, position) {
        (Some(name), 1..) => return transacted(frame, root, name),
        (None, 1..) if !root.bound_through.is_empty() => return Value::made_of(from_strangers(frame, root)),
        _ => {}
    }
    let mut arrives = |letter| Value::object(frame.object(ObjectKey::Received(root.class, letter)));
    let mut names = Names::new();
    let kind = match root.roles.get(position) {
        Some(Role::Intent) => return arrives(Letter::Intent),
        Some(Role::Result(None)) => return arrives(Letter::Result),
        Some(Role::Uri | Role::Outside) if root.exposed => {
            // Whether strangers may ask is decided where all permissions are known.
            let class = super::intents::dotted(frame.app.program.descriptor(root.class));
            names.push(frame.app.tables.patterns.literal(&class));
            EXTERNAL_INTENT
        }
        Some(Role::Kind(kind) | Role::Result(Some(kind))) => kind.as_str(),
        _ => return Value::made_of(Tags::default()),
    };
    let app = &mut *frame.app;
    let kind = app.kinds.id(kind);
    let site = Site { method: root.method, address: 0 };
    let id = app.tables.sources.intern(Source { what: What::Kind(kind, names), site });
    let asked = Tags::one(Tag::Source(id), Trace::default().then(site, Hop::Source, None));
    let doubts = root.doubts_of_strangers();
    let mut value = Value::made_of(asked.doubted(doubts));
    if matches!(root.roles.get(position), Some(Role::Result(_))) {
        value.add_object(frame.object(ObjectKey::Received(root.class, Letter::Result)));
    }
    value
}

/// What a client passes through a binder.
fn transacted(frame: &mut Frame<'_, '_>, root: &Root, name: &str) -> Value {
    let site = Site { method: root.method, address: 0 };
    let names: Names = smallvec::smallvec![frame.app.tables.patterns.literal(name)];
    let what = What::Store(frame.app.kinds.id(BINDER), names);
    let id = frame.app.tables.sources.intern(Source { what, site });
    let mut tags = Tags::one(Tag::Source(id), Trace::default().then(site, Hop::Channel, None));
    if !root.bound_through.is_empty() {
        tags.join(&from_strangers(frame, root));
    }
    Value::made_of(tags)
}

/// What whoever may bind one of the services chooses. Whether strangers may is decided where all permissions are known.
fn from_strangers(frame: &mut Frame<'_, '_>, root: &Root) -> Tags {
    let site = Site { method: root.method, address: 0 };
    let app = &mut *frame.app;
    let services = root.bound_through.iter().map(|service| app.tables.patterns.literal(service)).collect();
    let what = What::Kind(app.kinds.id(EXTERNAL_INTENT), services);
    let id = app.tables.sources.intern(Source { what, site });
    let asked = Tags::one(Tag::Source(id), Trace::default().then(site, Hop::Source, None));
    asked.doubted(root.doubts_of_strangers())
}
