//! What a read is known to be by itself, whoever may have written it: by the knowledge files, and by who may ask.

use std::collections::BTreeMap;

use super::{INTENT_ENTRIES, Linker, services};
use crate::{
    facts::{FactWhat, Letter},
    kinds::{EXTERNAL_INTENT, KEPT_AS, OPEN, QUERY},
};

impl Linker<'_> {
    /// Whether a component of this class, or a service kept under this name, is open to any app that an owner installs.
    pub(super) fn serves_strangers(&self, app: usize, service: &str) -> bool {
        match service.strip_prefix(KEPT_AS) {
            // The platform keeps services of its own users alone; those it has itself are known to ask who calls.
            Some(name) => {
                self.apps.get(app).is_some_and(services::may_keep) && !self.knowledge.platform_services.contains(name)
            }
            None => self.intents.outside_kind(app, service, Letter::Intent).is_some(),
        }
    }

    /// Kinds of data that the knowledge files know this to be.
    pub(super) fn known_kinds(&self, app: usize, what: &FactWhat) -> Vec<(String, Vec<String>)> {
        let by_name = |names: &[String], kind_of: &dyn Fn(&str) -> Option<String>| {
            let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for name in names {
                if let Some(kind) = kind_of(name) {
                    kinds.entry(kind).or_default().push(name.clone());
                }
            }
            kinds.into_iter().collect()
        };
        match what {
            FactWhat::Kind(kind, classes) if kind == EXTERNAL_INTENT => {
                let providers = self.apps.get(app).map(|app| app.providers.as_slice()).unwrap_or_default();
                let mut open = classes.iter().map(|class| {
                    // Which operation carries the request is not kept: strangers must be let into all of them.
                    providers.iter().any(|p| p.class == *class && p.open && p.open_to_writers)
                        || self.serves_strangers(app, class)
                });
                (classes.is_empty() || open.any(|open| open))
                    .then(|| (kind.clone(), classes.clone()))
                    .into_iter()
                    .collect()
            }
            FactWhat::Kind(kind, details) => vec![(kind.clone(), details.clone())],
            // Only rows and files are the data that a provider of the platform keeps.
            FactWhat::Provider(operation, uris) if [QUERY, OPEN].contains(&operation.as_str()) => {
                by_name(uris, &|uri| self.knowledge.provider_kind(uri).map(str::to_owned))
            }
            FactWhat::Table(table, keys) => {
                by_name(keys, &|key| self.knowledge.table_kind(table, key).map(str::to_owned))
            }
            FactWhat::Store(kind, paths) => {
                if let Some(held) = self.knowledge.channels.get(kind).and_then(|channel| channel.holds.clone()) {
                    return vec![(held, Vec::new())];
                }
                let table = self.knowledge.origins.values().find(|origin| origin.sink.as_ref() == Some(kind));
                let Some(table) = table.and_then(|origin| origin.table.as_ref()) else { return Vec::new() };
                by_name(paths, &|path| self.knowledge.table_kind(table, path).map(str::to_owned))
            }
            FactWhat::Received(class, letter, key) => {
                let mut kinds = match letter {
                    Letter::Intent | Letter::OfPlatform => {
                        by_name(&self.intents.entries_read(app, class, key.as_deref()), &|entry| {
                            self.knowledge.table_kind(INTENT_ENTRIES, entry).map(str::to_owned)
                        })
                    }
                    Letter::Result | Letter::PassedOn => Vec::new(),
                };
                let outside = self.intents.outside_kind(app, class, *letter);
                kinds.extend(outside.map(|kind| (kind.to_owned(), Vec::new())));
                kinds
            }
            FactWhat::Field(_) | FactWhat::Provider(..) => Vec::new(),
        }
    }
}
