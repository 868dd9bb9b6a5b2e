//! Typed view of the knowledge files, embedded at build time.
//!
//! [`Knowledge::embedded`] reads the files of this repository's `knowledge/` folder, which the build script puts into the
//! program; [`Knowledge::with_files`] lays files of the user over them. Any file may hold any kind of entry. The format
//! is described in `knowledge/README.md`; the sentences of models in [`language`].
//!
//! ```text
//! let knowledge = Knowledge::embedded()?;
//! knowledge.model("Ljava/util/List;", "add", "(Ljava/lang/Object;)")    what that method does, if that class says so
//! knowledge.provider_kind("content://sms/inbox")                         Some("sms")
//! knowledge.table_kind("system_properties", "ro.serialno")               Some("device_id")
//! ```
//! All collections are sorted, so the order of results never depends on a hash.

mod baseline;
mod check;
mod import;
pub mod language;
mod load;
mod load_parties;
mod load_platform;
mod model;
mod names;
mod native;
mod packer;
mod party;
mod platform;
mod policy;
mod problem;
mod raw;
mod supplier;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::load::{Entry, Loader};

pub use baseline::{Baseline, Marker, ScoreRules};
pub use import::{Imported, import};
pub use model::{
    Bundled, BundledMethod, ChannelRule, Flow, InvokeRule, Model, OriginKind, OriginRule, Part, Place, Root, SinkKind,
    SinkRule, SourceKind, SourceRule, TextPiece, TextRule,
};
pub use native::{NativeAct, NativeFact, NativeSource};
pub use packer::Packer;
pub use party::{KnownCertificate, NamedBy, Organisation, OrganisationKind, PartyRole, PartyRule, Reading};
pub use platform::{
    CHANGE, Callback, EntryPoint, GESTURE, Lifecycle, Permission, Provider, Role, StaticField, Table, matches_pattern,
};
pub use policy::{Axis, Channel, DataKind, OriginInfo, Requirement, Rule, Scope, SinkKindInfo};
pub use problem::{Fault, Problem};
pub use supplier::{CodeSample, EvidenceKind, EvidenceRule, NumberClaim, Supplier, SupplierKind};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Everything the program knows about the world.
#[derive(Debug, Clone)]
pub struct Knowledge {
    /// Library methods, sorted by class, method, signature. Each has exactly one name in `methods`.
    pub models: Vec<Model>,
    /// Whether data that decides which way code goes counts as having come to what is done there (implicit flows). Off unless
    /// a file says `follows_branches = true`: it finds what is copied bit by bit, and ties much that has little to do with it.
    pub follows_branches: bool,
    /// Descriptor of a platform class -> descriptors of its direct supertypes (superclass first, then interfaces).
    pub hierarchy: BTreeMap<String, Vec<String>>,
    /// First parts of class names, with slashes: whether such classes are the public platform's.
    pub namespaces: BTreeMap<String, bool>,
    /// Names under which the public platform keeps services at the service manager.
    pub platform_services: BTreeSet<String>,
    /// Kinds of data, by id.
    pub data_kinds: BTreeMap<String, DataKind>,
    /// Kinds of sinks, by id.
    pub sink_kinds: BTreeMap<String, SinkKindInfo>,
    /// Names of the ranks of each axis; rank 0 is nothing.
    pub axes: BTreeMap<Axis, Vec<String>>,
    /// What the origin of a stream makes of writing to it and reading from it.
    pub origins: BTreeMap<OriginKind, OriginInfo>,
    /// Stores and wires that models write and read, by id: who shares one.
    pub channels: BTreeMap<String, Channel>,
    /// Rules, sorted by axis, then rank falling, those with names first, then id.
    pub rules: Vec<Rule>,
    /// Content providers of the platform, sorted by authority, then path.
    pub providers: Vec<Provider>,
    /// Static fields of the platform: `Landroid/provider/CallLog$Calls;->CONTENT_URI:Landroid/net/Uri;`.
    pub static_fields: BTreeMap<String, StaticField>,
    /// Tables of values by name.
    pub tables: BTreeMap<String, Table>,
    /// Methods the platform calls on components, sorted by component, class, method.
    pub entry_points: Vec<EntryPoint>,
    /// Methods the platform calls on registered objects, sorted by class, method.
    pub callbacks: Vec<Callback>,
    /// In which order the platform calls the methods of a component, by kind of component.
    pub lifecycles: BTreeMap<String, Lifecycle>,
    /// Permissions of the platform by name.
    pub permissions: BTreeMap<String, Permission>,
    /// Suppliers by id.
    pub suppliers: Vec<Supplier>,
    /// What native files do, told by what they import and say, by id.
    pub native_facts: Vec<NativeFact>,
    /// What native code does by its imports, by id.
    pub native_acts: Vec<NativeAct>,
    /// Tools that seal the code of apps, by id.
    pub packers: Vec<Packer>,
    /// Classes of libraries that are recognised without their names, by class.
    pub bundled: Vec<Bundled>,
    /// Public keys of verified boot whose private half everybody has: SHA-1 in lower-case hex -> what it is.
    pub boot_keys: BTreeMap<String, String>,
    /// What code is recognised to be able to do by what it names, by id.
    pub markers: Vec<Marker>,
    /// Builds of the platform without anything added, by name.
    pub baselines: Vec<Baseline>,
    /// Weights and exceptions of the published score.
    pub score: ScoreRules,
    /// Organisations by id.
    pub organisations: Vec<Organisation>,
    /// Properties that name somebody, by property, value, role.
    pub party_rules: Vec<PartyRule>,
    /// Values of properties, in lower case, that name nobody.
    pub nobody: BTreeSet<String>,
    /// Certificates known by name, by SHA-256.
    pub known_certificates: BTreeMap<String, KnownCertificate>,
    index: BTreeMap<(String, String), Vec<usize>>,
    digest: String,
}

