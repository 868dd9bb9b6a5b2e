//! Tests that renaming keeps the meaning: a method runs on registers and, beside it, on values, along the same random
//! way, and whatever an operation reads must be the same in both.
//!
//! What an operation computes is a fresh number. A join takes what its edge brings; where a handler may see several
//! values, what the register held must be among them. The machine on registers knows nothing of liveness, joins or
//! numbering.

use std::{collections::BTreeMap, path::PathBuf};

use bytes::{Budget, ByteSource, Limits};

use super::{
    Fuel, Lowered, is_wide,
    lower::{Action, Step},
};
use crate::{Body, Class, InputFile, MethodDefinition, Op, Program, RawCode, ValueId};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound.max(1)
    }
}

struct Machine<'a> {
    body: &'a Body,
    registers: BTreeMap<u32, u64>,
    /// What each value may be.
    values: BTreeMap<ValueId, Vec<u64>>,
    /// The next number.
    next: u64,
    compared: u64,
}

/// Bits of a register that is the second of a pair, or was never assigned.
const NOTHING: u64 = 0;

impl Machine<'_> {
    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn assign(&mut self, register: u32, wide: bool, bits: u64) {
        self.registers.insert(register, bits);
        if wide {
            self.registers.insert(register + 1, NOTHING);
        }
    }

    fn register(&self, register: u32) -> u64 {
        self.registers.get(&register).copied().unwrap_or(NOTHING)
    }

    /// Runs one step on registers and the instruction that it became on values.
    fn step(&mut self, step: &Step, position: &mut usize) {
        match &step.action {
            Action::Nothing => {}
            Action::Move { to, from } => self.assign(*to, step.wide, self.register(*from)),
            Action::Keep(op) => {
                let body = self.body;
                let renamed = &body.instructions[*position];
                *position += 1;
                assert_eq!(renamed.address, step.address);
                self.compare(op, &renamed.op, step.lenient);
                let bits = self.fresh();
                assert_eq!(op.defined().is_some(), renamed.op.defined().is_some());
                if let (Some(register), Some(value)) = (op.defined(), renamed.op.defined()) {
                    self.assign(register.0, step.wide, bits);
                    self.values.insert(value, vec![bits]);
                }
            }
        }
    }

    fn compare(&mut self, op: &Op, renamed: &Op, lenient: bool) {
        let mut expected = Vec::new();
        op.for_each_use(|register| expected.push(self.register(register.0)));
        let mut values = Vec::new();
        renamed.for_each_use(|value| values.push(value));
        if lenient {
            expected.retain(|&bits| bits != NOTHING);
        }
        assert_eq!(expected.len(), values.len(), "{op:?} {renamed:?}");
        for (bits, value) in expected.into_iter().zip(values) {
            let candidates = self.values.get_mut(&value).unwrap();
            assert!(candidates.contains(&bits), "{op:?} {renamed:?}: {bits} is none of {candidates:?}");
            *candidates = vec![bits];
            self.compared += 1;
        }
    }

    /// Takes an edge: joins get what it brings. `at_end`: from the end of the block, else from within.
    fn enter(&mut self, from: usize, to: usize, at_end: bool) {
        let body = self.body;
        let joined: Vec<(ValueId, Vec<u64>)> = body.blocks[to]
            .phis
            .iter()
            .map(|phi| {
                let brought = phi.from.iter().filter(|(block, _)| block.index() == from);
                // A value of this block may not have been assigned yet when something throws.
                let bits: Vec<u64> =
                    brought.filter_map(|(_, value)| self.values.get(value)).flatten().copied().collect();
                let is_handler = body.blocks[from].handlers.iter().any(|(_, handler)| handler.index() == to);
                assert!(
                    !at_end || is_handler || phi.from.iter().filter(|(block, _)| block.index() == from).count() == 1
                );
                (phi.to, bits)
            })
            .collect();
        self.values.extend(joined);
    }
}

