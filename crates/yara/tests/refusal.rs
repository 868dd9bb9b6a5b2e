//! Without the library rules are refused; a program never says that it searched when it could not.

#![cfg(not(feature = "yara"))]

use yara::{Error, RuleFile, Rules};

#[test]
fn rules_are_refused_and_the_way_to_have_them_is_told() {
    let rule = RuleFile { name: "a.yar".to_owned(), text: b"rule a { condition: true }".to_vec() };
    let refused = Rules::compile(&[rule]).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(refused, Err(Error::NotBuiltIn.to_string()));
    assert!(Error::NotBuiltIn.to_string().contains("--features yara"));
}
