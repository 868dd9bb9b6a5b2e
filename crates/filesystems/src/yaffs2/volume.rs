//! Objects, names and contents of a YAFFS2 image, as the walk over every file system asks for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::{Budget, ByteSource, Error, Result};

use super::{
    log::{Header, Log, Object},
    pages::{HEADER_LEN, Layout, layout_of},
};
use crate::{
    Attributes, EntryKind, Problem, Tree,
    contents::Store,
    record::{Record, to_usize},
    runs::Runs,
    security,
    walk::{self, FileType, Found, Listing, NAME_LEN_MAX},
};

const ROOT: u32 = 1;
/// Kinds of objects.
const FILE: u32 = 1;
const SYMLINK: u32 = 2;
const FOLDER: u32 = 3;
const HARD_LINK: u32 = 4;
const SPECIAL: u32 = 5;
const NAME_AT: usize = 10;
const ALIAS_AT: usize = 300;
const ALIAS_LEN: usize = 160;
const SECURITY: &[u8] = b"security.";

struct Volume {
    source: ByteSource,
    budget: Budget,
    store: Arc<Store>,
    layout: Layout,
    log: Log,
    /// Objects by the folder that they are in.
    children: BTreeMap<u32, Vec<u32>>,
    /// Objects that hard links mean.
    linked: BTreeSet<u32>,
}

pub(super) fn read(source: &ByteSource, budget: &Budget) -> Result<Tree> {
    let layout = layout_of(source).ok_or(Error::corrupt("tags of the first pages", 0))?;
    let mut log = Log::read(source, layout, budget)?;
    let mut errors = std::mem::take(&mut log.errors);
    let (mut children, mut linked) = (BTreeMap::<u32, Vec<u32>>::new(), BTreeSet::new());
    for (&number, header) in log.headers().filter(|&(&number, header)| number != ROOT && !header.is_removed()) {
        children.entry(header.parent).or_default().push(number);
        if header.kind == HARD_LINK {
            linked.insert(header.equivalent);
        }
    }
    errors.extend(lost(&log, &children));
    let store = Store::new(source.clone());
    let (source, budget) = (source.clone(), budget.clone());
    let mut tree = walk::walk(&mut Volume { source, budget, store, layout, log, children, linked });
    tree.problems.splice(0..0, errors.into_iter().map(|error| Problem { path: Vec::new(), error }));
    Ok(tree)
}

/// Why objects have no place in the tree: their header is not there, or no way leads to them from the root.
fn lost(log: &Log, children: &BTreeMap<u32, Vec<u32>>) -> Vec<Error> {
    let mut placed = BTreeSet::from([ROOT]);
    let mut folders = vec![ROOT];
    while let Some(folder) = folders.pop() {
        for &number in children.get(&folder).into_iter().flatten() {
            let header = log.objects.get(&number).and_then(|object| object.header);
            if placed.insert(number) && header.is_some_and(|header| header.kind == FOLDER) {
                folders.push(number);
            }
        }
    }
    let missing = log.objects.iter().filter(|(number, _)| !placed.contains(number)).filter_map(|(_, object)| {
        match object.header {
            Some(header) if header.is_removed() => None,
            Some(header) => Some(Error::corrupt("parent_obj_id", header.offset.saturating_add(4))),
            None => {
                let offset = object.chunks.first_key_value().map_or(0, |(_, &(offset, _))| offset);
                Some(Error::corrupt("contents without a header", offset))
            }
        }
    });
    missing.map(|error| log.cut.unwrap_or(error)).collect()
}

/// An object and its header; the root may have none.
struct Inode {
    number: u32,
    header: Option<(Header, Vec<u8>)>,
}

impl Volume {
    fn contents(&self, number: u32, object: &Object) -> (ByteSource, Option<Error>) {
        let mut runs = Runs::new(&self.source, &self.budget, object.size());
        let mapped = self.map(number, object, &mut runs);
        runs.into_source(&self.store, mapped)
    }

    fn map(&self, number: u32, object: &Object, runs: &mut Runs<'_>) -> Result<()> {
        let page_len = u64::from(self.layout.page_len);
        let mut end = 0;
        for (&chunk, &(offset, len)) in &object.chunks {
            let at = u64::from(chunk.saturating_sub(1)).saturating_mul(page_len);
            if !runs.wants(at) {
                break;
            }
            runs.stored(at, offset, u64::from(len))?;
            end = at.saturating_add(page_len);
        }
        // The last thing in the image, and not whole: an image that was cut looks like this.
        if let Some((_, image_end)) = self.log.last.filter(|&(last, _)| last == number && runs.wants(end)) {
            let missing = object.size().saturating_sub(end);
            runs.missing(end, missing, Error::truncated("file data", image_end, missing, 0))?;
        }
        Ok(())
    }

