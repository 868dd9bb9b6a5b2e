//! The text format of `MANIFEST.MF` and `.SF` files ("JAR File Specification", section "Manifest Specification").

use super::keys::Hash;

/// One section: its bytes and its attributes.
#[derive(Debug, Default)]
pub(crate) struct Section<'a> {
    /// From the first line to the blank line behind the last, both included.
    pub(crate) bytes: &'a [u8],
    /// The attributes that verification asks for, in file order; continuation lines are joined.
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Section<'a> {
    /// The value of an attribute; names are compared without case.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    /// The digests named `<algorithm>-<suffix>`, decoded. A digest that is not Base64 is empty and matches nothing.
    pub(crate) fn digests(&self, suffix: &str) -> Vec<(Hash, Vec<u8>)> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        const NAMES: [(&str, Hash); 7] = [
            ("SHA-512", Hash::Sha512),
            ("SHA-384", Hash::Sha384),
            ("SHA-256", Hash::Sha256),
            ("SHA1", Hash::Sha1),
            ("SHA-1", Hash::Sha1),
            ("SHA", Hash::Sha1),
            ("MD5", Hash::Md5),
        ];
        let mut digests = Vec::new();
        for (name, hash) in NAMES {
            if let Some(value) = self.get(&format!("{name}-{suffix}")) {
                digests.push((hash, STANDARD.decode(value.trim_ascii()).unwrap_or_default()));
            }
        }
        digests
    }

    /// Every section of `text`, the main one first.
    pub(crate) fn read_all(text: &'a [u8]) -> Vec<Self> {
        let mut sections = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (section, tail) = Self::read(rest);
            rest = tail;
            if !section.bytes.is_empty() || sections.is_empty() {
                sections.push(section);
            }
        }
        sections
    }

    /// The first section of `text`, and what is behind it.
    fn read(text: &'a [u8]) -> (Self, &'a [u8]) {
        let mut attributes: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut rest = text;
        let mut start = text;
        // What the last line was: nothing yet, an attribute that is not kept, or one that is.
        let mut last: Option<bool> = None;
        while !rest.is_empty() {
            let (line, tail) = line(rest);
            rest = tail;
            match (line, last) {
                // Blank lines before a section belong to nothing.
                ([], None) => start = rest,
                ([], Some(_)) => break,
                ([b' ', continued @ ..], Some(kept)) => {
                    if let Some((_, value)) = attributes.last_mut().filter(|_| kept) {
                        value.extend_from_slice(continued);
                    }
                }
                (line, _) => {
                    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
                    let (name, value) = line.split_at(colon);
                    let kept = is_asked_for(name);
                    last = Some(kept);
                    if kept {
                        let value = value.strip_prefix(b": ").or(value.strip_prefix(b":")).unwrap_or(value);
                        attributes.push((name.to_vec(), value.to_vec()));
                    }
                }
            }
        }
        let len = start.len().saturating_sub(rest.len());
        (Self { bytes: start.get(..len).unwrap_or_default(), attributes }, rest)
    }
}

/// Whether verification asks for attributes of this name.
fn is_asked_for(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name == b"name"
        || name == b"x-android-apk-signed"
        || name.ends_with(b"-digest")
        || name.ends_with(b"-digest-manifest")
}

/// The first line without its end (CR LF, LF or CR), and what is behind it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(text.len());
    let (line, tail) = text.split_at(end);
    let tail = match tail {
        [b'\r', b'\n', tail @ ..] | [b'\r' | b'\n', tail @ ..] => tail,
        tail => tail,
    };
    (line, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keep_their_bytes_and_join_continuation_lines() {
        let text = b"Manifest-Version: 1.0\r\n\r\nName: a/very/lo\r\n ng\r\nSHA1-Digest: AAEC\r\n\r\n\r\nName: b\nMD5-Digest: /w==\n\n";
        let sections = Section::read_all(text);
        assert_eq!(sections.len(), 3);
        assert_eq!(sections[0].bytes, b"Manifest-Version: 1.0\r\n\r\n");
        assert_eq!(sections[1].get("name"), Some(&b"a/very/long"[..]));
        assert_eq!(sections[1].digests("Digest"), [(Hash::Sha1, vec![0, 1, 2])]);
        assert_eq!(sections[2].bytes, b"Name: b\nMD5-Digest: /w==\n\n");
        assert_eq!(sections[2].digests("Digest"), [(Hash::Md5, vec![0xff])]);
    }
}
