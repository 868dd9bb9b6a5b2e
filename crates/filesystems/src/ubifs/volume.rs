//! Inodes, names and contents of a UBIFS image, as the walk over every file system asks for them.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};
use codecs::Method;

use super::nodes::{Node, Nodes};
use crate::{
    Attributes, EntryKind, Problem, Tree,
    contents::Store,
    record::{Record, to_usize},
    runs::{Packed, Runs},
    security,
    walk::{self, FileType, Found, Listing, PATH_LEN_MAX},
};

const ROOT: u64 = 1;
/// Where data of an inode starts: the target of a link, the value of an attribute.
const INLINE_AT: usize = 160;
/// Where the data of a data node starts.
const DATA_AT: usize = 48;
/// Contents are packed in blocks of this length.
const BLOCK_LEN: u64 = 4096;
/// Longest inode: its data has at most this length.
const INODE_LEN_MAX: usize = INLINE_AT + BLOCK_LEN as usize;
const SECURITY: &[u8] = b"security.";

struct Volume {
    source: ByteSource,
    budget: Budget,
    store: Arc<Store>,
    nodes: Nodes,
}

struct Inode {
    number: u32,
    offset: u64,
    bytes: Vec<u8>,
    file_type: FileType,
    size: u64,
    links_count: u32,
}

impl Inode {
    fn record(&self) -> Record<'_> {
        Record::new(&self.bytes, self.offset)
    }

    /// What stands behind the fields.
    fn inline(&self) -> Result<Record<'_>> {
        let len = to_usize(u64::from(self.record().u32(112, "data_len")?));
        self.record().part(INLINE_AT, len, "data of an inode")
    }
}

pub(super) fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    let mut nodes = Nodes::read(source, budget)?;
    let errors = std::mem::take(&mut nodes.errors);
    let store = Store::new(source.clone());
    let mut tree = walk::walk(&mut Volume { source: source.clone(), budget: budget.clone(), store, nodes });
    let shared = errors.into_iter().map(|error| Problem { path: Vec::new(), error });
    tree.problems.splice(0..0, shared);
    Ok(tree)
}

impl Volume {
    fn inode_of(&self, number: u64, named_at: u64) -> Result<Inode> {
        let missing = self.nodes.cut.unwrap_or(Error::corrupt("inode number", named_at));
        let number = u32::try_from(number).map_err(|_| missing)?;
        let node = *self.nodes.inodes.get(&number).ok_or(missing)?;
        if node.len < INLINE_AT || node.len > INODE_LEN_MAX {
            return Err(Error::corrupt("len", node.offset.saturating_add(16)));
        }
        let mut bytes = vec![0; node.len];
        self.source.read(node.offset, &mut bytes, "inode")?;
        let record = Record::new(&bytes, node.offset);
        let mode = record.u16(104, "mode")?;
        let file_type = FileType::of_mode(mode).ok_or(Error::corrupt("mode", record.offset_of(104)))?;
        let (size, links_count) = (record.u64(48, "size")?, record.u32(92, "nlink")?);
        if i64::try_from(size).is_err() {
            return Err(Error::corrupt("size", record.offset_of(48)));
        }
        Ok(Inode { number, offset: node.offset, file_type, size, links_count, bytes })
    }

    fn contents(&self, inode: &Inode) -> (ByteSource, Option<Error>) {
        let mut runs = Runs::new(&self.source, &self.budget, inode.size);
        let mapped = self.map(inode, &mut runs);
        runs.into_source(&self.store, mapped)
    }

    fn map(&self, inode: &Inode, runs: &mut Runs<'_>) -> Result<()> {
        let blocks = self.nodes.data.range((inode.number, 0)..=(inode.number, u32::MAX));
        for (&(_, number), node) in blocks {
            let at = u64::from(number).saturating_mul(BLOCK_LEN);
            if !runs.wants(at) {
                break;
            }
            if let Err(error) = self.block(at, node, runs) {
                runs.missing(at, BLOCK_LEN, error)?;
            }
        }
        Ok(())
    }

