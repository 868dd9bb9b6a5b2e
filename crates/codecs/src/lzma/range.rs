//! The range decoder of LZMA: bits whose probabilities adapt, out of packed bytes in memory. Written from the LZMA
//! specification of the LZMA SDK (`lzma-specification.txt`).

#![allow(
    clippy::indexing_slicing,
    reason = "every index is masked by the length of its table, a power of two: the innermost loop of all, without a check"
)]

/// Below this the range takes another byte.
const RANGE_MIN: u32 = 1 << 24;
/// Bits of a probability.
const PROBABILITY_BITS: u32 = 11;
/// How slowly a probability follows what was seen.
const ADAPTATION_SHIFT: u32 = 5;
/// The probability that nothing is known of.
pub(super) const EVEN: u16 = 1 << (PROBABILITY_BITS - 1);
/// What makes one step of adaptation towards one into a step towards zero: see `tree_bit`.
const TOWARDS_ZERO: u32 = ((1 << ADAPTATION_SHIFT) - 1_u32).wrapping_sub(1 << PROBABILITY_BITS);

/// Where the range decoder stands between two calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Coder {
    pub(super) range: u32,
    pub(super) code: u32,
}

impl Coder {
    /// Bytes that a stream begins with: a zero, and the first code.
    pub(super) const HEAD_LEN: usize = 5;

    /// Starts with the head of a stream.
    pub(super) fn new(head: [u8; Self::HEAD_LEN]) -> Option<Self> {
        let [zero, code @ ..] = head;
        (zero == 0).then(|| Self { range: u32::MAX, code: u32::from_be_bytes(code) })
    }
}

/// A range decoder over packed bytes. Behind their end it reads zeros and goes on counting, so the caller sees afterwards
/// that there were too few. All arithmetic wraps: a damaged stream means nothing and ends soon.
pub(super) struct Range<'a> {
    packed: &'a [u8],
    /// The next byte to take.
    pub(super) next: usize,
    pub(super) coder: Coder,
}

impl<'a> Range<'a> {
    pub(super) const fn new(packed: &'a [u8], next: usize, coder: Coder) -> Self {
        Self { packed, next, coder }
    }

    /// Takes a byte if the range has become small. Done before each bit and not after it: so does every decoder, and
    /// where a stream ends depends on it.
    #[inline(always)]
    pub(super) fn normalize(&mut self) {
        if self.coder.range < RANGE_MIN {
            let byte = self.packed.get(self.next).copied().unwrap_or(0);
            self.next = self.next.wrapping_add(1);
            self.coder.range <<= 8;
            self.coder.code = self.coder.code << 8 | u32::from(byte);
        }
    }

    /// A bit that decides what comes next.
    #[inline(always)]
    pub(super) fn bit(&mut self, probability: &mut u16) -> bool {
        self.normalize();
        let old = *probability;
        let bound = (self.coder.range >> PROBABILITY_BITS).wrapping_mul(u32::from(old));
        if self.coder.code < bound {
            self.coder.range = bound;
            *probability = old.wrapping_add((1_u16 << PROBABILITY_BITS).wrapping_sub(old) >> ADAPTATION_SHIFT);
            false
        } else {
            self.coder.range = self.coder.range.wrapping_sub(bound);
            self.coder.code = self.coder.code.wrapping_sub(bound);
            *probability = old.wrapping_sub(old >> ADAPTATION_SHIFT);
            true
        }
    }

    /// A bit of a number, by its probability; with the probability that is true from now on. Nobody can foresee it, the
    /// processor neither: so nothing branches on it.
    #[inline(always)]
    pub(super) fn tree_bit(&mut self, probability: u16) -> (bool, u16) {
        self.normalize();
        let old = u32::from(probability);
        let bound = (self.coder.range >> PROBABILITY_BITS).wrapping_mul(old);
        let (rest, is_zero) = self.coder.code.overflowing_sub(bound);
        let range = self.coder.range.wrapping_sub(bound);
        self.coder.range = if is_zero { bound } else { range };
        self.coder.code = if is_zero { self.coder.code } else { rest };
        // The low bits are those of both ways to adapt: the other bits leave with the cast.
        let step = if is_zero { old.wrapping_add(TOWARDS_ZERO) } else { old };
        (!is_zero, old.wrapping_sub(step >> ADAPTATION_SHIFT) as u16)
    }

    /// A number of as many bits as `probabilities` has for, the highest first. Both probabilities that may be next are
    /// read before it is known which one is.
    #[inline(always)]
    pub(super) fn tree<const LEN: usize>(&mut self, probabilities: &mut [u16; LEN]) -> usize {
        let mut symbol = 1;
        let mut probability = probabilities[1 & (LEN - 1)];
        for _ in 1..LEN.ilog2() {
            let below = symbol << 1;
            let (zero, one) = (probabilities[below & (LEN - 1)], probabilities[(below | 1) & (LEN - 1)]);
            let (bit, adapted) = self.tree_bit(probability);
            probabilities[symbol & (LEN - 1)] = adapted;
            probability = if bit { one } else { zero };
            symbol = below | usize::from(bit);
        }
        let (bit, adapted) = self.tree_bit(probability);
        probabilities[symbol & (LEN - 1)] = adapted;
        (symbol << 1 | usize::from(bit)) & (LEN - 1)
    }

    /// A number of `bits` bits, the lowest first, whose probabilities stand from `start` on.
    #[inline(always)]
    pub(super) fn reverse_tree<const LEN: usize>(
        &mut self,
        probabilities: &mut [u16; LEN],
        start: usize,
        bits: u32,
    ) -> u32 {
        let (mut symbol, mut number) = (1, 0);
        for place in 0..bits {
            let probability = &mut probabilities[start.wrapping_add(symbol) & (LEN - 1)];
            let (bit, adapted) = self.tree_bit(*probability);
            *probability = adapted;
            symbol = symbol << 1 | usize::from(bit);
            number |= u32::from(bit) << place;
        }
        number
    }

    /// A number of `bits` bits, all of them as likely as not.
    #[inline(always)]
    pub(super) fn direct(&mut self, bits: u32) -> u32 {
        let mut number = 0;
        for _ in 0..bits {
            self.normalize();
            self.coder.range >>= 1;
            let rest = self.coder.code.wrapping_sub(self.coder.range);
            // All ones if the bit is zero.
            let mask = 0_u32.wrapping_sub(rest >> 31);
            self.coder.code = rest.wrapping_add(self.coder.range & mask);
            number = number << 1 | (mask.wrapping_add(1));
        }
        number
    }
}
