//! Method bodies: golden texts of assembled sources, counts of instructions as `dexdump` has them, quickened and damaged
//! code, and a great many random changes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use std::{collections::BTreeSet, path::PathBuf};

use code::{Body, MethodId, Op, Program};
use common::{dex, patch};

/// Names of the fixtures, without extension.
fn cases() -> BTreeSet<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/code/bodies");
    let names = bytes::host::list_folder(&folder).unwrap().into_iter();
    let sources =
        names.filter_map(|entry| Some(String::from_utf8(entry.name).ok()?.strip_suffix(".smali")?.to_owned()));
    sources.collect()
}

fn dex_of(case: &str) -> Vec<u8> {
    common::fixture(&format!("bodies/{case}.dex"))
}

/// Every method with code.
fn methods(program: &Program) -> Vec<MethodId> {
    let all = program.classes().iter().flat_map(|class| &class.methods);
    all.filter(|method| method.code.is_some()).map(|method| method.method).collect()
}

fn text(program: &Program) -> String {
    methods(program).into_iter().map(|method| program.body_text(method)).collect()
}

#[test]
fn every_fixture_reads_as_its_golden_text() {
    assert!(cases().len() >= 11);
    for case in cases() {
        let program = common::program(&[dex_of(&case)]);
        let text = text(&program);
        if std::env::var_os("WRITE_GOLDEN_TEXTS").is_some() {
            let path = format!("{}/../../fixtures/code/bodies/{case}.txt", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, &text).unwrap();
        }
        let golden = String::from_utf8(common::fixture(&format!("bodies/{case}.txt"))).unwrap();
        assert!(text == golden, "{case}.txt differs; this is what is read now:\n{text}");
    }
}

#[test]
fn every_method_has_as_many_instructions_as_dexdump_finds() {
    for case in cases() {
        let program = common::program(&[dex_of(&case)]);
        let count = |&method: &MethodId| {
            let name = program.method_text(method);
            let name = name.replacen(";->", ".", 1).replacen('(', ":(", 1);
            let (class, rest) = name.split_once('.').unwrap();
            let class = class.strip_prefix('L').unwrap().replace('/', ".");
            let body = program.body_of(method).unwrap().unwrap();
            format!("{} {class}.{rest}", body.dalvik_instructions)
        };
        let ours: BTreeSet<String> = methods(&program).iter().map(count).collect();
        let counts = String::from_utf8(common::fixture(&format!("bodies/{case}.counts"))).unwrap();
        let theirs: BTreeSet<String> = counts.lines().map(str::to_owned).collect();
        assert_eq!(ours, theirs, "{case}");
    }
}

/// The body and text of `La;->run()V` with these registers (the last is the receiver) and code units.
fn run(registers: u16, units: &[u16]) -> (Body, String) {
    let class = dex::class("La;", "Ljava/lang/Object;", &[]).method_with("run", 1, Some((registers, units.to_vec())));
    let program = common::program(&[dex::write("035", &[class])]);
    assert_eq!(common::problems(&program), [""; 0]);
    let method = program.find_method("La;", "run", "()V").unwrap();
    let body = program.body_of(method).unwrap().unwrap();
    body.verify().unwrap();
    (body, program.body_text(method))
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().skip(2).collect()
}

#[test]
fn quickened_instructions_are_unknown_and_the_code_around_them_is_read() {
    // iget-quick v0, v4; iget-wide-quick v1, v4; invoke-virtual-quick {v4, v0, v1, v2}; move-result-object v3;
    // iput-object-quick v3, v4; invoke-virtual-range-quick {v1 .. v4}; iget-boolean-quick v0, v4; iput-char-quick v0, v4;
    // if-eqz v0; const/4 v3; iput-quick v3, v4; return-void-no-barrier
    let (body, text) = run(
        5,
        &[
            0x40e3, 0x0008, 0x41e4, 0x0010, 0x40e9, 0x0003, 0x2104, 0x030c, 0x43e8, 0x000c, 0x04ea, 0x0004, 0x0001,
            0x40ef, 0x0014, 0x40ed, 0x0016, 0x0038, 0x0003, 0x7312, 0x43e6, 0x0018, 0x0073,
        ],
    );
    assert_eq!((body.dalvik_instructions, body.unknown_instructions, body.dropped_edges), (12, 8, 0));
    let expected = [
        "  12 instructions, 8 not understood",
        "b0:",
        "  0000  %1 = unknown e3 (%0)",
        "  0002  %2 = unknown e4 (%0)",
        "  0004  %3 = unknown e9 (%0, %1, %2)",
        "  0008  unknown e8 (%3, %0)",
        "  000a  unknown ea (%2, %3, %0)",
        "  000d  %4 = unknown ef (%0)",
        "  000f  unknown ed (%4, %0)",
        "  0011  if %4 == 0",
        "        to b2, b1",
        "b1: from b0",
        "  0013  %5 = 7",
        "        to b2",
        "b2: from b0, b1",
        "        %6 = join b0 %3, b1 %5",
        "  0014  unknown e6 (%6, %0)",
        "  0016  return",
    ];
    assert_eq!(lines(&text), expected);
}

