//! Which method a name means: class hierarchy of the app and of the platform together.

use std::cell::RefCell;

use code::{FieldId, MethodId, Program, StringId, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{app::access, platform::Platform};

/// How many classes one walk through the hierarchy visits.
const CLASSES_VISITED_MAX: usize = 4096;
/// More methods than this of an object that is open to be called are left out.
const OPEN_METHODS_MAX: usize = 128;

/// Name and prototype of a method, whatever its class.
type Signature = u32;

/// The class hierarchy as calls need it.
pub(crate) struct Classes<'a> {
    program: &'a Program,
    pub(crate) platform: Platform<'a>,
    /// Signature of each method, by its id.
    signatures: Vec<Signature>,
    /// Methods the app defines, by class and signature.
    defined: FxHashMap<(TypeId, Signature), MethodId>,
    /// Classes of the app directly below a type.
    below: FxHashMap<TypeId, Vec<TypeId>>,
    /// Classes the app creates.
    created: FxHashSet<TypeId>,
    ancestors: RefCell<FxHashMap<TypeId, std::rc::Rc<[String]>>>,
}

impl<'a> Classes<'a> {
    pub(crate) fn new(program: &'a Program, platform: Platform<'a>) -> Self {
        let mut ids: FxHashMap<(StringId, &[TypeId], TypeId), Signature> = FxHashMap::default();
        let mut signatures = Vec::with_capacity(program.method_count());
        for id in 0..program.method_count() {
            let signature = program.method(MethodId(id as u32)).map_or(u32::MAX, |method| {
                let next = ids.len() as u32;
                *ids.entry((method.name, &method.parameters, method.return_type)).or_insert(next)
            });
            signatures.push(signature);
        }
        let mut defined = FxHashMap::default();
        let mut below: FxHashMap<TypeId, Vec<TypeId>> = FxHashMap::default();
        for class in program.classes() {
            for above in class.superclass.iter().chain(class.interfaces.iter()) {
                below.entry(*above).or_default().push(class.ty);
            }
            for method in &class.methods {
                if let Some(&signature) = signatures.get(method.method.index()) {
                    defined.insert((class.ty, signature), method.method);
                }
            }
        }
        let created = FxHashSet::default();
        Self { program, platform, signatures, defined, below, created, ancestors: RefCell::default() }
    }

    /// The app creates objects of this class.
    pub(crate) fn note_created(&mut self, ty: TypeId) {
        self.created.insert(ty);
    }

    /// The method with code that a call of `method` on an object of exactly class `ty` runs, if the app defines it.
    pub(crate) fn implementation(&self, ty: TypeId, method: MethodId) -> Option<MethodId> {
        let signature = *self.signatures.get(method.index())?;
        let mut class = self.program.class_of(ty);
        for _ in 0..CLASSES_VISITED_MAX {
            let Some(at) = class else { break };
            if let Some(&found) = self.defined.get(&(at.ty, signature)) {
                return Some(found);
            }
            class = at.superclass.and_then(|above| self.program.class_of(above));
        }
        self.default_method(ty, signature)
    }

    fn default_method(&self, ty: TypeId, signature: Signature) -> Option<MethodId> {
        let mut pending = vec![ty];
        let mut seen = FxHashSet::default();
        while let Some(at) = pending.pop() {
            if !seen.insert(at) || seen.len() > CLASSES_VISITED_MAX {
                continue;
            }
            let Some(class) = self.program.class_of(at) else { continue };
            if let Some(&found) = self.defined.get(&(at, signature)) {
                return Some(found);
            }
            pending.extend(class.interfaces.iter().chain(&class.superclass));
        }
        None
    }

    /// Methods with code that a call of `method`, declared in class `ty`, may run on objects the app creates.
    pub(crate) fn overriders(&self, ty: TypeId, method: MethodId) -> Vec<MethodId> {
        let mut found = Vec::new();
        let mut pending = vec![ty];
        let mut seen = FxHashSet::default();
        while let Some(at) = pending.pop() {
            if !seen.insert(at) || seen.len() > CLASSES_VISITED_MAX {
                continue;
            }
            if self.created.contains(&at) {
                found.extend(self.implementation(at, method).filter(|&found| self.has_code(found)));
            }
            pending.extend(self.below.get(&at).into_iter().flatten());
        }
        found.sort();
        found.dedup();
        found
    }

    pub(crate) fn has_code(&self, method: MethodId) -> bool {
        self.program.definition(method).is_some_and(|(_, definition)| definition.code.is_some())
    }

    /// A method of class `ty` (or of its superclasses in the app) by name, and by parameters if given.
    pub(crate) fn find(&self, ty: TypeId, name: &str, parameters: Option<&str>) -> Option<MethodId> {
        let mut class = self.program.class_of(ty);
        for _ in 0..CLASSES_VISITED_MAX {
            let at = class?;
            let candidates = at.methods.iter().filter(|method| method.code.is_some());
            let mut named = candidates.filter(|definition| {
                let Some(method) = self.program.method(definition.method) else { return false };
                self.program.text(method.name) == name
                    && parameters.is_none_or(|wanted| wanted == self.parameters_text(&method.parameters))
            });
            // Of a generic method the compiler makes a bridge that calls the real one; either will do, but the bridge
            // is the one the library calls.
            const BRIDGE: u32 = 0x40;
            let first = named.next();
            let bridge = named.find(|definition| definition.access & BRIDGE != 0);
            if let Some(found) = bridge.or(first) {
                return Some(found.method);
            }
            class = at.superclass.and_then(|above| self.program.class_of(above));
        }
        None
    }

