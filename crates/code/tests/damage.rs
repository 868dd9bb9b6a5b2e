//! Damaged and hostile files: each wrong field is told with its offset, the rest is read, and nothing panics, hangs or
//! takes memory out of proportion.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Limits};
use code::{Hierarchy, InputFile, InvokeKind, Library, Program};
use common::{dex, oat, patch, quick, u32_at};

/// `shapes-035.dex` with a change, and a checksum that is right again.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Program {
    let mut file = common::fixture("shapes-035.dex");
    change(&mut file);
    let sum = dex::adler32(&file[12..]);
    patch(&mut file, 8, &sum.to_le_bytes());
    common::program(&[file])
}

/// Where the header says tables start.
struct Places {
    strings: usize,
    types: usize,
    prototypes: usize,
    fields: usize,
    methods: usize,
    classes: usize,
}

fn places(file: &[u8]) -> Places {
    let at = |field| u32_at(file, field) as usize;
    Places { strings: at(60), types: at(68), prototypes: at(76), fields: at(84), methods: at(92), classes: at(100) }
}

/// Whether code that no case damages is still there.
fn rest_is_read(program: &Program) -> bool {
    let method = program.find_method("Lshapes/Code;", "table", "(I)[I");
    let code = method.and_then(|method| program.definition(method)?.1.code);
    code.is_some_and(|item| program.code_item(item).is_ok_and(|code| code.unit_count() == 30))
}

#[test]
fn a_wrong_field_is_told_with_its_offset_and_the_rest_is_read() {
    let file = common::fixture("shapes-035.dex");
    let at = places(&file);
    let len = file.len();
    let marker = at.classes + 32;
    let cases: [(usize, &[u8], String); 21] = [
        (32, &[0, 0, 1, 0], format!("file_size at 0x20: needs 65536 bytes, {len} left")),
        (32, &[0x70, 0, 0, 0], "file_size at 0x20: corrupt".into()),
        (at.strings, &[0xff; 4], format!("string_data_off at {:#x}: needs 1 bytes, 0 left", at.strings)),
        (at.types, &[0xff; 4], format!("descriptor_idx at {:#x}: corrupt", at.types)),
        (at.prototypes + 4, &[0xff; 4], format!("return_type_idx at {:#x}: corrupt", at.prototypes + 4)),
        (at.prototypes + 8, &[0xff; 4], format!("parameters_off at {:#x}: needs 1 bytes, 0 left", at.prototypes + 8)),
        (at.fields, &[0xff; 2], format!("field class_idx at {:#x}: corrupt", at.fields)),
        (at.fields + 2, &[0xff; 2], format!("field type_idx at {:#x}: corrupt", at.fields + 2)),
        (at.fields + 4, &[0xff; 4], format!("field name_idx at {:#x}: corrupt", at.fields + 4)),
        (at.methods, &[0xff; 2], format!("method class_idx at {:#x}: corrupt", at.methods)),
        (at.methods + 2, &[0xff; 2], format!("proto_idx at {:#x}: corrupt", at.methods + 2)),
        (at.methods + 4, &[0xff; 4], format!("method name_idx at {:#x}: corrupt", at.methods + 4)),
        (at.classes, &[0xfe; 4], format!("class_idx at {:#x}: corrupt", at.classes)),
        (marker, &file[at.classes..at.classes + 4], format!("class_idx at {marker:#x}: corrupt")),
        (marker + 8, &[0xfe; 4], format!("superclass_idx at {:#x}: corrupt", marker + 8)),
        (marker + 12, &[0xfe; 4], format!("interfaces_off at {:#x}: needs 1 bytes, 0 left", marker + 12)),
        (marker + 24, &[0xfe; 4], format!("class_data_off at {:#x}: needs 1 bytes, 0 left", marker + 24)),
        (at.classes + 28, &[0xfe; 4], format!("static_values_off at {:#x}: needs 1 bytes, 0 left", at.classes + 28)),
        (80, &[0xff; 4], "field_ids at 0x50: needs".into()),
        (88, &[0xff; 4], "method_ids at 0x58: needs".into()),
        (96, &[0xff; 4], "class_defs at 0x60: needs".into()),
    ];
    for (offset, bytes, expected) in cases {
        let program = changed(|file| patch(file, offset, bytes));
        let told = common::problems(&program);
        let is_told = told.iter().any(|line| line.starts_with(&format!("0: {expected}")));
        assert!(is_told, "{expected}: {told:?}");
        assert!(rest_is_read(&program), "{expected}");
    }
}

