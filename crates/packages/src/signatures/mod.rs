//! Who signed an APK, verified over its bytes: schemes 1 (JAR), 2 and 3 (signing block).
//!
//! A signature that does not hold is not hidden: its certificate stands in the list with the reason.

mod block;
mod certificate;
mod content;
mod der;
mod jar_manifest;
mod keys;
mod pkcs7;
mod v1;

use bytes::{Budget, ByteSource};
use containers::zip::Archive;

use crate::model::Signer;
use certificate::Certificate;

/// What was found.
#[derive(Debug, Default)]
pub struct Signatures {
    /// The signers, those of the newest scheme first.
    pub signers: Vec<Signer>,
    /// What could not be read, or does not hold although a newer scheme does.
    pub problems: Vec<String>,
}

/// One signer in one scheme.
struct Found {
    certificate_sha256: [u8; 32],
    subject: String,
    scheme: u8,
    verified: Result<(), String>,
}

impl Found {
    fn new(certificate: &Certificate<'_>, scheme: u8, verified: Result<(), String>) -> Self {
        Self { certificate_sha256: certificate.sha256(), subject: certificate.subject(), scheme, verified }
    }
}

/// SHA-256 and subject of a certificate.
pub(crate) fn certificate_of(der: &[u8]) -> bytes::Result<([u8; 32], String)> {
    let certificate = Certificate::read(der)?;
    Ok((certificate.sha256(), certificate.subject()))
}

/// The signers of `archive`, which is all of `source`.
#[must_use]
pub fn read_signers(source: &ByteSource, archive: &Archive, budget: &Budget) -> Signatures {
    let mut signatures = Signatures::default();
    let (mut found, schemes) = block::read(source, archive, budget, &mut signatures);
    found.sort_by_key(|found| std::cmp::Reverse(found.scheme));
    let old = v1::read(archive, &schemes, budget, &mut signatures);
    for found in found.into_iter().chain(old) {
        merge(found, &mut signatures);
    }
    signatures
}

/// One entry per certificate. The newest scheme that names it decides, as on the platform: it covers every byte.
fn merge(found: Found, signatures: &mut Signatures) {
    let mut signers = signatures.signers.iter_mut();
    match signers.find(|signer| signer.certificate_sha256 == found.certificate_sha256) {
        Some(signer) => {
            if !signer.schemes.contains(&found.scheme) {
                signer.schemes.push(found.scheme);
                signer.schemes.sort_unstable();
            }
            if let Err(reason) = found.verified {
                signatures.problems.push(reason);
            }
        }
        None => signatures.signers.push(Signer {
            certificate_sha256: found.certificate_sha256,
            subject: found.subject,
            schemes: vec![found.scheme],
            verified: found.verified,
        }),
    }
}
