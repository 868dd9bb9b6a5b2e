//! A library that a device brings for all apps: which of its methods a program can come to.
//!
//! Met as the jars of `/system/framework` that makers add, beside the classes of the public platform. What an app calls of them runs in
//! its process, with its rights, and is not in its package.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::ControlFlow,
};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{Class, ClassId, InvokeKind, Literal, MethodId, Op, Program, StringId, TypeId};

/// Methods that a program is taken to come to. The libraries that apps of real devices use most bring some hundred each.
const METHODS_MAX: usize = 4_000;
/// Instructions of these methods.
const INSTRUCTIONS_MAX: u64 = 120_000;
/// Superclasses and interfaces above one class that are looked at: a sample may declare a circle.
const ABOVE_MAX: usize = 256;

const STATIC: u32 = 0x8;
const PRIVATE: u32 = 0x2;
const CONSTRUCTOR: u32 = 0x1_0000;
const OBJECT: &str = "Ljava/lang/Object;";

/// Name and prototype.
type Signature = (StringId, u32);

/// Classes of one or more libraries.
///
/// ```text
/// app: Messages.send(x)  ->  part_for: Messages.send, what it calls, what that calls  ->  Program::with_parts_of
/// ```
#[derive(Debug, Default)]
pub struct Library {
    program: Program,
    /// Classes that are followed: those that the public platform does not have.
    own: FxHashSet<TypeId>,
    /// Methods with code that a call can be dispatched to.
    dispatched: FxHashMap<Signature, Vec<MethodId>>,
}

/// What a program can come to of a library.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Classes.
    pub classes: BTreeSet<ClassId>,
    /// Methods of these classes, with code.
    pub methods: BTreeSet<MethodId>,
    /// Dalvik instructions of these methods.
    pub instructions: u64,
    /// Whether there is more of it.
    pub is_cut: bool,
}

impl Library {
    /// The classes of `program` whose descriptor `is_own`; the others are the platform's own.
    #[must_use]
    pub fn new(program: Program, is_own: &dyn Fn(&str) -> bool) -> Self {
        let own: FxHashSet<TypeId> =
            program.classes().iter().map(|class| class.ty).filter(|&ty| is_own(program.descriptor(ty))).collect();
        let mut dispatched: FxHashMap<Signature, Vec<MethodId>> = FxHashMap::default();
        for class in program.classes().iter().filter(|class| own.contains(&class.ty)) {
            for definition in &class.methods {
                let is_dispatched = definition.access & (STATIC | PRIVATE | CONSTRUCTOR) == 0;
                if let Some(signature) =
                    signature(&program, definition.method).filter(|_| is_dispatched && definition.code.is_some())
                {
                    dispatched.entry(signature).or_default().push(definition.method);
                }
            }
        }
        Self { program, own, dispatched }
    }

    /// All its classes.
    #[must_use]
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// What `app` can come to: what it names, what that calls, and what the platform calls on objects that are made on the way.
    /// `started` are descriptors of classes that the platform makes objects of for it. Found breadth first, so that what is left out
    /// at a limit is farthest from the app.
    #[must_use]
    pub fn part_for(&self, app: &Program, started: &[String]) -> Part {
        let mut reach = Reach {
            library: self,
            app,
            part: Part::default(),
            created: FxHashSet::default(),
            above_created: FxHashSet::default(),
            called: FxHashSet::default(),
            pending: VecDeque::new(),
        };
        reach.start(started);
        while let Some(method) = reach.pending.pop_front() {
            if reach.follow(method).is_break() {
                reach.part.is_cut = true;
                break;
            }
        }
        // What was noted and not looked into would be a method without what it calls: it is left out.
        for method in std::mem::take(&mut reach.pending) {
            reach.part.methods.remove(&method);
        }
        reach.part
    }

    /// Tells `to` everything that a part is made of, whatever file it comes from: equal parts, equal code.
    pub fn tell(&self, part: &Part, to: &mut dyn FnMut(&[u8])) {
        let program = &self.program;
        for class in part.classes.iter().filter_map(|class| program.classes().get(class.index())) {
            let above = class.superclass.iter().chain(class.interfaces.iter()).map(|&ty| program.descriptor(ty));
            let above: Vec<&str> = above.collect();
            to(format!("{} {:x} {above:?}", program.descriptor(class.ty), class.access).as_bytes());
            for field in &class.fields {
                let initial = match &field.initial {
                    Some(Literal::Text(text)) => program.text(*text).to_owned(),
                    Some(Literal::Class(ty)) => program.descriptor(*ty).to_owned(),
                    literal => format!("{literal:?}"),
                };
                to(format!("{} {:x} {initial}", program.field_text(field.field), field.access).as_bytes());
            }
            for method in class.methods.iter().filter(|method| part.methods.contains(&method.method)) {
                to(format!("{} {:x}", program.method_text(method.method), method.access).as_bytes());
                to(program.body_text(method.method).as_bytes());
                let path = method.code.and_then(|code| program.files().get(code.file as usize)).map(|file| &file.path);
                to(format!("{path:?} {:?}", method.code.map(|code| code.offset)).as_bytes());
            }
        }
        to(format!("{} {}", part.instructions, part.is_cut).as_bytes());
    }

