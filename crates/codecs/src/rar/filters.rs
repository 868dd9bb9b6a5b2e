//! Filters: what an archiver does to programs and samples so that they pack better, undone.

/// What was done to a range of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Differences to the byte so many before.
    Delta { channels: usize },
    /// Addresses of x86 calls, and of jumps too; offsets may start again each 16 MiB.
    X86 { jumps: bool, wraps: bool },
    /// Addresses of ARM branches.
    Arm,
    /// Addresses of Itanium branches.
    Itanium,
    /// Differences to what neighbours of a picture let expect. A row has so many bytes; red and blue, from `red` on, are less green.
    Picture { row_len: usize, red: usize },
    /// Differences to what the last samples let expect.
    Sound { channels: usize },
}

/// A filter and the range of the file that it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    pub(super) kind: Kind,
    pub(super) start: u64,
    pub(super) len: u64,
}

impl Filter {
    pub(super) const fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }

    pub(super) const fn has_range_of(&self, other: &Self) -> bool {
        self.start == other.start && self.len == other.len
    }

    /// Undoes the filter on the bytes of its range.
    pub(super) fn undo(&self, bytes: &mut Vec<u8>) {
        match self.kind {
            Kind::Delta { channels } => *bytes = delta(bytes, channels),
            Kind::X86 { jumps, wraps } => x86(bytes, self.start, jumps, wraps),
            Kind::Arm => arm(bytes, self.start),
            Kind::Itanium => itanium(bytes, self.start),
            Kind::Picture { row_len, red } => *bytes = picture(bytes, row_len, red),
            Kind::Sound { channels } => *bytes = sound(bytes, channels),
        }
    }
}

/// The places of each channel, one channel after the other: in that order the packed bytes stand.
fn places(len: usize, channels: usize) -> impl Iterator<Item = impl Iterator<Item = usize>> {
    (0..channels.min(len)).map(move |channel| (channel..len).step_by(channels.max(1)))
}

/// The channels stand one after the other.
fn delta(bytes: &[u8], channels: usize) -> Vec<u8> {
    let mut made = vec![0; bytes.len()];
    let mut differences = bytes.iter();
    for channel in places(bytes.len(), channels) {
        let mut value = 0_u8;
        for (place, difference) in channel.zip(differences.by_ref()) {
            value = value.wrapping_sub(*difference);
            put(&mut made, place, value);
        }
    }
    made
}

fn put(bytes: &mut [u8], place: usize, value: u8) {
    if let Some(target) = bytes.get_mut(place) {
        *target = value;
    }
}

/// Addresses within the first 16 MiB were made absolute.
fn x86(bytes: &mut [u8], file_offset: u64, jumps: bool, wraps: bool) {
    const FILE_LEN: u32 = 0x0100_0000;
    let mut at = 0_usize;
    while let Some((&mut opcode, rest)) = bytes.get_mut(at..).and_then(<[u8]>::split_first_mut) {
        at = at.saturating_add(1);
        let Some(operand) = rest.first_chunk_mut::<4>() else { return };
        if opcode != 0xe8 && !(jumps && opcode == 0xe9) {
            continue;
        }
        // Offsets have 32 bits, or fewer.
        let offset = file_offset.wrapping_add(at as u64) as u32;
        let offset = if wraps { offset % FILE_LEN } else { offset };
        let address = u32::from_le_bytes(*operand);
        let is_negative = |value: u32| value & 0x8000_0000 != 0;
        if is_negative(address) {
            if !is_negative(address.wrapping_add(offset)) {
                *operand = address.wrapping_add(FILE_LEN).to_le_bytes();
            }
        } else if is_negative(address.wrapping_sub(FILE_LEN)) {
            *operand = address.wrapping_sub(offset).to_le_bytes();
        }
        at = at.saturating_add(4);
    }
}

/// Branches with link, whatever the condition says always.
fn arm(bytes: &mut [u8], file_offset: u64) {
    let mut offset = file_offset;
    for [a, b, c, opcode] in bytes.as_chunks_mut::<4>().0 {
        if *opcode == 0xeb {
            // Branches count instructions; only 24 bits are kept.
            let from = (offset / 4) as u32;
            let target = u32::from_le_bytes([*a, *b, *c, 0]).wrapping_sub(from);
            [*a, *b, *c, _] = target.to_le_bytes();
        }
        offset = offset.wrapping_add(4);
    }
}