#[test]
fn a_reserved_opcode_ends_its_way_and_others_are_read() {
    // if-eqz v0, +4; 3e (no opcode); nop; const/4 v1; return-void
    let (body, text) = run(2, &[0x0138, 0x0004, 0x003e, 0x0000, 0x1012, 0x000e]);
    assert_eq!((body.unknown_instructions, body.dropped_edges), (1, 0));
    let expected = [
        "  5 instructions, 1 not understood",
        "b0:",
        "  0000  if %0 == 0",
        "        to b2, b1",
        "b1: from b0",
        "  0002  unknown 3e ()",
        "b2: from b0",
        "  0004  %1 = 1",
        "  0005  return",
    ];
    assert_eq!(lines(&text), expected);
}

#[test]
fn code_that_runs_past_its_end_and_jumps_to_nowhere_are_counted() {
    // An instruction that is cut off.
    let (body, text) = run(2, &[0x1012, 0x0014, 0x0000]);
    assert_eq!((body.unknown_instructions, body.dropped_edges), (1, 0));
    assert!(text.ends_with("  0000  %1 = 1\n  0001  unknown 14 ()\n"), "{text}");
    // No instruction after the last one.
    let (body, text) = run(2, &[0x1012]);
    assert_eq!((body.unknown_instructions, body.dropped_edges), (0, 1));
    assert!(text.ends_with("  0000  %1 = 1\n"), "{text}");
    // A goto into the middle of const/16, one past the end, one before the start.
    for target in [0x0228, 0x0728, 0xff28] {
        let (body, text) = run(2, &[target, 0x0013, 0x0001, 0x000e]);
        assert_eq!((body.unknown_instructions, body.dropped_edges), (1, 1), "{text}");
        assert!(text.ends_with("b0:\n  0000  unknown 28 ()\n"), "{text}");
    }
    // An if with one way left, a switch whose table is not there, data that is not there.
    let (body, _) = run(2, &[0x0138, 0x0100, 0x000e]);
    assert!(matches!(&body.instructions[0].op, Op::Unknown { opcode: 0x38, uses, .. } if uses.len() == 1));
    assert_eq!(body.blocks[0].successors.len(), 1);
    for opcode in [0x012b, 0x012c, 0x0126] {
        let (body, _) = run(2, &[opcode, 0x7fff, 0x7fff, 0x000e]);
        assert_eq!((body.unknown_instructions, body.instructions.len()), (1, 2));
    }
}

#[test]
fn a_case_that_leads_to_nowhere_is_left_out_of_its_switch() {
    // packed-switch v1, +4: first key 5, cases +3, into the middle of the switch, past the end.
    let (body, _) = run(2, &[0x012b, 0x0004, 0x0000, 0x000e, 0x0100, 0x0003, 5, 0, 3, 0, 1, 0, 0x1000, 0]);
    assert!(matches!(&body.instructions[0].op, Op::Switch { keys, .. } if **keys == [5]));
    assert_eq!((body.blocks[0].successors.len(), body.dropped_edges), (2, 2));
}

#[test]
fn indices_outside_of_the_tables_are_unknown() {
    // const-string, const-class, new-instance, check-cast, instance-of, new-array, sget, sget-wide, iput, invoke-static,
    // filled-new-array, all with index ffff.
    let units = [
        0x001a, 0xffff, 0x001c, 0xffff, 0x0022, 0xffff, 0x001f, 0xffff, 0x0020, 0xffff, 0x0023, 0xffff, 0x0060, 0xffff,
        0x0061, 0xffff, 0x4059, 0xffff, 0x1071, 0xffff, 0x0004, 0x1024, 0xffff, 0x0004, 0x000c, 0x0011,
    ];
    let (body, text) = run(5, &units);
    assert_eq!((body.unknown_instructions, body.instructions.len()), (11, 12), "{text}");
}

