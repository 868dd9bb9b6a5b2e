//! Branches and addresses in x86 code of 32 and 64 bits. Written from the Intel 64 and IA-32 Architectures Software Developer's Manual,
//! volume 2. Lengths of instructions are not decoded: every byte may begin one, and only what leads to a known place counts.

use super::{Event, sweep::load};
use crate::{Machine, memory::Memory};

/// Tag of the dynamic table with the address that 32-bit code finds its data by.
const GLOBAL_OFFSETS: u64 = 3;
/// What a function may begin with that does nothing: marks of targets of jumps, and a prefix of jumps.
const BEFORE_STUBS: [&[u8]; 3] = [&[0xf3, 0x0f, 0x1e, 0xfa], &[0xf3, 0x0f, 0x1e, 0xfb], &[0xf2]];

/// What the instruction that may stand at `pc` says.
pub(super) fn look(memory: &Memory<'_>, pc: u64, tell: &mut dyn FnMut(Event)) {
    let bytes = memory.bytes_at(pc);
    let is_64 = memory.elf.machine == Machine::X86_64;
    let number = |at: usize| Some(i64::from(i32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
    let after = |len: u64, at: usize| Some(pc.wrapping_add(len).wrapping_add_signed(number(at)?));
    let is_short = memory.bytes_at(pc.wrapping_sub(1)).first() == Some(&0x66);
    store(bytes, (is_64, is_short), tell);
    match bytes {
        [opcode @ (0xe8 | 0xe9), ..] => {
            if let Some(target) = after(5, 1) {
                tell(Event::Branch { target: limited(target, is_64), is_thumb: false, is_call: *opcode == 0xe8 });
            }
        }
        [0xff, form, ..] => {
            if let Some((address, is_call)) = indirect(memory, pc, *form, number(2)) {
                tell(Event::Slot { address, is_call });
            }
        }
        [0x48 | 0x4c, opcode @ (0x8d | 0x8b), form, ..] if is_64 && form & 0xc7 == 0x05 => {
            match (after(7, 3), opcode) {
                (Some(address), 0x8d) => tell(Event::Address(address)),
                (address, _) => drop(load(memory, address, tell)),
            }
        }
        // A place by its distance from the table of global offsets, in any register but the stack's.
        [opcode @ (0x8d | 0x8b), form, ..] if !is_64 && form & 0xc0 == 0x80 && form & 7 != 4 => {
            let address = global(memory, number(2));
            match (address, opcode) {
                (Some(address), 0x8d) => tell(Event::Address(address)),
                (address, _) => drop(load(memory, address, tell)),
            }
        }
        [0x68 | 0xb8..=0xbf, ..] if !is_64 => {
            number(1).into_iter().for_each(|value| tell(Event::Address(limited(value.cast_unsigned(), false))));
        }
        _ => {}
    }
}

/// A store of a number beside the stack pointer or the frame pointer; of 64 bits through a register, the next instruction.
fn store(bytes: &[u8], (is_64, is_short): (bool, bool), tell: &mut dyn FnMut(Event)) {
    match bytes {
        [0xc6, rest @ ..] => put(rest, 1, None, tell),
        [0x66, 0xc7, rest @ ..] => put(rest, 2, None, tell),
        [0x48, 0xc7, rest @ ..] if is_64 => put(rest, 8, None, tell),
        [0xc7, rest @ ..] if !is_short => put(rest, 4, None, tell),
        [0x48, 0xb8..=0xbf, value @ ..] if is_64 => {
            let Some((value, [0x48, 0x89, rest @ ..])) = value.split_first_chunk() else { return };
            put(rest, 8, Some(u64::from_le_bytes(*value)), tell);
        }
        _ => {}
    }
}

/// The place in the form of an instruction, and the number behind it if it is not known yet.
fn put(form: &[u8], len: u8, value: Option<u64>, tell: &mut dyn FnMut(Event)) {
    let Some((&first, rest)) = form.split_first() else { return };
    // The register in the form is that of the number, or says nothing.
    let (base, rest) = match (first & 0xc7, rest) {
        (0x04 | 0x44 | 0x84, [0x24, rest @ ..]) => (4, rest),
        (0x45 | 0x85, rest) => (5, rest),
        _ => return,
    };
    let (distance, rest) = match (first >> 6, rest) {
        (0, rest) => (0, rest),
        (1, [distance, rest @ ..]) => (i64::from(distance.cast_signed()), rest),
        (2, rest) => match rest.split_first_chunk() {
            Some((distance, rest)) => (i64::from(i32::from_le_bytes(*distance)), rest),
            None => return,
        },
        _ => return,
    };
    let behind = || match (len, rest) {
        (1, [byte, ..]) => Some(u64::from(*byte)),
        (2, [low, high, ..]) => Some(u64::from(u16::from_le_bytes([*low, *high]))),
        _ => Some(i64::from(i32::from_le_bytes(*rest.first_chunk()?)).cast_unsigned()),
    };
    let value = value.or_else(behind);
    value.into_iter().for_each(|value| tell(Event::Store { base, distance, value, len }));
}

/// The place that the stub at an address goes through.
pub(super) fn stub(memory: &Memory<'_>, address: u64) -> Option<u64> {
    let mut pc = address;
    for mark in BEFORE_STUBS {
        if memory.bytes_at(pc).starts_with(mark) {
            pc = pc.wrapping_add(mark.len() as u64);
        }
    }
    let [0xff, form, number @ ..] = memory.bytes_at(pc) else { return None };
    let number = i64::from(i32::from_le_bytes(*number.first_chunk()?));
    indirect(memory, pc, *form, Some(number)).filter(|(_, is_call)| !is_call).map(|(address, _)| address)
}

/// The place whose pointer a call or jump takes, and whether it is a call.
fn indirect(memory: &Memory<'_>, pc: u64, form: u8, number: Option<i64>) -> Option<(u64, bool)> {
    let is_64 = memory.elf.machine == Machine::X86_64;
    let number = number?;
    let place = match form {
        0x15 | 0x25 if is_64 => pc.wrapping_add(6).wrapping_add_signed(number),
        0x15 | 0x25 => limited(number.cast_unsigned(), false),
        0x90..=0x97 | 0xa0..=0xa7 if !is_64 && form & 7 != 4 => global(memory, Some(number))?,
        _ => return None,
    };
    Some((place, matches!(form, 0x15 | 0x90..=0x97)))
}

fn global(memory: &Memory<'_>, number: Option<i64>) -> Option<u64> {
    let base = memory.elf.dynamic.get(&GLOBAL_OFFSETS)?;
    Some(limited(base.wrapping_add_signed(number?), false))
}

const fn limited(address: u64, is_64: bool) -> u64 {
    if is_64 { address } else { address & 0xffff_ffff }
}
