//! Bounded decompression. The only crate that links a decompressor.
