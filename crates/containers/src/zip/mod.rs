//! ZIP archives. Met as OTA packages, factory and fastboot packages, APK and JAR files. Written from PKWARE's
//! APPNOTE.TXT 6.3.10 and, where hostile archives make a choice necessary, from the behaviour of the platform's reader
//! (libziparchive): the central directory decides, local headers only tell where the data starts.

mod directory;
mod end_record;
mod member;

use bytes::{Budget, ByteSource, Error, Result};

use crate::{Child, Format, Opened, Problem};

pub use member::Member;

/// ZIP as a container.
pub static FORMAT: Format = Format {
    name: "zip",
    probe,
    open,
    references: &["PKWARE APPNOTE.TXT 6.3.10", "Android libziparchive, zip_archive.cc"],
    limitations: &[
        "compression methods other than stored and deflate are reported, not read",
        "encrypted members are reported, not read",
        "checksums of stored members are not verified, as the platform does not",
        "archives in several volumes are not read",
    ],
};

/// Mark of a local file header.
const LOCAL_HEADER_MARK: &[u8] = b"PK\x03\x04";

/// A ZIP archive: its members and where its parts are.
#[derive(Debug)]
pub struct Archive {
    /// Readable members in the order of the central directory; duplicates are kept.
    pub members: Vec<Member>,
    /// Members that cannot be read, and contradictions.
    pub problems: Vec<Problem>,
    /// Where the central directory starts. An APK Signing Block ends here.
    pub central_directory_offset: u64,
    /// Where the end of central directory record starts (not that of ZIP64).
    pub end_record_offset: u64,
    /// Indices of `members`, sorted by name, then by index.
    by_name: Vec<usize>,
}

impl Archive {
    /// Reads the central directory and the place of every member. Contents stay unread.
    ///
    /// The declared length of every packed member is spent from the budget here, once; reading them later spends
    /// nothing.
    pub fn read(source: &ByteSource, budget: &Budget) -> Result<Self> {
        let end = end_record::find(source)?;
        let (records, mut problems) = directory::read(source, &end, budget)?;
        let members = member::place(source, records, &end, budget, &mut problems);
        let mut by_name: Vec<usize> = (0..members.len()).collect();
        by_name.sort_by(|a, b| name_at(&members, *a).cmp(name_at(&members, *b)));
        Ok(Self {
            members,
            problems,
            central_directory_offset: end.directory_offset,
            end_record_offset: end.offset,
            by_name,
        })
    }

    /// The first member of this name.
    #[must_use]
    pub fn member(&self, name: &[u8]) -> Option<&Member> {
        self.members_named(name).next()
    }

    /// Every member of this name, in the order of the central directory.
    pub fn members_named<'a>(&'a self, name: &[u8]) -> impl Iterator<Item = &'a Member> + use<'a> {
        let start = self.by_name.partition_point(|&index| name_at(&self.members, index) < name);
        let end = self.by_name.partition_point(|&index| name_at(&self.members, index) <= name);
        self.by_name.get(start..end).unwrap_or_default().iter().filter_map(|&index| self.members.get(index))
    }

    /// Why the member of this name cannot be read, if it is there but unreadable.
    #[must_use]
    pub fn problem(&self, name: &[u8]) -> Option<Error> {
        self.problems.iter().find(|problem| problem.name == name).map(|problem| problem.error)
    }
}

fn name_at(members: &[Member], index: usize) -> &[u8] {
    members.get(index).map(|member| member.name.as_slice()).unwrap_or_default()
}

fn probe(source: &ByteSource) -> bool {
    source.has(0, LOCAL_HEADER_MARK) || end_record::find(source).is_ok()
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let archive = Archive::read(source, budget)?;
    let children = archive.members.into_iter();
    let children =
        children.map(|member| Child { name: member.name, source: member.source, mode: member.unix_mode }).collect();
    Ok(Opened { children, problems: archive.problems })
}
