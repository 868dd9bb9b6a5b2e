//! Public keys and the signature algorithms that APKs use (RFC 8017, FIPS 186-4, SEC 1).
//!
//! Firmware of the 2010s is signed with 1024-bit RSA over SHA-1, and some with MD5; that verifies here, because the
//! question is who signed, not whether one should today.

use dsa::signature::hazmat::PrehashVerifier;
use md5::Md5;
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{
    certificate::KeyInfo,
    der::{Der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE},
};

/// Smallest and largest RSA modulus that is verified, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=16384;
/// Largest DSA prime that is verified, in bits.
const DSA_BITS_MAX: usize = 4096;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The digest of `bytes`.
    pub(crate) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha224 => Sha224::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// The algorithm of an object identifier: of a digest, or of a signature that includes one.
    pub(crate) fn of_identifier(identifier: &[u8]) -> Option<Self> {
        // 1.2.840.113549.1.1.x: RSA with a digest; 2.16.840.1.101.3.4.2.x: SHA-2; 1.2.840.10045.4.x: ECDSA.
        Some(match identifier {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05] => Self::Md5,
            [0x2b, 0x0e, 0x03, 0x02, 0x1a | 0x1d] => Self::Sha1,
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number] => match number {
                1 => Self::Sha256,
                2 => Self::Sha384,
                3 => Self::Sha512,
                4 => Self::Sha224,
                _ => return None,
            },
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number] => match number {
                4 => Self::Md5,
                5 => Self::Sha1,
                11 => Self::Sha256,
                12 => Self::Sha384,
                13 => Self::Sha512,
                14 => Self::Sha224,
                _ => return None,
            },
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] | [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03] => Self::Sha1,
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, number] => match number {
                1 => Self::Sha224,
                2 => Self::Sha256,
                3 => Self::Sha384,
                4 => Self::Sha512,
                _ => return None,
            },
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 1] => Self::Sha224,
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 2] => Self::Sha256,
            _ => return None,
        })
    }
}

/// A digest over bytes that come in windows.
pub(crate) enum Hasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// A hasher, of the algorithms that file digests use.
    pub(crate) fn new(hash: Hash) -> Self {
        match hash {
            Hash::Md5 => Self::Md5(Md5::new()),
            Hash::Sha1 => Self::Sha1(Sha1::new()),
            Hash::Sha384 => Self::Sha384(Sha384::new()),
            Hash::Sha512 => Self::Sha512(Sha512::new()),
            Hash::Sha224 | Hash::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    /// Takes more bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hash) => hash.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha384(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of everything taken.
    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(hash) => hash.finalize().to_vec(),
            Self::Sha1(hash) => hash.finalize().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
            Self::Sha384(hash) => hash.finalize().to_vec(),
            Self::Sha512(hash) => hash.finalize().to_vec(),
        }
    }
}

/// How a signature is made; the key says with which kind of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// What the key's kind usually does: PKCS#1 v1.5 for RSA, none for the others.
    Usual,
    /// RSASSA-PSS with a salt as long as the digest.
    Pss,
}

/// A public key.
pub(crate) enum PublicKey {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Dsa(Box<dsa::VerifyingKey>),
}

impl PublicKey {
    /// The key of a subject public key info.
    pub(crate) fn read(key_info: &[u8]) -> Result<Self, String> {
        let info = KeyInfo::read(key_info).map_err(|error| format!("public key: {error}"))?;
        match info.algorithm {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 1] => Self::rsa(&info),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => Self::elliptic(&info),
            [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => Self::dsa(&info),
            other => Err(format!("unsupported algorithm of the public key: identifier {other:02x?}")),
        }
    }

    fn rsa(info: &KeyInfo<'_>) -> Result<Self, String> {
        let numbers = || {
            let mut parts = Der::new(info.bits).expect(SEQUENCE, "RSA public key")?.inside();
            Ok((parts.expect(INTEGER, "modulus")?.unsigned(), parts.expect(INTEGER, "exponent")?.unsigned()))
        };
        let (modulus, exponent) = numbers().map_err(|error: bytes::Error| format!("public key: {error}"))?;
        if !RSA_BITS.contains(&modulus.len().saturating_mul(8)) {
            return Err(format!("unsupported algorithm: RSA of {} bits", modulus.len().saturating_mul(8)));
        }
        let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
        let key = RsaPublicKey::new_with_max_size(modulus, exponent, *RSA_BITS.end());
        key.map(Self::Rsa).map_err(|error| format!("unsupported algorithm: RSA public key: {error}"))
    }

