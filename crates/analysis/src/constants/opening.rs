//! Ways to open a file with the keys that an app has: a cipher and its mode, a key, and what stands before the first block.
//! Padding and formats are not looked at: who asks sees by what comes out whether the key was right.

use super::CipherKeys;
use super::library::block_cipher::{Keyed, Mode, rc4};

/// Bytes of a file that are enough for [`Opening::head`].
pub const HEAD_LEN: usize = 32;

/// One way.
#[derive(Debug)]
pub struct Opening<'k> {
    cipher: Cipher,
    key: &'k [u8],
    before: Before<'k>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    /// Exclusive or with the key, over and over.
    Mask,
    Rc4,
    Des(Mode),
    TripleDes(Mode),
    Aes(Mode),
}

/// What a block cipher chains to its first block, or counts from.
#[derive(Debug, Clone, Copy)]
enum Before<'k> {
    Nothing,
    Zeros,
    /// The beginning of the key, as those have it who think of no other.
    Key,
    Given(&'k [u8]),
    /// The first block of the file.
    InFile,
}

impl CipherKeys {
    /// Every way that these keys offer, in a fixed order.
    #[must_use]
    pub fn openings(&self) -> Vec<Opening<'_>> {
        let masks = self.masks.iter().chain(&self.keys).filter(|key| key.iter().any(|&byte| byte != 0));
        let mut openings: Vec<Opening<'_>> =
            masks.map(|key| Opening { cipher: Cipher::Mask, key, before: Before::Nothing }).collect();
        for key in &self.keys {
            let ciphers: &[fn(Mode) -> Cipher] = match key.len() {
                8 => &[Cipher::Des],
                16 => &[Cipher::Aes, Cipher::TripleDes],
                24 => &[Cipher::Aes, Cipher::TripleDes],
                32 => &[Cipher::Aes],
                _ => &[],
            };
            for cipher in ciphers {
                let block_len = if cipher(Mode::Ecb) == Cipher::Aes(Mode::Ecb) { 16 } else { 8 };
                openings.push(Opening { cipher: cipher(Mode::Ecb), key, before: Before::Nothing });
                for mode in [Mode::Cbc, Mode::Ctr] {
                    let given = self.vectors.iter().filter(|vector| vector.len() == block_len);
                    let before = given.map(|vector| Before::Given(vector));
                    for before in before.chain([Before::Zeros, Before::Key, Before::InFile]) {
                        openings.push(Opening { cipher: cipher(mode), key, before });
                    }
                }
            }
            openings.push(Opening { cipher: Cipher::Rc4, key, before: Before::Nothing });
        }
        openings
    }
}

impl Opening<'_> {
    /// The first sixteen bytes of what a file opens to; `packed` has at least its first [`HEAD_LEN`] bytes.
    #[must_use]
    pub fn head(&self, packed: &[u8]) -> Option<[u8; 16]> {
        let opened = self.open(packed.get(..HEAD_LEN)?.to_vec())?;
        opened.first_chunk().copied()
    }

    /// What a file opens to, with its padding; a rest that is no whole block is left out. Nothing if the key does not fit the
    /// cipher.
    #[must_use]
    pub fn open(&self, packed: Vec<u8>) -> Option<Vec<u8>> {
        let mut bytes = packed;
        let (keyed, mode) = match self.cipher {
            Cipher::Mask => {
                bytes.iter_mut().zip(self.key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
                return Some(bytes);
            }
            Cipher::Rc4 => {
                rc4(self.key, &mut bytes);
                return Some(bytes);
            }
            Cipher::Des(mode) => (Keyed::des(self.key)?, mode),
            Cipher::TripleDes(mode) => (Keyed::triple_des(self.key)?, mode),
            Cipher::Aes(mode) => (Keyed::aes(self.key)?, mode),
        };
        let block_len = keyed.block_bytes();
        let before = match self.before {
            Before::Nothing | Before::Zeros => vec![0; block_len],
            Before::Key => self.key.get(..block_len)?.to_vec(),
            Before::Given(vector) => vector.to_vec(),
            Before::InFile => {
                let rest = bytes.split_off(block_len.min(bytes.len()));
                std::mem::replace(&mut bytes, rest)
            }
        };
        if before.len() != block_len {
            return None;
        }
        if mode != Mode::Ctr {
            bytes.truncate(bytes.len() / block_len * block_len);
        }
        keyed.apply(mode, false, &before, &mut bytes);
        Some(bytes)
    }

    /// The way in words: cipher, mode and key.
    #[must_use]
    pub fn name(&self) -> String {
        let mode = |mode| match mode {
            Mode::Ecb => "ecb",
            Mode::Cbc => "cbc",
            Mode::Ctr => "ctr",
        };
        let cipher = match self.cipher {
            Cipher::Mask => "xor".to_owned(),
            Cipher::Rc4 => "rc4".to_owned(),
            Cipher::Des(of) => format!("des-{}", mode(of)),
            Cipher::TripleDes(of) => format!("3des-{}", mode(of)),
            Cipher::Aes(of) => format!("aes-{}", mode(of)),
        };
        let digits: String = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{cipher}-0x{digits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers: FIPS 197 C.1, and SP 800-38A F.2.1 (its first block) with the vector given and in the file.
    #[test]
    fn published_cipher_text_opens_in_one_way_and_by_no_other_key() {
        let bytes = |text: &str| -> Vec<u8> {
            let digits = text.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
            digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
        };
        let (ecb_key, ecb) = (bytes("000102030405060708090a0b0c0d0e0f"), bytes("69c4e0d86a7b0430d8cdb78070b4c55a"));
        let (cbc_key, cbc) = (bytes("2b7e151628aed2a6abf7158809cf4f3c"), bytes("7649abac8119b246cee98e9b12e9197d"));
        let vector = bytes("000102030405060708090a0b0c0d0e0f");
        let found = |keys: &CipherKeys, packed: &[u8], plain: &str| -> Vec<String> {
            let padded = [packed, &[0; HEAD_LEN]].concat();
            let openings = keys.openings();
            let right =
                openings.iter().filter(|way| way.head(&padded).is_some_and(|head| head[..] == bytes(plain)[..]));
            right.map(Opening::name).collect()
        };
        let mut keys = CipherKeys::default();
        keys.keys.insert(ecb_key);
        let plain = "00112233445566778899aabbccddeeff";
        // With zeros before it, the first block of a chain is that of none.
        let key = "0x000102030405060708090a0b0c0d0e0f";
        assert_eq!(found(&keys, &ecb, plain), [format!("aes-ecb-{key}"), format!("aes-cbc-{key}")]);
        keys.keys.insert(cbc_key);
        let plain = "6bc1bee22e409f96e93d7e117393172a";
        let name = "aes-cbc-0x2b7e151628aed2a6abf7158809cf4f3c";
        assert_eq!(found(&keys, &cbc, plain), Vec::<String>::new());
        assert_eq!(found(&keys, &[&vector[..], &cbc].concat(), plain), [name]);
        keys.vectors.insert(vector);
        assert_eq!(found(&keys, &cbc, plain), [name]);
    }
}
