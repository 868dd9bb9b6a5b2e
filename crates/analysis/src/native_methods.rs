//! What native methods of an app do: a Java method that is declared native, the function of a library of the app that implements it (by
//! its exported name, or by a table that binds it), the imports that calls lead to from there, and the Java methods that functions on
//! the way ask the runtime for.

use bytes::{Budget, ByteSource, Limits, Result};
use knowledge::Knowledge;
use native::{Asks, Code, Elf, Entry, EntryKind, Step, jni};

/// Most classes named for one bound method: a table names the method alone.
const CLASSES_MAX: usize = 4;

/// A method that an app declares native.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct NativeMethod {
    /// Its name.
    pub name: String,
    /// `(I)V`
    pub signature: String,
    /// Its class, with dots.
    pub class: String,
}

/// A native method that leads to an import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// The method; none for what runs when the library is loaded.
    pub method: Option<NativeMethod>,
    /// Id of what the import does.
    pub act: String,
    /// The import.
    pub import: String,
    /// Calls from the method to the import: offset in the library, and words.
    pub way: Vec<(u64, String)>,
}

impl Reached {
    /// Class and name; `JNI_OnLoad` for what runs when the library is loaded.
    #[must_use]
    pub fn name(&self) -> String {
        self.method.as_ref().map_or("JNI_OnLoad".to_owned(), |method| format!("{}.{}", method.class, method.name))
    }
}

/// A native method that leads to a function that asks the runtime for Java methods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asking {
    /// The native method.
    pub method: NativeMethod,
    /// What the functions that it leads to may ask for.
    pub asks: Vec<Asks>,
}

/// What a library says of the native methods of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Implemented {
    /// Imports that they lead to.
    pub reached: Vec<Reached>,
    /// Java methods that they may ask for.
    pub asking: Vec<Asking>,
}

/// What the methods of `declared` (sorted) that a library implements lead to.
pub fn implemented(source: &ByteSource, declared: &[NativeMethod], knowledge: &Knowledge) -> Result<Implemented> {
    let budget = Budget::new(Limits::FILE);
    let elf = Elf::read(source, &budget)?;
    let acts = knowledge.native_acts.iter().filter(|act| elf.import_of(&act.imports).is_some()).collect::<Vec<_>>();
    // A table that binds methods without exported names is handed to the runtime when the library is loaded.
    let is_for_java = |symbol: &native::Symbol| symbol.name.starts_with("Java_") || symbol.name == "JNI_OnLoad";
    if acts.is_empty() && (declared.is_empty() || !elf.exports.iter().any(is_for_java)) {
        return Ok(Implemented::default());
    }
    let bytes = jni::whole(source, &budget)?;
    let Some(code) = Code::read(&elf, &bytes) else { return Ok(Implemented::default()) };
    let mut found = Implemented::default();
    let is_of_java = |kind: &EntryKind| matches!(kind, EntryKind::OnLoad | EntryKind::Method { .. });
    for act in acts {
        let along: Option<Vec<&Entry>> = (!act.along_with.is_empty())
            .then(|| code.ways(&act.along_with, is_of_java).into_iter().map(|(entry, _)| entry).collect());
        for (entry, steps) in code.ways(&act.imports, is_of_java) {
            if along.as_ref().is_some_and(|along| !along.contains(&entry)) {
                continue;
            }
            let methods = match &entry.kind {
                EntryKind::OnLoad => vec![None],
                kind => declared_as(kind, declared).cloned().map(Some).collect(),
            };
            let import = steps.last().and_then(Step::import).unwrap_or_default().to_owned();
            let way: Vec<(u64, String)> = steps.into_iter().map(|step| (step.offset, step.text)).collect();
            found.reached.extend(methods.into_iter().map(|method| Reached {
                method,
                act: act.id.clone(),
                import: import.clone(),
                way: way.clone(),
            }));
        }
    }
    for (entry, asks) in code.asks(&bytes, |kind| matches!(kind, EntryKind::Method { .. })) {
        let asking = |method: &NativeMethod| Asking { method: method.clone(), asks: asks.clone() };
        found.asking.extend(declared_as(&entry.kind, declared).map(asking));
    }
    found.reached.sort();
    found.asking.sort();
    Ok(found)
}

/// The methods of the app that a library binds by this entry.
fn declared_as<'d>(kind: &EntryKind, declared: &'d [NativeMethod]) -> impl Iterator<Item = &'d NativeMethod> {
    let (class, method, signature) = match kind {
        EntryKind::Method { class, method, signature } => (class.clone(), method.clone(), signature.clone()),
        _ => (None, String::new(), None),
    };
    let first = declared.partition_point(|known| known.name < method);
    let same_name = declared.get(first..).unwrap_or_default().iter().take_while(move |known| known.name == method);
    let is_it = move |known: &&NativeMethod| {
        class.as_ref().is_none_or(|class| known.class == *class)
            && signature.as_ref().is_none_or(|signature| known.signature.starts_with(signature))
    };
    same_name.filter(is_it).take(CLASSES_MAX)
}
