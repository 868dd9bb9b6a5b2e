//! Offsets of the fields that a class adds to its superclass.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::shape::Field;
use crate::program::Quickener;

/// Class and lock of every object. In the later virtual machine they are fields of the root class.
pub(super) const OBJECT_BYTES: u32 = 8;
/// A reference, and an alignment.
const WORD: u32 = 4;

/// Bytes of a value of a type; references have four.
fn size(ty: &str) -> u32 {
    match ty {
        "J" | "D" => 8,
        "S" | "C" => 2,
        "Z" | "B" => 1,
        _ => 4,
    }
}

fn is_reference(ty: &str) -> bool {
    ty.starts_with(['L', '['])
}

fn is_wide(ty: &str) -> bool {
    size(ty) == 8
}

/// The order of primitive types in the virtual machine.
fn rank(ty: &str) -> usize {
    "ZBCSIJFD".find(ty).unwrap_or(usize::MAX)
}

/// Lays out fields (name, type), which are in the order of the file, from `start` on. Also the end.
pub(super) fn lay_out(fields: Vec<(String, String)>, start: u32, quickener: Quickener) -> (Vec<Field>, u32) {
    match quickener {
        Quickener::Dalvik => dalvik(fields, start),
        Quickener::ArtWords => art_words(fields, start),
        Quickener::ArtPacked => art_packed(fields, start),
    }
}

/// Dalvik: references to the front by exchanging, then wide ones, with one narrow one in front where that aligns them.
fn dalvik(mut fields: Vec<(String, String)>, start: u32) -> (Vec<Field>, u32) {
    let ty = |fields: &[(String, String)], at: usize| fields.get(at).map_or("", |(_, ty)| ty).to_owned();
    let count = fields.len();
    let mut offset = start;
    let mut out = Vec::with_capacity(count);
    let mut place = |fields: &[(String, String)], at: usize, offset: &mut u32, bytes: u32| {
        if let Some((name, ty)) = fields.get(at) {
            out.push(Field { name: name.clone(), ty: ty.clone(), offset: *offset });
        }
        *offset = offset.saturating_add(bytes);
    };
    let mut at = 0;
    let mut last = count;
    while at < count {
        if !is_reference(&ty(&fields, at)) {
            let found = (at.saturating_add(1)..last).rev().find(|&other| is_reference(&ty(&fields, other)));
            let Some(other) = found else { break };
            fields.swap(at, other);
            last = other;
        }
        place(&fields, at, &mut offset, WORD);
        at += 1;
    }
    if at < count && !offset.is_multiple_of(8) {
        if is_wide(&ty(&fields, at)) {
            match (at.saturating_add(1)..count).rev().find(|&other| !is_wide(&ty(&fields, other))) {
                Some(other) => {
                    fields.swap(at, other);
                    place(&fields, at, &mut offset, WORD);
                    at += 1;
                }
                None => offset = offset.saturating_add(WORD),
            }
        } else {
            place(&fields, at, &mut offset, WORD);
            at += 1;
        }
    }
    let mut last = count;
    while at < count {
        if !is_wide(&ty(&fields, at))
            && let Some(other) = (at.saturating_add(1)..last).rev().find(|&other| is_wide(&ty(&fields, other)))
        {
            fields.swap(at, other);
            last = other;
        }
        let bytes = if is_wide(&ty(&fields, at)) { 8 } else { WORD };
        place(&fields, at, &mut offset, bytes);
        at += 1;
    }
    (out, offset)
}

/// References, then by falling size; of equal size by kind; of equal kind in the order of the file.
fn sort(fields: &mut [(String, String)]) {
    fields.sort_by_key(|(_, ty)| (!is_reference(ty), Reverse(size(ty)), if is_reference(ty) { 0 } else { rank(ty) }));
}

/// Android 4.4 to 5.1: every narrow field takes a word.
fn art_words(mut fields: Vec<(String, String)>, start: u32) -> (Vec<Field>, u32) {
    sort(&mut fields);
    let mut offset = start;
    let mut out = Vec::with_capacity(fields.len());
    let references = fields.iter().take_while(|(_, ty)| is_reference(ty)).count();
    let mut rest = fields.split_off(references);
    let mut push = |(name, ty): (String, String), offset: u32| out.push(Field { name, ty, offset });
    for field in fields {
        push(field, offset);
        offset = offset.saturating_add(WORD);
    }
    if !rest.is_empty() && !offset.is_multiple_of(8) {
        if let Some(narrow) = rest.iter().position(|(_, ty)| !is_wide(ty)) {
            push(rest.remove(narrow), offset);
        }
        offset = offset.saturating_add(WORD);
    }
    for field in rest {
        let bytes = if is_wide(&field.1) { 8 } else { WORD };
        push(field, offset);
        offset = offset.saturating_add(bytes);
    }
    (out, offset)
}