/// Branches with an address in those of the three instructions of a bundle that its template says may be ones.
fn itanium(bytes: &mut [u8], file_offset: u64) {
    /// For each template from 16 on, which of the instructions are of the unit for branches.
    const BRANCHES: [u8; 16] = [4, 4, 6, 6, 0, 0, 7, 7, 4, 4, 0, 0, 4, 4, 0, 0];
    const ADDRESS: u128 = 0xf_ffff;
    const BUNDLE_LEN: usize = 16;
    // The archiver leaves what is within 21 bytes of the end.
    let count = bytes.len().saturating_sub(21).div_ceil(BUNDLE_LEN);
    let first = (file_offset >> 4) as u32;
    for (from, bundle) in (0_u32..).zip(bytes.as_chunks_mut::<BUNDLE_LEN>().0.iter_mut().take(count)) {
        let [template, ..] = *bundle;
        let branches = (template & 0x1f).checked_sub(16).and_then(|template| BRANCHES.get(usize::from(template)));
        let branches = branches.copied().unwrap_or(0);
        let mut word = u128::from_le_bytes(*bundle);
        for slot in 0..3_u32 {
            // Five bits of template, 41 for each instruction, of which the highest four say what it does.
            let start = slot * 41 + 5;
            if branches >> slot & 1 == 0 || word >> (start + 37) & 15 != 5 {
                continue;
            }
            let place = start + 13;
            let address = (word >> place & ADDRESS) as u32;
            let target = address.wrapping_sub(first.wrapping_add(from));
            word = word & !(ADDRESS << place) | (u128::from(target) & ADDRESS) << place;
        }
        *bundle = word.to_le_bytes();
    }
}

/// Three channels, one after the other; of each byte what is left, above and above left of it lets expect one of them.
fn picture(bytes: &[u8], row_len: usize, red: usize) -> Vec<u8> {
    const CHANNELS: usize = 3;
    let mut made = vec![0; bytes.len()];
    let mut differences = bytes.iter();
    for channel in places(bytes.len(), CHANNELS) {
        let mut left = 0_u8;
        for (place, difference) in channel.zip(differences.by_ref()) {
            let above = |back: usize| made.get(place.checked_sub(row_len)?.checked_sub(back)?).copied();
            let expected = match (above(0), above(CHANNELS)) {
                (Some(above), Some(corner)) => nearest(left, above, corner),
                _ => left,
            };
            left = expected.wrapping_sub(*difference);
            put(&mut made, place, left);
        }
    }
    for pixel in made.get_mut(red..).unwrap_or_default().as_chunks_mut::<CHANNELS>().0 {
        let [red, green, blue] = pixel;
        *red = red.wrapping_add(*green);
        *blue = blue.wrapping_add(*green);
    }
    made
}

/// Which of three bytes is nearest to the first two together less the third (Paeth, as in PNG).
fn nearest(left: u8, above: u8, corner: u8) -> u8 {
    let (left_off, above_off) = (above.abs_diff(corner), left.abs_diff(corner));
    let both = i16::from(left).wrapping_add(i16::from(above)).wrapping_sub(i16::from(corner).wrapping_mul(2));
    let corner_off = both.unsigned_abs();
    if left_off <= above_off && u16::from(left_off) <= corner_off {
        left
    } else if u16::from(above_off) <= corner_off {
        above
    } else {
        corner
    }
}

/// Channels one after the other; each sample is expected from the last one and from how the last three differed, with weights that
/// follow, every 32 samples, the change that would have expected them best.
fn sound(bytes: &[u8], channels: usize) -> Vec<u8> {
    let mut made = vec![0; bytes.len()];
    let mut differences = bytes.iter();
    for channel in places(bytes.len(), channels) {
        let mut expecting = Expecting::default();
        for (number, (place, difference)) in channel.zip(differences.by_ref()).enumerate() {
            let value = expecting.value(*difference);
            put(&mut made, place, value);
            if number % 32 == 0 {
                expecting.adapt();
            }
        }
    }
    made
}

