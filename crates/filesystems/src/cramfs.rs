//! cramfs, packed and read-only: met in partitions of operators and makers on devices of about 2012. Written from the Linux
//! kernel's "Cramfs - cram a filesystem onto a small ROM" and the structures in `include/uapi/linux/cramfs_fs.h`.
//!
//! Files are packed in blocks of 4 KiB; a table in front of them says where each ends. Folders hold their inodes.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};
use codecs::Method;

use crate::{
    Attributes, EntryKind, Format, Problem, Tree,
    contents::Store,
    record::{Record, to_usize},
    runs::{Packed, Runs},
    walk::{self, FileType, Found, Listing, link_target},
};

/// cramfs.
pub const FORMAT: Format = Format {
    name: "cramfs",
    probe,
    read,
    references: &[
        "Linux kernel documentation, \"Cramfs - cram a filesystem onto a small ROM\": https://docs.kernel.org/filesystems/cramfs.html",
        "Linux kernel, include/uapi/linux/cramfs_fs.h: the structures on disk",
    ],
    limitations: &[
        "Images of big-endian machines, and those with extended block pointers (to run from flash), are named and refused.",
        "The checksum of the image is not compared.",
    ],
};

const MAGIC: u32 = 0x28CD_3D45;
/// The superblock is behind a boot sector, or not.
const OFFSETS: [u64; 2] = [0, 512];
const SUPERBLOCK_LEN: usize = 76;
/// Where the inode of the root stands in the superblock.
const ROOT_AT: u64 = 64;
const INODE_LEN: usize = 12;
const BLOCK_LEN: u64 = 4096;
/// A packed block is never longer than this: the packer gives up before.
const PACKED_LEN_MAX: u64 = 2 * BLOCK_LEN;
/// Block pointers read at once.
const POINTERS_AT_ONCE: u64 = 64;

const FLAG_EXTENDED_POINTERS: u32 = 0x800;
/// The lowest eight say nothing that a reader must know; holes, a wrong signature and a root elsewhere are no hindrance.
const FLAGS_KNOWN: u32 = 0x7FF;

fn superblock_at(source: &ByteSource) -> Option<u64> {
    let magics = [MAGIC.to_le_bytes(), MAGIC.to_be_bytes()];
    OFFSETS.into_iter().find(|&offset| magics.iter().any(|magic| source.has(offset, magic)))
}

fn probe(source: &ByteSource) -> bool {
    superblock_at(source).is_some()
}

fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    let offset = superblock_at(source).ok_or(Error::corrupt("magic", 0))?;
    let bytes = source.array::<SUPERBLOCK_LEN>(offset, "superblock")?;
    let record = Record::new(&bytes, offset);
    if record.u32(0, "magic")? != MAGIC {
        return Err(Error::unsupported("magic", offset, u64::from(record.u32(0, "magic")?)));
    }
    let flags = record.u32(8, "flags")?;
    let unknown = flags & (!FLAGS_KNOWN | FLAG_EXTENDED_POINTERS);
    if unknown != 0 {
        return Err(Error::unsupported("flags", record.offset_of(8), u64::from(unknown)));
    }
    let len = u64::from(record.u32(4, "size")?);
    let store = Store::new(source.clone());
    let root = offset.saturating_add(ROOT_AT);
    let mut tree = walk::walk(&mut Volume { source: source.clone(), budget: budget.clone(), store, root });
    if len > source.len() && tree.problems.is_empty() {
        let error = Error::truncated("size", record.offset_of(4), len, source.len());
        tree.problems.push(Problem { path: Vec::new(), error });
    }
    Ok(tree)
}

struct Volume {
    source: ByteSource,
    budget: Budget,
    store: Arc<Store>,
    root: u64,
}

/// An inode; its number is where it stands.
struct Inode {
    offset: u64,
    file_type: FileType,
    attributes: Attributes,
    size: u64,
    data: u64,
}

impl Inode {
    fn parse(record: Record<'_>) -> Result<Self> {
        let mode = record.u16(0, "mode")?;
        let size_and_group = record.u32(4, "size")?;
        let attributes = Attributes {
            mode: Some(mode & 0o7777),
            uid: Some(u32::from(record.u16(2, "uid")?)),
            gid: Some(size_and_group >> 24),
            ..Attributes::default()
        };
        Ok(Self {
            offset: record.offset_of(0),
            file_type: FileType::of_mode(mode).ok_or(Error::corrupt("mode", record.offset_of(0)))?,
            attributes,
            size: u64::from(size_and_group & 0xFF_FFFF),
            data: name_and_place(record)?.1,
        })
    }
}

