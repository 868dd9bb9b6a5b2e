//! LZ4 frames, and the older frames of the Linux kernel. Met as ramdisks and as images of one large maker. Written from
//! lz4_Frame_format.md; blocks are left to a library.

use std::hash::Hasher;

use bytes::{Budget, ByteSource, Error, Extents, Kind, Piece, Result};
use twox_hash::XxHash32;

use crate::{
    Unpacked,
    in_passing::{Checksum, verified_in_passing},
    input::{Input, Output},
    len64,
    member::made_when_read,
};

pub(crate) const FRAME_MARK: u32 = 0x184d_2204;
pub(crate) const LEGACY_MARK: u32 = 0x184c_2102;
/// Frames of user data: sixteen marks from this one on, a length, and bytes to step over.
const SKIPPABLE_MARK: u32 = 0x184d_2a50;
/// Blocks of a legacy frame hold this much, the last one less.
const LEGACY_BLOCK_LEN: u32 = 8 << 20;
/// No block is packed to more than this: 8 MiB of literals and their lengths.
const LEGACY_PACKED_LEN_MAX: u32 = LEGACY_BLOCK_LEN + LEGACY_BLOCK_LEN / 255 + 16;
/// How far a block of a linked frame looks back.
const HISTORY_LEN: usize = 64 << 10;

/// The header of a frame.
#[derive(Debug, Clone, Copy)]
struct Header {
    independent: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_len: Option<u64>,
    block_len_max: usize,
}

impl Header {
    /// Reads what follows the mark.
    fn read(input: &mut Input<'_>) -> Result<Self> {
        let offset = input.offset();
        let [flags, descriptor] = input.take("lz4 frame descriptor")?;
        if flags >> 6 != 1 {
            return Err(Error::unsupported("lz4 frame version", offset, u64::from(flags >> 6)));
        }
        let mut checked = vec![flags, descriptor];
        let mut content_len = None;
        if flags & 8 != 0 {
            let bytes: [u8; 8] = input.take("lz4 content size")?;
            checked.extend(bytes);
            content_len = Some(u64::from_le_bytes(bytes));
        }
        if flags & 1 != 0 {
            let id: [u8; 4] = input.take("lz4 dictionary id")?;
            return Err(Error::unsupported("lz4 dictionary id", offset, u64::from(u32::from_le_bytes(id))));
        }
        let [sum] = input.take("lz4 header checksum")?;
        // The second byte of the hash.
        if XxHash32::oneshot(0, &checked).to_le_bytes().get(1) != Some(&sum) {
            return Err(Error::checksum("lz4 header checksum", offset));
        }
        let block_len_max = match descriptor >> 4 & 7 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            other => return Err(Error::unsupported("lz4 block maximum size", offset, u64::from(other))),
        };
        Ok(Self {
            independent: flags & 0x20 != 0,
            block_checksums: flags & 0x10 != 0,
            content_checksum: flags & 4 != 0,
            content_len,
            block_len_max,
        })
    }
}

/// One block inside a frame: its bytes, and whether they are packed.
struct Block {
    bytes: ByteSource,
    is_packed: bool,
    offset: u64,
    checksum: Option<u32>,
}

impl Block {
    /// The bytes as stored, if they match their checksum. Blocks are bounded by their format.
    fn read(&self) -> Result<Vec<u8>> {
        let stored = read(&self.bytes)?;
        if self.checksum.is_some_and(|checksum| XxHash32::oneshot(0, &stored) != checksum) {
            return Err(Error::checksum("lz4 block checksum", self.offset));
        }
        Ok(stored)
    }

    /// Its `unpacked_len` bytes, at most [`Header::block_len_max`], made when they are read.
    fn into_source(self, unpacked_len: u64) -> ByteSource {
        if !self.is_packed && self.checksum.is_none() {
            return self.bytes;
        }
        made_when_read(unpacked_len, move |sink| {
            let stored = self.read()?;
            if !self.is_packed {
                return sink(&stored);
            }
            let mut unpacked = vec![0; usize::try_from(unpacked_len).unwrap_or(0)];
            let made = lz4_flex::block::decompress_into(&stored, &mut unpacked);
            let made = made.map_err(|_| Error::corrupt("lz4 block", self.offset))?;
            sink(unpacked.get(..made).unwrap_or_default())
        })
    }
}

/// The next block of a frame; nothing at its end mark.
fn next_block(input: &mut Input<'_>, header: Header) -> Result<Option<Block>> {
    let offset = input.offset();
    let word = u32::from_le_bytes(input.take("lz4 block size")?);
    if word == 0 {
        return Ok(None);
    }
    let (len, is_packed) = (word & 0x7fff_ffff, word >> 31 == 0);
    if u64::from(len) > len64(header.block_len_max) {
        return Err(Error::corrupt("lz4 block size", offset));
    }
    let bytes = input.take_range(u64::from(len), "lz4 block")?;
    let checksum =
        if header.block_checksums { Some(u32::from_le_bytes(input.take("lz4 block checksum")?)) } else { None };
    Ok(Some(Block { bytes, is_packed, offset: offset.saturating_add(4), checksum }))
}

/// Frames of any kind, one after the other.
pub(crate) fn frames(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    let mut count = 0_u64;
    loop {
        match input.peek_u32() {
            Some(FRAME_MARK) => {
                input.skip(4);
                frame(input, output)?;
            }
            Some(LEGACY_MARK) => {
                input.skip(4);
                legacy(input, output)?;
            }
            Some(mark) if mark & !15 == SKIPPABLE_MARK => {
                let [_, len] = [input.take::<4>("mark")?, input.take::<4>("lz4 user data size")?];
                input.skip(u64::from(u32::from_le_bytes(len)));
            }
            // What follows without a mark is padding.
            _ if count > 0 => return Ok(()),
            _ => return Err(Error::corrupt("lz4 magic", input.offset())),
        }
        count = count.saturating_add(1);
    }
}

