//! The packings of RAR archives: matches in a window and codes, and filters over the result. That of version 5 comes in blocks with
//! lengths; that of versions 2.9 to 4 does not, and has PPMd beside it.

mod bits;
mod filters;
mod five;
mod four;
mod programs;
mod window;

pub(crate) use bits::StreamBits;
pub use five::RarDecoder;
pub use four::Rar4Decoder;

/// Longest window: as for LZMA.
const WINDOW_LEN_MAX: u64 = 256 << 20;
/// Filters are for ranges of at most this length.
const FILTER_LEN_MAX: u64 = 4 << 20;
/// Filters that wait for their range to be full.
const FILTERS_MAX: usize = 8192;
/// Filters of one range: archivers write one or two, and each is a pass over it.
const FILTERS_OF_RANGE_MAX: usize = 8;
