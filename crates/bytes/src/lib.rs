//! Bytes this program did not write: where they come from, how far they may be read, and what went wrong at which
//! offset.
//!
//! Everything above this crate reads hostile input only through these types, so bounds, limits and offsets are decided
//! here once. This is also the only crate that opens files.

mod base;
mod budget;
mod cursor;
mod error;
mod extents;
pub mod host;
mod keys;
mod source;
mod spool;
mod spread;

pub use base::Base;
pub use budget::{Budget, Limit, Limits};
pub use cursor::Cursor;
pub use error::{Error, Kind, Result};
pub use extents::{Extents, Piece};
pub use keys::Keys;
pub use source::{ByteSource, ReadAt, reading_order};
pub use spool::Spool;
pub use spread::bits_per_byte;
