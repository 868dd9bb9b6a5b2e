//! Packed files: from the index to runs. A packed cluster reaches from its head to the next head; it has one block, or
//! as many as the logical cluster behind its head says. The last one may lie behind the index, or in the packed inode.

use bytes::{ByteSource, Error, Extents, Limit, Piece, Result};
use codecs::Method;

use super::{
    index::{Cluster, Head, Index, SETTINGS_LEN},
    inode::{Inode, Layout},
    volume::Volume,
};
use crate::{
    record::Record,
    runs::{Packed, Runs, unreadable},
};

/// Longest packed cluster, as the kernel has it.
const PACKED_LEN_MAX: u64 = 1 << 20;
/// Most that one packed cluster unpacks to, as the kernel has it.
const UNPACKED_LEN_MAX: u64 = 12 << 20;

const ADVISE_TWO_BYTE_ENTRIES: u16 = 0x1;
const ADVISE_BIG_CLUSTERS: u16 = 0x2 | 0x4;
/// The last cluster lies behind the index.
const ADVISE_INLINE_TAIL: u16 = 0x8;
/// Plain clusters are turned: a byte lies where it would in a block of its own.
const ADVISE_INTERLACED: u16 = 0x10;
/// The last cluster lies in the packed inode.
const ADVISE_FRAGMENT: u16 = 0x20;
const ADVISE_KNOWN: u16 =
    ADVISE_TWO_BYTE_ENTRIES | ADVISE_BIG_CLUSTERS | ADVISE_INLINE_TAIL | ADVISE_INTERLACED | ADVISE_FRAGMENT;
/// In `h_clusterbits`: all of the file lies in the packed inode.
const WHOLE_FRAGMENT: u8 = 0x80;
/// In the same eight bytes, as the highest bit of the place there.
const WHOLE_FRAGMENT_BIT: u64 = 1 << 63;
/// Largest logical cluster the index can describe.
const CLUSTER_SIZE_LOG_MAX: u8 = 15;

/// What stands in front of the index.
#[derive(Debug, Clone, Copy)]
struct Settings {
    /// Place of the fragment in the packed inode.
    fragment_at: u64,
    inline_len: u16,
    advise: u16,
    algorithms: [u8; 2],
    cluster_size_log: u8,
    is_whole_fragment: bool,
}

impl Settings {
    fn read(volume: &Volume, inode: &Inode) -> Result<Self> {
        let superblock = &volume.superblock;
        if inode.layout == Layout::Packed && !superblock.has_index_settings() {
            let cluster_size_log = superblock.block_size_log;
            let (algorithms, is_whole_fragment) = ([0, 0], false);
            return Ok(Self {
                fragment_at: 0,
                inline_len: 0,
                advise: 0,
                algorithms,
                cluster_size_log,
                is_whole_fragment,
            });
        }
        let offset = inode.end().next_multiple_of(SETTINGS_LEN);
        let bytes = volume.source.array::<8>(offset, "index settings")?;
        let record = Record::new(&bytes, offset);
        let bits = record.u8(7, "h_clusterbits")?;
        let is_whole_fragment = bits & WHOLE_FRAGMENT != 0;
        let fragment_at = if is_whole_fragment {
            record.u64(0, "h_fragmentoff")? & !WHOLE_FRAGMENT_BIT
        } else {
            u64::from(record.u32(0, "h_fragmentoff")?)
        };
        let algorithms = record.u8(6, "h_algorithmtype")?;
        let advise = record.u16(4, "h_advise")?;
        if !is_whole_fragment && advise & !ADVISE_KNOWN != 0 {
            let unknown = u64::from(advise & !ADVISE_KNOWN);
            return Err(Error::unsupported("h_advise", record.offset_of(4), unknown));
        }
        let cluster_size_log = superblock.block_size_log.saturating_add(bits & 0xF);
        if !is_whole_fragment && cluster_size_log > CLUSTER_SIZE_LOG_MAX.max(superblock.block_size_log) {
            return Err(Error::unsupported("h_clusterbits", record.offset_of(7), u64::from(bits)));
        }
        Ok(Self {
            fragment_at,
            inline_len: record.u16(2, "h_idata_size")?,
            advise,
            algorithms: [algorithms & 0xF, algorithms >> 4],
            cluster_size_log,
            is_whole_fragment,
        })
    }

