//! Which permissions each app of an image holds, requested or not, and why.
//!
//! Written from the platform's documents on protection levels, shared users and privileged permissions, and from the order
//! in which its package manager decides. Permissions asked for at run time are listed as such: they are held once the user
//! agrees.

mod lists;

use std::collections::{BTreeMap, BTreeSet};

use firmware::Firmware;

use crate::model::{HeldPermission, Package, Why};
use lists::Lists;

/// The package that holds the platform's own definitions.
const PLATFORM: &str = "android";
/// Its shared user.
const SYSTEM_USER: &str = "android.uid.system";
/// Shared users below the first app's uid, which the platform treats as its own parts.
const CORE_USERS: [&str; 7] = [
    SYSTEM_USER,
    "android.uid.phone",
    "android.uid.bluetooth",
    "android.uid.nfc",
    "android.uid.log",
    "android.uid.shell",
    "android.uid.se",
];

/// Bits of `android:protectionLevel`.
mod level {
    pub(super) const BASE: u32 = 0xf;
    pub(super) const NORMAL: u32 = 0;
    pub(super) const DANGEROUS: u32 = 1;
    pub(super) const SIGNATURE: u32 = 2;
    pub(super) const SIGNATURE_OR_SYSTEM: u32 = 3;
    pub(super) const INTERNAL: u32 = 4;
    pub(super) const PRIVILEGED: u32 = 0x10;
    pub(super) const BEFORE_23: u32 = 0x80;
    pub(super) const PREINSTALLED: u32 = 0x400;
    pub(super) const OEM: u32 = 0x4000;
    pub(super) const VENDOR_PRIVILEGED: u32 = 0x8000;
}

/// What older target levels request without saying so: (requested, implied, below this target level).
const IMPLIED: [(&str, &str, u32); 3] = [
    ("android.permission.WRITE_EXTERNAL_STORAGE", "android.permission.READ_EXTERNAL_STORAGE", u32::MAX),
    ("android.permission.READ_CONTACTS", "android.permission.READ_CALL_LOG", 16),
    ("android.permission.WRITE_CONTACTS", "android.permission.WRITE_CALL_LOG", 16),
];
/// What apps for the first three API levels request without saying so.
const IMPLIED_BELOW_4: [&str; 2] = ["android.permission.WRITE_EXTERNAL_STORAGE", "android.permission.READ_PHONE_STATE"];

/// Fills `permissions_held` of every package. `platform_levels` are protection levels of the platform's permissions, used
/// for those that the image itself does not define. The result is what could not be read on the way.
pub fn hold_permissions(
    packages: &mut [Package],
    firmware: &Firmware,
    platform_levels: &BTreeMap<String, u32>,
) -> Vec<String> {
    let platform = Platform::read(packages, firmware, platform_levels);
    let mut held: Vec<BTreeMap<String, Why>> = Vec::with_capacity(packages.len());
    let mut shared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages.iter() {
        let granted = platform.grants(package);
        if let Some(user) = &package.shared_user_id {
            shared.entry(user.clone()).or_default().extend(granted.keys().cloned());
        }
        held.push(granted);
    }
    for (package, mut granted) in packages.iter_mut().zip(held) {
        let of_user = package.shared_user_id.as_ref().and_then(|user| shared.get(user));
        for name in of_user.into_iter().flatten() {
            granted.entry(name.clone()).or_insert(Why::SharedUser);
        }
        package.permissions_held = granted.into_iter().map(|(name, why)| HeldPermission { name, why }).collect();
    }
    let unknown = platform.unknown(packages);
    let mut problems = platform.lists.problems;
    problems.extend(unknown);
    problems
}

/// SHA-256 of the certificates that sign the platform: those of the package `android`, else of the apps that run as the
/// system user. Only signatures that verify count.
#[must_use]
pub fn platform_certificates(packages: &[Package]) -> BTreeSet<[u8; 32]> {
    let of = |wanted: &dyn Fn(&Package) -> bool| {
        packages.iter().filter(|package| wanted(package)).flat_map(certificates).collect::<BTreeSet<_>>()
    };
    let own = of(&is_platform);
    if own.is_empty() { of(&|package| package.shared_user_id.as_deref() == Some(SYSTEM_USER)) } else { own }
}

