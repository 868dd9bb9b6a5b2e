//! The two extended attributes that say what a file may do: `security.selinux` and `security.capability`. File systems
//! differ in where they keep them, not in what they hold. Written from capabilities(7).

use bytes::{Error, Result};

use crate::{Attributes, record::Record};

/// The longest label that is kept: real ones have less than a hundred bytes, and thousands of inodes may share one.
const LABEL_LEN_MAX: usize = 1024;

/// Keeps the attribute `security.<name>` if it is one of the two and the first of its name.
pub(crate) fn keep(attributes: &mut Attributes, name: &[u8], value: Record<'_>) -> Result<()> {
    match name {
        b"selinux" if attributes.selinux_label.is_none() => attributes.selinux_label = Some(label(value)?),
        b"capability" if attributes.capabilities.is_none() => attributes.capabilities = Some(permitted(value)?),
        _ => {}
    }
    Ok(())
}

/// Whether [`keep`] has a use for `security.<name>`.
pub(crate) fn is_kept(name: &[u8]) -> bool {
    matches!(name, b"selinux" | b"capability")
}

/// A label, without its trailing zeros.
fn label(value: Record<'_>) -> Result<Vec<u8>> {
    if value.len() > LABEL_LEN_MAX {
        return Err(Error::corrupt("security.selinux", value.offset_of(0)));
    }
    let bytes = value.bytes(0, value.len(), "security.selinux")?;
    let len = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
    Ok(bytes.get(..len).unwrap_or_default().to_vec())
}

/// The permitted set of a `security.capability` value: version 1 has 32 bits, versions 2 and 3 have 64.
fn permitted(value: Record<'_>) -> Result<u64> {
    const VERSION_MASK: u32 = 0xFF00_0000;
    let magic = value.u32(0, "magic_etc")?;
    let expected_len = match magic & VERSION_MASK {
        0x0100_0000 => 12,
        0x0200_0000 => 20,
        0x0300_0000 => 24,
        version => return Err(Error::unsupported("magic_etc", value.offset_of(0), u64::from(version))),
    };
    if value.len() != expected_len {
        return Err(Error::corrupt("security.capability", value.offset_of(0)));
    }
    let low = u64::from(value.u32(4, "permitted")?);
    let high = if expected_len > 12 { u64::from(value.u32(12, "permitted")?) } else { 0 };
    Ok(low | (high << 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capability(version: u32, words: &[u32]) -> Vec<u8> {
        std::iter::once(&version).chain(words).flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn the_permitted_set_of_each_version_is_read() {
        let cases = [
            (capability(0x0100_0001, &[0x3000, 0]), Ok(0x3000)),
            (capability(0x0200_0001, &[0x3000, 7, 0x20, 9]), Ok(0x20_0000_3000)),
            (capability(0x0300_0000, &[1, 0, 0x100, 0, 10_000]), Ok(0x100_0000_0001)),
            (capability(0x0200_0001, &[0x3000, 7, 0x20]), Err(Error::corrupt("security.capability", 512))),
            (capability(0x0400_0000, &[1, 0]), Err(Error::unsupported("magic_etc", 512, 0x0400_0000))),
            (vec![1, 0], Err(Error::truncated("magic_etc", 512, 4, 2))),
        ];
        for (value, expected) in cases {
            assert_eq!(permitted(Record::new(&value, 512)), expected, "{value:?}");
        }
    }

    #[test]
    fn a_label_ends_before_its_zero_and_is_of_sane_length() {
        assert_eq!(label(Record::new(b"u:r:t:s0\0", 9)).as_deref(), Ok(b"u:r:t:s0".as_slice()));
        assert_eq!(label(Record::new(&[b'x'; 2000], 100)), Err(Error::corrupt("security.selinux", 100)));
    }
}
