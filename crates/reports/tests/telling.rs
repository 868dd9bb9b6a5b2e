//! Every way of telling, over one small report made by hand: against golden files, and with hostile text in every place.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

mod sample;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use findings::{Level, Report};
use reports::{FORMATS, Options, Style, escape};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn told(name: &str, report: &Report, options: &Options) -> String {
    let mut out = Vec::new();
    let format = reports::format(name).unwrap();
    (format.write)(report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn compare(name: &str, text: &str) {
    let file = golden(name);
    if std::env::var_os("TIDEWAITER_WRITE_DOCUMENTS").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == text, "{name} differs; TIDEWAITER_WRITE_DOCUMENTS=1 writes it anew, then read it\n{text}");
}

#[test]
fn every_way_of_telling_gives_its_golden_file() {
    let report = sample::report();
    for format in FORMATS {
        compare(&format!("{}.txt", format.name), &told(format.name, &report, &Options::default()));
    }
}

#[test]
fn verbose_text_has_every_step_and_every_hole() {
    let report = sample::report();
    let verbose = Options { verbose: true, ..Options::default() };
    let text = told("terminal", &report, &verbose);
    compare("terminal-verbose.txt", &text);
    let words: String = text.split_whitespace().collect();
    for step in report.findings.iter().flat_map(|finding| finding.proof.steps()) {
        assert!(words.contains(&step.text.split_whitespace().collect::<String>()), "{}", step.text);
    }
    for line in report.coverage.iter().filter(|line| line.outcome.is_hole()) {
        assert!(text.contains(&line.path), "{}", line.path);
    }
}

#[test]
fn a_step_in_a_native_file_names_no_method() {
    let mut value = serde_json::to_value(sample::report()).unwrap();
    for finding in value["findings"].as_array_mut().unwrap() {
        for step in finding["proof"].as_array_mut().unwrap() {
            (step["method"], step["code_unit"]) = ("".into(), 0.into());
        }
    }
    let report: Report = serde_json::from_value(value).unwrap();
    let verbose = Options { verbose: true, ..Options::default() };
    for text in [told("terminal", &report, &verbose), told("html", &report, &verbose)] {
        assert!(text.contains("classes.dex at 0x10") && !text.contains("+0x0"), "{text}");
    }
}

#[test]
fn colour_changes_no_word() {
    let report = sample::report();
    let colour = told("terminal", &report, &Options { style: Style::Colour, ..Options::default() });
    assert!(colour.contains('\u{1b}'));
    assert_eq!(without_our_colours(&colour), told("terminal", &report, &Options::default()));
}

#[test]
fn json_is_read_back_as_the_same_report() {
    let report = sample::report();
    let text = told("json", &report, &Options::default());
    assert_eq!(reports::json::read(&text).unwrap(), report);
    let version = format!("\"schema_version\": {}", findings::SCHEMA_VERSION);
    let newer = text.replacen(&version, "\"schema_version\": 999", 1);
    assert!(reports::json::read(&newer).unwrap_err().contains("999"));
    assert!(reports::json::read("{}").is_err());
}

#[test]
fn no_field_of_the_report_is_missing_from_the_schema_document() {
    let document = std::fs::read_to_string(golden("../../../../docs/report-schema.md")).unwrap();
    let mut names = BTreeSet::new();
    let mut left = vec![serde_json::to_value(sample::report()).unwrap()];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(entries) => left.extend(entries),
            Value::Object(fields) => {
                for (name, value) in fields {
                    names.insert(name);
                    left.push(value);
                }
            }
            _ => {}
        }
    }
    assert!(names.len() > 60, "the sample has every field");
    for name in names {
        let forms = [format!("`{name}`"), format!("{{\"{name}\":")];
        assert!(forms.iter().any(|form| document.contains(form)), "{name}");
    }
}

