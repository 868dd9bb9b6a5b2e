//! DEX files of versions 035 to 039, compared with what `dexdump` says of them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use std::fmt::Write as _;

use code::{Class, FieldDefinition, Literal, MethodDefinition, Program};

const VERSIONS: [&str; 4] = ["035", "037", "038", "039"];

/// The program as `dexdump` prints it, without words for flags and without debug information.
fn dump(program: &Program) -> String {
    let mut out = String::new();
    for (number, class) in program.classes().iter().enumerate() {
        dump_class(program, number, class, &mut out).unwrap();
    }
    out
}

fn dump_class(program: &Program, number: usize, class: &Class, out: &mut String) -> std::fmt::Result {
    writeln!(out, "Class #{number}            -")?;
    writeln!(out, "  Class descriptor  : '{}'", program.descriptor(class.ty))?;
    writeln!(out, "  Access flags      : 0x{:04x}", class.access)?;
    if let Some(superclass) = class.superclass {
        writeln!(out, "  Superclass        : '{}'", program.descriptor(superclass))?;
    }
    writeln!(out, "  Interfaces        -")?;
    for (position, interface) in class.interfaces.iter().enumerate() {
        writeln!(out, "    #{position}              : '{}'", program.descriptor(*interface))?;
    }
    let is_static = |field: &&FieldDefinition| field.access & 8 != 0;
    let (statics, instance): (Vec<_>, Vec<_>) = class.fields.iter().partition(is_static);
    for (title, fields) in [("Static fields     -", statics), ("Instance fields   -", instance)] {
        writeln!(out, "  {title}")?;
        for (position, field) in fields.iter().enumerate() {
            dump_field(program, position, field, out)?;
        }
    }
    let is_direct = |method: &&MethodDefinition| method.access & 0x1_000a != 0;
    let (direct, dispatched): (Vec<_>, Vec<_>) = class.methods.iter().partition(is_direct);
    for (title, methods) in [("Direct methods    -", direct), ("Virtual methods   -", dispatched)] {
        writeln!(out, "  {title}")?;
        for (position, method) in methods.iter().enumerate() {
            dump_method(program, position, method, out)?;
        }
    }
    Ok(())
}

fn dump_field(program: &Program, position: usize, definition: &FieldDefinition, out: &mut String) -> std::fmt::Result {
    let field = program.field(definition.field).unwrap();
    let ty = program.descriptor(field.ty);
    writeln!(out, "    #{position}              : (in {})", program.descriptor(field.class))?;
    writeln!(out, "      name          : '{}'", program.text(field.name))?;
    writeln!(out, "      type          : '{ty}'")?;
    writeln!(out, "      access        : 0x{:04x}", definition.access)?;
    let Some(value) = &definition.initial else { return Ok(()) };
    let value = match (value, ty) {
        (Literal::Number(bits), "Z") => (*bits != 0).to_string(),
        (Literal::Number(bits), "F") => f32::from_bits(*bits as u32).to_string(),
        (Literal::Number(bits), "D") => f64::from_bits(*bits as u64).to_string(),
        (Literal::Number(0), _) if ty.starts_with(['L', '[']) => "null".into(),
        (Literal::Number(number), _) => number.to_string(),
        (Literal::Text(text), _) => format!("\"{}\"", program.text(*text)),
        (Literal::Class(class), _) => program.descriptor(*class).into(),
        (Literal::Other, _) => "?".into(),
    };
    writeln!(out, "      value         : {value}")
}

