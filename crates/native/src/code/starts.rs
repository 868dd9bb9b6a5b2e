//! Where functions begin: symbols, the table for unwinding, and pointers that the platform follows. Written from the Exception Handling
//! ABI for the Arm Architecture (index tables) and the Linux Standard Base, 10.6.2 (`.eh_frame_hdr`).

use std::collections::BTreeSet;

use crate::{
    Elf, Machine,
    elf::Unwind,
    memory::{Memory, little_endian},
};

/// Most functions of one file; the runtime's own library has some ten thousand.
pub(super) const FUNCTIONS_MAX: usize = 1 << 17;
/// Head of the table for unwinding, and the only form of its entries that linkers write: pairs of distances of four bytes.
const FRAME_HEADER_LEN: usize = 12;
const DISTANCES_FROM_TABLE: u8 = 0x3b;

/// First addresses of functions. Of Thumb functions the lowest bit is not set.
pub(super) fn known(memory: &Memory<'_>) -> BTreeSet<u64> {
    let elf = memory.elf;
    let mut starts: BTreeSet<u64> = BTreeSet::new();
    let exported = elf.exports.iter().filter(|symbol| symbol.is_function).map(|symbol| plain(elf, symbol.address));
    starts.extend(exported.filter(|&address| memory.is_code(address)).take(FUNCTIONS_MAX));
    let unwound = match elf.unwind {
        Some((Unwind::ArmIndex, address, len)) => arm_index(memory, address, len),
        Some((Unwind::FrameHeader, address, _)) => frame_header(memory, address),
        None => Vec::new(),
    };
    starts.extend(unwound.into_iter().filter(|&address| memory.is_code(address)));
    // Texts may stand in what is executable, behind the code: a pointer is to a function only between known ones.
    if let (Some(&first), Some(&last)) = (starts.first(), starts.last()) {
        let pointed = memory.relocated().map(|address| plain(elf, address));
        let between = pointed.filter(|address| (first..last).contains(address) && memory.is_code(*address));
        let between: Vec<u64> = between.take(FUNCTIONS_MAX).collect();
        starts.extend(between);
    }
    starts
}

/// The address of the first instruction.
pub(super) fn plain(elf: &Elf, address: u64) -> u64 {
    if elf.machine == Machine::Arm { address & !1 } else { address }
}

/// Pairs of words; the first is the distance to a function in 31 bits.
fn arm_index(memory: &Memory<'_>, address: u64, len: u64) -> Vec<u64> {
    let bytes = memory.bytes_at(address);
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
    let entries = bytes.get(..len).unwrap_or_default().chunks_exact(8).take(FUNCTIONS_MAX);
    let place = |(number, entry): (u64, &[u8])| {
        let word = little_endian(entry.get(..4)?) as u32;
        let distance = i64::from((word << 1).cast_signed() >> 1);
        // At most 2^17 entries of eight bytes.
        Some(address.wrapping_add(number * 8).wrapping_add_signed(distance) & 0xffff_fffe)
    };
    (0..).zip(entries).filter_map(place).collect()
}

fn frame_header(memory: &Memory<'_>, address: u64) -> Vec<u64> {
    let bytes = memory.bytes_at(address);
    let [1, _, 0x03, DISTANCES_FROM_TABLE, ..] = bytes else { return Vec::new() };
    let count = bytes.get(8..FRAME_HEADER_LEN).map_or(0, little_endian);
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(FUNCTIONS_MAX);
    let entries = bytes.get(FRAME_HEADER_LEN..).unwrap_or_default().chunks_exact(8).take(count);
    let place = |entry: &[u8]| {
        let distance = i64::from((little_endian(entry.get(..4)?) as u32).cast_signed());
        Some(address.wrapping_add_signed(distance))
    };
    entries.filter_map(place).collect()
}
