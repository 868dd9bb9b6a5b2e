//! What the platform itself brings, by API level, and how much a permission that comes granted weighs.

use std::collections::{BTreeMap, BTreeSet};

/// The packages of a build of the platform without anything added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// What build: `AOSP 9`.
    pub name: String,
    /// API levels it stands for.
    pub api_levels: Vec<u32>,
    /// All its packages.
    pub packages: BTreeSet<String>,
    /// Those that are signed with the platform's key.
    pub platform_signed: BTreeSet<String>,
    /// Where that is documented.
    pub reference: String,
}

/// The published score of what a device comes with: weights and exceptions (Lau, Zhang, Beresford, Thomas, Mayrhofer:
/// Uraniborg's Device Preloaded App Risks Scoring Metrics, 2020).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScoreRules {
    /// Weight of a permission, in tenths.
    pub weights_tenths: BTreeMap<String, u32>,
    /// Permissions whose names hold one of these count once per app, by their largest weight.
    pub groups: Vec<String>,
    /// Packages that are left out, by maker; the maker `*` is every one.
    pub excluded: BTreeMap<String, BTreeSet<String>>,
    /// Packages that are left out of the permissions where this certificate signs them, by maker.
    pub stores: BTreeMap<String, BTreeMap<String, String>>,
    /// Apps of the platform's owner, left out where this certificate signs them.
    pub services: BTreeMap<String, String>,
    /// Prefixes that makers replace by their own when they take over a package of the platform.
    pub prefixes: Vec<String>,
}

/// Something that code is able to do by what it names: recognised without following data, so that it shows what is present
/// and proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Its name.
    pub id: String,
    /// Words for a report.
    pub label: String,
    /// Methods, one of which is named: descriptor of the class, name.
    pub methods: Vec<(String, String)>,
    /// Texts, one of which is held: patterns.
    pub texts: Vec<String>,
    /// Whether a report tells of it though nothing was followed.
    pub told: bool,
    /// Where that is documented.
    pub reference: String,
}