/// Text that acts on terminals, hides, or turns the reading direction.
const HOSTILE: &[&str] = &[
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}2J",
    "a\nTidewaiter: nothing found\n",
    "back\u{8}\u{8}\u{8}\u{7f}\r",
    "apk.\u{202e}gpj",
    "\u{2066}isolated\u{2069}\u{200f}",
    "zero\u{200b}width\u{feff}\u{ad}\u{2060}",
    "\u{2028}line\u{2029}",
    "tags \u{e0041}\u{e007f} private \u{e000}",
    "\0",
];

#[test]
fn hostile_text_in_any_place_never_reaches_a_reader() {
    for hostile in HOSTILE {
        let mut value = serde_json::to_value(sample::report()).unwrap();
        poison(&mut value, hostile);
        let report: Report = serde_json::from_value(value).unwrap();
        for style in [Style::Plain, Style::Colour] {
            for width in [40, 100] {
                let options = Options { style, width, verbose: true };
                let mut texts: Vec<String> =
                    FORMATS.iter().map(|format| told(format.name, &report, &options)).collect();
                let mut out = Vec::new();
                assert!(reports::terminal::explain(&report, &report.findings[0].id, &options, &mut out).unwrap());
                texts.push(String::from_utf8(out).unwrap());
                for text in texts {
                    let bad = without_our_colours(&text).chars().find(|&found| found != '\n' && escape::hides(found));
                    assert_eq!(bad, None, "{hostile:?} in {text:?}");
                    assert!(!text.lines().any(|line| line.starts_with("Tidewaiter:")), "{text}");
                }
            }
        }
        let json = told("json", &report, &Options::default());
        assert_eq!(reports::json::read(&json).unwrap(), report, "nothing is lost by escaping");
    }
}

/// Puts `hostile` into every text that is free.
fn poison(value: &mut Value, hostile: &str) {
    match value {
        Value::String(text) => text.push_str(hostile),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| poison(entry, hostile)),
        Value::Object(fields) => {
            for (name, value) in fields {
                // These are words of the schema.
                if !matches!(name.as_str(), "axis" | "hop" | "level" | "transport" | "standing" | "user")
                    && value != "unknown"
                {
                    poison(value, hostile);
                }
            }
        }
        _ => {}
    }
}

