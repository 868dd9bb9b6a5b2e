//! PKCS#7 SignedData as JAR signing writes it (RFC 2315, RFC 5652): certificates, and signatures over another file.

use bytes::Result;

use super::{
    certificate::{Certificate, Name},
    der::{CONTEXT_0, Der, INTEGER, Node, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET},
    keys::{Hash, Padding, PublicKey},
};

/// 1.2.840.113549.1.9.4
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// Most certificates and signers that are looked at.
const PARTS_MAX: usize = 64;

/// A signature block file.
pub(crate) struct SignedData<'a> {
    certificates: Vec<Certificate<'a>>,
    signers: Vec<SignerInfo<'a>>,
}

struct SignerInfo<'a> {
    issuer: Name<'a>,
    serial: &'a [u8],
    digest_algorithm: &'a [u8],
    signed_attributes: Option<Node<'a>>,
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignedData<'a> {
    /// Reads the file.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut info = Der::new(bytes).expect(SEQUENCE, "ContentInfo")?.inside();
        info.expect(OBJECT_IDENTIFIER, "contentType")?;
        let mut wrapped = info.expect(CONTEXT_0, "content")?.inside();
        let mut data = wrapped.expect(SEQUENCE, "SignedData")?.inside();
        data.expect(INTEGER, "version")?;
        data.expect(SET, "digestAlgorithms")?;
        data.expect(SEQUENCE, "contentInfo")?;
        let mut certificates = Vec::new();
        if let Some(list) = data.optional(CONTEXT_0, "certificates")? {
            let mut list = list.inside();
            while !list.is_empty() && certificates.len() < PARTS_MAX {
                let node = list.next("certificate")?;
                if node.tag == SEQUENCE {
                    certificates.push(Certificate::read(node.whole)?);
                }
            }
        }
        data.optional(CONTEXT_0 + 1, "crls")?;
        let mut list = data.expect(SET, "signerInfos")?.inside();
        let mut signers = Vec::new();
        while !list.is_empty() && signers.len() < PARTS_MAX {
            signers.push(signer_info(&mut list.expect(SEQUENCE, "signerInfo")?.inside())?);
        }
        Ok(Self { certificates, signers })
    }

    /// The certificate of each signer that is there, and whether its signature of `message` verifies.
    pub(crate) fn verify(&self, message: &[u8]) -> Vec<(Certificate<'a>, std::result::Result<(), String>)> {
        let mut outcomes = Vec::new();
        for signer in &self.signers {
            let named = |certificate: &&Certificate<'a>| {
                certificate.serial == signer.serial && certificate.issuer.is(&signer.issuer)
            };
            if let Some(certificate) = self.certificates.iter().find(named) {
                outcomes.push((*certificate, signer.verify(certificate, message)));
            }
        }
        outcomes
    }

    /// The first certificate, whether it signs or not.
    pub(crate) fn first_certificate(&self) -> Option<Certificate<'a>> {
        self.certificates.first().copied()
    }
}

fn signer_info<'a>(fields: &mut Der<'a>) -> Result<SignerInfo<'a>> {
    fields.expect(INTEGER, "version")?;
    let mut name = fields.expect(SEQUENCE, "issuerAndSerialNumber")?.inside();
    let issuer = Name(name.expect(SEQUENCE, "issuer")?);
    let serial = name.expect(INTEGER, "serialNumber")?.content;
    let digest_algorithm = algorithm(fields, "digestAlgorithm")?;
    let signed_attributes = fields.optional(CONTEXT_0, "signedAttributes")?;
    let signature_algorithm = algorithm(fields, "signatureAlgorithm")?;
    let signature = fields.expect(OCTET_STRING, "signature")?.content;
    Ok(SignerInfo { issuer, serial, digest_algorithm, signed_attributes, signature_algorithm, signature })
}

fn algorithm<'a>(fields: &mut Der<'a>, what: &'static str) -> Result<&'a [u8]> {
    let mut parts = fields.expect(SEQUENCE, what)?.inside();
    Ok(parts.expect(OBJECT_IDENTIFIER, what)?.content)
}

impl SignerInfo<'_> {
    fn verify(&self, certificate: &Certificate<'_>, message: &[u8]) -> std::result::Result<(), String> {
        let hash = Hash::of_identifier(self.digest_algorithm)
            .ok_or_else(|| format!("unsupported algorithm of the digest: identifier {:02x?}", self.digest_algorithm))?;
        let key = PublicKey::read(certificate.key_info)?;
        // 1.2.840.113549.1.1.10 is RSASSA-PSS; its parameters could be anything.
        if matches!(self.signature_algorithm, [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 10]) {
            return Err("unsupported algorithm: RSA-PSS in a JAR signature".to_owned());
        }
        let Some(attributes) = self.signed_attributes else {
            return key.verify(hash, Padding::Usual, message, self.signature);
        };
        let declared = message_digest(&attributes).map_err(|error| format!("signed attributes: {error}"))?;
        if declared != Some(hash.digest(message).as_slice()) {
            return Err("message digest of the signed attributes does not match".to_owned());
        }
        // What is signed is the attributes as a SET, not with the tag they have here.
        let mut signed = attributes.whole.to_vec();
        if let Some(tag) = signed.first_mut() {
            *tag = SET;
        }
        key.verify(hash, Padding::Usual, &signed, self.signature)
    }
}

fn message_digest<'a>(attributes: &Node<'a>) -> Result<Option<&'a [u8]>> {
    let mut list = attributes.inside();
    while !list.is_empty() {
        let mut attribute = list.expect(SEQUENCE, "attribute")?.inside();
        if attribute.expect(OBJECT_IDENTIFIER, "attribute type")?.content == MESSAGE_DIGEST {
            let mut values = attribute.expect(SET, "attribute values")?.inside();
            return values.expect(OCTET_STRING, "message digest").map(|node| Some(node.content));
        }
    }
    Ok(None)
}
