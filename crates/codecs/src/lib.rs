//! Bounded decompression. The only crate that links a decompressor.
//!
//! No length that an archive declares is ever trusted: output grows as it is produced and stops at its bound.

mod bcj2;
mod block;
mod cache;
mod crc16;
mod filter;
mod in_passing;
mod inflate;
mod input;
mod lz4;
mod lz4_frame;
mod lzma;
mod lzo_rle;
mod lzop;
mod member;
mod ppmd;
mod rar;
mod repack;
mod stream;

pub use bcj2::bcj2;
pub use block::{Method, unpack_block};
pub use cache::{Block, Blocks};
pub use crc16::{Crc16, Crc16Kind, crc16};
pub use filter::Filter;
pub use in_passing::{Checksum, verified_in_passing};
pub use inflate::{Inflated, Wrapping, inflate, inflate_each};
pub use member::{MEMORY_LEN_MAX, PackedMember, Sink, made_when_read, row_made_when_read};
pub use rar::{Rar4Decoder, RarDecoder};
pub use repack::deflate_as_zlib;
pub use stream::{Codec, Unpacked, unpack, unpack_each, unpack_seekable};

/// CRC-32 (ISO 3309, as zip, gzip and Android sparse images use it) of bytes given in pieces.
#[derive(Debug, Clone, Default)]
pub struct Crc32(crc32fast::Hasher);

impl Crc32 {
    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of everything added.
    #[must_use]
    pub fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}

/// CRC-32 of `bytes`.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// `usize` is at most 64 bits on every platform this is built for.
pub(crate) fn len64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
