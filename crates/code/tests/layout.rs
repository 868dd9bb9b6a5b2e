//! Files whose compiler kept nothing: what instructions named is found by laying classes out. The header's SHA-1 is the
//! oracle.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use std::collections::BTreeMap;

use code::{ClassPath, Fidelity, Program};
use common::{oat, patch, quick};

/// Every object begins with its class and its lock; the root class has eleven methods.
const HEADER: u16 = 8;
const ROOT_METHODS: u16 = 11;
const CLONE: u16 = 0;

/// Numbers of the members of classes directly below the root class that are laid out alike everywhere: fields by index of
/// classes whose fields are all references or all words, methods by index.
fn numbers(program: &Program, dex: &[u8]) -> (BTreeMap<u16, u16>, BTreeMap<u16, u16>) {
    let (mut by_field, mut by_method) = (BTreeMap::new(), BTreeMap::new());
    for class in program.classes() {
        let below_root = class.superclass.is_some_and(|ty| program.descriptor(ty) == "Ljava/lang/Object;");
        if !below_root || class.access & 0x600 != 0 {
            continue;
        }
        let fields: Vec<_> = class.fields.iter().filter(|field| field.access & 8 == 0).collect();
        let types: Vec<&str> =
            fields.iter().map(|field| program.descriptor(program.field(field.field).unwrap().ty)).collect();
        let references = types.iter().all(|ty| ty.starts_with(['L', '[']));
        if references || types.iter().all(|ty| *ty == "I") {
            for (at, field) in (0..).zip(&fields) {
                by_field.insert(program.field_text(field.field), HEADER + 4 * at);
            }
        }
        let virtual_methods = class.methods.iter().filter(|method| method.access & 0x1_000a == 0);
        let overrides = ["equals", "hashCode", "toString", "finalize", "clone"];
        let names = |id| program.text(program.method(id).unwrap().name);
        let mut next = ROOT_METHODS;
        for method in virtual_methods {
            if !overrides.contains(&names(method.method)) {
                by_method.insert(program.method_text(method.method), next);
                next += 1;
            }
        }
    }
    // Indices of the file: a file alone in a program names its members in their order.
    let count = |at: usize| common::u32_at(dex, at) as usize;
    let fields = (0..count(80)).filter_map(|index| {
        let number = by_field.get(&program.field_text(code::FieldId(index as u32)))?;
        Some((index as u16, *number))
    });
    let methods = (0..count(88)).filter_map(|index| {
        let text = program.method_text(code::MethodId(index as u32));
        // The first of the root class's methods, called on an array.
        let cloned = text
            .starts_with('[')
            .then_some(&CLONE)
            .filter(|_| text.contains(";->clone()") || text.contains("[I->clone()"));
        let number = by_method.get(&text).or(cloned)?;
        Some((index as u16, *number))
    });
    (fields.collect(), methods.collect())
}

/// The file with every instruction quickened whose number is known here, and how many.
fn quickened(dex: &[u8], dalvik: bool) -> (Vec<u8>, u32) {
    let program = common::program(&[dex.to_vec()]);
    let (fields, methods) = numbers(&program, dex);
    let (quick, changed) = quick::quicken(dex, false);
    let mut out = dex.to_vec();
    let mut count = 0;
    for (method, (pc, index)) in changed.iter().flat_map(|method| method.pairs.iter().map(move |pair| (method, *pair)))
    {
        let at = method.code + 16 + 2 * pc as usize;
        let call = matches!(quick[at], 0xe9 | 0xea);
        let number = if call { methods.get(&(index as u16)) } else { fields.get(&(index as u16)) };
        // The narrow kinds came later.
        let Some(number) = number.filter(|_| quick[at] < 0xeb) else { continue };
        out[at] = if dalvik { quick[at] - 0xe3 + 0xf2 } else { quick[at] };
        patch(&mut out, at + 2, &number.to_le_bytes());
        count += 1;
    }
    (out, count)
}

