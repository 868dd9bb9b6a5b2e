//! Dalvik code as a program: classes, methods, bodies in static single assignment form.

mod body;
mod dex;
mod hierarchy;
mod ids;
mod ir;
mod layout;
mod library;
mod names;
mod oat;
mod odex;
mod open;
mod parts;
mod program;
mod restore;
mod scan;
mod tables;
mod text;
mod vdex;

pub use dex::{RawCode, Try, has_dex_checksum};
pub use hierarchy::Hierarchy;
pub use ids::{BlockId, ClassId, FieldId, MethodId, StringId, TypeId, ValueId};
pub use ir::{
    BinaryOp, Block, Body, Condition, ElementKind, Instruction, InvokeKind, NumberKind, Op, Phi, UnaryOp, ValueInfo,
};
pub use layout::ClassPath;
pub use library::{Library, Part};
pub use odex::class_path as dalvik_class_path;
pub use open::InputFile;
pub use program::{
    Class, CodeItem, DexFile, Fidelity, FieldDefinition, FieldRef, Literal, MethodDefinition, MethodRef, Program,
};
