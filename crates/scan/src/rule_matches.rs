//! YARA rules of others, held against every file of the image and every member of its packages.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::{Budget, ByteSource, Limits};
use containers::zip::Archive;
use findings::{Coverage, Outcome, RuleMatch, RuleMatches, RulePlace};
use firmware::{FileKind, Firmware, FirmwareFile};
use packages::Package;

use crate::{in_order::each_as_stored, record};

/// Rules as a scan is told them.
#[derive(Debug)]
pub struct Rules {
    /// The rules.
    pub rules: yara::Rules,
    /// SHA-256 over the files they come from.
    pub digest: String,
}

/// What the rules say of one file of the image.
#[derive(Debug, Default)]
struct Told {
    files: u64,
    matches: Vec<RuleMatch>,
    unread: Vec<Coverage>,
}

/// Holds `rules` against everything, on the threads of the current pool; with what they could not be held against.
pub(crate) fn search(firmware: &Firmware, packages: &[Package], rules: &Rules) -> (RuleMatches, Vec<Coverage>) {
    let by_place: BTreeMap<(&str, &str), &Package> =
        packages.iter().map(|package| ((package.container.as_str(), package.path.as_str()), package)).collect();
    let told = each_as_stored(&firmware.files, FirmwareFile::source, |file| {
        let package = by_place.get(&(file.container.as_str(), file.path.as_str())).copied();
        one(file, package, &rules.rules)
    });
    let mut all =
        RuleMatches { digest: rules.digest.clone(), rules: rules.rules.count(), files: 0, matches: Vec::new() };
    let mut unread = Vec::new();
    for file in told {
        all.files = all.files.saturating_add(file.files);
        all.matches.extend(file.matches);
        unread.extend(file.unread);
    }
    (all, unread)
}

/// One file; of a package also what is in it, unpacked.
fn one(file: &FirmwareFile, package: Option<&Package>, rules: &yara::Rules) -> Told {
    let mut told = Told::default();
    let FileKind::File(source) = &file.kind else { return told };
    told.hold(&file.container, &file.path, package, source, rules);
    let Some(package) = package else { return told };
    let mut seen = BTreeSet::new();
    // What of the archive cannot be read is told with the package.
    if let Ok(archive) = Archive::read(source, &Budget::new(Limits::FILE)) {
        for member in archive.members.iter().filter(|member| !member.is_folder()) {
            let path = format!("{}!{}", file.path, firmware::shown(&member.name));
            told.hold(&file.container, &path, Some(package), &member.source, rules);
            seen.insert(path);
        }
    }
    for inner in package.hidden_files.iter().chain(&package.natives).filter(|inner| !seen.contains(&inner.path)) {
        told.hold(&file.container, &inner.path, Some(package), &inner.source, rules);
    }
    told
}

impl Told {
    fn hold(
        &mut self,
        container: &str,
        path: &str,
        package: Option<&Package>,
        source: &ByteSource,
        rules: &yara::Rules,
    ) {
        if source.is_empty() {
            return;
        }
        match matches(source, rules) {
            Ok(found) => {
                self.files = self.files.saturating_add(1);
                let app = package.map(record::name_of).filter(|name| !name.is_empty());
                self.matches.extend(found.into_iter().map(|found| told(found, container, path, app.clone())));
            }
            Err(why) => self.unread.push(Coverage {
                container: container.to_owned(),
                path: path.to_owned(),
                kind: "yara".to_owned(),
                outcome: Outcome::Unread(format!("rules were not held against it: {why}")),
            }),
        }
    }
}

fn matches(source: &ByteSource, rules: &yara::Rules) -> Result<Vec<yara::Match>, String> {
    if source.len() > yara::FILE_LEN_MAX {
        return Err(format!("it is longer than {} bytes", yara::FILE_LEN_MAX));
    }
    let bytes = source.to_vec(&Budget::new(Limits::FILE), "file").map_err(|error| error.to_string())?;
    // A fault of the library is a hole of this file, not the end of the scan.
    catch_unwind(AssertUnwindSafe(|| rules.search(&bytes)))
        .unwrap_or_else(|_| Err("the library failed inside".to_owned()))
}

fn told(found: yara::Match, container: &str, path: &str, app: Option<String>) -> RuleMatch {
    let place = |place: yara::Place| RulePlace { offset: place.offset, len: place.len, text: place.text };
    RuleMatch {
        container: container.to_owned(),
        path: path.to_owned(),
        app,
        rule_file: found.file,
        rule: found.rule,
        tags: found.tags,
        meta: found.meta.into_iter().collect(),
        places: found.places.into_iter().map(place).collect(),
        places_found: found.count,
    }
}
