//! Patches that make new bytes from old ones: bsdiff as its author wrote it (`BSDIFF40`, packed with bzip2) and as updates
//! of Android carry it (`BSDF2`, each of the three streams packed in its own way). Written from the description of the
//! format in bspatch.c and from AOSP external/bsdiff, include/bsdiff/constants.h and patch_reader.cc.
//!
//! A patch is a list of steps: so many bytes that are the sum of old bytes and of a difference, so many new bytes, and how
//! far to go in the old ones.

use bytes::{Budget, ByteSource, Cursor, Error, Limit, Limits, Result};
use codecs::{Codec, Sink};

const MAGIC: &[u8] = b"BSDIFF40";
/// Three bytes behind it say how each stream is packed.
const MAGIC_TYPED: &[u8] = b"BSDF2";
const HEADER_LEN: u64 = 32;
/// Length of a step.
const STEP_LEN: u64 = 24;
/// Most bytes that a patch makes: makers of updates bound it to 200 MiB, because of what it costs them.
const MADE_LEN_MAX: u64 = 512 << 20;
/// Most bytes of the steps of one patch: nearly three million steps.
const STEPS_LEN_MAX: u64 = 64 << 20;
/// Bytes made at a time.
const WINDOW_LEN: usize = 64 << 10;

/// One of the streams, and how it is packed.
struct Stream {
    bytes: ByteSource,
    codec: Option<Codec>,
}

impl Stream {
    fn new(bytes: ByteSource, kind: u8, offset: u64) -> Result<Self> {
        let codec = match kind {
            0 => None,
            1 => Some(Codec::Bzip2),
            2 => Some(Codec::Brotli),
            other => return Err(Error::unsupported("bsdiff compressor", offset, u64::from(other))),
        };
        Ok(Self { codec: codec.filter(|_| !bytes.is_empty()), bytes })
    }

    /// The unpacked stream, which has at most `len_max` bytes.
    fn unpacked(&self, len_max: u64) -> Result<ByteSource> {
        let Some(codec) = self.codec else { return Ok(self.bytes.clone()) };
        let budget = Budget::new(Limits { unpacked_bytes: len_max, ..Limits::FILE });
        let unpacked = codecs::unpack_seekable(&self.bytes, codec, &budget)?;
        unpacked.error.map_or(Ok(unpacked.source), Err)
    }
}

/// A patch whose head was read.
pub(crate) struct Patch {
    steps: Stream,
    difference: Stream,
    fresh: Stream,
    /// Length of what it makes.
    pub(crate) len: u64,
}

