//! Which function of a native file leads to which import, by direct calls and by addresses of functions that are handed out (to a new
//! thread, to the C library, in a table of a class). What is called through a pointer that comes from elsewhere is not seen.
//!
//! Only branches, and what puts addresses together, are decoded; functions are bounded by symbols, by the table for unwinding, and by
//! what is called. A wrong guess costs little: an address counts only if it is exactly a function, a stub or a text that is asked for.

mod aarch64;
mod arm;
mod built;
mod entries;
mod java;
mod registers;
mod starts;
mod sweep;
mod thumb;
mod ways;
mod x86;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Elf, Machine, Unwind,
    memory::{Linked, Memory},
};

pub use built::BuiltText;
pub use entries::{Entry, EntryKind};
pub use java::Asks;
use starts::FUNCTIONS_MAX;
pub use ways::{Common, Goal, Step};

/// Most bytes of instructions that are read, over all rounds: several times the largest library of the platform.
const SWEPT_LEN_MAX: u64 = 64 << 20;
/// Longest function; generated ones reach some ten thousand bytes.
const FUNCTION_LEN_MAX: u64 = 1 << 18;
/// An address that becomes another one was put together at most so many events before.
const INSTEAD_EVENTS_MAX: usize = 64;
/// How often functions are read anew because calls showed where further ones begin.
const ROUNDS_MAX: u32 = 3;
/// Most calls of all functions, and most addresses in them.
const CALLS_MAX: usize = 1 << 19;
const ADDRESSES_MAX: usize = 1 << 19;
/// Most places of tables that are looked at, and most addresses of which it is remembered whether they are stubs.
const PLACES_MAX: u64 = 1 << 22;
const STUBS_MAX: usize = 1 << 18;
/// Longest table of functions that is followed: those of classes have some hundred.
const TABLE_LEN_MAX: u64 = 512;

/// What one instruction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// It goes to an address.
    Branch { target: u64, is_thumb: bool, is_call: bool },
    /// It takes, or calls through, a pointer that the linker wrote.
    Slot { address: u64, is_call: bool },
    /// It puts an address together.
    Address(u64),
    /// It makes another address of one, which was only a step on the way.
    Instead(u64),
    /// It stores a known number of so many bytes at a distance from a register that points into the stack.
    Store { base: u8, distance: i64, value: u64, len: u8 },
}

/// Where a call leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// A function of the file, by its key.
    Function(u64),
    /// An import.
    Import(String),
}

impl Target {
    fn of(linked: &Linked) -> Self {
        match linked {
            Linked::Import(name) => Self::Import(name.clone()),
            Linked::Own(function) => Self::Function(*function),
        }
    }
}

/// A call, or an address handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    /// Address of the instruction.
    at: u64,
    target: Target,
    /// Whether it is called; else its address is handed out.
    is_call: bool,
}

#[derive(Debug, Clone, Default)]
struct Function {
    calls: Vec<Call>,
    /// Addresses it puts together, sorted.
    addresses: Vec<u64>,
    /// The same in the order of the code.
    in_order: Vec<u64>,
    /// Texts it puts together on the stack, and where it begins with each.
    built: Vec<(u64, String)>,
}

/// What the entry points of a file lead to.
#[derive(Debug)]
pub struct Code<'a> {
    elf: &'a Elf,
    /// Where the platform enters the file, surest first.
    pub entries: Vec<Entry>,
    /// The functions that entries lead to. The key is the address; of a Thumb function the lowest bit is set.
    functions: BTreeMap<u64, Function>,
    /// Whether a bound was reached, so that ways may be missing.
    pub is_cut: bool,
}

