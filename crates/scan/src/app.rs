//! One app: its code, what it does, what it hides.

use std::{
    collections::BTreeSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use analysis::{
    AppInput, EntryComponent, Kinds, analyse_app, constants, facts::AppFacts, native_methods::NativeMethod,
};
use attribution::CodeShapes;
use bytes::{Budget, Limits};
use code::{Fidelity, InputFile, Part, Program, StringId};
use findings::{ConstantKey, Coverage, HiddenString, NativeMethodRecord};
use knowledge::Knowledge;
use packages::{CodeFile, ComponentKind, Package, resources::Resources};
use serde::{Deserialize, Deserializer, Serialize};
use store::{Key, Results};

use crate::{
    app_libraries::{self, Library, Read},
    bodies::KeptBodies,
    class_path::ClassPath,
    framework::Framework,
    image_libraries::ImageLibraries,
    markers, reuse, sealed, system_services, unlocked,
};

/// Most hidden strings listed per app.
const HIDDEN_STRINGS_MAX: usize = 2_000;

/// Longest resource table whose texts the code may ask for.
const RESOURCES_LEN_MAX: u64 = 128 << 20;

/// Most paths of programs kept of one app.
const PROGRAMS_MAX: usize = 256;

/// Access flag of a native method.
const NATIVE: u32 = 0x100;
/// Most native methods kept of one app.
const NATIVE_METHODS_MAX: usize = 1 << 16;

/// Parameters of a method that `android:onClick` of a layout names.
const CLICK_SIGNATURE: &str = "(Landroid/view/View;)";

/// What became of one app.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AppResult {
    /// What it does to the world.
    pub facts: AppFacts,
    /// Constants its code hides.
    pub hidden_strings: Vec<HiddenString>,
    /// Ways to what it keeps enciphered and its constant keys open.
    pub unlocked: Vec<String>,
    /// Host names in its strings, hidden ones included.
    pub hosts: BTreeSet<String>,
    /// Paths of programs in its strings, hidden ones included.
    pub programs: BTreeSet<String>,
    /// Methods that it declares native, sorted.
    pub native_methods: Vec<NativeMethod>,
    /// What they lead to in the libraries of the app.
    pub native_records: Vec<NativeMethodRecord>,
    /// Libraries of the app that could not be read.
    pub unread_libraries: Vec<Coverage>,
    /// Java packages of its classes, with dots.
    pub namespaces: BTreeSet<String>,
    /// Shapes of its method bodies that some supplier is known by.
    pub shapes: BTreeSet<u64>,
    /// Keys of ciphers that its code fixes.
    pub constant_keys: Vec<ConstantKey>,
    /// What it names, by id of the knowledge files.
    pub markers: BTreeSet<String>,
    /// Whether an address without and with encryption is in its strings.
    pub schemes: (bool, bool),
    /// How its code was read: `read`, `partial`, `opaque`, `none`.
    #[serde(deserialize_with = "code_state")]
    pub code: CodeState,
    /// How compiled code relates to what was shipped; empty if none is compiled.
    pub fidelity: String,
    /// What of its code could not be read.
    pub problems: Vec<String>,
}

/// How code was read, in a word.
pub(crate) type CodeState = &'static str;

/// The words for how code was read.
const CODE_STATES: [CodeState; 4] = ["read", "partial", "opaque", "none"];

fn code_state<'de, D: Deserializer<'de>>(input: D) -> Result<CodeState, D::Error> {
    let word = String::deserialize(input)?;
    let known = CODE_STATES.into_iter().find(|state| *state == word);
    known.ok_or_else(|| serde::de::Error::custom("not a state of code"))
}

/// What is the same for all apps of a scan.
#[derive(Clone, Copy)]
pub(crate) struct World<'w> {
    pub(crate) class_path: &'w ClassPath,
    pub(crate) framework: &'w Framework,
    pub(crate) image_libraries: &'w ImageLibraries<'w>,
    pub(crate) knowledge: &'w Knowledge,
    pub(crate) kinds: &'w Kinds,
    pub(crate) shapes: &'w CodeShapes,
}