#[test]
fn registers_that_do_not_exist_or_were_never_assigned_read_as_nothing() {
    // add-int v9, v0, v9; return v9, with two registers of which v0 holds nothing.
    let (body, text) = run(2, &[0x0990, 0x0900, 0x090f]);
    assert_eq!(body.unknown_instructions, 1);
    let expected = [
        "  2 instructions, 1 not understood",
        "b0:",
        "  0000  %2 = unknown 100 ()",
        "  0000  %1 = add int %2, %2",
        "  0002  return %2",
    ];
    assert_eq!(lines(&text), expected);
}

#[test]
fn a_call_whose_registers_do_not_fit_its_prototype_is_unknown() {
    // invoke-virtual {v1}, then {v1, v1}, then invoke-static {v1}, all of La;->run()V.
    let (body, text) = run(2, &[0x106e, 0, 1, 0x206e, 0, 0x11, 0x1071, 0, 1, 0x000e]);
    assert_eq!(body.unknown_instructions, 2, "{text}");
    assert!(matches!(&body.instructions[0].op, Op::Invoke { .. }));
}

/// A code item with exception tables, in place of the code units of `La;->run()V`: `units`, then `tries` (first unit,
/// number of units, offset of the handlers), then `handlers`.
fn with_tries(registers: u16, units: &[u16], tries: &[[u16; 3]], handlers: &[u8]) -> Program {
    let mut all = units.to_vec();
    all.resize(units.len().next_multiple_of(2), 0);
    all.extend(tries.iter().flat_map(|&[start, count, offset]| [start, 0, count, offset]));
    all.extend(handlers.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let class = dex::class("La;", "Ljava/lang/Object;", &[]).method_with("run", 1, Some((registers, all)));
    let mut file = dex::write("035", &[class]);
    let item = {
        let program = common::program(&[file.clone()]);
        let method = program.find_method("La;", "run", "()V").unwrap();
        program.definition(method).unwrap().1.code.unwrap().offset as usize
    };
    patch(&mut file, item + 6, &(tries.len() as u16).to_le_bytes());
    patch(&mut file, item + 12, &(units.len() as u32).to_le_bytes());
    let sum = dex::adler32(&file[12..]);
    patch(&mut file, 8, &sum.to_le_bytes());
    common::program(&[file])
}

#[test]
fn a_handler_that_starts_in_the_middle_of_an_instruction_has_no_edge() {
    // invoke-virtual {v1}, La;->run()V; return-void; the handler is at unit 1, then at unit 3.
    for (handler, dropped) in [(1, 1), (3, 0)] {
        let program = with_tries(2, &[0x106e, 0, 1, 0x000e], &[[0, 3, 1]], &[1, 0, handler]);
        assert_eq!(common::problems(&program), [""; 0]);
        let method = program.find_method("La;", "run", "()V").unwrap();
        let body = program.body_of(method).unwrap().unwrap();
        body.verify().unwrap();
        assert_eq!((body.dropped_edges, body.blocks[0].handlers.len()), (dropped, 1 - dropped as usize));
    }
}

/// Builds the body; whether the work it asked for was allowed.
fn is_built(program: &Program) -> bool {
    assert_eq!(common::problems(program), [""; 0]);
    let method = program.find_method("La;", "run", "()V").unwrap();
    match program.body_of(method).unwrap() {
        Ok(_) => true,
        Err(error) => {
            assert!(matches!(error.kind, bytes::Kind::Limit(_)), "{error}");
            false
        }
    }
}

#[test]
fn joins_beyond_all_measure_are_refused_and_many_are_not() {
    // Blocks that each assign 250 registers, and all lead to one that reads them.
    let join = |blocks: u16, live: u16| {
        let mut units = Vec::new();
        for _ in 0..blocks {
            // if-eqz to the next block; const/16 of each register; goto/32 to the join.
            units.extend([0x0038 | 255 << 8, 2 + live * 2 + 3]);
            (0..live).for_each(|register| units.extend([0x0013 | register << 8, register]));
            let left = u32::from(blocks) * (u32::from(live) * 2 + 5) - units.len() as u32;
            units.extend([0x002a, left as u16, (left >> 16) as u16]);
        }
        units.extend([0x0000, 0x0025 | live << 8, 0, 0, 0x000e]);
        let class = dex::class("La;", "Ljava/lang/Object;", &[]).method_with("run", 1, Some((256, units)));
        common::program(&[dex::write("035", &[class])])
    };
    assert!(is_built(&join(200, 200)));
    assert!(is_built(&join(1000, 250)));
    // Thousands of blocks, each with sixty thousand registers.
    let mut units = [0x0038, 0x0003, 0x0000].repeat(2000);
    units.push(0x000e);
    let class = dex::class("La;", "Ljava/lang/Object;", &[]).method_with("run", 1, Some((60_000, units)));
    assert!(!is_built(&common::program(&[dex::write("035", &[class])])));
}

#[test]
fn thousands_of_ranges_with_one_handler_that_reads_everything_are_refused() {
    // Each range assigns a register and can throw; the handler reads all registers, 255 at a time.
    let registers = 65_025_u16;
    let handler: Vec<u16> = (0..255).flat_map(|at| [0xff25, 0, at * 255]).chain([0x000e]).collect();
    let mut units: Vec<u16> = Vec::new();
    let mut tries = Vec::new();
    for at in 0..5000_u16 {
        tries.push([units.len() as u16, 5, 1]);
        // move/from16 v0, at; new-array v1, v0; nop: the next range is another block.
        units.extend([0x0002, at, 0x1023, 0, 0x0000, 0x0000]);
    }
    let at = units.len() as u32;
    units.extend([0x000e]);
    units.extend(handler);
    // One list: only a catch-all, in LEB128, past the return.
    let at = at + 1;
    let list = [1, 0, at as u8 & 0x7f | 0x80, (at >> 7) as u8 & 0x7f | 0x80, (at >> 14) as u8];
    assert!(!is_built(&with_tries(registers, &units, &tries, &list)));
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }
}

