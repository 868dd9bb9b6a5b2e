//! The knowledge that comes with the program.

use knowledge::Knowledge;

#[test]
fn the_embedded_files_load() {
    let knowledge = Knowledge::embedded().unwrap_or_else(|problem| panic!("{problem}"));
    assert!(knowledge.models.len() > 1000, "{} models", knowledge.models.len());
}