#[test]
fn a_file_whose_tables_are_enciphered_is_told_and_nothing_is_made_of_it() {
    let at = places(&common::fixture("shapes-035.dex"));
    let scrambled = |share: usize| {
        changed(|file| {
            let strings = u32_at(file, 56) as usize;
            let cipher = (0..4 * strings / share).map(|byte| (byte as u8).wrapping_mul(149) | 0x80);
            let cipher: Vec<u8> = cipher.collect();
            patch(file, at.strings, &cipher);
        })
    };
    let all = scrambled(1);
    let expected = "string_ids, most of which lead out of the file: it is enciphered";
    assert_eq!(common::problems(&all), [format!("0: {expected} at {:#x}: corrupt", at.strings)]);
    assert_eq!((all.files().len(), all.classes().len()), (0, 0));
    // Where some strings are damaged, the rest is read.
    let some = scrambled(8);
    assert!(common::problems(&some).iter().all(|told| told.contains("string_data_off")));
    assert_eq!(some.files().len(), 1);
    assert!(!some.classes().is_empty());
}

#[test]
fn a_string_that_is_no_text_keeps_its_place() {
    let program = changed(|file| {
        let text = file.windows(5).position(|five| five == b"plain").unwrap();
        file[text + 2] = 0xff;
    });
    let file = common::fixture("shapes-035.dex");
    let offset = file.windows(5).position(|five| five == b"plain").unwrap() + 2;
    assert_eq!(common::problems(&program), [format!("0: string data at {offset:#x}: corrupt")]);
    assert!(program.find_string("pl\u{fffd}in").is_some());
    assert!(rest_is_read(&program));
    // A text longer than it says is what the platform takes it for, too.
    let program = changed(|file| file[offset - 3] = 4);
    assert_eq!(common::problems(&program), [format!("0: utf16_size at {:#x}: corrupt", offset - 3)]);
    assert!(program.find_string("plain").is_some());
}

#[test]
fn a_class_without_a_name_keeps_its_methods() {
    let file = common::fixture("shapes-035.dex");
    let code_class = places(&file).classes + 64;
    let program = changed(|file| patch(file, code_class, &[0xff; 4]));
    let table = program.find_method("Lshapes/Code;", "table", "(I)[I").unwrap();
    let (class, definition) = program.definition(table).unwrap();
    assert_eq!(program.descriptor(class.ty), "\u{fffd}class@0:2");
    assert!(program.code_item(definition.code.unwrap()).is_ok());
}

#[test]
fn wrong_code_is_told_with_its_offset() {
    let file = common::fixture("shapes-035.dex");
    let good = common::program(std::slice::from_ref(&file));
    let nested = |program: &Program| {
        let method = program.find_method("Lshapes/Code;", "nested", "(Ljava/lang/Object;)V").unwrap();
        program.definition(method).unwrap().1.code.unwrap()
    };
    let offset = nested(&good).offset as usize;
    let tries = offset + 16 + 28;
    let handlers = tries + 24;
    let cases: [(usize, &[u8], String); 10] = [
        (offset + 2, &[5], format!("ins_size at {:#x}: corrupt", offset + 2)),
        (offset + 12, &[0xff; 4], format!("insns at {:#x}: needs 8589934590 bytes", offset + 16)),
        (offset + 6, &[0xff; 2], format!("tries at {tries:#x}: needs 524280 bytes")),
        (tries + 8, &[1], format!("start_addr at {:#x}: corrupt", tries + 8)),
        (tries + 4, &[0], format!("insn_count at {:#x}: corrupt", tries + 4)),
        (tries + 20, &[99], format!("insn_count at {:#x}: corrupt", tries + 20)),
        (tries + 6, &[0xff, 0xff], format!("handler_off at {handlers:#x}: needs 65535 bytes")),
        (handlers + 1, &[0xff, 0x3f], format!("encoded_catch_handler size at {:#x}: corrupt", handlers + 1)),
        (handlers + 2, &[0x7f], format!("handler type_idx at {:#x}: corrupt", handlers + 2)),
        (handlers + 3, &[14], format!("handler addr at {:#x}: corrupt", handlers + 3)),
    ];
    for (at, bytes, expected) in cases {
        let program = changed(|file| patch(file, at, bytes));
        let error = program.code_item(nested(&program)).unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{expected}: {error}");
        assert!(rest_is_read(&program));
    }
}

/// A file whose table has `count` entries that all point to the same `data`.
fn all_point_to_one(count: u32, data: &[u8]) -> Vec<u8> {
    let mut file = dex::write("035", &[]);
    let table = file.len() as u32;
    let target = table + count * 4;
    file.extend((0..count).flat_map(|_| target.to_le_bytes()));
    file.extend(data);
    patch(&mut file, 56, &count.to_le_bytes());
    patch(&mut file, 60, &table.to_le_bytes());
    file
}