impl Patch {
    /// Reads the head of `patch`; offsets in errors count from its start.
    pub(crate) fn read(patch: &ByteSource) -> Result<Self> {
        let head = patch.array::<{ HEADER_LEN as usize }>(0, "bsdiff header")?;
        let kinds = if head.starts_with(MAGIC) {
            [1; 3]
        } else if head.starts_with(MAGIC_TYPED) {
            let [_, _, _, _, _, steps, difference, fresh, ..] = head;
            [steps, difference, fresh]
        } else {
            return Err(Error::corrupt("bsdiff magic", 0));
        };
        let mut cursor = Cursor::at(&head, 8, "bsdiff header")?;
        let [steps_len, difference_len, len] =
            [length(&mut cursor, "steps")?, length(&mut cursor, "difference")?, length(&mut cursor, "new size")?];
        if len > MADE_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "bsdiff new size", 24));
        }
        let difference_at = HEADER_LEN.saturating_add(steps_len);
        let fresh_at = difference_at.saturating_add(difference_len);
        let fresh_len = patch.len().saturating_sub(fresh_at);
        let [steps_kind, difference_kind, fresh_kind] = kinds;
        Ok(Self {
            steps: Stream::new(patch.slice(HEADER_LEN, steps_len, "bsdiff steps")?, steps_kind, 5)?,
            difference: Stream::new(
                patch.slice(difference_at, difference_len, "bsdiff difference")?,
                difference_kind,
                6,
            )?,
            fresh: Stream::new(patch.slice(fresh_at, fresh_len, "bsdiff new bytes")?, fresh_kind, 7)?,
            len,
        })
    }

    /// Makes the new bytes from `old`.
    pub(crate) fn apply(&self, old: &ByteSource, sink: &mut Sink<'_>) -> Result<()> {
        let steps = self.steps.unpacked(STEPS_LEN_MAX)?;
        let (difference, fresh) = (self.difference.unpacked(self.len)?, self.fresh.unpacked(self.len)?);
        let (mut difference_at, mut fresh_at, mut old_at) = (0_u64, 0_u64, 0_i128);
        let (mut made, mut step_at) = (0_u64, 0_u64);
        let mut window = vec![0; WINDOW_LEN];
        let mut under = vec![0; WINDOW_LEN];
        while made < self.len {
            let step = steps.array::<{ STEP_LEN as usize }>(step_at, "bsdiff step")?;
            let mut cursor = Cursor::new(&step, step_at);
            let [sum_len, fresh_len] = [length(&mut cursor, "bsdiff step")?, length(&mut cursor, "bsdiff step")?];
            let go = i128::from(signed(&mut cursor, "bsdiff step")?);
            let left = self.len.saturating_sub(made);
            if sum_len.checked_add(fresh_len).is_none_or(|len| len > left) {
                return Err(Error::corrupt("bsdiff step", step_at));
            }
            let mut done = 0;
            while let Some(part) = next_part(&mut window, sum_len, done) {
                difference.read(difference_at.saturating_add(done), part, "bsdiff difference")?;
                let under = under.get_mut(..part.len()).unwrap_or_default();
                // At most 2^63 forward in each of less than 2^22 steps.
                old_bytes(old, old_at.saturating_add(i128::from(done)), under)?;
                for (byte, old) in part.iter_mut().zip(under) {
                    *byte = byte.wrapping_add(*old);
                }
                done = done.saturating_add(part.len() as u64);
                sink(part)?;
            }
            done = 0;
            while let Some(part) = next_part(&mut window, fresh_len, done) {
                fresh.read(fresh_at.saturating_add(done), part, "bsdiff new bytes")?;
                done = done.saturating_add(part.len() as u64);
                sink(part)?;
            }
            difference_at = difference_at.saturating_add(sum_len);
            fresh_at = fresh_at.saturating_add(fresh_len);
            old_at = old_at.saturating_add(i128::from(sum_len)).saturating_add(go);
            made = made.saturating_add(sum_len).saturating_add(fresh_len);
            step_at = step_at.saturating_add(STEP_LEN);
        }
        Ok(())
    }
}

/// Room for what comes next of `len` bytes, of which so many are done; nothing at their end.
fn next_part(window: &mut [u8], len: u64, done: u64) -> Option<&mut [u8]> {
    let left = len.saturating_sub(done).min(window.len() as u64);
    window.get_mut(..usize::try_from(left).ok()?).filter(|part| !part.is_empty())
}

/// Old bytes from `at` on; what lies outside counts as zero.
fn old_bytes(old: &ByteSource, at: i128, target: &mut [u8]) -> Result<()> {
    target.fill(0);
    let before = usize::try_from(0_i128.saturating_sub(at).max(0)).unwrap_or(usize::MAX);
    if let (Some(part), Ok(at)) = (target.get_mut(before..), u64::try_from(at.max(0))) {
        old.read_some(at, part)?;
    }
    Ok(())
}

/// A number whose highest bit is its sign.
fn signed(cursor: &mut Cursor<'_>, what: &'static str) -> Result<i64> {
    let word = cursor.u64_le(what)?;
    let value = (word & !(1 << 63)) as i64;
    Ok(if word >> 63 == 0 { value } else { value.saturating_neg() })
}

fn length(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u64> {
    let offset = cursor.offset();
    u64::try_from(signed(cursor, what)?).map_err(|_| Error::corrupt(what, offset))
}

/// What `patch` makes of `old`, filled up with zeros to `len` bytes. Nothing is made before somebody reads it.
pub(crate) fn patched(old: ByteSource, patch: &ByteSource, len: u64) -> Result<ByteSource> {
    let patch = Patch::read(patch)?;
    if patch.len > len {
        return Err(Error::corrupt("bsdiff new size", 24));
    }
    let mut made = bytes::Extents::default();
    let padding = len.saturating_sub(patch.len);
    made.push(bytes::Piece::Stored(codecs::made_when_read(patch.len, move |sink| patch.apply(&old, sink))));
    made.push(bytes::Piece::zeros(padding));
    Ok(made.into_source())
}
