//! What native methods of an app do: a Java method that is declared native, the function of a library of the app that implements it (by
//! its exported name, or by a table that binds it), and the imports that calls lead to from there.

use bytes::{Budget, ByteSource, Limits, Result};
use knowledge::Knowledge;
use native::{Code, Elf, EntryKind, Step, jni};

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
    /// Class and name; `JNI_OnLoad` for what runs when the library is loaded.
    pub method: String,
    /// Id of what the import does.
    pub act: String,
    /// The import.
    pub import: String,
    /// Calls from the method to the import: offset in the library, and words.
    pub way: Vec<(u64, String)>,
}

/// What the methods of `declared` (sorted) that a library implements lead to.
pub fn reached(source: &ByteSource, declared: &[NativeMethod], knowledge: &Knowledge) -> Result<Vec<Reached>> {
    let budget = Budget::new(Limits::FILE);
    let elf = Elf::read(source, &budget)?;
    let acts = knowledge.native_acts.iter().filter(|act| elf.import_of(&act.imports).is_some()).collect::<Vec<_>>();
    if acts.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = jni::whole(source, &budget)?;
    let Some(code) = Code::read(&elf, &bytes) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let is_of_java = |kind: &EntryKind| matches!(kind, EntryKind::OnLoad | EntryKind::Method { .. });
    for act in acts {
        for (entry, steps) in code.ways(&act.imports, is_of_java) {
            let methods = match &entry.kind {
                EntryKind::OnLoad => vec!["JNI_OnLoad".to_owned()],
                EntryKind::Method { class, method, signature } => {
                    names_of(class.as_deref(), method, signature.as_deref(), declared)
                }
                EntryKind::Start | EntryKind::Loaded | EntryKind::Exported(_) => continue,
            };
            let import = steps.last().and_then(Step::import).unwrap_or_default().to_owned();
            let way: Vec<(u64, String)> = steps.into_iter().map(|step| (step.offset, step.text)).collect();
            found.extend(methods.into_iter().map(|method| Reached {
                method,
                act: act.id.clone(),
                import: import.clone(),
                way: way.clone(),
            }));
        }
    }
    found.sort();
    Ok(found)
}

/// The methods of the app that a library binds under this name.
fn names_of(class: Option<&str>, method: &str, signature: Option<&str>, declared: &[NativeMethod]) -> Vec<String> {
    let first = declared.partition_point(|known| known.name.as_str() < method);
    let same_name = declared.get(first..).unwrap_or_default().iter().take_while(|known| known.name == method);
    let is_it = |known: &&NativeMethod| {
        class.is_none_or(|class| known.class == class)
            && signature.is_none_or(|signature| known.signature.starts_with(signature))
    };
    same_name.filter(is_it).take(CLASSES_MAX).map(|known| format!("{}.{}", known.class, known.name)).collect()
}