#[test]
fn a_million_entries_that_share_a_megabyte_stop_at_the_bound() {
    let mut text = vec![0x80, 0x80, 0x40];
    text.extend(vec![b'a'; 1 << 20]);
    text.push(0);
    let program = common::program(&[all_point_to_one(1_000_000, &text)]);
    let told = common::problems(&program);
    assert!(
        told.iter().any(|line| line.contains("string data") || line.contains("problems of a dex file")),
        "{told:?}"
    );
    assert!(told.len() < 100);
    // The text was never found again: every later entry is a placeholder at its position.
    assert!(program.string_count() > 900_000);
    assert!(peak_memory_mib() < 1024);
}

#[test]
fn methods_that_share_a_huge_code_item_are_refused_and_told() {
    let mut it = dex::class("La;", "Ljava/lang/Object;", &[]);
    for number in 0..30_000 {
        it = it.method(&format!("m{number:05}"));
    }
    let mut file = dex::write("035", &[it]);
    let good = common::program(std::slice::from_ref(&file));
    let items =
        |program: &Program| -> Vec<_> { program.classes()[0].methods.iter().filter_map(|it| it.code).collect() };
    assert!(items(&good).iter().all(|item| good.code_item(*item).is_ok()));
    // Every code item claims the rest of the file, and they overlap.
    let len = file.len();
    for item in items(&good) {
        let at = item.offset as usize;
        let units = (len - at - 16) as u32 / 2;
        patch(&mut file, at + 12, &units.to_le_bytes());
    }
    let sum = dex::adler32(&file[12..]);
    patch(&mut file, 8, &sum.to_le_bytes());
    let program = common::program(&[file]);
    assert!(common::problems(&program)[0].contains("code_item at"));
    assert!(common::problems(&program)[0].ends_with("node count limit reached"));
    let codes: Vec<_> = items(&program).iter().map(|item| program.code_item(*item)).collect();
    let readable: usize = codes.iter().flatten().map(|code| code.instructions.len()).sum();
    assert!(readable <= 9 * len, "{readable} of {len}");
    assert!(codes.iter().any(Result::is_err));
}

#[test]
fn a_hundred_thousand_classes_that_share_their_members_stop_at_the_bound() {
    let members =
        (0..2000).fold(dex::class("La;", "Ljava/lang/Object;", &[]), |it, number| it.method(&format!("m{number}")));
    let mut file = dex::write("035", &[members]);
    let at = places(&file).classes;
    let class_def = file[at..at + 32].to_vec();
    let table = file.len() as u32;
    for number in 0..100_000_u32 {
        let mut entry = class_def.clone();
        // No such type: each class gets a name of its own.
        patch(&mut entry, 0, &(0x10_0000 + number).to_le_bytes());
        file.extend(entry);
    }
    patch(&mut file, 96, &100_000_u32.to_le_bytes());
    patch(&mut file, 100, &table.to_le_bytes());
    let program = common::program(&[file.clone()]);
    assert_eq!(program.classes().len(), 100_000);
    let members: usize = program.classes().iter().map(|class| class.methods.len()).sum();
    assert!(members < 8 * file.len() / 3, "{members}");
    assert!(!program.problems.is_empty());
}

/// The most memory this process ever had, in MiB.
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A small generator, so that every run makes the same files.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// The files of an app: one, or an OAT file and its VDEX file.
fn seeds() -> Vec<Vec<Vec<u8>>> {
    let mut seeds: Vec<_> =
        ["035", "037", "038", "039"].map(|version| common::fixture(&format!("shapes-{version}.dex"))).into();
    let classes = |name: &str| {
        vec![dex::class(name, "Lup;", &["Li;"]).method("call"), dex::interface("Li;", &["Li;"]).abstract_method("call")]
    };
    let small = dex::write("035", &classes("Lsmall;"));
    seeds.push(dex::write_container("041", &[classes("La;"), classes("Lb;"), classes("Lup;")]));
    let files = [("/x.apk", seeds[0].clone()), ("/x.apk:classes2.dex", small)];
    for version in [8, 39, 45, 64, 124] {
        seeds.push(oat::elf(&oat::oat(version, &files), version % 2 == 0));
    }
    let quickened = [quick::quicken(&seeds[3], false), quick::quicken(&files[1].1, false)];
    let kept = [quickened[0].1.clone(), quickened[1].1.clone()];
    let files = [("/x.apk", quickened[0].0.clone()), ("/x.apk:classes2.dex", quickened[1].0.clone())];
    for version in [79, 88] {
        seeds.push(oat::elf(&oat::oat_with(version, &files, &kept), version % 2 == 0));
    }
    seeds.extend([6, 10, 19, 21, 27].map(|version| quick::vdex(version, &quickened)));
    seeds.push(quick::compact_vdex(&quickened));
    seeds.extend([45, 64].map(|version| oat::elf(&oat::oat(version, &files), false)));
    let mut optimised = b"dey\n036\0".to_vec();
    optimised
        .extend([40, quickened[0].0.len() as u32, 0, 0, 0, 0, 0, 0].iter().flat_map(|word: &u32| word.to_le_bytes()));
    optimised.extend(&quickened[0].0);
    seeds.push(optimised);
    let mut apps: Vec<Vec<Vec<u8>>> = seeds.into_iter().map(|file| vec![file]).collect();
    for (version, vdex) in [(131, 10), (138, 19), (170, 21), (183, 21), (195, 27), (199, 27), (220, 27), (259, 27)] {
        apps.push(vec![oat::elf(&oat::oat(version, &files), true), quick::vdex(vdex, &quickened)]);
    }
    apps
}

