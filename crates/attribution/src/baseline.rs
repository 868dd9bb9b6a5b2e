//! What was added to the platform: the difference to a build without anything added, and the published score for it.
//!
//! Written from: B. Lau, J. Zhang, A. Beresford, D. Thomas, R. Mayrhofer, "Uraniborg's Device Preloaded App Risks Scoring
//! Metrics", 2020, and the documentation of its scripts. The score is 6 * the part of platform-signed apps that were added
//! + 3 * the part of the weight of granted permissions that was added + 1 * the part of apps with clear traffic that was.

use std::collections::BTreeSet;

use knowledge::{Baseline, Knowledge, ScoreRules};

const PLATFORM_PARTS: f64 = 6.0;
const PERMISSION_PARTS: f64 = 3.0;
const CLEARTEXT_PARTS: f64 = 1.0;
const INTERNET: &str = "android.permission.INTERNET";

/// An app as the score sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreloadedApp {
    /// Package name.
    pub package: String,
    /// SHA-256 of its first signer's certificate, in lower-case hex.
    pub certificate: String,
    /// Whether one of its signers signs the platform.
    pub platform_signed: bool,
    /// Whether it has code.
    pub has_code: bool,
    /// Permissions that come granted.
    pub granted: Vec<String>,
    /// Whether it may send in the clear.
    pub uses_cleartext: bool,
}

/// The score, from 0 to 10, and its three parts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PreloadScore {
    /// Added apps with the platform's key: 0 to 6.
    pub platform: f64,
    /// Added weight of permissions: 0 to 3.
    pub permissions: f64,
    /// Added apps with clear traffic: 0 to 1.
    pub cleartext: f64,
}

impl PreloadScore {
    /// The sum.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.platform + self.permissions + self.cleartext
    }
}

/// The baseline for an API level: the one for it, else the nearest older one, else the oldest.
#[must_use]
pub fn baseline(knowledge: &Knowledge, api_level: u32) -> Option<&Baseline> {
    let newest_level = |baseline: &&Baseline| baseline.api_levels.iter().max().copied().unwrap_or(0);
    let exact = knowledge.baselines.iter().find(|baseline| baseline.api_levels.contains(&api_level));
    let older = || knowledge.baselines.iter().filter(|known| newest_level(known) < api_level).max_by_key(newest_level);
    exact.or_else(older).or_else(|| knowledge.baselines.iter().min_by_key(newest_level))
}

/// The package of the baseline that `package` is, or is a maker's own copy of: the same name behind another prefix.
#[must_use]
pub fn same_as<'b>(package: &str, known: &'b BTreeSet<String>, rules: &ScoreRules) -> Option<&'b str> {
    if let Some(found) = known.get(package) {
        return Some(found);
    }
    known.iter().map(String::as_str).find(|name| {
        let mut rests = rules.prefixes.iter().filter_map(|prefix| name.strip_prefix(prefix.as_str()));
        rests.any(|rest| package.strip_suffix(rest).is_some_and(|before| before.ends_with('.')))
    })
}

/// The published score of `apps` on a device of `maker`. `with_services` counts the apps of the platform's owner too.
#[must_use]
pub fn preload_score(
    apps: &[PreloadedApp],
    maker: &str,
    baseline: &Baseline,
    rules: &ScoreRules,
    with_services: bool,
) -> PreloadScore {
    let score = Score { maker, baseline, rules, with_services };
    PreloadScore {
        platform: PLATFORM_PARTS * part(score.platform(apps, true), score.platform(apps, false)),
        permissions: PERMISSION_PARTS * part(score.permissions(apps, true), score.permissions(apps, false)),
        cleartext: CLEARTEXT_PARTS * part(score.cleartext(apps, true), score.cleartext(apps, false)),
    }
}

/// The weight of what one app is granted, in tenths.
#[must_use]
pub fn weight_tenths(granted: &[String], rules: &ScoreRules) -> u32 {
    let weight = |name: &String| rules.weights_tenths.get(name).copied().unwrap_or(0);
    let mut largest = vec![0_u32; rules.groups.len()];
    let mut sum = 0_u32;
    for name in granted {
        let group = rules.groups.iter().position(|group| name.contains(group.as_str()));
        match group.and_then(|group| largest.get_mut(group)) {
            Some(known) => *known = (*known).max(weight(name)),
            None => sum = sum.saturating_add(weight(name)),
        }
    }
    largest.into_iter().fold(sum, u32::saturating_add)
}

/// `added` of `all`; nothing of nothing is nothing.
fn part(added: u32, all: u32) -> f64 {
    if all == 0 { 0.0 } else { f64::from(added) / f64::from(all) }
}

struct Score<'a> {
    maker: &'a str,
    baseline: &'a Baseline,
    rules: &'a ScoreRules,
    with_services: bool,
}

impl Score<'_> {
    fn is_excluded(&self, package: &str) -> bool {
        let lists = ["*", self.maker].into_iter().filter_map(|maker| self.rules.excluded.get(maker));
        lists.into_iter().any(|list| list.contains(package))
    }

    fn is_store(&self, app: &PreloadedApp) -> bool {
        let lists = ["*", self.maker].into_iter().filter_map(|maker| self.rules.stores.get(maker));
        lists.into_iter().any(|list| list.get(&app.package) == Some(&app.certificate))
    }

    fn is_service(&self, app: &PreloadedApp) -> bool {
        !self.with_services && self.rules.services.get(&app.package) == Some(&app.certificate)
    }

    fn is_known(&self, app: &PreloadedApp) -> bool {
        same_as(&app.package, &self.baseline.packages, self.rules).is_some()
    }

    fn platform(&self, apps: &[PreloadedApp], added_only: bool) -> u32 {
        count(apps, |app| {
            let known = || same_as(&app.package, &self.baseline.platform_signed, self.rules).is_some();
            app.platform_signed && app.has_code && !self.is_excluded(&app.package) && !(added_only && known())
        })
    }

    fn permissions(&self, apps: &[PreloadedApp], added_only: bool) -> u32 {
        let counted = apps.iter().filter(|app| {
            // Apps with the platform's key have their own part of the score.
            let has_own_part = app.platform_signed || self.is_excluded(&app.package) || self.is_store(app);
            let is_old = added_only && self.is_known(app);
            app.has_code && !has_own_part && !is_old && !self.is_service(app)
        });
        counted.fold(0, |sum, app| sum.saturating_add(weight_tenths(&app.granted, self.rules)))
    }

    fn cleartext(&self, apps: &[PreloadedApp], added_only: bool) -> u32 {
        count(apps, |app| {
            let is_old = added_only && self.is_known(app);
            let sends = app.uses_cleartext && app.granted.iter().any(|name| name == INTERNET);
            app.has_code && sends && !is_old && !self.is_service(app)
        })
    }
}

fn count(apps: &[PreloadedApp], counts: impl Fn(&PreloadedApp) -> bool) -> u32 {
    u32::try_from(apps.iter().filter(|app| counts(app)).count()).unwrap_or(u32::MAX)
}
