//! What the fuzz target does with bytes, for every registered format; the tests of the workspace do it with fixtures, so
//! that it is compiled there.

use bytes::{Budget, ByteSource, Limits};
use code::{ClassPath, InputFile, Program};
use filesystems::EntryKind;
use native::{Code, Elf, jni, strings};

/// What one run may spend.
const LIMITS: Limits = Limits { depth: 4, nodes: 20_000, unpacked_bytes: 4 << 20 };
/// What holds code: a file of Dalvik code in any container that one stands for itself in, and a native file.
const CODE: [&str; 2] = ["dalvik", "native"];
/// Files and members read of one run.
const READ_MAX: usize = 64;

/// Whether a format has this name.
pub(crate) fn is_known(name: &str) -> bool {
    CODE.contains(&name)
        || containers::FORMATS.iter().any(|format| format.name == name)
        || filesystems::FORMATS.iter().any(|format| format.name == name)
}

/// Reads bytes as what they look like, with every format or with the one that is named.
pub(crate) fn read_all(data: &[u8], name: Option<&str>) {
    let source = ByteSource::from_bytes(data.to_vec());
    let is_wanted = |format: &str| name.is_none_or(|wanted| wanted == format);
    for format in containers::FORMATS.iter().filter(|format| is_wanted(format.name) && (format.probe)(&source)) {
        let Ok(opened) = (format.open)(&source, &Budget::new(LIMITS)) else { continue };
        for child in opened.children.iter().take(READ_MAX) {
            read(&child.source);
        }
    }
    if is_wanted("dalvik") {
        dalvik(&source);
    }
    if is_wanted("native") {
        native_code(&source, data);
    }
    for format in filesystems::FORMATS.iter().filter(|format| is_wanted(format.name) && (format.probe)(&source)) {
        let Ok(tree) = (format.read)(&source, &Budget::new(LIMITS)) else { continue };
        for entry in tree.entries.iter().take(READ_MAX) {
            if let EntryKind::File(source) = &entry.kind {
                read(source);
            }
        }
    }
}

/// DEX, OAT, VDEX and optimised files, with all bodies.
fn dalvik(source: &ByteSource) {
    let file = InputFile { path: "X".into(), source: source.clone() };
    let program = Program::build(&[file], &Budget::new(LIMITS)).with_class_path(&ClassPath::default());
    for (class, method) in
        program.classes().iter().flat_map(|class| class.methods.iter().map(move |method| (class, method)))
    {
        if let Ok(body) = program.body(class, method) {
            assert!(body.verify().is_ok(), "a body that contradicts itself");
        }
    }
}

fn native_code(source: &ByteSource, data: &[u8]) {
    let Ok(elf) = Elf::read(source, &Budget::new(LIMITS)) else { return };
    let bound = jni::registrations(&elf, data).len() + strings::each(data).count();
    if let Some(code) = Code::read(&elf, data) {
        let asked = code.asks(data, |_| true).len();
        assert!(asked <= code.entries.len() && bound <= data.len());
    }
}

/// The beginning, the middle and the end.
fn read(source: &ByteSource) {
    let mut window = [0; 4096];
    for offset in [0, source.len() / 2, source.len().saturating_sub(4096)] {
        let _ = source.read_some(offset, &mut window);
    }
}
