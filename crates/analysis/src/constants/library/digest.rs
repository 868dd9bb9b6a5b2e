//! `java.security.MessageDigest`: MD5, SHA-1 and SHA-2. The message is kept and digested at the end.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{Answer, Call, Fault, string};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::Value;

/// A digest function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::constants) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

/// A digest under way.
#[derive(Debug, Clone)]
pub(in crate::constants) struct DigestState {
    algorithm: Algorithm,
    message: Vec<u8>,
}

/// `MessageDigest.getInstance`.
pub(super) fn call_static(heap: &mut Heap, call: &Call<'_>) -> Answer {
    if call.name != "getInstance" || call.arguments.len() != 1 {
        return Err(Fault::Unmodelled);
    }
    let algorithm = match String::from_utf16_lossy(call.units(heap, 0)?).to_ascii_uppercase().as_str() {
        "MD5" => Algorithm::Md5,
        "SHA-1" | "SHA1" | "SHA" => Algorithm::Sha1,
        "SHA-256" => Algorithm::Sha256,
        "SHA-512" => Algorithm::Sha512,
        _ => return Err(Fault::Unknown),
    };
    Ok(heap.allocate(Object::Digest(DigestState { algorithm, message: Vec::new() }))?)
}

fn state<'h>(heap: &'h mut Heap, receiver: &Value) -> Answer<&'h mut DigestState> {
    match heap.object_mut(receiver) {
        Some(Object::Digest(state)) => Ok(state),
        _ => Err(Fault::Unknown),
    }
}

/// Methods.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match (call.name, call.parameters) {
        ("update", "B") => {
            let byte = call.int(0)? as u8;
            heap.charge(1)?;
            state(heap, receiver)?.message.push(byte);
        }
        ("update" | "digest", "[B") | ("update", "[BII") => {
            let bytes = call.bytes(heap, 0)?;
            let part = if call.arguments.len() == 3 { string::part(&bytes, call, 1)? } else { &bytes };
            heap.charge(part.len())?;
            state(heap, receiver)?.message.extend_from_slice(part);
        }
        ("digest", "") => {}
        ("reset", "") => state(heap, receiver)?.message.clear(),
        _ => return Err(Fault::Unmodelled),
    }
    if call.name != "digest" {
        return Ok(Value::NULL);
    }
    let state = state(heap, receiver)?;
    let (algorithm, message) = (state.algorithm, std::mem::take(&mut state.message));
    // A compression of 64 bytes costs about as much as the interpreter's step.
    heap.work(message.len().saturating_add(64))?;
    let digest = match algorithm {
        Algorithm::Md5 => Md5::digest(message).to_vec(),
        Algorithm::Sha1 => Sha1::digest(message).to_vec(),
        Algorithm::Sha256 => Sha256::digest(message).to_vec(),
        Algorithm::Sha512 => Sha512::digest(message).to_vec(),
    };
    Ok(heap.bytes(&digest)?)
}
