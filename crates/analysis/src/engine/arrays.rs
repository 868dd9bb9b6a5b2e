//! Arrays of known numbers: the carriers of hidden strings.

use std::sync::Arc;

use code::ElementKind;

use crate::{
    constants::{ArrayConstant, Constant},
    domain::text::ALTERNATIVES_MAX,
};

/// Longest array whose elements are tracked.
const ELEMENTS_MAX: i64 = 65_536;

/// Kind of the elements of a primitive array, by the array's descriptor.
fn element_kind(descriptor: &str) -> Option<ElementKind> {
    match descriptor {
        "[B" => Some(ElementKind::Byte),
        "[C" => Some(ElementKind::Char),
        "[S" => Some(ElementKind::Short),
        "[Z" => Some(ElementKind::Boolean),
        "[I" => Some(ElementKind::Word),
        "[J" => Some(ElementKind::Wide),
        _ => None,
    }
}

/// A new array of zeros.
pub(crate) fn zeros(descriptor: &str, len: i64) -> Option<Constant> {
    let kind = element_kind(descriptor)?;
    if !(0..=ELEMENTS_MAX).contains(&len) {
        return None;
    }
    let values = vec![0; usize::try_from(len).ok()?].into_boxed_slice();
    Some(Constant::Array(Arc::new(ArrayConstant::Numbers { kind, values })))
}

/// The array that `fill-array-data` leaves: little-endian elements of `width_bytes`, over what was there.
pub(crate) fn from_data(descriptor: &str, width_bytes: u8, data: &[u8]) -> Option<Constant> {
    let kind = element_kind(descriptor)?;
    let width = usize::from(width_bytes);
    if !matches!(width, 1 | 2 | 4 | 8) {
        return None;
    }
    let values = data.chunks_exact(width).map(|chunk| {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(chunk);
        let raw = u64::from_le_bytes(bytes);
        match kind {
            ElementKind::Byte => i64::from(raw as i8),
            ElementKind::Char => i64::from(raw as u16),
            ElementKind::Short => i64::from(raw as i16),
            ElementKind::Word => i64::from(raw as i32),
            _ => raw as i64,
        }
    });
    Some(Constant::Array(Arc::new(ArrayConstant::Numbers { kind, values: values.collect() })))
}

/// How many elements it has.
pub(crate) fn len(array: &Constant) -> usize {
    let Constant::Array(array) = array else { return 0 };
    match array.as_ref() {
        ArrayConstant::Numbers { values, .. } => values.len(),
        ArrayConstant::Objects(elements) => elements.len(),
    }
}

/// One element.
pub(crate) fn element(array: &Constant, index: i64) -> Option<i64> {
    let Constant::Array(array) = array else { return None };
    let ArrayConstant::Numbers { values, .. } = array.as_ref() else { return None };
    values.get(usize::try_from(index).ok()?).copied()
}

/// The array with one element changed.
pub(crate) fn with_element(array: &Constant, index: i64, value: i64) -> Option<Constant> {
    let Constant::Array(array) = array else { return None };
    let ArrayConstant::Numbers { kind, values } = array.as_ref() else { return None };
    let mut values = values.clone();
    *values.get_mut(usize::try_from(index).ok()?)? = match kind {
        ElementKind::Byte => i64::from(value as i8),
        ElementKind::Char => i64::from(value as u16),
        ElementKind::Short => i64::from(value as i16),
        _ => value,
    };
    Some(Constant::Array(Arc::new(ArrayConstant::Numbers { kind: *kind, values })))
}

/// What an element of an array of constant objects may be: the one at a known position, else any of them.
pub(crate) fn objects(array: &Constant, index: Option<i64>) -> Vec<Constant> {
    let Constant::Array(array) = array else { return Vec::new() };
    let ArrayConstant::Objects(elements) = array.as_ref() else { return Vec::new() };
    match index {
        Some(index) => usize::try_from(index).ok().and_then(|at| elements.get(at)).cloned().into_iter().collect(),
        None => elements.iter().take(ALTERNATIVES_MAX).cloned().collect(),
    }
}