impl<'a> Code<'a> {
    /// Follows the code of a file from its entry points. `bytes` are the whole file. Nothing for processors that are not known.
    #[must_use]
    pub fn read(elf: &'a Elf, bytes: &'a [u8]) -> Option<Self> {
        if matches!(elf.machine, Machine::Other(_)) {
            return None;
        }
        let memory = Memory::new(elf, bytes);
        let entries = entries::of(&memory, bytes);
        let mut walk = Walk::new(&memory);
        walk.starts.extend(entries.iter().map(|entry| starts::plain(elf, entry.function)));
        for _ in 0..ROUNDS_MAX {
            let known = walk.starts.len();
            walk.follow(&entries);
            if walk.starts.len() == known || walk.is_cut {
                break;
            }
        }
        Some(Self { elf, entries, functions: walk.functions, is_cut: walk.is_cut })
    }

    /// Each call of an import in these functions: address and name, in the order of addresses.
    pub fn import_calls(&self) -> impl Iterator<Item = (u64, &str)> {
        let calls = self.functions.values().flat_map(|function| &function.calls);
        let called: BTreeSet<(u64, &str)> = calls
            .filter_map(|call| match &call.target {
                Target::Import(name) if call.is_call => Some((call.at, name.as_str())),
                _ => None,
            })
            .collect();
        called.into_iter()
    }

    /// How many functions the entries lead to.
    #[must_use]
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }
}

struct Walk<'a> {
    memory: &'a Memory<'a>,
    /// Where functions begin, as far as is known.
    starts: BTreeSet<u64>,
    /// Whether the file itself says where functions begin; then an x86 call elsewhere is none.
    is_bounded: bool,
    functions: BTreeMap<u64, Function>,
    stubs: BTreeMap<u64, Option<&'a Linked>>,
    swept: u64,
    calls: usize,
    addresses: usize,
    places: u64,
    is_cut: bool,
}

impl<'a> Walk<'a> {
    fn new(memory: &'a Memory<'a>) -> Self {
        let starts = starts::known(memory);
        let is_x86 = matches!(memory.elf.machine, Machine::X86 | Machine::X86_64);
        let is_bounded = is_x86 && matches!(memory.elf.unwind, Some((Unwind::FrameHeader, ..))) && !starts.is_empty();
        let (functions, stubs) = (BTreeMap::new(), BTreeMap::new());
        Self {
            memory,
            starts,
            is_bounded,
            functions,
            stubs,
            swept: 0,
            calls: 0,
            addresses: 0,
            places: 0,
            is_cut: false,
        }
    }

    /// Reads every function that the entries lead to.
    fn follow(&mut self, entries: &[Entry]) {
        self.functions.clear();
        (self.calls, self.addresses) = (0, 0);
        let mut waiting: Vec<u64> = entries.iter().rev().map(|entry| entry.function).collect();
        while let Some(key) = waiting.pop() {
            if self.functions.contains_key(&key) {
                continue;
            }
            if self.is_cut || self.functions.len() >= FUNCTIONS_MAX || self.swept >= SWEPT_LEN_MAX {
                self.is_cut = true;
                return;
            }
            let function = self.function(key);
            waiting.extend(function.calls.iter().rev().filter_map(|call| match call.target {
                Target::Function(target) => Some(target),
                Target::Import(_) => None,
            }));
            self.functions.insert(key, function);
        }
    }

    fn function(&mut self, key: u64) -> Function {
        let memory = self.memory;
        let start = starts::plain(memory.elf, key);
        let end = self.end(start);
        self.swept = self.swept.saturating_add(end.saturating_sub(start));
        let mut events: Vec<(u64, Event)> = Vec::new();
        let mut stack = built::Stack::default();
        sweep::function(memory, (start, end), key != start, &mut |at, event| {
            stack.note(at, &event);
            if let Event::Instead(address) = event {
                let replaced = |(_, before): &(u64, Event)| *before == Event::Address(address);
                let nearest = events.iter().rev().take(INSTEAD_EVENTS_MAX).position(replaced);
                // Counted from the end; what is moved is no more than was looked at.
                if let Some(back) = nearest {
                    events.remove(events.len().saturating_sub(back.saturating_add(1)));
                }
            } else if !matches!(event, Event::Store { .. }) {
                events.push((at, event));
            }
        });
        stack.end();
        let mut function = Function { built: stack.texts, ..Function::default() };
        for (at, event) in events {
            self.event((start, end), at, event, &mut function);
        }
        function.in_order.clone_from(&function.addresses);
        function.addresses.sort_unstable();
        function.addresses.dedup();
        function
    }

