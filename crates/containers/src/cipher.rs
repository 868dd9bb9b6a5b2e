//! Ciphers of encrypted packages, applied where the bytes are read: nothing is decrypted before somebody asks for it.

use aes::{
    Aes128, Block,
    cipher::{BlockDecrypt, BlockEncrypt, KeyInit},
    hazmat,
};
use bytes::{ByteSource, ReadAt, Result};

pub(crate) const BLOCK_LEN: usize = 16;
const BLOCK_LEN_64: u64 = 16;
/// Keys of the rounds of AES with a key of 128 bits.
const ROUND_KEYS: usize = 11;

/// AES with a key of 128 bits, or with keys of its rounds that no key leads to.
#[derive(Clone)]
pub(crate) enum Cipher {
    Key(Box<Aes128>),
    Rounds(Box<[Block; ROUND_KEYS]>),
}

impl Cipher {
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        Aes128::new_from_slice(key).ok().map(|cipher| Self::Key(Box::new(cipher)))
    }

    /// A table with one byte for each 32-bit word of the round keys, as `ops` packages have it.
    pub(crate) fn of_words(table: &[u8]) -> Option<Self> {
        let mut rounds = [Block::default(); ROUND_KEYS];
        let words = rounds.iter_mut().flat_map(|round| round.chunks_exact_mut(4));
        let mut given = table.iter();
        for word in words {
            let low = word.first_mut()?;
            *low = *given.next()?;
        }
        Some(Self::Rounds(Box::new(rounds)))
    }

    fn encrypt(&self, block: &mut Block) {
        match self {
            Self::Key(cipher) => cipher.encrypt_block(block),
            Self::Rounds(rounds) => {
                let [first, middle @ .., last] = &**rounds;
                xor(block, first);
                for round in middle {
                    hazmat::cipher_round(block, round);
                }
                // The last round mixes no columns.
                hazmat::cipher_round(block, &Block::default());
                hazmat::inv_mix_columns(block);
                xor(block, last);
            }
        }
    }

    fn decrypt(&self, block: &mut Block) {
        if let Self::Key(cipher) = self {
            cipher.decrypt_block(block);
        }
    }
}

fn xor(target: &mut [u8], mask: &[u8]) {
    for (byte, mask) in target.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// Bytes whose beginning is encrypted in cipher feedback mode (CFB-128).
pub(crate) struct Feedback {
    pub(crate) data: ByteSource,
    pub(crate) encrypted_len: u64,
    pub(crate) cipher: Cipher,
    pub(crate) vector: [u8; BLOCK_LEN],
}

impl ReadAt for Feedback {
    fn len(&self) -> u64 {
        self.data.len()
    }

    fn stored_at(&self, offset: u64) -> u64 {
        self.data.stored_from(offset)
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        self.data.read(offset, target, "encrypted data")?;
        let encrypted = self.encrypted_len.saturating_sub(offset).min(target.len() as u64);
        let (mut start, end) = (offset - offset % BLOCK_LEN_64, offset.saturating_add(encrypted));
        while start < end {
            let mut pad = match start.checked_sub(BLOCK_LEN_64) {
                Some(before) => Block::from(self.data.array::<BLOCK_LEN>(before, "encrypted block")?),
                None => Block::from(self.vector),
            };
            self.cipher.encrypt(&mut pad);
            for (position, mask) in (start..end).zip(pad) {
                let place = position.checked_sub(offset).and_then(|at| usize::try_from(at).ok());
                if let Some(byte) = place.and_then(|at| target.get_mut(at)) {
                    *byte ^= mask;
                }
            }
            start = start.saturating_add(BLOCK_LEN_64);
        }
        Ok(())
    }
}

/// Bytes of which the first block of every stride is encrypted by itself (ECB).
pub(crate) struct Striped {
    pub(crate) data: ByteSource,
    pub(crate) stride: u64,
    pub(crate) cipher: Cipher,
}

impl ReadAt for Striped {
    fn len(&self) -> u64 {
        self.data.len()
    }

    fn stored_at(&self, offset: u64) -> u64 {
        self.data.stored_from(offset)
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        self.data.read(offset, target, "encrypted data")?;
        let end = offset.saturating_add(target.len() as u64);
        let stride = self.stride.max(BLOCK_LEN_64);
        let mut start = offset - offset % stride;
        while start < end {
            // What is too short for a block at the end is stored as it is.
            let next = start.saturating_add(stride);
            if start.saturating_add(BLOCK_LEN_64) > offset && start.saturating_add(BLOCK_LEN_64) <= self.data.len() {
                let mut block = Block::from(self.data.array::<BLOCK_LEN>(start, "encrypted block")?);
                self.cipher.decrypt(&mut block);
                for (position, plain) in (start..end).zip(block) {
                    let place = position.checked_sub(offset).and_then(|at| usize::try_from(at).ok());
                    if let Some(byte) = place.and_then(|at| target.get_mut(at)) {
                        *byte = plain;
                    }
                }
            }
            start = next;
        }
        Ok(())
    }
}
