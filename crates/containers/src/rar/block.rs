//! What the blocks of an archive say, whatever its version.

use bytes::{ByteSource, Error, Kind};

/// What a block is.
pub(super) enum Block {
    /// The header of the archive, and which volume of a set it is if it says so.
    Archive {
        volume: Option<u64>,
    },
    File(File),
    /// The archive goes on in another volume, or it does not; and which volume this was if the block says so.
    End {
        goes_on: bool,
        volume: Option<u64>,
    },
    /// Headers from here on are encrypted.
    Encrypted,
    /// Comments, recovery records and what later versions add.
    Other,
}

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    Stored,
    /// As versions 2.9 to 4 pack.
    Four,
    /// As version 5 packs.
    Five,
    /// As another version packs.
    Unknown(u64),
}

/// What a member is a link to.
pub(super) enum Link {
    Symbolic(Vec<u8>),
    /// Another member with the same contents.
    Same(Vec<u8>),
    Unknown(u64),
}

/// A member, or what of it is in one volume.
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) is_folder: bool,
    /// Mode and type of the file, if a Unix wrote it.
    pub(super) mode: Option<u32>,
    /// Nothing if the archive does not say it.
    pub(super) unpacked_len: Option<u64>,
    pub(super) crc32: Option<u32>,
    pub(super) packing: Packing,
    /// Whether it is packed with what was unpacked before it.
    pub(super) is_solid: bool,
    pub(super) dictionary_len: u64,
    pub(super) is_encrypted: bool,
    pub(super) link: Option<Link>,
    /// Whether the volume before has the data before this, and the next one what follows.
    pub(super) is_continued: bool,
    pub(super) goes_on: bool,
    pub(super) offset: u64,
    pub(super) data: ByteSource,
}

/// What is told of bytes that nobody reads without a key.
pub(super) const fn encrypted(what: &'static str, offset: u64) -> Error {
    Error { kind: Kind::Encrypted, what, offset }
}
