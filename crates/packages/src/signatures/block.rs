//! Schemes 2 and 3: the APK Signing Block before the central directory.
//!
//! Written from the platform's documents "APK Signature Scheme v2" and "APK Signature Scheme v3".

use std::collections::BTreeMap;

use bytes::{Budget, ByteSource, Cursor, Error, Limit, Result};
use containers::zip::Archive;

use super::{
    Found, Signatures,
    certificate::Certificate,
    content::ContentDigests,
    keys::{Hash, Padding, PublicKey},
};

const MAGIC: &[u8; 16] = b"APK Sig Block 42";
/// Longest signing block that is read.
const BLOCK_LEN_MAX: u64 = 64 << 20;
const SCHEME_2: u32 = 0x7109_871a;
const SCHEME_3: u32 = 0xf053_68c0;
const SCHEME_3_1: u32 = 0x1b93_ad61;
/// Attribute of a scheme 2 signer: a newer scheme was present when this was signed.
const STRIPPING_PROTECTION: u32 = 0xbeef_f00d;
/// Most signers that are looked at.
const SIGNERS_MAX: usize = 16;

/// Reads and verifies schemes 2 and 3. The second result is the schemes that are there.
pub(super) fn read(
    source: &ByteSource,
    archive: &Archive,
    budget: &Budget,
    signatures: &mut Signatures,
) -> (Vec<Found>, Vec<u8>) {
    let (start, block) = match find(source, archive.central_directory_offset, budget) {
        Ok(Some(found)) => found,
        Ok(None) => return (Vec::new(), Vec::new()),
        Err(error) => {
            signatures.problems.push(format!("signing block: {error}"));
            return (Vec::new(), Vec::new());
        }
    };
    let pairs = match pairs(&block, start.saturating_add(8)) {
        Ok(pairs) => pairs,
        Err((pairs, error)) => {
            signatures.problems.push(format!("signing block: {error}"));
            pairs
        }
    };
    let schemes: Vec<u8> = pairs.iter().filter_map(|(id, _)| scheme(*id)).collect();
    let mut contents = ContentDigests::new(source, archive, start);
    let mut found = Vec::new();
    for (id, value) in pairs {
        let Some(scheme) = scheme(id) else { continue };
        if let Err(error) = read_signers(value, scheme, &schemes, &mut contents, &mut found) {
            signatures.problems.push(format!("signing block, scheme {scheme}: {error}"));
        }
    }
    (found, schemes)
}

const fn scheme(id: u32) -> Option<u8> {
    match id {
        SCHEME_2 => Some(2),
        SCHEME_3 | SCHEME_3_1 => Some(3),
        _ => None,
    }
}

/// Where the block starts, and its pairs, if there is one before the central directory.
fn find(source: &ByteSource, directory: u64, budget: &Budget) -> Result<Option<(u64, Vec<u8>)>> {
    let Some(footer) = directory.checked_sub(24).filter(|footer| source.has(footer.saturating_add(8), MAGIC)) else {
        return Ok(None);
    };
    let len = u64::from_le_bytes(source.array(footer, "size of the signing block")?);
    if len > BLOCK_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "size of the signing block", footer));
    }
    let start = directory.checked_sub(len.saturating_add(8)).filter(|_| len >= 24);
    let start = start.ok_or(Error::corrupt("size of the signing block", footer))?;
    if u64::from_le_bytes(source.array(start, "size of the signing block")?) != len {
        return Err(Error::corrupt("size of the signing block", start));
    }
    let pairs = source.slice(start.saturating_add(8), len.saturating_sub(24), "signing block")?;
    Ok(Some((start, pairs.to_vec(budget, "signing block")?)))
}

type Pairs<'a> = Vec<(u32, Cursor<'a>)>;

/// The pairs of the block; on an error those before it.
fn pairs(block: &[u8], offset: u64) -> std::result::Result<Pairs<'_>, (Pairs<'_>, Error)> {
    let mut cursor = Cursor::new(block, offset);
    let mut pairs = Vec::new();
    while !cursor.is_empty() {
        match pair(&mut cursor) {
            Ok(pair) => pairs.push(pair),
            Err(error) => return Err((pairs, error)),
        }
    }
    Ok(pairs)
}

fn pair<'a>(cursor: &mut Cursor<'a>) -> Result<(u32, Cursor<'a>)> {
    let at = cursor.offset();
    let len = cursor.u64_le("size of a pair")?;
    let len = usize::try_from(len).map_err(|_| Error::corrupt("size of a pair", at))?;
    let start = cursor.offset();
    let mut value = Cursor::new(cursor.take(len, "pair")?, start);
    let id = value.u32_le("id of a pair")?;
    Ok((id, value))
}

/// Takes what stands behind its length.
fn prefixed<'a>(cursor: &mut Cursor<'a>, what: &'static str) -> Result<Cursor<'a>> {
    let len = cursor.u32_le(what)?;
    let offset = cursor.offset();
    Ok(Cursor::new(cursor.take(usize::try_from(len).unwrap_or(usize::MAX), what)?, offset))
}

fn read_signers(
    value: Cursor<'_>,
    scheme: u8,
    schemes: &[u8],
    contents: &mut ContentDigests<'_>,
    found: &mut Vec<Found>,
) -> Result<()> {
    let mut value = value;
    let mut signers = prefixed(&mut value, "signers")?;
    let mut count = 0;
    while !signers.is_empty() {
        if count == SIGNERS_MAX {
            return Err(Error::limit(Limit::Nodes, "signers", signers.offset()));
        }
        count += 1;
        let signer = SignerBlock::read(prefixed(&mut signers, "signer")?, scheme)?;
        if let Some(certificate) = signer.certificate {
            let verified = signer.verify(&certificate, schemes, contents);
            found.push(Found::new(&certificate, scheme, verified.map_err(|reason| format!("v{scheme}: {reason}"))));
        }
    }
    Ok(())
}