/// Android 6: fields take what they need, and fill gaps that alignment left.
fn art_packed(mut fields: Vec<(String, String)>, start: u32) -> (Vec<Field>, u32) {
    sort(&mut fields);
    let mut offset = start;
    let mut gaps = Gaps::default();
    let mut out = Vec::with_capacity(fields.len());
    for (name, ty) in fields {
        let bytes = size(&ty);
        let aligned = offset.next_multiple_of(bytes);
        gaps.add(offset, aligned);
        offset = aligned;
        let place = if is_reference(&ty) { None } else { gaps.take(bytes) };
        let place = place.unwrap_or_else(|| {
            let place = offset;
            offset = offset.saturating_add(bytes);
            place
        });
        out.push(Field { name, ty, offset: place });
    }
    (out, offset)
}

/// Unused bytes between fields: smallest first, of equal ones the last.
#[derive(Default)]
struct Gaps {
    heap: BinaryHeap<(Reverse<u32>, u32)>,
}

impl Gaps {
    /// Splits the bytes between into aligned gaps of four, two and one.
    fn add(&mut self, start: u32, end: u32) {
        let mut at = start;
        while at < end {
            let left = end.saturating_sub(at);
            let bytes = if left >= 4 && at.is_multiple_of(4) {
                4
            } else if left >= 2 && at.is_multiple_of(2) {
                2
            } else {
                1
            };
            self.heap.push((Reverse(bytes), at));
            at = at.saturating_add(bytes);
        }
    }

    /// The place of `bytes` bytes in the first gap, if they fit there: the others are not looked at.
    fn take(&mut self, bytes: u32) -> Option<u32> {
        let &(Reverse(size), start) = self.heap.peek()?;
        if size < bytes {
            return None;
        }
        self.heap.pop();
        self.add(start.saturating_add(bytes), start.saturating_add(size));
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(types: &[&str], start: u32, quickener: Quickener) -> Vec<(String, u32)> {
        let fields = types.iter().enumerate().map(|(index, ty)| (format!("f{index}"), (*ty).to_owned())).collect();
        lay_out(fields, start, quickener).0.into_iter().map(|field| (field.name, field.offset)).collect()
    }

    fn expect(types: &[&str], start: u32, quickener: Quickener, expected: &[(usize, u32)]) {
        let expected: Vec<_> = expected.iter().map(|(index, offset)| (format!("f{index}"), *offset)).collect();
        assert_eq!(offsets(types, start, quickener), expected, "{types:?}");
    }

    #[test]
    fn dalvik_exchanges_fields_from_the_back() {
        // The last reference comes to the place of the first number.
        expect(&["I", "LA;", "J", "LB;"], 8, Quickener::Dalvik, &[(3, 8), (1, 12), (2, 16), (0, 24)]);
        // A narrow one aligns the wide ones; without one there is a gap.
        expect(&["J", "I", "LA;"], 8, Quickener::Dalvik, &[(2, 8), (1, 12), (0, 16)]);
        expect(&["J", "LA;"], 8, Quickener::Dalvik, &[(1, 8), (0, 16)]);
    }

    #[test]
    fn android_5_sorts_and_gives_every_narrow_field_a_word() {
        expect(&["Z", "I", "LA;", "J", "B"], 8, Quickener::ArtWords, &[(2, 8), (1, 12), (3, 16), (0, 24), (4, 28)]);
    }

    #[test]
    fn android_6_packs() {
        let packed = Quickener::ArtPacked;
        expect(&["Z", "I", "LA;", "J", "B", "S"], 8, packed, &[(2, 8), (3, 16), (1, 12), (5, 24), (0, 26), (4, 27)]);
        // A superclass may end anywhere.
        expect(&["LA;", "Z"], 13, packed, &[(0, 16), (1, 13)]);
    }
}
