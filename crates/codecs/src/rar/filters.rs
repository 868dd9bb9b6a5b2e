//! Filters: what an archiver does to programs and samples so that they pack better, undone.

/// What was done to a range of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Differences to the byte so many before.
    Delta { channels: usize },
    /// Addresses of x86 calls, and of jumps too.
    X86 { jumps: bool },
    /// Addresses of ARM branches.
    Arm,
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

    /// Undoes the filter on the bytes of its range.
    pub(super) fn undo(&self, bytes: &mut Vec<u8>) {
        match self.kind {
            Kind::Delta { channels } => *bytes = delta(bytes, channels),
            Kind::X86 { jumps } => x86(bytes, self.start, jumps),
            Kind::Arm => arm(bytes, self.start),
        }
    }
}

/// The channels stand one after the other.
fn delta(bytes: &[u8], channels: usize) -> Vec<u8> {
    let mut made = vec![0; bytes.len()];
    let mut differences = bytes.iter();
    for channel in 0..channels {
        let mut value = 0_u8;
        for target in made.iter_mut().skip(channel).step_by(channels.max(1)) {
            value = value.wrapping_sub(differences.next().copied().unwrap_or(0));
            *target = value;
        }
    }
    made
}

/// Addresses within the first 16 MiB were made absolute.
fn x86(bytes: &mut [u8], file_offset: u64, jumps: bool) {
    const FILE_LEN: u32 = 0x0100_0000;
    let mut at = 0_usize;
    while let Some((&mut opcode, rest)) = bytes.get_mut(at..).and_then(<[u8]>::split_first_mut) {
        at = at.saturating_add(1);
        let Some(operand) = rest.first_chunk_mut::<4>() else { return };
        if opcode != 0xe8 && !(jumps && opcode == 0xe9) {
            continue;
        }
        // The remainder fits.
        let offset = (file_offset.wrapping_add(at as u64) % u64::from(FILE_LEN)) as u32;
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
        Filter { kind: Kind::X86 { jumps: false }, start: 0x100, len: 10 }.undo(&mut bytes);
        assert_eq!(bytes, [0xe8, 0, 0x10, 0, 0, 0xe9, 1, 2, 3, 4]);
        let mut bytes = vec![0x44, 0, 0, 0xeb, 1, 2];
        Filter { kind: Kind::Arm, start: 0x100, len: 6 }.undo(&mut bytes);
        assert_eq!(bytes, [4, 0, 0, 0xeb, 1, 2]);
    }
}
