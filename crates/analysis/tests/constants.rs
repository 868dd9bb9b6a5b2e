//! Constants that code computes, against a Java virtual machine, published vectors and code made to be given up on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails loudly"
)]

use std::{cell::RefCell, collections::HashMap, fmt::Write, fs, path::PathBuf, sync::Arc};

use analysis::constants::{
    Bodies, Constant, HiddenString, How, Interpreter, Limits, StaticWrites, Stop, constant_keys, hidden_strings,
    library,
};
use bytes::{Budget, ByteSource};
use code::{Body, FieldId, InputFile, MethodId, Program};

struct Kept<'p>(&'p Program, RefCell<HashMap<MethodId, Option<Arc<Body>>>>);

impl<'p> Kept<'p> {
    fn new(program: &'p Program) -> Self {
        Self(program, RefCell::default())
    }
}

impl Bodies for Kept<'_> {
    fn body(&self, method: MethodId) -> Option<Arc<Body>> {
        let made = || self.0.body_of(method).and_then(Result::ok).map(Arc::new);
        self.1.borrow_mut().entry(method).or_insert_with(made).clone()
    }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/constants")).join(name)
}

fn text_file(name: &str) -> String {
    fs::read_to_string(fixture(name)).unwrap()
}

/// Lines without comments, cut at tabs.
fn rows(name: &str) -> Vec<Vec<String>> {
    let is_row = |line: &&str| !line.starts_with('#') && !line.is_empty();
    text_file(name).lines().filter(is_row).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Every DEX file beside the sources.
fn program() -> Program {
    let mut files: Vec<InputFile> = Vec::new();
    for entry in fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "dex") {
            files.push(InputFile { path: path.display().to_string(), source: ByteSource::open(&path).unwrap() });
        }
    }
    assert!(!files.is_empty());
    let program = Program::build(&files, &Budget::new(bytes::Limits::FILE));
    assert!(program.problems.is_empty());
    program
}

/// The only method of that name.
fn method(program: &Program, class: &str, name: &str) -> MethodId {
    let class = program.find_type(class).and_then(|ty| program.class_of(ty)).unwrap();
    let named = |id: &MethodId| program.text(program.method(*id).unwrap().name) == name;
    class.methods.iter().map(|definition| definition.method).find(named).unwrap()
}

fn class(name: &str) -> String {
    format!("Lorg/example/constants/{name};")
}

fn field(program: &Program, class_name: &str, name: &str) -> FieldId {
    let class = program.find_type(&class(class_name)).and_then(|ty| program.class_of(ty)).unwrap();
    let named = |id: &FieldId| program.text(program.field(*id).unwrap().name) == name;
    class.fields.iter().map(|definition| definition.field).find(named).unwrap()
}

fn escaped(constant: &Constant) -> String {
    let Constant::Text(units) = constant else { panic!("no text: {constant:?}") };
    units.iter().fold(String::new(), |mut text, &unit| {
        match u8::try_from(unit) {
            Ok(byte @ b' '..=b'~') if byte != b'\\' => text.push(char::from(byte)),
            _ => write!(text, "\\u{unit:04x}").unwrap(),
        }
        text
    })
}

fn bytes_of(hex: &str) -> Constant {
    let digits = |index: usize| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
    Constant::from_bytes(&(0..hex.len()).step_by(2).map(digits).collect::<Vec<u8>>())
}

#[test]
fn results_are_those_of_a_java_virtual_machine() {
    let program = program();
    let bodies = Kept::new(&program);
    let mut interpreter = Interpreter::new(&program, &bodies, Limits::default());
    let rows = rows("expected.tsv");
    assert!(rows.len() > 20);
    for row in rows {
        let result = interpreter.call(method(&program, &row[0], &row[1]), &[]);
        assert_eq!(result.as_ref().map(escaped).as_deref(), Ok(row[2].as_str()), "{} {}", row[0], row[1]);
    }
}

