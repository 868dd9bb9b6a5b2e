//! Pages and the tags in their spare bytes.

use bytes::{ByteSource, Error, Result};

use crate::record::Record;

/// Lengths of a page and of its spare bytes, the most common first.
const LENGTHS: &[(u32, u32)] = &[
    (2048, 64),
    (4096, 128),
    (1024, 32),
    (2048, 128),
    (4096, 224),
    (4096, 256),
    (8192, 256),
    (8192, 448),
    (16384, 512),
];
/// Where the tags are in the spare bytes: at once, as tools that make images write them, or behind the mark of bad blocks, as
/// the flash driver of Linux places them.
const TAGS_AT: &[u32] = &[0, 2];
const TAGS_LEN: usize = 16;
/// Length of the header of an object, in the page of chunk zero.
pub(super) const HEADER_LEN: usize = 512;
/// Sequence numbers of blocks with data.
const SEQUENCE_MIN: u32 = 0x1000;
const SEQUENCE_MAX: u32 = 0xefff_ff00;
/// Sequence number of blocks with a checkpoint.
const SEQUENCE_CHECKPOINT: u32 = 0x21;
/// Object number of summaries of blocks.
const OBJECT_SUMMARY: u32 = 0x10;
/// In the chunk number: this is a header, and the other bits say of the object what its header says too.
const EXTRA_HEADER: u32 = 0x8000_0000;
/// The upper bits of an object number may hold the type.
const OBJECT_MASK: u32 = 0x0fff_ffff;
/// More chunks no file can have.
const CHUNK_MAX: u32 = 0x0fff_ffff;
/// Pages at the start that are looked at, and that may be erased: a block of most flash chips.
const PAGES_PROBED: u64 = 64;
const ERASED_MAX: u64 = 256;

/// How long pages are and where their tags stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) page_len: u32,
    spare_len: u32,
    tags_at: u32,
}

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// Nothing was written, or nothing of a file.
    Other,
    /// A part of an object.
    Part(Tags),
}

/// Whose page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tags {
    pub(super) sequence: u32,
    pub(super) object: u32,
    /// Zero is the header, one the first page of the contents.
    pub(super) chunk: u32,
    /// Bytes of the page that are used, of contents.
    pub(super) len: u32,
}

impl Layout {
    /// Distance between two pages.
    pub(super) fn stride(self) -> u64 {
        u64::from(self.page_len).saturating_add(u64::from(self.spare_len))
    }

    /// Where the page `number` starts.
    pub(super) fn offset_of(self, number: u64) -> u64 {
        number.saturating_mul(self.stride())
    }

    /// What the page `number` is.
    pub(super) fn page(self, source: &ByteSource, number: u64) -> Result<Page> {
        let at =
            self.offset_of(number).saturating_add(u64::from(self.page_len)).saturating_add(u64::from(self.tags_at));
        let bytes = source.array::<TAGS_LEN>(at, "tags of a page")?;
        let tags = Record::new(&bytes, at);
        let sequence = tags.u32(0, "seq_number")?;
        if sequence == SEQUENCE_CHECKPOINT || bytes == [0xff; TAGS_LEN] {
            return Ok(Page::Other);
        }
        if !(SEQUENCE_MIN..=SEQUENCE_MAX).contains(&sequence) {
            return Err(Error::corrupt("seq_number", at));
        }
        let chunk = tags.u32(8, "chunk_id")?;
        let is_header = chunk == 0 || chunk & EXTRA_HEADER != 0;
        let object = tags.u32(4, "obj_id")?;
        let object = if is_header { object & OBJECT_MASK } else { object };
        if object == OBJECT_SUMMARY {
            return Ok(Page::Other);
        }
        if object == 0 || object > OBJECT_MASK {
            return Err(Error::corrupt("obj_id", at.saturating_add(4)));
        }
        let len = tags.u32(12, "n_bytes")?;
        if !is_header && (chunk > CHUNK_MAX || len == 0 || len > self.page_len) {
            return Err(Error::corrupt("n_bytes", at.saturating_add(12)));
        }
        Ok(Page::Part(Tags { sequence, object, chunk: if is_header { 0 } else { chunk }, len }))
    }

    /// Whether the first pages make sense when read so: all tags do, and there is a header among them.
    fn fits(self, source: &ByteSource) -> bool {
        let (mut number, mut seen, mut headers) = (0_u64, 0_u64, 0_u64);
        while seen < PAGES_PROBED && number < ERASED_MAX.saturating_add(PAGES_PROBED) {
            if self.offset_of(number.saturating_add(1)) > source.len() {
                break;
            }
            match self.page(source, number) {
                Ok(Page::Other) if seen == 0 && number >= ERASED_MAX => return false,
                Ok(Page::Other) => {}
                Ok(Page::Part(tags)) => {
                    seen = seen.saturating_add(1);
                    if tags.chunk == 0 {
                        if !is_header(source, self.offset_of(number)) {
                            return false;
                        }
                        headers = headers.saturating_add(1);
                    }
                }
                Err(_) => return false,
            }
            number = number.saturating_add(1);
        }
        headers > 0
    }
}

/// Whether there is the header of an object: a type that is known, a parent, and a name that ends.
fn is_header(source: &ByteSource, offset: u64) -> bool {
    let Ok(bytes) = source.array::<266>(offset, "header") else { return false };
    let header = Record::new(&bytes, offset);
    let field = |at| header.u32(at, "header").unwrap_or(0);
    let name_ends = bytes.iter().skip(10).any(|&byte| byte == 0);
    (1..=5).contains(&field(0)) && (1..=OBJECT_MASK).contains(&field(4)) && name_ends
}

/// The layout of an image; nothing if it is none of this format.
pub(super) fn layout_of(source: &ByteSource) -> Option<Layout> {
    let mut layouts = LENGTHS
        .iter()
        .flat_map(|&(page_len, spare_len)| TAGS_AT.iter().map(move |&tags_at| Layout { page_len, spare_len, tags_at }));
    layouts.find(|layout| layout.fits(source))
}
