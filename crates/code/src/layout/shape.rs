//! The layout of classes as the virtual machines build it: offsets of fields, tables of methods.
//!
//! Written from `class_linker.cc` of Android 4.4 to 6.0 (`LinkFields`, `LinkVirtualMethods`, `LinkInterfaceMethods`) and from
//! `Class.cpp` of the Dalvik virtual machine (`computeFieldOffsets`, `createVtable`, `createIftable`).

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{ClassPath, fields};
use crate::{Class, Program, program::Quickener};

const ACC_PUBLIC: u32 = 0x1;
const ACC_PRIVATE: u32 = 0x2;
const ACC_PROTECTED: u32 = 0x4;
const ACC_STATIC: u32 = 0x8;
const ACC_INTERFACE: u32 = 0x200;
const ACC_ABSTRACT: u32 = 0x400;
const ACC_CONSTRUCTOR: u32 = 0x1_0000;
/// Longest chain of superclasses, and most interfaces of a class, that are followed. Real ones stay below forty.
const SUPERTYPES_MAX: usize = 256;
/// Most entries of a method table: its index has 16 bits.
const TABLE_LEN_MAX: usize = 1 << 16;
/// The root of every class.
pub(super) const OBJECT: &str = "Ljava/lang/Object;";

/// A field and where it is in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: String,
    pub(super) offset: u32,
}

/// A method in a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Method {
    /// Name and descriptor: `run()V`.
    pub(super) signature: String,
    /// The package of its class, if only that may override it.
    package: Option<String>,
}

/// A class, laid out.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) descriptor: String,
    pub(super) superclass: Option<Rc<Self>>,
    pub(super) is_interface: bool,
    /// Its own fields.
    pub(super) fields: Vec<Field>,
    /// Bytes of an object of it.
    size: u32,
    /// Its methods; `None` if an interface is absent that may have added some.
    pub(super) table: Option<Vec<Rc<Method>>>,
    /// All interfaces, in the order in which the virtual machine lists them.
    interfaces: Vec<String>,
}

/// Where the platform's own classes are named, and where apps may name theirs all the same.
const PLATFORM: [&str; 10] = [
    "Ljava/",
    "Ljavax/",
    "Landroid/",
    "Ldalvik/",
    "Llibcore/",
    "Lorg/apache/http/",
    "Lorg/apache/harmony/",
    "Lorg/json/",
    "Lorg/w3c/dom/",
    "Lorg/xml/sax/",
];
const NOT_PLATFORM: &str = "Landroid/support/";

/// Methods of the root class, in the order of its table: the same in every version of both virtual machines.
const OBJECT_METHODS: [&str; 11] = [
    "clone()Ljava/lang/Object;",
    "equals(Ljava/lang/Object;)Z",
    "finalize()V",
    "getClass()Ljava/lang/Class;",
    "hashCode()I",
    "notify()V",
    "notifyAll()V",
    "toString()Ljava/lang/String;",
    "wait()V",
    "wait(J)V",
    "wait(JI)V",
];

/// The root class, for want of its file.
fn root() -> Shape {
    let method = |signature: &str| Rc::new(Method { signature: signature.to_owned(), package: None });
    Shape {
        descriptor: OBJECT.to_owned(),
        superclass: None,
        is_interface: false,
        fields: Vec::new(),
        size: fields::OBJECT_BYTES,
        table: Some(OBJECT_METHODS.iter().map(|signature| method(signature)).collect()),
        interfaces: Vec::new(),
    }
}

/// Classes by descriptor, laid out when asked for.
pub(super) struct Shapes<'p> {
    /// Classes of the platform, and the app's own.
    class_path: &'p ClassPath,
    own: &'p Program,
    quickener: Quickener,
    known: FxHashMap<String, Option<Rc<Shape>>>,
}

impl<'p> Shapes<'p> {
    pub(super) fn new(class_path: &'p ClassPath, own: &'p Program, quickener: Quickener) -> Self {
        Self { class_path, own, quickener, known: FxHashMap::default() }
    }

    /// The layout of a class; `None` if it or a superclass is absent.
    pub(super) fn get(&mut self, descriptor: &str) -> Option<Rc<Shape>> {
        if let Some(known) = self.known.get(descriptor) {
            return known.clone();
        }
        // From the class up to the first that is known, then down again.
        let mut chain: Vec<(&'p Program, &'p Class)> = Vec::new();
        let mut next = Some(descriptor.to_owned());
        let mut above = None;
        while let Some(descriptor) = next.take() {
            if let Some(known) = self.known.get(&descriptor) {
                above.clone_from(known);
                if known.is_none() {
                    return self.fail(&chain);
                }
                break;
            }
            let Some((program, class)) = self.class(&descriptor) else {
                if descriptor == OBJECT {
                    above = Some(Rc::new(root()));
                    break;
                }
                return self.fail(&chain);
            };
            chain.push((program, class));
            if chain.len() > SUPERTYPES_MAX {
                return self.fail(&chain);
            }
            next = class.superclass.map(|ty| program.descriptor(ty).to_owned());
            if next.is_none() && descriptor != OBJECT {
                return self.fail(&chain);
            }
        }
        for (program, class) in chain.into_iter().rev() {
            let shape = self.lay_out(program, class, above.take());
            let shape = Rc::new(shape);
            self.known.insert(shape.descriptor.clone(), Some(Rc::clone(&shape)));
            above = Some(shape);
        }
        above
    }

    fn fail(&mut self, chain: &[(&Program, &Class)]) -> Option<Rc<Shape>> {
        for (program, class) in chain {
            self.known.insert(program.descriptor(class.ty).to_owned(), None);
        }
        None
    }

