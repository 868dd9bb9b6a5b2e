//! Folders of the user: every file in them is taken, through links too, and what is too deep or leads in a circle ends the command.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::common::{Scratch, code, run};

const RULE: &str = "[[marker]]\nid = \"m\"\nlabel = \"m\"\ntexts = [\"m\"]\nreference = \"RFC 2606\"\n";

/// The exit code of `knowledge check FOLDER`, and what it said.
fn checked(folder: &Path) -> (i32, String) {
    let output = run(&["knowledge", "check", folder.to_str().unwrap()]);
    (code(&output), String::from_utf8(output.stderr).unwrap())
}

/// A file of knowledge in the deepest of so many folders.
fn nested(top: &Path, depth: usize) {
    let folder = (0..depth).fold(top.to_owned(), |folder, _| folder.join("d"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("k.toml"), RULE).unwrap();
}

#[test]
fn folders_are_read_as_deep_as_said_and_no_deeper() {
    let scratch = Scratch::new();
    nested(&scratch.path().join("eight"), 8);
    assert_eq!(checked(&scratch.path().join("eight")).0, 0);
    nested(&scratch.path().join("nine"), 9);
    let (code, said) = checked(&scratch.path().join("nine"));
    assert!(code == 2 && said.contains("more than 8 folders deep"), "{code} {said}");
}

#[test]
fn a_link_that_leads_back_is_an_error() {
    let scratch = Scratch::new();
    nested(scratch.path(), 1);
    symlink(scratch.path(), scratch.path().join("again")).unwrap();
    let (code, said) = checked(scratch.path());
    assert!(code == 2 && said.contains("more than 8 folders deep"), "{code} {said}");
}

#[test]
fn many_links_that_lead_back_end_too() {
    let scratch = Scratch::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        symlink(scratch.path(), scratch.path().join(format!("z{name}"))).unwrap();
    }
    let (code, said) = checked(scratch.path());
    assert!(code == 2 && said.contains("folders"), "{code} {said}");
}

#[test]
fn linked_files_and_folders_are_read_and_links_that_lead_nowhere_are_told() {
    let scratch = Scratch::new();
    let (there, folder) = (scratch.path().join("there"), scratch.path().join("folder"));
    nested(&there, 1);
    std::fs::create_dir_all(&folder).unwrap();
    symlink(&there, folder.join("linked")).unwrap();
    assert_eq!(checked(&folder).0, 0);
    // What is read through the link is knowledge: a second file with the same entry is one too many.
    symlink(there.join("d/k.toml"), folder.join("twice.toml")).unwrap();
    let (code, said) = checked(&folder);
    assert!(code == 2 && said.contains("twice.toml"), "{code} {said}");
    std::fs::remove_file(folder.join("twice.toml")).unwrap();
    symlink("nowhere.toml", folder.join("broken.toml")).unwrap();
    let (code, said) = checked(&folder);
    assert!(code == 2 && said.contains("broken.toml"), "{code} {said}");
}
