//! File system images behind a block that starts with `ASUS MAGIC!`. Met as `system.img` and `*.raw` members of full packages. No document
//! is public; written from the layout that public firmware tools agree on (srlabs/extractor, AsusMagicHandler).

use bytes::{Budget, ByteSource, Result};

use crate::{Child, Format, Opened};

/// Image behind a marked block: one child without a name.
pub static FORMAT: Format = Format {
    name: "magic_prefix",
    probe,
    open,
    references: &["layout facts of srlabs/extractor, extractor.py, AsusMagicHandler"],
    limitations: &[],
};

const MAGIC: &[u8] = b"ASUS MAGIC!\n";
const BLOCK_LEN: u64 = 4096;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn open(source: &ByteSource, _: &Budget) -> Result<Opened> {
    let image = source.slice(BLOCK_LEN, source.len().saturating_sub(BLOCK_LEN), "image")?;
    Ok(Opened { children: vec![Child { name: Vec::new(), source: image, mode: None }], problems: Vec::new() })
}
