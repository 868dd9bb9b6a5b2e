//! From TOML texts to [`crate::Knowledge`]. Files are read in order; within one layer (embedded, or given by the user) nothing
//! may be said twice; a later layer replaces what an earlier one says under the same key.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::baseline::{Baseline, Marker, ScoreRules};
use crate::language::Unreadable;
use crate::model::{Bundled, BundledMethod, ChannelRule, Model, OriginKind, Place};
use crate::names::{class_descriptor, is_method_name, is_signature};
use crate::native::{NativeAct, NativeFact};
use crate::packer::Packer;
use crate::party::{KnownCertificate, Organisation, PartyRule};
use crate::platform::{Callback, EntryPoint, Lifecycle, Permission, Provider, StaticField};
use crate::policy::{Axis, Channel, DataKind, OriginInfo, Requirement, Rule, Scope, SinkKindInfo};
use crate::problem::{Fault, Problem};
use crate::raw::{self, Texts};
use crate::supplier::{CodeSample, Supplier};

/// An entry with the place it was read from.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

/// Where an entry was read.
#[derive(Debug, Clone)]
pub(crate) struct At {
    layer: usize,
    pub(crate) file: String,
    pub(crate) entry: String,
}

impl At {
    pub(crate) fn problem(&self, fault: Fault) -> Problem {
        Problem { file: self.file.clone(), entry: self.entry.clone(), fault }
    }

    fn sentence<T: FromStr<Err = Unreadable>>(&self, text: &str) -> Result<T, Problem> {
        text.parse().map_err(|error: Unreadable| {
            self.problem(Fault::Sentence { text: text.to_owned(), expected: error.expected })
        })
    }

    fn sentences<T: FromStr<Err = Unreadable>>(&self, texts: &Texts) -> Result<Vec<T>, Problem> {
        texts.as_slice().iter().map(|text| self.sentence(text)).collect()
    }

    pub(crate) fn class(&self, name: &str) -> Result<String, Problem> {
        class_descriptor(name).ok_or_else(|| self.problem(Fault::Descriptor(name.to_owned())))
    }

    pub(crate) fn method(&self, name: &str) -> Result<(), Problem> {
        if is_method_name(name) { Ok(()) } else { Err(self.problem(Fault::Descriptor(name.to_owned()))) }
    }

    pub(crate) fn signature(&self, text: Option<&str>) -> Result<(), Problem> {
        match text {
            Some(text) if !is_signature(text) => Err(self.problem(Fault::Descriptor(text.to_owned()))),
            _ => Ok(()),
        }
    }

    pub(crate) fn value<T>(&self, field: &'static str, expected: &'static str) -> Result<T, Problem> {
        Err(self.problem(Fault::Value { field, expected }))
    }
}

pub(crate) type Entries<K, T> = BTreeMap<K, Entry<T>>;
type ModelKey = (String, String, Option<String>);

/// Everything read so far, by key.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    pub(crate) follows_branches: bool,
    pub(crate) models: Entries<ModelKey, Model>,
    pub(crate) hierarchy: Entries<String, Vec<String>>,
    pub(crate) namespaces: Entries<String, bool>,
    pub(crate) platform_services: Entries<String, ()>,
    pub(crate) data_kinds: Entries<String, DataKind>,
    pub(crate) sink_kinds: Entries<String, SinkKindInfo>,
    pub(crate) axes: Entries<Axis, Vec<String>>,
    pub(crate) origins: Entries<OriginKind, OriginInfo>,
    pub(crate) channels: Entries<String, Channel>,
    pub(crate) rules: Entries<String, Rule>,
    pub(crate) providers: Entries<(String, String), Provider>,
    pub(crate) fields: Entries<String, StaticField>,
    pub(crate) rows: Entries<(String, String), String>,
    pub(crate) entry_points: Entries<(String, String, String, String), EntryPoint>,
    pub(crate) callbacks: Entries<ModelKey, Callback>,
    pub(crate) lifecycles: Entries<String, Lifecycle>,
    pub(crate) permissions: Entries<String, Permission>,
    pub(crate) suppliers: Entries<String, Supplier>,
    pub(crate) native_facts: Entries<String, NativeFact>,
    pub(crate) native_acts: Entries<String, NativeAct>,
    pub(crate) packers: Entries<String, Packer>,
    pub(crate) bundled: Entries<String, Bundled>,
    pub(crate) boot_keys: Entries<String, String>,
    pub(crate) markers: Entries<String, Marker>,
    pub(crate) baselines: Entries<String, Baseline>,
    pub(crate) score: ScoreRules,
    pub(crate) code_samples: Entries<(String, String), CodeSample>,
    pub(crate) organisations: Entries<String, Organisation>,
    pub(crate) party_rules: Entries<(String, String, String), PartyRule>,
    pub(crate) nobody: Entries<String, ()>,
    pub(crate) known_certificates: Entries<String, KnownCertificate>,
}