    /// A function ends where the next begins, or with what is loaded there.
    fn end(&self, start: u64) -> u64 {
        let next = self.starts.range(start.saturating_add(1)..).next().copied();
        let table = self.memory.elf.unwind.map(|(_, address, _)| address).filter(|&address| address > start);
        let longest = start.saturating_add(FUNCTION_LEN_MAX);
        next.into_iter().chain(table).fold(longest, u64::min)
    }

    fn event(&mut self, (start, end): (u64, u64), at: u64, event: Event, function: &mut Function) {
        if self.is_cut {
            return;
        }
        match event {
            Event::Branch { target, is_thumb, is_call } => {
                if !is_call && (start..end).contains(&target) {
                    return;
                }
                if let Some(linked) = self.stub(target, is_thumb) {
                    self.call(at, Target::of(linked), true, function);
                } else if self.is_function(target) {
                    self.starts.insert(target);
                    self.call(at, Target::Function(self.key(target, is_thumb)), true, function);
                }
            }
            Event::Slot { address, is_call } => {
                if let Some(linked) = self.memory.linked(address) {
                    self.call(at, Target::of(linked), is_call, function);
                }
            }
            Event::Address(address) => self.address(at, address, function),
            Event::Instead(_) | Event::Store { .. } => {}
        }
    }

    /// An address that code puts together: of a function, of a table of functions, or of something else.
    fn address(&mut self, at: u64, address: u64, function: &mut Function) {
        if self.addresses < ADDRESSES_MAX && self.memory.elf.file_offset(address).is_some() {
            self.addresses = self.addresses.saturating_add(1);
            function.addresses.push(address);
        }
        if let Some(target) = self.handed_out(address) {
            self.call(at, target, false, function);
            return;
        }
        if self.memory.is_code(address) || self.memory.is_offset_table(address) {
            return;
        }
        let word = self.memory.elf.word_len() as u64;
        // At most 512 words.
        for place in (0..TABLE_LEN_MAX).map(|number| address.wrapping_add(number * word)) {
            self.places = self.places.saturating_add(1);
            if self.places > PLACES_MAX || self.is_cut {
                self.is_cut = true;
                return;
            }
            let linked = self.memory.linked(place).map(Target::of);
            let pointed = || self.memory.pointer(place).and_then(|pointer| self.handed_out(pointer));
            let Some(target) = linked.or_else(pointed) else { return };
            self.call(at, target, false, function);
        }
    }

    /// The function whose address this is, or the stub.
    fn handed_out(&self, address: u64) -> Option<Target> {
        let plain = starts::plain(self.memory.elf, address);
        self.starts.contains(&plain).then_some(Target::Function(address))
    }

    fn call(&mut self, at: u64, target: Target, is_call: bool, function: &mut Function) {
        // Code often puts the same address together again.
        let is_known = |call: &Call| !is_call && call.target == target;
        if function.calls.iter().rev().take(16).any(is_known) {
            return;
        }
        if self.calls >= CALLS_MAX {
            self.is_cut = true;
            return;
        }
        self.calls = self.calls.saturating_add(1);
        function.calls.push(Call { at, target, is_call });
    }

    fn stub(&mut self, target: u64, is_thumb: bool) -> Option<&'a Linked> {
        let key = self.key(target, is_thumb);
        if let Some(known) = self.stubs.get(&key) {
            return *known;
        }
        let found = sweep::stub(self.memory, target, is_thumb);
        if self.stubs.len() < STUBS_MAX {
            self.stubs.insert(key, found);
        }
        found
    }

    fn is_function(&self, target: u64) -> bool {
        self.memory.is_code(target) && (!self.is_bounded || self.starts.contains(&target))
    }

    fn key(&self, target: u64, is_thumb: bool) -> u64 {
        if self.memory.elf.machine == Machine::Arm && is_thumb { target | 1 } else { target }
    }
}