fn dump_method(
    program: &Program,
    position: usize,
    definition: &MethodDefinition,
    out: &mut String,
) -> std::fmt::Result {
    let method = program.method(definition.method).unwrap();
    writeln!(out, "    #{position}              : (in {})", program.descriptor(method.class))?;
    writeln!(out, "      name          : '{}'", program.text(method.name))?;
    writeln!(out, "      type          : '{}'", program.method_descriptor(definition.method))?;
    writeln!(out, "      access        : 0x{:04x}", definition.access)?;
    let Some(item) = definition.code else { return writeln!(out, "      code          : (none)") };
    let code = program.code_item(item).unwrap();
    writeln!(out, "      code          -")?;
    writeln!(out, "      registers     : {}", code.registers)?;
    writeln!(out, "      ins           : {}", code.ins)?;
    writeln!(out, "      outs          : {}", code.outs)?;
    writeln!(out, "      insns size    : {} 16-bit code units", code.unit_count())?;
    if code.tries.is_empty() {
        return writeln!(out, "      catches       : (none)");
    }
    writeln!(out, "      catches       : {}", code.tries.len())?;
    for part in &code.tries {
        writeln!(out, "        0x{:04x} - 0x{:04x}", part.start_unit, part.end_unit)?;
        for (ty, address) in &part.handlers {
            let ty = ty.map_or("<any>", |ty| program.descriptor(ty));
            writeln!(out, "          {ty} -> 0x{address:04x}")?;
        }
    }
    Ok(())
}

/// What [`dump`] tells, out of what `dexdump` tells.
fn comparable(dumped: &str) -> String {
    let is_debug =
        |line: &&str| ["source_file_idx", "positions", "locals"].iter().any(|word| line.trim().starts_with(word));
    let mut out = String::new();
    for line in dumped.lines().filter(|line| !is_debug(line) && !line.trim().is_empty() && !line.starts_with("DEX ")) {
        let line = if line.contains(": 0x") { line.split(" (").next().unwrap() } else { line };
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[test]
fn every_version_reads_as_dexdump_reads_it() {
    for version in VERSIONS {
        let expected = String::from_utf8(common::fixture(&format!("shapes-{version}.dexdump"))).unwrap();
        let program = common::program(&[common::fixture(&format!("shapes-{version}.dex"))]);
        assert_eq!(common::problems(&program), [""; 0], "{version}");
        let expected = comparable(&expected);
        assert!(expected.lines().count() > 100);
        assert_eq!(dump(&program), expected, "{version}");
    }
}

#[test]
fn strings_keep_zeros_and_lone_surrogates() {
    let program = common::program(&[common::fixture("shapes-035.dex")]);
    let utf16 = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    let mut high = utf16("lone  high");
    high.insert(5, 0xd83d);
    let mut low = utf16("lone  low");
    low.insert(5, 0xde00);
    for wanted in [utf16("zero \0 inside"), utf16("pair \u{1f600}"), high, low, utf16("latin é, euro €")] {
        let all = (0..program.string_count()).map(|id| code::StringId(id as u32));
        assert_eq!(all.filter(|id| program.utf16(*id) == wanted).count(), 1, "{wanted:x?}");
    }
    assert!(program.find_string("pair \u{1f600}").is_some());
}

#[test]
fn things_are_found_by_name_and_named_as_found() {
    let program = common::program(&[common::fixture("shapes-035.dex")]);
    let method = program.find_method("Lshapes/Code;", "wide", "(JDLjava/lang/String;)J").unwrap();
    assert_eq!(program.method_text(method), "Lshapes/Code;->wide(JDLjava/lang/String;)J");
    assert!(program.definition(method).is_some());
    let field = program.find_field("Lshapes/Values;", "anInstance", "[J").unwrap();
    assert_eq!(program.field_text(field), "Lshapes/Values;->anInstance:[J");
    assert_eq!(program.find_type("Lshapes/Absent;"), None);
    assert_eq!(program.find_method("Lshapes/Code;", "wide", "()J"), None);
}

#[test]
fn the_first_of_two_definitions_counts_and_the_tables_are_one() {
    let first = common::fixture("shapes-035.dex");
    let both = common::program(&[first.clone(), common::fixture("shapes-037.dex")]);
    let alone = common::program(&[first]);
    assert_eq!(common::problems(&both), [""; 0]);
    assert_eq!(both.classes().len(), alone.classes().len() + 1);
    let run = both.find_method("Lshapes/Code;", "run", "()V").unwrap();
    assert_eq!(both.definition(run).unwrap().1.code.unwrap().file, 0);
    let answer = both.find_method("Lshapes/Default;", "answer", "()I").unwrap();
    let item = both.definition(answer).unwrap().1.code.unwrap();
    assert_eq!(item.file, 1);
    // const/16 v0, 42; return v0
    assert_eq!(both.code_item(item).unwrap().instructions, [0x13, 0, 42, 0, 0x0f, 0]);
}
