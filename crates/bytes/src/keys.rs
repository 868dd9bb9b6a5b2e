//! Keys that the user supplies for encrypted packages. None comes with the program.

use std::{collections::BTreeMap, fmt, path::Path};

use crate::{Budget, ByteSource, Error, Limit, Limits, Result};

/// Longest file of keys that is read.
const FILE_LEN_MAX: u64 = 1 << 20;
/// Most values of one key: a key, a vector, a table.
const VALUES_MAX: usize = 4;

/// Keys by the scheme they are for. A file of keys has one on each line: the scheme, then its values in hexadecimal; what follows a
/// `#` is a remark.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    by_scheme: BTreeMap<String, Vec<Vec<Vec<u8>>>>,
}

impl fmt::Debug for Keys {
    // Values are secrets of somebody: they stay out of messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_scheme.keys()).finish()
    }
}

impl Keys {
    /// Reads a file of keys.
    pub fn read(path: &Path) -> Result<Self> {
        let source = ByteSource::open(path)?;
        if source.len() > FILE_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "file of keys", 0));
        }
        Self::parse(&source.to_vec(&Budget::new(Limits::FILE), "file of keys")?)
    }

    /// Reads the text of a file of keys. Errors tell the offset of the line.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut keys = Self::default();
        let mut offset = 0_u64;
        for line in text.split(|&byte| byte == b'\n') {
            let error = || Error::corrupt("line of the file of keys", offset);
            let words = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let words = std::str::from_utf8(words).map_err(|_| error())?;
            let mut words = words.split_whitespace();
            if let Some(scheme) = words.next() {
                let values: Option<Vec<Vec<u8>>> = words.map(hexadecimal).collect();
                let values = values.filter(|values| (1..=VALUES_MAX).contains(&values.len())).ok_or_else(error)?;
                keys.by_scheme.entry(scheme.to_ascii_lowercase()).or_default().push(values);
            }
            offset = offset.saturating_add(line.len() as u64).saturating_add(1);
        }
        Ok(keys)
    }

    /// The keys for `scheme`, in the order of the file.
    #[must_use]
    pub fn of(&self, scheme: &str) -> &[Vec<Vec<u8>>] {
        self.by_scheme.get(scheme).map(Vec::as_slice).unwrap_or_default()
    }
}

fn hexadecimal(word: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = word.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_scheme_and_values_are_keys_and_anything_else_is_told_with_its_place() {
        let keys = Keys::parse(b"# a remark\nozip 00ff # one\n\nOZIP 0102\nofp_qc 01 02\n").unwrap();
        assert_eq!(keys.of("ozip"), [vec![vec![0, 255]], vec![vec![1, 2]]]);
        assert_eq!(keys.of("ofp_qc"), [vec![vec![1], vec![2]]]);
        assert!(keys.of("ops").is_empty());
        for (text, offset) in [(&b"ozip 0g"[..], 0), (b"#\nozip", 2), (b"ozip 012", 0), (b"x 1 2 3 4 5", 0)] {
            assert_eq!(Keys::parse(text), Err(Error::corrupt("line of the file of keys", offset)));
        }
        assert_eq!(format!("{keys:?}"), r#"{"ofp_qc", "ozip"}"#);
    }
}