    /// The definition with code that a call on class `ty` comes to, in it or above it.
    fn look_up(&self, ty: TypeId, (name, prototype): Signature) -> Option<MethodId> {
        self.above(ty).into_iter().find_map(|class| {
            let method = self.program.find_method_by_id(class.ty, name, prototype)?;
            self.program.definition(method).is_some_and(|(_, found)| found.code.is_some()).then_some(method)
        })
    }

    /// A class and what is above it, as far as it is defined here: superclasses first, then interfaces.
    fn above(&self, ty: TypeId) -> Vec<&Class> {
        let (mut found, mut seen): (Vec<&Class>, FxHashSet<TypeId>) = (Vec::new(), FxHashSet::default());
        let mut class = self.program.class_of(ty);
        while let Some(at) = class.filter(|at| found.len() < ABOVE_MAX && seen.insert(at.ty)) {
            found.push(at);
            class = at.superclass.and_then(|above| self.program.class_of(above));
        }
        let mut at = 0;
        while let Some(class) = found.get(at).copied() {
            for interface in class.interfaces.iter().filter_map(|&ty| self.program.class_of(ty)) {
                if found.len() < ABOVE_MAX && seen.insert(interface.ty) {
                    found.push(interface);
                }
            }
            at = at.saturating_add(1);
        }
        found
    }

    /// Whether something of the platform stands above a class: it may call what such a class overrides.
    fn is_known_to_platform(&self, classes: &[&Class]) -> bool {
        let above = classes.iter().flat_map(|class| class.superclass.iter().chain(class.interfaces.iter()));
        above.filter(|ty| !self.own.contains(ty)).any(|&ty| self.program.descriptor(ty) != OBJECT)
    }
}

fn signature(program: &Program, method: MethodId) -> Option<Signature> {
    Some((program.method(method)?.name, program.prototype_of(method)?))
}

struct Reach<'l> {
    library: &'l Library,
    app: &'l Program,
    part: Part,
    created: FxHashSet<TypeId>,
    above_created: FxHashSet<TypeId>,
    called: FxHashSet<Signature>,
    pending: VecDeque<MethodId>,
}

