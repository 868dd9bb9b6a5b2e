//! Values inside the interpreter: constants, references to its own heap, and the value nothing is known of.

use std::sync::Arc;

use code::{ElementKind, TypeId};

/// The units of a Java string. Strings of one origin share memory, which stands for being the same object.
pub(super) type Text = Arc<[u16]>;

/// An object on the interpreter's heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectId(pub(super) u32);

/// A value of a register, a field or an element.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing is known.
    Unknown,
    /// A number; as a reference, zero is null. An int is kept sign-extended.
    Number(i64),
    /// A string.
    Text(Text),
    /// A class object.
    Class(TypeId),
    /// A boxed number.
    Boxed(Element, i64),
    /// An object on the heap.
    Object(ObjectId),
}

impl Value {
    pub(super) const NULL: Self = Self::Number(0);

    pub(super) fn boolean(value: bool) -> Self {
        Self::Number(i64::from(value))
    }

    /// An int result.
    pub(super) fn int(value: i32) -> Self {
        Self::Number(i64::from(value))
    }

    /// A length or position. Everything that has one fits the memory limit, far below `i32::MAX`.
    pub(super) fn length(value: usize) -> Self {
        Self::Number(i32::try_from(value).map_or(i64::from(i32::MAX), i64::from))
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Number(0))
    }

    /// Whether it is the same in every state of the heap.
    pub(super) fn is_immutable(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Object(_))
    }

    /// Whether two references or numbers are the same; `None` if that cannot be told.
    pub(super) fn same(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => Some(left == right),
            (Self::Text(left), Self::Text(right)) => {
                if Arc::ptr_eq(left, right) {
                    Some(true)
                } else if left != right {
                    Some(false)
                } else {
                    // Equal texts may or may not be one object: interning decides.
                    None
                }
            }
            (Self::Class(left), Self::Class(right)) => Some(left == right),
            (Self::Object(left), Self::Object(right)) => Some(left == right),
            (Self::Unknown, _) | (_, Self::Unknown) | (Self::Boxed(..), Self::Boxed(..)) => None,
            // Two of different kinds: null and an object, a string and an array.
            _ => Some(false),
        }
    }

    /// Whether both are known to be the same constant, by content.
    pub(super) fn is_same_constant(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Boxed(kind, left), Self::Boxed(other_kind, right)) => kind == other_kind && left == right,
            _ => self.same(other) == Some(true),
        }
    }
}

/// What an array holds, and what a box boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Element {
    Boolean,
    Byte,
    Char,
    Short,
    Int,
    Long,
    Float,
    Double,
    Object,
}

impl Element {
    /// From the descriptor of the element type.
    pub(super) fn of_descriptor(descriptor: &str) -> Self {
        match descriptor.as_bytes().first() {
            Some(b'Z') => Self::Boolean,
            Some(b'B') => Self::Byte,
            Some(b'C') => Self::Char,
            Some(b'S') => Self::Short,
            Some(b'I') => Self::Int,
            Some(b'J') => Self::Long,
            Some(b'F') => Self::Float,
            Some(b'D') => Self::Double,
            _ => Self::Object,
        }
    }

    /// The kind of number that a class boxes.
    pub(super) fn of_box(class: &str) -> Option<Self> {
        Some(match class {
            "Ljava/lang/Boolean;" => Self::Boolean,
            "Ljava/lang/Byte;" => Self::Byte,
            "Ljava/lang/Character;" => Self::Char,
            "Ljava/lang/Short;" => Self::Short,
            "Ljava/lang/Integer;" => Self::Int,
            "Ljava/lang/Long;" => Self::Long,
            "Ljava/lang/Float;" => Self::Float,
            "Ljava/lang/Double;" => Self::Double,
            _ => return None,
        })
    }

    pub(super) fn kind(self) -> ElementKind {
        match self {
            Self::Boolean => ElementKind::Boolean,
            Self::Byte => ElementKind::Byte,
            Self::Char => ElementKind::Char,
            Self::Short => ElementKind::Short,
            Self::Int | Self::Float => ElementKind::Word,
            Self::Long | Self::Double => ElementKind::Wide,
            Self::Object => ElementKind::Object,
        }
    }

    pub(super) fn of_kind(kind: ElementKind) -> Self {
        match kind {
            ElementKind::Boolean => Self::Boolean,
            ElementKind::Byte => Self::Byte,
            ElementKind::Char => Self::Char,
            ElementKind::Short => Self::Short,
            ElementKind::Word => Self::Int,
            ElementKind::Wide => Self::Long,
            ElementKind::Object => Self::Object,
        }
    }

    /// A number as this element stores it.
    pub(super) fn narrow(self, value: i64) -> i64 {
        match self {
            Self::Boolean => value & 1,
            Self::Byte => i64::from(value as i8),
            Self::Char => i64::from(value as u16),
            Self::Short => i64::from(value as i16),
            Self::Int | Self::Float => i64::from(value as i32),
            Self::Long | Self::Double | Self::Object => value,
        }
    }
}
