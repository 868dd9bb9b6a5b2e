//! Who is above whom, and which definition a call reaches.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use std::collections::BTreeMap;

use code::{Hierarchy, InvokeKind, Program};
use common::dex::{Class, class, interface};

const OBJECT: &str = "Ljava/lang/Object;";

fn build(classes: Vec<Class>) -> Program {
    let program = common::program(&[common::dex::write("037", &classes)]);
    assert_eq!(common::problems(&program), [""; 0]);
    program
}

fn platform(rows: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let row = |(class, above): &(&str, &[&str])| {
        ((*class).to_owned(), above.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    rows.iter().map(row).collect()
}

fn none() -> BTreeMap<String, Vec<String>> {
    BTreeMap::new()
}

fn resolve(hierarchy: &Hierarchy<'_>, program: &Program, class: &str, name: &str, kind: InvokeKind) -> Option<String> {
    let method = program.find_method(class, name, "()V").unwrap_or_else(|| panic!("{class}->{name}"));
    hierarchy.resolve(method, kind).map(|found| program.method_text(found))
}

fn targets(hierarchy: &Hierarchy<'_>, program: &Program, class: &str, name: &str) -> Vec<String> {
    let method = program.find_method(class, name, "()V").unwrap_or_else(|| panic!("{class}->{name}"));
    let mut found: Vec<_> = hierarchy.targets(method).iter().map(|&target| program.method_text(target)).collect();
    found.sort_unstable();
    found
}

/// Makes the program name `class->method()V` without defining it there.
fn naming(class_name: &str, method: &str) -> Class {
    // A definition the platform has and the program only names: given by a class that another file defines first.
    class(class_name, OBJECT, &[]).method(method)
}

/// A program whose first file defines `classes`, and whose second file only serves to name `names`.
fn build_naming(classes: &[Class], names: &[Class]) -> Program {
    let first = common::dex::write("037", classes);
    // Without class definitions only the identifiers stay.
    let mut second = common::dex::write("037", names);
    common::patch(&mut second, 96, &[0; 4]);
    common::program(&[first, second])
}

#[test]
fn supertypes_reach_through_the_platform() {
    let program =
        build(vec![class("La/Screen;", "Landroid/app/Activity;", &["La/Listener;"]), interface("La/Listener;", &[])]);
    let facts = platform(&[
        ("Landroid/app/Activity;", &["Landroid/content/ContextWrapper;", "Landroid/view/Window$Callback;"]),
        ("Landroid/content/ContextWrapper;", &["Landroid/content/Context;"]),
        ("Landroid/content/Context;", &[OBJECT]),
        ("Landroid/unrelated/Thing;", &[OBJECT]),
    ]);
    let hierarchy = Hierarchy::new(&program, &facts);
    let screen = program.find_type("La/Screen;").unwrap();
    let expected = [
        "Landroid/app/Activity;",
        "La/Listener;",
        "Landroid/content/ContextWrapper;",
        "Landroid/view/Window$Callback;",
        OBJECT,
        "Landroid/content/Context;",
    ];
    assert_eq!(hierarchy.supertypes(screen), expected);
    for above in expected {
        assert!(hierarchy.is_subtype("La/Screen;", above), "{above}");
        assert!(hierarchy.is_subtype("[[La/Screen;", &format!("[[{above}")), "{above}");
    }
    assert!(hierarchy.is_subtype("La/Screen;", "La/Screen;"));
    assert!(!hierarchy.is_subtype("Landroid/app/Activity;", "La/Screen;"));
    assert!(!hierarchy.is_subtype("La/Screen;", "Landroid/unrelated/Thing;"));
    assert!(hierarchy.is_subtype("[I", "Ljava/io/Serializable;"));
    assert!(hierarchy.is_subtype("[[I", "[Ljava/lang/Cloneable;"));
    assert!(!hierarchy.is_subtype("[I", "[Ljava/lang/Object;"));
    assert!(!hierarchy.is_subtype("I", OBJECT));
    let below = hierarchy.subclasses_of("Landroid/content/Context;");
    assert_eq!(below.len(), 1);
    assert_eq!(program.classes()[below[0].index()].ty, screen);
    assert_eq!(hierarchy.cut(), 0);
}

#[test]
fn subclasses_are_direct_or_all() {
    let program = build(vec![
        class("Lc;", "Lb;", &[]),
        class("Lb;", "La;", &[]),
        class("La;", OBJECT, &[]),
        class("Lother;", "La;", &[]),
    ]);
    let hierarchy = Hierarchy::new(&program, &none());
    let a = program.find_type("La;").unwrap();
    let names = |ids: Vec<code::ClassId>| -> Vec<String> {
        let mut names: Vec<_> =
            ids.iter().map(|id| program.descriptor(program.classes()[id.index()].ty).to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(hierarchy.direct_subclasses(a).collect()), ["Lb;", "Lother;"]);
    assert_eq!(names(hierarchy.subclasses(a)), ["Lb;", "Lc;", "Lother;"]);
}

#[test]
fn a_call_resolves_to_the_nearest_definition_above() {
    let classes = [
        class("La;", OBJECT, &[]).method("far").method("near"),
        class("Lb;", "La;", &[]).method("near"),
        class("Lc;", "Lb;", &["Li;"]),
        interface("Li;", &[]).method("fallback").method("near"),
    ];
    let names = [naming("Lc;", "far").method("near").method("fallback").method("absent")];
    let program = build_naming(&classes, &names);
    let hierarchy = Hierarchy::new(&program, &none());
    let at = |name| resolve(&hierarchy, &program, "Lc;", name, InvokeKind::Virtual);
    assert_eq!(at("far").as_deref(), Some("La;->far()V"));
    assert_eq!(at("near").as_deref(), Some("Lb;->near()V"), "a superclass comes before an interface");
    assert_eq!(at("fallback").as_deref(), Some("Li;->fallback()V"));
    assert_eq!(at("absent"), None);
}

#[test]
fn the_most_specific_default_method_counts() {
    let classes = [
        interface("Ltop;", &[]).method("call"),
        interface("Lmiddle;", &["Ltop;"]).method("call"),
        interface("Labstract;", &[]).abstract_method("call"),
        class("Lit;", OBJECT, &["Labstract;", "Ltop;", "Lmiddle;"]),
    ];
    let program = build_naming(&classes, &[naming("Lit;", "call")]);
    let hierarchy = Hierarchy::new(&program, &none());
    let found = resolve(&hierarchy, &program, "Lit;", "call", InvokeKind::Interface);
    assert_eq!(found.as_deref(), Some("Lmiddle;->call()V"));
}

#[test]
fn targets_of_a_class_are_its_own_definition_and_those_below() {
    let program = build(vec![
        class("La;", OBJECT, &[]).method("call"),
        class("Lb;", "La;", &[]).method("call"),
        class("Lc;", "La;", &[]),
        class("Ld;", "Lc;", &[]).method("call"),
        class("Lstranger;", OBJECT, &[]).method("call"),
        class("Lhalf;", "La;", &[]).abstract_method("call"),
    ]);
    let hierarchy = Hierarchy::new(&program, &none());
    assert_eq!(targets(&hierarchy, &program, "La;", "call"), ["La;->call()V", "Lb;->call()V", "Ld;->call()V"]);
    assert_eq!(targets(&hierarchy, &program, "Lb;", "call"), ["Lb;->call()V"]);
}

#[test]
fn targets_of_an_interface_include_what_its_classes_inherit_from_elsewhere() {
    let program = build(vec![
        interface("Li;", &[]).abstract_method("call"),
        class("Lbase;", OBJECT, &[]).method("call"),
        class("Lheir;", "Lbase;", &["Li;"]),
        class("Lown;", OBJECT, &["Li;"]).method("call"),
        class("Lbelow;", "Lheir;", &[]).method("call"),
        class("Lstranger;", OBJECT, &[]).method("call"),
    ]);
    let hierarchy = Hierarchy::new(&program, &none());
    let expected = ["Lbase;->call()V", "Lbelow;->call()V", "Lown;->call()V"];
    assert_eq!(targets(&hierarchy, &program, "Li;", "call"), expected);
}

#[test]
fn calls_on_a_platform_type_reach_the_program() {
    let classes =
        [class("Ltask;", OBJECT, &["Ljava/lang/Runnable;"]).method("run"), class("Lother;", OBJECT, &[]).method("run")];
    let program = build_naming(&classes, &[naming("Ljava/lang/Runnable;", "run"), naming(OBJECT, "run")]);
    let hierarchy = Hierarchy::new(&program, &none());
    assert_eq!(targets(&hierarchy, &program, "Ljava/lang/Runnable;", "run"), ["Ltask;->run()V"]);
    assert_eq!(targets(&hierarchy, &program, OBJECT, "run"), ["Lother;->run()V", "Ltask;->run()V"]);
    assert_eq!(resolve(&hierarchy, &program, "Ljava/lang/Runnable;", "run", InvokeKind::Interface), None);
}

#[test]
fn private_static_and_constructor_methods_are_never_dispatched_to() {
    let code = || Some((1, vec![common::dex::RETURN_VOID]));
    let program = build(vec![
        class("La;", OBJECT, &[]).method("call"),
        class("Lhidden;", "La;", &[]).method_with("call", 2, code()),
        class("Lfixed;", "La;", &[]).method_with("call", 8, code()),
    ]);
    let hierarchy = Hierarchy::new(&program, &none());
    assert_eq!(targets(&hierarchy, &program, "La;", "call"), ["La;->call()V"]);
    let hidden = program.find_method("Lhidden;", "call", "()V").unwrap();
    assert_eq!(hierarchy.resolve(hidden, InvokeKind::Direct), Some(hidden));
    assert!(hierarchy.overrides(hidden).is_empty());
}

#[test]
fn a_definition_overrides_what_the_platform_has_above_it() {
    let program =
        build(vec![class("La;", "Landroid/app/Service;", &["Li;"]).method("onCreate"), interface("Li;", &[])]);
    let facts = platform(&[("Landroid/app/Service;", &["Landroid/content/ContextWrapper;"])]);
    let hierarchy = Hierarchy::new(&program, &facts);
    let method = program.find_method("La;", "onCreate", "()V").unwrap();
    assert_eq!(hierarchy.overrides(method), ["Landroid/app/Service;", "Landroid/content/ContextWrapper;", OBJECT]);
}

#[test]
fn classes_above_themselves_are_counted_and_every_question_ends() {
    let program = build_naming(
        &[
            class("La;", "Lb;", &["La;"]).method("call"),
            class("Lb;", "Lc;", &["La;"]),
            class("Lc;", "La;", &["Lc;", "Lb;"]),
            class("Lbelow;", "Lc;", &[]),
            class("Lsane;", OBJECT, &[]),
        ],
        &[naming("Lbelow;", "call").method("absent")],
    );
    let hierarchy = Hierarchy::new(&program, &platform(&[("Lx;", &["Ly;"]), ("Ly;", &["Lx;"])]));
    assert_eq!(hierarchy.cut(), 4);
    assert!(hierarchy.is_subtype("Lbelow;", "La;"));
    assert!(!hierarchy.is_subtype("Lbelow;", "Lsane;"));
    assert_eq!(hierarchy.supertypes(program.find_type("Lc;").unwrap()), ["La;", "Lb;"]);
    assert_eq!(hierarchy.subclasses_of("Lb;").len(), 3);
    assert_eq!(targets(&hierarchy, &program, "La;", "call"), ["La;->call()V"]);
    assert_eq!(resolve(&hierarchy, &program, "Lbelow;", "absent", InvokeKind::Virtual), None);
    assert_eq!(resolve(&hierarchy, &program, "Lbelow;", "call", InvokeKind::Virtual).as_deref(), Some("La;->call()V"));
}

#[test]
fn a_chain_of_ten_thousand_classes_is_cut_and_counted() {
    let name = |number: usize| format!("Lc{number:05};");
    let above = |number: usize| if number == 0 { OBJECT.to_owned() } else { name(number - 1) };
    let classes: Vec<_> = (0..10_000).map(|number| class(&name(number), &above(number), &[])).collect();
    let program = build(classes);
    let hierarchy = Hierarchy::new(&program, &none());
    assert_eq!(hierarchy.cut(), 10_000 - 256);
    assert!(hierarchy.is_subtype(&name(200), &name(0)));
    assert_eq!(hierarchy.supertypes_of(&name(9_999)).len(), 256);
    assert_eq!(hierarchy.subclasses_of(&name(0)).len(), 9_999);
}