    fn elliptic(info: &KeyInfo<'_>) -> Result<Self, String> {
        let curve = info.parameters.filter(|node| node.tag == OBJECT_IDENTIFIER).map(|node| node.content);
        let bad = |_| "public key is not a point of its curve".to_owned();
        match curve {
            Some([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]) => {
                p256::ecdsa::VerifyingKey::from_sec1_bytes(info.bits).map(Self::P256).map_err(bad)
            }
            Some([0x2b, 0x81, 0x04, 0x00, 0x22]) => {
                p384::ecdsa::VerifyingKey::from_sec1_bytes(info.bits).map(Self::P384).map_err(bad)
            }
            Some([0x2b, 0x81, 0x04, 0x00, 0x23]) => {
                p521::ecdsa::VerifyingKey::from_sec1_bytes(info.bits).map(Self::P521).map_err(bad)
            }
            other => Err(format!("unsupported algorithm: elliptic curve {:02x?}", other.unwrap_or_default())),
        }
    }

    fn dsa(info: &KeyInfo<'_>) -> Result<Self, String> {
        let bad = |error: bytes::Error| format!("public key: {error}");
        let parameters = info.parameters.ok_or("unsupported algorithm: DSA with inherited parameters")?;
        let mut parts = parameters.inside();
        let mut number = || parts.expect(INTEGER, "DSA parameter").map(|node| node.unsigned());
        let (p, q, g) = (number().map_err(bad)?, number().map_err(bad)?, number().map_err(bad)?);
        let y = Der::new(info.bits).expect(INTEGER, "DSA public key").map_err(bad)?.unsigned();
        if p.len().saturating_mul(8) > DSA_BITS_MAX || q.is_empty() || q.len() > 64 {
            return Err(format!("unsupported algorithm: DSA of {} bits", p.len().saturating_mul(8)));
        }
        let wide = |bytes| BigUint::from_bytes_be(bytes);
        let components = dsa::Components::from_components(wide(p), wide(q), wide(g));
        let key = components.and_then(|components| dsa::VerifyingKey::from_components(components, wide(y)));
        key.map(|key| Self::Dsa(Box::new(key))).map_err(|_| "unsupported algorithm: DSA public key".to_owned())
    }

    /// Whether `signature` is one of `message` by this key.
    pub(crate) fn verify(&self, hash: Hash, padding: Padding, message: &[u8], signature: &[u8]) -> Result<(), String> {
        let digest = hash.digest(message);
        let wrong = "signature does not match the public key".to_owned();
        let verified = match (self, padding) {
            (Self::Rsa(key), Padding::Usual) => key.verify(pkcs1(hash), &digest, signature).is_ok(),
            (Self::Rsa(key), Padding::Pss) => match hash {
                Hash::Sha256 => key.verify(Pss::new_with_salt::<Sha256>(32), &digest, signature).is_ok(),
                Hash::Sha512 => key.verify(Pss::new_with_salt::<Sha512>(64), &digest, signature).is_ok(),
                _ => return Err(format!("unsupported algorithm: RSA-PSS with {hash:?}")),
            },
            (Self::P256(key), _) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
            (Self::P384(key), _) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
            (Self::P521(key), _) => p521::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
            (Self::Dsa(key), _) => dsa::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
        };
        if verified { Ok(()) } else { Err(wrong) }
    }

    /// Whether the key is an RSA key.
    pub(crate) const fn is_rsa(&self) -> bool {
        matches!(self, Self::Rsa(_))
    }
}

fn pkcs1(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Md5 => Pkcs1v15Sign::new::<Md5>(),
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha224 => Pkcs1v15Sign::new::<Sha224>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
    }
}
