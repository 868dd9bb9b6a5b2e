//! Where a partition is mounted on the device, by the name of its image or folder.
//!
//! Names as in the fstab files and BoardConfig variables of the Android Open Source Project, and the additional
//! partitions that makers use to hold apps.

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
}
