//! Where the sections of a VDEX file are, by version.

use std::ops::Range;

use bytes::{ByteSource, Cursor, Error, Result};

/// How the file keeps what its compiler remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For each method with code in the order of the files: length, pairs of address and index.
    InOrder,
    /// Tables by offset of the code item, indices in the order of the instructions.
    ByCodeItem,
    /// A table by index of the method, indices in the order of the instructions.
    ByMethod,
    /// Not at all: nothing is rewritten.
    Nothing,
}

/// What differs from version to version.
#[derive(Debug)]
pub(super) struct Version {
    /// The number in the magic.
    number: u64,
    /// Where its sections are.
    sections: Sections,
    pub(super) form: Form,
    /// Whether access flags of the boot class path carry marks.
    pub(super) marked: bool,
}

#[derive(Debug, Clone, Copy)]
enum Sections {
    /// One header of six words; the DEX files, the dependencies and the kept indices follow.
    One,
    /// A header of this many bytes, the checksums, a second header with the sizes; the DEX files, the data they share, the
    /// dependencies and the kept indices follow.
    Two(u64),
    /// A table of sections.
    Table,
}

/// Every version that a release of the platform wrote; a new one is a new row.
static VERSIONS: [Version; 5] = [
    // Android 8.0 and 8.1.
    Version { number: 6, sections: Sections::One, form: Form::InOrder, marked: false },
    Version { number: 10, sections: Sections::One, form: Form::ByCodeItem, marked: false },
    // Android 9; 10 and 11.
    Version { number: 19, sections: Sections::Two(20), form: Form::ByMethod, marked: true },
    Version { number: 21, sections: Sections::Two(28), form: Form::ByMethod, marked: false },
    // Android 12 and later.
    Version { number: 27, sections: Sections::Table, form: Form::Nothing, marked: false },
];

/// The magic and the version.
const MAGIC_BYTES: u64 = 8;
/// The mark of a file with DEX files, in the versions that have two headers; the other one is `000`.
const WITH_DEX_FILES: [u8; 4] = *b"002\0";
const WITHOUT_DEX_FILES: [u8; 4] = *b"000\0";
/// More sections than any version has.
const MAX_SECTIONS: u32 = 64;
/// The kind of the section with checksums, and of the one with DEX files.
const CHECKSUMS: u32 = 0;
const DEX_FILES: u32 = 1;

/// Where everything is.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) version: &'static Version,
    /// How many DEX files the header counts.
    pub(super) count: u32,
    /// The DEX files.
    pub(super) dex: Range<u64>,
    /// What is kept about quickened instructions.
    pub(super) kept: Range<u64>,
}

/// Reads the header.
pub(super) fn read(source: &ByteSource) -> Result<Layout> {
    let [m0, m1, m2, m3, digits @ .., end] = source.array::<8>(0, "vdex magic")?;
    if [m0, m1, m2, m3] != super::MAGIC || end != 0 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::corrupt("vdex magic", 0));
    }
    // Three decimal digits.
    let number = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    let version = VERSIONS.iter().find(|version| version.number == number);
    let version = version.ok_or(Error::unsupported("vdex version", 4, number))?;
    match version.sections {
        Sections::One => one(source, version),
        Sections::Two(header_bytes) => two(source, version, header_bytes),
        Sections::Table => table(source, version),
    }
}

fn one(source: &ByteSource, version: &'static Version) -> Result<Layout> {
    let words = source.array::<16>(MAGIC_BYTES, "vdex header")?;
    let mut cursor = Cursor::new(&words, MAGIC_BYTES);
    let count = cursor.u32_le("number_of_dex_files")?;
    let dex_size = cursor.u32_le("dex_size")?;
    let dependencies = cursor.u32_le("verifier_deps_size")?;
    let kept_size = cursor.u32_le("quickening_info_size")?;
    let dex_start = cursor.offset().saturating_add(u64::from(count).saturating_mul(4));
    let dex = dex_start..dex_start.saturating_add(dex_size.into());
    let kept_start = dex.end.saturating_add(dependencies.into());
    Ok(Layout { version, count, dex, kept: kept_start..kept_start.saturating_add(kept_size.into()) })
}

fn two(source: &ByteSource, version: &'static Version, header_bytes: u64) -> Result<Layout> {
    let words = source.array::<12>(MAGIC_BYTES, "vdex header")?;
    let mut cursor = Cursor::new(&words, MAGIC_BYTES);
    let mark = cursor.array::<4>("dex_section_version")?;
    let count = cursor.u32_le("number_of_dex_files")?;
    let dependencies = cursor.u32_le("verifier_deps_size")?;
    let sizes_at = header_bytes.saturating_add(u64::from(count).saturating_mul(4));
    if mark == WITHOUT_DEX_FILES {
        return Ok(Layout { version, count: 0, dex: sizes_at..sizes_at, kept: 0..0 });
    }
    if mark != WITH_DEX_FILES {
        return Err(Error::corrupt("dex_section_version", MAGIC_BYTES));
    }
    let words = source.array::<12>(sizes_at, "vdex dex section header")?;
    let mut cursor = Cursor::new(&words, sizes_at);
    let dex_size = cursor.u32_le("dex_size")?;
    let shared = cursor.u32_le("dex_shared_data_size")?;
    let kept_size = cursor.u32_le("quickening_info_size")?;
    let dex = cursor.offset()..cursor.offset().saturating_add(dex_size.into());
    let kept_start = dex.end.saturating_add(shared.into()).saturating_add(dependencies.into());
    Ok(Layout { version, count, dex, kept: kept_start..kept_start.saturating_add(kept_size.into()) })
}

fn table(source: &ByteSource, version: &'static Version) -> Result<Layout> {
    let sections = u32::from_le_bytes(source.array(MAGIC_BYTES, "number_of_sections")?);
    if sections > MAX_SECTIONS {
        return Err(Error::corrupt("number_of_sections", MAGIC_BYTES));
    }
    let mut layout = Layout { version, count: 0, dex: 0..0, kept: 0..0 };
    let mut at = MAGIC_BYTES.saturating_add(4);
    for _ in 0..sections {
        let entry = source.array::<12>(at, "vdex section")?;
        let mut cursor = Cursor::new(&entry, at);
        let kind = cursor.u32_le("section_kind")?;
        let offset = cursor.u32_le("section_offset")?;
        let size = cursor.u32_le("section_size")?;
        match kind {
            CHECKSUMS => layout.count = size / 4,
            DEX_FILES if size > 0 => layout.dex = offset.into()..u64::from(offset).saturating_add(size.into()),
            _ => {}
        }
        at = cursor.offset();
    }
    if layout.dex.is_empty() {
        layout.count = 0;
    }
    Ok(layout)
}

impl Version {
    /// Bytes in front of each DEX file.
    pub(super) const fn preheader_bytes(&self) -> u64 {
        match self.sections {
            Sections::Two(_) => 4,
            Sections::One | Sections::Table => 0,
        }
    }
}
