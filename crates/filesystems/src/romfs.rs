//! romfs, the simplest file system there is: headers in chains, each followed by its contents. Met in recovery images and
//! small devices. Written from the Linux kernel's "ROMFS - ROM File System". Numbers are big-endian.

use std::{collections::BTreeSet, sync::Arc};

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{
    Attributes, EntryKind, Format, Problem, Tree,
    contents::Store,
    runs::Runs,
    walk::{self, FileType, Found, Listing, NAME_LEN_MAX, link_target},
};

/// romfs.
pub const FORMAT: Format = Format {
    name: "romfs",
    probe,
    read,
    references: &[
        "Linux kernel documentation, \"ROMFS - ROM File System\": https://docs.kernel.org/filesystems/romfs.html",
    ],
    limitations: &[
        "Owners, modes and attributes are not stored; whether a file is executable is, and is not told.",
        "Of the checksums that of the beginning is compared, not those of the headers.",
    ],
};

const MAGIC: &[u8] = b"-rom1fs-";
/// Headers and contents start at multiples of this, and names are filled up to it.
const ALIGNMENT: u64 = 16;
/// So much of the beginning has a checksum.
const SUMMED_LEN: u64 = 512;
/// The lowest bits of where the next header is say what this one is.
const TYPE_BITS: u32 = 7;
const OFFSET_BITS: u32 = !15;
const HARD_LINK: u32 = 0;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    let head = source.array::<16>(0, "superblock")?;
    if !head.starts_with(MAGIC) {
        return Err(Error::corrupt("magic", 0));
    }
    let len = u64::from(be32(&mut Cursor::at(&head, 8, "full size")?, "full size")?);
    let mut summed = vec![0; usize::try_from(len.min(SUMMED_LEN)).unwrap_or(0)];
    source.read(0, &mut summed, "superblock")?;
    let words = summed.as_chunks::<4>().0.iter();
    let sum = words.fold(0_u32, |sum, &word| sum.wrapping_add(u32::from_be_bytes(word)));
    let root = name(source, ALIGNMENT)?.1;
    let store = Store::new(source.clone());
    let mut volume = Volume { source: source.clone(), budget: budget.clone(), store, root };
    let mut tree = walk::walk(&mut volume);
    if sum != 0 {
        tree.problems.insert(0, Problem { path: Vec::new(), error: Error::checksum("checksum", 12) });
    }
    Ok(tree)
}

fn be32(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u32> {
    cursor.array(what).map(u32::from_be_bytes)
}

/// The name at `offset`, and where it ends together with what fills it up.
fn name(source: &ByteSource, offset: u64) -> Result<(Vec<u8>, u64)> {
    let mut name = Vec::new();
    let mut at = offset;
    while name.len() <= NAME_LEN_MAX {
        let part = source.array::<{ ALIGNMENT as usize }>(at, "name")?;
        at = at.saturating_add(ALIGNMENT);
        let end = part.iter().position(|&byte| byte == 0);
        name.extend(part.iter().take(end.unwrap_or(part.len())));
        if end.is_some() {
            return Ok((name, at));
        }
    }
    Err(Error::corrupt("name", offset))
}

struct Volume {
    source: ByteSource,
    budget: Budget,
    store: Arc<Store>,
    root: u64,
}

/// A header. Its number is where it stands.
struct Header {
    offset: u64,
    kind: u32,
    /// Where the next header of the folder stands, or zero.
    next: u64,
    /// The first header of a folder, the header that a hard link means.
    info: u64,
    size: u64,
    name: Vec<u8>,
    data: u64,
}

impl Volume {
    fn header(&self, offset: u64) -> Result<Header> {
        self.budget.spend_nodes(1, "file header", offset)?;
        let bytes = self.source.array::<16>(offset, "file header")?;
        let mut cursor = Cursor::new(&bytes, offset);
        let next = be32(&mut cursor, "next filehdr")?;
        let info = be32(&mut cursor, "spec.info")?;
        let size = u64::from(be32(&mut cursor, "size")?);
        let (name, data) = name(&self.source, offset.saturating_add(ALIGNMENT))?;
        let (next, kind) = (u64::from(next & OFFSET_BITS), next & TYPE_BITS);
        Ok(Header { offset, kind, next, info: u64::from(info & OFFSET_BITS), size, name, data })
    }

    fn names(&self, folder: &Header, listing: &mut Listing) -> Result<()> {
        let mut seen = BTreeSet::new();
        let (mut at, mut named_at) = (folder.info, folder.offset.saturating_add(4));
        while at != 0 {
            if !seen.insert(at) {
                return Err(Error::corrupt("next filehdr", named_at));
            }
            let header = self.header(at)?;
            let number = if header.kind == HARD_LINK { header.info } else { at };
            listing.add(&self.budget, &header.name, number, at, at.saturating_add(ALIGNMENT))?;
            (at, named_at) = (header.next, at);
        }
        Ok(())
    }
}

fn file_type(header: &Header) -> Option<FileType> {
    match header.kind {
        1 => Some(FileType::Directory),
        2 => Some(FileType::Regular),
        3 => Some(FileType::Symlink),
        4..=7 => Some(FileType::Special),
        _ => None,
    }
}

impl walk::Volume for Volume {
    type Inode = Header;

    fn root(&self) -> (u64, u64) {
        (self.root, 0)
    }

    fn inode(&mut self, number: u64, named_at: u64) -> Result<Header> {
        let header = self.header(number)?;
        // A hard link to a hard link means nothing.
        if header.kind == HARD_LINK { Err(Error::corrupt("hard link", named_at)) } else { Ok(header) }
    }

    fn examine(&mut self, header: &Header) -> Found {
        let mut errors = Vec::new();
        let contents = || {
            let mut runs = Runs::new(&self.source, &self.budget, header.size);
            let mapped = runs.stored(0, header.data, header.size);
            runs.into_source(&self.store, mapped)
        };
        let kind = match file_type(header) {
            Some(FileType::Directory) => EntryKind::Directory,
            Some(FileType::Regular) => {
                let (source, error) = contents();
                errors.extend(error);
                EntryKind::File(source)
            }
            Some(FileType::Symlink) => EntryKind::Symlink(
                link_target(header.size, header.offset.saturating_add(8), contents).unwrap_or_else(|error| {
                    errors.push(error);
                    Vec::new()
                }),
            ),
            _ => EntryKind::Special,
        };
        Found { kind, attributes: Attributes::default(), errors, has_other_names: false, is_listable: true }
    }

    fn list(&mut self, header: &Header) -> Listing {
        let mut listing = Listing::default();
        if let Err(error) = self.names(header, &mut listing) {
            listing.errors.push(error);
        }
        listing
    }
}
