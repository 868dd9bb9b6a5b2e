//! All the code of one app, in one set of tables, whichever files it came from.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::tables::Index;
use crate::{ClassId, FieldId, MethodId, StringId, TypeId};

/// A field, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// The class it was named with.
    pub class: TypeId,
    /// Its name.
    pub name: StringId,
    /// Its type.
    pub ty: TypeId,
}

/// A method, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MethodRef {
    /// The class it was named with.
    pub class: TypeId,
    /// Its name.
    pub name: StringId,
    /// Its parameters, without the receiver.
    pub parameters: Arc<[TypeId]>,
    /// Its return type; `V` for none.
    pub return_type: TypeId,
}

/// A class that the program defines.
#[derive(Debug, Clone)]
pub struct Class {
    /// Its type.
    pub ty: TypeId,
    /// Its superclass.
    pub superclass: Option<TypeId>,
    /// Its interfaces.
    pub interfaces: Arc<[TypeId]>,
    /// Access flags as in the DEX document.
    pub access: u32,
    /// Its fields, static first.
    pub fields: Vec<FieldDefinition>,
    /// Its methods, direct first.
    pub methods: Vec<MethodDefinition>,
}

/// A field that a class defines.
#[derive(Debug, Clone)]
pub struct FieldDefinition {
    /// Which.
    pub field: FieldId,
    /// Access flags.
    pub access: u32,
    /// The value a static field starts with, if the file gives one.
    pub initial: Option<Literal>,
}

/// A value written in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A number, or null; floats by their bits.
    Number(i64),
    /// A string.
    Text(StringId),
    /// A class.
    Class(TypeId),
    /// Something else.
    Other,
}

/// A method that a class defines.
#[derive(Debug, Clone)]
pub struct MethodDefinition {
    /// Which.
    pub method: MethodId,
    /// Access flags.
    pub access: u32,
    /// Its code; absent for abstract and native methods.
    pub code: Option<CodeItem>,
}

/// Where the code of a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeItem {
    /// Index in [`Program::files`].
    pub file: u32,
    /// Offset of the code item in that file.
    pub offset: u32,
}

/// A DEX file of the program.
#[derive(Debug, Clone)]
pub struct DexFile {
    /// Its bytes; of a container (version 041) all of it, shared by the files in it.
    pub bytes: Arc<[u8]>,
    /// Where it is, for proofs: device path with inner layers.
    pub path: String,
    /// How it relates to the file that its author shipped.
    pub fidelity: Fidelity,
    /// Whether code items are packed: compact DEX.
    pub(crate) compact: bool,
    /// Who rewrote instructions without keeping what they were.
    pub(crate) quickener: Option<Quickener>,
    /// Instructions whose number is explained here, by their place.
    pub(crate) special: Vec<Special>,
    /// Index maps from this file's tables into the program's.
    pub(crate) maps: FileMaps,
}

/// How the code of a file relates to the file that its author shipped. The platform's compiler rewrites instructions
/// ("quickening"): it replaces the field or method they name by a number that means something to one device only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fidelity {
    /// Not from a compiler: the file is as it was shipped.
    Original,
    /// From a compiler, and the checksum and the SHA-1 that its header kept of the shipped file hold.
    ByteIdentical,
    /// Instructions were given their names back, as far as these are known.
    Restored {
        /// How many instructions.
        restored: u32,
        /// How many still name a number.
        unknown: u32,
    },
    /// Nothing could be given back.
    AsFound {
        /// How many instructions name a number.
        unknown: u32,
    },
}

impl Fidelity {
    /// How many instructions were given their names back.
    #[must_use]
    pub const fn restored(self) -> u32 {
        match self {
            Self::Restored { restored, .. } => restored,
            Self::Original | Self::ByteIdentical | Self::AsFound { .. } => 0,
        }
    }

    /// How many instructions name a number instead of a field or method.
    #[must_use]
    pub const fn unknown(self) -> u32 {
        match self {
            Self::Original | Self::ByteIdentical => 0,
            Self::Restored { unknown, .. } | Self::AsFound { unknown } => unknown,
        }
    }
}

/// A virtual machine whose quickening can be undone only by laying out classes as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quickener {
    /// Up to Android 4.4.
    Dalvik,
    /// Android 4.4 to 5.1: narrow fields take a word each.
    ArtWords,
    /// Android 6: narrow fields are packed.
    ArtPacked,
}