/// Whether this is the platform's own package: by name, and where the platform looks for it (or a loose file).
fn is_platform(package: &Package) -> bool {
    package.name == PLATFORM && (package.path.contains("/framework/") || !is_preinstalled(package))
}

fn certificates(package: &Package) -> impl Iterator<Item = [u8; 32]> {
    let verified = package.signers.iter().filter(|signer| signer.verified.is_ok());
    verified.map(|signer| signer.certificate_sha256)
}

/// A permission as the image defines it.
struct Definition {
    level: u32,
    certificates: BTreeSet<[u8; 32]>,
    of_platform: bool,
}

/// What decides about grants, for a whole image.
struct Platform {
    api_level: u32,
    certificates: BTreeSet<[u8; 32]>,
    definitions: BTreeMap<String, Definition>,
    lists: Lists,
    /// Whether privileged permissions need a list.
    enforces_lists: bool,
}

impl Platform {
    fn read(packages: &[Package], firmware: &Firmware, platform_levels: &BTreeMap<String, u32>) -> Self {
        let certificates = platform_certificates(packages);
        let mut definitions = BTreeMap::new();
        // The platform's own package is installed first; of the others the first in path order wins, as on the device.
        let (own, others): (Vec<_>, Vec<_>) = packages.iter().partition(|package| is_platform(package));
        for package in own {
            define(&mut definitions, package);
        }
        let known_to_image = !definitions.is_empty();
        for (name, level) in platform_levels.iter().filter(|_| !known_to_image) {
            let definition = Definition { level: *level, certificates: certificates.clone(), of_platform: true };
            definitions.insert(name.clone(), definition);
        }
        for package in others {
            define(&mut definitions, package);
        }
        for (name, level) in platform_levels {
            definitions.entry(name.clone()).or_insert_with(|| Definition {
                level: *level,
                certificates: certificates.clone(),
                of_platform: true,
            });
        }
        let api_level = firmware.property("ro.build.version.sdk").and_then(|level| level.trim().parse().ok());
        let enforces_lists = firmware.property("ro.control_privapp_permissions").map(str::trim) == Some("enforce");
        Self {
            api_level: api_level.unwrap_or(u32::MAX),
            certificates,
            definitions,
            lists: Lists::read(firmware),
            enforces_lists,
        }
    }

    /// Without the platform's own package the levels of some permissions may be unknown: then what is held is unknown too,
    /// which must not look like "not held".
    fn unknown(&self, packages: &[Package]) -> Option<String> {
        if packages.iter().any(|package| is_platform(package) && !package.defines_permissions.is_empty()) {
            return None;
        }
        let requests = packages.iter().flat_map(|package| &package.uses_permissions);
        let unknown: BTreeSet<&str> = requests
            .map(|request| request.name.as_str())
            .filter(|name| !self.definitions.contains_key(*name))
            .collect();
        let first = unknown.first()?;
        Some(format!(
            "package {PLATFORM} is not in the image: {} requested permissions have no known level, the first is {first}",
            unknown.len()
        ))
    }

    /// What the package holds by its own requests.
    fn grants(&self, package: &Package) -> BTreeMap<String, Why> {
        let mut granted = BTreeMap::new();
        for name in self.requests(package) {
            if let Some(why) = self.grant(package, &name) {
                granted.insert(name, why);
            } else if package.bypasses_permission_checks() {
                granted.insert(name, Why::CoreUser);
            }
        }
        granted
    }

    /// What the package requests on this API level, implied requests included.
    fn requests(&self, package: &Package) -> BTreeSet<String> {
        let level = self.api_level;
        let applies = package.uses_permissions.iter().filter(|request| {
            // Without an API level of the image every request counts.
            level == u32::MAX
                || (request.max_sdk.is_none_or(|max| level <= max) && request.min_sdk.is_none_or(|min| level >= min))
        });
        let mut names: BTreeSet<String> = applies.map(|request| request.name.clone()).collect();
        let target = package.target_sdk;
        if target < 4 {
            names.extend(IMPLIED_BELOW_4.map(str::to_owned));
        }
        for (requested, implied, below) in IMPLIED {
            if target < below && names.contains(requested) {
                names.insert(implied.to_owned());
            }
        }
        names
    }

