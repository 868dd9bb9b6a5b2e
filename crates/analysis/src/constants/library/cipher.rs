//! `javax.crypto`: `Cipher`, `SecretKeyFactory` and the key specifications.
//!
//! A cipher keeps its whole input and transforms it anew for every part that is asked for: inputs are small and charged.

use super::block_cipher::{Keyed, Mode, rc4};
use super::{Answer, Call, Fault, string};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::Value;

const INVALID_KEY: Fault = Fault::Throw("Ljava/security/InvalidKeyException;");
const BAD_PADDING: Fault = Fault::Throw("Ljavax/crypto/BadPaddingException;");
const ILLEGAL_BLOCK_SIZE: Fault = Fault::Throw("Ljavax/crypto/IllegalBlockSizeException;");
const ENCRYPT_MODE: i32 = 1;
const DECRYPT_MODE: i32 = 2;

/// A cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Des,
    TripleDes,
    Aes,
    Rc4,
}

/// A `Cipher` object.
#[derive(Debug, Clone)]
pub(in crate::constants) struct CipherState {
    algorithm: Algorithm,
    mode: Mode,
    is_padded: bool,
    /// `None` before `init`.
    ready: Option<Ready>,
}

/// What `init` gave, and the input so far.
#[derive(Debug, Clone)]
struct Ready {
    encrypt: bool,
    key: Vec<u8>,
    vector: Vec<u8>,
    input: Vec<u8>,
    /// Bytes of output that were handed out.
    given: usize,
}

/// Key specifications. Keys are their bytes; the cipher decides what it takes.
pub(super) fn construct(heap: &mut Heap, call: &Call<'_>) -> Answer<Object> {
    let bytes = call.bytes(heap, 0)?;
    let from = |start: usize, count: usize| {
        bytes.get(start..start.saturating_add(count)).map(<[u8]>::to_vec).ok_or(INVALID_KEY)
    };
    Ok(match (call.class, call.parameters) {
        ("Ljavax/crypto/spec/SecretKeySpec;", "[BLjava/lang/String;") if bytes.is_empty() => {
            return Err(super::ILLEGAL_ARGUMENT);
        }
        ("Ljavax/crypto/spec/SecretKeySpec;", "[BLjava/lang/String;") => Object::Key(bytes),
        ("Ljavax/crypto/spec/SecretKeySpec;", _) => Object::Key(string::part(&bytes, call, 1)?.to_vec()),
        ("Ljavax/crypto/spec/DESKeySpec;", "[B") => Object::Key(from(0, 8)?),
        ("Ljavax/crypto/spec/DESKeySpec;", "[BI") => Object::Key(from(call.position(1)?, 8)?),
        ("Ljavax/crypto/spec/DESedeKeySpec;", "[B") => Object::Key(from(0, 24)?),
        ("Ljavax/crypto/spec/DESedeKeySpec;", "[BI") => Object::Key(from(call.position(1)?, 24)?),
        ("Ljavax/crypto/spec/IvParameterSpec;", "[B") => Object::Vector(bytes),
        ("Ljavax/crypto/spec/IvParameterSpec;", "[BII") => Object::Vector(string::part(&bytes, call, 1)?.to_vec()),
        _ => return Err(Fault::Unmodelled),
    })
}