/// Runs a method along a random way of at most `turns` blocks; how many reads were compared.
fn replay(program: &Program, class: &Class, method: &MethodDefinition, random: &mut Random, turns: usize) -> u64 {
    let item = method.code.unwrap();
    let code = program.code_item(item).unwrap();
    let mut fuel = Fuel::new(&code);
    let lowered = program.lower(class, method, item, &code, &mut fuel).unwrap();
    let body = program.body(class, method).unwrap();
    assert_eq!(body.verify(), Ok(()));
    // What nothing assigned has a place at the entry, which the steps know nothing of.
    let skipped =
        usize::from(body.instructions.first().is_some_and(|it| matches!(it.op, Op::Unknown { opcode: 0x100, .. })));
    let mut machine =
        Machine { body: &body, registers: BTreeMap::new(), values: BTreeMap::new(), next: NOTHING, compared: 0 };
    if skipped == 1 {
        machine.values.insert(body.instructions[0].op.defined().unwrap(), vec![NOTHING]);
    }
    start(program, &code, &lowered, &mut machine);
    let mut block = 0;
    for _ in 0..turns {
        let Some(next) = run_block(&lowered, &mut machine, block, skipped, random) else { break };
        block = next;
    }
    machine.compared
}

fn start(program: &Program, code: &RawCode<'_>, lowered: &Lowered, machine: &mut Machine<'_>) {
    let mut register = u32::from(code.registers - code.ins);
    for (&ty, &value) in lowered.parameters.iter().zip(&machine.body.parameters) {
        let bits = machine.fresh();
        let wide = is_wide(program, ty);
        machine.assign(register, wide, bits);
        machine.values.insert(value, vec![bits]);
        register += if wide { 2 } else { 1 };
    }
}

fn run_block(
    lowered: &Lowered,
    machine: &mut Machine<'_>,
    block: usize,
    skipped: usize,
    random: &mut Random,
) -> Option<usize> {
    let first = if block == 0 { 0 } else { lowered.ends[block - 1] as usize };
    let body = machine.body;
    let this = &body.blocks[block];
    let mut position = this.first as usize + if block == 0 { skipped } else { 0 };
    for step in &lowered.steps[first..lowered.ends[block] as usize] {
        if step.throws && !this.handlers.is_empty() && random.below(4) == 0 {
            let handler = this.handlers[random.below(this.handlers.len())].1.index();
            machine.enter(block, handler, false);
            return Some(handler);
        }
        machine.step(step, &mut position);
    }
    assert_eq!(position, this.end as usize);
    let next = this.successors.get(random.below(this.successors.len()))?.index();
    machine.enter(block, next, true);
    Some(next)
}

fn replay_file(path: PathBuf, ways: usize) -> u64 {
    let source = ByteSource::open(&path).unwrap();
    let file = InputFile { path: path.display().to_string(), source };
    let program = Program::build(&[file], &Budget::new(Limits::FILE));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut compared = 0;
    for class in program.classes() {
        for method in class.methods.iter().filter(|method| method.code.is_some()) {
            for _ in 0..ways {
                compared += replay(&program, class, method, &mut random, 60);
            }
        }
    }
    compared
}

fn dex_files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = bytes::host::list_folder(&folder).unwrap();
    entries.into_iter().map(|entry| entry.path).filter(|path| path.extension().is_some_and(|it| it == "dex")).collect()
}

#[test]
fn values_are_what_the_registers_held_on_every_way_through_the_fixtures() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut files = dex_files(fixtures.join("code/bodies"));
    files.extend(dex_files(fixtures.join("code")));
    assert!(files.len() >= 14);
    for file in files {
        assert!(replay_file(file.clone(), 200) > 0, "{}", file.display());
    }
}

/// The same over the files of a folder: `DEX_FOLDER=... cargo test --release -p tidewaiter-code -- --ignored replay`.
#[test]
#[ignore = "needs a folder of DEX files"]
fn values_are_what_the_registers_held_in_a_folder_of_files() {
    let folder = std::env::var_os("DEX_FOLDER").expect("DEX_FOLDER names a folder");
    let compared: u64 = dex_files(folder.into()).into_iter().map(|file| replay_file(file, 3)).sum();
    println!("{compared} reads compared");
}
