//! From a file to a package: an APK, a JAR of the framework, a loose DEX file. Never fails as a whole: what could not be
//! read is told in [`Package::problems`].

use bytes::{Budget, ByteSource, Error, Limit, Limits};
use containers::zip::Archive;
use firmware::{FileKind, FirmwareFile};
use sha2::{Digest, Sha256};

use crate::{
    axml::Document,
    hidden, layouts,
    manifest::{problem, read_manifest},
    model::{CodeFile, Package},
    resources::Resources,
    signatures,
    window::for_each_window,
};

/// Name of the manifest in an APK.
pub(crate) const MANIFEST: &[u8] = b"AndroidManifest.xml";
const RESOURCES: &[u8] = b"resources.arsc";
/// Longest manifest that is read.
const MANIFEST_LEN_MAX: u64 = 32 << 20;
/// Longest resource table that is read.
const RESOURCES_LEN_MAX: u64 = 128 << 20;

/// The package of `file`, its values chosen as the newest platform would.
#[must_use]
pub fn open_package(file: &FirmwareFile, budget: &Budget) -> Package {
    open_package_at(file, u32::MAX, budget)
}

/// The package of `file`, as a device of `api_level` sees it.
#[must_use]
pub fn open_package_at(file: &FirmwareFile, api_level: u32, budget: &Budget) -> Package {
    let mut package = Package {
        path: file.path.clone(),
        container: file.container.clone(),
        privileged: file.path.contains("/priv-app/") || file.path.contains("/framework/"),
        ..Package::default()
    };
    let source = match &file.kind {
        FileKind::File(source) => source,
        FileKind::Missing => {
            package.problems.push("the input lists this file but does not hold it".to_owned());
            return package;
        }
        FileKind::Symlink(target) => {
            package.problems.push(format!("symbolic link to {target}, not followed"));
            return package;
        }
    };
    match sha256(source) {
        Ok(digest) => package.sha256 = digest,
        Err(error) => package.problems.push(format!("file: {error}")),
    }
    let is_code = is_dex(source) || is_elf(source);
    match Archive::read(source, budget) {
        Ok(archive) if !is_code || holds_manifest(&archive) => {
            read_archive(source, &archive, api_level, budget, &mut package);
            if is_code {
                add_leading_code(source, file, &mut package);
            }
        }
        Err(error) if !is_code => package.problems.push(format!("zip: {error}")),
        Ok(_) | Err(_) => package.code_files.push(CodeFile { source: source.clone(), path: file.path.clone() }),
    }
    package
}

/// Code before the archive: the installer finds the archive from its end and takes this for an app, while the runtime looks
/// at the first bytes and runs what stands there (CVE-2017-13156, "Janus"); a v1 signature does not cover it. Either may
/// run, so both are read.
fn add_leading_code(source: &ByteSource, file: &FirmwareFile, package: &mut Package) {
    problem(package, "the archive stands behind other code, which may run instead (CVE-2017-13156)".to_owned());
    package.code_files.insert(0, CodeFile { source: source.clone(), path: file.path.clone() });
    // The search for hidden code has met it too.
    let way = hidden::way_to_dex(&file.path, 0);
    package.hidden_files.retain(|hidden| hidden.path != way);
}

fn holds_manifest(archive: &Archive) -> bool {
    archive.member(MANIFEST).is_some() || archive.problem(MANIFEST).is_some()
}

/// Whether the bytes are a DEX file.
pub(crate) fn is_dex(source: &ByteSource) -> bool {
    source.has(0, b"dex\n") || source.has(0, b"dey\n")
}

fn is_elf(source: &ByteSource) -> bool {
    source.has(0, b"\x7fELF")
}

fn sha256(source: &ByteSource) -> bytes::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    for_each_window(source, &mut |window| hash.update(window))?;
    Ok(hash.finalize().into())
}