#[test]
fn ciphers_and_digests_give_the_published_vectors() {
    let program = program();
    let bodies = Kept::new(&program);
    let mut interpreter = Interpreter::new(&program, &bodies, Limits::default());
    let vectors: toml::Table = text_file("published.toml").parse().unwrap();
    let mut checked = 0;
    let mut check = |result: Result<Constant, Stop>, expected: Constant, vector: &toml::Value| {
        assert_eq!(result, Ok(expected), "{}", vector["reference"]);
        checked += 1;
    };
    let text = |vector: &toml::Value, key: &str| vector[key].as_str().unwrap().to_owned();
    for vector in vectors["cipher"].as_array().unwrap() {
        let iv = vector.get("iv").map_or(Constant::Null, |iv| bytes_of(iv.as_str().unwrap()));
        let arguments = [
            Constant::Number(vector["mode"].as_integer().unwrap()),
            Constant::from_str(&text(vector, "transformation")),
            bytes_of(&text(vector, "key")),
            iv,
            bytes_of(&text(vector, "input")),
        ];
        let result = interpreter.call(method(&program, &class("Secrets"), "apply"), &arguments);
        check(result, bytes_of(&text(vector, "output")), vector);
    }
    for vector in vectors["text"].as_array().unwrap() {
        let arguments = [&text(vector, "cipher"), &text(vector, "key")].map(|text| Constant::from_str(text));
        let result = interpreter.call(method(&program, &class("Secrets"), "open"), &arguments);
        check(result, Constant::from_str(&text(vector, "plain")), vector);
    }
    for vector in vectors["digest"].as_array().unwrap() {
        let input = Constant::from_bytes(text(vector, "input").as_bytes());
        let arguments = [Constant::from_str(&text(vector, "algorithm")), input];
        let result = interpreter.call(method(&program, &class("Secrets"), "digest"), &arguments);
        check(result, bytes_of(&text(vector, "output")), vector);
    }
    for vector in vectors["base64"].as_array().unwrap() {
        let encoded = Constant::from_str(&text(vector, "encoded"));
        let plain = Constant::from_bytes(text(vector, "plain").as_bytes());
        let class = "Landroid/util/Base64;";
        let flags = Constant::Number(2);
        let result = library(class, "decode", "(Ljava/lang/String;I)[B", None, &[encoded.clone(), flags.clone()]);
        check(result, plain.clone(), vector);
        check(library(class, "encodeToString", "([BI)Ljava/lang/String;", None, &[plain, flags]), encoded, vector);
    }
    assert!(checked > 15);
}

#[test]
fn code_that_does_not_end_or_is_not_pure_is_given_up() {
    let program = program();
    let bodies = Kept::new(&program);
    for row in rows("bombs.txt") {
        let mut interpreter = Interpreter::new(&program, &bodies, Limits::default());
        let bomb = method(&program, &class("Bombs"), &row[0]);
        let parameters = program.method(bomb).unwrap().parameters.len();
        let arguments = vec![Constant::Number(40); parameters];
        let outcome = match interpreter.call(bomb, &arguments) {
            Ok(constant) => format!("= {}", escaped(&constant)),
            Err(Stop::Impure(method)) => format!("Impure {method}"),
            Err(stop) => format!("{stop:?}"),
        };
        assert_eq!(outcome, row[1], "{}", row[0]);
    }
}

#[test]
fn the_whole_budget_of_an_interpreter_ends() {
    let program = program();
    let bodies = Kept::new(&program);
    let limits = Limits { total_steps: 300_000, ..Limits::default() };
    let mut interpreter = Interpreter::new(&program, &bodies, limits);
    assert_eq!(interpreter.call(method(&program, &class("Bombs"), "loop"), &[]), Err(Stop::Fuel));
    assert_eq!(interpreter.call(method(&program, &class("Bombs"), "loop"), &[]), Err(Stop::Fuel));
    let search = method(&program, &class("Bombs"), "search");
    assert_eq!(interpreter.call(search, &[]), Err(Stop::Fuel));
    let digests = method(&program, &class("Secrets"), "digests");
    assert_eq!(interpreter.call(digests, &[]), Err(Stop::Fuel));
}

