//! `android.util.Base64` (skips what is not of the alphabet, padding optional) and the basic and URL coders of
//! `java.util.Base64` (strict). RFC 4648.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Answer, Call, Fault, ILLEGAL_ARGUMENT};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::Value;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_encode_padding(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

// Flags of android.util.Base64.
const NO_PADDING: i32 = 1;
const NO_WRAP: i32 = 2;
const CRLF: i32 = 4;
const URL_SAFE: i32 = 8;
/// Characters of a line that `android.util.Base64` encodes.
const LINE_LENGTH: usize = 76;

fn engine(is_url: bool) -> &'static GeneralPurpose {
    if is_url { &URL } else { &STANDARD }
}

fn is_symbol(byte: u8, is_url: bool) -> bool {
    byte.is_ascii_alphanumeric() || if is_url { matches!(byte, b'-' | b'_') } else { matches!(byte, b'+' | b'/') }
}

/// Decodes as Android does: units outside the alphabet are skipped, padding may miss but not be wrong.
pub(super) fn decode_android(input: &[u8], flags: i32) -> Answer<Vec<u8>> {
    let is_url = flags & URL_SAFE != 0;
    let kept: Vec<u8> = input.iter().copied().filter(|&byte| byte == b'=' || is_symbol(byte, is_url)).collect();
    let symbols = kept.iter().position(|&byte| byte == b'=').unwrap_or(kept.len());
    let (data, padding) = kept.split_at_checked(symbols).unwrap_or((&kept, &[]));
    let padding_is_right = padding.is_empty()
        || (padding.iter().all(|&byte| byte == b'=') && symbols % 4 >= 2 && padding.len() == 4 - symbols % 4);
    if symbols % 4 == 1 || !padding_is_right {
        return Err(ILLEGAL_ARGUMENT);
    }
    engine(is_url).decode(data).map_err(|_| ILLEGAL_ARGUMENT)
}

fn encode_android(input: &[u8], flags: i32) -> String {
    let mut encoded = engine(flags & URL_SAFE != 0).encode(input);
    if flags & NO_PADDING != 0 {
        encoded.truncate(encoded.trim_end_matches('=').len());
    }
    if flags & NO_WRAP != 0 {
        return encoded;
    }
    let mut wrapped = String::new();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE_LENGTH).unwrap_or((rest, ""));
        wrapped.push_str(line);
        wrapped.push_str(if flags & CRLF != 0 { "\r\n" } else { "\n" });
        rest = after;
    }
    wrapped
}

/// The argument as bytes: a `byte[]`, a part of one, or the characters of a string.
fn input(heap: &mut Heap, call: &Call<'_>) -> Answer<Vec<u8>> {
    if call.parameters.starts_with('L') {
        let units = call.units(heap, 0)?;
        // No character beyond ASCII is of the alphabet; a NUL is not either.
        let bytes: Vec<u8> = units.iter().map(|&unit| u8::try_from(unit).unwrap_or(0)).collect();
        heap.charge(bytes.len())?;
        return Ok(bytes);
    }
    let bytes = call.bytes(heap, 0)?;
    if call.parameters.starts_with("[BII") && call.arguments.len() == 4 {
        return Ok(super::string::part(&bytes, call, 1)?.to_vec());
    }
    Ok(bytes)
}

/// Static methods.
pub(super) fn call_static(heap: &mut Heap, call: &Call<'_>) -> Answer {
    if call.class == "Ljava/util/Base64;" {
        let coder = match call.name {
            "getDecoder" | "getEncoder" => "Ljava/util/Base64;",
            "getUrlDecoder" | "getUrlEncoder" => "Ljava/util/Base64$Url;",
            _ => return Err(Fault::Unmodelled),
        };
        return Ok(heap.allocate(Object::Foreign(coder))?);
    }
    let flags = call.int(call.arguments.len().saturating_sub(1))?;
    let input = input(heap, call)?;
    match call.name {
        "decode" => {
            let bytes = decode_android(&input, flags)?;
            Ok(heap.bytes(&bytes)?)
        }
        "encode" => Ok(heap.bytes(encode_android(&input, flags).as_bytes())?),
        "encodeToString" => {
            let units: Vec<u16> = encode_android(&input, flags).encode_utf16().collect();
            Ok(heap.text(&units)?)
        }
        _ => Err(Fault::Unmodelled),
    }
}

/// Methods of the coders of `java.util.Base64`.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let is_url = match heap.object(receiver) {
        Some(Object::Foreign("Ljava/util/Base64;")) => false,
        Some(Object::Foreign("Ljava/util/Base64$Url;")) => true,
        _ => return Err(Fault::Unmodelled),
    };
    if call.arguments.len() != 1 {
        return Err(Fault::Unmodelled);
    }
    let input = input(heap, call)?;
    match call.name {
        "decode" => {
            if !input.iter().all(|&byte| byte == b'=' || is_symbol(byte, is_url)) {
                return Err(ILLEGAL_ARGUMENT);
            }
            let bytes = decode_android(&input, if is_url { URL_SAFE } else { 0 })?;
            Ok(heap.bytes(&bytes)?)
        }
        "encode" => Ok(heap.bytes(engine(is_url).encode(input).as_bytes())?),
        "encodeToString" => {
            let units: Vec<u16> = engine(is_url).encode(input).encode_utf16().collect();
            Ok(heap.text(&units)?)
        }
        _ => Err(Fault::Unmodelled),
    }
}
