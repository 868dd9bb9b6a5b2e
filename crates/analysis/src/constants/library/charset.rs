//! Character sets: the ones whose result is the same on every platform.

use super::{Answer, Call, Fault, Value};
use crate::constants::heap::Heap;

/// A character set that is modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Latin1,
    Ascii,
    Utf16LittleEndian,
    Utf16BigEndian,
}

impl Charset {
    /// By a name or an alias that Java knows.
    pub(super) fn of_name(name: &[u16]) -> Answer<Self> {
        Ok(match String::from_utf16_lossy(name).to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Self::Utf8,
            "ISO-8859-1" | "ISO8859-1" | "ISO8859_1" | "LATIN1" => Self::Latin1,
            "US-ASCII" | "ASCII" => Self::Ascii,
            "UTF-16LE" | "UTF_16LE" => Self::Utf16LittleEndian,
            "UTF-16BE" | "UTF_16BE" => Self::Utf16BigEndian,
            _ => return Err(Fault::Unknown),
        })
    }

    /// The text of bytes. Malformed bytes give an unknown text: platforms differ in how they replace them.
    pub(super) fn decode(self, bytes: &[u8]) -> Answer<Vec<u16>> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        match self {
            Self::Utf8 => {
                std::str::from_utf8(bytes).map(|text| text.encode_utf16().collect()).map_err(|_| Fault::Unknown)
            }
            Self::Latin1 => Ok(bytes.iter().map(|&byte| byte.into()).collect()),
            Self::Ascii if !bytes.is_ascii() => Err(Fault::Unknown),
            Self::Ascii => Ok(bytes.iter().map(|&byte| byte.into()).collect()),
            _ if !rest.is_empty() => Err(Fault::Unknown),
            Self::Utf16LittleEndian => Ok(pairs.iter().map(|&pair| u16::from_le_bytes(pair)).collect()),
            Self::Utf16BigEndian => Ok(pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect()),
        }
    }

    /// The bytes of a text; what has none becomes `?`.
    pub(super) fn encode(self, units: &[u16]) -> Vec<u8> {
        match self {
            Self::Utf8 => {
                char::decode_utf16(units.iter().copied()).map(|unit| unit.unwrap_or('?')).collect::<String>().into()
            }
            Self::Latin1 => narrow(units, 0x100),
            Self::Ascii => narrow(units, 0x80),
            Self::Utf16LittleEndian => units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
            Self::Utf16BigEndian => units.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        }
    }
}

fn narrow(units: &[u16], end: u32) -> Vec<u8> {
    char::decode_utf16(units.iter().copied())
        .map(|unit| unit.map_or('?', |unit| if u32::from(unit) < end { unit } else { '?' }) as u8)
        .collect()
}

/// The character set argument of a call: absent (Android's default is UTF-8), a name, or a `Charset`, which is kept as
/// the text of its name.
pub(super) fn argument(heap: &Heap, call: &Call<'_>, index: usize) -> Answer<Charset> {
    if call.arguments.len() <= index { Ok(Charset::Utf8) } else { Charset::of_name(call.units(heap, index)?) }
}

/// `Charset.forName`.
pub(super) fn for_name(heap: &Heap, call: &Call<'_>) -> Answer {
    match call.name {
        "forName" => {
            Charset::of_name(call.units(heap, 0)?)?;
            call.value(0).cloned()
        }
        "defaultCharset" => Ok(standard("UTF_8").unwrap_or(Value::Unknown)),
        _ => Err(Fault::Unmodelled),
    }
}

/// A field of `StandardCharsets`.
pub(super) fn standard(field: &str) -> Option<Value> {
    let name = match field {
        "UTF_8" => "UTF-8",
        "ISO_8859_1" => "ISO-8859-1",
        "US_ASCII" => "US-ASCII",
        "UTF_16LE" => "UTF-16LE",
        "UTF_16BE" => "UTF-16BE",
        _ => return None,
    };
    Some(Value::Text(name.encode_utf16().collect()))
}