/// What the number of an instruction stands for that the common set of instructions has no name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Special {
    /// Where the instruction is in the file.
    pub(crate) place: u32,
    pub(crate) kind: SpecialKind,
    pub(crate) number: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpecialKind {
    /// A method that the virtual machine computes itself.
    Intrinsic,
    /// A position in the table of the superclass.
    Super,
}

impl DexFile {
    /// What is kept beside about the instruction at `place`.
    pub(crate) fn special(&self, place: usize) -> Option<Special> {
        let place = u32::try_from(place).ok()?;
        let at = self.special.binary_search_by_key(&place, |special| special.place).ok()?;
        self.special.get(at).copied()
    }
}

/// From the indices of one file to those of the program. An undecodable entry keeps its position.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileMaps {
    pub(crate) strings: Vec<StringId>,
    pub(crate) types: Vec<TypeId>,
    pub(crate) fields: Vec<FieldId>,
    pub(crate) methods: Vec<MethodId>,
    /// Offsets of code items that so many methods share that reading it for each would not end.
    pub(crate) refused_code: FxHashSet<u32>,
}

/// All the code of one app.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Text of each string.
    pub(crate) strings: Vec<Arc<str>>,
    /// Descriptor of each type.
    pub(crate) types: Vec<StringId>,
    /// Every field named anywhere.
    pub(crate) fields: Vec<FieldRef>,
    /// Every method named anywhere.
    pub(crate) methods: Vec<MethodRef>,
    /// Every class defined; of several definitions the first in class path order.
    pub(crate) classes: Vec<Class>,
    pub(crate) class_of_type: FxHashMap<TypeId, ClassId>,
    /// Class and position of each method that is defined.
    pub(crate) definition_of_method: FxHashMap<MethodId, (ClassId, u32)>,
    pub(crate) index: Index,
    /// The files.
    pub(crate) files: Vec<DexFile>,
    /// What could not be read: path of the file, error.
    pub problems: Vec<(String, bytes::Error)>,
}

impl Program {
    /// Tells `to` everything that the classes and their methods are made from, file by file, as it stands after instructions
    /// were given their names back: equal parts, equal program. Of a file found in another container only what differs here
    /// makes a difference.
    pub fn tell_content(&self, to: &mut dyn FnMut(&[u8])) {
        for file in &self.files {
            to(file.path.as_bytes());
            to(&file.bytes);
            to(format!("{:?} {} {:?} {:?}", file.fidelity, file.compact, file.quickener, file.special).as_bytes());
        }
        for (path, error) in &self.problems {
            to(format!("{path}: {error}").as_bytes());
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn text(&self, id: StringId) -> &str {
        self.strings.get(id.index()).map_or("", |text| text)
    }

    /// The descriptor of a type.
    #[must_use]
    pub fn descriptor(&self, id: TypeId) -> &str {
        self.types.get(id.index()).map_or("", |&name| self.text(name))
    }

    /// A field by its id. Ids come from this program only.
    #[must_use]
    pub fn field(&self, id: FieldId) -> Option<&FieldRef> {
        self.fields.get(id.index())
    }

    /// A method by its id.
    #[must_use]
    pub fn method(&self, id: MethodId) -> Option<&MethodRef> {
        self.methods.get(id.index())
    }

    /// Every class, by [`ClassId`].
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The class of a type, if the program defines it.
    #[must_use]
    pub fn class_of(&self, ty: TypeId) -> Option<&Class> {
        self.class_of_type.get(&ty).and_then(|id| self.classes.get(id.index()))
    }

    /// The definition of exactly this method (no look-up in superclasses).
    #[must_use]
    pub fn definition(&self, method: MethodId) -> Option<(&Class, &MethodDefinition)> {
        let (class, position) = self.definition_of_method.get(&method)?;
        let class = self.classes.get(class.index())?;
        Some((class, class.methods.get(*position as usize)?))
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &[DexFile] {
        &self.files
    }

    /// Number of methods named anywhere; ids are below it.
    #[must_use]
    pub fn method_count(&self) -> usize {
        self.methods.len()
    }

    /// Number of fields named anywhere; ids are below it.
    #[must_use]
    pub fn field_count(&self) -> usize {
        self.fields.len()
    }

    /// Number of types named anywhere; ids are below it.
    #[must_use]
    pub fn type_count(&self) -> usize {
        self.types.len()
    }

    /// Number of strings; ids are below it.
    #[must_use]
    pub fn string_count(&self) -> usize {
        self.strings.len()
    }
}
