//! Where a partition is mounted on the device, by the name of its image or folder.
//!
//! Names as in the fstab files and BoardConfig variables of the Android Open Source Project, and the additional
//! partitions that makers use to hold apps.

use crate::names::{below, first_component, shown};

/// Partitions whose folder or image is recognised by name; each is mounted at `/<name>`.
const PARTITIONS: &[&str] = &[
    "system",
    "vendor",
    "product",
    "system_ext",
    "odm",
    "oem",
    "data",
    "cache",
    "cust",
    "custom",
    "preload",
    "carrier",
    "operator",
    "factory",
    "system_other",
    "vendor_dlkm",
    "odm_dlkm",
    "system_dlkm",
    "prism",
    "optics",
    "omr",
    "hw_product",
    "hw_odm",
    "version",
    "preas",
    "preavs",
    "my_product",
    "my_engineering",
    "my_company",
    "my_carrier",
    "my_region",
    "my_stock",
    "my_heytap",
    "my_bigball",
    "my_manifest",
    "my_preload",
    "mi_ext",
    "special_preload",
    "hidden",
    "reserve",
    "tr_product",
    "tr_region",
    "tr_carrier",
    "tr_company",
    "tr_mi",
    "tr_preload",
    "tr_theme",
];

/// Other names of the same partitions.
const ALIASES: &[(&str, &str)] = &[("userdata", "data"), ("system_root", "system"), ("systemimage", "system")];

/// What image names end with. Removed repeatedly, so `system.img.ext4` and `system-sign.img` become `system`.
const ENDINGS: &[&str] = &[
    ".img",
    ".image",
    ".ext4",
    ".ext2",
    ".raw",
    ".simg",
    ".bin",
    ".sparse",
    ".fex",
    ".new.dat",
    ".lz4",
    ".gz",
    ".xz",
    ".lzma",
    ".bz2",
    ".zst",
    ".lzo",
    ".br",
    ".mbn",
    "_raw",
    "-sign",
    "-signed",
    "-verified",
];

/// Images that hold ramdisks.
const IMAGES_WITH_RAMDISK: &[&str] = &["boot", "recovery", "init_boot", "vendor_boot"];
/// What unpackers of such images call the folder.
const RAMDISK: &[u8] = b"ramdisk";

/// The partition of this folder name, if it is one.
pub(crate) fn by_folder(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_suffix("_a").unwrap_or(&lower);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, partition)| *partition);
    alias.or_else(|| PARTITIONS.iter().copied().find(|partition| *partition == plain))
}

/// What the name of an image says: its partition if it is a known one, and the name without endings otherwise.
pub(crate) fn by_image(name: &str) -> ImageName {
    let mut stem = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)).filter(|s| !s.is_empty()) {
        stem = shorter.to_owned();
    }
    match by_folder(&stem) {
        Some(partition) => ImageName::Partition(partition),
        None => ImageName::Other(stem),
    }
}

/// The name under which an image is kept as the older one of an update: that of its partition, without endings and slot.
pub(crate) fn base_name(name: &str) -> String {
    match by_image(name) {
        ImageName::Partition(partition) => partition.to_owned(),
        ImageName::Other(stem) => stem.strip_suffix("_a").map_or(stem.clone(), ToOwned::to_owned),
    }
}

/// The folder of an unpacked ramdisk that `path` of a dump is in, and the image that it was packed in: dump tools leave
/// `boot/ramdisk` beside the folders of the partitions. A ramdisk without an image's name around it keeps its own.
pub(crate) fn ramdisk_folder(path: &[u8]) -> Option<(Vec<u8>, String)> {
    let first = first_component(path);
    let inner = below(path, first)?;
    if first == RAMDISK {
        return Some((first.to_vec(), shown(first)));
    }
    let image = base_name(&shown(first));
    let is_ramdisk = first_component(inner) == RAMDISK && inner.len() > RAMDISK.len();
    (is_ramdisk && IMAGES_WITH_RAMDISK.contains(&image.as_str())).then(|| ([first, RAMDISK].join(&b'/'), image))
}

/// What the name of an image says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImageName {
    /// A known partition.
    Partition(&'static str),
    /// Some other name, without endings.
    Other(String),
}

/// Whether a file of this name is likely an image or a container, so that not reading it must be told.
pub(crate) fn looks_like_image(name: &str) -> bool {
    const IMAGE_ENDINGS: &[&str] = &[
        ".img", ".image", ".bin", ".ext4", ".simg", ".sparse", ".dat", ".br", ".lz4", ".xz", ".lzma", ".gz", ".bz2",
        ".zst", ".tar", ".tgz", ".md5", ".7z", ".rar", ".zip", ".pac", ".ozip", ".ofp", ".ops", ".kdz", ".dz", ".app",
        ".nb0", ".sin", ".fex", ".ftf", ".cpb", ".mbn", ".elf", ".raw", ".ubi", ".apex", ".capex",
    ];
    let lower = name.to_ascii_lowercase();
    IMAGE_ENDINGS.iter().any(|ending| lower.ends_with(ending)) || lower.contains(".img")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_lead_to_partitions() {
        let cases = [
            ("system.img", "system"),
            ("images/system.img.ext4", "system"),
            ("system_a.img", "system"),
            ("vendor-sign.img", "vendor"),
            ("userdata.img", "data"),
            ("SYSTEM.IMG", "system"),
            ("system.fex", "system"),
            ("system_ext.raw.img", "system_ext"),
        ];
        for (name, partition) in cases {
            assert_eq!(by_image(name), ImageName::Partition(partition), "{name}");
        }
        assert_eq!(by_image("modem.img"), ImageName::Other("modem".to_owned()));
        assert_eq!(by_image(".img"), ImageName::Other(".img".to_owned()));
    }

    #[test]
    fn folders_of_ramdisks_are_told_from_others() {
        let told = |path: &[u8]| ramdisk_folder(path).map(|(folder, image)| (shown(&folder), image));
        let some = |folder: &str, image: &str| Some((folder.to_owned(), image.to_owned()));
        assert_eq!(told(b"boot/ramdisk/init.rc"), some("boot/ramdisk", "boot"));
        assert_eq!(told(b"recovery.img/ramdisk/sbin/x"), some("recovery.img/ramdisk", "recovery"));
        assert_eq!(told(b"ramdisk/init.rc"), some("ramdisk", "ramdisk"));
        for other in [&b"ramdisk"[..], b"boot/ramdisk", b"boot/kernel", b"docs/ramdisk/init.rc", b"boot/x/ramdisk/y"] {
            assert_eq!(told(other), None, "{}", shown(other));
        }
    }
}
