//! What the log says in the end: of every object the newest header, and of every part of it the newest page that was not
//! cut off later. Pages are looked at from the newest to the oldest.

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Error, Result};

use super::pages::{HEADER_LEN, Layout, Page, Tags};
use crate::record::Record;

/// Folders that stand for what was removed.
const UNLINKED: u32 = 3;
const DELETED: u32 = 4;

/// An object, as far as it is known.
#[derive(Default)]
pub(super) struct Object {
    /// Where its newest header stands.
    pub(super) header: Option<Header>,
    /// Where each part of the contents is, and its length.
    pub(super) chunks: BTreeMap<u32, (u64, u32)>,
    /// How far contents reach that are newer than the header.
    end: u64,
    /// Older contents from here on were cut off.
    shrunk_to: u64,
}

/// What the header of an object says of it.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) offset: u64,
    pub(super) kind: u32,
    pub(super) parent: u32,
    size: u64,
    /// The object that a hard link means.
    pub(super) equivalent: u32,
}

impl Header {
    /// A header from its page.
    fn read(record: Record<'_>) -> Result<Self> {
        let (low, high) = (record.u32(292, "file_size_low")?, record.u32(496, "file_size_high")?);
        // Writers that know nothing of long files leave the upper half erased.
        let high = if high == u32::MAX { 0 } else { high };
        Ok(Self {
            offset: record.offset_of(0),
            kind: record.u32(0, "type")?,
            parent: record.u32(4, "parent_obj_id")?,
            size: crate::record::join32(low, high),
            equivalent: record.u32(296, "equiv_id")?,
        })
    }

    /// Whether the object was removed.
    pub(super) const fn is_removed(&self) -> bool {
        matches!(self.parent, UNLINKED | DELETED)
    }
}

impl Object {
    /// Length of the contents.
    pub(super) fn size(&self) -> u64 {
        self.header.map_or(0, |header| header.size).max(self.end)
    }
}

/// The state after the last page.
pub(super) struct Log {
    pub(super) objects: BTreeMap<u32, Object>,
    pub(super) errors: Vec<Error>,
    /// Why objects may be missing: the image ends within a page.
    pub(super) cut: Option<Error>,
    /// The object of the last page, and where the image ends.
    pub(super) last: Option<(u32, u64)>,
}

impl Log {
    /// The newest header of every object that has one.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&u32, &Header)> {
        self.objects.iter().filter_map(|(number, object)| object.header.as_ref().map(|header| (number, header)))
    }

    pub(super) fn read(source: &ByteSource, layout: Layout, budget: &Budget) -> Result<Self> {
        let mut log = Self { objects: BTreeMap::new(), errors: Vec::new(), cut: None, last: None };
        let mut pages = log.pages(source, layout, budget)?;
        log.last = pages.last().map(|&(_, tags)| (tags.object, source.len()));
        // Stable: pages of one block are in the order in which they were written.
        pages.sort_by_key(|(_, tags)| tags.sequence);
        for (number, tags) in pages.into_iter().rev() {
            let offset = layout.offset_of(number);
            if tags.chunk > 0 {
                log.contents(offset, tags, layout);
            } else if let Err(error) = log.header(source, offset, tags) {
                log.errors.push(error);
            }
        }
        Ok(log)
    }

    /// All pages that are a part of something. Of a row of pages whose tags make no sense the first is told.
    fn pages(&mut self, source: &ByteSource, layout: Layout, budget: &Budget) -> Result<Vec<(u64, Tags)>> {
        let mut pages = Vec::new();
        let mut was_bad = false;
        let count = source.len().checked_div(layout.stride()).unwrap_or(0);
        for number in 0..count {
            budget.spend_nodes(1, "page", layout.offset_of(number))?;
            match layout.page(source, number) {
                Ok(Page::Part(tags)) => pages.push((number, tags)),
                Ok(Page::Other) => {}
                Err(error) => {
                    if !was_bad {
                        self.errors.push(error);
                    }
                    was_bad = true;
                    continue;
                }
            }
            was_bad = false;
        }
        let end = layout.offset_of(count);
        if end < source.len() {
            let error = Error::truncated("page", end, layout.stride(), source.len().saturating_sub(end));
            self.cut = Some(error);
            self.errors.push(error);
        }
        Ok(pages)
    }

    fn object(&mut self, number: u32) -> &mut Object {
        self.objects.entry(number).or_insert_with(|| Object { shrunk_to: u64::MAX, ..Object::default() })
    }

    fn contents(&mut self, offset: u64, tags: Tags, layout: Layout) {
        let object = self.object(tags.object);
        let start = u64::from(tags.chunk.saturating_sub(1)).saturating_mul(u64::from(layout.page_len));
        if start >= object.shrunk_to {
            return;
        }
        object.chunks.entry(tags.chunk).or_insert((offset, tags.len));
        if object.header.is_none() {
            object.end = object.end.max(start.saturating_add(u64::from(tags.len)));
        }
    }

    fn header(&mut self, source: &ByteSource, offset: u64, tags: Tags) -> Result<()> {
        let bytes = source.array::<HEADER_LEN>(offset, "header of an object")?;
        let record = Record::new(&bytes, offset);
        let header = Header::read(record)?;
        let shadowed = record.u32(504, "shadows_obj")?;
        let is_shrunk = record.u32(508, "is_shrink")? != 0 || header.is_removed();
        let object = self.object(tags.object);
        let is_newest = object.header.is_none();
        if is_newest {
            object.header = Some(header);
        }
        if is_newest || is_shrunk {
            let len = if header.is_removed() { 0 } else { header.size };
            object.shrunk_to = object.shrunk_to.min(len);
        }
        // A file that took the place of another one: what was not written again since is gone. Negative is none.
        if shadowed > 0 && i32::try_from(shadowed).is_ok() {
            let removed = Header { parent: DELETED, ..header };
            self.object(shadowed).header.get_or_insert(removed);
        }
        Ok(())
    }
}
