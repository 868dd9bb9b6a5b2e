//! The checks of xz: CRC-32, CRC-64 (ECMA-182, reflected) and SHA-256 of each block. Written from "The .xz File Format", 1.2.1.

use sha2::{Digest, Sha256};

use crate::Crc32;

/// What stands behind a block, and what was seen of the block.
pub(super) enum Check {
    Nothing,
    Crc32(Crc32),
    Crc64(Crc64),
    Sha256(Box<Sha256>),
}

impl Check {
    /// By the number in the header of a stream.
    pub(super) fn new(kind: u8) -> Option<Self> {
        match kind {
            0 => Some(Self::Nothing),
            1 => Some(Self::Crc32(Crc32::default())),
            4 => Some(Self::Crc64(Crc64::default())),
            10 => Some(Self::Sha256(Box::default())),
            _ => None,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Nothing => {}
            Self::Crc32(crc) => crc.update(bytes),
            Self::Crc64(crc) => crc.update(bytes),
            Self::Sha256(sha256) => sha256.update(bytes),
        }
    }

    /// As it stands in the file.
    pub(super) fn value(self) -> Vec<u8> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Crc32(crc) => crc.value().to_le_bytes().to_vec(),
            Self::Crc64(crc) => crc.value().to_le_bytes().to_vec(),
            Self::Sha256(sha256) => sha256.finalize().to_vec(),
        }
    }
}

/// CRC-64 of bytes given in pieces.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Crc64(u64);

const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

/// What a byte does to the checksum, with none to seven bytes behind it.
static TABLES: [[u64; 256]; 8] = tables();

#[allow(clippy::indexing_slicing, reason = "evaluated when the program is built, where a fault stops the build")]
const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u64;
        let mut turn = 0;
        while turn < 64 {
            value = value >> 1 ^ if value & 1 == 1 { POLYNOMIAL } else { 0 };
            tables[turn / 8][byte] = value;
            turn += 1;
        }
        byte += 1;
    }
    tables
}

impl Crc64 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut value = !self.0;
        for word in words {
            let mixed = (value ^ u64::from_le_bytes(*word)).to_le_bytes();
            value = 0;
            for (byte, table) in mixed.iter().zip(TABLES.iter().rev()) {
                value ^= table.get(usize::from(*byte)).copied().unwrap_or(0);
            }
        }
        for byte in rest {
            let [low, ..] = value.to_le_bytes();
            let [table, ..] = &TABLES;
            value = value >> 8 ^ table.get(usize::from(low ^ byte)).copied().unwrap_or(0);
        }
        self.0 = !value;
    }

    pub(super) const fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_catalogue_however_the_bytes_are_cut() {
        // "check" of CRC-64/XZ in the catalogue of parametrised CRC algorithms.
        for cut in 0..9 {
            let (head, tail) = b"123456789".split_at(cut);
            let mut crc = Crc64::default();
            crc.update(head);
            crc.update(tail);
            assert_eq!(crc.value(), 0x995d_c9bb_df19_39fa, "cut at {cut}");
        }
    }
}