impl Reach<'_> {
    /// What the app itself names.
    fn start(&mut self, started: &[String]) {
        let (app, library) = (self.app, self.library);
        let here =
            |ty: TypeId| library.program.find_type(app.descriptor(ty)).filter(|ty| is_followed(library, app, *ty));
        for class in started.iter().filter_map(|name| library.program.find_type(name)) {
            self.create(class);
            self.note_named(class, "<init>");
        }
        for class in app.classes() {
            for above in class.superclass.iter().chain(class.interfaces.iter()).filter_map(|&ty| here(ty)) {
                self.create(above);
            }
        }
        for id in (0..app.field_count()).filter_map(|id| u32::try_from(id).ok()) {
            if let Some(class) = app.field(crate::FieldId(id)).and_then(|field| here(field.class)) {
                self.touch(class);
            }
        }
        for id in (0..app.method_count()).filter_map(|id| u32::try_from(id).ok()).map(MethodId) {
            let Some(method) = app.method(id) else { continue };
            // A method that an app's class inherits is named with that class.
            let Some(class) = here(not_here(app, method.class)) else { continue };
            let name = library.program.find_string(app.text(method.name));
            let prototype = library.program.find_prototype(&app.method_descriptor(id));
            let Some(signature) = name.zip(prototype) else { continue };
            if app.text(method.name) == "<init>" {
                self.create(class);
            }
            self.call(class, signature, true);
        }
    }

    fn call(&mut self, class: TypeId, signature: Signature, is_dispatched: bool) {
        if let Some(found) = self.library.look_up(class, signature) {
            self.add(found);
        }
        if is_dispatched && self.called.insert(signature) {
            for &method in self.library.dispatched.get(&signature).into_iter().flatten() {
                let class = self.library.program.method(method).map(|method| method.class);
                if class.is_some_and(|class| self.above_created.contains(&class)) {
                    self.add(method);
                }
            }
        }
    }

    /// An object of a class is made, or one below it.
    fn create(&mut self, ty: TypeId) {
        if !self.is_own(ty) || !self.created.insert(ty) {
            return;
        }
        self.touch(ty);
        let classes = self.library.above(ty);
        let is_known = self.library.is_known_to_platform(&classes);
        for class in classes {
            if !self.above_created.insert(class.ty) && !is_known {
                continue;
            }
            for definition in class.methods.iter().filter(|it| it.access & (STATIC | PRIVATE | CONSTRUCTOR) == 0) {
                let signature = signature(&self.library.program, definition.method);
                if is_known || signature.is_some_and(|signature| self.called.contains(&signature)) {
                    self.add(definition.method);
                }
            }
        }
    }

    /// A class is named: it and what is above it are needed, and its initialiser runs.
    fn touch(&mut self, ty: TypeId) {
        let program = &self.library.program;
        let is_noted = |ty| program.class_of_type.get(&ty).is_some_and(|id| self.part.classes.contains(id));
        if is_noted(ty) {
            return;
        }
        for class in self.library.above(ty) {
            let id = program.class_of_type.get(&class.ty).filter(|_| self.is_own(class.ty));
            if id.is_some_and(|&id| self.part.classes.insert(id)) {
                self.note_named(class.ty, "<clinit>");
            }
        }
    }

    /// Notes the methods of a class that have this name.
    fn note_named(&mut self, ty: TypeId, name: &str) {
        let program = &self.library.program;
        let is_named = |method: MethodId| program.method(method).is_some_and(|it| program.text(it.name) == name);
        let methods = program.class_of(ty).map(|class| class.methods.as_slice()).unwrap_or_default();
        for definition in methods.iter().filter(|definition| is_named(definition.method)) {
            self.note(definition.method);
        }
    }

    fn add(&mut self, method: MethodId) {
        let class = self.library.program.method(method).map(|method| method.class);
        if let Some(class) = class.filter(|_| self.note(method)) {
            self.touch(class);
        }
    }

    /// Whether the method is one to look into that was not noted before.
    fn note(&mut self, method: MethodId) -> bool {
        let Some((class, definition)) = self.library.program.definition(method) else { return false };
        if definition.code.is_none() || !self.is_own(class.ty) || self.part.methods.contains(&method) {
            return false;
        }
        if self.part.methods.len() >= METHODS_MAX {
            self.part.is_cut = true;
            return false;
        }
        self.pending.push_back(method);
        self.part.methods.insert(method)
    }

    /// Notes what a method leads to.
    fn follow(&mut self, method: MethodId) -> ControlFlow<()> {
        // What cannot be read is told where the library is read as a package of its own.
        let Some(Ok(body)) = self.library.program.body_of(method) else { return ControlFlow::Continue(()) };
        let instructions = self.part.instructions.saturating_add(body.dalvik_instructions.into());
        if instructions > INSTRUCTIONS_MAX {
            self.part.methods.remove(&method);
            return ControlFlow::Break(());
        }
        self.part.instructions = instructions;
        for instruction in &body.instructions {
            match &instruction.op {
                Op::Invoke { kind, method, .. } => {
                    let named = self.library.program.method(*method).map(|method| method.class);
                    let signature = signature(&self.library.program, *method);
                    if let Some((class, signature)) = named.zip(signature) {
                        self.call(class, signature, matches!(kind, InvokeKind::Virtual | InvokeKind::Interface));
                    }
                }
                Op::New { ty, .. } => self.create(*ty),
                Op::ClassOf { ty, .. } if self.is_own(*ty) => self.touch(*ty),
                Op::StaticGet { field, .. } | Op::StaticPut { field, .. } => {
                    if let Some(field) = self.library.program.field(*field).filter(|field| self.is_own(field.class)) {
                        self.touch(field.class);
                    }
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn is_own(&self, ty: TypeId) -> bool {
        is_followed(self.library, self.app, ty)
    }
}

/// Whether a class is followed for an app: what the app defines itself is its own matter.
fn is_followed(library: &Library, app: &Program, ty: TypeId) -> bool {
    let is_apps = || app.find_type(library.program.descriptor(ty)).is_some_and(|ty| app.class_of(ty).is_some());
    library.own.contains(&ty) && !is_apps()
}

/// The class itself, or the nearest above it that the app does not define.
fn not_here(app: &Program, ty: TypeId) -> TypeId {
    let mut ty = ty;
    for _ in 0..ABOVE_MAX {
        match app.class_of(ty).and_then(|class| class.superclass) {
            Some(above) => ty = above,
            None => break,
        }
    }
    ty
}
