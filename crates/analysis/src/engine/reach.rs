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
pub(super) fn reach(app: &App<'_>, starts: &[(MethodId, u32)], platform_made: Vec<TypeId>) -> FxHashMap<MethodId, u32> {
    let mut reach = Reach {
        app,
        entry_of: FxHashMap::default(),
        pending: starts.iter().copied().collect(),
        entered: FxHashSet::default(),
        made: FxHashSet::default(),
        waiting: FxHashMap::default(),
    };
    platform_made.into_iter().for_each(|ty| reach.make(ty));
    app.made_by_name.iter().for_each(|&ty| reach.make(ty));
    while let Some((method, entry)) = reach.pending.pop_front() {
        reach.visit(method, entry);
    }
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
}

impl Reach<'_, '_> {
    fn visit(&mut self, method: MethodId, entry: u32) {
        if self.entry_of.contains_key(&method) {
            return;
        }
        self.entry_of.insert(method, entry);
        for &ty in self.app.creates.get(&method).into_iter().flatten() {
            self.make(ty);
            let callable = self.app.classes.platform_callable(ty).into_iter();
            self.pending.extend(callable.map(|target| (target, entry)));
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
