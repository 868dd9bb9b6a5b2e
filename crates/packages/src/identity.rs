//! Whose firmware it is, from build properties.
//!
//! Since Android 10 each partition has its own product properties; the order here is the platform's default for
//! `ro.product.property_source_order`, behind the plain key.

use findings::Identity;
use firmware::Firmware;

use crate::{model::Package, permissions::platform_certificates};

/// Partitions whose properties stand for the product's, the first that has one wins.
const PARTITIONS: [&str; 6] = ["product", "odm", "vendor", "system_ext", "system", "bootimage"];

/// The identity of `firmware`. `packages` tell who signs the platform.
#[must_use]
pub fn identity(firmware: &Firmware, packages: &[Package]) -> Identity {
    let certificate = platform_certificates(packages).into_iter().next();
    Identity {
        brand: product(firmware, "brand"),
        manufacturer: product(firmware, "manufacturer"),
        model: product(firmware, "model"),
        device: product(firmware, "device"),
        fingerprint: build(firmware, "fingerprint"),
        android: build(firmware, "version.release"),
        api_level: build(firmware, "version.sdk").and_then(|level| level.parse().ok()),
        built_utc_seconds: build(firmware, "date.utc").and_then(|seconds| seconds.parse().ok()),
        security_patch: build(firmware, "version.security_patch"),
        platform_certificate: certificate
            .map(|certificate| certificate.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

fn product(firmware: &Firmware, key: &str) -> Option<String> {
    let fallbacks = PARTITIONS.iter().map(|partition| format!("ro.product.{partition}.{key}"));
    first(firmware, std::iter::once(format!("ro.product.{key}")).chain(fallbacks))
}

fn build(firmware: &Firmware, key: &str) -> Option<String> {
    let fallbacks = ["system", "product", "vendor", "odm", "system_ext"];
    let fallbacks = fallbacks.iter().map(|partition| format!("ro.{partition}.build.{key}"));
    first(firmware, std::iter::once(format!("ro.build.{key}")).chain(fallbacks))
}

fn first(firmware: &Firmware, mut keys: impl Iterator<Item = String>) -> Option<String> {
    keys.find_map(|key| firmware.property(&key).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned))
}