/// Reads and analyses the code of a package. A fault of this program is a hole of this app, not the end of the scan. The
/// result is taken from those that are kept, or kept there, and noted under the name that the files of the app give it.
pub(crate) fn analyse(
    package: &Package,
    libraries: &[Library<'_>],
    world: &World<'_>,
    kept: Option<(&Results, Key)>,
) -> AppResult {
    let analysed = catch_unwind(AssertUnwindSafe(|| {
        let Some(opened) = Opened::of(package, world) else { return without_code(package, libraries, world.knowledge) };
        let content = || reuse::of_content(package, &opened, libraries, world);
        match kept.and_then(|(results, files)| Some((results, files, content()?))) {
            Some((results, files, content)) => {
                let result = results.get_or_make(content, || analyse_code(package, &opened, libraries, world));
                results.note(files, content);
                result
            }
            None => analyse_code(package, &opened, libraries, world),
        }
    }));
    match analysed {
        Ok(result) => result,
        Err(_) => AppResult {
            code: "opaque",
            problems: vec!["the analysis of this app failed inside; its code counts as not read".to_owned()],
            ..AppResult::default()
        },
    }
}

fn without_code(package: &Package, libraries: &[Library<'_>], knowledge: &Knowledge) -> AppResult {
    let code = if should_have_code(package) { "opaque" } else { "none" };
    let Read { records, unread, .. } = app_libraries::read(libraries, &[], knowledge);
    AppResult { code, native_records: records, unread_libraries: unread, ..AppResult::default() }
}

/// The code of an app as far as it could be read.
pub(crate) struct Opened {
    pub(crate) program: Program,
    /// What it comes to of libraries of the image, if that is anything.
    pub(crate) part: Option<Part>,
    code: CodeState,
    fidelity: String,
    problems: Vec<String>,
    /// Ways to what keys in the code open.
    unlocked: Vec<String>,
}

/// What the program alone does not say.
impl fmt::Debug for Opened {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {:?} {:?}", self.code, self.fidelity, self.problems, self.unlocked)
    }
}

impl Opened {
    /// Nothing if the app has no code.
    fn of(package: &Package, world: &World<'_>) -> Option<Self> {
        if package.code_files.is_empty() && package.hidden_files.is_empty() {
            return None;
        }
        let input = |file: &CodeFile| InputFile { path: file.path.clone(), source: file.source.clone() };
        let mut files: Vec<InputFile> = code_files(package).map(input).collect();
        let build = |files: &[InputFile]| {
            let program = Program::build(files, &Budget::new(Limits::FILE));
            if program.needs_class_path() { program.with_class_path(world.class_path.classes()) } else { program }
        };
        let mut program = build(&files);
        let unlocked = unlocked::open(package, &program);
        if !unlocked.files.is_empty() {
            files.extend(unlocked.files);
            program = build(&files);
        }
        let mut problems: Vec<String> =
            program.problems.iter().map(|(path, error)| format!("{path}: {error}")).collect();
        problems.extend(nameless_instructions(&program));
        problems.extend(unlocked.problems);
        let fidelity = fidelity(&program);
        let sealed = sealed::why(package, &program, world.knowledge);
        let is_sealed = sealed.is_some();
        problems.extend(sealed);
        let lacks_own_code = package.code_files.is_empty() && package.has_code && package.code_in.is_none();
        if lacks_own_code {
            problems.push("no code was found where the platform looks for it".to_owned());
        }
        let code = match (program.classes().is_empty() || is_sealed || lacks_own_code, problems.is_empty()) {
            (true, _) => "opaque",
            (false, true) => "read",
            (false, false) => "partial",
        };
        // A library is no app: nothing starts it.
        let is_library = package.name.is_empty();
        let part = if is_library { None } else { world.image_libraries.part_for(package, &program) };
        Some(Self { program, part, code, fidelity, problems, unlocked: unlocked.ways })
    }
}

fn analyse_code(package: &Package, opened: &Opened, libraries: &[Library<'_>], world: &World<'_>) -> AppResult {
    let World { knowledge, kinds, shapes, framework, .. } = *world;
    let program = &opened.program;
    let (code, fidelity, problems) = (opened.code, opened.fidelity.clone(), opened.problems.clone());
    let unlocked = opened.unlocked.clone();
    if package.name.is_empty() {
        // A library of the platform: nothing of the manifest leads to it. Read, so that the coverage knows it.
        let facts = system_services::facts(package, program, world).unwrap_or_default();
        let facts = AppFacts { methods: methods_with_code(program), ..facts };
        return AppResult { facts, code, fidelity, problems, unlocked, ..AppResult::default() };
    }
    let bodies = KeptBodies::new(program);
    let hidden_strings = hidden_strings(program, &bodies);
    let mut hosts = BTreeSet::new();
    for id in 0..program.string_count() {
        let id = u32::try_from(id).unwrap_or(u32::MAX);
        attribution::hosts_in(program.text(StringId(id)), &mut hosts);
    }
    for hidden in &hidden_strings {
        attribution::hosts_in(&hidden.value, &mut hosts);
    }
    let programs = programs(program, &hidden_strings);
    let constant_keys = constant_keys(&package.name, program, &bodies);
    let (namespaces, native_methods) = (namespaces(program), native_methods(program));
    let libraries = app_libraries::read(libraries, &native_methods, knowledge);
    let (markers, schemes) = markers::found_in(program, &hidden_strings, knowledge);
    let shapes = shapes.found_in(program);
    let components = components(package);
    let resources = resources(package);
    let budget = Budget::new(Limits::FILE);
    let text = |id: u32| match (package.layouts.typed.get(&id), resources.as_ref()) {
        (Some(&word), _) => Some(word.to_owned()),
        (None, Some(resources)) => match resources.any_value(id, u32::MAX, &budget)? {
            packages::Value::Text(text) => Some(text.to_string()),
            _ => None,
        },
        (None, None) => None,
    };
    // What it comes to of libraries runs as the app does. Texts, hosts and shapes above are of what the app brings itself.
    let with_libraries = opened.part.as_ref().map(|part| {
        let library = world.image_libraries.library().program();
        program.clone().with_parts_of(library, &part.classes, &part.methods)
    });
    let followed = with_libraries.as_ref().unwrap_or(program);
    let followed_bodies = KeptBodies::new(followed);
    let mut facts = analyse_app(AppInput {
        program: followed,
        knowledge,
        kinds,
        components: &components,
        bodies: if with_libraries.is_some() { &followed_bodies } else { &bodies },
        text: &text,
        framework: &framework.supertypes,
        broadcasts: &framework.broadcasts,
        libraries: &libraries.implemented,
    });
    if let Some(part) = &opened.part {
        count_own(&mut facts, part);
    }
    AppResult {
        facts,
        hidden_strings,
        unlocked,
        hosts,
        programs,
        native_methods,
        native_records: libraries.records,
        unread_libraries: libraries.unread,
        namespaces,
        shapes,
        constant_keys,
        markers,
        schemes,
        code,
        fidelity,
        problems,
    }
}

/// Methods and instructions are those of the app itself: what it shares with others counts once, as a package of its own.
pub(crate) fn count_own(facts: &mut AppFacts, part: &Part) {
    let methods = u64::try_from(part.methods.len()).unwrap_or(u64::MAX);
    facts.methods = facts.methods.saturating_sub(methods);
    facts.instructions = facts.instructions.saturating_sub(part.instructions);
    if part.is_cut {
        facts.cuts.push(("methods of libraries of the image".to_owned(), 1));
    }
}

/// Whether code must be somewhere that was not found. A manifest says so unless it denies it; one that names nothing to run is
/// that of a package of resources, if nothing else speaks for code (a missing file, a signature of one).
fn should_have_code(package: &Package) -> bool {
    let could_run = !package.components.is_empty() || package.application_class.is_some();
    package.has_code && (could_run || package.name.is_empty() || !package.problems.is_empty())
}

/// The code of an app: first what the platform takes for it, so that its classes go first, then what it hides.
pub(crate) fn code_files(package: &Package) -> impl Iterator<Item = &CodeFile> {
    package.code_files.iter().chain(&package.hidden_files)
}

/// Data that flows through an instruction without a name is lost there.
fn nameless_instructions(program: &Program) -> impl Iterator<Item = String> {
    program.files().iter().filter(|file| file.fidelity.unknown() > 0).map(|file| {
        let unknown = file.fidelity.unknown();
        format!(
            "{}: {unknown} instructions name a number instead of a field or method, and what it stands for is not kept",
            file.path
        )
    })
}

/// What became of the compiled DEX files, in words.
fn fidelity(program: &Program) -> String {
    let (mut identical, mut restored, mut as_found) = (0_u32, 0_u32, 0_u32);
    for file in program.files() {
        match file.fidelity {
            Fidelity::Original => {}
            Fidelity::ByteIdentical => identical += 1,
            Fidelity::Restored { .. } => restored += 1,
            Fidelity::AsFound { .. } => as_found += 1,
        }
    }
    let parts = [(identical, "byte-identical to what was shipped"), (restored, "restored"), (as_found, "as found")];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() { String::new() } else { format!("compiled dex files: {}", told.join(", ")) }
}

/// Paths like `/system/bin/name` at the beginning of a string: what follows a space are arguments.
fn programs(program: &Program, hidden: &[HiddenString]) -> BTreeSet<String> {
    let texts = (0..program.string_count()).map(|id| program.text(StringId(u32::try_from(id).unwrap_or(u32::MAX))));
    let texts = texts.chain(hidden.iter().map(|hidden| hidden.value.as_str()));
    let words = texts.filter_map(|text| text.split_whitespace().next());
    let folders = ["/bin/", "/xbin/", "/sbin/"];
    let is_program = |path: &&str| path.starts_with('/') && folders.iter().any(|folder| path.contains(folder));
    words.filter(is_program).map(str::to_owned).take(PROGRAMS_MAX).collect()
}

/// Java packages that the program defines classes in.
fn namespaces(program: &Program) -> BTreeSet<String> {
    let names = program.classes().iter().map(|class| program.descriptor(class.ty));
    let packages = names.filter_map(|name| name.strip_prefix('L')?.rsplit_once('/'));
    packages.map(|(package, _)| package.replace('/', ".")).collect()
}

/// Methods without code that are declared native.
fn native_methods(program: &Program) -> Vec<NativeMethod> {
    let methods = program.classes().iter().flat_map(|class| class.methods.iter().map(move |method| (class, method)));
    let native = methods.filter(|(_, method)| method.access & NATIVE != 0 && method.code.is_none());
    let mut found: Vec<NativeMethod> = native
        .filter_map(|(class, method)| {
            let name = program.text(program.method(method.method)?.name).to_owned();
            let class = program.descriptor(class.ty).strip_prefix('L')?.strip_suffix(';')?.replace('/', ".");
            Some(NativeMethod { name, signature: program.method_descriptor(method.method), class })
        })
        .take(NATIVE_METHODS_MAX)
        .collect();
    found.sort();
    found
}

fn methods_with_code(program: &Program) -> u64 {
    let methods = program.classes().iter().flat_map(|class| &class.methods);
    u64::try_from(methods.filter(|method| method.code.is_some()).count()).unwrap_or(u64::MAX)
}

fn hidden_strings(program: &Program, bodies: &KeptBodies<'_>) -> Vec<HiddenString> {
    let mut found: Vec<HiddenString> = constants::hidden_strings(program, bodies)
        .into_iter()
        .map(|hidden| HiddenString {
            method: program.method_text(hidden.method),
            code_unit: hidden.code_unit,
            how: how(program, hidden.how),
            value: hidden.value,
        })
        .collect();
    found.sort();
    found.truncate(HIDDEN_STRINGS_MAX);
    found
}

/// Keys of ciphers; those of keyed digests open nothing.
fn constant_keys(app: &str, program: &Program, bodies: &KeptBodies<'_>) -> Vec<ConstantKey> {
    let is_digest = |key: &constants::ConstantKey| {
        key.algorithm.as_ref().is_some_and(|name| name.to_ascii_lowercase().starts_with("hmac"))
    };
    let found = constants::constant_keys(program, bodies).into_iter().filter(|key| !is_digest(key));
    let mut keys: Vec<ConstantKey> = found
        .map(|found| ConstantKey {
            app: app.to_owned(),
            algorithm: found.algorithm,
            key: key_text(&found.key),
            method: program.method_text(found.method),
            code_unit: found.code_unit,
        })
        .collect();
    keys.sort();
    keys
}

fn key_text(key: &[u8]) -> String {
    match str::from_utf8(key) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => text.to_owned(),
        _ => key.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

fn how(program: &Program, how: constants::How) -> String {
    match how {
        constants::How::Characters => "char array".to_owned(),
        constants::How::Bytes => "byte array".to_owned(),
        constants::How::Assembled => "put together by character".to_owned(),
        constants::How::Computed(method) => format!("computed by {}", program.method_text(method)),
    }
}

/// The resource table, from which code asks for texts by number. What is wrong with it is told where the package is read.
fn resources(package: &Package) -> Option<Resources> {
    let source = package.resources.as_ref().filter(|source| source.len() <= RESOURCES_LEN_MAX)?;
    let budget = Budget::new(Limits::FILE);
    Some(Resources::read(source.to_vec(&budget, "resources").ok()?, &budget))
}

/// What the platform starts, from the manifest and the layouts.
pub(crate) fn components(package: &Package) -> Vec<EntryComponent> {
    let clicked = package.layouts.click_methods.iter().map(|name| format!("{name}{CLICK_SIGNATURE}"));
    let clicked: Vec<String> = clicked.collect();
    let declared = package.components.iter().filter(|part| part.enabled).map(|part| EntryComponent {
        kind: kind_word(part.kind).to_owned(),
        class: part.class.clone(),
        exported: part.exported.is_exported(),
        authorities: part.authorities.clone(),
        methods: if part.kind == ComponentKind::Activity { clicked.clone() } else { Vec::new() },
    });
    let unfolded = |kind: &'static str, classes: &BTreeSet<String>| -> Vec<EntryComponent> {
        let made = |class: &String| EntryComponent {
            kind: kind.to_owned(),
            class: class.clone(),
            exported: false,
            authorities: Vec::new(),
            methods: Vec::new(),
        };
        classes.iter().map(made).collect()
    };
    let views = unfolded("view", &package.layouts.views);
    let fragments = unfolded("fragment", &package.layouts.fragments);
    let application = package.application_class.iter().map(|class| EntryComponent {
        kind: "application".to_owned(),
        class: class.clone(),
        exported: false,
        authorities: Vec::new(),
        methods: Vec::new(),
    });
    application.chain(declared).chain(views).chain(fragments).collect()
}

/// The word of the knowledge files for a kind of component.
pub(crate) const fn kind_word(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Activity => "activity",
        ComponentKind::Service => "service",
        ComponentKind::Receiver => "receiver",
        ComponentKind::Provider => "provider",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_resources_has_no_code_to_miss() {
        let package = Package { name: "org.example.overlay".to_owned(), ..Package::default() };
        assert!(!should_have_code(&package));
        let runs = Package { application_class: Some("org.example.App".to_owned()), ..package.clone() };
        let denies = Package { has_code: false, ..runs.clone() };
        let lacks_a_file = Package { problems: vec!["code is absent".to_owned()], ..package };
        assert!(should_have_code(&runs) && !should_have_code(&denies) && should_have_code(&lacks_a_file));
        assert!(should_have_code(&Package::default()), "no manifest could be read");
    }
}