fn frame(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    let header = Header::read(input)?;
    let mut hash = XxHash32::with_seed(0);
    let mut history: Vec<u8> = Vec::new();
    let mut unpacked = Vec::new();
    let len_before = output.len;
    while let Some(block) = next_block(input, header)? {
        let packed = block.read()?;
        let made: &[u8] = if block.is_packed {
            make_room(&mut unpacked, &packed, header.block_len_max);
            let made = lz4_flex::block::decompress_into_with_dict(&packed, &mut unpacked, &history);
            let made = made.map_err(|_| Error::corrupt("lz4 block", block.offset))?;
            unpacked.get(..made).unwrap_or_default()
        } else {
            &packed
        };
        if header.content_checksum {
            hash.write(made);
        }
        output.put(made, "lz4 frame", block.offset)?;
        if !header.independent {
            history.extend_from_slice(made);
            let surplus = history.len().saturating_sub(HISTORY_LEN);
            history.drain(..surplus);
        }
    }
    let offset = input.offset();
    if header.content_checksum && u32::from_le_bytes(input.take("lz4 content checksum")?) != hash.finish_32() {
        return Err(Error::checksum("lz4 content checksum", offset));
    }
    let made = output.len.saturating_sub(len_before);
    if header.content_len.is_some_and(|len| len != made) {
        return Err(Error::corrupt("lz4 content size", offset));
    }
    Ok(())
}

/// Blocks of 8 MiB until something comes that is no length of one: another mark, padding or the end.
fn legacy(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    let mut unpacked = Vec::new();
    while let Some(len) = input.peek_u32().filter(|&len| len > 0 && len <= LEGACY_PACKED_LEN_MAX) {
        input.skip(4);
        let offset = input.offset();
        let packed = read(&input.take_range(u64::from(len), "lz4 block")?)?;
        make_room(&mut unpacked, &packed, LEGACY_BLOCK_LEN as usize);
        let made = lz4_flex::block::decompress_into(&packed, &mut unpacked);
        let made = made.map_err(|_| Error::corrupt("lz4 block", offset))?;
        output.put(unpacked.get(..made).unwrap_or_default(), "lz4 legacy frame", offset)?;
    }
    Ok(())
}

/// Makes `unpacked` as long as what `packed` can become: a byte of a length stands for 255 bytes at most.
fn make_room(unpacked: &mut Vec<u8>, packed: &[u8], len_max: usize) {
    let len = packed.len().saturating_mul(255).saturating_add(64).min(len_max);
    if unpacked.len() < len {
        unpacked.resize(len, 0);
    }
}

/// Blocks are bounded by their format: at most [`LEGACY_PACKED_LEN_MAX`].
fn read(bytes: &ByteSource) -> Result<Vec<u8>> {
    let mut packed = vec![0; usize::try_from(bytes.len()).unwrap_or(0)];
    bytes.read(0, &mut packed, "lz4 block")?;
    Ok(packed)
}

/// One frame of independent blocks as a source that unpacks the blocks that are read; `None` if it is no such frame or
/// does not say how long its content is. The checksum of the content is compared if all of it is read, from front to back.
pub(crate) fn seekable(source: &ByteSource, budget: &Budget) -> Option<Result<Unpacked>> {
    let mut input = Input::new(source);
    (u32::from_le_bytes(input.take("lz4 magic").ok()?) == FRAME_MARK).then_some(())?;
    let header = Header::read(&mut input).ok()?;
    let mut left = header.content_len.filter(|_| header.independent)?;
    let mut extents = Extents::default();
    while left > 0 {
        if let Err(error) = budget.spend_nodes(1, "lz4 block", input.offset()) {
            return Some(Err(error));
        }
        let unpacked_len = left.min(len64(header.block_len_max));
        match next_block(&mut input, header) {
            Ok(Some(block)) if block.is_packed || block.bytes.len() == unpacked_len => {
                extents.push(Piece::Stored(block.into_source(unpacked_len)));
            }
            Ok(_) => return None,
            // The source ends here: what was before stays readable. The length that the rest claims is only claimed.
            Err(error) if matches!(error.kind, Kind::Truncated { .. }) && !extents.is_empty() => {
                extents.push(Piece::Missing(error, left));
                return Some(Ok(Unpacked { source: extents.into_source(), error: Some(error) }));
            }
            Err(_) => return None,
        }
        left = left.saturating_sub(unpacked_len);
    }
    if !matches!(next_block(&mut input, header), Ok(None)) {
        return None;
    }
    let offset = input.offset();
    let checksum = header.content_checksum.then(|| input.take("lz4 content checksum"));
    let goes_on = input.peek_u32().is_some_and(|mark| matches!(mark, FRAME_MARK | LEGACY_MARK));
    if goes_on || extents.is_empty() {
        return None;
    }
    let source = extents.into_source();
    Some(Ok(match checksum {
        Some(Ok(expected)) => {
            let content = Content { hash: XxHash32::with_seed(0), expected: u32::from_le_bytes(expected) };
            let error = Error::checksum("lz4 content checksum", offset);
            Unpacked { source: verified_in_passing(source, content, error), error: None }
        }
        Some(Err(error)) => Unpacked { source, error: Some(error) },
        None => Unpacked { source, error: None },
    }))
}

/// The checksum of all that a frame holds.
#[derive(Clone)]
struct Content {
    hash: XxHash32,
    expected: u32,
}

impl Checksum for Content {
    fn update(&mut self, bytes: &[u8]) {
        self.hash.write(bytes);
    }

    fn is_right(&self) -> bool {
        self.hash.finish_32() == self.expected
    }
}