impl Knowledge {
    /// The knowledge that comes with the program.
    ///
    /// # Errors
    /// A file is wrong.
    pub fn embedded() -> Result<Self, Problem> {
        Self::with_files(&[])
    }

    /// The knowledge that comes with the program, with files (name, text) of the user laid over it: an entry replaces
    /// the embedded one under the same key.
    ///
    /// # Errors
    /// A file is wrong.
    pub fn with_files(extra: &[(String, String)]) -> Result<Self, Problem> {
        let mut files: Vec<(usize, &str, &str)> =
            embedded::FILES.iter().map(|(name, text)| (0, *name, *text)).collect();
        files.extend(extra.iter().map(|(name, text)| (1, name.as_str(), text.as_str())));
        Self::from_texts(files)
    }

    /// Only these files (name, text): for tests of a few entries.
    ///
    /// # Errors
    /// A file is wrong.
    pub fn from_files(files: &[(&str, &str)]) -> Result<Self, Problem> {
        Self::from_texts(files.iter().map(|(name, text)| (0, *name, *text)).collect())
    }

    fn from_texts(mut files: Vec<(usize, &str, &str)>) -> Result<Self, Problem> {
        files.sort();
        let mut loader = Loader::default();
        let mut digest = Sha256::new();
        for (layer, name, text) in files {
            loader.read(layer, name, text)?;
            for part in [name, text] {
                // The length in front of each part keeps different files from running together.
                digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                digest.update(part.as_bytes());
            }
        }
        loader.check()?;
        Ok(Self::from_loader(loader, digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    fn from_loader(loader: Loader, digest: String) -> Self {
        let tables = loader.tables();
        let models: Vec<Model> = values(loader.models);
        let mut index = BTreeMap::<(String, String), Vec<usize>>::new();
        for (position, model) in models.iter().enumerate() {
            for method in &model.methods {
                index.entry((model.class.clone(), method.clone())).or_default().push(position);
            }
        }
        let mut suppliers = map(loader.suppliers);
        for ((supplier, _), entry) in loader.code_samples {
            if let Some(supplier) = suppliers.get_mut(&supplier) {
                supplier.code.push(entry.value);
            }
        }
        let suppliers: Vec<Supplier> = suppliers.into_values().collect();
        let mut rules: Vec<Rule> = values(loader.rules);
        // Of equal rank the rule that asks for names comes first: it says more.
        rules.sort_by(|a, b| {
            let order = |rule: &Rule| (rule.axis, std::cmp::Reverse(rule.rank), rule.names.is_empty());
            order(a).cmp(&order(b)).then_with(|| a.id.cmp(&b.id))
        });
        Self {
            models,
            follows_branches: loader.follows_branches,
            hierarchy: map(loader.hierarchy),
            namespaces: map(loader.namespaces),
            platform_services: loader.platform_services.into_keys().collect(),
            data_kinds: map(loader.data_kinds),
            sink_kinds: map(loader.sink_kinds),
            axes: map(loader.axes),
            origins: map(loader.origins),
            channels: map(loader.channels),
            rules,
            providers: values(loader.providers),
            static_fields: map(loader.fields),
            tables,
            entry_points: values(loader.entry_points),
            callbacks: values(loader.callbacks),
            lifecycles: map(loader.lifecycles),
            permissions: map(loader.permissions),
            suppliers,
            native_facts: values(loader.native_facts),
            native_acts: values(loader.native_acts),
            packers: values(loader.packers),
            bundled: values(loader.bundled),
            boot_keys: map(loader.boot_keys),
            markers: values(loader.markers),
            baselines: values(loader.baselines),
            score: loader.score,
            organisations: values(loader.organisations),
            party_rules: values(loader.party_rules),
            nobody: loader.nobody.into_keys().map(|value| value.to_lowercase()).collect(),
            known_certificates: map(loader.known_certificates),
            index,
            digest,
        }
    }

    /// What a method does, as this very class says it (the caller walks the class hierarchy): the model for the
    /// signature `(Ljava/lang/Object;)` if there is one, else the model for every overload.
    #[must_use]
    pub fn model(&self, class: &str, method: &str, signature: &str) -> Option<&Model> {
        let positions = self.positions(class, method);
        let found = |wanted: Option<&str>| {
            positions
                .iter()
                .filter_map(|position| self.models.get(*position))
                .find(|m| m.signature.as_deref() == wanted)
        };
        found(Some(signature)).or_else(|| found(None))
    }

    /// Positions in [`Knowledge::models`] of the models of this class and method name, whatever the signature.
    #[must_use]
    pub fn positions(&self, class: &str, method: &str) -> &[usize] {
        // Two short strings per look-up; callers keep their own table per method reference.
        self.index.get(&(class.to_owned(), method.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The models of this class and method name with this number of parameters, and those for every overload.
    #[must_use]
    pub fn models_named(&self, class: &str, method: &str, parameters: usize) -> Vec<&Model> {
        let found = self.positions(class, method).iter().filter_map(|position| self.models.get(*position));
        let takes = |model: &&Model| {
            model.signature.as_deref().is_none_or(|signature| names::parameter_count(signature) == parameters)
        };
        found.filter(takes).collect()
    }

    /// The data kind behind a URI such as `content://sms/inbox`, by the entry with the longest path.
    #[must_use]
    pub fn provider_kind(&self, uri: &str) -> Option<&str> {
        self.provider(uri).map(|provider| provider.kind.as_str())
    }

    /// The provider entry behind a URI.
    #[must_use]
    pub fn provider(&self, uri: &str) -> Option<&Provider> {
        let rest = uri.strip_prefix("content://")?;
        let rest = rest.split_once(['?', '#']).map_or(rest, |(before, _)| before);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // A user number may stand before the authority: content://10@sms.
        let authority = authority.split_once('@').map_or(authority, |(_, authority)| authority);
        let below = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        let candidates =
            self.providers.iter().filter(|provider| provider.authority == authority && below(&provider.path));
        candidates.max_by_key(|provider| provider.path.len())
    }

    /// Whether a class of a framework, by its descriptor, is the public platform's: the longest beginning of its name decides.
    #[must_use]
    pub fn is_of_platform(&self, descriptor: &str) -> bool {
        let Some(name) = descriptor.strip_prefix('L') else { return true };
        let ends = name.match_indices('/').map(|(at, _)| at.saturating_add(1));
        let beginnings: Vec<&str> = ends.filter_map(|end| name.get(..end)).collect();
        beginnings.iter().rev().find_map(|beginning| self.namespaces.get(*beginning)).copied().unwrap_or(false)
    }

    /// The data kind a table gives to a text.
    #[must_use]
    pub fn table_kind(&self, table: &str, text: &str) -> Option<&str> {
        self.tables.get(table)?.kind(text)
    }

    /// Name of a rank of an axis.
    #[must_use]
    pub fn grade(&self, axis: Axis, rank: u8) -> &str {
        self.axes.get(&axis).and_then(|grades| grades.get(usize::from(rank))).map_or("", String::as_str)
    }

    /// SHA-256 over all files used, in lower-case hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn values<K, T>(entries: BTreeMap<K, Entry<T>>) -> Vec<T> {
    entries.into_values().map(|entry| entry.value).collect()
}

fn map<K: Ord, T>(entries: BTreeMap<K, Entry<T>>) -> BTreeMap<K, T> {
    entries.into_iter().map(|(key, entry)| (key, entry.value)).collect()
}
