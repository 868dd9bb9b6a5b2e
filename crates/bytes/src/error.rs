//! The one error type of everything that reads hostile bytes.

use std::{error, fmt, io};

use crate::Limit;

/// The result of reading hostile bytes.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a structure could not be read, and where.
///
/// Small, `Copy`, without allocation: parsers make millions of these while probing.
/// The walker adds the path of the node that `offset` is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What happened.
    pub kind: Kind,
    /// The field or structure being read, named as in the format's document.
    pub what: &'static str,
    /// Byte offset of that field in the source being parsed.
    pub offset: u64,
}

/// The ways reading can fail. Reports keep them apart: "we could not read it" must never look like "there was nothing in it".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The source ended before the field did.
    Truncated {
        /// Bytes the field needs.
        needed: u64,
        /// Bytes the source still had.
        available: u64,
    },
    /// The value contradicts the format.
    Corrupt,
    /// A stored checksum or digest does not match the bytes.
    Checksum,
    /// The value is legal, and this program does not implement it.
    Unsupported(u64),
    /// The content is encrypted and no key is at hand.
    Encrypted,
    /// The bytes are made from an older image, which is not at hand.
    BaseRequired,
    /// A budget ran out.
    Limit(Limit),
    /// The operating system failed to read.
    Io(io::ErrorKind),
}

impl Error {
    /// A value at `offset` contradicts the format.
    #[must_use]
    pub const fn corrupt(what: &'static str, offset: u64) -> Self {
        Self { kind: Kind::Corrupt, what, offset }
    }

    /// A stored checksum at `offset` does not match.
    #[must_use]
    pub const fn checksum(what: &'static str, offset: u64) -> Self {
        Self { kind: Kind::Checksum, what, offset }
    }

    /// `value` at `offset` is legal but not implemented.
    #[must_use]
    pub const fn unsupported(what: &'static str, offset: u64, value: u64) -> Self {
        Self { kind: Kind::Unsupported(value), what, offset }
    }

    /// The source holds `available` of the `needed` bytes.
    #[must_use]
    pub const fn truncated(what: &'static str, offset: u64, needed: u64, available: u64) -> Self {
        Self { kind: Kind::Truncated { needed, available }, what, offset }
    }

    /// A bound was reached while reading `what`.
    #[must_use]
    pub const fn limit(limit: Limit, what: &'static str, offset: u64) -> Self {
        Self { kind: Kind::Limit(limit), what, offset }
    }

    /// The operating system failed to read `what` at `offset`.
    #[must_use]
    pub fn io(error: &io::Error, what: &'static str, offset: u64) -> Self {
        Self { kind: Kind::Io(error.kind()), what, offset }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, what, offset } = self;
        match kind {
            Kind::Truncated { needed, available } => {
                write!(f, "{what} at {offset:#x}: needs {needed} bytes, {available} left")
            }
            Kind::Corrupt => write!(f, "{what} at {offset:#x}: corrupt"),
            Kind::Checksum => write!(f, "{what} at {offset:#x}: checksum does not match"),
            Kind::Unsupported(value) => write!(f, "{what} at {offset:#x}: {value:#x} is not supported"),
            Kind::Encrypted => write!(f, "{what} at {offset:#x}: encrypted"),
            Kind::BaseRequired => {
                write!(f, "{what} at {offset:#x}: base required, the image that the update applies to")
            }
            Kind::Limit(limit) => write!(f, "{what} at {offset:#x}: {limit} limit reached"),
            Kind::Io(kind) => write!(f, "{what} at {offset:#x}: {kind}"),
        }
    }
}

impl error::Error for Error {}