    const fn has(&self, advise: u16) -> bool {
        self.advise & advise != 0
    }
}

/// The contents of a packed file, and what is wrong with them.
pub(super) fn file(volume: &Volume, inode: &Inode) -> (ByteSource, Option<Error>) {
    let settings = match Settings::read(volume, inode) {
        Ok(settings) => settings,
        Err(error) => return (unreadable(error, inode.size), Some(error)),
    };
    if settings.is_whole_fragment {
        let mut extents = Extents::default();
        let error = fragment(volume, inode, &settings, 0, &mut extents);
        return (extents.into_source(), error);
    }
    let mut clusters = Clusters::new(volume, inode, settings);
    let mapped = clusters.all();
    let Clusters { runs, settings, fragment_from, .. } = clusters;
    let (source, error) = runs.into_source(&volume.store, mapped);
    let Some(from) = fragment_from else { return (source, error) };
    let mut extents = Extents::default();
    if let Ok(head) = source.slice(0, from, "file data") {
        extents.push(Piece::Stored(head));
    }
    let fragment_error = fragment(volume, inode, &settings, from, &mut extents);
    (extents.into_source(), error.or(fragment_error))
}

/// Adds the end of the file, from byte `from` on, which lies in the packed inode.
fn fragment(volume: &Volume, inode: &Inode, settings: &Settings, from: u64, extents: &mut Extents) -> Option<Error> {
    let len = inode.size.saturating_sub(from);
    let piece = match &volume.packed {
        Ok(packed) => packed.slice(settings.fragment_at, len, "fragment"),
        Err(error) => Err(*error),
    };
    match piece {
        Ok(piece) => {
            extents.push(Piece::Stored(piece));
            None
        }
        Err(error) => {
            extents.push(Piece::Missing(error, len));
            Some(error)
        }
    }
}

/// A packed cluster whose end is not known yet.
#[derive(Clone, Copy)]
struct Open {
    /// Byte of the file it starts with.
    at: u64,
    /// The logical cluster its head is in.
    number: u64,
    kind: Head,
    block: u32,
    is_partial: bool,
    blocks: u32,
}

struct Clusters<'a> {
    volume: &'a Volume,
    inode: &'a Inode,
    settings: Settings,
    runs: Runs<'a>,
    /// From this byte of the file on it lies in the packed inode.
    fragment_from: Option<u64>,
}

impl<'a> Clusters<'a> {
    fn new(volume: &'a Volume, inode: &'a Inode, settings: Settings) -> Self {
        let runs = Runs::new(&volume.source, &volume.budget, inode.size);
        Self { volume, inode, settings, runs, fragment_from: None }
    }

    fn all(&mut self) -> Result<()> {
        let settings = self.settings;
        let mut index = Index::new(
            self.volume,
            self.inode,
            settings.cluster_size_log,
            settings.has(ADVISE_TWO_BYTE_ENTRIES),
            settings.has(ADVISE_BIG_CLUSTERS),
        );
        let mut open: Option<Open> = None;
        for number in 0..index.count {
            let cluster = index.cluster(number)?;
            match cluster {
                Cluster::Head { kind, start, block, is_partial } => {
                    let at = (number << settings.cluster_size_log).saturating_add(u64::from(start));
                    if at >= self.inode.size {
                        // Behind an inline tail stands a head that marks the end.
                        break;
                    }
                    if let Some(open) = open {
                        self.close(&open, at)?;
                    } else if at != 0 {
                        let error = Error::corrupt("first cluster", self.inode.offset);
                        self.runs.missing(0, at, error)?;
                    }
                    open = Some(Open { at, number, kind, block, is_partial, blocks: 1 });
                }
                Cluster::Rest { blocks } => {
                    if let (Some(open), Some(blocks)) = (open.as_mut(), blocks)
                        && open.number.saturating_add(1) == number
                    {
                        open.blocks = blocks;
                    }
                }
            }
        }
        match open {
            Some(open) => self.tail(&open, &index),
            None if self.inode.size == 0 => Ok(()),
            None => Err(Error::corrupt("last cluster", self.inode.offset)),
        }
    }