    /// A class by name: the platform's, else the app's own. Where the class path is not whole, a class of the platform that is
    /// only in the app stands for one that the class path lacks, and may differ from it.
    fn class(&self, descriptor: &str) -> Option<(&'p Program, &'p Class)> {
        let find = |program: &'p Program| Some((program, program.class_of(program.find_type(descriptor)?)?));
        let is_platform = !self.class_path.is_whole
            && PLATFORM.iter().any(|prefix| descriptor.starts_with(prefix))
            && !descriptor.starts_with(NOT_PLATFORM);
        find(&self.class_path.program).or_else(|| if is_platform { None } else { find(self.own) })
    }

    fn lay_out(&self, program: &Program, class: &Class, superclass: Option<Rc<Shape>>) -> Shape {
        let descriptor = program.descriptor(class.ty).to_owned();
        let start = superclass.as_ref().map_or(0, |shape| shape.size);
        let own: Vec<(String, String)> = class
            .fields
            .iter()
            .filter(|field| field.access & ACC_STATIC == 0)
            .filter_map(|field| program.field(field.field))
            .map(|field| (program.text(field.name).to_owned(), program.descriptor(field.ty).to_owned()))
            .collect();
        // The class of every object and its lock are in front of what Dalvik lays out.
        let start =
            if self.quickener == Quickener::Dalvik && superclass.is_none() { fields::OBJECT_BYTES } else { start };
        let (fields, size) = fields::lay_out(own, start, self.quickener);
        let mut interfaces = superclass.as_ref().map_or_else(Vec::new, |shape| shape.interfaces.clone());
        let complete = self.add_interfaces(program, class, &mut interfaces);
        let is_interface = class.access & ACC_INTERFACE != 0;
        let table = self.table(program, class, superclass.as_deref(), &interfaces, complete);
        Shape { descriptor, superclass, is_interface, fields, size, table, interfaces }
    }

    /// Adds the interfaces of a class: each one, then those above it. Whether all of them are there.
    fn add_interfaces(&self, program: &Program, class: &Class, all: &mut Vec<String>) -> bool {
        let mut complete = true;
        // A stack instead of recursion; the next to come is the last.
        let mut waiting: Vec<String> =
            class.interfaces.iter().rev().map(|&ty| program.descriptor(ty).to_owned()).collect();
        while let Some(descriptor) = waiting.pop() {
            if all.contains(&descriptor) {
                continue;
            }
            if all.len() >= SUPERTYPES_MAX {
                return false;
            }
            match self.class(&descriptor) {
                Some((program, interface)) => {
                    waiting.extend(interface.interfaces.iter().rev().map(|&ty| program.descriptor(ty).to_owned()));
                }
                None => complete = false,
            }
            all.push(descriptor);
        }
        complete
    }

    fn table(
        &self,
        program: &Program,
        class: &Class,
        superclass: Option<&Shape>,
        interfaces: &[String],
        complete: bool,
    ) -> Option<Vec<Rc<Method>>> {
        let mut table = match superclass {
            Some(superclass) => superclass.table.clone()?,
            None => Vec::new(),
        };
        if class.access & ACC_INTERFACE != 0 {
            return Some(table);
        }
        // What the platform loads is in no package with what an app brings, whatever the name.
        let loader = if std::ptr::eq(program, &raw const self.class_path.program) { "platform" } else { "" };
        let package = format!("{loader} {}", package(program.descriptor(class.ty)));
        let inherited = table.len();
        for method in class.methods.iter().filter(|method| is_virtual(method.access)) {
            let entry = Rc::new(Method {
                signature: signature(program, method.method)?,
                package: (method.access & (ACC_PUBLIC | ACC_PROTECTED) == 0).then(|| package.clone()),
            });
            // Dalvik lets a method override what its class may not see: apps came to rely on it.
            let sees =
                |only: Option<&String>| self.quickener == Quickener::Dalvik || only.is_none_or(|only| *only == package);
            let overridden = table
                .iter()
                .take(inherited)
                .position(|known| known.signature == entry.signature && sees(known.package.as_ref()));
            match overridden.and_then(|at| table.get_mut(at)) {
                Some(slot) => *slot = entry,
                None => table.push(entry),
            }
            if table.len() > TABLE_LEN_MAX {
                return None;
            }
        }
        self.add_interface_methods(class, interfaces, complete, &mut table)?;
        Some(table)
    }

    /// Methods of interfaces that an abstract class leaves to its subclasses get places as well.
    fn add_interface_methods(
        &self,
        class: &Class,
        interfaces: &[String],
        complete: bool,
        table: &mut Vec<Rc<Method>>,
    ) -> Option<()> {
        if class.access & ACC_ABSTRACT == 0 {
            return Some(());
        }
        if !complete {
            return None;
        }
        for descriptor in interfaces {
            let (program, interface) = self.class(descriptor)?;
            for method in interface.methods.iter().filter(|method| is_virtual(method.access)) {
                let signature = signature(program, method.method)?;
                if !table.iter().any(|known| known.signature == signature) {
                    table.push(Rc::new(Method { signature, package: None }));
                }
                if table.len() > TABLE_LEN_MAX {
                    return None;
                }
            }
        }
        Some(())
    }
}

const fn is_virtual(access: u32) -> bool {
    access & (ACC_STATIC | ACC_PRIVATE | ACC_CONSTRUCTOR) == 0
}

/// `run()V`.
pub(super) fn signature(program: &Program, method: crate::MethodId) -> Option<String> {
    let name = program.text(program.method(method)?.name);
    Some(format!("{name}{}", program.method_descriptor(method)))
}

/// The package of a class: everything up to the last slash.
fn package(descriptor: &str) -> &str {
    descriptor.rsplit_once('/').map_or("", |(package, _)| package)
}
