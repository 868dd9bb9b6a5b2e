//! Results are given back as they were put, and nothing else is given back.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reads what it wrote; an integration test's helpers are not in a test function"
)]

use std::path::{Path, PathBuf};

use store::{Key, KeyBuilder, Results};

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn key(text: &str) -> Key {
    KeyBuilder::new().part(text.as_bytes()).finish()
}

/// The files of a store.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { left.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn a_result_is_made_once() {
    let scratch = Scratch::new("once");
    let results = Results::open(&scratch.0).unwrap();
    let mut made = 0;
    for _ in 0..3 {
        let value: Vec<String> = results.get_or_make(key("a"), || {
            made += 1;
            vec!["x".to_owned(), String::new()]
        });
        assert_eq!(value, ["x", ""]);
    }
    assert_eq!(made, 1);
    assert_eq!(results.counts(), (2, 1));
    assert_eq!(Results::open(&scratch.0).unwrap().get::<Vec<String>>(key("a")).unwrap(), ["x", ""]);
    assert_eq!(results.get::<Vec<String>>(key("b")), None);
}

#[test]
fn a_damaged_result_is_made_again() {
    let scratch = Scratch::new("damaged");
    let results = Results::open(&scratch.0).unwrap();
    results.put(key("a"), &vec![1_u32, 2, 3]).unwrap();
    let file = files(&scratch.0).pop().unwrap();
    let whole = std::fs::read(&file).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&file, &whole[..cut]).unwrap();
        assert_eq!(results.get::<Vec<u32>>(key("a")), None, "cut to {cut}");
        let mut changed = whole.clone();
        changed[cut] ^= 0x40;
        std::fs::write(&file, changed).unwrap();
        assert_eq!(results.get::<Vec<u32>>(key("a")), None, "byte {cut} changed");
    }
    assert_eq!(results.get_or_make(key("a"), || vec![9_u32]), [9]);
    assert_eq!(results.get::<Vec<u32>>(key("a")).unwrap(), [9]);
}

#[test]
fn nothing_is_left_beside_a_result() {
    let scratch = Scratch::new("beside");
    let results = Results::open(&scratch.0).unwrap();
    for _ in 0..4 {
        results.put(key("a"), &"text").unwrap();
    }
    assert_eq!(files(&scratch.0).len(), 1);
}
