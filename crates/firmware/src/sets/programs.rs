//! Descriptions in XML whose elements name a file and where it goes: `rawprogram*.xml` of Qualcomm packages (`<program>`, with
//! sectors) and `flashfile.xml` or `servicefile.xml` of fastboot packages (`<step operation="flash">`). Written from the files themselves
//! and from the device programmer's documentation of their attributes.

use std::collections::BTreeMap;

use bytes::{Budget, Error, Result};
use containers::FileSet;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{Part, PartFile};

/// Lists of what goes to which sectors.
pub(crate) static RAWPROGRAM: FileSet = FileSet {
    name: "rawprogram",
    what: "An XML file with `<program>` elements that name a file, a partition and sectors (`rawprogram0.xml`): files of one partition, also sparse \
           ones, are put together at the places they are given; what is named and not there is missing, not empty.",
    references: &["rawprogram files, and the documentation of their attributes that comes with the device programmer"],
    limitations: &[
        "patches of partition tables (`patch0.xml`) are not carried out",
        "places that count from the end of the medium, which hold tables, are left out",
    ],
};

/// Lists of what is flashed.
pub(crate) static FLASHFILE: FileSet = FileSet {
    name: "flashfile",
    what: "An XML file with `<step operation=\"flash\">` elements that name a file and a partition (`flashfile.xml`, `servicefile.xml`): the files, \
           also sparse chunks of one partition, are its image.",
    references: &["flash files of fastboot packages"],
    limitations: &["digests of the files are not compared"],
};

/// Longest sector that is believed.
const SECTOR_LEN_MAX: u64 = 1 << 20;
/// How much of a file is looked at to recognise it.
const HEAD_LEN: usize = 64 << 10;

/// What the description is called, if it is one of these.
pub(super) fn kind(bytes: &[u8]) -> Option<&'static FileSet> {
    let head = bytes.get(..HEAD_LEN).unwrap_or(bytes);
    let holds = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    if holds(b"<program") && holds(b"start_sector") {
        Some(&RAWPROGRAM)
    } else if holds(b"<step") && holds(b"operation") && holds(b"partition") {
        Some(&FLASHFILE)
    } else {
        None
    }
}

/// The partitions with their files, in the order of the description.
pub(super) fn parse(bytes: &[u8], budget: &Budget) -> Result<Vec<Part>> {
    let mut reader = Reader::from_reader(bytes);
    // End tags are not compared: their names would be kept for every open element.
    reader.config_mut().check_end_names = false;
    let mut parts: Vec<Part> = Vec::new();
    let mut numbers: BTreeMap<(String, String), usize> = BTreeMap::new();
    loop {
        budget.spend_nodes(1, "description", reader.buffer_position())?;
        let (medium, partition, file) = match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => match element.name().as_ref() {
                b"program" => match program(&element) {
                    Some(found) => found,
                    None => continue,
                },
                b"step" => match step(&element) {
                    Some(found) => found,
                    None => continue,
                },
                _ => continue,
            },
            Ok(Event::Eof) => return Ok(parts),
            Ok(_) => continue,
            Err(_) => return Err(Error::corrupt("XML", reader.error_position())),
        };
        let number = *numbers.entry((medium, partition.clone())).or_insert(parts.len());
        match parts.get_mut(number) {
            Some(part) => part.files.push(file),
            None => parts.push(Part { partition, files: vec![file] }),
        }
    }
}

/// `<program filename= label= start_sector= ...>`. Places that count from the end of the medium hold tables, not files.
fn program(element: &BytesStart<'_>) -> Option<(String, String, PartFile)> {
    let number = |name| attribute(element, name).and_then(|value| value.trim().parse::<u64>().ok());
    let name = attribute(element, b"filename").filter(|name| !name.is_empty())?;
    let label = attribute(element, b"label").filter(|label| !label.is_empty())?;
    let sector_len = number(b"SECTOR_SIZE_IN_BYTES").filter(|&len| len > 0 && len <= SECTOR_LEN_MAX)?;
    let bytes = |sectors: u64| sectors.checked_mul(sector_len);
    let offset = bytes(number(b"start_sector")?)?;
    let skip = bytes(number(b"file_sector_offset").unwrap_or(0))?;
    // No sectors: as many as the file has.
    let len = number(b"num_partition_sectors").filter(|&sectors| sectors > 0).and_then(bytes);
    // Phones with UFS have several media, each with tables of the same labels.
    let medium = attribute(element, b"physical_partition_number").unwrap_or_default();
    Some((medium, label, PartFile { name, offset, skip, len }))
}

/// `<step operation="flash" partition= filename=>`.
fn step(element: &BytesStart<'_>) -> Option<(String, String, PartFile)> {
    let operation = attribute(element, b"operation")?;
    let name = attribute(element, b"filename").filter(|name| !name.is_empty())?;
    let partition = attribute(element, b"partition").filter(|partition| !partition.is_empty())?;
    operation
        .eq_ignore_ascii_case("flash")
        .then(|| (String::new(), partition, PartFile { name, ..PartFile::default() }))
}

fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let mut attributes = element.attributes();
    let is_it = |key: &[u8]| key.eq_ignore_ascii_case(name);
    let found = attributes.with_checks(false).flatten().find(|attribute| is_it(attribute.key.as_ref()))?;
    Some(found.unescape_value().ok()?.into_owned())
}