fn read_archive(source: &ByteSource, archive: &Archive, api_level: u32, budget: &Budget, package: &mut Package) {
    for trouble in archive.problems.iter().take(16) {
        let name = String::from_utf8_lossy(&trouble.name);
        package.problems.push(format!("zip member {name}: {}", trouble.error));
    }
    if holds_manifest(archive) {
        read_app(archive, api_level, budget, package);
        package.resources = archive.member(RESOURCES).map(|member| member.source.clone());
        package.layouts = layouts::read_layouts(archive, budget);
        if package.layouts.unread > 0 {
            problem(package, format!("res/layout: {} layouts could not be read to the end", package.layouts.unread));
        }
    }
    let own = code_files(archive, package);
    package.code_files.extend(own);
    let verified = signatures::read_signers(source, archive, budget);
    package.signers = verified.signers;
    for text in verified.problems {
        problem(package, text);
    }
    // A budget of its own: what it finds must not depend on what reading the signatures cost.
    let hidden = hidden::find(source, archive, &package.path, api_level, &Budget::new(Limits::FILE));
    package.carried = hidden.carried;
    package.hidden_files = hidden.files;
    package.natives = hidden.natives;
    package.sealed = hidden.sealed;
    package.locked = hidden.locked;
    package.file_names = hidden.names;
    for text in hidden.problems {
        problem(package, text);
    }
}

/// What the manifest of a package inside another says.
pub(crate) fn read_carried(archive: &Archive, path: &str, api_level: u32, budget: &Budget) -> Option<Package> {
    if !holds_manifest(archive) {
        return None;
    }
    let mut package = Package { path: path.to_owned(), ..Package::default() };
    read_app(archive, api_level, budget, &mut package);
    Some(package)
}

fn read_app(archive: &Archive, api_level: u32, budget: &Budget, package: &mut Package) {
    let resources = match read_member(archive, RESOURCES, RESOURCES_LEN_MAX, budget) {
        Ok(Some(bytes)) => Resources::read(bytes, budget),
        Ok(None) => Resources::default(),
        Err(error) => {
            package.problems.push(format!("resources.arsc: {error}"));
            Resources::default()
        }
    };
    package.problems.extend(resources.problems.iter().map(|error| format!("resources.arsc: {error}")));
    match read_member(archive, MANIFEST, MANIFEST_LEN_MAX, budget) {
        Ok(Some(bytes)) => {
            let document = Document::read(&bytes, budget);
            read_manifest(&document, &resources, api_level, budget, package);
        }
        Ok(None) => package.problems.push("AndroidManifest.xml: unreadable".to_owned()),
        Err(error) => package.problems.push(format!("AndroidManifest.xml: {error}")),
    }
    if archive.members_named(MANIFEST).count() > 1 {
        package.problems.push("zip: AndroidManifest.xml is there more than once; the first was read".to_owned());
    }
}

/// The bytes of a member, if there is one and it is not longer than `len_max`.
pub(crate) fn read_member(
    archive: &Archive,
    name: &[u8],
    len_max: u64,
    budget: &Budget,
) -> bytes::Result<Option<Vec<u8>>> {
    let Some(member) = archive.member(name) else { return Ok(None) };
    if member.source.len() > len_max {
        return Err(Error::limit(Limit::UnpackedBytes, "member", member.local_header_offset));
    }
    member.source.to_vec(budget, "member").map(Some)
}

/// `classes.dex`, `classes2.dex`, ... in that order. The platform stops at the first gap; a file behind one is still code.
fn code_files(archive: &Archive, package: &mut Package) -> Vec<CodeFile> {
    let mut numbered = Vec::new();
    for member in &archive.members {
        if let Some(number) = dex_number(&member.name) {
            numbered.push((number, member));
        }
    }
    // Stable: of duplicates the first in the directory stays first.
    numbered.sort_by_key(|(number, _)| *number);
    for pair in numbered.windows(2) {
        if let [(before, _), (number, _)] = pair
            && before == number
        {
            problem(package, format!("zip: classes file {number} is there more than once; every copy is read"));
        }
    }
    let path = package.path.clone();
    let file = |member: &containers::zip::Member| CodeFile {
        source: member.source.clone(),
        path: format!("{path}!{}", String::from_utf8_lossy(&member.name)),
    };
    numbered.into_iter().map(|(_, member)| file(member)).collect()
}

/// 1 for `classes.dex`, n for `classes<n>.dex`.
pub(crate) fn dex_number(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"classes")?.strip_suffix(b".dex")?;
    match digits {
        [] => Some(1),
        [b'1'..=b'9', ..] => std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number >= 2),
        _ => None,
    }
}