    /// The last cluster, which ends with the file.
    fn tail(&mut self, open: &Open, index: &Index<'_>) -> Result<()> {
        let size = self.inode.size;
        if self.settings.has(ADVISE_FRAGMENT) {
            if self.inode.layout == Layout::Packed {
                self.settings.fragment_at |= u64::from(open.block) << 32;
            }
            self.fragment_from = Some(open.at);
            // As if it were a hole: what is there instead is added later.
            return Ok(());
        }
        if self.settings.has(ADVISE_INLINE_TAIL) {
            return self.add(open, size, index.end(), u64::from(self.settings.inline_len), false);
        }
        self.close(open, size)
    }

    /// Adds a cluster in blocks of its own, which ends at byte `end` of the file.
    fn close(&mut self, open: &Open, end: u64) -> Result<()> {
        let superblock = &self.volume.superblock;
        let offset = superblock.offset_of_block(u64::from(open.block));
        let len = u64::from(open.blocks).saturating_mul(superblock.block_size());
        self.add(open, end, offset, len, self.settings.has(ADVISE_INTERLACED))
    }

    /// Adds the bytes of the file from the head of `open` to `end`, which are packed in the `len` bytes at `offset`.
    fn add(&mut self, open: &Open, end: u64, offset: u64, len: u64, is_interlaced: bool) -> Result<()> {
        let unpacked_len = end.saturating_sub(open.at);
        if open.kind == Head::Plain {
            return self.plain(open.at, unpacked_len, offset, len, is_interlaced);
        }
        let method = match self.method(open) {
            Ok(method) => method,
            Err(error) => return self.runs.missing(open.at, unpacked_len, error),
        };
        if len == 0 || len > PACKED_LEN_MAX {
            return self.runs.missing(open.at, unpacked_len, Error::corrupt("blocks of a cluster", offset));
        }
        if unpacked_len > UNPACKED_LEN_MAX {
            let error = Error::limit(Limit::UnpackedBytes, "unpacked cluster", offset);
            return self.runs.missing(open.at, unpacked_len, error);
        }
        // Both are bounded above.
        let (len, unpacked_len32) = (len as u32, unpacked_len as u32);
        let is_padded = self.volume.superblock.has_zero_padding();
        let packed = Packed { offset, len, skip: 0, unpacked_len: unpacked_len32, method, is_padded };
        self.runs.packed(open.at, unpacked_len, packed)
    }

    fn plain(&mut self, at: u64, unpacked_len: u64, offset: u64, len: u64, is_interlaced: bool) -> Result<()> {
        if unpacked_len > len {
            return self.runs.missing(at, unpacked_len, Error::corrupt("plain cluster", offset));
        }
        if !is_interlaced {
            return self.runs.stored(at, offset, unpacked_len);
        }
        // What comes first is at the end of the last block.
        let block_size = self.volume.superblock.block_size();
        let first = block_size.saturating_sub(at & block_size.saturating_sub(1));
        let turned_at = offset.saturating_add(len.saturating_sub(first));
        self.runs.stored(at, turned_at, first.min(unpacked_len))?;
        self.runs.stored(at.saturating_add(first), offset, unpacked_len.saturating_sub(first))
    }

    fn method(&self, open: &Open) -> Result<Method> {
        let superblock = &self.volume.superblock;
        let [first, second] = self.settings.algorithms;
        let algorithm = if open.kind == Head::Second { second } else { first };
        let is_known_to_image = superblock.algorithms.checked_shr(u32::from(algorithm)).unwrap_or(0) & 1 != 0;
        let offset = self.inode.end().next_multiple_of(SETTINGS_LEN).saturating_add(6);
        if !is_known_to_image {
            return Err(Error::corrupt("h_algorithmtype", offset));
        }
        match algorithm {
            0 if open.is_partial || !superblock.has_zero_padding() => Ok(Method::Lz4Padded),
            0 => Ok(Method::Lz4),
            1 => Ok(Method::MicroLzma),
            2 => Ok(Method::Deflate),
            3 => Ok(Method::Zstd),
            _ => Err(Error::unsupported("h_algorithmtype", offset, u64::from(algorithm))),
        }
    }
}
