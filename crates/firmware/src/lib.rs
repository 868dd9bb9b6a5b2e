//! From an input to a described firmware: every file with its place on the device, the device's identity, and one
//! line of coverage for every node.

use std::collections::BTreeMap;

use bytes::ByteSource;
pub use filesystems::Attributes;
use findings::Coverage;

/// Everything the walk found out.
#[derive(Debug, Default)]
pub struct Firmware {
    /// Every file and symbolic link, sorted by device path.
    pub files: Vec<FirmwareFile>,
    /// Build properties of every partition, in the order the platform loads them; the first definition of a key wins.
    pub properties: Vec<PropertyFile>,
    /// One line per layer, partition and problem, sorted.
    pub coverage: Vec<Coverage>,
}

/// One file of the device.
#[derive(Debug, Clone)]
pub struct FirmwareFile {
    /// Where it is on the device: `/system/app/Dialer/Dialer.apk`. A loose file is `/<name>`.
    pub path: String,
    /// The layers it was found in, from the outermost: `ota.zip!system.img`. The same file in another packing has
    /// another container and the same path.
    pub container: String,
    /// What it is.
    pub kind: FileKind,
    /// Owner, mode, label and capabilities, as far as known.
    pub attributes: Attributes,
}

/// What a device path leads to.
#[derive(Debug, Clone)]
pub enum FileKind {
    /// Bytes.
    File(ByteSource),
    /// A symbolic link and its target.
    Symlink(String),
    /// The input says the file exists (for instance in its own list of files) but does not hold it.
    Missing,
}

/// The build properties of one file.
#[derive(Debug, Clone, Default)]
pub struct PropertyFile {
    /// Device path of the file.
    pub path: String,
    /// The properties, in file order.
    pub entries: Vec<(String, String)>,
}

impl Firmware {
    /// The value of a build property, as the platform would see it.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        let mut entries = self.properties.iter().flat_map(|file| &file.entries);
        entries.find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Every property, merged.
    #[must_use]
    pub fn merged_properties(&self) -> BTreeMap<&str, &str> {
        let mut merged = BTreeMap::new();
        for (key, value) in self.properties.iter().flat_map(|file| &file.entries) {
            merged.entry(key.as_str()).or_insert(value.as_str());
        }
        merged
    }
}
