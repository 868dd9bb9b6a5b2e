//! Apps that are signed with keys that everybody has, and what anybody can make of that.

use std::io;

use findings::{PublicKeyRecord, Report};

use super::page::{Look, Page, count, some_of};

/// Apps listed of one key, without `-v`.
const APPS_SHOWN_MAX: usize = 6;

pub(super) fn told(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if report.public_keys.is_empty() {
        return Ok(());
    }
    page.heading("Signed with keys that everybody has")?;
    let max = if page.verbose { usize::MAX } else { APPS_SHOWN_MAX };
    for key in &report.public_keys {
        page.text(2, Look::Alarm, &public_key_words(key))?;
        page.text(4, Look::Dim, &some_of(key.apps.iter().map(String::as_str), max, ", "))?;
    }
    Ok(())
}

/// What a key signs, and what anybody can do with it, in a sentence.
pub(crate) fn public_key_words(key: &PublicKeyRecord) -> String {
    let PublicKeyRecord { certificate_sha256, known_as, .. } = key;
    let what = match key.signs_platform {
        true => "the platform itself and ",
        false => "",
    };
    let apps = count(key.apps.len(), "app", "apps");
    let gives = match (key.signs_platform, key.signs_system_user) {
        (true, _) => {
            "whoever signs an app with it gets the permissions that the platform keeps for itself, once that app is installed"
        }
        (false, true) => {
            "one of them asks for the system's user, and the platform's own package was not read: if that has the same key, whoever signs an app \
         with it can have it run as that user"
        }
        (false, false) => {
            "whoever signs another version of one of these apps with it has made an update that the platform accepts"
        }
    };
    format!("{known_as} signs {what}{apps} (certificate {certificate_sha256}): {gives}")
}
