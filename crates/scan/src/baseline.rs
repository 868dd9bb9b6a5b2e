//! The image beside a build of the platform without anything added.

use std::collections::BTreeSet;

use attribution::{PreloadedApp, preload_score, weight_tenths};
use findings::{BaselineRecord, OutlierRecord, ScoreRecord};
use firmware::Firmware;
use knowledge::{Baseline, Knowledge};
use packages::{Package, Why};

use crate::record::hex;

/// A permission from this weight on makes an app an outlier: the two highest classes of the published weights.
const OUTLIER_WEIGHT_TENTHS: u32 = 100;
/// Outliers listed.
const OUTLIERS_MAX: usize = 100;

/// The build that this image is compared with.
pub(crate) fn of<'k>(firmware: &Firmware, knowledge: &'k Knowledge) -> Option<(&'k Baseline, bool)> {
    let level = firmware.property("ro.build.version.sdk")?.trim().parse().ok()?;
    let found = attribution::baseline(knowledge, level)?;
    Some((found, found.api_levels.contains(&level)))
}

/// Whether a package is not of the platform.
pub(crate) fn is_added(package: &str, baseline: &Baseline, knowledge: &Knowledge) -> bool {
    attribution::same_as(package, &baseline.packages, &knowledge.score).is_none()
}

/// The comparison.
pub(crate) fn compare(firmware: &Firmware, packages: &[Package], knowledge: &Knowledge) -> Option<BaselineRecord> {
    let (baseline, same_api_level) = of(firmware, knowledge)?;
    let platform = packages::platform_certificates(packages);
    let named: Vec<&Package> = packages.iter().filter(|package| !package.name.is_empty()).collect();
    if named.is_empty() {
        return None;
    }
    let apps: Vec<PreloadedApp> = named.iter().map(|package| preloaded(package, &platform)).collect();
    let maker = firmware.property("ro.product.manufacturer").unwrap_or_default();
    // The score is published for the API levels that have a baseline of their own.
    let score = same_api_level.then(|| {
        let score = preload_score(&apps, maker, baseline, &knowledge.score, false);
        ScoreRecord {
            platform_hundredths: hundredths(score.platform),
            permissions_hundredths: hundredths(score.permissions),
            cleartext_hundredths: hundredths(score.cleartext),
            total_hundredths: hundredths(score.total()),
        }
    });
    let added = apps.iter().filter(|app| is_added(&app.package, baseline, knowledge));
    let added: Vec<&PreloadedApp> = added.collect();
    let mut outliers: Vec<OutlierRecord> = added.iter().filter_map(|app| outlier(app, knowledge)).collect();
    outliers.sort_by(|a, b| b.weight_tenths.cmp(&a.weight_tenths).then_with(|| a.package.cmp(&b.package)));
    outliers.truncate(OUTLIERS_MAX);
    Some(BaselineRecord {
        name: baseline.name.clone(),
        same_api_level,
        added: u64::try_from(added.len()).unwrap_or(u64::MAX),
        score,
        outliers,
    })
}

fn preloaded(package: &Package, platform: &BTreeSet<[u8; 32]>) -> PreloadedApp {
    // What the user is asked for does not come granted.
    let granted = package.permissions_held.iter().filter(|held| held.why != Why::DangerousRuntime);
    PreloadedApp {
        package: package.name.clone(),
        certificate: package.signers.first().map(|signer| hex(&signer.certificate_sha256)).unwrap_or_default(),
        platform_signed: package.signers.iter().any(|signer| platform.contains(&signer.certificate_sha256)),
        has_code: package.has_code,
        granted: granted.map(|held| held.name.clone()).collect(),
        uses_cleartext: package.uses_cleartext,
    }
}

fn outlier(app: &PreloadedApp, knowledge: &Knowledge) -> Option<OutlierRecord> {
    let weight = |name: &String| knowledge.score.weights_tenths.get(name).copied().unwrap_or(0);
    let permissions: Vec<String> =
        app.granted.iter().filter(|name| weight(name) >= OUTLIER_WEIGHT_TENTHS).cloned().collect();
    (!permissions.is_empty()).then(|| OutlierRecord {
        package: app.package.clone(),
        weight_tenths: weight_tenths(&app.granted, &knowledge.score),
        permissions,
    })
}

fn hundredths(points: f64) -> u32 {
    // Between 0 and 10 points.
    (points * 100.0).round() as u32
}
