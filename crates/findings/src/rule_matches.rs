//! What rules of others say of files: indicators beside the claims, which grade nobody.

use serde::{Deserialize, Serialize};

/// YARA rules that were brought, and where they match. A match says that a file looks like one that the author of the rule
/// had seen; it proves nothing of what code does, and no grade rests on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMatches {
    /// SHA-256 over the names and texts of the rule files.
    pub digest: String,
    /// How many rules they have.
    pub rules: u64,
    /// Files that they were held against: files of the image, and members of its packages.
    pub files: u64,
    /// Where they match, by path, then by rule.
    pub matches: Vec<RuleMatch>,
}

/// A rule that matches a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleMatch {
    /// The layers around the file.
    pub container: String,
    /// Device path, with inner layers: `/system/app/X/X.apk!classes.dex`.
    pub path: String,
    /// The app that the file is a part of; absent for other files.
    pub app: Option<String>,
    /// The rule file.
    pub rule_file: String,
    /// The rule's name.
    pub rule: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// What its author says of it, by name.
    pub meta: Vec<(String, String)>,
    /// Places that its texts were found at, the first ones.
    pub places: Vec<RulePlace>,
    /// Places in all; of one text at most a bounded number is counted.
    pub places_found: u64,
}

/// A place that a text of a rule was found at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RulePlace {
    /// Byte offset in the file.
    pub offset: u64,
    /// Bytes that match.
    pub len: u64,
    /// The text's name in the rule: `$address`.
    pub text: String,
}
