//! Which methods the entry points lead to: through calls, and through objects that are created and then called back.
//!
//! A method of an object runs only where there is an object of its class: a virtual call that might come to every class of
//! a bundled library comes to those whose objects are made by code that something leads to (rapid type analysis).

use std::collections::VecDeque;

use code::{MethodId, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::app::{App, access};

/// Classes whose objects the platform makes from data, or code by means that leave no trace in it.
const MADE_FROM_DATA: [&str; 2] = ["Landroid/os/Parcelable;", "Ljava/io/Serializable;"];

/// The nearest entry point of each method that one leads to.
pub(super) fn reach(app: &App<'_>, starts: &[(MethodId, u32)], platform_made: &[TypeId]) -> FxHashMap<MethodId, u32> {
    let mut reach = Reach::new(app, platform_made, None);
    reach.run(starts);
    reach.entry_of
}

/// The same of what needs no act of the user: `groups` of starts in the order in which their entry points are told, and what is called
/// on objects of each class by itself.
pub(super) fn reach_without_user(
    app: &App<'_>,
    groups: &[&[(MethodId, u32)]],
    platform_made: &[TypeId],
    called_back: &FxHashMap<TypeId, Vec<MethodId>>,
) -> FxHashMap<MethodId, u32> {
    let mut reach = Reach::new(app, platform_made, Some(called_back));
    groups.iter().for_each(|starts| reach.run(starts));
    reach.entry_of
}

struct Reach<'r, 'a> {
    app: &'r App<'a>,
    entry_of: FxHashMap<MethodId, u32>,
    pending: VecDeque<(MethodId, u32)>,
    /// Classes whose initialiser has run.
    entered: FxHashSet<TypeId>,
    /// Classes that there are objects of, and what is above them.
    made: FxHashSet<TypeId>,
    /// Methods that are called as soon as there is an object of the class.
    waiting: FxHashMap<TypeId, Vec<(MethodId, u32)>>,
    /// Where only ways without the user count: what is called back on objects of each class.
    called_back: Option<&'r FxHashMap<TypeId, Vec<MethodId>>>,
}

impl<'r, 'a> Reach<'r, 'a> {
    fn new(
        app: &'r App<'a>,
        platform_made: &[TypeId],
        called_back: Option<&'r FxHashMap<TypeId, Vec<MethodId>>>,
    ) -> Self {
        let mut reach = Self {
            app,
            entry_of: FxHashMap::default(),
            pending: VecDeque::new(),
            entered: FxHashSet::default(),
            made: FxHashSet::default(),
            waiting: FxHashMap::default(),
            called_back,
        };
        platform_made.iter().for_each(|&ty| reach.make(ty));
        app.made_by_name.iter().for_each(|&ty| reach.make(ty));
        reach
    }

    fn run(&mut self, starts: &[(MethodId, u32)]) {
        self.pending.extend(starts);
        while let Some((method, entry)) = self.pending.pop_front() {
            self.visit(method, entry);
        }
    }

    fn visit(&mut self, method: MethodId, entry: u32) {
        let is_for_user = self.called_back.is_some() && self.app.user_acts.is_noted(method);
        if is_for_user || self.entry_of.contains_key(&method) {
            return;
        }
        self.entry_of.insert(method, entry);
        for &ty in self.app.creates.get(&method).into_iter().flatten() {
            self.make(ty);
            let callable = match self.called_back {
                Some(called_back) => called_back.get(&ty).cloned().unwrap_or_default(),
                None => self.app.classes.platform_callable(ty),
            };
            self.pending.extend(callable.into_iter().map(|target| (target, entry)));
        }
        for &target in self.app.calls.get(&method).into_iter().flatten() {
            self.call(target, entry);
        }
        let class = self.app.program.method(method).map(|method| method.class);
        if let Some(class) = class.filter(|class| self.entered.insert(*class)) {
            let initialiser = self.app.classes.find(class, "<clinit>", None);
            self.pending.extend(initialiser.map(|initialiser| (initialiser, entry)));
        }
    }

    fn call(&mut self, target: MethodId, entry: u32) {
        match self.awaited(target) {
            Some(class) => self.waiting.entry(class).or_default().push((target, entry)),
            None => self.pending.push_back((target, entry)),
        }
    }

    /// The class that a method needs an object of, if there is none yet.
    fn awaited(&self, target: MethodId) -> Option<TypeId> {
        let (class, definition) = self.app.program.definition(target)?;
        let is_static = definition.access & access::STATIC != 0;
        let exists = is_static
            || self.made.contains(&class.ty)
            || MADE_FROM_DATA.iter().any(|made| self.app.classes.is_below(class.ty, made));
        (!exists).then_some(class.ty)
    }

    /// There are objects of a class.
    fn make(&mut self, ty: TypeId) {
        let mut above = vec![ty];
        while let Some(ty) = above.pop() {
            let Some(class) = self.app.program.class_of(ty) else { continue };
            if !self.made.insert(ty) {
                continue;
            }
            self.pending.extend(self.waiting.remove(&ty).into_iter().flatten());
            above.extend(class.superclass.iter().chain(class.interfaces.iter()));
        }
    }
}
