//! Rules against bytes, with the library.

#![cfg(feature = "yara")]
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use yara::{Error, MATCHES_MAX, PLACES_MAX, RuleFile, Rules};

fn file(name: &str, text: &str) -> RuleFile {
    RuleFile { name: name.to_owned(), text: text.as_bytes().to_vec() }
}

fn refusal(text: &str) -> String {
    match Rules::compile(&[file("bad.yar", text)]).unwrap_err() {
        Error::Rules { file, why } => format!("{file}: {why}"),
        Error::NotBuiltIn => unreachable!("the library is there"),
    }
}

#[test]
fn a_rule_tells_its_places_tags_and_meta() {
    let text = r#"rule Found : b a { meta: author = "A" score = 7 sure = true strings: $x = "needle" condition: $x }
                  rule Other { strings: $y = "absent" condition: $y }
                  rule Whole { condition: filesize == 20 }"#;
    let rules = Rules::compile(&[file("a.yar", text)]).unwrap();
    assert_eq!(rules.count(), 3);
    let found = rules.search(b"a needle, two needles").unwrap();
    assert_eq!(found.iter().map(|found| found.rule.as_str()).collect::<Vec<_>>(), ["Found"]);
    let [found] = found.as_slice() else { panic!("one rule") };
    assert_eq!((found.file.as_str(), found.tags.as_slice()), ("a.yar", ["a".to_owned(), "b".to_owned()].as_slice()));
    let meta: Vec<(&str, &str)> = found.meta.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(meta, [("author", "A"), ("score", "7"), ("sure", "true")]);
    let places: Vec<(u64, u64, &str)> =
        found.places.iter().map(|place| (place.offset, place.len, place.text.as_str())).collect();
    assert_eq!((found.count, places), (2, vec![(2, 6, "$x"), (14, 6, "$x")]));
    assert_eq!(rules.search(b"twenty bytes, no more").unwrap(), [], "that has 21");
    assert_eq!(rules.search(b"twenty bytes no more").unwrap().len(), 1);
}

#[test]
fn rules_of_two_files_may_have_one_name() {
    let rule = |text: &str| format!("rule Same {{ strings: $x = \"{text}\" condition: $x }}");
    let rules = Rules::compile(&[file("b.yar", &rule("one")), file("a.yar", &rule("one"))]).unwrap();
    let files: Vec<String> = rules.search(b"one").unwrap().into_iter().map(|found| found.file).collect();
    assert_eq!(files, ["a.yar", "b.yar"], "sorted, whatever the order in which they were given");
}

#[test]
fn matches_and_places_are_bounded() {
    let rules = Rules::compile(&[file("a.yar", "rule Many { strings: $x = \"ab\" condition: $x }")]).unwrap();
    let found = rules.search(&b"ab".repeat(MATCHES_MAX * 3)).unwrap();
    let [found] = found.as_slice() else { panic!("one rule") };
    assert_eq!((found.places.len(), found.count), (PLACES_MAX, u64::try_from(MATCHES_MAX).unwrap()));
}

#[test]
fn what_is_wrong_slow_or_wants_more_than_the_file_is_refused_by_name() {
    for (text, why) in [
        ("rule A { condition: $x }", "unknown pattern"),
        ("rule A {", "syntax error"),
        ("rule A { strings: $x = { 00 [1-10] 01 } condition: $x }", "slow"),
        ("rule A { condition: for any n in (0..filesize) : (uint8(n) == 1) }", "slow"),
        ("include \"/etc/passwd\"", "include"),
        ("import \"time\" rule A { condition: time.now() > 0 }", "time"),
    ] {
        let said = refusal(text);
        assert!(said.starts_with("bad.yar: ") && said.contains(why), "{text}: {said}");
    }
}