/// Where instructions are in a file: offset of the first and number of code units.
fn code_ranges(program: &Program) -> Vec<(usize, usize)> {
    let all = program.classes().iter().flat_map(|class| &class.methods).filter_map(|method| method.code);
    let code = all.map(|item| program.code_item(item).unwrap());
    code.map(|code| (code.instructions_offset as usize, code.unit_count() as usize)).collect()
}

fn mutate(file: &mut [u8], ranges: &[(usize, usize)], random: &mut Random) {
    for _ in 0..1 + random.below(6) {
        let (start, units) = ranges[random.below(ranges.len())];
        let at = start + 2 * random.below(units);
        let other = start + 2 * random.below(units);
        match random.below(5) {
            0 => file[at] = random.next() as u8,
            1 => file[at + 1] = random.next() as u8,
            // A small number: registers, distances and indices that are often valid.
            2 => patch(file, at, &(random.below(16) as u16).wrapping_sub(4).to_le_bytes()),
            3 => file.swap(at, other),
            // A jump.
            _ => {
                let opcode = [0x28, 0x29, 0x2b, 0x2c, 0x32, 0x38, 0x0d, 0xe3, 0xe9][random.below(9)];
                patch(file, at, &[opcode, random.below(8) as u8]);
            }
        }
        // Sometimes what follows the instructions too: exception tables.
        if random.below(3) == 0 {
            let at = (start + 2 * units + random.below(24)).min(file.len() - 1);
            file[at] = random.below(40) as u8;
        }
    }
}

#[test]
fn changed_code_is_read_without_panic_within_bounds_and_into_correct_bodies() {
    const RUNS: usize = 2500;
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut bodies, mut damaged) = (0_u64, 0_u64);
    for case in cases() {
        let whole = dex_of(&case);
        let ranges = code_ranges(&common::program(std::slice::from_ref(&whole)));
        for _ in 0..RUNS {
            let mut file = whole.clone();
            mutate(&mut file, &ranges, &mut random);
            let program = common::program(&[file]);
            let all = program.classes().iter().flat_map(|class| class.methods.iter().map(move |it| (class, it)));
            for (class, method) in all.filter(|(_, method)| method.code.is_some()) {
                let Ok(body) = program.body(class, method) else { continue };
                bodies += 1;
                damaged += u64::from(body.unknown_instructions > 0 || body.dropped_edges > 0);
                if let Err(problem) = body.verify() {
                    panic!("{case}: {problem}\n{}", program.body_text(method.method));
                }
                for instruction in &body.instructions {
                    assert!(program.instruction_text(&body, instruction).chars().count() <= 160);
                }
            }
        }
    }
    assert!(bodies > 60_000 && damaged > 10_000, "{bodies} bodies, {damaged} damaged");
}