    /// Every method with code of this name, in the class or, if it has none, in the nearest superclass that has one.
    pub(crate) fn named(&self, ty: TypeId, name: &str) -> Vec<MethodId> {
        let mut class = self.program.class_of(ty);
        for _ in 0..CLASSES_VISITED_MAX {
            let Some(at) = class else { break };
            let coded = at.methods.iter().filter(|method| method.code.is_some());
            let named = coded.filter(|definition| {
                self.program.method(definition.method).is_some_and(|method| self.program.text(method.name) == name)
            });
            let found: Vec<MethodId> = named.map(|definition| definition.method).collect();
            if !found.is_empty() || name == "<init>" {
                return found;
            }
            class = at.superclass.and_then(|above| self.program.class_of(above));
        }
        Vec::new()
    }

    /// Public methods of objects, with code, that the class has of its own.
    pub(crate) fn open_methods(&self, ty: TypeId) -> Vec<MethodId> {
        let methods = self.program.class_of(ty).map(|class| class.methods.as_slice()).unwrap_or_default();
        let open = methods.iter().filter(|method| {
            let is_made =
                self.program.method(method.method).is_some_and(|it| self.program.text(it.name).starts_with('<'));
            method.code.is_some()
                && method.access & access::PUBLIC != 0
                && method.access & access::STATIC == 0
                && !is_made
        });
        open.map(|method| method.method).take(OPEN_METHODS_MAX).collect()
    }

    /// The field of this name in the class or above it, and whether it is static.
    pub(crate) fn field_named(&self, ty: TypeId, name: &str) -> Option<(FieldId, bool)> {
        let mut class = self.program.class_of(ty);
        for _ in 0..CLASSES_VISITED_MAX {
            let at = class?;
            let found = at.fields.iter().find(|definition| {
                self.program.field(definition.field).is_some_and(|field| self.program.text(field.name) == name)
            });
            if let Some(found) = found {
                return Some((found.field, found.access & access::STATIC != 0));
            }
            class = at.superclass.and_then(|above| self.program.class_of(above));
        }
        None
    }

    fn parameters_text(&self, parameters: &[TypeId]) -> String {
        let inner: String = parameters.iter().map(|&parameter| self.program.descriptor(parameter)).collect();
        format!("({inner})")
    }

    /// Descriptors of a class and everything above it, nearest first, in the app and in the platform.
    pub(crate) fn ancestors(&self, ty: TypeId) -> std::rc::Rc<[String]> {
        if let Some(known) = self.ancestors.borrow().get(&ty) {
            return std::rc::Rc::clone(known);
        }
        let mut found: Vec<String> = Vec::new();
        let mut pending = std::collections::VecDeque::from([self.program.descriptor(ty).to_owned()]);
        while let Some(descriptor) = pending.pop_front() {
            if found.len() >= CLASSES_VISITED_MAX || found.contains(&descriptor) {
                continue;
            }
            match self.program.find_type(&descriptor).and_then(|ty| self.program.class_of(ty)) {
                Some(class) => {
                    let above = class.superclass.iter().chain(class.interfaces.iter());
                    pending.extend(above.map(|&above| self.program.descriptor(above).to_owned()));
                }
                None => pending.extend(self.platform.above(&descriptor).iter().cloned()),
            }
            found.push(descriptor);
        }
        let found: std::rc::Rc<[String]> = found.into();
        self.ancestors.borrow_mut().insert(ty, std::rc::Rc::clone(&found));
        found
    }

    /// Whether a class is, or is below, the class of this descriptor.
    pub(crate) fn is_below(&self, ty: TypeId, descriptor: &str) -> bool {
        self.ancestors(ty).iter().any(|ancestor| ancestor == descriptor)
    }

    /// Methods with code, of this class, that override or implement a method the app does not define: what the platform
    /// may call once it holds such an object.
    pub(crate) fn platform_callable(&self, ty: TypeId) -> Vec<MethodId> {
        let Some(class) = self.program.class_of(ty) else { return Vec::new() };
        let ancestors = self.ancestors(ty);
        let outside: Vec<&String> = ancestors
            .iter()
            .filter(|name| self.program.find_type(name).is_none_or(|ty| self.program.class_of(ty).is_none()))
            .collect();
        if outside.iter().all(|name| *name == "Ljava/lang/Object;") {
            return Vec::new();
        }
        let overridable = class.methods.iter().filter(|method| {
            const PRIVATE_OR_CONSTRUCTOR: u32 = 0x2 | 0x1_0000;
            method.code.is_some() && method.access & (access::STATIC | PRIVATE_OR_CONSTRUCTOR) == 0
        });
        overridable.map(|method| method.method).collect()
    }
}
