//! Undoes what the platform's compiler did to a DEX file: instructions that name a number get their field or method back.
//!
//! Met in every DEX file inside an OAT or VDEX file or an optimised Dalvik file. The compiler leaves the checksum and the
//! SHA-1 of the file it was given in the header, so a file that is restored wholly proves it. Written from
//! `dex_to_dex_compiler.cc` and `dex_to_dex_decompiler.cc` of Android 5.0 to 11.

mod dalvik;
mod hidden_api;
mod patch;
mod walk;

use sha1::{Digest, Sha1};

use crate::{
    Fidelity,
    dex::{self, Header, fuel::Fuel},
    program::Special,
};
pub(crate) use dalvik::EXPLAINED_BESIDE;
pub(crate) use patch::Count;
pub(crate) use walk::MethodPlace;

/// What a compiler kept about one method.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept<'a> {
    /// Nothing.
    Nothing,
    /// Pairs of LEB128 numbers: address of an instruction, index of what it named. The end may be unknown: then bytes
    /// follow that are no pairs.
    Pairs(&'a [u8]),
    /// An index of two bytes for each instruction that might have been rewritten, in order.
    Indices(&'a [u8]),
}

/// Where a container keeps what its compiler remembered.
pub(crate) trait Quickening {
    /// What is kept about the method. Asked for each method with code, in the order of the file, also for methods that
    /// share code.
    fn kept(&mut self, place: MethodPlace) -> Kept<'_>;
}

/// A container that keeps nothing.
pub(crate) struct NothingKept;

impl Quickening for NothingKept {
    fn kept(&mut self, _: MethodPlace) -> Kept<'_> {
        Kept::Nothing
    }
}

/// Restores the file in `bytes` whose header is `header`. `marked`: whether access flags may carry the marks that
/// Android 9 hides in them.
pub(crate) fn restore(bytes: &mut [u8], header: &Header, marked: bool, kept: &mut dyn Quickening) -> Fidelity {
    let mut fuel = Fuel::for_file(bytes.len() as u64);
    let (places, flags) = walk::walk(bytes, header, marked, &mut fuel);
    if marked {
        hidden_api::unmark(bytes, &flags);
    }
    let mut count = Count::default();
    each_code(bytes, header, &places, &mut fuel, |code, _, place, is_first| {
        let kept = kept.kept(place);
        if is_first {
            count.add(patch::method(code, kept));
        }
    });
    fidelity(bytes, header, count, false)
}

/// Restores the file as far as its instructions say themselves what they were; also what is kept beside of others.
pub(crate) fn restore_dalvik(bytes: &mut [u8], header: &Header) -> (Fidelity, Vec<Special>) {
    let mut fuel = Fuel::for_file(bytes.len() as u64);
    let (places, _) = walk::walk(bytes, header, false, &mut fuel);
    let (mut count, mut special) = (Count::default(), Vec::new());
    walk::unmark_classes(bytes, header);
    let kinds = dalvik::field_kinds(bytes, header);
    each_code(bytes, header, &places, &mut fuel, |code, start, _, is_first| {
        if is_first {
            count.add(dalvik::method(code, start, &kinds, &mut special));
        }
    });
    special.sort_by_key(|special| special.place);
    special.dedup_by_key(|special| special.place);
    (fidelity(bytes, header, count, true), special)
}

/// Instructions in `code` that name a number.
pub(crate) fn count(code: &[u8]) -> Count {
    patch::count(code)
}

/// The same, of a whole file.
pub(crate) fn recount(bytes: &[u8], header: &Header) -> u32 {
    let mut fuel = Fuel::for_file(bytes.len() as u64);
    let (places, _) = walk::walk(bytes, header, false, &mut fuel);
    let mut total = Count::default();
    let mut copy = bytes.to_vec();
    each_code(&mut copy, header, &places, &mut fuel, |code, _, _, is_first| {
        if is_first {
            total.add(patch::count(code));
        }
    });
    total.unknown
}

/// Calls `each` with the instructions of every method, where they start, and whether it is the first method that has them.
fn each_code(
    bytes: &mut [u8],
    header: &Header,
    places: &[MethodPlace],
    fuel: &mut Fuel,
    mut each: impl FnMut(&mut [u8], u32, MethodPlace, bool),
) {
    let mut seen = rustc_hash::FxHashSet::default();
    for &place in places {
        let is_first = seen.insert(place.code);
        let Ok((sizes, cursor)) = dex::code_item::sizes(bytes, place.code.into(), header.compact) else { continue };
        let units = u64::from(sizes.units).min(cursor.rest().len() as u64 / 2);
        let start = cursor.offset();
        let cost = if is_first { units.saturating_mul(2) } else { 1 };
        if fuel.spend(cost, "code_item", start).is_err() {
            break;
        }
        // Both within the bytes, which are in memory, and whose offsets have 32 bits.
        let (start, len) = (start as usize, units as usize * 2);
        if let Some(code) = bytes.get_mut(start..start.saturating_add(len)) {
            each(code, start as u32, place, is_first);
        }
    }
}

/// What is known of the file after all that could be done. Dalvik wrote a new checksum (`summed_anew`).
pub(crate) fn fidelity(bytes: &[u8], header: &Header, count: Count, summed_anew: bool) -> Fidelity {
    if count.unknown == 0 && !header.compact && holds(bytes, header, summed_anew) {
        Fidelity::ByteIdentical
    } else if count.restored > 0 || count.unknown == 0 {
        Fidelity::Restored { restored: count.restored, unknown: count.unknown }
    } else {
        Fidelity::AsFound { unknown: count.unknown }
    }
}

/// Whether the checksum and the SHA-1 of the header hold.
fn holds(bytes: &[u8], header: &Header, summed_anew: bool) -> bool {
    const AFTER_CHECKSUM: usize = 12;
    const AFTER_SIGNATURE: usize = 32;
    let start = header.at as usize;
    let Some(file) = bytes.get(start..start.saturating_add(header.file_size as usize)) else { return false };
    let (Some(summed), Some(signed)) = (file.get(AFTER_CHECKSUM..), file.get(AFTER_SIGNATURE..)) else { return false };
    (summed_anew || dex::adler32(summed) == header.checksum)
        && <[u8; 20]>::from(Sha1::digest(signed)) == header.signature
}
