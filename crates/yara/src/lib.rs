//! YARA rules of others, held against bytes. Written from the language's document, <https://virustotal.github.io/yara-x/docs/writing_rules/>.
//!
//! What a rule says of a file is what its author found in other files: it points, and proves nothing of what code does. So matches
//! are indicators beside the claims of a report, and grade nobody.
//!
//! Rules are compiled by a large library, which the program has only if it was built with the feature `yara`. The types and the
//! bounds are here in any case, so that whoever uses them is compiled and checked without it.

#[cfg(feature = "yara")]
mod engine;
#[cfg(not(feature = "yara"))]
#[path = "absent.rs"]
mod engine;

use std::collections::BTreeMap;

pub use engine::Rules;

/// Whether this program was built with the library that compiles rules.
pub const IS_BUILT_IN: bool = cfg!(feature = "yara");

/// Longest rule file, and all of one folder together: public collections have a few megabytes.
pub const RULES_LEN_MAX: u64 = 64 << 20;
/// Longest file that rules are held against: the whole of it is in memory.
pub const FILE_LEN_MAX: u64 = 128 << 20;
/// Matches of one text of a rule in one file that are counted.
pub const MATCHES_MAX: usize = 1000;
/// Places told of one rule in one file.
pub const PLACES_MAX: usize = 16;

/// A file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Its name, as reports tell it; the rules of different files do not see each other.
    pub name: String,
    /// Its text.
    pub text: Vec<u8>,
}

/// A rule that holds of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The file of rules.
    pub file: String,
    /// The rule.
    pub rule: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// What its author says of it.
    pub meta: BTreeMap<String, String>,
    /// Texts that were found and where, in the order of the file; at most [`PLACES_MAX`].
    pub places: Vec<Place>,
    /// Places in all, of which a text has at most [`MATCHES_MAX`].
    pub count: u64,
}

/// A place that a text of a rule was found at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Byte offset in the file.
    pub offset: u64,
    /// Bytes that match.
    pub len: u64,
    /// The name of the text in the rule: `$address`.
    pub text: String,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The program was built without the library.
    NotBuiltIn,
    /// The rules of a file are wrong, or would be slow.
    Rules {
        /// The file.
        file: String,
        /// What is wrong, as the compiler says it.
        why: String,
    },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotBuiltIn => f.write_str(
                "this program was built without YARA; `cargo build --release --features yara` builds one with it",
            ),
            Self::Rules { file, why } => write!(f, "{file}: {why}"),
        }
    }
}

impl std::error::Error for Error {}
