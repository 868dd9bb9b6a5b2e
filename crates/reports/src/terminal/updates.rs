//! Apps that are able to update the firmware, and how their channel is.

use std::{collections::BTreeSet, io};

use findings::{ConstantKey, Report, Standing, Transport, UpdateClient, UpdateKeyRecord};

use super::page::{Look, Page};

pub(super) fn told(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if report.update_clients.is_empty() && report.update_keys.is_empty() {
        return Ok(());
    }
    page.heading("Who can update the firmware")?;
    for key in &report.update_keys {
        let look = if key.public { Look::Alarm } else { Look::Plain };
        page.text(2, look, &key_words(key))?;
    }
    if report.update_clients.is_empty() {
        return Ok(());
    }
    let about = "Found by what the code does, whatever it is called. Whoever holds such a channel and the key can replace the system: the \
                 channel is the risk, even where the client is clean.";
    page.text(2, Look::Dim, about)?;
    for client in &report.update_clients {
        page.text(2, Look::Plain, &format!("{}{}", client.package, whose_code(report, client)))?;
        page.text(4, Look::Dim, &client_words(client))?;
    }
    Ok(())
}

/// Whose code a client is, if that is said of it.
pub(crate) fn whose_code(report: &Report, client: &UpdateClient) -> String {
    let app = report.apps.iter().find(|app| app.path == client.path);
    let named = app.and_then(|app| app.suppliers.iter().find(|supplier| supplier.standing >= Standing::Indicated));
    named.map(|supplier| format!(", {}", super::said_of_app(supplier))).unwrap_or_default()
}

/// Whose updates are accepted, in a sentence.
pub(crate) fn key_words(key: &UpdateKeyRecord) -> String {
    let UpdateKeyRecord { certificate_sha256, subject, .. } = key;
    let known = key.known_as.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
    let public = if key.public {
        ": everybody has this key, so where the recovery system goes by the list, anybody can make an update that is accepted"
    } else {
        ""
    };
    format!("its list of who signs updates names {subject} (certificate {certificate_sha256}){known}{public}")
}

/// What is known of a client, in a sentence.
pub(crate) fn client_words(client: &UpdateClient) -> String {
    let mut parts = vec![match (client.standing.as_str(), &client.helper) {
        ("proven", _) => "data of a server was followed to the updater".to_owned(),
        (_, Some(helper)) => {
            format!(
                "its code names a server and sends to {helper}, which names the updater; no flow was followed between them"
            )
        }
        ("updater", None) => {
            "its code names the updater and no server; nobody who names one was found to send to it".to_owned()
        }
        _ => "its code names a server and the updater; no flow was followed between them".to_owned(),
    }];
    parts.push(match client.signed_by.as_str() {
        "platform" => "signed with the platform's key: whoever builds the system vouches for it".to_owned(),
        _ => "signed with another key than the platform's: a third party's, or one of the maker's".to_owned(),
    });
    if client.signed_with_public_key {
        parts.push("which everybody has".to_owned());
    }
    parts.push(
        match client.transport {
            Transport::ClearHttp => "has addresses in clear HTTP",
            Transport::Tls => "has https addresses only",
            Transport::Unknown => "no address was recovered",
        }
        .to_owned(),
    );
    parts.push(
        if client.names_signature_check {
            "names the check of the update's signature"
        } else {
            "does not name the check of the update's signature"
        }
        .to_owned(),
    );
    if let Some(keys) = keys_words(&client.constant_keys) {
        parts.push(keys);
    }
    let comes = [(client.told_by_push, "by push messages"), (client.comes_back, "by alarms that it sets itself")];
    let comes: Vec<&str> = comes.iter().filter(|(is_named, _)| *is_named).map(|(_, words)| *words).collect();
    if !comes.is_empty() {
        parts.push(format!("names ways to be started from outside or again: {}", comes.join(", ")));
    }
    if client.installs_packages {
        parts.push("able to install packages without asking".to_owned());
    }
    parts.join("; ")
}

/// Keys that everybody has, by cipher; the JSON report has the keys and their places.
fn keys_words(keys: &[ConstantKey]) -> Option<String> {
    let ciphers: BTreeSet<&str> =
        keys.iter().map(|key| key.algorithm.as_deref().unwrap_or("a cipher that is not constant")).collect();
    let ciphers: Vec<&str> = ciphers.into_iter().collect();
    (!ciphers.is_empty()).then(|| {
        let ciphers = ciphers.join(", ");
        format!("its code fixes keys of ciphers ({ciphers}), which everybody has who has the app; what passes them was not followed here")
    })
}
