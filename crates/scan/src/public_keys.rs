//! Apps that are signed with keys that everybody has.

use std::collections::{BTreeMap, BTreeSet};

use findings::PublicKeyRecord;
use knowledge::Knowledge;
use packages::Package;

use crate::record;

/// The platform's own package.
const PLATFORM: &str = "android";
/// The user that the platform itself runs as.
const SYSTEM_USER: &str = "android.uid.system";

/// Keys that everybody has and that sign something here, by certificate. Only signatures that verify count: the platform would not
/// take the others.
pub(crate) fn found(packages: &[Package], knowledge: &Knowledge) -> Vec<PublicKeyRecord> {
    // Only what signs the platform's own package signs the platform: an app may ask for the system's user and not get it.
    let own = packages.iter().filter(|package| package.name == PLATFORM);
    let own = own.flat_map(|package| &package.signers).filter(|signer| signer.verified.is_ok());
    let platform: BTreeSet<[u8; 32]> = own.map(|signer| signer.certificate_sha256).collect();
    let mut signed: BTreeMap<[u8; 32], Vec<&Package>> = BTreeMap::new();
    for package in packages.iter().filter(|package| !package.name.is_empty()) {
        for signer in package.signers.iter().filter(|signer| signer.verified.is_ok()) {
            signed.entry(signer.certificate_sha256).or_default().push(package);
        }
    }
    let record = |(certificate, apps): (&[u8; 32], &Vec<&Package>)| {
        let certificate_sha256 = record::hex(certificate);
        let known = knowledge.known_certificates.get(&certificate_sha256).filter(|known| known.public)?;
        let names: BTreeSet<String> = apps.iter().map(|package| package.name.clone()).collect();
        let of_system = apps.iter().any(|package| package.shared_user_id.as_deref() == Some(SYSTEM_USER));
        Some(PublicKeyRecord {
            certificate_sha256,
            known_as: known.name.clone(),
            signs_platform: platform.contains(certificate),
            signs_system_user: of_system && (platform.is_empty() || platform.contains(certificate)),
            apps: names.into_iter().collect(),
        })
    };
    signed.iter().filter_map(record).collect()
}
