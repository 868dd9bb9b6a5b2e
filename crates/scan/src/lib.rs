//! The order of the steps, in parallel, within budgets: the only crate that knows the sequence and the threads.
//!
//! ```text
//! inputs -> firmware -> packages -> permissions held -> each app: code -> facts -> links between apps -> claims -> report
//! ```

mod app;
mod app_libraries;
mod asked_permissions;
mod baseline;
mod bodies;
mod class_path;
mod framework;
mod image_libraries;
mod in_order;
mod markers;
mod native;
mod native_files;
mod public_keys;
mod record;
mod report;
mod reuse;
mod rule_matches;
mod sealed;
mod sketch;
mod system_services;
mod unlocked;
mod updates;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use analysis::{
    Kinds,
    link::{LinkApp, LinkComponent, LinkFilter, LinkKind, LinkPath, LinkProvider},
};
use bytes::{Budget, Keys, Limits};
use findings::Report;
use firmware::{Firmware, Input};
use knowledge::Knowledge;
use packages::{Collector, Component, ComponentKind, IntentFilter, Package, PathSpec};
use rayon::prelude::*;

use class_path::ClassPath;
use framework::Framework;
use image_libraries::ImageLibraries;
use store::Results;

pub use app::AppResult;
pub use in_order::each_as_stored;
pub use rule_matches::Rules;
pub use sketch::{Sketch, sketch};

/// A step of a scan, for a progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Opening layers, listing files.
    Unfold,
    /// Reading manifests and verifying signatures.
    Packages,
    /// Reading code and following data, app by app.
    Analyse,
    /// Holding rules of others against files.
    Rules,
    /// Linking apps and telling.
    Link,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Unfold, Self::Packages, Self::Analyse, Self::Rules, Self::Link];

    /// What it does, in a few words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unfold => "opening layers",
            Self::Packages => "reading packages",
            Self::Analyse => "following data",
            Self::Rules => "holding rules",
            Self::Link => "linking apps",
        }
    }
}

/// Where a scan tells how far it is. Called from several threads.
pub trait Progress: Sync {
    /// So much of so much of a stage is done; `what` is being looked at.
    fn at(&self, stage: Stage, done: usize, total: usize, what: &str);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn at(&self, _stage: Stage, _done: usize, _total: usize, _what: &str) {}
}

/// What else a scan may be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Results of apps that were analysed before, and where new ones are kept. The report does not depend on them.
    pub results: Option<&'a Results>,
    /// Keys for encrypted packages.
    pub keys: Option<&'a Keys>,
    /// YARA rules to hold against every file.
    pub rules: Option<&'a Rules>,
    /// What the device has before an update that changes it.
    pub base: &'a [Input],
}

/// Scans `inputs`, which together make one device, on the threads of the current pool.
#[must_use]
pub fn scan(inputs: &[Input], knowledge: &Knowledge, options: Options<'_>, progress: &dyn Progress) -> Report {
    let budget = Budget::new(Limits::FIRMWARE).with_keys(options.keys.cloned().unwrap_or_default());
    let files = AtomicUsize::new(0);
    let unfolding = |step: firmware::Progress<'_>| match step {
        firmware::Progress::Layer { path, .. } => progress.at(Stage::Unfold, files.load(Ordering::Relaxed), 0, path),
        firmware::Progress::Files(count) => {
            files.store(count, Ordering::Relaxed);
            progress.at(Stage::Unfold, count, 0, "");
        }
    };
    // What is before the update has a budget of its own: it may not cost the update its files.
    let before = Budget::new(Limits::FIRMWARE).with_keys(budget.keys().clone());
    let older = firmware::older(options.base, &before, &unfolding);
    let firmware = firmware::unfold_over(inputs, &older, &budget, &unfolding);
    let packages = read_packages(&firmware, knowledge, progress);
    let kinds = Kinds::new(knowledge);
    let libraries = app_libraries::of(&packages, &firmware);
    let results = analyse((&firmware, &packages), &libraries, knowledge, &kinds, options, progress);
    let matches = options.rules.map(|rules| {
        progress.at(Stage::Rules, 0, 1, "");
        rule_matches::search(&firmware, &packages, rules)
    });
    progress.at(Stage::Link, 0, 1, "");
    let mut told = report::tell(inputs, &firmware, &packages, &libraries, &results, knowledge);
    if let Some((matches, unread)) = matches {
        told.rule_matches = Some(matches);
        told.coverage.extend(unread);
        told.coverage.sort();
    }
    progress.at(Stage::Link, 1, 1, "");
    told
}

