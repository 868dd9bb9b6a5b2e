//! Names in fields of a fixed length.

/// The bytes before the first zero byte.
pub(crate) fn until_zero(field: &[u8]) -> Vec<u8> {
    field.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// UTF-16 with the low byte first, before the first zero unit, as UTF-8. What is no text becomes U+FFFD.
pub(crate) fn utf16_until_zero(field: &[u8]) -> Vec<u8> {
    let units = field.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
    let text = char::decode_utf16(units.take_while(|&unit| unit != 0));
    text.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes()
}

/// `name` with `.img` behind it, for packages that name partitions and not files.
pub(crate) fn image_name(partition: &[u8]) -> Vec<u8> {
    [partition, b".img"].concat()
}
