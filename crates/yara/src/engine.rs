//! With the library. Nothing here depends on the clock: instead of being stopped after a time, rules that the compiler calls slow
//! are refused, the modules that ask for the time are not built in, and files and matches are bounded.

use std::collections::BTreeMap;

use yara_x::{Compiler, MetaValue, Scanner, SourceCode};

use crate::{Error, MATCHES_MAX, Match, PLACES_MAX, Place, RuleFile};

/// Compiled rules. Several threads may use them at once.
pub struct Rules {
    rules: yara_x::Rules,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rules({})", self.count())
    }
}

impl Rules {
    /// Compiles the rules of all files.
    ///
    /// # Errors
    /// A rule is wrong, would be slow, or wants another file or a module that is not built in.
    pub fn compile(files: &[RuleFile]) -> Result<Self, Error> {
        let mut compiler = Compiler::new();
        compiler.enable_includes(false).error_on_slow_pattern(true).error_on_slow_loop(true).colorize_errors(false);
        for file in files {
            compiler.new_namespace(&file.name);
            let source = SourceCode::from(file.text.as_slice()).with_origin(&file.name);
            let wrong =
                |error: yara_x::errors::CompileError| Error::Rules { file: file.name.clone(), why: error.to_string() };
            compiler.add_source(source).map_err(wrong)?;
        }
        Ok(Self { rules: compiler.build() })
    }

    /// How many rules there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.rules.iter().map(|_| 1).sum()
    }

    /// The rules that hold of a file, sorted.
    ///
    /// # Errors
    /// The library failed on the file.
    pub fn search(&self, bytes: &[u8]) -> Result<Vec<Match>, String> {
        let mut scanner = Scanner::new(&self.rules);
        scanner.max_matches_per_pattern(MATCHES_MAX);
        let results = scanner.scan(bytes).map_err(|error| error.to_string())?;
        let mut matches: Vec<Match> = results.matching_rules().map(|rule| told(&rule)).collect();
        matches.sort();
        Ok(matches)
    }
}

fn told(rule: &yara_x::Rule<'_, '_>) -> Match {
    let mut places = Vec::new();
    for pattern in rule.patterns() {
        for found in pattern.matches() {
            let range = found.range();
            let in_bytes = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            let text = pattern.identifier().to_owned();
            places.push(Place { offset: in_bytes(range.start), len: in_bytes(range.len()), text });
        }
    }
    places.sort();
    let count = u64::try_from(places.len()).unwrap_or(u64::MAX);
    places.truncate(PLACES_MAX);
    let mut tags: Vec<String> = rule.tags().map(|tag| tag.identifier().to_owned()).collect();
    tags.sort();
    Match {
        file: rule.namespace().to_owned(),
        rule: rule.identifier().to_owned(),
        tags,
        meta: meta(rule),
        places,
        count,
    }
}

fn meta(rule: &yara_x::Rule<'_, '_>) -> BTreeMap<String, String> {
    let text = |value: MetaValue<'_>| match value {
        MetaValue::Integer(number) => number.to_string(),
        MetaValue::Float(number) => number.to_string(),
        MetaValue::Bool(is_so) => is_so.to_string(),
        MetaValue::String(text) => text.to_owned(),
        MetaValue::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    rule.metadata().map(|(name, value)| (name.to_owned(), text(value))).collect()
}