fn read_packages(firmware: &Firmware, knowledge: &Knowledge, progress: &dyn Progress) -> Vec<Package> {
    let collector = Collector::new(firmware);
    let candidates = collector.candidates();
    let done = AtomicUsize::new(0);
    let mut packages: Vec<Package> = each_as_stored(
        candidates,
        |file| file.source(),
        |file| {
            let package = collector.open(file);
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.at(Stage::Packages, count, candidates.len(), &file.path);
            package
        },
    );
    let levels = record::platform_levels(knowledge, api_level(firmware));
    packages::hold_permissions(&mut packages, firmware, &levels);
    packages
}

/// The API level that the firmware says it has.
fn api_level(firmware: &Firmware) -> u32 {
    firmware.property("ro.build.version.sdk").and_then(|level| level.trim().parse().ok()).unwrap_or(23)
}

/// Analyses each app by itself. The largest go first, so that no thread is left alone with one at the end; the order of
/// results is that of the packages.
fn analyse(
    (firmware, packages): (&Firmware, &[Package]),
    libraries: &[app_libraries::Library<'_>],
    knowledge: &Knowledge,
    kinds: &Kinds,
    options: Options<'_>,
    progress: &dyn Progress,
) -> Vec<AppResult> {
    let shapes = attribution::CodeShapes::new(knowledge);
    let class_path = ClassPath::of(packages, firmware);
    let framework = Framework::of(packages, api_level(firmware), knowledge, options.results);
    let image_libraries = ImageLibraries::new(packages, &class_path, &framework, knowledge);
    let class_path_digest = options.results.and_then(|_| class_path.digest());
    let mut order: Vec<usize> = (0..packages.len()).collect();
    let size = |at: &usize| -> u64 {
        packages.get(*at).map_or(0, |package| app::code_files(package).map(|file| file.source.len()).sum())
    };
    order.sort_by_key(|at| (std::cmp::Reverse(size(at)), *at));
    let done = AtomicUsize::new(0);
    let mut results: Vec<(usize, AppResult)> = order
        .par_iter()
        .with_max_len(1)
        .filter_map(|&at| packages.get(at).map(|package| (at, package)))
        .map(|(at, package)| {
            let own = app_libraries::of_package(libraries, at);
            let files = options.results.and_then(|results| {
                // Only compiled code is explained by the class path.
                let compiled = app::code_files(package).any(|file| !file.source.has(0, b"dex\n"));
                let world = if compiled { class_path_digest.as_deref()? } else { &[] };
                Some((results, reuse::of_files(package, own, knowledge, &[world, framework.digest()?])?))
            });
            let world = app::World {
                class_path: &class_path,
                framework: &framework,
                image_libraries: &image_libraries,
                knowledge,
                kinds,
                shapes: &shapes,
            };
            let result = files
                .and_then(|(results, files)| results.get_noted(files))
                .unwrap_or_else(|| app::analyse(package, own, &world, files));
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.at(Stage::Analyse, count, packages.len(), &package.path);
            (at, result)
        })
        .collect();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Apps as the linker needs them.
fn link_apps<'r>(
    packages: &[Package],
    results: &'r [AppResult],
    open: &OpenPermissions,
    api_level: u32,
) -> Vec<LinkApp<'r>> {
    let pairs = packages.iter().zip(results).zip(asked_permissions::of(packages));
    pairs
        .map(|((package, result), asks_for)| {
            let providers = package.components.iter().filter(|part| part.kind == packages::ComponentKind::Provider);
            LinkApp {
                package: record::name_of(package),
                path: package.path.clone(),
                owner: asked_permissions::owner(package),
                // What a library of the platform was found to do, it does in the system's server.
                core_user: package.bypasses_permission_checks()
                    || (package.name.is_empty() && !result.facts.facts.is_empty()),
                permissions: package.permissions_held.iter().map(|held| held.name.clone()).collect(),
                asks_for,
                providers: providers
                    .map(|part| LinkProvider {
                        class: part.class.clone(),
                        authorities: part.authorities.clone(),
                        exported: part.enabled && part.exported.is_exported(),
                        open: part.enabled
                            && part.exported.is_exported()
                            && open.lets_everybody(part.read_permission.as_ref().or(part.permission.as_ref())),
                        open_to_writers: open
                            .lets_everybody(part.write_permission.as_ref().or(part.permission.as_ref())),
                        read_permission: part.read_permission.clone().or_else(|| part.permission.clone()),
                    })
                    .collect(),
                components: package.components.iter().filter_map(|part| link_component(part, open)).collect(),
                protects: framework::protected_by(package, api_level).to_vec(),
                facts: &result.facts,
            }
        })
        .collect()
}