/// Static fields of the fixture class that is about them.
fn static_texts(names: &[&str]) -> Vec<Option<String>> {
    let program = program();
    let bodies = Kept::new(&program);
    let mut interpreter = Interpreter::new(&program, &bodies, Limits::default());
    let value = |name: &&str| interpreter.static_field(field(&program, "Statics", name));
    names
        .iter()
        .map(value)
        .map(|constant| constant.map(|constant| constant.text().unwrap_or(format!("{constant:?}"))))
        .collect()
}

#[test]
fn a_static_field_has_the_value_its_initialiser_left() {
    let values = static_texts(&["LITERAL", "computed", "afterClock"]);
    assert_eq!(values, ["literal", "secret host", "set"].map(|text| Some(text.to_owned())));
}

#[test]
fn a_static_field_that_may_have_changed_has_no_value() {
    let names = ["rewritten", "CHANGED", "SHARED", "digest", "clock", "neverBranched"];
    assert_eq!(static_texts(&names), vec![None; names.len()]);
}

#[test]
fn methods_see_static_fields_only_where_they_are_constant() {
    let program = program();
    let bodies = Kept::new(&program);
    let mut interpreter = Interpreter::new(&program, &bodies, Limits::default());
    let mut call = |name: &str, arguments: &[Constant]| {
        interpreter.call(method(&program, &class("Statics"), name), arguments).ok().and_then(|constant| constant.text())
    };
    for name in ["useRewritten", "useChanged", "useShared", "finishDigest"] {
        assert_eq!(call(name, &[]), None, "{name}");
    }
}

#[test]
fn classes_that_need_each_other_have_the_same_values_whoever_is_asked_first() {
    let program = program();
    let bodies = Kept::new(&program);
    let fields =
        [("Statics", "circle"), ("Statics$Circle", "next"), ("Statics$Circle", "start"), ("Statics", "computed")];
    let values = |order: &[usize]| {
        let mut interpreter = Interpreter::new(&program, &bodies, Limits::default());
        let mut found = vec![None; fields.len()];
        for &index in order {
            found[index] = interpreter.static_field(field(&program, fields[index].0, fields[index].1));
        }
        found
    };
    let forwards = values(&[0, 1, 2, 3]);
    assert_eq!(forwards, values(&[3, 2, 1, 0]));
    assert_eq!(forwards, values(&[1, 3, 0, 2]));
    assert_eq!(forwards[2], Some(Constant::Number(40)));
}

#[test]
fn writes_to_static_fields_are_found_beside_the_read() {
    let program = program();
    let writes = StaticWrites::scan(&program, &Kept::new(&program));
    for (name, is_written) in [
        ("rewritten", true),
        ("CHANGED", true),
        ("SHARED", true),
        ("digest", true),
        ("KEPT", false),
        ("computed", false),
    ] {
        assert_eq!(writes.contains(field(&program, "Statics", name)), is_written, "{name}");
    }
}

fn found_in(program: &Program, class_name: &str) -> Vec<HiddenString> {
    let ty = program.find_type(&class(class_name)).unwrap();
    let mut found = hidden_strings(program, &Kept::new(program));
    found.retain(|string| program.method(string.method).unwrap().class == ty);
    found
}

#[test]
fn hidden_strings_are_found_and_plain_ones_are_not() {
    let program = program();
    let mut found: Vec<Vec<String>> = found_in(&program, "Hidden")
        .iter()
        .map(|string| {
            let how = match string.how {
                How::Characters => "characters",
                How::Bytes => "bytes",
                How::Assembled => "assembled",
                How::Computed(_) => "computed",
            };
            vec![program.text(program.method(string.method).unwrap().name).into(), how.into(), string.value.clone()]
        })
        .collect();
    found.sort();
    assert_eq!(found, rows("hidden.txt"));
}

#[test]
fn a_hidden_string_names_the_call_that_makes_it() {
    let program = program();
    let bodies = Kept::new(&program);
    for string in found_in(&program, "Hidden") {
        let body = bodies.body(string.method).unwrap();
        let instruction = body.instructions.iter().find(|instruction| instruction.address == string.code_unit).unwrap();
        assert!(matches!(instruction.op, code::Op::Invoke { .. }), "{string:?}");
    }
}