    /// Label and capabilities: pairs behind the header, each with its length, a name that ends and a value.
    fn security(&self, header: &Header, found: &mut Attributes) -> Result<()> {
        let page_len = to_usize(u64::from(self.layout.page_len));
        let mut bytes = vec![0; page_len.saturating_sub(HEADER_LEN)];
        let start = header.offset.saturating_add(HEADER_LEN as u64);
        self.source.read(start, &mut bytes, "extended attributes")?;
        let record = Record::new(&bytes, start);
        let mut at = 0_usize;
        while let Ok(len) = record.u32(at, "length of an attribute").map(|len| to_usize(u64::from(len))) {
            // Erased bytes, or none.
            if len <= 4 || len > record.len().saturating_sub(at) {
                return Ok(());
            }
            let pair = record.part(at.saturating_add(4), len.saturating_sub(4), "attribute")?;
            let text = pair.bytes(0, pair.len(), "attribute")?;
            let name_len = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
            let name = text.get(..name_len).unwrap_or_default();
            if let Some(name) = name.strip_prefix(SECURITY).filter(|name| security::is_kept(name)) {
                security::keep(found, name, pair.tail(name_len.saturating_add(1).min(text.len()), "attribute")?)?;
            }
            at = at.saturating_add(len);
        }
        Ok(())
    }

    fn kind(&self, inode: &Inode, record: Record<'_>, kind: u32, errors: &mut Vec<Error>) -> EntryKind {
        match kind {
            FOLDER => EntryKind::Directory,
            FILE => {
                let (source, error) = match self.log.objects.get(&inode.number) {
                    Some(object) => self.contents(inode.number, object),
                    None => (ByteSource::from_bytes(Vec::new()), None),
                };
                errors.extend(error);
                EntryKind::File(source)
            }
            SYMLINK => {
                let target = text(record, ALIAS_AT, ALIAS_LEN, "alias");
                let target = target.and_then(|target| {
                    if target.is_empty() {
                        Err(Error::corrupt("alias", record.offset_of(ALIAS_AT)))
                    } else {
                        Ok(target)
                    }
                });
                EntryKind::Symlink(target.unwrap_or_else(|error| {
                    errors.push(error);
                    Vec::new()
                }))
            }
            _ => EntryKind::Special,
        }
    }

    fn names(&self, inode: &Inode, listing: &mut Listing) -> Result<()> {
        for number in self.children.get(&inode.number).into_iter().flatten() {
            let Some(header) = self.log.objects.get(number).and_then(|object| object.header) else { continue };
            let bytes = self.source.array::<HEADER_LEN>(header.offset, "header of an object")?;
            let name = text(Record::new(&bytes, header.offset), NAME_AT, NAME_LEN_MAX, "name")?;
            let inode = if header.kind == HARD_LINK { header.equivalent } else { *number };
            let name_at = header.offset.saturating_add(NAME_AT as u64);
            listing.add(&self.budget, &name, u64::from(inode), header.offset, name_at)?;
        }
        Ok(())
    }
}

/// A text up to its zero.
fn text(record: Record<'_>, at: usize, len: usize, what: &'static str) -> Result<Vec<u8>> {
    let bytes = record.bytes(at, len, what)?;
    Ok(bytes.iter().copied().take_while(|&byte| byte != 0).collect())
}

impl walk::Volume for Volume {
    type Inode = Inode;

    fn root(&self) -> (u64, u64) {
        (u64::from(ROOT), 0)
    }

    fn inode(&mut self, number: u64, named_at: u64) -> Result<Inode> {
        let missing = self.log.cut.unwrap_or(Error::corrupt("equiv_id", named_at));
        let number = u32::try_from(number).map_err(|_| missing)?;
        let header = self.log.objects.get(&number).and_then(|object| object.header);
        let Some(header) = header else {
            // The root is known without a header.
            return if number == ROOT { Ok(Inode { number, header: None }) } else { Err(missing) };
        };
        // A hard link to a hard link means nothing, nor does one to what was removed.
        if !matches!(header.kind, FILE | SYMLINK | FOLDER | SPECIAL) || header.is_removed() {
            return Err(Error::corrupt("type", header.offset));
        }
        let bytes = self.source.array::<HEADER_LEN>(header.offset, "header of an object")?;
        Ok(Inode { number, header: Some((header, bytes.to_vec())) })
    }

    fn examine(&mut self, inode: &Inode) -> Found {
        let (mut errors, mut attributes) = (Vec::new(), Attributes::default());
        let Some((header, bytes)) = &inode.header else {
            let kind = EntryKind::Directory;
            return Found { kind, attributes, errors, has_other_names: false, is_listable: true };
        };
        let record = Record::new(bytes, header.offset);
        errors.extend(self.security(header, &mut attributes).err());
        let mode = record.u32(268, "yst_mode").unwrap_or(0);
        // The low sixteen bits are the mode.
        let mode = (mode & 0xffff) as u16;
        let stored = FileType::of_mode(mode);
        attributes.mode = Some(mode & 0o7777);
        attributes.uid = record.u32(272, "yst_uid").ok();
        attributes.gid = record.u32(276, "yst_gid").ok();
        let kind = self.kind(inode, record, header.kind, &mut errors);
        let is_same = matches!(
            (&kind, stored),
            (EntryKind::Directory, Some(FileType::Directory))
                | (EntryKind::File(_), Some(FileType::Regular))
                | (EntryKind::Symlink(_), Some(FileType::Symlink))
                | (EntryKind::Special, Some(FileType::Special))
        );
        // Writers that store permissions alone leave the type of the file out.
        if !is_same && mode >> 12 != 0 {
            errors.push(Error::corrupt("yst_mode", record.offset_of(268)));
        }
        let has_other_names = self.linked.contains(&inode.number);
        Found { kind, attributes, errors, has_other_names, is_listable: true }
    }

    fn list(&mut self, inode: &Inode) -> Listing {
        let mut listing = Listing::default();
        if let Err(error) = self.names(inode, &mut listing) {
            listing.errors.push(error);
        }
        listing
    }
}
