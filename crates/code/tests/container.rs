//! Containers of version 041: several DEX files whose data is shared. Written from the format's document; the same writer
//! gives files of version 035, so only the header and the offsets are the container's own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a failure is a panic"
)]

mod common;

use common::{dex, patch, u32_at};

fn classes(package: &str) -> Vec<dex::Class> {
    let name = format!("L{package}/Main;");
    vec![dex::class(&name, "Ljava/lang/Object;", &["Ljava/lang/Runnable;"]).method("run").method(package)]
}

fn has(program: &code::Program, package: &str) -> bool {
    let method = program.find_method(&format!("L{package}/Main;"), "run", "()V");
    let definition = method.and_then(|method| program.definition(method));
    let code = definition.and_then(|(_, definition)| definition.code);
    code.is_some_and(|item| program.code_item(item).unwrap().instructions == [0x0e, 0])
}

#[test]
fn every_version_before_containers_is_read() {
    for version in ["035", "036", "037", "038", "039", "040"] {
        let program = common::program(&[dex::write(version, &classes("one"))]);
        assert_eq!(common::problems(&program), [""; 0], "{version}");
        assert!(has(&program, "one"), "{version}");
    }
}

#[test]
fn every_file_of_a_container_is_read() {
    let file = dex::write_container("041", &[classes("one"), classes("two"), classes("three")]);
    let program = common::program(std::slice::from_ref(&file));
    assert_eq!(common::problems(&program), [""; 0]);
    assert!(["one", "two", "three"].iter().all(|package| has(&program, package)));
    let second = u32_at(&file, 32);
    let third = second + u32_at(&file, second as usize + 32);
    let paths: Vec<_> = program.files().iter().map(|file| file.path.clone()).collect();
    assert_eq!(paths, ["0".to_owned(), format!("0!dex@{second:#x}"), format!("0!dex@{third:#x}")]);
}

#[test]
fn a_damaged_file_in_a_container_is_told_and_the_others_are_read() {
    let good = dex::write_container("041", &[classes("one"), classes("two")]);
    let second = u32_at(&good, 32) as usize;
    let mut file = good.clone();
    patch(&mut file, second + 40, &[0; 4]);
    let program = common::program(&[file]);
    assert!(has(&program, "one"));
    let told = common::problems(&program);
    assert_eq!(told[0], format!("0!dex@{second:#x}: endian_tag at {:#x}: corrupt", second + 40));
}

#[test]
fn a_container_whose_sizes_lead_in_circles_ends() {
    let good = dex::write_container("041", &[classes("one"), classes("two")]);
    for size in [0_u32, 1, 0x77, 0xffff_ffff] {
        let mut file = good.clone();
        patch(&mut file, 32, &size.to_le_bytes());
        let program = common::program(&[file]);
        assert_eq!(program.files().len(), 1);
        assert!(has(&program, "one"));
    }
    // A thousand headers, each a file of its own.
    let many = dex::write_container("041", &vec![Vec::new(); 1000]);
    let program = common::program(&[many]);
    assert_eq!(program.files().len(), 256);
    assert!(common::problems(&program)[0].ends_with("node count limit reached"));
}