#[test]
fn keys_that_the_code_fixes_are_found_where_they_are_given() {
    let program = program();
    let bodies = Kept::new(&program);
    let found: Vec<(String, Option<String>, String)> = constant_keys(&program, &bodies)
        .into_iter()
        .map(|key| (program.method_text(key.method), key.algorithm, String::from_utf8(key.key).unwrap()))
        .collect();
    let in_secrets = |name: &str| found.iter().find(|(method, ..)| method.contains(&format!("Secrets;->{name}(")));
    // Two calls up: the specification is made of a parameter of the method that this one calls.
    let (_, algorithm, key) = in_secrets("wrongPadding").unwrap();
    assert_eq!((algorithm.as_deref(), key.as_str()), (None, "0123456789abcdef"));
    let (_, algorithm, key) = in_secrets("factory").unwrap();
    assert_eq!((algorithm.as_deref(), key.as_str()), (Some("DES"), "12345678rest"));
    // Keys that are computed, or are given by a caller that nobody is.
    for name in ["apply", "open"] {
        assert_eq!(in_secrets(name), None, "{found:?}");
    }
}

#[test]
fn constructors_and_methods_of_string_fold_without_a_program() {
    let string = "Ljava/lang/String;";
    let text = Constant::from_str;
    let made =
        library(string, "<init>", "([BLjava/lang/String;)V", None, &[Constant::from_bytes(b"abc"), text("UTF-8")]);
    assert_eq!(made, Ok(text("abc")));
    let made = library(string, "valueOf", "([C)Ljava/lang/String;", None, &[Constant::from_characters(&[104, 105])]);
    assert_eq!(made, Ok(text("hi")));
    let part =
        library(string, "substring", "(I)Ljava/lang/String;", Some(&text("content://sms")), &[Constant::Number(10)]);
    assert_eq!(part, Ok(text("sms")));
    let unknown = library("Landroid/os/Build;", "getSerial", "()Ljava/lang/String;", None, &[]);
    assert_eq!(unknown, Err(Stop::Impure("Landroid/os/Build;->getSerial()Ljava/lang/String;".into())));
    let outside = library(string, "charAt", "(I)C", Some(&text("a")), &[Constant::Number(1)]);
    assert_eq!(outside, Err(Stop::Exception));
}

#[test]
fn android_base64_skips_what_is_no_symbol_and_refuses_wrong_padding() {
    let decode = |input: &str| {
        let arguments = [Constant::from_str(input), Constant::Number(0)];
        library("Landroid/util/Base64;", "decode", "(Ljava/lang/String;I)[B", None, &arguments)
    };
    assert_eq!(decode("Zm9v\r\n Ym*Fy"), Ok(Constant::from_bytes(b"foobar")));
    assert_eq!(decode("Zm9vYg"), Ok(Constant::from_bytes(b"foob")));
    for wrong in ["Zm9vYg=", "Zm9vY", "=Zm9v", "Zm9vYg==x"] {
        assert_eq!(decode(wrong), Err(Stop::Exception), "{wrong}");
    }
}

#[test]
fn damaged_code_neither_panics_nor_runs_away() {
    let source = ByteSource::open(&fixture("constants.dex")).unwrap();
    let whole = source.to_vec(&Budget::new(bytes::Limits::FILE), "dex file").unwrap();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut found = 0;
    for _ in 0..150 {
        let mut damaged = whole.clone();
        for _ in 0..8 {
            // Behind the header, so that the file is still opened.
            let position = 0x70 + random(damaged.len() - 0x70);
            damaged[position] = random(256) as u8;
        }
        let file = InputFile { path: "damaged.dex".into(), source: ByteSource::from_bytes(damaged) };
        let program = Program::build(&[file], &Budget::new(bytes::Limits::FILE));
        let bodies = Kept::new(&program);
        found += hidden_strings(&program, &bodies).len();
        let mut interpreter = Interpreter::new(&program, &bodies, Limits { fuel_steps: 20_000, ..Limits::default() });
        for definition in program.classes().iter().flat_map(|class| &class.methods) {
            let parameters = program.method(definition.method).unwrap().parameters.len();
            let _ = interpreter.call(definition.method, &vec![Constant::Number(3); parameters]);
        }
    }
    assert!(found > 150, "most of the code is still read: {found}");
}
