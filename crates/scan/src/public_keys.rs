//! Apps that are signed with keys that everybody has.

use std::collections::{BTreeMap, BTreeSet};

use findings::PublicKeyRecord;
use knowledge::Knowledge;
use packages::Package;

use crate::record;

/// The user that the platform itself runs as.
const SYSTEM_USER: &str = "android.uid.system";

/// Keys that everybody has and that sign something here, by certificate. Only signatures that verify count: the platform would not
/// take the others.
pub(crate) fn found(packages: &[Package], knowledge: &Knowledge) -> Vec<PublicKeyRecord> {
    let platform = packages::platform_certificates(packages);
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
        Some(PublicKeyRecord {
            certificate_sha256,
            known_as: known.name.clone(),
            signs_platform: platform.contains(certificate),
            signs_system_user: apps.iter().any(|package| package.shared_user_id.as_deref() == Some(SYSTEM_USER)),
            apps: names.into_iter().collect(),
        })
    };
    signed.iter().filter_map(record).collect()
}
