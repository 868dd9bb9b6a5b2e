//! What a native file is taken to do, told by what it imports and says together, and what its imports do.

use crate::{
    load::{At, Loader, put, reference},
    platform::matches_pattern,
    problem::Problem,
    raw,
};

/// Something that native files of a kind do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeFact {
    /// Short name, unique.
    pub id: String,
    /// Where its data comes from.
    pub source: NativeSource,
    /// Sink kind that the data reaches.
    pub sink: String,
    /// Names of the files it speaks of, without folders; patterns; none for every file.
    pub files: Vec<String>,
    /// For files that need nobody to start them: where they run.
    pub runs_in: Option<String>,
    /// Groups of imports: one of each must be there. The last group is the act itself.
    pub imports: Vec<Vec<String>>,
    /// Groups of texts, as patterns: one of each must be there.
    pub strings: Vec<Vec<String>>,
    /// Whether cipher text must be in what is loaded of the file.
    pub cipher_text: bool,
    /// Where that is documented.
    pub reference: String,
}

/// Where the data of a native fact comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NativeSource {
    /// Data of a kind.
    Kind(String),
    /// What others put into a channel of a kind, by a name that the file says.
    Channel(String),
}

/// Something that native code does by calling one of these imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeAct {
    /// Short name, unique.
    pub id: String,
    /// What it is, in words: `starts a program`.
    pub label: String,
    /// The imports.
    pub imports: Vec<String>,
    /// It counts only where one of these is led to as well; none for always.
    pub along_with: Vec<String>,
    /// Sink kind that what Java code gives to such a method may reach.
    pub sink: Option<String>,
    /// Where they are documented.
    pub reference: String,
}

impl NativeFact {
    /// Whether it speaks of a file of this name.
    #[must_use]
    pub fn speaks_of(&self, name: &str) -> bool {
        self.files.is_empty() || self.files.iter().any(|pattern| matches_pattern(pattern, name))
    }
}

impl Loader {
    pub(crate) fn read_natives(
        &mut self,
        file: &mut raw::File,
        cited: &str,
        at: &dyn Fn(&str, usize, &str) -> At,
    ) -> Result<(), Problem> {
        for (index, entry) in std::mem::take(&mut file.native_fact).into_iter().enumerate() {
            let at = at("native_fact", index, &entry.id);
            self.native_fact(entry, cited, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.native_act).into_iter().enumerate() {
            let at = at("native_act", index, &entry.id);
            self.native_act(entry, cited, &at)?;
        }
        Ok(())
    }

    fn native_act(&mut self, entry: raw::NativeAct, cited: &str, at: &At) -> Result<(), Problem> {
        if entry.imports.is_empty() {
            return at.value("imports", "an import that does it");
        }
        let reference = reference(entry.reference, cited, at)?;
        let (id, along_with, sink) = (entry.id.clone(), entry.along_with, entry.sink);
        let act = NativeAct { id, label: entry.label, imports: entry.imports, along_with, sink, reference };
        put(&mut self.native_acts, entry.id.clone(), &entry.id, act, at)
    }

    fn native_fact(&mut self, entry: raw::NativeFact, cited: &str, at: &At) -> Result<(), Problem> {
        let source = match (entry.source, entry.channel) {
            (Some(kind), None) => NativeSource::Kind(kind),
            (None, Some(channel)) => NativeSource::Channel(channel),
            _ => return at.value("source", "a data kind here, or a channel"),
        };
        if !entry.cipher_text && entry.imports.iter().chain(&entry.strings).all(Vec::is_empty) {
            return at.value("imports", "an import, a text or cipher text that must be there");
        }
        let fact = NativeFact {
            id: entry.id.clone(),
            source,
            sink: entry.sink,
            files: entry.files,
            runs_in: entry.runs_in,
            imports: entry.imports,
            strings: entry.strings,
            cipher_text: entry.cipher_text,
            reference: reference(entry.reference, cited, at)?,
        };
        put(&mut self.native_facts, entry.id.clone(), &entry.id, fact, at)
    }
}
