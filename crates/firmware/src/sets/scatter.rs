//! Scatter files. Three forms: `NAME 0xADDRESS { }` for chips up to 2012, then a list of `key: value` lines, and for recent chips the same
//! keys as XML elements. Written from the files themselves and SP Flash Tool's documentation of their keys.

use bytes::{Budget, Result};
use containers::FileSet;

use super::{Part, PartFile, text};

/// Scatter files as a description of a package.
pub(crate) static SET: FileSet = FileSet {
    name: "scatter",
    what: "A text or XML file whose entries have `partition_name`, `file_name` and `is_download`, or regions with addresses as on chips up to \
           2012: the files that it names, beside it, are the images of these partitions, whatever they are called.",
    references: &["scatter files, and the documentation of their keys that comes with SP Flash Tool"],
    limitations: &[
        "of the oldest form, which names no files, the regions of system and userdata are taken",
        "addresses and lengths of partitions are not compared with the files",
        "checksums that lie beside the images are not compared",
    ],
};

/// Names in the first form, which names no files: regions that hold files of the device, and the image that goes there.
const OLD_REGIONS: &[(&str, &str, &str)] =
    &[("ANDROID", "system", "system.img"), ("USRDATA", "userdata", "userdata.img")];
/// How much of a file is looked at to recognise it.
const HEAD_LEN: usize = 64 << 10;

/// Whether the text is a scatter file.
pub(super) fn is_scatter(bytes: &[u8]) -> bool {
    let head = bytes.get(..HEAD_LEN).unwrap_or(bytes);
    let holds = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    if holds(b"partition_name") && holds(b"file_name") && holds(b"is_download") {
        return true;
    }
    let text = String::from_utf8_lossy(head);
    text.lines().filter_map(old_region).take(3).count() == 3
}

/// The partitions that are to be downloaded, with their files.
pub(super) fn parse(bytes: &[u8], budget: &Budget) -> Result<Vec<Part>> {
    let text = text(bytes, budget, "scatter file")?;
    let mut parts = Vec::new();
    let mut fields = Fields::default();
    let mut is_old = true;
    for (number, line) in text.lines().enumerate() {
        budget.spend_nodes(1, "scatter file", number as u64)?;
        let Some((key, value)) = field(line) else { continue };
        is_old = false;
        match key {
            // Each of these begins a new partition.
            "partition_index" => parts.extend(std::mem::take(&mut fields).part()),
            "partition_name" => {
                if !fields.partition.is_empty() {
                    parts.extend(std::mem::take(&mut fields).part());
                }
                value.clone_into(&mut fields.partition);
            }
            "file_name" => value.clone_into(&mut fields.file),
            "is_download" => fields.is_download = value.eq_ignore_ascii_case("true"),
            _ => {}
        }
    }
    parts.extend(fields.part());
    if is_old {
        parts.extend(text.lines().filter_map(old_region).filter_map(old_part));
    }
    Ok(parts)
}

#[derive(Default)]
struct Fields {
    partition: String,
    file: String,
    is_download: bool,
}

impl Fields {
    fn part(self) -> Option<Part> {
        let has_file = self.is_download && !self.file.is_empty() && !self.file.eq_ignore_ascii_case("none");
        (has_file && !self.partition.is_empty()).then(|| one(self.partition, self.file))
    }
}

fn one(partition: String, file: String) -> Part {
    Part { partition, files: vec![PartFile { name: file, ..PartFile::default() }] }
}

/// `key: value`, or `<key>value</key>`.
fn field(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().trim_start_matches("- ").trim_start();
    if let Some(element) = line.strip_prefix('<') {
        let (key, rest) = element.split_once('>')?;
        let key = key.split_whitespace().next()?;
        let value = rest.split_once("</").map_or("", |(value, _)| value);
        return (!key.starts_with(['/', '?', '!'])).then_some((key, value.trim()));
    }
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_key.then_some((key, value.trim()))
}

/// Name of a region of the first form: `ANDROID 0x4680000`.
fn old_region(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let (name, address) = (words.next()?, words.next()?);
    let digits = address.strip_prefix("0x").or_else(|| address.strip_prefix("0X"))?;
    let is_region = words.next().is_none_or(|word| word == "{")
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_region.then_some(name)
}

fn old_part(region: &str) -> Option<Part> {
    let (_, partition, file) = OLD_REGIONS.iter().find(|(name, ..)| *name == region)?;
    Some(one((*partition).to_owned(), (*file).to_owned()))
}

#[cfg(test)]
mod tests {
    use bytes::Limits;

    use super::*;

    fn parts(text: &str) -> Vec<(String, String)> {
        assert!(is_scatter(text.as_bytes()), "{text}");
        let parts = parse(text.as_bytes(), &Budget::new(Limits::FILE)).unwrap_or_default();
        let file = |part: &Part| part.files.first().map(|file| file.name.clone()).unwrap_or_default();
        parts.iter().map(|part| (part.partition.clone(), file(part))).collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(partition, file)| ((*partition).to_owned(), (*file).to_owned())).collect()
    }

    #[test]
    fn the_list_form_gives_the_partitions_that_are_downloaded() {
        let text = "- general: MTK_PLATFORM_CFG\n  info: \n    - config_version: V1.1.2\n      platform: MT6580\n\
            - partition_index: SYS0\n  partition_name: preloader\n  file_name: preloader_x.bin\n  is_download: true\n\
            - partition_index: SYS1\n  partition_name: nvram\n  file_name: NONE\n  is_download: false\n\
            - partition_index: SYS9\n  partition_name: system\n  file_name: build-7.img\n  is_download: true\n";
        assert_eq!(parts(text), expected(&[("preloader", "preloader_x.bin"), ("system", "build-7.img")]));
    }

    #[test]
    fn the_element_form_gives_the_same() {
        let text = "<?xml version=\"1.0\" ?>\n<root>\n<partition_index name=\"SYS3\">\n\
            <partition_name>super</partition_name>\n<file_name>super.img</file_name>\n<is_download>true</is_download>\n\
            </partition_index>\n<partition_index name=\"SYS4\">\n<partition_name>userdata</partition_name>\n\
            <file_name>NONE</file_name>\n<is_download>false</is_download>\n</partition_index>\n</root>\n";
        assert_eq!(parts(text), expected(&[("super", "super.img")]));
    }

    #[test]
    fn the_first_form_names_regions_and_no_files() {
        let text = "PRELOADER 0x0\n{\n}\nDSP_BL 0x40000\n{\n}\nANDROID 0x4688000\n{\n}\nUSRDATA 0x26080000\n{\n}\n";
        assert_eq!(parts(text), expected(&[("system", "system.img"), ("userdata", "userdata.img")]));
        assert!(!is_scatter(b"ANDROID 0x4688000\nis mentioned here\n"));
    }
}
