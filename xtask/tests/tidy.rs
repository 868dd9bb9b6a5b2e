//! House rules that no compiler checks.

#[test]
fn every_file_keeps_the_house_rules() {
    let faults = xtask::tidy::faults().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_supplier_is_named_in_code() {
    assert!(xtask::tidy::supplier_words().unwrap().len() > 10, "there is something to look for");
    let faults = xtask::tidy::supplier_names_in_code().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
