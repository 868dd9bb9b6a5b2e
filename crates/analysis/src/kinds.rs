//! Names of data kinds, sink kinds and stores, as small numbers.

use knowledge::Knowledge;
use rustc_hash::{FxHashMap, FxHashSet};

/// What another app chooses: the contents of an intent or request that reaches an exposed component.
pub(crate) const EXTERNAL_INTENT: &str = "external_intent";
/// The store that a content provider is.
pub(crate) const PROVIDER: &str = "provider";
/// What a content provider is asked for when its rows are wanted.
pub(crate) const QUERY: &str = "query";
/// What a content provider is asked for when a file of it is wanted.
pub(crate) const OPEN: &str = "open";
/// What another app answers.
pub(crate) const EXTERNAL_RESULT: &str = "external_result";
/// What is passed to a method behind a binder.
pub(crate) const BINDER: &str = "binder";
/// What a method behind a binder answers.
pub(crate) const BINDER_REPLY: &str = "binder_reply";
/// What a method behind a binder that any app may have answers.
pub(crate) const BOUND_ANSWER: &str = "bound_answer";
/// A service is given to the platform for all apps to find by name.
pub const SERVICE_KEPT: &str = "service_kept";
/// A service is asked for by name.
pub(crate) const SERVICE_ASKED: &str = "service_asked";
/// A kind of component: a service that the system's server keeps, its name among the authorities.
pub const SYSTEM_SERVICE: &str = "system_service";
/// Stands before the name at the service manager where that is what a service is told by.
pub(crate) const KEPT_AS: &str = "service manager: ";
/// The table of broadcasts that only the platform may send.
pub(crate) const SYSTEM_BROADCASTS: &str = "system_broadcasts";
/// The channel between components.
pub(crate) const INTENT: &str = "intent";
/// The store that a file is.
pub(crate) const FILE: &str = "file";

/// Every name that a model uses for a kind of data, a sink or a store.
#[derive(Debug, Default)]
pub struct Kinds {
    names: Vec<String>,
    ids: FxHashMap<String, u32>,
    /// Sinks that some rule speaks of.
    told: FxHashSet<u32>,
}

impl Kinds {
    /// The names that `knowledge` uses, and the few the engine itself speaks of.
    #[must_use]
    pub fn new(knowledge: &Knowledge) -> Self {
        let mut kinds = Self::default();
        let models = knowledge.models.iter().flat_map(|model| &model.channels).map(|channel| &channel.kind);
        let origins =
            knowledge.origins.values().flat_map(|origin| origin.sink.iter().chain(&origin.source).chain(&origin.table));
        let names = knowledge.data_kinds.keys().chain(knowledge.sink_kinds.keys()).chain(knowledge.tables.keys());
        for name in names.chain(models).chain(origins).chain(knowledge.channels.keys()) {
            kinds.add(name);
        }
        let channels = knowledge.models.iter().flat_map(|model| &model.channels);
        for operation in channels.filter_map(|channel| channel.operation.as_ref()) {
            kinds.add(operation);
        }
        for name in [EXTERNAL_INTENT, PROVIDER, FILE, QUERY, OPEN] {
            kinds.add(name);
        }
        let told = knowledge.rules.iter().flat_map(|rule| &rule.sinks);
        kinds.told = told.map(|name| kinds.id(name)).collect();
        kinds
    }

    /// Whether a rule speaks of a sink: what goes into any other need not be followed.
    pub(crate) fn is_told(&self, id: u32) -> bool {
        self.told.contains(&id)
    }

    fn add(&mut self, name: &str) {
        if !self.ids.contains_key(name) {
            self.ids.insert(name.to_owned(), self.names.len() as u32);
            self.names.push(name.to_owned());
        }
    }

    /// The number of a name; names outside the knowledge share one.
    pub(crate) fn id(&self, name: &str) -> u32 {
        self.ids.get(name).copied().unwrap_or(u32::MAX)
    }

    /// The name of a number.
    pub(crate) fn name(&self, id: u32) -> &str {
        self.names.get(id as usize).map_or("unknown", |name| name)
    }
}
