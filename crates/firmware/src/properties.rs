//! Build properties, in the order in which init loads them (Android's init, property_service.cpp, of 4.4 to 15).

use bytes::{Budget, ByteSource, Error, Limit, Result};
use findings::Outcome;

use crate::{FileKind, PropertyFile, walk::Walk};

/// A longer file is no property file.
const FILE_LEN_MAX: u64 = 4 << 20;

/// Files that init reads first, in its order. The files of other partitions follow by name.
const LOAD_ORDER: &[&str] = &[
    "/default.prop",
    "/prop.default",
    "/system/etc/prop.default",
    "/system/default.prop",
    "/system/build.prop",
    "/system_ext/build.prop",
    "/system_ext/etc/build.prop",
    "/system/system_ext/build.prop",
    "/system/system_ext/etc/build.prop",
    "/vendor/default.prop",
    "/vendor/build.prop",
    "/system/vendor/default.prop",
    "/system/vendor/build.prop",
    "/odm/default.prop",
    "/odm/build.prop",
    "/odm/etc/build.prop",
    "/vendor/odm/build.prop",
    "/vendor/odm/etc/build.prop",
    "/product/build.prop",
    "/product/etc/build.prop",
    "/system/product/build.prop",
    "/system/product/etc/build.prop",
];

/// Names of property files at the root of a partition or in its `etc`.
const FILE_NAMES: &[&str] = &["build.prop", "default.prop", "prop.default"];

/// Reads every property file of the device.
pub(crate) fn read_all(walk: &mut Walk<'_>, budget: &Budget) -> Vec<PropertyFile> {
    let others = walk.files.keys().map(String::as_str).filter(|path| is_partition_file(path));
    let others = others.filter(|path| !LOAD_ORDER.contains(path));
    let order: Vec<String> = LOAD_ORDER.iter().copied().chain(others).map(str::to_owned).collect();
    let mut files = Vec::new();
    for path in order {
        let Some((container, source)) = walk.files.get(&path).and_then(|file| match &file.kind {
            FileKind::File(source) => Some((file.container.clone(), source.clone())),
            _ => None,
        }) else {
            continue;
        };
        match read(&source, budget) {
            Ok(entries) => files.push(PropertyFile { path, entries }),
            Err(error) => walk.cover(&container, &path, "properties", Outcome::Unread(error.to_string())),
        }
    }
    files
}

/// `/<partition>/build.prop` or `/<partition>/etc/build.prop`.
fn is_partition_file(path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else { return false };
    let folder = folder.strip_suffix("/etc").unwrap_or(folder);
    FILE_NAMES.contains(&name) && folder.matches('/').count() <= 1
}

fn read(source: &ByteSource, budget: &Budget) -> Result<Vec<(String, String)>> {
    if source.len() > FILE_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "property file", 0));
    }
    let bytes = source.to_vec(budget, "property file")?;
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

/// The properties of a file, in its order. Comments and `import` lines define nothing.
fn parse(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.trim_end().to_owned(), value.trim().to_owned()))
        .filter(|(key, _)| !key.is_empty() && !key.starts_with("import "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_file_is_read_as_init_reads_it() {
        let text =
            "# comment\r\n ro.a = b=c \r\nimport /oem/x.prop key=1\nro.empty=\n=nothing\nno separator\nro.a=later";
        let entries = parse(text);
        let expected = [("ro.a", "b=c"), ("ro.empty", ""), ("ro.a", "later")];
        assert_eq!(entries, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn only_roots_of_partitions_hold_property_files() {
        for path in ["/build.prop", "/my_product/build.prop", "/my_product/etc/build.prop", "/x/etc/prop.default"] {
            assert!(is_partition_file(path), "{path}");
        }
        for path in ["/system/app/x/build.prop", "/system/build.prop.bak", "/system/etc/x/build.prop"] {
            assert!(!is_partition_file(path), "{path}");
        }
    }
}
