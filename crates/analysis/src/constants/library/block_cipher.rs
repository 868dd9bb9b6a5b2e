//! The ciphers that hide constants: DES, triple DES and AES in ECB, CBC and CTR mode (FIPS 46-3, FIPS 197, NIST SP 800-38A), and
//! RC4, whose key may have any length, which the `rc4` crate's types do not allow.

use cipher::generic_array::GenericArray;
use cipher::{BlockDecrypt, BlockEncrypt, KeyInit};

/// A cipher with its key.
pub(in crate::constants) enum Keyed {
    Des(des::Des),
    TripleDes(des::TdesEde3),
    Aes128(aes::Aes128),
    Aes192(aes::Aes192),
    Aes256(aes::Aes256),
}

/// How blocks are chained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::constants) enum Mode {
    Ecb,
    Cbc,
    Ctr,
}

impl Keyed {
    pub(in crate::constants) fn des(key: &[u8]) -> Option<Self> {
        des::Des::new_from_slice(key).ok().map(Self::Des)
    }

    /// Two keys stand for three, of which the last is the first again.
    pub(in crate::constants) fn triple_des(key: &[u8]) -> Option<Self> {
        let key = if key.len() == 16 { [key, key.get(..8)?].concat() } else { key.to_vec() };
        des::TdesEde3::new_from_slice(&key).ok().map(Self::TripleDes)
    }

    pub(in crate::constants) fn aes(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => aes::Aes128::new_from_slice(key).ok().map(Self::Aes128),
            24 => aes::Aes192::new_from_slice(key).ok().map(Self::Aes192),
            _ => aes::Aes256::new_from_slice(key).ok().map(Self::Aes256),
        }
    }

    pub(in crate::constants) fn block_bytes(&self) -> usize {
        match self {
            Self::Des(_) | Self::TripleDes(_) => 8,
            Self::Aes128(_) | Self::Aes192(_) | Self::Aes256(_) => 16,
        }
    }

    /// `block` has [`Self::block_bytes`] bytes.
    fn block(&self, block: &mut [u8], encrypt: bool) {
        macro_rules! apply {
            ($cipher:expr) => {{
                let block = GenericArray::from_mut_slice(block);
                if encrypt { $cipher.encrypt_block(block) } else { $cipher.decrypt_block(block) }
            }};
        }
        match self {
            Self::Des(cipher) => apply!(cipher),
            Self::TripleDes(cipher) => apply!(cipher),
            Self::Aes128(cipher) => apply!(cipher),
            Self::Aes192(cipher) => apply!(cipher),
            Self::Aes256(cipher) => apply!(cipher),
        }
    }

    /// Transforms whole blocks in place (any length in counter mode). `vector` has one block.
    pub(in crate::constants) fn apply(&self, mode: Mode, encrypt: bool, vector: &[u8], data: &mut [u8]) {
        let mut chain = vector.to_vec();
        let size = self.block_bytes();
        if mode == Mode::Ctr {
            for part in data.chunks_mut(size) {
                let mut stream = chain.clone();
                self.block(&mut stream, true);
                xor(part, &stream);
                increment(&mut chain);
            }
            return;
        }
        for block in data.chunks_exact_mut(size) {
            match (mode, encrypt) {
                (Mode::Cbc, true) => {
                    xor(block, &chain);
                    self.block(block, true);
                    chain.copy_from_slice(block);
                }
                (Mode::Cbc, false) => {
                    let before = block.to_vec();
                    self.block(block, false);
                    xor(block, &chain);
                    chain = before;
                }
                _ => self.block(block, encrypt),
            }
        }
    }
}

fn xor(data: &mut [u8], with: &[u8]) {
    for (byte, with) in data.iter_mut().zip(with) {
        *byte ^= with;
    }
}

fn increment(counter: &mut [u8]) {
    for byte in counter.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

/// RC4 over `data` in place. An empty key is not one.
pub(in crate::constants) fn rc4(key: &[u8], data: &mut [u8]) {
    let mut state: [u8; 256] = std::array::from_fn(|index| index as u8);
    // Every index below is a byte, so it is within the 256 entries.
    let mut other = 0_u8;
    for (index, key) in (0..=u8::MAX).zip(key.iter().cycle()) {
        let own = state.get(usize::from(index)).copied().unwrap_or(0);
        other = other.wrapping_add(own).wrapping_add(*key);
        state.swap(usize::from(index), usize::from(other));
    }
    let (mut index, mut other) = (0_u8, 0_u8);
    for byte in data {
        index = index.wrapping_add(1);
        let own = state.get(usize::from(index)).copied().unwrap_or(0);
        other = other.wrapping_add(own);
        state.swap(usize::from(index), usize::from(other));
        let swapped = state.get(usize::from(index)).copied().unwrap_or(0);
        *byte ^= state.get(usize::from(own.wrapping_add(swapped))).copied().unwrap_or(0);
    }
}
