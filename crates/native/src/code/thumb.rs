//! Branches and addresses in Thumb code. Written from the Arm Architecture Reference Manual for ARMv7-A, A6 and A8.

use super::{
    Event,
    arm::PC,
    registers::{Known, Registers, signed},
    sweep::{Step, branch_to, called, load, word_at},
};
use crate::memory::Memory;

const SP: u32 = 13;
const FRAME: u32 = 7;

fn store(base: u32, source: u32, distance: u64, len: u8, registers: &Registers, tell: &mut dyn FnMut(Event)) {
    let (base, distance) = (base as u8, distance.cast_signed());
    let value = registers.value(source);
    value.into_iter().for_each(|value| tell(Event::Store { base, distance, value, len }));
}

/// Reads one instruction; how long it is.
pub(super) fn step(
    memory: &Memory<'_>,
    pc: u64,
    registers: &mut Registers,
    tell: &mut dyn FnMut(Event),
) -> Option<Step> {
    let bytes = memory.bytes_at(pc);
    let half = u32::from(u16::from_le_bytes(*bytes.first_chunk()?));
    registers.set(PC, Known::Value(pc.wrapping_add(4)));
    if half >> 11 < 0b11101 {
        return Some(short(memory, pc, half, registers, tell));
    }
    let second = u32::from(u16::from_le_bytes(*bytes.get(2..)?.first_chunk()?));
    Some(long(memory, pc, (half, second), registers, tell))
}

fn short(memory: &Memory<'_>, pc: u64, half: u32, registers: &mut Registers, tell: &mut dyn FnMut(Event)) -> Step {
    let (low, middle, high) = (half & 7, half >> 3 & 7, half >> 8 & 7);
    let any = half >> 3 & 15;
    let aligned = pc.wrapping_add(4) & !3;
    let sum = |left: Option<u64>, right: Option<u64>| {
        left.zip(right).map(|(left, right)| left.wrapping_add(right) & 0xffff_ffff)
    };
    let mut ends = false;
    match half >> 11 {
        0b01001 => {
            let known = word_at(memory, aligned.wrapping_add(u64::from(half & 0xff) * 4));
            registers.set(high, known);
        }
        0b10100 => {
            let value = aligned.wrapping_add(u64::from(half & 0xff) * 4);
            tell(Event::Address(value));
            registers.set(high, Known::Value(value));
        }
        0b00100 => registers.set(high, Known::Value(u64::from(half & 0xff))),
        0b00110 => {
            let value = sum(registers.value(high), Some(u64::from(half & 0xff)));
            registers.value(high).into_iter().for_each(|value| tell(Event::Instead(value)));
            value.into_iter().for_each(|value| tell(Event::Address(value)));
            registers.set(high, value.map_or(Known::Nothing, Known::Value));
        }
        // A store beside the stack pointer, or beside the frame pointer.
        0b10010 => store(SP, high, u64::from(half & 0xff) * 4, 4, registers, tell),
        0b01100 if middle == FRAME => store(FRAME, low, u64::from(half >> 6 & 31) * 4, 4, registers, tell),
        0b01110 if middle == FRAME => store(FRAME, low, u64::from(half >> 6 & 31), 1, registers, tell),
        0b10000 if middle == FRAME => store(FRAME, low, u64::from(half >> 6 & 31) * 2, 2, registers, tell),
        0b01101 => {
            let address = sum(registers.value(middle), Some(u64::from(half >> 6 & 31) * 4));
            let known = load(memory, address, tell);
            registers.set(low, known);
        }
        0b11100 => {
            let target = pc.wrapping_add(4).wrapping_add_signed(signed(half, 11) * 2);
            tell(Event::Branch { target, is_thumb: true, is_call: false });
            ends = true;
        }
        0b01000 if half >> 8 == 0x44 => {
            let register = half >> 4 & 8 | low;
            let value = sum(registers.value(register), registers.value(any));
            value.into_iter().for_each(|value| tell(Event::Address(value)));
            registers.set(register, value.map_or(Known::Nothing, Known::Value));
        }
        0b01000 if half >> 8 == 0x46 => registers.set(half >> 4 & 8 | low, registers.get(any)),
        0b01000 if half >> 8 == 0x47 => {
            let is_call = half >> 7 & 1 == 1;
            // The program counter reads as a multiple of four, and so means ARM code.
            let known = if any == PC { Known::Value(aligned) } else { registers.get(any) };
            branch_to(known, is_call, tell);
            if is_call {
                called(registers);
            }
            ends = !is_call;
        }
        _ if half >> 9 == 0b010_1100 => {
            let address = sum(registers.value(middle), registers.value(half >> 6 & 7));
            let known = load(memory, address, tell);
            registers.set(low, known);
        }
        _ if half >> 9 == 0b000_1110 || half >> 9 == 0b000_1100 => {
            let right = half >> 6 & 7;
            let right = if half >> 10 & 1 == 1 { Some(u64::from(right)) } else { registers.value(right) };
            let value = sum(registers.value(middle), right);
            registers.set(low, value.map_or(Known::Nothing, Known::Value));
        }
        0b00111 | 0b10011 | 0b10101 => registers.forget(high),
        0b00000..=0b00011 | 0b01000 | 0b01011 | 0b01111 | 0b10001 => registers.forget(low),
        _ => {}
    }
    Step { len: 2, ends }
}

