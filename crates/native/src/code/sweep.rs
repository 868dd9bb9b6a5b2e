//! Reading the instructions of one function one after the other, for the branches and addresses in them.

use super::{
    Event, aarch64, arm,
    registers::{Known, Registers},
    thumb, x86,
};
use crate::{
    Machine,
    memory::{Linked, Memory},
};

/// Longest stub of a linkage table: a change from Thumb to ARM and four instructions.
const STUB_LEN_MAX: u64 = 24;

/// One instruction.
pub(super) struct Step {
    pub(super) len: u64,
    /// Whether what follows is never reached from it.
    pub(super) ends: bool,
}

/// Reads from `start` to `end` and tells what each instruction says, with its address.
pub(super) fn function(
    memory: &Memory<'_>,
    (start, end): (u64, u64),
    is_thumb: bool,
    tell: &mut dyn FnMut(u64, Event),
) {
    let mut registers = Registers::default();
    let mut pc = start;
    while pc < end {
        let mut tell = |event| tell(pc, event);
        let Some(step) = step(memory, pc, is_thumb, &mut registers, &mut tell) else { return };
        pc = pc.saturating_add(step.len);
    }
}

fn step(
    memory: &Memory<'_>,
    pc: u64,
    is_thumb: bool,
    registers: &mut Registers,
    tell: &mut dyn FnMut(Event),
) -> Option<Step> {
    match memory.elf.machine {
        Machine::Aarch64 => aarch64::step(memory, pc, registers, tell),
        Machine::Arm if is_thumb => thumb::step(memory, pc, registers, tell),
        Machine::Arm => arm::step(memory, pc, registers, tell),
        Machine::X86 | Machine::X86_64 => {
            x86::look(memory, pc, tell);
            Some(Step { len: 1, ends: false })
        }
        Machine::Other(_) => None,
    }
}

/// What the stub at an address leads to: a few instructions that do nothing but go through a place that the linker
/// fills in.
pub(super) fn stub<'a>(memory: &'a Memory<'_>, address: u64, is_thumb: bool) -> Option<&'a Linked> {
    if matches!(memory.elf.machine, Machine::X86 | Machine::X86_64) {
        return x86::stub(memory, address).and_then(|place| memory.slot(place));
    }
    let mut registers = Registers::default();
    let (mut pc, mut is_thumb, end) = (address, is_thumb, address.saturating_add(STUB_LEN_MAX));
    while pc < end {
        let mut events = Vec::new();
        let step = step(memory, pc, is_thumb, &mut registers, &mut |event| events.push(event))?;
        let slot = events.iter().find_map(|event| match event {
            Event::Slot { address, .. } => memory.slot(*address),
            _ => None,
        });
        if slot.is_some() {
            return slot;
        }
        match events.as_slice() {
            // `bx pc` before the ARM part of a stub.
            [Event::Branch { target, is_thumb: false, is_call: false }] if is_thumb && step.ends => {
                (pc, is_thumb) = (*target, false);
            }
            _ if step.ends || events.iter().any(|event| matches!(event, Event::Branch { .. })) => return None,
            _ => pc = pc.saturating_add(step.len),
        }
    }
    None
}

/// A pointer loaded from an address of the data, and what it is.
pub(super) fn load(memory: &Memory<'_>, address: Option<u64>, tell: &mut dyn FnMut(Event)) -> Known {
    let Some(address) = address else { return Known::Nothing };
    if memory.linked(address).is_some() {
        tell(Event::Slot { address, is_call: false });
        return Known::Linked(address);
    }
    match memory.pointer(address) {
        Some(value) => {
            tell(Event::Address(value));
            Known::Value(value)
        }
        None => Known::Nothing,
    }
}

/// A number that stands beside the code.
pub(super) fn word_at(memory: &Memory<'_>, address: u64) -> Known {
    memory.stored(address).map_or(Known::Nothing, Known::Value)
}

/// A branch of 32-bit ARM to what a register holds: the lowest bit says Thumb.
pub(super) fn branch_to(known: Known, is_call: bool, tell: &mut dyn FnMut(Event)) {
    match known {
        Known::Value(value) => tell(Event::Branch { target: value & !1, is_thumb: value & 1 == 1, is_call }),
        Known::Linked(address) => tell(Event::Slot { address, is_call: true }),
        Known::Nothing => {}
    }
}

/// What is not known after a call of 32-bit ARM: r0 to r3, r12 and the link register.
pub(super) fn called(registers: &mut Registers) {
    [0, 1, 2, 3, 12, 14].into_iter().for_each(|register| registers.forget(register));
}
