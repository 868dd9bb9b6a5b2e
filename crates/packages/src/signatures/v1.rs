//! Scheme 1: JAR signing. Every member's digest stands in `MANIFEST.MF`, the manifest's digest in a `.SF` file, and a
//! PKCS#7 file beside that signs it.
//!
//! Written from the "JAR File Specification", section "Signed JAR File", and the rules the platform adds: every member
//! outside the signature files must be covered, and a `.SF` file that names a newer scheme forbids its removal.

use std::collections::BTreeMap;

use bytes::Budget;
use containers::zip::{Archive, Member};

use super::{Found, Signatures, certificate::Certificate, jar_manifest::Section, keys::Hasher, pkcs7::SignedData};
use crate::{open::dex_number, open::read_member, window::for_each_window};

const MANIFEST_NAME: &[u8] = b"META-INF/MANIFEST.MF";
/// Longest signature file that is read.
const FILE_LEN_MAX: u64 = 16 << 20;
/// Most signature files that are looked at.
const FILES_MAX: usize = 32;

type Outcome = Result<(), String>;

/// Reads and verifies scheme 1; `newer` are the schemes whose signatures the archive has.
pub(super) fn read(archive: &Archive, newer: &[u8], budget: &Budget, signatures: &mut Signatures) -> Vec<Found> {
    let blocks: Vec<(&Member, Vec<u8>)> = archive.members.iter().filter_map(signature_block).take(FILES_MAX).collect();
    if blocks.is_empty() {
        return Vec::new();
    }
    let manifest = match read_member(archive, MANIFEST_NAME, FILE_LEN_MAX, budget) {
        Ok(manifest) => manifest,
        Err(error) => {
            signatures.problems.push(format!("META-INF/MANIFEST.MF: {error}"));
            None
        }
    };
    let manifest = manifest.unwrap_or_default();
    let sections = Section::read_all(&manifest);
    let (contents, absent) = match named(&sections) {
        Ok(by_name) => (verify_members(archive, &by_name), absent_members(archive, &by_name)),
        Err(error) => (Err(error), Ok(None)),
    };
    if let Ok(Some(text)) = &absent {
        signatures.problems.push(text.clone());
    }
    let contents = contents.and(absent.map(|_| ()));
    let mut found = Vec::new();
    for (block, stem) in blocks {
        let signature_file = read_member(archive, &[stem.as_slice(), b".SF"].concat(), FILE_LEN_MAX, budget);
        let block_bytes = read_member(archive, &block.name, FILE_LEN_MAX, budget);
        let (Ok(Some(signature_file)), Ok(Some(block_bytes))) = (signature_file, block_bytes) else {
            signatures.problems.push(format!("{}: unreadable, or without its .SF file", text(&block.name)));
            continue;
        };
        let covered = Signed { archive, manifest: &manifest, sections: &sections, signature_file: &signature_file };
        let covered = || contents.clone().and_then(|()| covered.verify(newer));
        match SignedData::read(&block_bytes) {
            Ok(data) => found.extend(signer(&data, &signature_file, covered)),
            Err(error) => signatures.problems.push(format!("{}: {error}", text(&block.name))),
        }
    }
    found
}

/// The signer of a block: the first one whose signature verifies, else the first certificate with the reason.
fn signer(data: &SignedData<'_>, signature_file: &[u8], covered: impl Fn() -> Outcome) -> Option<Found> {
    let outcomes = data.verify(signature_file);
    let found = |certificate: Certificate<'_>, verified| {
        let verified = Result::map_err(verified, |reason: String| format!("v1: {reason}"));
        Some(Found::new(&certificate, 1, verified))
    };
    if let Some((certificate, _)) = outcomes.iter().find(|(_, outcome)| outcome.is_ok()) {
        return found(*certificate, covered());
    }
    match outcomes.into_iter().next() {
        Some((certificate, outcome)) => found(certificate, outcome),
        None => found(data.first_certificate()?, Err("no signer with a certificate".to_owned())),
    }
}

/// A signature block in `META-INF`, and its name without the extension.
fn signature_block(member: &Member) -> Option<(&Member, Vec<u8>)> {
    let name = member.name.to_ascii_uppercase();
    let inside = name.strip_prefix(b"META-INF/")?;
    let extension = [".RSA", ".DSA", ".EC"].iter().find(|extension| inside.ends_with(extension.as_bytes()))?;
    if inside.contains(&b'/') {
        return None;
    }
    let stem = member.name.len().saturating_sub(extension.len());
    Some((member, member.name.get(..stem)?.to_vec()))
}

/// Whether a member belongs to the signature itself and is covered by nothing.
fn is_signature_file(name: &[u8]) -> bool {
    let name = name.to_ascii_uppercase();
    let Some(inside) = name.strip_prefix(b"META-INF/").filter(|inside| !inside.contains(&b'/')) else { return false };
    let ends = [".SF", ".RSA", ".DSA", ".EC"].iter().any(|extension| inside.ends_with(extension.as_bytes()));
    ends || inside == b"MANIFEST.MF" || inside.starts_with(b"SIG-")
}

