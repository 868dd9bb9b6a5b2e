//! Generated documents say what the code says.

use std::fs;

fn committed(path: &str) -> String {
    fs::read_to_string(xtask::root().join(path)).unwrap_or_default()
}

#[test]
fn every_limit_of_the_code_is_in_the_list_with_its_value() {
    let current = committed("LIMITS.md");
    let generated = xtask::limits::document(&current).unwrap();
    assert!(generated.matches("\n| `").count() > 60, "the limits are found");
    assert!(current == generated, "LIMITS.md is stale; `cargo xtask docs` writes it anew");
}

#[test]
fn the_schema_of_the_report_is_that_of_its_types() {
    let generated = xtask::schema::document().unwrap();
    assert!(committed("docs/report-schema.md") == generated, "docs/report-schema.md is stale; `cargo xtask docs`");
}
