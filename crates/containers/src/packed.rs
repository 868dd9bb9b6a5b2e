//! Single packed files: gzip, xz, .lzma, bzip2, Zstandard, LZ4 and lzop. Met as ramdisks, as wrappers of images
//! (`system.img.lz4`, `super.img.xz`) and around archives (`.tar.gz`). Each is a container of one child without a name.
//!
//! Brotli has no mark and is not here: it is met in block updates alone, which name it.

use bytes::{Budget, ByteSource, Result};
use codecs::{Codec, Wrapping};

use crate::{Child, Format, Opened, Problem};

macro_rules! formats {
    ($($(#[$doc:meta])* $constant:ident $name:literal $codec:pat, $open:ident $probe:ident, $references:expr, $limitations:expr;)*) => {$(
        $(#[$doc])*
        pub static $constant: Format = Format {
            name: $name,
            probe: $probe,
            open,
            references: $references,
            limitations: $limitations,
        };

        fn $probe(source: &ByteSource) -> bool {
            matches!(Codec::identify(source), Some($codec))
        }
    )*};
}

formats! {
    /// gzip.
    GZIP "gzip" Codec::Deflate(Wrapping::Gzip), open probe_gzip, &["RFC 1952"], &[];
    /// xz.
    XZ "xz" Codec::Xz, open probe_xz, &["The .xz File Format 1.2.1"], &["dictionaries of more than 256 MiB are refused"];
    /// The .lzma format.
    LZMA "lzma" Codec::LzmaAlone, open probe_lzma, &["The .lzma File Format, in the documents of XZ Utils"],
        &["it has no mark: recognised only with the properties that all encoders choose (lc=3, lp=0, pb=2)",
          "dictionaries of more than 256 MiB are refused"];
    /// bzip2.
    BZIP2 "bzip2" Codec::Bzip2, open probe_bzip2, &["bzip2 1.0.8, manual"], &[];
    /// Zstandard.
    ZSTD "zstd" Codec::Zstd, open probe_zstd, &["RFC 8878"],
        &["frames that need a dictionary are refused", "windows of more than 100 MiB are refused"];
    /// LZ4 frames, present and legacy.
    LZ4 "lz4" Codec::Lz4, open probe_lz4, &["lz4_Frame_format.md 1.6.4", "lz4_Block_format.md"],
        &["of frames that are read block by block the checksums of blocks are compared, that of the whole if it is read from front to back",
          "frames that need a dictionary are refused"];
    /// lzop files.
    LZOP "lzop" Codec::Lzop, open probe_lzop, &["Linux kernel, lib/decompress_unlzo.c"], &["the checksum of the header is not compared"];
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let codec = Codec::identify(source).ok_or(bytes::Error::corrupt("mark", 0))?;
    let unpacked = codecs::unpack_seekable(source, codec, budget)?;
    let problems = unpacked.error.into_iter().map(|error| Problem { name: Vec::new(), error }).collect();
    Ok(Opened { children: vec![Child { name: Vec::new(), source: unpacked.source, mode: None }], problems })
}
