//! Access flags of Android 9: two bits of each member of the boot class path say whether apps may use it.
//!
//! Met in class data inside VDEX files of version 019. The first bit is the inversion of the three visibility flags, of
//! which at most one is set otherwise; the second is a flag that has no meaning for the member. Written from
//! `hidden_api_access_flags.h` of that version.

use super::walk::FlagsPlace;

const VISIBILITY: u32 = 0x7;
const NATIVE: u32 = 0x100;
/// The second bit of native methods, and of all other members.
const SECOND_OF_NATIVE: u32 = 0x200;
const SECOND: u32 = 0x20;

/// The flags without the marks.
const fn plain(flags: u32) -> u32 {
    let second = if flags & NATIVE != 0 { SECOND_OF_NATIVE } else { SECOND };
    let flags = flags & !second;
    if (flags & VISIBILITY).count_ones() > 1 { flags ^ VISIBILITY } else { flags }
}

/// Takes the marks out of the access flags, in the bytes they have.
pub(super) fn unmark(bytes: &mut [u8], places: &[FlagsPlace]) {
    for place in places {
        let flags = plain(place.flags);
        if flags == place.flags {
            continue;
        }
        let Some(target) = bytes.get_mut(place.offset..place.offset.saturating_add(place.len)) else { continue };
        // The marks never made the number longer, so taking them out never makes it shorter.
        let last = target.len().saturating_sub(1);
        for (index, byte) in target.iter_mut().enumerate() {
            // At most five bytes.
            let low = (flags >> (7 * index as u32) & 0x7f) as u8;
            *byte = if index < last { low | 0x80 } else { low };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_out_as_the_platform_does_it() {
        // public; public marked once, twice, with both; native public with both; package-private marked once.
        let cases = [(1, 1), (6, 1), (0x21, 1), (0x26, 1), (0x306, 0x101), (7, 0)];
        for (marked, expected) in cases {
            assert_eq!(plain(marked), expected, "{marked:#x}");
        }
    }

    #[test]
    fn flags_keep_their_length() {
        let mut bytes = vec![9, 0x86, 0x06, 9];
        unmark(&mut bytes, &[FlagsPlace { offset: 1, len: 2, flags: 0x306 }]);
        assert_eq!(bytes, [9, 0x81, 0x02, 9]);
    }
}
