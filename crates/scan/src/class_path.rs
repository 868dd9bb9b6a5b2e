//! The boot class path of an image: what explains instructions that were quickened against it.
//!
//! Needed for code compiled for Android up to 6. An optimised Dalvik file lists the files it was optimised against; later
//! code was compiled against the boot image.

use std::sync::OnceLock;

use bytes::{Budget, Limits};
use code::{InputFile, Program};
use packages::{CodeFile, Package};

use crate::reuse;

/// The files of the class path, read when an app first needs them.
pub(crate) struct ClassPath {
    files: Vec<InputFile>,
    program: OnceLock<Program>,
}

impl ClassPath {
    /// Finds the class path among the code of all packages.
    pub(crate) fn of(packages: &[Package]) -> Self {
        let code_files: Vec<&CodeFile> = packages.iter().flat_map(|package| &package.code_files).collect();
        // Apps list all of it; files of the class path itself list what was before them.
        let mut listed: Vec<String> = Vec::new();
        for file in &code_files {
            let list = code::dalvik_class_path(&file.source);
            if list.len() > listed.len() {
                listed = list;
            }
        }
        let found: Vec<&CodeFile> = if listed.is_empty() {
            code_files.iter().copied().filter(|file| file.path.ends_with("/boot.oat")).collect()
        } else {
            let stems = listed.iter().map(|path| stem(path));
            stems.flat_map(|stem| code_files.iter().copied().filter(move |file| is_of(file, &stem))).collect()
        };
        let input = |file: &CodeFile| InputFile { path: file.path.clone(), source: file.source.clone() };
        Self { files: found.into_iter().map(input).collect(), program: OnceLock::new() }
    }

    /// The classes.
    pub(crate) fn program(&self) -> &Program {
        self.program.get_or_init(|| Program::build(&self.files, &Budget::new(Limits::FIRMWARE)))
    }

    /// What results of apps depend on: the contents of all files. `None` if one cannot be read.
    pub(crate) fn digest(&self) -> Option<Vec<u8>> {
        let mut digests = Vec::new();
        for file in &self.files {
            digests.extend(reuse::digest(&file.source)?);
        }
        Some(digests)
    }
}

/// Path up to the last dot; of a file in the cache of a device that of the jar it was made from.
fn stem(path: &str) -> String {
    const CACHE: &str = "/data/dalvik-cache/";
    let path = match path.strip_prefix(CACHE) {
        Some(name) => format!("/{}", name.strip_suffix("@classes.dex").unwrap_or(name).replace('@', "/")),
        None => path.to_owned(),
    };
    path.rsplit_once('.').map_or_else(|| path.clone(), |(stem, _)| stem.to_owned())
}

fn is_of(file: &CodeFile, stem: &str) -> bool {
    file.path.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_cache_stands_for_its_jar() {
        assert_eq!(stem("/system/framework/core.odex"), "/system/framework/core");
        assert_eq!(stem("/data/dalvik-cache/system@framework@core.jar@classes.dex"), "/system/framework/core");
    }
}
