//! The published score, against the numbers that its authors' scripts give for the same devices.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail")]

use attribution::{PreloadedApp, baseline, preload_score};
use bytes::{Budget, ByteSource, Limits};
use knowledge::Knowledge;

fn devices() -> Vec<toml::Table> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/baseline/devices.toml");
    let bytes = ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "devices").unwrap();
    let table: toml::Table = String::from_utf8(bytes).unwrap().parse().unwrap();
    table["device"].as_array().unwrap().iter().map(|device| device.as_table().unwrap().clone()).collect()
}

fn app(line: &str) -> PreloadedApp {
    let mut words = line.split(' ');
    let mut next = || words.next().unwrap_or_default();
    let (package, certificate, code, clear) = (next(), next(), next(), next());
    PreloadedApp {
        package: package.to_owned(),
        certificate: certificate.to_owned(),
        platform_signed: certificate == "platform",
        has_code: code == "code",
        uses_cleartext: clear == "clear",
        granted: words.map(|name| format!("android.permission.{name}")).collect(),
    }
}

#[test]
fn the_score_is_that_of_its_authors_scripts() {
    let knowledge = Knowledge::embedded().unwrap();
    let devices = devices();
    assert!(devices.len() >= 18);
    let mut above_zero = [0; 3];
    for device in devices {
        let level = u32::try_from(device["api_level"].as_integer().unwrap()).unwrap();
        let apps: Vec<PreloadedApp> = device["apps"].as_str().unwrap().lines().map(app).collect();
        let known = baseline(&knowledge, level).unwrap();
        assert!(known.api_levels.contains(&level));
        for (key, with_services) in [("without_services", false), ("with_services", true)] {
            let maker = device["maker"].as_str().unwrap();
            let score = preload_score(&apps, maker, known, &knowledge.score, with_services);
            let expected = device[key].as_array().unwrap().iter().map(|number| number.as_float().unwrap());
            for (part, (found, expected)) in
                [score.platform, score.permissions, score.cleartext].into_iter().zip(expected).enumerate()
            {
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{level} {maker} {key}, part {part}: {found}, not {expected}"
                );
                above_zero[part] += u32::from(found > 0.0);
            }
        }
    }
    assert!(above_zero.iter().all(|count| *count > 10), "{above_zero:?}: the devices try every part");
}

#[test]
fn an_api_level_without_a_baseline_is_compared_with_the_nearest_older_one() {
    let knowledge = Knowledge::embedded().unwrap();
    let levels = |level: u32| baseline(&knowledge, level).unwrap().api_levels.clone();
    assert_eq!(levels(32), levels(31));
    assert_eq!(levels(99), levels(35));
    assert_eq!(levels(19), levels(24));
}
