//! Golden images: `fixtures/filesystems/<format>/<case>/image.gz`, built by `fixtures/filesystems/build.sh`.

#![allow(dead_code, reason = "not every test file needs everything")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

pub(crate) mod listing;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use filesystems::{FORMATS, Format};

/// One golden image.
pub(crate) struct Fixture {
    /// `<format>/<case>`.
    pub(crate) name: String,
    /// The format that must read it.
    pub(crate) format: &'static Format,
    /// The image.
    pub(crate) image: Vec<u8>,
    /// The listing of an independent reader.
    pub(crate) expected: String,
}

/// The folder of the golden images.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/filesystems")
}

/// The folders in `folder`, by name.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Every golden image of every format.
pub(crate) fn all() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for format_folder in folders(&folder()) {
        let format_name = name_of(&format_folder);
        let format = FORMATS.iter().copied().find(|format| format.name == format_name);
        let format = format.unwrap_or_else(|| panic!("no registered format reads the fixtures of {format_name}"));
        for case in folders(&format_folder) {
            fixtures.push(Fixture {
                name: format!("{format_name}/{}", name_of(&case)),
                format,
                image: unpack(&case.join("image.gz")),
                expected: fs::read_to_string(case.join("expected.txt")).unwrap(),
            });
        }
    }
    fixtures
}

/// The image of one case.
pub(crate) fn image(name: &str) -> Vec<u8> {
    unpack(&folder().join(name).join("image.gz"))
}

fn unpack(path: &Path) -> Vec<u8> {
    #[allow(clippy::disallowed_methods, reason = "fixtures are our own and small")]
    let packed = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut image = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut image).unwrap();
    image
}