    /// Why the package is granted a permission that it requests.
    fn grant(&self, package: &Package, name: &str) -> Option<Why> {
        let definition = self.definitions.get(name)?;
        match definition.level & level::BASE {
            level::NORMAL => Some(Why::Normal),
            level::DANGEROUS => Some(self.dangerous(package, name)),
            level::SIGNATURE | level::SIGNATURE_OR_SYSTEM | level::INTERNAL => {
                self.signature(package, name, definition)
            }
            _ => None,
        }
    }

    fn dangerous(&self, package: &Package, name: &str) -> Why {
        // Before API level 23 there is no other moment; later the target level of the app decides.
        if self.api_level < 23 || package.target_sdk < 23 {
            return Why::DangerousInstallTime;
        }
        let listed = self.lists.defaults.get(&package.name).is_some_and(|names| names.contains(name));
        let core = package.shared_user_id.as_deref().is_some_and(|user| CORE_USERS.contains(&user));
        let kept_running = package.privileged && package.persistent && self.is_platform_signed(package);
        if listed || core || kept_running { Why::DefaultGrant } else { Why::DangerousRuntime }
    }

    fn signature(&self, package: &Package, name: &str, definition: &Definition) -> Option<Why> {
        let same_signer = certificates(package).any(|certificate| definition.certificates.contains(&certificate));
        if definition.level & level::BASE != level::INTERNAL
            && (same_signer || is_platform(package) || self.is_platform_signed(package))
        {
            return Some(Why::Signature);
        }
        let has = |flag| definition.level & flag != 0;
        let for_privileged = has(level::PRIVILEGED) || definition.level & level::BASE == level::SIGNATURE_OR_SYSTEM;
        if for_privileged && self.is_privileged(package, definition) && self.is_listed(package, name, definition) {
            return Some(Why::Privileged);
        }
        if has(level::OEM) && self.lists.oem.get(&package.name).is_some_and(|names| names.contains(name)) {
            return Some(Why::Privileged);
        }
        if has(level::PREINSTALLED) && is_preinstalled(package) {
            return Some(Why::Privileged);
        }
        (has(level::BEFORE_23) && package.target_sdk < 23).then_some(Why::DangerousInstallTime)
    }

    /// Before API level 19 every app of the system partition was privileged; later those of `priv-app` are. Those of the
    /// vendor's partition are only for permissions that say so.
    fn is_privileged(&self, package: &Package, definition: &Definition) -> bool {
        if self.api_level < 19 {
            return package.path.starts_with("/system/");
        }
        let of_vendor = ["/vendor/", "/system/vendor/", "/odm/"].iter().any(|root| package.path.starts_with(root));
        package.privileged && (!of_vendor || definition.level & level::VENDOR_PRIVILEGED != 0)
    }

    /// Whether the lists allow a privileged app this permission, where lists are enforced.
    fn is_listed(&self, package: &Package, name: &str, definition: &Definition) -> bool {
        let contains = |lists: &BTreeMap<String, BTreeSet<String>>| {
            lists.get(&package.name).is_some_and(|names| names.contains(name))
        };
        if self.api_level < 26 || !definition.of_platform || !self.enforces_lists {
            return true;
        }
        contains(&self.lists.privileged) && !contains(&self.lists.denied)
    }

    fn is_platform_signed(&self, package: &Package) -> bool {
        certificates(package).any(|certificate| self.certificates.contains(&certificate))
    }
}

/// Adds what a package defines, unless it is defined already.
fn define(definitions: &mut BTreeMap<String, Definition>, package: &Package) {
    for permission in &package.defines_permissions {
        definitions.entry(permission.name.clone()).or_insert_with(|| Definition {
            level: permission.protection_level,
            certificates: certificates(package).collect(),
            of_platform: is_platform(package),
        });
    }
}

/// Whether the app is part of the image, not a loose file.
fn is_preinstalled(package: &Package) -> bool {
    package.path.matches('/').count() > 1
}