/// The sections by the member they name.
fn named<'s, 'a>(sections: &'s [Section<'a>]) -> Result<BTreeMap<&'s [u8], &'s Section<'a>>, String> {
    let mut by_name = BTreeMap::new();
    for section in sections.iter().skip(1) {
        let name = section.get("Name").ok_or("a section of the manifest names no member")?;
        if by_name.insert(name, section).is_some() {
            return Err(format!("the manifest names {} twice", text(name)));
        }
    }
    Ok(by_name)
}

/// Compares every covered member with its digests.
fn verify_members(archive: &Archive, by_name: &BTreeMap<&[u8], &Section<'_>>) -> Outcome {
    if let Some(problem) = archive.problems.first() {
        return Err(format!("member {}: {}", text(&problem.name), problem.error));
    }
    for member in &archive.members {
        if member.is_folder() || is_signature_file(&member.name) {
            continue;
        }
        let name = text(&member.name);
        let section = by_name.get(member.name.as_slice()).ok_or(format!("member {name} is not signed"))?;
        let digests = section.digests("Digest");
        if digests.is_empty() {
            return Err(format!("unsupported algorithm: member {name} has no known digest"));
        }
        let mut hashers: Vec<Hasher> = digests.iter().map(|(hash, _)| Hasher::new(*hash)).collect();
        for_each_window(&member.source, &mut |window| hashers.iter_mut().for_each(|hasher| hasher.update(window)))
            .map_err(|error| format!("member {name}: {error}"))?;
        let computed = hashers.into_iter().map(Hasher::finish);
        if computed.zip(&digests).any(|(computed, (_, declared))| computed != *declared) {
            return Err(format!("member {name}: digest does not match"));
        }
    }
    Ok(())
}

/// Listed members that are not there. The build system takes `classes.dex` out of signed apps after it compiled them, so
/// that is told but does not break the signature of the rest.
fn absent_members(archive: &Archive, by_name: &BTreeMap<&[u8], &Section<'_>>) -> Result<Option<String>, String> {
    let mut absent = by_name.keys().filter(|name| !name.ends_with(b"/") && archive.member(name).is_none());
    if let Some(name) = absent.find(|name| dex_number(name).is_none()) {
        return Err(format!("member {} is signed but absent", text(name)));
    }
    let mut dex = by_name.keys().filter(|name| dex_number(name).is_some() && archive.member(name).is_none());
    Ok(dex.next().map(|name| format!("v1: member {} is signed but was taken out of the archive", text(name))))
}

/// One `.SF` file and what it signs.
struct Signed<'a> {
    archive: &'a Archive,
    manifest: &'a [u8],
    sections: &'a [Section<'a>],
    signature_file: &'a [u8],
}

impl Signed<'_> {
    /// Verifies that the `.SF` file covers the manifest, as a whole or section by section.
    fn verify(&self, newer: &[u8]) -> Outcome {
        let files = Section::read_all(self.signature_file);
        let main = files.first().ok_or("the .SF file is empty")?;
        let promised = main.get("X-Android-APK-Signed").map(text).unwrap_or_default();
        for scheme in promised.split(',').filter_map(|scheme| scheme.trim().parse::<u8>().ok()) {
            if matches!(scheme, 2 | 3) && !newer.contains(&scheme) {
                return Err(format!("signature of scheme {scheme} was taken out of the file"));
            }
        }
        let whole = main.digests("Digest-Manifest");
        if !whole.is_empty() && whole.iter().all(|(hash, digest)| hash.digest(self.manifest) == *digest) {
            return self.covers_members(&files);
        }
        let sections = named(self.sections)?;
        for file in files.iter().skip(1) {
            let name = file.get("Name").ok_or("a section of the .SF file names no member")?;
            let section = sections.get(name).ok_or_else(|| format!("manifest has no section {}", text(name)))?;
            let digests = file.digests("Digest");
            if digests.is_empty() || digests.iter().any(|(hash, digest)| hash.digest(section.bytes) != *digest) {
                return Err(format!("manifest section {}: digest does not match", text(name)));
            }
        }
        self.covers_members(&files)
    }

    /// Every covered member must be named by this `.SF` file too.
    fn covers_members(&self, files: &[Section<'_>]) -> Outcome {
        let names = named(files)?;
        let members = self.archive.members.iter();
        let mut members = members.filter(|member| !member.is_folder() && !is_signature_file(&member.name));
        match members.find(|member| !names.contains_key(member.name.as_slice())) {
            Some(member) => Err(format!("member {} is not signed by this signer", text(&member.name))),
            None => Ok(()),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
