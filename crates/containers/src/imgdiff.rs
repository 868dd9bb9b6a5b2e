//! Patches of files that hold packed parts (`IMGDIFF2`): what is packed is unpacked, patched, and packed again as it was. Met
//! in incremental updates, for archives and packed images. Written from AOSP bootable/recovery, applypatch/imgdiff.cpp (the
//! comment that describes the format) and applypatch/include/applypatch/imgdiff.h.

use bytes::{Budget, ByteSource, Cursor, Error, Limit, Limits, Result};
use codecs::{Codec, Sink, Wrapping};

use crate::bsdiff;

pub(crate) const MAGIC: &[u8] = b"IMGDIFF2";
const HEAD_LEN: u64 = 12;
/// Kinds of chunks: patched as they are; patched unpacked; new.
const NORMAL: u32 = 0;
const DEFLATE: u32 = 2;
const RAW: u32 = 3;
/// Longest part that is unpacked.
const UNPACKED_LEN_MAX: u64 = 256 << 20;
/// The settings of zlib that are known here: method, bits of the window (negative: without a header), memory, strategy.
const SETTINGS: [i32; 4] = [8, -15, 8, 0];

/// A part of the new file.
enum Chunk {
    Normal(Patched),
    Deflate { patched: Patched, unpacked_len: u64, level: u32 },
    Raw(ByteSource),
}

/// A part of the old file and its patch.
struct Patched {
    start: u64,
    len: u64,
    patch: bsdiff::Patch,
}

impl Patched {
    fn read(cursor: &mut Cursor<'_>, patch: &ByteSource) -> Result<Self> {
        let (start, len) = (cursor.u64_le("src_start")?, cursor.u64_le("src_len")?);
        let at = cursor.u64_le("patch_offset")?;
        let left = patch.len().saturating_sub(at);
        let inner = bsdiff::Patch::read(&patch.slice(at, left, "patch_offset")?);
        let inner = inner.map_err(|error| Error { offset: error.offset.saturating_add(at), ..error })?;
        Ok(Self { start, len, patch: inner })
    }

    fn old(&self, source: &ByteSource) -> Result<ByteSource> {
        source.slice(self.start, self.len, "src_len")
    }
}

/// A patch whose list of chunks was read.
pub(crate) struct Chunks(Vec<Chunk>);

impl Chunks {
    /// Reads the chunks of `patch`; offsets in errors count from its start.
    pub(crate) fn read(patch: &ByteSource, budget: &Budget) -> Result<Self> {
        let head = patch.array::<{ HEAD_LEN as usize }>(0, "imgdiff header")?;
        let mut cursor = Cursor::new(&head, 0);
        if cursor.take(8, "imgdiff magic")? != MAGIC {
            return Err(Error::corrupt("imgdiff magic", 0));
        }
        let count = cursor.u32_le("number of chunks")?;
        let mut chunks = Vec::new();
        let mut at = HEAD_LEN;
        for _ in 0..count {
            budget.spend_nodes(1, "chunk", at)?;
            let (chunk, len) = chunk(patch, at)?;
            at = at.saturating_add(len);
            chunks.push(chunk);
        }
        Ok(Self(chunks))
    }

    /// Makes the new file from the old one.
    pub(crate) fn apply(&self, source: &ByteSource, sink: &mut Sink<'_>) -> Result<()> {
        for chunk in &self.0 {
            match chunk {
                Chunk::Normal(patched) => patched.patch.apply(&patched.old(source)?, sink)?,
                Chunk::Deflate { patched, unpacked_len, level } => {
                    let budget = Budget::new(Limits { unpacked_bytes: *unpacked_len, ..Limits::FILE });
                    let packed = patched.old(source)?;
                    let old = codecs::unpack_seekable(&packed, Codec::Deflate(Wrapping::Raw), &budget)?;
                    let mut spool = Vec::new();
                    patched.patch.apply(&old.error.map_or(Ok(old.source), Err)?, &mut |bytes| {
                        spool.extend_from_slice(bytes);
                        Ok(())
                    })?;
                    codecs::deflate_as_zlib(&ByteSource::from_bytes(spool), *level, sink)?;
                }
                Chunk::Raw(bytes) => each(bytes, sink)?,
            }
        }
        Ok(())
    }
}

/// The chunk at `at` and the length of its description.
fn chunk(patch: &ByteSource, at: u64) -> Result<(Chunk, u64)> {
    let kind = u32::from_le_bytes(patch.array(at, "chunk type")?);
    let body = at.saturating_add(4);
    Ok(match kind {
        NORMAL => {
            let bytes = patch.array::<24>(body, "chunk")?;
            (Chunk::Normal(Patched::read(&mut Cursor::new(&bytes, body), patch)?), 28)
        }
        DEFLATE => {
            let bytes = patch.array::<60>(body, "chunk")?;
            let mut cursor = Cursor::new(&bytes, body);
            let patched = Patched::read(&mut cursor, patch)?;
            let (unpacked_len, made_len) = (cursor.u64_le("source_len")?, cursor.u64_le("target_len")?);
            let level = cursor.i32_le("level")?;
            let mut settings = [0; 4];
            for setting in &mut settings {
                *setting = cursor.i32_le("settings of zlib")?;
            }
            let level = match u32::try_from(level) {
                Ok(level @ 4..=9) if settings == SETTINGS => level,
                // Zlib's own default.
                Err(_) if level == -1 && settings == SETTINGS => 6,
                _ => return Err(Error::unsupported("settings of zlib", body.saturating_add(40), level as u64)),
            };
            if unpacked_len.max(made_len) > UNPACKED_LEN_MAX {
                return Err(Error::limit(Limit::UnpackedBytes, "source_len", body.saturating_add(24)));
            }
            if patched.patch.len != made_len {
                return Err(Error::corrupt("target_len", body.saturating_add(32)));
            }
            (Chunk::Deflate { patched, unpacked_len, level }, 64)
        }
        RAW => {
            let len = u64::from(u32::from_le_bytes(patch.array(body, "data_len")?));
            let bytes = patch.slice(body.saturating_add(4), len, "data_len")?;
            (Chunk::Raw(bytes), len.saturating_add(8))
        }
        other => return Err(Error::unsupported("chunk type", at, u64::from(other))),
    })
}

/// Gives all of `bytes` to `sink`.
fn each(bytes: &ByteSource, sink: &mut Sink<'_>) -> Result<()> {
    let mut window = vec![0; 64 << 10];
    let mut offset = 0;
    while offset < bytes.len() {
        let count = bytes.read_some(offset, &mut window)?;
        sink(window.get(..count).unwrap_or_default())?;
        offset = offset.saturating_add(count as u64);
    }
    Ok(())
}