/// Permissions that every app an owner installs may hold: those of normal level.
struct OpenPermissions(BTreeSet<String>);

impl OpenPermissions {
    /// As the image defines them, else as the platform does.
    fn new(packages: &[Package], firmware: &Firmware, knowledge: &Knowledge) -> Self {
        const BASE: u32 = 0xf;
        const NORMAL: u32 = 0;
        let mut levels = record::platform_levels(knowledge, api_level(firmware));
        for permission in packages.iter().flat_map(|package| &package.defines_permissions) {
            levels.insert(permission.name.clone(), permission.protection_level);
        }
        Self(levels.into_iter().filter(|(_, level)| level & BASE == NORMAL).map(|(name, _)| name).collect())
    }

    fn lets_everybody(&self, permission: Option<&String>) -> bool {
        permission.is_none_or(|permission| self.0.contains(permission))
    }
}

/// A component as the linker needs it; providers are not reached by intents.
fn link_component(part: &Component, open: &OpenPermissions) -> Option<LinkComponent> {
    let kind = match part.kind {
        ComponentKind::Activity => LinkKind::Activity,
        ComponentKind::Service => LinkKind::Service,
        ComponentKind::Receiver => LinkKind::Receiver,
        ComponentKind::Provider => return None,
    };
    let exported = part.exported.is_exported();
    part.enabled.then(|| LinkComponent {
        kind,
        name: part.name.clone(),
        class: part.class.clone(),
        exported,
        open: exported && open.lets_everybody(part.permission.as_ref()),
        permission: part.permission.clone(),
        filters: part.filters.iter().map(link_filter).collect(),
        local: false,
    })
}

fn link_filter(filter: &IntentFilter) -> LinkFilter {
    let path = |path: &PathSpec| match path {
        PathSpec::Exact(path) => LinkPath::Exact(path.clone()),
        PathSpec::Prefix(path) => LinkPath::Prefix(path.clone()),
        PathSpec::Pattern(path) => LinkPath::Pattern(path.clone()),
    };
    LinkFilter {
        actions: filter.actions.clone(),
        categories: filter.categories.clone(),
        schemes: filter.data.iter().filter_map(|data| data.scheme.clone()).collect(),
        hosts: filter.data.iter().filter_map(|data| data.host.clone()).collect(),
        paths: filter.data.iter().filter_map(|data| data.path.as_ref()).map(path).collect(),
        mime_types: filter.data.iter().filter_map(|data| data.mime_type.clone()).collect(),
        priority: filter.priority,
    }
}
