//! Who extends and implements whom, across a program and the platform it runs on.
//!
//! The platform's classes are not in the program; which are above which is data the caller brings. Look-up of methods
//! follows the Java Virtual Machine Specification, 5.4.3.3 and 5.4.6, as the platform does.

mod graph;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::{Class, ClassId, InvokeKind, MethodDefinition, MethodId, Program, StringId, TypeId};

use graph::{Graph, Node};

/// Steps up a chain of superclasses. The longest chain of a real program is below forty.
const MAX_CHAIN: usize = 256;
const OBJECT: &str = "Ljava/lang/Object;";
/// What every array is.
const ARRAY_SUPERTYPES: [&str; 3] = [OBJECT, "Ljava/lang/Cloneable;", "Ljava/io/Serializable;"];

const PRIVATE: u32 = 0x2;
const STATIC: u32 = 0x8;
const INTERFACE: u32 = 0x200;
const ABSTRACT: u32 = 0x400;
const CONSTRUCTOR: u32 = 0x1_0000;

/// The class hierarchy of a program.
#[derive(Debug, Clone)]
pub struct Hierarchy<'p> {
    program: &'p Program,
    graph: Graph,
    /// Methods that a call can be dispatched to, by name and prototype, in the order of their classes.
    dispatched: FxHashMap<(StringId, u32), Vec<MethodId>>,
}

impl<'p> Hierarchy<'p> {
    /// The hierarchy of `program` on a platform: from the descriptor of a class to those of its superclass and
    /// interfaces. Where both define a class, the program's word counts.
    #[must_use]
    pub fn new(program: &'p Program, platform: &BTreeMap<String, Vec<String>>) -> Self {
        let mut dispatched: FxHashMap<(StringId, u32), Vec<MethodId>> = FxHashMap::default();
        for definition in program.classes().iter().flat_map(|class| &class.methods) {
            if let Some(signature) = signature(program, definition.method).filter(|_| is_dispatched(definition)) {
                dispatched.entry(signature).or_default().push(definition.method);
            }
        }
        Self { program, graph: Graph::new(program, platform), dispatched }
    }

    /// Number of classes whose supertypes may be incomplete: they are part of a cycle, or below one, or have more than
    /// 256 supertypes. No platform loads such a class; zero for every real program.
    #[must_use]
    pub const fn cut(&self) -> usize {
        self.graph.cut()
    }

    /// Descriptors of all types above `ty`, nearest first, without itself.
    #[must_use]
    pub fn supertypes(&self, ty: TypeId) -> Vec<&str> {
        self.supertypes_of(self.program.descriptor(ty))
    }

    /// As [`Self::supertypes`], for a descriptor that the program need not name.
    #[must_use]
    pub fn supertypes_of(&self, descriptor: &str) -> Vec<&str> {
        if descriptor.starts_with('[') {
            return ARRAY_SUPERTYPES.to_vec();
        }
        let Some(node) = self.graph.node(self.program, descriptor) else { return Vec::new() };
        let above = self.graph.ancestors(node);
        above.iter().map(|&node| self.graph.descriptor(self.program, node)).collect()
    }

    /// Whether the type `descriptor` is `of` or below it.
    #[must_use]
    pub fn is_subtype(&self, descriptor: &str, of: &str) -> bool {
        let (mut descriptor, mut of) = (descriptor, of);
        // An array is below another if its elements are.
        while let (Some(element), Some(other)) = (descriptor.strip_prefix('['), of.strip_prefix('[')) {
            (descriptor, of) = (element, other);
        }
        if descriptor == of {
            return true;
        }
        if descriptor.starts_with('[') {
            return ARRAY_SUPERTYPES.contains(&of);
        }
        if of == OBJECT {
            return descriptor.starts_with('L');
        }
        let nodes = self.graph.node(self.program, descriptor).zip(self.graph.node(self.program, of));
        nodes.is_some_and(|(node, of)| self.graph.is_above(of, node))
    }

    /// The classes of the program directly below a type, in class path order.
    pub fn direct_subclasses(&self, ty: TypeId) -> impl Iterator<Item = ClassId> {
        let below = self.graph.children(Node::of_type(ty));
        below.iter().filter_map(|node| self.class_at(*node))
    }

    /// The classes of the program below a type, however far, nearest first.
    #[must_use]
    pub fn subclasses(&self, ty: TypeId) -> Vec<ClassId> {
        self.subclasses_of(self.program.descriptor(ty))
    }

    /// As [`Self::subclasses`], for a descriptor that the program need not name.
    #[must_use]
    pub fn subclasses_of(&self, descriptor: &str) -> Vec<ClassId> {
        let Some(node) = self.graph.node(self.program, descriptor) else { return Vec::new() };
        self.graph.descendants(node).into_iter().filter_map(|node| self.class_at(node)).collect()
    }

    fn class_at(&self, node: Node) -> Option<ClassId> {
        self.program.class_of_type.get(&node.ty()).copied()
    }

    /// The definition a call of `method` refers to: in the class it is named with, its superclasses, its interfaces. It
    /// may be abstract. `None` if it is outside the program.
    #[must_use]
    pub fn resolve(&self, method: MethodId, kind: InvokeKind) -> Option<MethodId> {
        let named = self.program.method(method)?;
        let signature = signature(self.program, method)?;
        let is_dispatched = matches!(kind, InvokeKind::Virtual | InvokeKind::Interface | InvokeKind::Super);
        if is_dispatched && !self.dispatched.contains_key(&signature) {
            return None;
        }
        self.look_up(named.class, signature)
    }

