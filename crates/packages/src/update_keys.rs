//! The list of certificates that sign updates of the whole system: `/system/etc/security/otacerts.zip`, as
//! `android.os.RecoverySystem` reads it, and newer recovery systems do. Older ones have the bare keys in their ramdisk
//! (`/res/keys`): the platform's build makes both from the same certificates, a maker may not.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Budget, ByteSource, Limits};
use containers::zip::Archive;
use firmware::{FileKind, Firmware};

use crate::signatures::certificate_of;

/// Where the platform looks; the name of the partition depends on how an image is packed.
const PLACE: &str = "/etc/security/otacerts.zip";
/// Longest member that is read: a certificate has a few kilobytes.
const CERTIFICATE_LEN_MAX: u64 = 64 << 10;
/// Most members of an archive that are read; real ones have one to three.
const CERTIFICATES_MAX: usize = 64;

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UpdateKey {
    /// Device path, with the name in the archive.
    pub path: String,
    /// The layers around it.
    pub container: String,
    /// SHA-256 of the certificate and its subject, or why it could not be read.
    pub certificate: Result<([u8; 32], String), String>,
}

/// What the image says of who signs its updates, by place; members that are no certificate come with the reason.
#[must_use]
pub fn update_keys(firmware: &Firmware) -> Vec<UpdateKey> {
    let mut keys = Vec::new();
    for file in firmware.files.iter().filter(|file| file.path.ends_with(PLACE)) {
        let FileKind::File(source) = &file.kind else { continue };
        let key = |path, certificate| UpdateKey { path, container: file.container.clone(), certificate };
        match Archive::read(source, &Budget::new(Limits::FILE)) {
            Ok(archive) => {
                let members = archive.members.iter().filter(|member| !member.is_folder());
                keys.extend(members.take(CERTIFICATES_MAX).map(|member| {
                    let path = format!("{}!{}", file.path, firmware::shown(&member.name));
                    key(path, certificate(&member.source))
                }));
            }
            Err(error) => keys.push(key(file.path.clone(), Err(format!("zip: {error}")))),
        }
    }
    keys
}

/// The certificate of a member: text between marks (PEM, RFC 7468).
fn certificate(source: &ByteSource) -> Result<([u8; 32], String), String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    if source.len() > CERTIFICATE_LEN_MAX {
        return Err(format!("longer than {CERTIFICATE_LEN_MAX} bytes"));
    }
    let bytes = source.to_vec(&Budget::new(Limits::FILE), "certificate").map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    let inside = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(inside, _)| inside);
    let packed: String = inside.ok_or("no certificate in it")?.split_whitespace().collect();
    let der = STANDARD.decode(packed).map_err(|error| format!("base64: {error}"))?;
    certificate_of(&der).map_err(|error| error.to_string())
}
