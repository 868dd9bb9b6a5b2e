//! The memory of a PPMd model. What finds no place makes the model begin anew, so where things lie is a part of the format.

/// Everything but text is kept in units of so many bytes.
pub(super) const UNIT_LEN: u32 = 12;
/// Sizes of blocks: one to four units, then in steps of two, three and four up to 128.
const SIZES: usize = 38;
/// Longest block, in units.
const BLOCK_UNITS_MAX: u32 = 128;
/// Where the memory starts: nothing stands at zero.
const START: u32 = UNIT_LEN;
/// Units that free blocks together may not reach.
const GLUED_UNITS_MAX: u32 = 0x1_0000;
/// How often a search may fail before free blocks are put together again.
const GLUE_AFTER: u32 = 255;
/// In the first two bytes of a free block, while free blocks are put together. No context has so many symbols, and no symbol
/// of 0xff such a frequency.
const STAMP_FREE: u16 = 0xffff;

/// Blocks of units from the middle up, contexts from the end down, and text from the start.
pub(super) struct Units {
    bytes: Vec<u8>,
    len: u32,
    /// Units by number of size, and the number of the smallest size that has so many units and one.
    units: [u8; SIZES],
    size_for: [u8; BLOCK_UNITS_MAX as usize],
    /// First free block of each size; each leads to the next.
    free: [u32; SIZES],
    glue_in: u32,
    /// End of the text.
    pub(super) text: u32,
    /// Start of the units.
    pub(super) start: u32,
    /// Between them lies what was never used.
    low: u32,
    high: u32,
}

impl Units {
    /// `len` bytes. They are zeros that the system gives when they are touched.
    pub(super) fn new(len: u32) -> Self {
        let (mut units, mut size_for) = ([0; SIZES], [0; BLOCK_UNITS_MAX as usize]);
        let mut count = 0_u8;
        for (size, units) in units.iter_mut().enumerate() {
            let before = usize::from(count);
            // Up to 128 in all.
            count = count.saturating_add(if size >= 12 { 4 } else { (size as u8 >> 2).saturating_add(1) });
            *units = count;
            for place in size_for.iter_mut().take(usize::from(count)).skip(before) {
                *place = size as u8;
            }
        }
        // The model bounds it to 256 MiB; a unit more so that looking behind the last one finds nothing.
        let bytes = vec![0; START.saturating_add(len).saturating_add(UNIT_LEN) as usize];
        let mut memory =
            Self { bytes, len, units, size_for, free: [0; SIZES], glue_in: 0, text: 0, start: 0, low: 0, high: 0 };
        memory.reset();
        memory
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        self.free = [0; SIZES];
        self.glue_in = 0;
        self.text = START;
        self.high = START.saturating_add(self.len);
        self.start = self.high.saturating_sub(self.len / 8 / UNIT_LEN * 7 * UNIT_LEN);
        self.low = self.start;
    }

    pub(super) fn u8(&self, at: u32) -> u8 {
        self.bytes.get(at as usize).copied().unwrap_or(0)
    }