    fn look_up(&self, class: TypeId, signature: (StringId, u32)) -> Option<MethodId> {
        self.in_superclasses(class, signature).or_else(|| self.in_interfaces(class, signature))
    }

    /// The first definition up the chain of superclasses.
    fn in_superclasses(&self, class: TypeId, (name, prototype): (StringId, u32)) -> Option<MethodId> {
        let mut class = class;
        for _ in 0..MAX_CHAIN {
            if let Some(definition) = self.defined(class, name, prototype) {
                return Some(definition);
            }
            class = self.program.class_of(class)?.superclass?;
        }
        None
    }

    fn defined(&self, class: TypeId, name: StringId, prototype: u32) -> Option<MethodId> {
        let method = self.program.find_method_by_id(class, name, prototype)?;
        self.program.definition_of_method.contains_key(&method).then_some(method)
    }

    /// The most specific definition in an interface above `class`: one with code before one without.
    fn in_interfaces(&self, class: TypeId, (name, prototype): (StringId, u32)) -> Option<MethodId> {
        let above = self.graph.ancestors(Node::of_type(class));
        let mut best: Option<(Node, MethodId, bool)> = None;
        for &node in &above {
            let Some(found) = self.defined(node.ty(), name, prototype) else { continue };
            let Some((owner, definition)) = self.program.definition(found) else { continue };
            if owner.access & INTERFACE == 0 || definition.access & (STATIC | PRIVATE) != 0 {
                continue;
            }
            let has_code = definition.access & ABSTRACT == 0;
            let is_better = best.is_none_or(|(known, _, known_has_code)| {
                (has_code && !known_has_code) || (has_code == known_has_code && self.graph.is_above(known, node))
            });
            if is_better {
                best = Some((node, found, has_code));
            }
        }
        best.map(|(_, method, _)| method)
    }

    /// The definitions that a virtual or interface call of `method` may reach, whatever the receiver's class is below the
    /// one the method is named with. Abstract ones are left out, native ones are not. Sorted.
    ///
    /// The answer depends on nothing but `method`: a caller with many call sites keeps it.
    #[must_use]
    pub fn targets(&self, method: MethodId) -> Vec<MethodId> {
        let (Some(named), Some(signature)) = (self.program.method(method), signature(self.program, method)) else {
            return Vec::new();
        };
        let Some(candidates) = self.dispatched.get(&signature) else { return Vec::new() };
        let of = Node::of_type(named.class);
        let mut targets: Vec<MethodId> = self.look_up(named.class, signature).into_iter().collect();
        let is_class = self.program.class_of(named.class).is_some_and(|class| class.access & INTERFACE == 0);
        let is_object = self.program.descriptor(named.class) == OBJECT;
        let is_below = |&candidate: &MethodId| {
            let class = self.program.method(candidate).map(|method| Node::of_type(method.class));
            is_object || class.is_some_and(|class| self.graph.is_above(of, class))
        };
        targets.extend(candidates.iter().copied().filter(is_below));
        // Below an interface, a class may inherit its definition from a superclass that does not know the interface.
        if !is_class && !is_object {
            self.push_inherited(of, signature, &mut targets);
        }
        targets.retain(|&target| self.program.definition(target).is_some_and(|(_, it)| it.access & ABSTRACT == 0));
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// The definitions that classes below `of` inherit from outside of it.
    fn push_inherited(&self, of: Node, signature: (StringId, u32), targets: &mut Vec<MethodId>) {
        for node in self.graph.descendants(of) {
            let Some(class) = self.class_at(node).and_then(|id| self.program.classes().get(id.index())) else {
                continue;
            };
            let Some(superclass) = class.superclass.filter(|_| class.access & INTERFACE == 0) else { continue };
            if self.graph.is_above(of, Node::of_type(superclass)) {
                continue;
            }
            if self.defined(class.ty, signature.0, signature.1).is_none() {
                targets.extend(self.look_up(class.ty, signature));
            }
        }
    }

    /// For a method the program defines: the types outside the program whose method of the same name and descriptor it
    /// overrides, if they have one; nearest first. Empty for static and private methods and constructors.
    #[must_use]
    pub fn overrides(&self, method: MethodId) -> Vec<&str> {
        let Some((class, definition)) = self.program.definition(method) else { return Vec::new() };
        if !is_dispatched(definition) {
            return Vec::new();
        }
        let above = self.graph.ancestors(Node::of_type(class.ty));
        let outside = above.iter().filter(|&&node| self.class_at(node).is_none());
        outside.map(|&node| self.graph.descriptor(self.program, node)).collect()
    }
}

/// Name and prototype.
fn signature(program: &Program, method: MethodId) -> Option<(StringId, u32)> {
    Some((program.method(method)?.name, program.prototype_of(method)?))
}

/// Whether calls of it are dispatched by the class of the receiver.
const fn is_dispatched(definition: &MethodDefinition) -> bool {
    definition.access & (STATIC | PRIVATE | CONSTRUCTOR) == 0
}

/// The direct supertypes of a class of the program, superclass first.
fn direct_supertypes(class: &Class) -> impl Iterator<Item = TypeId> {
    class.superclass.into_iter().chain(class.interfaces.iter().copied())
}