fn without_our_colours(text: &str) -> String {
    let ours = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[1;31m", "\u{1b}[33m", "\u{1b}[32m"];
    ours.iter().fold(text.to_owned(), |text, sequence| text.replace(sequence, ""))
}

#[test]
fn lines_are_no_wider_than_the_terminal_unless_a_word_is() {
    let text = told("terminal", &sample::report(), &Options { width: 72, ..Options::default() });
    for line in text.lines().filter(|line| line.chars().count() > 72) {
        let longest = line.split(' ').map(str::len).max().unwrap();
        assert!(longest > 30, "{line}");
    }
}

fn said(name: &str, report: &Report) -> String {
    told(name, report, &Options::default()).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_app_with_a_library_in_it_is_not_called_the_librarys() {
    let (whole, contains) =
        ("that the evidence calls the supplier's", "that contains its code and is not called its own");
    let mut report = sample::report();
    assert!(said("stix", &report).contains(whole));
    let apps = report.apps.iter_mut().flat_map(|app| &mut app.suppliers);
    report.suppliers.iter_mut().chain(apps).for_each(|supplier| supplier.kind = "advertising".to_owned());
    let text = said("stix", &report);
    assert!(text.contains(contains) && !text.contains(whole), "{text}");
    assert!(!text.contains("Its apps here are able"), "what an app does is not what a library in it does: {text}");
}

#[test]
fn a_grade_that_only_apps_of_the_platform_make_says_so() {
    let words = "found only in apps of names that the platform";
    let mut report = sample::report();
    for name in ["terminal", "html"] {
        assert!(!said(name, &report).contains(words), "some app was added");
    }
    report.apps.iter_mut().for_each(|app| app.added = Some(false));
    for name in ["terminal", "html"] {
        assert!(said(name, &report).contains(words));
    }
    report.apps.iter_mut().for_each(|app| app.added = None);
    assert!(!said("terminal", &report).contains(words), "nothing to compare with is no reason to say so");
}

#[test]
fn a_supplier_whose_apps_have_only_doubtful_claims_is_not_called_clean() {
    let mut report = sample::report();
    for grade in report.apps.iter_mut().flat_map(|app| &mut app.grades) {
        (grade.rank, grade.doubtful_rank) = (0, 2);
    }
    assert!(said("terminal", &report).contains("nothing but claims of low confidence, which grade nobody, was found"));
    report.apps.iter_mut().flat_map(|app| &mut app.grades).for_each(|grade| grade.doubtful_rank = 0);
    assert!(said("terminal", &report).contains("no flow that a rule speaks of was found in them"));
}

#[test]
fn claims_of_low_confidence_are_told_beside_the_grade_and_make_none() {
    let mut report = sample::report();
    for grade in report.grades.iter_mut().chain(report.apps.iter_mut().flat_map(|app| &mut app.grades)) {
        (grade.rank, grade.doubtful_rank, grade.grade) = (0, 4, "nothing".to_owned());
    }
    for name in ["terminal", "html"] {
        let text = told(name, &report, &Options::default());
        let words: Vec<&str> = text.split_whitespace().collect();
        let said = words.join(" ");
        assert_eq!(said.matches("claims of low confidence alone would make it 4").count(), 3, "{said}");
        assert!(!said.contains("takes obeys exposes app"), "no app is ranked by a guess: {said}");
    }
}

#[test]
fn a_claim_that_rests_on_code_that_was_not_seen_is_told_as_a_guess() {
    let mut report = sample::report();
    let title = report.findings[0].parts.title.clone();
    let guess = format!("perhaps {title}");
    for (level, is_guess) in [(Level::High, false), (Level::Medium, false), (Level::Low, true)] {
        report.findings[0].parts.confidence.level = level;
        for name in ["terminal", "html"] {
            let text = told(name, &report, &Options::default());
            let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(&title) && said.contains(&guess) == is_guess, "{name}, {level:?}: {said}");
        }
    }
}

#[test]
fn what_was_not_seen_is_never_told_as_clean() {
    let mut report = sample::report();
    report.findings.clear();
    for grade in &mut report.grades {
        grade.rank = 0;
        grade.grade = "nothing".to_owned();
    }
    let text = told("terminal", &report, &Options::default());
    assert!(text.contains("Not seen: "), "{text}");
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("tidewaiter 0.1.0: incomplete, "), "{first}");
    assert_eq!(text.matches("nothing in what was seen").count(), 3, "{text}");
    assert!(!text.contains("nothing was found"), "{text}");
}

#[test]
fn nobody_is_named_on_a_trace() {
    for format in ["terminal", "html"] {
        let text = told(format, &sample::report(), &Options::default());
        assert!(text.contains("Example Supplier"), "{text}");
        assert!(!text.contains("Weakly Indicated"), "{text}");
        assert!(text.contains("too weak to name"), "{text}");
    }
}

#[test]
fn nothing_from_firmware_is_markup_in_html() {
    for hostile in ["<script>x()</script>", "\"onload=\"x()", "'><img src=x>", "&lt;"] {
        let mut value = serde_json::to_value(sample::report()).unwrap();
        poison(&mut value, hostile);
        let report: Report = serde_json::from_value(value).unwrap();
        let text = told("html", &report, &Options::default());
        assert!(!text.contains(hostile) || hostile == "&lt;", "{hostile}");
        let plain = told("html", &sample::report(), &Options::default());
        let tags = |text: &str| text.matches('<').count();
        assert_eq!(tags(&text), tags(&plain), "{hostile} made a tag");
    }
}

#[test]
fn the_html_file_stands_alone() {
    let text = told("html", &sample::report(), &Options::default());
    for reach in ["src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!text.contains(reach), "{reach}");
    }
    assert!(text.contains("default-src 'none'"));
}

#[test]
fn an_unknown_finding_is_not_explained() {
    let mut out = Vec::new();
    for id in ["", "ffff"] {
        assert!(!reports::terminal::explain(&sample::report(), id, &Options::default(), &mut out).unwrap());
    }
    assert!(out.is_empty());
}