pub(crate) fn put<K: Ord, T>(
    entries: &mut Entries<K, T>,
    key: K,
    name: &str,
    value: T,
    at: &At,
) -> Result<(), Problem> {
    if let Some(known) = entries.get(&key).filter(|known| known.at.layer == at.layer) {
        let first = format!("{}, {}", known.at.file, known.at.entry);
        return Err(at.problem(Fault::Duplicate { key: name.to_owned(), first }));
    }
    entries.insert(key, Entry { value, at: at.clone() });
    Ok(())
}

pub(crate) fn reference(own: Option<String>, file: &str, at: &At) -> Result<String, Problem> {
    match own.unwrap_or_else(|| file.to_owned()) {
        text if text.is_empty() => at.value("reference", "a document, here or for the whole file"),
        text => Ok(text),
    }
}

impl Loader {
    /// Reads one file.
    pub(crate) fn read(&mut self, layer: usize, name: &str, text: &str) -> Result<(), Problem> {
        let at = |table: &str, index: usize, about: &str| At {
            layer,
            file: name.to_owned(),
            entry: if table.is_empty() {
                String::new()
            } else {
                format!("{table} {} ({about})", index.saturating_add(1))
            },
        };
        let mut file: raw::File =
            toml::from_str(text).map_err(|error| at("", 0, "").problem(Fault::Syntax(error.to_string())))?;
        let cited = std::mem::take(&mut file.reference);
        self.follows_branches = file.follows_branches.unwrap_or(self.follows_branches);
        self.read_parties(&mut file, &cited, &at)?;
        self.read_policy(&mut file, &cited, &at)?;
        self.read_natives(&mut file, &cited, &at)?;
        for (index, entry) in file.model.into_iter().enumerate() {
            let about = format!("{} {}", entry.class.as_slice().join(" "), entry.method.as_slice().join(" "));
            self.model(&entry, &at("model", index, &about))?;
        }
        for (index, (class, supers)) in file.hierarchy.into_iter().enumerate() {
            self.class(&class, &supers, &at("hierarchy", index, &class))?;
        }
        self.namespaces(file.namespaces, &cited, &at)?;
        self.platform_services(file.platform_services, &cited, &at)?;
        self.read_platform(file.provider, file.fields, file.table, &cited, &at)?;
        for (index, entry) in file.entry_point.into_iter().enumerate() {
            let at = at("entry_point", index, &format!("{} {}", entry.class, entry.method));
            self.entry_point(entry, &at)?;
        }
        for (index, entry) in file.callback.into_iter().enumerate() {
            let about = format!("{} {}", entry.class.as_slice().join(" "), entry.method.as_slice().join(" "));
            self.callback(&entry, &at("callback", index, &about))?;
        }
        for (index, entry) in file.lifecycle.into_iter().enumerate() {
            let at = at("lifecycle", index, &entry.component);
            self.lifecycle(entry, &cited, &at)?;
        }
        for (index, (name, levels)) in file.permissions.into_iter().enumerate() {
            self.permission(&name, &levels, &cited, &at("permissions", index, &name))?;
        }
        for (index, entry) in file.boot_key.into_iter().enumerate() {
            let at = at("boot_key", index, &entry.name);
            if entry.sha1.len() != 40 || !entry.sha1.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return at.value("sha1", "forty hexadecimal digits in lower case");
            }
            reference(entry.reference, &cited, &at)?;
            put(&mut self.boot_keys, entry.sha1.clone(), &entry.sha1, entry.name, &at)?;
        }
        for (index, entry) in file.packer.into_iter().enumerate() {
            let at = at("packer", index, &entry.id);
            let reference = reference(entry.reference, &cited, &at)?;
            let value = Packer {
                id: entry.id.clone(),
                name: entry.name,
                files: entry.files,
                classes: entry.classes,
                // None would be in every app.
                least: entry.least.unwrap_or(1).max(1),
                reference,
            };
            put(&mut self.packers, entry.id.clone(), &entry.id, value, &at)?;
        }
        for (index, entry) in file.bundled.into_iter().enumerate() {
            let at = at("bundled", index, &entry.class);
            let class = at.class(&entry.class)?;
            if entry.strings.is_empty() {
                return at.value("strings", "at least one text that only this class holds");
            }
            let methods = entry.methods.into_iter();
            let methods = methods.map(|method| BundledMethod {
                name: method.name,
                signature: method.signature,
                returns: method.returns,
            });
            let value = Bundled { class: class.clone(), strings: entry.strings, methods: methods.collect() };
            put(&mut self.bundled, class, &entry.class, value, &at)?;
        }
        Ok(())
    }

    /// Kinds, questions and rules.
    fn read_policy(
        &mut self,
        file: &mut raw::File,
        cited: &str,
        at: &dyn Fn(&str, usize, &str) -> At,
    ) -> Result<(), Problem> {
        for (index, entry) in std::mem::take(&mut file.data_kind).into_iter().enumerate() {
            let at = at("data_kind", index, &entry.id);
            self.data_kind(entry, cited, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.sink_kind).into_iter().enumerate() {
            let at = at("sink_kind", index, &entry.id);
            let raw::SinkKind { id, label, attack, permissions, not_by } = entry;
            let value = SinkKindInfo { id: id.clone(), label, attack, permissions, not_by };
            put(&mut self.sink_kinds, id.clone(), &id, value, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.axis).into_iter().enumerate() {
            let at = at("axis", index, &entry.id);
            let Some(axis) = Axis::from_name(&entry.id) else { return at.value("id", "takes, obeys or exposes") };
            put(&mut self.axes, axis, &entry.id, entry.grades, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.origin).into_iter().enumerate() {
            let at = at("origin", index, &entry.id);
            let value = OriginInfo {
                sink: entry.sink,
                source: entry.source,
                table: entry.table,
                channel: entry.channel,
                answers: entry.answers,
            };
            put(&mut self.origins, at.sentence(&entry.id)?, &entry.id, value, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.channel).into_iter().enumerate() {
            let at = at("channel", index, &entry.id);
            let Some(scope) = Scope::from_name(&entry.scope) else { return at.value("scope", "owner, bound or image") };
            let channel = Channel { scope, named: entry.named, holds: entry.holds };
            put(&mut self.channels, entry.id.clone(), &entry.id, channel, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.rule).into_iter().enumerate() {
            let at = at("rule", index, &entry.id);
            self.rule(entry, cited, &at)?;
        }
        Ok(())
    }

    fn model(&mut self, entry: &raw::Model, at: &At) -> Result<(), Problem> {
        at.signature(entry.signature.as_deref())?;
        let mut channels = Vec::new();
        for channel in &entry.channel {
            channels.push(ChannelRule {
                kind: channel.kind.clone(),
                name: at.sentence::<Place>(&channel.name)?,
                within: channel.within.as_deref().map(|place| at.sentence::<Place>(place)).transpose()?,
                sql: channel.sql,
                writes: at.sentences(&channel.writes)?,
                reads: at.sentences(&channel.reads)?,
                operation: channel.operation.clone(),
                permission: channel.permission.as_deref().map(|place| at.sentence::<Place>(place)).transpose()?,
            });
        }
        let model = Model {
            signature: entry.signature.clone(),
            flows: at.sentences(&entry.flow)?,
            texts: at.sentences(&entry.text)?,
            origins: at.sentences(&entry.origin)?,
            sources: at.sentences(&entry.source)?,
            sinks: at.sentences(&entry.sink)?,
            channels,
            invokes: at.sentences(&entry.invoke)?,
            permissions: entry.permissions.clone(),
            at: format!("{}, {}", at.file, at.entry),
            ..Model::default()
        };
        for class in entry.class.as_slice() {
            let class = at.class(class)?;
            for method in entry.method.as_slice() {
                at.method(method)?;
                let key = (class.clone(), method.clone(), entry.signature.clone());
                let name = format!("{class}->{method}{}", entry.signature.as_deref().unwrap_or_default());
                let model = Model { class: class.clone(), methods: vec![method.clone()], ..model.clone() };
                if entry.adds {
                    if self.add_to_models(&model) {
                        continue;
                    }
                    return at.value("adds", "a class and method that a model speaks of already");
                }
                put(&mut self.models, key, &name, model, at)?;
            }
        }
        Ok(())
    }

    /// Adds sources and sinks to the models that are known of the methods it speaks of; whether there are any. A model that
    /// stands for itself instead would hide what is known of the superclass.
    fn add_to_models(&mut self, more: &Model) -> bool {
        let mut found = false;
        for ((class, method, signature), known) in &mut self.models {
            let speaks = *class == more.class && more.methods.contains(method);
            if speaks && (more.signature.is_none() || more.signature == *signature) {
                known.value.sources.extend(more.sources.iter().cloned());
                known.value.sinks.extend(more.sinks.iter().cloned());
                known.value.permissions.extend(more.permissions.iter().cloned());
                found = true;
            }
        }
        found
    }

    fn class(&mut self, class: &str, supers: &[String], at: &At) -> Result<(), Problem> {
        let descriptor = at.class(class)?;
        let supers = supers.iter().map(|name| at.class(name)).collect::<Result<_, _>>()?;
        put(&mut self.hierarchy, descriptor, class, supers, at)
    }

    fn data_kind(&mut self, entry: raw::DataKind, cited: &str, at: &At) -> Result<(), Problem> {
        let reference = reference(entry.reference, cited, at)?;
        let raw::DataKind { id, label, rank, attack, permissions, not_by, .. } = entry;
        let value = DataKind { id: id.clone(), label, rank, attack, permissions, not_by, reference };
        put(&mut self.data_kinds, id.clone(), &id, value, at)
    }

    fn rule(&mut self, entry: raw::Rule, cited: &str, at: &At) -> Result<(), Problem> {
        let Some(axis) = Axis::from_name(&entry.axis) else { return at.value("axis", "takes, obeys or exposes") };
        let requires = match entry.requires.as_deref() {
            None => None,
            Some("system_uid") => Some(Requirement::SystemUid),
            Some(_) => return at.value("requires", "system_uid"),
        };
        let mut references = entry.reference.as_slice().to_vec();
        if references.is_empty() {
            references.push(reference(None, cited, at)?);
        }
        let rule = Rule {
            id: entry.id.clone(),
            axis,
            sources: entry.sources,
            sinks: entry.sinks,
            names: entry.names,
            unnamed: entry.unnamed,
            except: entry.except,
            rank: entry.rank,
            grade: String::new(),
            requires,
            title: entry.title,
            attack: entry.attack,
            references,
        };
        put(&mut self.rules, entry.id.clone(), &entry.id, rule, at)
    }
}