/// An optimised Dalvik file.
fn optimised(dex: &[u8], class_path: &[&str]) -> Vec<u8> {
    let mut out = b"dey\n036\0".to_vec();
    let after = 40 + dex.len() as u32;
    for word in [40, dex.len() as u32, after, 0, after, 0, 0, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend(dex);
    for word in [0, 0, 0, class_path.len() as u32] {
        out.extend(word.to_le_bytes());
    }
    for path in class_path {
        out.extend((path.len() as u32 + 1).to_le_bytes());
        out.extend(path.as_bytes());
        out.extend([0; 21]);
    }
    out
}

#[test]
fn offsets_and_positions_become_names_again() {
    let dex = common::fixture("../flows/flows.dex");
    for (name, dalvik) in [("dalvik", true), ("45", false), ("64", false)] {
        let (quick, count) = quickened(&dex, dalvik);
        assert!(count > 50, "{count}");
        let file = match name {
            "dalvik" => optimised(&quick, &[]),
            version => oat::elf(&oat::oat(version.parse().unwrap(), &[("/x.apk", quick)]), false),
        };
        let program = common::program(&[file]);
        assert_eq!(program.files()[0].fidelity, Fidelity::AsFound { unknown: count }, "{name}");
        assert!(program.needs_class_path());
        let program = program.with_class_path(&ClassPath::default());
        assert_eq!(common::problems(&program), [""; 0]);
        for method in program.classes().iter().flat_map(|class| &class.methods) {
            let text = program.body_text(method.method);
            assert!(!text.contains("unknown e"), "{text}");
        }
        assert_eq!(program.files()[0].fidelity, Fidelity::ByteIdentical, "{name}");
        assert_eq!(*program.files()[0].bytes, dex, "{name}");
        assert!(!program.needs_class_path());
    }
}

#[test]
fn what_is_called_on_an_array_is_named_by_the_arrays_type() {
    let dex = common::fixture("../constants/constants.dex");
    let (quick, count) = quickened(&dex, false);
    let clones = |program: &Program| {
        let methods = program.classes().iter().flat_map(|class| &class.methods);
        let texts = methods.map(|method| program.body_text(method.method));
        texts.filter(|text| text.contains("->clone()")).collect::<Vec<_>>()
    };
    let program = common::program(&[oat::elf(&oat::oat(64, &[("/x.apk", quick)]), false)]);
    let before = clones(&program).len();
    let program = program.with_class_path(&ClassPath::default());
    let found = clones(&program);
    assert_eq!((before, found.len()), (0, 1), "one method makes both calls");
    assert_eq!(found, clones(&common::program(&[dex])));
    assert!(program.files()[0].fidelity.unknown() < count);
}

#[test]
fn without_the_classes_above_nothing_is_named() {
    // A class below one that is not there: its offsets start nobody knows where.
    let class = common::dex::class("La;", "Lgone;", &[]).method("run").method_with(
        "call",
        1,
        // invoke-virtual-quick {v0}, 11; return-void
        Some((1, vec![0x10e9, 11, 0, 0x000e])),
    );
    let dex = common::dex::write("035", &[class]);
    let other = common::dex::write("035", &[common::dex::class("Lext;", "Ljava/lang/Object;", &[]).method("run")]);
    let app = oat::elf(&oat::oat(64, &[("/x.apk", dex)]), false);
    let program = common::program(std::slice::from_ref(&app)).with_class_path(&ClassPath::default());
    assert_eq!(program.files()[0].fidelity, Fidelity::AsFound { unknown: 1 });
    // With it, the class path decides.
    let above = common::dex::class("Lgone;", "Ljava/lang/Object;", &[]).method("run");
    let jar = common::dex::write("035", &[above]);
    let files = [("/system/framework/core-libart.jar", jar.clone()), ("/system/framework/ext.jar", other)];
    // Its jar, or the boot image that all jars were compiled into.
    let mut forms = vec![jar];
    forms.extend([39, 45, 64].map(|version| oat::elf(&oat::oat(version, &files), version == 64)));
    for form in forms {
        let class_path = common::program(&[form]);
        assert_eq!(common::problems(&class_path), [""; 0]);
        let program = common::program(std::slice::from_ref(&app));
        let program = program.with_class_path(&ClassPath { program: class_path, is_whole: false });
        assert_eq!(program.files()[0].fidelity.restored(), 1);
        let call = program.find_method("La;", "call", "()V").unwrap();
        assert!(program.body_text(call).contains("La;->run()V"), "{}", program.body_text(call));
    }
}

#[test]
fn a_class_named_like_one_of_the_platform_is_the_own_one_only_where_the_platform_is_whole() {
    let class = common::dex::class("Ljavax/own/A;", "Ljava/lang/Object;", &[]).method("run").method_with(
        "call",
        1,
        // invoke-virtual-quick {v0}, 11; return-void
        Some((1, vec![0x10e9, 11, 0, 0x000e])),
    );
    let file = oat::elf(&oat::oat(64, &[("/x.jar", common::dex::write("035", &[class]))]), false);
    for (is_whole, restored) in [(false, 0), (true, 1)] {
        let program = common::program(std::slice::from_ref(&file));
        let program = program.with_class_path(&ClassPath { program: Program::default(), is_whole });
        assert_eq!(program.files()[0].fidelity.restored(), restored);
    }
}

#[test]
fn a_call_with_other_arguments_is_not_the_method() {
    // invoke-virtual-quick {v0} and {v0, v0}, 11; return-void: only the first can be run().
    let (one, two) = (vec![0x10e9, 11, 0, 0x000e], vec![0x20e9, 11, 0, 0x000e]);
    for (code, restored) in [(one, 1), (two, 0)] {
        let class = common::dex::class("La;", "Ljava/lang/Object;", &[]).method("run");
        let class = class.method_with("start", 1, Some((1, code)));
        let dex = common::dex::write("035", &[class]);
        let program = common::program(&[oat::elf(&oat::oat(64, &[("/x.apk", dex)]), false)]);
        let program = program.with_class_path(&ClassPath::default());
        assert_eq!(program.files()[0].fidelity.restored(), restored);
    }
}

#[test]
fn only_dalvik_overrides_what_a_class_cannot_see() {
    // act() is for its package; the class below, in another one, has its own.
    let above = common::dex::class("La/A;", "Ljava/lang/Object;", &[]).method_with("act", 0, Some((1, vec![0x000e])));
    let call = |opcode: u16| {
        let below = common::dex::class("Lb/B;", "La/A;", &[]).method_with("go", 0, Some((1, vec![0x000e])));
        let below = below.method_with("act", 0, Some((1, vec![0x000e])));
        // invoke-virtual-quick {v0}, 12; return-void
        let below = below.method_with("start", 1, Some((1, vec![opcode, 12, 0, 0x000e])));
        common::dex::write("035", &[above.clone(), below])
    };
    let called = |file: Vec<u8>| {
        let program = common::program(&[file]).with_class_path(&ClassPath::default());
        program.body_text(program.find_method("Lb/B;", "start", "()V").unwrap())
    };
    let dalvik = called(optimised(&call(0x10f8), &[]));
    assert!(dalvik.contains("Lb/B;->go()V"), "{dalvik}");
    let art = called(oat::elf(&oat::oat(64, &[("/x.apk", call(0x10e9))]), false));
    assert!(art.contains("Lb/B;->act()V"), "the later machine has both: {art}");
}

#[test]
fn an_optimised_file_lists_its_class_path() {
    let file =
        optimised(&common::fixture("shapes-035.dex"), &["/system/framework/core.odex", "/system/framework/ext.odex"]);
    let source = |bytes: Vec<u8>| bytes::ByteSource::from_bytes(bytes);
    let expected = ["/system/framework/core.odex", "/system/framework/ext.odex"];
    assert_eq!(code::dalvik_class_path(&source(file.clone())), expected);
    assert_eq!(code::dalvik_class_path(&source(file[..file.len() - 30].to_vec())), expected[..1]);
    assert!(code::dalvik_class_path(&source(common::fixture("shapes-035.dex"))).is_empty());
    let program = common::program(std::slice::from_ref(&file));
    assert_eq!(program.files()[0].path, "0!classes.dex");
    assert_eq!(program.files()[0].fidelity, Fidelity::ByteIdentical);
    let cut = common::program(&[file[..2000].to_vec()]);
    assert!(common::problems(&cut)[0].starts_with("0: dexLength at 0xc: needs"));
    let mut other = file;
    patch(&mut other, 4, b"035");
    let told = common::problems(&common::program(&[other]));
    assert!(told[0].starts_with("0: version of an optimised file at 0x4:"), "{told:?}");
}
