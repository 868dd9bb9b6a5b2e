//! Services that apps find by name. Written from the platform's service manager: it keeps a service only for core users of the
//! system, and gives it to whoever asks for its name.

use std::collections::BTreeMap;

use super::LinkApp;
use crate::kinds::{SERVICE_ASKED, SERVICE_KEPT};

/// Which apps find which by the name of a service, with the reason.
pub(super) struct NamedServices(BTreeMap<(usize, usize), String>);

impl NamedServices {
    pub(super) fn new(apps: &[LinkApp<'_>]) -> Self {
        let names = |app: &LinkApp<'_>, kind| app.facts.named.get(kind).cloned().unwrap_or_default();
        let mut keepers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (keeper, app) in apps.iter().enumerate().filter(|(_, app)| may_keep(app)) {
            for name in names(app, SERVICE_KEPT) {
                keepers.entry(name).or_default().push(keeper);
            }
        }
        let mut found = BTreeMap::new();
        // What the platform's own libraries ask for is behind its public classes, which have models.
        for (client, app) in apps.iter().enumerate().filter(|(_, app)| !is_of_platform(app)) {
            for name in names(app, SERVICE_ASKED) {
                for &keeper in keepers.get(&name).into_iter().flatten().filter(|&&keeper| keeper != client) {
                    let server = apps.get(keeper).map_or("", |app| &app.package);
                    let reason = || {
                        format!(
                            "{} finds the service {name}, which {server} keeps for all apps as a core user",
                            app.package
                        )
                    };
                    found.entry((client, keeper)).or_insert_with(reason);
                }
            }
        }
        Self(found)
    }

    /// Whether one of two apps finds a service of the other, and why.
    pub(super) fn between(&self, one: usize, other: usize) -> Option<&String> {
        self.0.get(&(one, other)).or_else(|| self.0.get(&(other, one)))
    }
}

/// Whether the service manager takes services from an app.
pub(super) fn may_keep(app: &LinkApp<'_>) -> bool {
    app.core_user || is_of_platform(app)
}

/// Libraries of the platform have no manifest: they go by their paths. A service that is kept there is one of the system's server.
fn is_of_platform(app: &LinkApp<'_>) -> bool {
    app.package == app.path
}
