//! Branches and addresses in 32-bit ARM code. Written from the Arm Architecture Reference Manual for ARMv7-A, A5 and A8.

use super::{
    Event,
    registers::{Known, Registers, signed},
    sweep::{Step, branch_to, called, load, word_at},
};
use crate::memory::Memory;

pub(super) const PC: u32 = 15;
const ALWAYS: u32 = 0xe;

/// Reads one instruction; how long it is.
pub(super) fn step(
    memory: &Memory<'_>,
    pc: u64,
    registers: &mut Registers,
    tell: &mut dyn FnMut(Event),
) -> Option<Step> {
    let word = u32::from_le_bytes(*memory.bytes_at(pc).first_chunk()?);
    let (condition, first, destination, second) = (word >> 28, word >> 16 & 15, word >> 12 & 15, word & 15);
    registers.set(PC, Known::Value(pc.wrapping_add(8)));
    let next = |offset: i64| pc.wrapping_add(8).wrapping_add_signed(offset);
    let is_down = word >> 23 & 1 == 0;
    let put = |registers: &mut Registers, known: Known, tell: &mut dyn FnMut(Event)| {
        if destination == PC { branch_to(known, false, tell) } else { registers.set(destination, known) }
    };
    if condition == 0xf {
        if word >> 25 & 7 == 5 {
            let target = next(signed(word, 24) * 4 + i64::from(word >> 24 & 1) * 2);
            tell(Event::Branch { target, is_thumb: true, is_call: true });
            called(registers);
        }
        return Some(Step { len: 4, ends: false });
    }
    if word >> 25 & 7 == 5 {
        let is_call = word >> 24 & 1 == 1;
        tell(Event::Branch { target: next(signed(word, 24) * 4), is_thumb: false, is_call });
        if is_call {
            called(registers);
        }
        return Some(Step { len: 4, ends: !is_call && condition == ALWAYS });
    }
    match word {
        // BX, BLX of a register.
        _ if word & 0x0fff_ffd0 == 0x012f_ff10 => {
            let is_call = word >> 5 & 1 == 1;
            branch_to(registers.get(second), is_call, tell);
            if is_call {
                called(registers);
            }
            return Some(Step { len: 4, ends: !is_call && condition == ALWAYS });
        }
        // LDR of a number beside the code.
        _ if word & 0x0f7f_0000 == 0x051f_0000 => {
            let offset = i64::from(word & 0xfff);
            let known = word_at(memory, next(if is_down { -offset } else { offset }));
            put(registers, known, tell);
        }
        // LDR with an offset, or with an offset in a register.
        _ if word & 0x0f50_0000 == 0x0510_0000 || word & 0x0f50_0ff0 == 0x0710_0000 => {
            let offset = match word >> 25 & 1 {
                0 => Some(u64::from(word & 0xfff)),
                _ => registers.value(second),
            };
            let address = registers.value(first).zip(offset).map(|(base, offset)| {
                let sum = if is_down { base.wrapping_sub(offset) } else { base.wrapping_add(offset) };
                sum & 0xffff_ffff
            });
            let known = load(memory, address, tell);
            put(registers, known, tell);
        }
        _ => {
            store(word, registers, tell);
            arithmetic(word, registers, tell);
        }
    }
    let ends = destination == PC && condition == ALWAYS && word & 0x0c10_0000 == 0x0410_0000;
    Some(Step { len: 4, ends })
}

/// A store of one register at a distance from the stack pointer or a frame pointer.
fn store(word: u32, registers: &Registers, tell: &mut dyn FnMut(Event)) {
    const BASES: [u32; 3] = [7, 11, 13];
    let (base, source) = (word >> 16 & 15, word >> 12 & 15);
    let (len, distance) = if word & 0x0f30_0000 == 0x0500_0000 {
        (if word >> 22 & 1 == 1 { 1 } else { 4 }, word & 0xfff)
    } else if word & 0x0f70_00f0 == 0x0140_00b0 {
        (2, word >> 4 & 0xf0 | word & 15)
    } else {
        return;
    };
    let distance = if word >> 23 & 1 == 0 { -i64::from(distance) } else { distance.into() };
    let value = registers.value(source).filter(|_| BASES.contains(&base));
    value.into_iter().for_each(|value| tell(Event::Store { base: base as u8, distance, value, len }));
}

/// Sums, moves, and everything that changes registers in a way that is not followed.
fn arithmetic(word: u32, registers: &mut Registers, tell: &mut dyn FnMut(Event)) {
    let (first, destination, second) = (word >> 16 & 15, word >> 12 & 15, word & 15);
    let immediate = u64::from((word & 0xff).rotate_right(2 * (word >> 8 & 15)));
    let sum = |left: Option<u64>, right: Option<u64>| {
        left.zip(right).map(|(left, right)| left.wrapping_add(right) & 0xffff_ffff)
    };
    let known = if word & 0x0fe0_0ff0 == 0x0080_0000 {
        sum(registers.value(first), registers.value(second))
    } else if word & 0x0fe0_0000 == 0x0280_0000 {
        sum(registers.value(first), Some(immediate))
    } else if word & 0x0fe0_0000 == 0x0240_0000 {
        sum(registers.value(first), Some(immediate.wrapping_neg()))
    } else if word & 0x0fef_0ff0 == 0x01a0_0000 {
        registers.set(destination, registers.get(second));
        return;
    } else if word & 0x0fef_0000 == 0x03a0_0000 {
        registers.set(destination, Known::Value(immediate));
        return;
    } else if word & 0x0ff0_0000 == 0x0300_0000 {
        registers.set(destination, Known::Value(u64::from(first << 12 | word & 0xfff)));
        return;
    } else if word & 0x0ff0_0000 == 0x0340_0000 {
        let high = u64::from(first << 12 | word & 0xfff) << 16;
        registers.value(destination).map(|low| high | low & 0xffff)
    } else {
        let is_store = word & 0x0c10_0000 == 0x0400_0000 || word & 0x0e10_0000 == 0x0800_0000;
        if word & 0x0e10_0000 == 0x0810_0000 {
            (0..PC).filter(|register| word >> register & 1 == 1).for_each(|register| registers.forget(register));
        } else if !is_store {
            registers.forget(destination);
        }
        return;
    };
    if destination == first && word & 0x0200_0000 != 0 {
        registers.value(first).into_iter().for_each(|value| tell(Event::Instead(value)));
    }
    known.into_iter().for_each(|value| tell(Event::Address(value)));
    registers.set(destination, known.map_or(Known::Nothing, Known::Value));
}