/// `Cipher.getInstance` and `SecretKeyFactory.getInstance`.
pub(super) fn call_static(heap: &mut Heap, call: &Call<'_>) -> Answer {
    if call.name != "getInstance" || !call.parameters.starts_with("Ljava/lang/String;") {
        return Err(Fault::Unmodelled);
    }
    let name = String::from_utf16_lossy(call.units(heap, 0)?).to_ascii_uppercase();
    if call.class == "Ljavax/crypto/SecretKeyFactory;" {
        return match name.as_str() {
            "DES" | "DESEDE" | "TRIPLEDES" => Ok(heap.allocate(Object::KeyFactory)?),
            _ => Err(Fault::Unknown),
        };
    }
    let mut parts = name.split('/');
    let algorithm = match parts.next() {
        Some("DES") => Algorithm::Des,
        Some("DESEDE" | "TRIPLEDES") => Algorithm::TripleDes,
        Some("AES") => Algorithm::Aes,
        Some("RC4" | "ARCFOUR" | "ARC4") => Algorithm::Rc4,
        _ => return Err(Fault::Unknown),
    };
    let mode = match parts.next() {
        Some("ECB") | None => Mode::Ecb,
        Some("CBC") => Mode::Cbc,
        Some("CTR") => Mode::Ctr,
        _ => return Err(Fault::Unknown),
    };
    let is_padded = match parts.next() {
        Some("PKCS5PADDING" | "PKCS7PADDING") => true,
        // Android's and Java's default alike.
        None => algorithm != Algorithm::Rc4,
        Some("NOPADDING") => false,
        _ => return Err(Fault::Unknown),
    };
    let is_padded = is_padded && mode != Mode::Ctr;
    Ok(heap.allocate(Object::Cipher(CipherState { algorithm, mode, is_padded, ready: None }))?)
}

/// Methods of ciphers, keys and key factories.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    match (heap.object(receiver), call.name) {
        (Some(Object::Cipher(_)), "init") => initialise(heap, call, receiver),
        (Some(Object::Cipher(_)), "update" | "doFinal") => transform(heap, call, receiver),
        (Some(Object::Cipher(state)), "getBlockSize") => Ok(Value::int(match state.algorithm {
            Algorithm::Des | Algorithm::TripleDes => 8,
            Algorithm::Aes => 16,
            Algorithm::Rc4 => 0,
        })),
        (Some(Object::KeyFactory), "generateSecret") => match heap.object(call.value(0)?) {
            Some(Object::Key(bytes)) => {
                let key = Object::Key(bytes.clone());
                Ok(heap.allocate(key)?)
            }
            _ => Err(Fault::Unknown),
        },
        (Some(Object::Key(bytes)), "getEncoded" | "getKey") | (Some(Object::Vector(bytes)), "getIV") => {
            let bytes = bytes.clone();
            Ok(heap.bytes(&bytes)?)
        }
        _ => Err(Fault::Unmodelled),
    }
}

fn initialise(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let encrypt = match call.int(0)? {
        ENCRYPT_MODE => true,
        DECRYPT_MODE => false,
        _ => return Err(Fault::Unknown),
    };
    let Some(Object::Key(key)) = heap.object(call.value(1)?) else { return Err(Fault::Unknown) };
    let key = key.clone();
    let vector = match call.arguments.get(2).map(|argument| heap.object(argument)) {
        Some(Some(Object::Vector(vector))) => vector.clone(),
        // Parameters that are not a plain vector, or a source of randomness, which block modes without vector ignore.
        Some(_) if !call.parameters.ends_with("Ljava/security/SecureRandom;") => return Err(Fault::Unknown),
        _ => Vec::new(),
    };
    heap.charge(key.len().saturating_add(vector.len()))?;
    let Some(Object::Cipher(state)) = heap.object_mut(receiver) else { return Err(Fault::Unknown) };
    if state.algorithm != Algorithm::Rc4 {
        let block_bytes = keyed(state.algorithm, &key).ok_or(INVALID_KEY)?.block_bytes();
        if state.mode != Mode::Ecb && vector.is_empty() {
            // A random vector, which only the sample's device knew, or an error.
            return Err(Fault::Unknown);
        }
        if state.mode != Mode::Ecb && vector.len() != block_bytes {
            return Err(Fault::Throw("Ljava/security/InvalidAlgorithmParameterException;"));
        }
    } else if key.is_empty() {
        return Err(INVALID_KEY);
    }
    state.ready = Some(Ready { encrypt, key, vector, input: Vec::new(), given: 0 });
    Ok(Value::NULL)
}