    fn array<const N: usize>(&self, at: u32) -> [u8; N] {
        self.bytes.get(at as usize..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }

    pub(super) fn u16(&self, at: u32) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    pub(super) fn u32(&self, at: u32) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(super) fn put<const N: usize>(&mut self, at: u32, value: [u8; N]) {
        if let Some(target) = self.bytes.get_mut(at as usize..).and_then(<[u8]>::first_chunk_mut) {
            *target = value;
        }
    }

    pub(super) fn copy(&mut self, from: u32, to: u32, len: u32) {
        let (from, to, len) = (from as usize, to as usize, len as usize);
        let end = from.saturating_add(len);
        if end <= self.bytes.len() && to.saturating_add(len) <= self.bytes.len() {
            self.bytes.copy_within(from..end, to);
        }
    }

    /// Adds a byte to the text; whether there was room for it.
    pub(super) fn push_text(&mut self, byte: u8) -> bool {
        self.put(self.text, [byte]);
        self.text = self.text.wrapping_add(1);
        self.text < self.start
    }

    /// The number of the smallest size that has `units`.
    fn size(&self, units: u32) -> usize {
        let place = units.wrapping_sub(1).min(BLOCK_UNITS_MAX - 1);
        self.size_for.get(place as usize).copied().map_or(0, usize::from)
    }

    fn units_of(&self, size: usize) -> u32 {
        self.units.get(size).copied().map_or(1, u32::from)
    }

    fn free_block(&mut self, at: u32, size: usize) {
        if let Some(first) = self.free.get_mut(size) {
            let next = std::mem::replace(first, at);
            self.put(at.wrapping_add(4), next.to_le_bytes());
        }
    }

    /// A free block of this size, if there is one.
    fn reuse(&mut self, size: usize) -> Option<u32> {
        let at = self.free.get(size).copied().filter(|&at| at != 0)?;
        let next = self.u32(at.wrapping_add(4));
        if let Some(first) = self.free.get_mut(size) {
            *first = next;
        }
        Some(at)
    }

    /// Frees `units` that are not the units of any size: as two blocks.
    fn free_units(&mut self, at: u32, units: u32) {
        let mut size = self.size(units);
        if self.units_of(size) != units {
            size = size.saturating_sub(1);
            let first = self.units_of(size);
            // What is left has fewer than five units, of which each number is a size.
            let rest = units.wrapping_sub(first).wrapping_sub(1) as usize;
            self.free_block(at.wrapping_add(first.wrapping_mul(UNIT_LEN)), rest);
        }
        self.free_block(at, size);
    }

    /// Frees what of a block of size `old` a block of size `new` does not use.
    fn split(&mut self, at: u32, old: usize, new: usize) {
        let kept = self.units_of(new);
        let rest = self.units_of(old).wrapping_sub(kept);
        self.free_units(at.wrapping_add(kept.wrapping_mul(UNIT_LEN)), rest);
    }

    /// A block of `units`.
    pub(super) fn block(&mut self, units: u32) -> Option<u32> {
        let size = self.size(units);
        if let Some(at) = self.reuse(size) {
            return Some(at);
        }
        let len = self.units_of(size).wrapping_mul(UNIT_LEN);
        if self.high.wrapping_sub(self.low) >= len {
            let at = self.low;
            self.low = at.wrapping_add(len);
            return Some(at);
        }
        self.search(size)
    }

    /// A unit for a context.
    pub(super) fn context(&mut self) -> Option<u32> {
        if self.high != self.low {
            self.high = self.high.wrapping_sub(UNIT_LEN);
            return Some(self.high);
        }
        self.reuse(0).or_else(|| self.search(0))
    }

    /// A block out of a larger one, or out of the text's room.
    fn search(&mut self, size: usize) -> Option<u32> {
        if self.glue_in == 0 {
            self.glue();
            if let Some(at) = self.reuse(size) {
                return Some(at);
            }
        }
        for larger in size.saturating_add(1)..SIZES {
            if let Some(at) = self.reuse(larger) {
                self.split(at, larger, size);
                return Some(at);
            }
        }
        self.glue_in = self.glue_in.wrapping_sub(1);
        let len = self.units_of(size).wrapping_mul(UNIT_LEN);
        (self.start.wrapping_sub(self.text) > len).then(|| {
            self.start = self.start.wrapping_sub(len);
            self.start
        })
    }

    /// Puts free blocks together that lie side by side.
    fn glue(&mut self) {
        self.glue_in = GLUE_AFTER;
        if self.low != self.high {
            self.put(self.low, [0; 2]);
        }
        let mut blocks = Vec::new();
        for size in 0..SIZES {
            while let Some(at) = self.reuse(size) {
                self.put(at, STAMP_FREE.to_le_bytes());
                // Up to 128.
                self.put(at.wrapping_add(2), (self.units_of(size) as u16).to_le_bytes());
                blocks.push(at);
            }
        }
        // The last one that was found is looked at first.
        for &at in blocks.iter().rev() {
            let mut units = u32::from(self.u16(at.wrapping_add(2)));
            while units > 0 {
                let next = at.wrapping_add(units.wrapping_mul(UNIT_LEN));
                let sum = units.wrapping_add(u32::from(self.u16(next.wrapping_add(2))));
                if self.u16(next) != STAMP_FREE || sum >= GLUED_UNITS_MAX || sum == units {
                    break;
                }
                units = sum;
                // What was put to another one is none of its own.
                self.put(next.wrapping_add(2), [0; 2]);
                self.put(at.wrapping_add(2), (units as u16).to_le_bytes());
            }
        }
        for &block in blocks.iter().rev() {
            let (mut at, mut units) = (block, u32::from(self.u16(block.wrapping_add(2))));
            while units > BLOCK_UNITS_MAX {
                self.free_block(at, SIZES - 1);
                units = units.wrapping_sub(BLOCK_UNITS_MAX);
                at = at.wrapping_add(BLOCK_UNITS_MAX.wrapping_mul(UNIT_LEN));
            }
            if units > 0 {
                self.free_units(at, units);
            }
        }
    }

    /// A block of `old` units with one unit more: the same one if it has room.
    pub(super) fn grown(&mut self, at: u32, old: u32) -> Option<u32> {
        let size = self.size(old);
        if size == self.size(old.wrapping_add(1)) {
            return Some(at);
        }
        let grown = self.block(old.wrapping_add(1))?;
        self.copy(at, grown, old.wrapping_mul(UNIT_LEN));
        self.free_block(at, size);
        Some(grown)
    }

    /// A block of `old` units that needs only `new` of them.
    pub(super) fn shrunk(&mut self, at: u32, old: u32, new: u32) -> u32 {
        let (old_size, new_size) = (self.size(old), self.size(new));
        if old_size == new_size {
            return at;
        }
        if let Some(smaller) = self.reuse(new_size) {
            self.copy(at, smaller, new.wrapping_mul(UNIT_LEN));
            self.free_block(at, old_size);
            return smaller;
        }
        self.split(at, old_size, new_size);
        at
    }

    /// Frees a block of `units`.
    pub(super) fn release(&mut self, at: u32, units: u32) {
        self.free_block(at, self.size(units));
    }
}
