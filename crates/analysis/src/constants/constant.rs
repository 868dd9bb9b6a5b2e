//! Constants as the engine sees them: immutable, comparable, shared.

use std::sync::Arc;

use code::{ElementKind, TypeId};

/// A value known without running anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Constant {
    /// No object.
    Null,
    /// An int, long, boolean, char, or one of them in its box; a float or double by its bits.
    Number(i64),
    /// A Java string: UTF-16, possibly with unpaired surrogates.
    Text(Arc<[u16]>),
    /// A class object.
    Class(TypeId),
    /// The contents of an array.
    Array(Arc<ArrayConstant>),
}

/// The contents of an array.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArrayConstant {
    /// Numbers, each as the element kind stores it: bytes sign-extended, chars zero-extended.
    Numbers {
        /// Width and kind of the elements.
        kind: ElementKind,
        /// The elements.
        values: Box<[i64]>,
    },
    /// Objects, nested at most [`ARRAY_DEPTH_MAX`] deep.
    Objects(Vec<Constant>),
}

/// Arrays of arrays nested deeper than this are no constants: comparing and dropping them recurses.
pub const ARRAY_DEPTH_MAX: usize = 4;

impl Constant {
    /// The text of a string; unpaired surrogates become U+FFFD.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(units) => Some(String::from_utf16_lossy(units)),
            _ => None,
        }
    }

    /// A string constant.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it cannot fail, and the trait's result would say it can")]
    pub fn from_str(text: &str) -> Self {
        Self::Text(text.encode_utf16().collect())
    }

    /// A `byte[]` constant.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let values = bytes.iter().map(|&byte| i64::from(byte.cast_signed())).collect();
        Self::Array(Arc::new(ArrayConstant::Numbers { kind: ElementKind::Byte, values }))
    }

    /// A `char[]` constant.
    #[must_use]
    pub fn from_characters(units: &[u16]) -> Self {
        let values = units.iter().map(|&unit| i64::from(unit)).collect();
        Self::Array(Arc::new(ArrayConstant::Numbers { kind: ElementKind::Char, values }))
    }

    /// The bytes of a `byte[]`.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Array(array) => match array.as_ref() {
                ArrayConstant::Numbers { kind: ElementKind::Byte, values } => {
                    Some(values.iter().map(|&value| value as u8).collect())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Memory it holds, for bounding caches.
    pub(super) fn size_bytes(&self) -> usize {
        // Nested at most `ARRAY_DEPTH_MAX` deep, so this recursion is bounded.
        size_of::<Self>().saturating_add(match self {
            Self::Null | Self::Number(_) | Self::Class(_) => 0,
            Self::Text(units) => units.len().saturating_mul(2),
            Self::Array(array) => match array.as_ref() {
                ArrayConstant::Numbers { values, .. } => values.len().saturating_mul(8),
                ArrayConstant::Objects(items) => {
                    items.iter().fold(0, |sum: usize, item| sum.saturating_add(item.size_bytes()))
                }
            },
        })
    }
}