fn keyed(algorithm: Algorithm, key: &[u8]) -> Option<Keyed> {
    match algorithm {
        Algorithm::Des => Keyed::des(key),
        Algorithm::TripleDes => Keyed::triple_des(key),
        Algorithm::Aes => Keyed::aes(key),
        Algorithm::Rc4 => None,
    }
}

fn transform(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let is_final = call.name == "doFinal";
    let bytes = match (call.parameters, is_final) {
        ("", true) => Vec::new(),
        ("[B", _) => call.bytes(heap, 0)?,
        ("[BII", _) => string::part(&call.bytes(heap, 0)?, call, 1)?.to_vec(),
        _ => return Err(Fault::Unmodelled),
    };
    let Some(Object::Cipher(state)) = heap.object_mut(receiver) else { return Err(Fault::Unknown) };
    let Some(ready) = state.ready.as_mut() else {
        return Err(Fault::Throw("Ljava/lang/IllegalStateException;"));
    };
    ready.input.extend_from_slice(&bytes);
    let length = ready.input.len();
    // The whole input is transformed again, at some ten instructions a byte.
    heap.charge(length.saturating_mul(2))?;
    heap.work(length.saturating_mul(32))?;
    let Some(Object::Cipher(state)) = heap.object(receiver) else { return Err(Fault::Unknown) };
    let Some(ready) = &state.ready else { return Err(Fault::Unknown) };
    let output = if is_final { finish(state, ready)? } else { so_far(state, ready) };
    let part = output.get(ready.given..).unwrap_or_default().to_vec();
    if let Some(Object::Cipher(CipherState { ready: Some(ready), .. })) = heap.object_mut(receiver) {
        if is_final {
            ready.input.clear();
            ready.given = 0;
        } else {
            ready.given = output.len();
        }
    }
    // Java gives null where there is no output yet.
    if !is_final && part.is_empty() { Ok(Value::NULL) } else { Ok(heap.bytes(&part)?) }
}

/// The output that the input so far determines.
fn so_far(state: &CipherState, ready: &Ready) -> Vec<u8> {
    let mut data = ready.input.clone();
    let Some(keyed) = keyed(state.algorithm, &ready.key) else {
        rc4(&ready.key, &mut data);
        return data;
    };
    if state.mode != Mode::Ctr {
        let block = keyed.block_bytes();
        let mut whole = data.len() - data.len() % block;
        if state.is_padded && !ready.encrypt && whole == data.len() {
            // The last block may be padding.
            whole = whole.saturating_sub(block);
        }
        data.truncate(whole);
    }
    keyed.apply(state.mode, ready.encrypt, &ready.vector, &mut data);
    data
}

/// The whole output, padding added or taken off (RFC 5652, section 6.3).
fn finish(state: &CipherState, ready: &Ready) -> Answer<Vec<u8>> {
    let mut data = ready.input.clone();
    let Some(keyed) = keyed(state.algorithm, &ready.key) else {
        rc4(&ready.key, &mut data);
        return Ok(data);
    };
    let block = keyed.block_bytes();
    if state.is_padded && ready.encrypt {
        let missing = block - data.len() % block;
        data.resize(data.len().saturating_add(missing), missing as u8);
    }
    if state.mode != Mode::Ctr && !data.len().is_multiple_of(block) {
        return Err(ILLEGAL_BLOCK_SIZE);
    }
    keyed.apply(state.mode, ready.encrypt, &ready.vector, &mut data);
    if state.is_padded && !ready.encrypt && !data.is_empty() {
        let padding = data.last().copied().unwrap_or(0);
        let kept = data.len().checked_sub(padding.into()).ok_or(BAD_PADDING)?;
        let is_right = (1..=block).contains(&usize::from(padding))
            && data.get(kept..).is_some_and(|tail| tail.iter().all(|&byte| byte == padding));
        if !is_right {
            return Err(BAD_PADDING);
        }
        data.truncate(kept);
    }
    Ok(data)
}