#[derive(Default)]
struct Expecting {
    value: u8,
    /// How the last sample differed from the one before, how that changed, and how that did before.
    changes: [i32; 3],
    last_change: i32,
    weights: [i32; 3],
    /// How far off what was expected would have been, as it was and with each change taken from it and added to it.
    off: [u32; 7],
}

impl Expecting {
    /// The sample that is off by `difference`.
    fn value(&mut self, difference: u8) -> u8 {
        let [first, second, _] = self.changes;
        self.changes = [self.last_change, self.last_change.wrapping_sub(first), second];
        let weighted = self.changes.iter().zip(&self.weights).fold(0_i32, |sum, (change, weight)| {
            // Changes have ten bits and weights five.
            sum.wrapping_add(change.wrapping_mul(*weight))
        });
        let expected = i32::from(self.value).wrapping_mul(8).wrapping_add(weighted) >> 3;
        let value = (expected as u8).wrapping_sub(difference);
        self.last_change = i32::from(value.wrapping_sub(self.value) as i8);
        self.value = value;
        let was_off = i32::from(difference as i8) << 3;
        let [zero, others @ ..] = &mut self.off;
        *zero = zero.wrapping_add(was_off.unsigned_abs());
        for (pair, change) in others.as_chunks_mut::<2>().0.iter_mut().zip(self.changes) {
            let [taken, added] = pair;
            *taken = taken.wrapping_add(was_off.wrapping_sub(change).unsigned_abs());
            *added = added.wrapping_add(was_off.wrapping_add(change).unsigned_abs());
        }
        value
    }

    fn adapt(&mut self) {
        let best = self.off.iter().enumerate().min_by_key(|(_, off)| **off).map_or(0, |(number, _)| number);
        self.off = [0; 7];
        let Some(number) = best.checked_sub(1) else { return };
        if let Some(weight) = self.weights.get_mut(number / 2) {
            match number % 2 {
                0 if *weight >= -16 => *weight = weight.wrapping_sub(1),
                1 if *weight < 16 => *weight = weight.wrapping_add(1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_undo_what_an_archiver_does() {
        // Two channels, 1 2 3 and 10 20 30; what is kept is the negative of each difference.
        let mut bytes = vec![255, 255, 255, 246, 246, 246];
        Filter { kind: Kind::Delta { channels: 2 }, start: 0, len: 6 }.undo(&mut bytes);
        assert_eq!(bytes, [1, 10, 2, 20, 3, 30]);
        // At 0x100 of the file, a call of 0x1000 bytes behind the instruction's operand.
        let mut bytes = vec![0xe8, 0, 0, 0, 0, 0xe9, 1, 2, 3, 4];
        bytes.splice(1..5, 0x1101_u32.to_le_bytes());
        Filter { kind: Kind::X86 { jumps: false, wraps: true }, start: 0x100, len: 10 }.undo(&mut bytes);
        assert_eq!(bytes, [0xe8, 0, 0x10, 0, 0, 0xe9, 1, 2, 3, 4]);
        let mut bytes = vec![0x44, 0, 0, 0xeb, 1, 2];
        Filter { kind: Kind::Arm, start: 0x100, len: 6 }.undo(&mut bytes);
        assert_eq!(bytes, [4, 0, 0, 0xeb, 1, 2]);
    }

    #[test]
    fn a_branch_of_an_itanium_bundle_is_counted_from_its_own() {
        // A bundle of two memory instructions and a branch: operation 5 with an address, in the third slot.
        let branch = |address: u128| (0x10_u128 | 5 << (2 * 41 + 5 + 37) | address << (2 * 41 + 5 + 13)).to_le_bytes();
        let mut bytes = [branch(0x1234), branch(0x1235), [0; 16]].concat();
        Filter { kind: Kind::Itanium, start: 0x200, len: 48 }.undo(&mut bytes);
        assert_eq!(bytes, [branch(0x1214), branch(0x1214), [0; 16]].concat());
    }

    #[test]
    fn the_nearest_neighbour_is_the_one_of_png() {
        // PNG specification, 9.4: left first, then above.
        assert_eq!((nearest(10, 20, 10), nearest(10, 10, 20), nearest(5, 7, 6)), (20, 10, 6));
    }
}