    /// Adds a block of contents.
    fn block(&self, at: u64, node: &Node, runs: &mut Runs<'_>) -> Result<()> {
        let head = self.source.array::<DATA_AT>(node.offset, "data node")?;
        let record = Record::new(&head, node.offset);
        let unpacked_len = record.u32(40, "size")?;
        let packed_len = node.len.saturating_sub(DATA_AT);
        if u64::from(unpacked_len) > BLOCK_LEN || packed_len > to_usize(BLOCK_LEN) * 2 {
            return Err(Error::corrupt("size", record.offset_of(40)));
        }
        let offset = record.offset_of(DATA_AT);
        let method = match record.u16(44, "compr_type")? {
            0 if packed_len >= to_usize(u64::from(unpacked_len)) => {
                return runs.stored(at, offset, u64::from(unpacked_len));
            }
            0 => return Err(Error::corrupt("size", record.offset_of(40))),
            1 => Method::Lzo,
            2 => Method::Deflate,
            3 => Method::Zstd,
            other => return Err(Error::unsupported("compr_type", record.offset_of(44), u64::from(other))),
        };
        // Bounded above.
        let len = packed_len as u32;
        let packed = Packed { offset, len, skip: 0, unpacked_len, method, is_padded: false };
        runs.packed(at, u64::from(unpacked_len), packed)
    }

    /// Label and capabilities: values are inodes of their own.
    fn security(&self, inode: &Inode, found: &mut Attributes) -> Result<()> {
        let Some(attributes) = self.nodes.attributes.get(&inode.number) else { return Ok(()) };
        for (name, named) in attributes.iter().filter(|(_, named)| named.inode != 0) {
            let Some(name) = name.strip_prefix(SECURITY).filter(|name| security::is_kept(name)) else { continue };
            let value = self.inode_of(named.inode, named.offset)?;
            security::keep(found, name, value.inline()?)?;
        }
        Ok(())
    }

    fn symlink(inode: &Inode) -> Result<Vec<u8>> {
        let target = inode.inline()?;
        if target.len() == 0 || target.len() > PATH_LEN_MAX {
            return Err(Error::corrupt("data_len", inode.offset.saturating_add(112)));
        }
        Ok(target.bytes(0, target.len(), "link target")?.to_vec())
    }
}

impl walk::Volume for Volume {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        (ROOT, 0)
    }

    fn inode(&mut self, number: u64, named_at: u64) -> Result<Inode> {
        self.inode_of(number, named_at)
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let mut errors = Vec::new();
        let mut attributes = Attributes::default();
        errors.extend(self.security(inode, &mut attributes).err());
        let kind = match inode.file_type {
            FileType::Directory => EntryKind::Directory,
            FileType::Special => EntryKind::Special,
            FileType::Regular => {
                let (source, error) = self.contents(inode);
                errors.extend(error);
                EntryKind::File(source)
            }
            FileType::Symlink => EntryKind::Symlink(Self::symlink(inode).unwrap_or_else(|error| {
                errors.push(error);
                Vec::new()
            })),
        };
        let record = inode.record();
        attributes.mode = record.u16(104, "mode").ok().map(|mode| mode & 0o7777);
        attributes.uid = record.u32(96, "uid").ok();
        attributes.gid = record.u32(100, "gid").ok();
        Found { kind, attributes, errors, has_other_names: inode.links_count > 1, is_listable: true }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        let mut listing = Listing::default();
        let names = self.nodes.names.get(&inode.number).into_iter().flatten();
        for (name, named) in names.filter(|(_, named)| named.inode != 0) {
            if let Err(error) = listing.add(&self.budget, name, named.inode, named.offset, named.offset) {
                listing.errors.push(error);
                break;
            }
        }
        listing
    }
}
