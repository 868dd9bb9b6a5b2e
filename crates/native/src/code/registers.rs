//! What is known of the registers while instructions are read one after the other: enough to see where an address is put together.

/// What a register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Known {
    /// Anything.
    #[default]
    Nothing,
    /// This number.
    Value(u64),
    /// The address of a name, which the linker wrote to this place.
    Linked(u64),
}

/// The registers by number. A number beyond them is a register nothing is known of.
#[derive(Debug, Clone, Default)]
pub(super) struct Registers([Known; 32]);

impl Registers {
    pub(super) fn get(&self, number: u32) -> Known {
        usize::try_from(number).ok().and_then(|at| self.0.get(at)).copied().unwrap_or_default()
    }

    pub(super) fn value(&self, number: u32) -> Option<u64> {
        match self.get(number) {
            Known::Value(value) => Some(value),
            Known::Nothing | Known::Linked(_) => None,
        }
    }

    pub(super) fn set(&mut self, number: u32, known: Known) {
        if let Some(place) = usize::try_from(number).ok().and_then(|at| self.0.get_mut(at)) {
            *place = known;
        }
    }

    pub(super) fn forget(&mut self, number: u32) {
        self.set(number, Known::Nothing);
    }
}

/// `value` of `bits` bits as a signed number.
pub(super) const fn signed(value: u32, bits: u32) -> i64 {
    let unused = 32_u32.saturating_sub(bits);
    ((value << unused).cast_signed() >> unused) as i64
}