/// One signer of scheme 2 or 3.
struct SignerBlock<'a> {
    scheme: u8,
    signed_data: &'a [u8],
    digests: BTreeMap<u32, &'a [u8]>,
    certificate: Option<Certificate<'a>>,
    needs_scheme_3: bool,
    /// Scheme 3 says for which API levels a signer speaks, twice; only one of the two is signed.
    api_levels_agree: bool,
    signatures: Vec<(u32, &'a [u8])>,
    key_info: &'a [u8],
}

impl<'a> SignerBlock<'a> {
    fn read(signer: Cursor<'a>, scheme: u8) -> Result<Self> {
        let mut signer = signer;
        let mut data = prefixed(&mut signer, "signed data")?;
        let signed_data = data.rest();
        let digests = numbered(prefixed(&mut data, "digests")?, "digest")?;
        let mut certificates = prefixed(&mut data, "certificates")?;
        let certificate = if certificates.is_empty() {
            None
        } else {
            Some(Certificate::read(prefixed(&mut certificates, "certificate")?.rest())?)
        };
        let mut api_levels_agree = true;
        if scheme >= 3 {
            let signed = (data.u32_le("minSDK")?, data.u32_le("maxSDK")?);
            api_levels_agree = signed == (signer.u32_le("minSDK")?, signer.u32_le("maxSDK")?);
        }
        let mut needs_scheme_3 = false;
        if !data.is_empty() {
            let mut attributes = prefixed(&mut data, "additional attributes")?;
            while !attributes.is_empty() {
                let mut attribute = prefixed(&mut attributes, "additional attribute")?;
                let id = attribute.u32_le("id of an attribute")?;
                needs_scheme_3 |= id == STRIPPING_PROTECTION && attribute.rest().starts_with(&[3, 0, 0, 0]);
            }
        }
        let signatures = numbered(prefixed(&mut signer, "signatures")?, "signature")?;
        let key_info = prefixed(&mut signer, "public key")?.rest();
        Ok(Self {
            scheme,
            signed_data,
            digests: digests.into_iter().collect(),
            certificate,
            needs_scheme_3,
            api_levels_agree,
            signatures,
            key_info,
        })
    }

    fn verify(
        &self,
        certificate: &Certificate<'_>,
        schemes: &[u8],
        contents: &mut ContentDigests<'_>,
    ) -> std::result::Result<(), String> {
        if certificate.key_info != self.key_info {
            return Err("public key is not that of the certificate".to_owned());
        }
        if !self.api_levels_agree {
            return Err("API levels inside and outside the signed data differ".to_owned());
        }
        if self.scheme == 2 && self.needs_scheme_3 && !schemes.contains(&3) {
            return Err("signature of scheme 3 was taken out of the file".to_owned());
        }
        if self.signatures.len() != self.digests.len()
            || self.signatures.iter().any(|(algorithm, _)| !self.digests.contains_key(algorithm))
        {
            return Err("signatures and digests name different algorithms".to_owned());
        }
        let key = PublicKey::read(self.key_info)?;
        let mut unsupported = Err("no signature".to_owned());
        let mut verified = false;
        for (algorithm, signature) in &self.signatures {
            let Some((hash, padding, content_hash)) = self::algorithm(*algorithm) else {
                unsupported = Err(format!("unsupported algorithm {algorithm:#06x}"));
                continue;
            };
            if !fits(*algorithm, &key) {
                return Err(format!("algorithm {algorithm:#06x} does not fit the public key"));
            }
            key.verify(hash, padding, self.signed_data, signature)?;
            let declared = self.digests.get(algorithm).copied().unwrap_or_default();
            if contents.digest(content_hash).map_err(|error| error.to_string())? != declared {
                return Err("digest of the contents does not match".to_owned());
            }
            verified = true;
        }
        if verified { Ok(()) } else { unsupported }
    }
}

/// A list of (algorithm, bytes).
fn numbered<'a>(list: Cursor<'a>, what: &'static str) -> Result<Vec<(u32, &'a [u8])>> {
    let mut list = list;
    let mut items = Vec::new();
    while !list.is_empty() {
        let mut item = prefixed(&mut list, what)?;
        let algorithm = item.u32_le("signature algorithm id")?;
        items.push((algorithm, prefixed(&mut item, what)?.rest()));
    }
    Ok(items)
}

/// Digest and padding of the signature, digest of the contents. Contents digested as a hash tree (0x0421, 0x0423,
/// 0x0425) are not verified.
const fn algorithm(id: u32) -> Option<(Hash, Padding, Hash)> {
    Some(match id {
        0x0101 => (Hash::Sha256, Padding::Pss, Hash::Sha256),
        0x0102 => (Hash::Sha512, Padding::Pss, Hash::Sha512),
        0x0103 | 0x0201 | 0x0301 => (Hash::Sha256, Padding::Usual, Hash::Sha256),
        0x0104 | 0x0202 => (Hash::Sha512, Padding::Usual, Hash::Sha512),
        _ => return None,
    })
}

/// Whether a signature algorithm is one of the key's kind.
const fn fits(id: u32, key: &PublicKey) -> bool {
    match id {
        0x0101..=0x0104 => key.is_rsa(),
        0x0301 => matches!(key, PublicKey::Dsa(_)),
        _ => !key.is_rsa() && !matches!(key, PublicKey::Dsa(_)),
    }
}
