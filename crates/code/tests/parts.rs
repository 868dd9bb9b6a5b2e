//! Parts of one program in another read as they did where they come from.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeSet;

use code::{ClassId, MethodId, Program};

/// Every class and method of a program.
fn all(program: &Program) -> (BTreeSet<ClassId>, BTreeSet<MethodId>) {
    let classes = (0..program.classes().len()).map(|id| ClassId(id as u32)).collect();
    let methods = program.classes().iter().flat_map(|class| &class.methods).map(|method| method.method).collect();
    (classes, methods)
}

#[test]
fn bodies_and_first_values_read_the_same_under_other_numbers() {
    let host = common::program(&[common::fixture("../flows/flows.dex")]);
    for name in ["shapes-035.dex", "shapes-039.dex"] {
        let library = common::program(&[common::fixture(name)]);
        let (classes, methods) = all(&library);
        let joined = host.clone().with_parts_of(&library, &classes, &methods);
        assert_eq!(joined.classes().len(), host.classes().len() + library.classes().len());
        for class in library.classes() {
            let ty = joined.find_type(library.descriptor(class.ty)).unwrap();
            let copied = joined.class_of(ty).unwrap();
            assert_eq!((copied.access, copied.methods.len()), (class.access, class.methods.len()));
            for (old, new) in class.methods.iter().zip(&copied.methods) {
                assert_eq!(library.body_text(old.method), joined.body_text(new.method));
            }
            for (old, new) in class.fields.iter().zip(&copied.fields) {
                assert_eq!(library.field_text(old.field), joined.field_text(new.field));
                assert_eq!(old.initial.is_some(), new.initial.is_some());
            }
        }
        // What was there keeps its numbers.
        for method in host.classes().iter().flat_map(|class| &class.methods) {
            assert_eq!(host.body_text(method.method), joined.body_text(method.method));
        }
    }
}

#[test]
fn a_class_that_is_there_already_stays_and_methods_not_asked_for_are_left_out() {
    let library = common::program(&[common::fixture("shapes-035.dex")]);
    let (classes, methods) = all(&library);
    let same = library.clone().with_parts_of(&library, &classes, &methods);
    assert_eq!((same.classes().len(), same.files().len()), (library.classes().len(), library.files().len()));
    let one = methods.iter().copied().find(|&method| library.body_of(method).is_some()).unwrap();
    let class = library.definition(one).unwrap().0;
    let id = library.classes().iter().position(|known| known.ty == class.ty).unwrap();
    let part = Program::default().with_parts_of(&library, &[ClassId(id as u32)].into(), &[one].into());
    assert_eq!(part.classes().iter().map(|class| class.methods.len()).collect::<Vec<_>>(), [1]);
    assert_eq!(part.body_text(part.classes()[0].methods[0].method), library.body_text(one));
}