fn mutate(random: &mut Random, file: &mut Vec<u8>) {
    // Zeros between tables teach nothing.
    let used: Vec<usize> = (0..file.len()).filter(|&at| file[at] != 0).collect();
    for _ in 0..=random.below(4) {
        let at = used[random.below(used.len())];
        let len = file.len();
        match random.below(6) {
            0 => file[at] ^= 1 << random.below(8),
            1 => file[at] = random.next() as u8,
            2 | 3 => {
                let edges = [0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fff_ffff, u32::MAX, len as u32, len as u32 - 1, at as u32];
                let at = (at & !3).min(len - 4);
                patch(file, at, &edges[random.below(edges.len())].to_le_bytes());
            }
            4 => {
                let from = used[random.below(used.len())].min(len - 8);
                file.copy_within(from..from + 8, at.min(len - 8));
            }
            _ => {
                if random.below(8) == 0 {
                    file.truncate(at.max(64));
                    return;
                }
            }
        }
    }
}

/// The program of an app whose files have one name but for its ending.
fn app(files: Vec<Vec<u8>>) -> Program {
    let named = ["X.odex", "X.vdex"].into_iter().zip(files);
    let open = |(path, bytes): (&str, Vec<u8>)| InputFile { path: path.into(), source: ByteSource::from_bytes(bytes) };
    Program::build(&named.map(open).collect::<Vec<_>>(), &Budget::new(Limits::FILE))
}

/// Asks the program everything there is to ask.
fn ask(program: &Program) -> usize {
    let hierarchy = Hierarchy::new(program, &BTreeMap::new());
    let mut answers = hierarchy.cut();
    for class in program.classes() {
        answers += hierarchy.supertypes(class.ty).len() + hierarchy.subclasses(class.ty).len();
        for definition in &class.methods {
            if let Some(item) = definition.code {
                answers += program.code_item(item).map_or(0, |code| code.tries.len());
            }
            answers += program.method_text(definition.method).len() + hierarchy.overrides(definition.method).len();
        }
    }
    for method in (0..program.method_count()).map(|id| code::MethodId(id as u32)) {
        answers += hierarchy.targets(method).len();
        answers += usize::from(hierarchy.resolve(method, InvokeKind::Virtual).is_some());
    }
    // As a library that an app comes to all of, and as an app that has part of it.
    let started: Vec<String> = program.classes().iter().map(|class| program.descriptor(class.ty).to_owned()).collect();
    let library = Library::new(program.clone(), &|_| true);
    let part = library.part_for(&Program::default(), &started);
    let joined = Program::default().with_parts_of(library.program(), &part.classes, &part.methods);
    assert_eq!(joined.classes().len(), part.classes.len());
    for method in joined.classes().iter().flat_map(|class| &class.methods) {
        let text = joined.body_text(method.method);
        answers += text.len();
    }
    answers
}

#[test]
fn twenty_five_thousand_damaged_files_neither_panic_nor_take_memory() {
    let seeds = seeds();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut answers, mut problems, mut read) = (0, 0, 0);
    for run in 0..25_000 {
        let mut files = seeds[run % seeds.len()].clone();
        let one = random.below(files.len());
        mutate(&mut random, &mut files[one]);
        let mut program = app(files);
        if program.needs_class_path() {
            program = program.with_class_path(&code::ClassPath::default());
        }
        problems += usize::from(!program.problems.is_empty());
        read += usize::from(!program.classes().is_empty());
        answers += ask(&program);
    }
    // Most damage is noticed, and most of what is left is read.
    assert!(problems > 12_000, "{problems}");
    assert!(read > 12_000, "{read}");
    assert!(answers > 1_000_000, "{answers}");
    assert!(peak_memory_mib() < 1024, "{}", peak_memory_mib());
}
