//! X.509 certificates: what signature verification and reports need of them (RFC 5280).

use bytes::Result;
use sha2::{Digest, Sha256};

use super::der::{BIT_STRING, CONTEXT_0, Der, INTEGER, Node, OBJECT_IDENTIFIER, SEQUENCE, SET};

/// A certificate, as parts of its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certificate<'a> {
    /// The whole.
    pub(crate) der: &'a [u8],
    /// Serial number, as stored.
    pub(crate) serial: &'a [u8],
    /// Issuer name.
    pub(crate) issuer: Name<'a>,
    /// Subject public key info, as stored.
    pub(crate) key_info: &'a [u8],
    subject: Name<'a>,
}

/// A distinguished name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name<'a>(pub(crate) Node<'a>);

impl<'a> Certificate<'a> {
    /// Reads a certificate that starts `der`.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self> {
        let certificate = Der::new(der).expect(SEQUENCE, "certificate")?;
        let mut parts = certificate.inside();
        let mut fields = parts.expect(SEQUENCE, "tbsCertificate")?.inside();
        fields.optional(CONTEXT_0, "version")?;
        let serial = fields.expect(INTEGER, "serialNumber")?;
        fields.expect(SEQUENCE, "signature")?;
        let issuer = fields.expect(SEQUENCE, "issuer")?;
        fields.expect(SEQUENCE, "validity")?;
        let subject = fields.expect(SEQUENCE, "subject")?;
        let key_info = fields.expect(SEQUENCE, "subjectPublicKeyInfo")?;
        Ok(Self {
            der: certificate.whole,
            serial: serial.content,
            issuer: Name(issuer),
            key_info: key_info.whole,
            subject: Name(subject),
        })
    }

    /// SHA-256 of the whole.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.der).into()
    }

    /// The subject as text.
    pub(crate) fn subject(&self) -> String {
        self.subject.text()
    }
}

impl Name<'_> {
    /// The name as text, the most specific part first.
    pub(crate) fn text(&self) -> String {
        let mut parts = Vec::new();
        let mut names = self.0.inside();
        while let Ok(set) = names.expect(SET, "relative distinguished name") {
            parts.push(relative_name(&set));
        }
        parts.reverse();
        parts.join(", ")
    }

    /// Whether both name the same. Signing tools write a name again with other string types, so the bytes may differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.whole == other.0.whole || self.text() == other.text()
    }
}

/// `CN=Name`, or several of them joined by `+`.
fn relative_name(set: &Node<'_>) -> String {
    let mut texts = Vec::new();
    let mut pairs = set.inside();
    while let Ok(pair) = pairs.expect(SEQUENCE, "attribute") {
        let mut pair = pair.inside();
        let (Ok(kind), Ok(value)) = (pair.expect(OBJECT_IDENTIFIER, "attribute type"), pair.next("attribute value"))
        else {
            continue;
        };
        texts.push(format!("{}={}", attribute_name(kind.content), attribute_text(&value)));
    }
    texts.join(" + ")
}

fn attribute_name(kind: &[u8]) -> String {
    let name = match kind {
        [0x55, 0x04, 0x03] => "CN",
        [0x55, 0x04, 0x04] => "SURNAME",
        [0x55, 0x04, 0x05] => "SERIALNUMBER",
        [0x55, 0x04, 0x06] => "C",
        [0x55, 0x04, 0x07] => "L",
        [0x55, 0x04, 0x08] => "ST",
        [0x55, 0x04, 0x09] => "STREET",
        [0x55, 0x04, 0x0a] => "O",
        [0x55, 0x04, 0x0b] => "OU",
        [0x55, 0x04, 0x0c] => "T",
        [0x55, 0x04, 0x2a] => "GIVENNAME",
        // 1.2.840.113549.1.9.1
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "EMAILADDRESS",
        // 0.9.2342.19200300.100.1.25
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        _ => return oid_text(kind),
    };
    name.to_owned()
}

/// `OID.1.2.840...`, at most 32 arcs of it.
fn oid_text(kind: &[u8]) -> String {
    let mut text = "OID".to_owned();
    let mut arc = 0_u64;
    let mut first = true;
    for byte in kind.iter().take(128) {
        arc = (arc << 7 & 0xffff_ffff) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if first {
            let root = (arc / 40).min(2);
            text.push_str(&format!(".{root}.{}", arc.saturating_sub(root * 40)));
        } else {
            text.push_str(&format!(".{arc}"));
        }
        (first, arc) = (false, 0);
    }
    text
}

/// The text of a name's value: UTF-8, two bytes per character (BMPString), or one (Latin-1 is what old tools meant).
fn attribute_text(value: &Node<'_>) -> String {
    const BMP_STRING: u8 = 0x1e;
    if value.tag == BMP_STRING {
        let pairs = value.content.chunks_exact(2);
        let units: Vec<u16> =
            pairs.map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte))).collect();
        return String::from_utf16_lossy(&units);
    }
    match std::str::from_utf8(value.content) {
        Ok(text) => text.to_owned(),
        Err(_) => value.content.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Algorithm identifier, its parameters and the key bits of a subject public key info.
pub(crate) struct KeyInfo<'a> {
    /// Object identifier of the algorithm.
    pub(crate) algorithm: &'a [u8],
    /// Its parameters: a curve, or the numbers of DSA.
    pub(crate) parameters: Option<Node<'a>>,
    /// The key.
    pub(crate) bits: &'a [u8],
}

impl<'a> KeyInfo<'a> {
    /// Reads a subject public key info.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self> {
        let mut parts = Der::new(der).expect(SEQUENCE, "subjectPublicKeyInfo")?.inside();
        let mut algorithm = parts.expect(SEQUENCE, "algorithm")?.inside();
        let kind = algorithm.expect(OBJECT_IDENTIFIER, "algorithm")?;
        let parameters = if algorithm.is_empty() { None } else { Some(algorithm.next("parameters")?) };
        let bits = parts.expect(BIT_STRING, "subjectPublicKey")?.bits()?;
        Ok(Self { algorithm: kind.content, parameters, bits })
    }
}
