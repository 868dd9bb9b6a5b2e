//! Library classes that an app brings along with their names taken away.
//!
//! Obfuscation renames classes and methods and leaves texts and prototypes. A class whose code holds all the texts that
//! only the library's class holds is that class; a method with a prototype that no other method of it has is that method.

use std::collections::BTreeSet;

use code::{MethodId, Program, StringId, TypeId};
use knowledge::{BundledMethod, Knowledge, Model};
use rustc_hash::FxHashMap;

/// Texts of the knowledge files, and the classes whose code holds them.
#[derive(Debug, Default)]
pub(crate) struct TellingTexts {
    classes: FxHashMap<StringId, BTreeSet<TypeId>>,
}

impl TellingTexts {
    pub(crate) fn new(program: &Program, knowledge: &Knowledge) -> Self {
        let texts = knowledge.bundled.iter().flat_map(|bundled| &bundled.strings);
        let classes = texts.filter_map(|text| program.find_string(text)).map(|text| (text, BTreeSet::new())).collect();
        Self { classes }
    }

    /// The code of a class holds a text.
    pub(crate) fn note(&mut self, text: StringId, class: Option<TypeId>) {
        if let (Some(classes), Some(class)) = (self.classes.get_mut(&text), class) {
            classes.insert(class);
        }
    }

    /// The one class whose code holds all these texts.
    fn holder(&self, program: &Program, texts: &[String]) -> Option<TypeId> {
        let mut holders: Option<BTreeSet<TypeId>> = None;
        for text in texts {
            let found = self.classes.get(&program.find_string(text)?)?;
            holders = Some(match holders {
                Some(holders) => holders.intersection(found).copied().collect(),
                None => found.clone(),
            });
        }
        let mut holders = holders?.into_iter();
        holders.next().filter(|_| holders.next().is_none())
    }
}

/// The models of the methods that are recognised.
pub(crate) fn recognise<'a>(
    program: &Program,
    knowledge: &'a Knowledge,
    texts: &TellingTexts,
) -> FxHashMap<MethodId, &'a Model> {
    let mut found = FxHashMap::default();
    for bundled in &knowledge.bundled {
        let Some(class) = texts.holder(program, &bundled.strings) else { continue };
        if program.descriptor(class) == bundled.class {
            continue;
        }
        for wanted in &bundled.methods {
            let model = knowledge.model(&bundled.class, &wanted.name, &wanted.signature);
            if let (Some(model), Some(method)) = (model, only_method(program, class, wanted)) {
                found.insert(method, model);
            }
        }
    }
    found
}

fn only_method(program: &Program, class: TypeId, wanted: &BundledMethod) -> Option<MethodId> {
    let descriptor = format!("{}{}", wanted.signature, wanted.returns);
    let methods = program.class_of(class)?.methods.iter().map(|method| method.method);
    let mut fitting = methods.filter(|&method| program.method_descriptor(method) == descriptor);
    fitting.next().filter(|_| fitting.next().is_none())
}