fn long(
    memory: &Memory<'_>,
    pc: u64,
    (half, second): (u32, u32),
    registers: &mut Registers,
    tell: &mut dyn FnMut(Event),
) -> Step {
    let aligned = pc.wrapping_add(4) & !3;
    let (base, target, destination) = (half & 15, second >> 12, second >> 8 & 15);
    let immediate = half >> 10 & 1;
    let immediate = u64::from(immediate << 11 | (second >> 12 & 7) << 8 | second & 0xff);
    let wide = u64::from(half & 15) << 12 | immediate;
    let plain = |ends| Step { len: 4, ends };
    if half & 0xf800 == 0xf000 && second & 0x8000 != 0 && (second & 0x5000 != 0) {
        let offset = branch_offset(half, second);
        let is_call = second & 0x4000 != 0;
        let is_thumb = second & 0x1000 != 0;
        let from = if is_thumb { pc.wrapping_add(4) } else { aligned };
        tell(Event::Branch { target: from.wrapping_add_signed(offset), is_thumb, is_call });
        if is_call {
            called(registers);
        }
        return plain(!is_call);
    }
    let put = |registers: &mut Registers, known: Known, tell: &mut dyn FnMut(Event)| {
        if target == PC {
            branch_to(known, false, tell)
        } else {
            registers.set(target, known)
        }
        plain(target == PC)
    };
    if half & 0xff7f == 0xf85f {
        let offset = u64::from(second & 0xfff);
        let at = if half >> 7 & 1 == 1 { aligned.wrapping_add(offset) } else { aligned.wrapping_sub(offset) };
        let known = word_at(memory, at);
        return put(registers, known, tell);
    }
    let sum = |left: Option<u64>, right: Option<u64>| {
        left.zip(right).map(|(left, right)| left.wrapping_add(right) & 0xffff_ffff)
    };
    if half & 0xff90 == 0xf880 && (base == SP || base == FRAME) {
        store(base, target, u64::from(second & 0xfff), 1 << (half >> 5 & 3), registers, tell);
        return plain(false);
    }
    if half & 0xfff0 == 0xf8d0 {
        let known = load(memory, sum(registers.value(base), Some(u64::from(second & 0xfff))), tell);
        return put(registers, known, tell);
    }
    if half & 0xfff0 == 0xf850 && second & 0x0fc0 == 0 {
        let index = registers.value(second & 15).map(|value| value << (second >> 4 & 3));
        let known = load(memory, sum(registers.value(base), index), tell);
        return put(registers, known, tell);
    }
    let known = if half & 0xfbf0 == 0xf240 {
        registers.set(destination, Known::Value(wide));
        return plain(false);
    } else if half & 0xfbf0 == 0xf2c0 {
        registers.value(destination).map(|low| wide << 16 | low & 0xffff)
    } else if half & 0xfbff == 0xf20f {
        Some(aligned.wrapping_add(immediate))
    } else if half & 0xfbff == 0xf2af {
        Some(aligned.wrapping_sub(immediate))
    } else if half & 0xfbf0 == 0xf200 {
        sum(registers.value(base), Some(immediate))
    } else if half & 0xffe0 == 0xeb00 && second & 0x70f0 == 0 {
        sum(registers.value(base), registers.value(second & 15))
    } else {
        if half & 0xfe10 == 0xf810 {
            registers.forget(target);
        } else if half & 0xfe00 != 0xf800 {
            registers.forget(destination);
        }
        return plain(false);
    };
    known.into_iter().for_each(|value| tell(Event::Address(value)));
    registers.set(destination, known.map_or(Known::Nothing, Known::Value));
    plain(false)
}

/// The offset of a long branch: two of its bits are stored as what they differ in from the sign.
const fn branch_offset(half: u32, second: u32) -> i64 {
    let sign = half >> 10 & 1;
    let (first, other) = (second >> 13 & 1, second >> 11 & 1);
    let (first, other) = (first ^ sign ^ 1, other ^ sign ^ 1);
    let low = if second & 0x1000 == 0 { second & 0x7fe } else { second & 0x7ff };
    signed(sign << 24 | first << 23 | other << 22 | (half & 0x3ff) << 12 | low << 1, 25)
}
