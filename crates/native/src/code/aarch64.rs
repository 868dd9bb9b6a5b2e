//! Branches and addresses in AArch64 code. Written from the Arm Architecture Reference Manual for A-profile, C4 and C6.

use super::{
    Event,
    registers::{Known, Registers, signed},
    sweep::{Step, load},
};
use crate::memory::Memory;

/// Registers that a call may change: x0 to x18 and the link register.
const CHANGED_BY_CALLS: std::ops::RangeInclusive<u32> = 0..=18;
const LINK: u32 = 30;

/// Reads one instruction; how long it is.
pub(super) fn step(
    memory: &Memory<'_>,
    pc: u64,
    registers: &mut Registers,
    tell: &mut dyn FnMut(Event),
) -> Option<Step> {
    let word = u32::from_le_bytes(*memory.bytes_at(pc).first_chunk()?);
    let (destination, base) = (word & 31, word >> 5 & 31);
    let relative = |offset: i64| pc.wrapping_add_signed(offset);
    let mut ends = false;
    if word >> 26 & 0x1f == 0b00101 {
        let is_call = word >> 31 == 1;
        tell(Event::Branch { target: relative(signed(word, 26) * 4), is_thumb: false, is_call });
        if is_call {
            CHANGED_BY_CALLS.chain([LINK]).for_each(|register| registers.forget(register));
        }
        ends = !is_call;
    } else if word & 0x1f00_0000 == 0x1000_0000 {
        let offset = signed((word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3, 21);
        // The offset has 21 bits, of pages of 4 KiB or of bytes.
        let is_page = word >> 31 == 1;
        let value = if is_page { (pc & !0xfff).wrapping_add_signed(offset << 12) } else { relative(offset) };
        registers.set(destination, Known::Value(value));
        if !is_page {
            tell(Event::Address(value));
        }
    } else if word & 0xff80_0000 == 0x9100_0000 {
        let immediate = u64::from(word >> 10 & 0xfff) << (if word >> 22 & 1 == 1 { 12 } else { 0 });
        let sum = registers.value(base).map(|value| value.wrapping_add(immediate));
        if destination == base {
            registers.value(base).into_iter().for_each(|value| tell(Event::Instead(value)));
        }
        sum.into_iter().for_each(|sum| tell(Event::Address(sum)));
        registers.set(destination, sum.map_or(Known::Nothing, Known::Value));
    } else if word & 0xffc0_0000 == 0xf940_0000 {
        let address = registers.value(base).map(|value| value.wrapping_add(u64::from(word >> 10 & 0xfff) * 8));
        registers.set(destination, load(memory, address, tell));
    } else if word & 0xff00_0000 == 0x5800_0000 {
        registers.set(destination, load(memory, Some(relative(signed(word >> 5 & 0x7_ffff, 19) * 4)), tell));
    } else if word & 0xff9f_fc1f == 0xd61f_0000 {
        let is_call = word >> 21 & 1 == 1;
        match registers.get(base) {
            Known::Value(target) => tell(Event::Branch { target, is_thumb: false, is_call }),
            Known::Linked(slot) => tell(Event::Slot { address: slot, is_call: true }),
            Known::Nothing => {}
        }
        if is_call {
            CHANGED_BY_CALLS.chain([LINK]).for_each(|register| registers.forget(register));
        }
        ends = !is_call;
    } else if word & 0xffe0_ffe0 == 0xaa00_03e0 {
        registers.set(destination, registers.get(word >> 16 & 31));
    } else if word & 0x7f80_0000 == 0x5280_0000 {
        registers.set(destination, Known::Value(u64::from(word >> 5 & 0xffff) << (16 * (word >> 21 & 3))));
    } else if word & 0x7f80_0000 == 0x7280_0000 {
        let shift = 16 * (word >> 21 & 3);
        let put = |value: u64| value & !(0xffff << shift) | u64::from(word >> 5 & 0xffff) << shift;
        registers
            .set(destination, registers.value(destination).map_or(Known::Nothing, |value| Known::Value(put(value))));
    } else if !is_branch_or_store(word) {
        registers.forget(destination);
    } else {
        store(word, registers, tell);
    }
    Some(Step { len: 4, ends })
}

/// A store of one or two registers at a distance from the stack pointer or the frame pointer.
fn store(word: u32, registers: &Registers, tell: &mut dyn FnMut(Event)) {
    const FRAME: u32 = 29;
    const STACK_OR_ZERO: u32 = 31;
    let base = word >> 5 & 31;
    if base != FRAME && base != STACK_OR_ZERO {
        return;
    }
    let size = word >> 30;
    let held = |register: u32| if register == STACK_OR_ZERO { Some(0) } else { registers.value(register) };
    let mut put = |register: u32, distance: i64, len: u8| {
        let value = held(register);
        value.into_iter().for_each(|value| tell(Event::Store { base: base as u8, distance, value, len }));
    };
    if word & 0x3fc0_0000 == 0x3900_0000 {
        put(word & 31, i64::from((word >> 10 & 0xfff) << size), 1 << size);
    } else if word & 0x3fe0_0c00 == 0x3800_0000 {
        put(word & 31, signed(word >> 12 & 0x1ff, 9), 1 << size);
    } else if word & 0x7fc0_0000 == 0x2900_0000 {
        let len = 4 << (word >> 31);
        let distance = signed(word >> 15 & 0x7f, 7) * i64::from(len);
        put(word & 31, distance, len);
        put(word >> 10 & 31, distance.wrapping_add(len.into()), len);
    }
}

/// Whether an instruction writes no register by its lowest bits.
const fn is_branch_or_store(word: u32) -> bool {
    word & 0x1c00_0000 == 0x1400_0000 || word & 0x0a40_0000 == 0x0800_0000
}