/// How long the name behind an inode is, and where its contents are: both are stored in words of four bytes.
fn name_and_place(record: Record<'_>) -> Result<(u64, u64)> {
    let word = record.u32(8, "namelen")?;
    Ok((u64::from(word & 0x3F) << 2, u64::from(word >> 6) << 2))
}

impl Volume {
    /// The blocks of a file or link.
    fn map(&self, inode: &Inode, runs: &mut Runs<'_>) -> Result<()> {
        let count = inode.size.div_ceil(BLOCK_LEN);
        let mut start = inode.data.saturating_add(count << 2);
        let (mut at, mut done) = (0_u64, 0_u64);
        while done < count {
            let batch = count.saturating_sub(done).min(POINTERS_AT_ONCE);
            let pointers_at = inode.data.saturating_add(done << 2);
            self.budget.spend_nodes(1, "block pointers", pointers_at)?;
            let mut bytes = vec![0; to_usize(batch << 2)];
            self.source.read(pointers_at, &mut bytes, "block pointers")?;
            for (pointer_at, pointer) in (pointers_at..).step_by(4).zip(bytes.as_chunks::<4>().0) {
                let end = u64::from(u32::from_le_bytes(*pointer));
                let len = BLOCK_LEN.min(inode.size.saturating_sub(at));
                match end.checked_sub(start) {
                    // A hole: `Runs` fills up to what comes next.
                    Some(0) => {}
                    Some(packed_len) if packed_len <= PACKED_LEN_MAX => {
                        // Both lengths are bounded.
                        let (packed_len, unpacked_len) = (packed_len as u32, len as u32);
                        let method = Method::Zlib;
                        let packed =
                            Packed { offset: start, len: packed_len, skip: 0, unpacked_len, method, is_padded: false };
                        runs.packed(at, len, packed)?;
                    }
                    _ => runs.missing(at, len, Error::corrupt("block pointer", pointer_at))?,
                }
                start = end;
                at = at.saturating_add(len);
            }
            done = done.saturating_add(batch);
        }
        Ok(())
    }

    fn contents(&self, inode: &Inode) -> (ByteSource, Option<Error>) {
        let mut runs = Runs::new(&self.source, &self.budget, inode.size);
        let mapped = self.map(inode, &mut runs);
        runs.into_source(&self.store, mapped)
    }

    fn names(&self, folder: &Inode, listing: &mut Listing) -> Result<()> {
        let mut at = folder.data;
        let end = folder.data.saturating_add(folder.size);
        while at < end {
            let bytes = self.source.array::<INODE_LEN>(at, "inode")?;
            let name_at = at.saturating_add(12);
            let (name_len, _) = name_and_place(Record::new(&bytes, at))?;
            let mut name = vec![0; to_usize(name_len)];
            self.source.read(name_at, &mut name, "name")?;
            let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            listing.add(&self.budget, name.get(..len).unwrap_or_default(), at, at, name_at)?;
            at = name_at.saturating_add(name_len);
        }
        Ok(())
    }
}

impl walk::Volume for Volume {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        (self.root, self.root)
    }

    fn inode(&mut self, number: u64, _named_at: u64) -> Result<Inode> {
        let bytes = self.source.array::<INODE_LEN>(number, "inode")?;
        Inode::parse(Record::new(&bytes, number))
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let kind = match inode.file_type {
            FileType::Directory => EntryKind::Directory,
            FileType::Special => EntryKind::Special,
            FileType::Regular => {
                let (source, error) = self.contents(inode);
                errors.extend(error);
                EntryKind::File(source)
            }
            FileType::Symlink => {
                let target = link_target(inode.size, inode.offset.saturating_add(4), || self.contents(inode));
                EntryKind::Symlink(target.unwrap_or_else(|error| {
                    errors.push(error);
                    Vec::new()
                }))
            }
        };
        Found { kind, attributes: inode.attributes.clone(), errors, has_other_names: false, is_listable: true }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        let mut listing = Listing::default();
        if let Err(error) = self.names(inode, &mut listing) {
            listing.errors.push(error);
        }
        listing
    }
}
